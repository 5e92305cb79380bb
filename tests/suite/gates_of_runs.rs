//! The gates of a run about money, usage limits, and a target that cannot move; and what every option of a gate does.

use serde_json::Value;
use testkit::{Ran, TestRepo, until};

use crate::{decide::outcomes, world};

fn run<'a>(repo: &TestRepo<'_>, more: impl IntoIterator<Item = &'a str>) -> Ran {
    repo.orchestra(["run", "plan.md", "--check", "true", "--json"].into_iter().chain(more))
}

fn go_on(repo: &TestRepo<'_>) -> Ran {
    repo.orchestra(["run", "--continue", "--json"])
}

/// Returns the kind and the options of the only open gate.
fn gate(report: &Value) -> (String, String) {
    let gates = report["gates"].as_array().expect("gates");
    let [gate] = gates.as_slice() else { panic!("{report}") };
    let options: Vec<&str> =
        gate["options"].as_array().expect("options").iter().filter_map(Value::as_str).collect();
    (gate["kind"].as_str().expect("a kind").to_owned(), options.join(" "))
}

/// Two tasks of one cent each, one after the other, with a budget of one cent.
fn over_budget(repo: &TestRepo<'_>) {
    repo.git(["config", "orchestra.maxRunCost", "0.01"]);
    repo.write(
        "plan.md",
        "- [ ] `a` write a 1\n- [ ] `b` write b 2 (after: a)\n- [ ] `c` write c 3 (after: b)\n",
    );
}

#[test]
fn a_budget_counts_all_agents_of_a_run_and_an_answer_raises_it() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    over_budget(&repo);
    let report = run(&repo, []).exits(3).json();
    assert_eq!(gate(&report), ("budget".to_owned(), "accept skip stop".to_owned()));
    assert_eq!((outcomes(&report).as_str(), repo.agents().len()), ("landed, -, -", 1), "{report}");
    assert_eq!(report["gates"][0]["says"], "raise its run's cap of $0.01 to $0.02 ($0.01 used)");
    repo.orchestra(["decide"]).succeeded().stdout_has("    accept  raise the budget as it says");
    repo.orchestra(["status"]).succeeded().stdout_has("open gate: 1 (budget)");
    repo.orchestra(["decide", "1", "retry"]).exits(2).stderr_has("it has accept, skip, stop");
    repo.orchestra(["decide", "1", "accept"]).succeeded();
    let report = go_on(&repo).exits(3).json();
    assert_eq!(
        (outcomes(&report).as_str(), &report["gates"][0]["gate"]),
        ("landed, landed, -", &2.into()),
        "{report}"
    );
    repo.orchestra(["decide", "2", "skip"]).succeeded();
    let ended = go_on(&repo).exits(1).json();
    assert_eq!(outcomes(&ended), "landed, landed, skipped", "{ended}");
    assert_eq!(ended["tasks"][2]["reason"], "not started: the budget of the run is used up");
    assert!(!repo.has("main", "c") && repo.has("main", "b"));
}

#[test]
fn nothing_raises_a_budget_without_a_person_and_stop_ends_the_run() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    over_budget(&repo);
    let ended = run(&repo, ["--yolo"]).exits(1).json();
    assert_eq!((outcomes(&ended).as_str(), repo.agents().len()), ("landed, skipped, skipped", 1), "{ended}");
    repo.write("plan.md", "- [ ] `d` write d 1\n- [ ] `e` write e 2 (after: d)\n");
    run(&repo, []).exits(3);
    repo.orchestra(["decide", "1", "stop"]).succeeded();
    let ended = go_on(&repo);
    let ended = ended.exits(1).json();
    assert_eq!((&ended["phase"], repo.agents().len()), (&"stopped".into(), 2), "{ended}");
    // A warning at 80 % of the budget.
    repo.git(["config", "orchestra.maxRunCost", "0.0125"]);
    repo.write("plan.md", "- [ ] `f` write f 1\n");
    let ended = run(&repo, []).exits(0).json();
    assert!(ended["warnings"].to_string().contains("80 % of its run's cap of $0.0125 is used"), "{ended}");
}

#[test]
fn a_limit_that_lasts_too_long_is_asked_about() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "orchestra.limitWait", "1h"]);
    let over = crate::limits::over(&world);
    let plan = |name: &str| {
        format!("- [ ] `{name}` say begin\n      limit 5400 unless {over}\n      write {name} 2\n")
    };
    repo.write("plan.md", &plan("a"));
    let report = run(&repo, []).exits(3).json();
    assert_eq!(gate(&report), ("limit".to_owned(), "wait retry skip stop".to_owned()), "{report}");
    let log = repo.orchestra(["decide", "1", "wait"]).succeeded();
    log.stderr_has("run --continue");
    // It waits, and does not ask again.
    let mut driver = repo.orchestra_command(["run", "--continue"]).spawn().expect("started");
    until("the gate is closed", || {
        let list = repo.orchestra(["decide", "--json"]).json();
        list["runs"].as_array().is_some_and(Vec::is_empty).then_some(())
    });
    assert!(driver.try_wait().expect("asked").is_none(), "it waits");
    // A person who resumes the agent by hand comes before the time.
    std::fs::write(&over, "").expect("a file");
    let id = report["tasks"][0]["agent"].as_str().expect("an agent").to_owned();
    repo.orchestra(["resume", &id]).succeeded();
    assert!(driver.wait().expect("it ends").success());
    assert_eq!(repo.git(["show", "main:a"]).stdout(), "2\n");
    for (name, option, landed) in [("b", "retry", true), ("c", "skip", false), ("d", "stop", false)] {
        std::fs::remove_file(&over).expect("removed");
        repo.write("plan.md", &plan(name));
        run(&repo, []).exits(3);
        std::fs::write(&over, "").expect("a file");
        repo.orchestra(["decide", "1", option]).succeeded();
        go_on(&repo).exits(i32::from(!landed));
        assert_eq!(repo.has("main", name), landed, "{option}");
    }
}

#[test]
fn a_target_that_cannot_move_is_asked_about_and_lands_when_it_can() {
    let world = world();
    let repo = world.repo();
    repo.commit("begin", &[("same", "0\n")]);
    repo.write("plan.md", "- [ ] `a` echo 1 > same\n");
    repo.write("same", "mine\n");
    let report = run(&repo, ["--agent", "sh"]).exits(3).json();
    assert_eq!(gate(&report), ("blocked-target".to_owned(), "retry stop".to_owned()), "{report}");
    assert!(report["gates"][0]["says"].as_str().expect("text").contains("same"), "{report}");
    // Nothing is in the way of an answer that comes too early: it asks again.
    repo.orchestra(["decide", "1", "retry"]).succeeded();
    let report = go_on(&repo).exits(3).json();
    assert_eq!(report["gates"][0]["gate"], 2, "{report}");
    repo.git(["checkout", "--quiet", "--", "same"]);
    repo.orchestra(["decide", "2", "retry"]).succeeded();
    let ended = go_on(&repo).exits(0).json();
    assert_eq!(outcomes(&ended), "landed", "{ended}");
    assert_eq!(repo.git(["show", "main:same"]).stdout(), "1\n");
    repo.write("plan.md", "- [ ] `b` echo 2 > same\n");
    repo.write("same", "mine\n");
    run(&repo, ["--agent", "sh"]).exits(3);
    repo.orchestra(["decide", "1", "stop"]).succeeded();
    assert_eq!(go_on(&repo).exits(1).json()["phase"], "stopped");
    assert_eq!(repo.git(["show", "main:same"]).stdout(), "1\n");
    assert_eq!(std::fs::read_to_string(repo.path().join("same")).expect("mine"), "mine\n");
}
