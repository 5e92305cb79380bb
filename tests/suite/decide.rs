//! `decide`: a run waits where it needs a person, the first answer counts once, and from any clone that is trusted.

use orchestra::{model::RunKey, store::chain::Chain};
use serde_json::Value;
use testkit::{Aim, Ran, TestRepo, until};

use crate::{
    injector, library,
    sync::{clone, first, sync},
    world,
};

/// A task that fails until a file outside of its worktree is there, one that needs it, and one that needs nothing.
fn plan(file: &std::path::Path) -> String {
    format!(
        "- [ ] `red` test -e {} && echo 1 > red\n- [ ] `next` cat red > next (after: red)\n- [ ] `other` echo 3 > other\n",
        file.display()
    )
}

fn run<'a>(repo: &TestRepo<'_>, more: impl IntoIterator<Item = &'a str>) -> Ran {
    let words = ["run", "plan.md", "--agent", "sh", "--check", "true", "--json"];
    repo.orchestra(words.into_iter().chain(more))
}

/// Returns how each task of a run ended, or at which gate it is.
pub(crate) fn outcomes(report: &Value) -> String {
    let word = |task: &Value| {
        let word = task["outcome"].as_str().map(str::to_owned);
        word.or_else(|| task["gate"].as_u64().map(|gate| format!("gate {gate}"))).unwrap_or("-".into())
    };
    let tasks = report["tasks"].as_array().cloned().unwrap_or_default();
    tasks.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn key(report: &Value) -> String {
    report["run"].as_str().expect("an id").to_owned()
}

/// Returns the option that counted at a gate.
fn heeded(repo: &TestRepo<'_>, run: &str, gate: u64) -> String {
    let key = RunKey::parse(run).expect("an id");
    let fold = Chain::<orchestra::model::run::Run>::of(&library(repo), &key).expect("a log").fold();
    fold.gate(gate).and_then(|gate| gate.heeded()).expect("an answer").option.clone()
}

fn writer(repo: &TestRepo<'_>) -> String {
    let text = std::fs::read(repo.path().join(".git/orchestra/writer")).expect("a writer");
    let writer: Value = serde_json::from_slice(&text).expect("JSON");
    writer["id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_task_that_fails_waits_at_a_gate_while_others_land() {
    let world = world();
    let repo = world.repo();
    let file = world.dir().join("works");
    repo.write("plan.md", &plan(&file));
    let report = run(&repo, []).exits(3).json();
    assert_eq!(outcomes(&report), "gate 1, -, landed", "{report}");
    assert_eq!((&report["phase"], &report["gates"][0]["kind"]), (&"running".into(), &"failed".into()));
    let id = key(&report);
    // Every command that shows runs names the gate.
    let status = repo.orchestra(["status", "--json"]).succeeded().json();
    assert_eq!(status["runs"][0]["gates"][0]["task"], "red", "{status}");
    let shown = repo.orchestra(["status"]).succeeded().stdout();
    assert!(shown.contains("; open gate: 1 (failed: red); 'git orchestra decide' answers"), "{shown}");
    let list = repo.orchestra(["decide"]).succeeded();
    let list = list.stderr_has("git orchestra decide 1 retry").stdout();
    assert!(
        list.contains(&format!("run {id}: "))
            && list.contains("  gate 1, failed, task red: ")
            && !list.contains("failed: "),
        "{list}"
    );
    assert!(list.contains("    skip    leave the task out, and what needs it\n"), "{list}");
    // Without an answer it waits again, at the same gate.
    let again = repo.orchestra(["run", "--continue", "--json"]).exits(3).json();
    assert_eq!((outcomes(&again), again["gates"].as_array().map(Vec::len)), (outcomes(&report), Some(1)));
    // A retry that fails again asks again.
    repo.orchestra(["decide", "1", "retry"])
        .succeeded()
        .stderr_has(&format!("git orchestra run --continue {id}"));
    repo.orchestra(["decide", "1", "RETRY"]).succeeded().stderr_has("as before");
    repo.orchestra(["decide", "1", "skip"]).exits(4).stderr_has("was answered before: 'retry'");
    let again = repo.orchestra(["run", "--continue", "--json"]).exits(3).json();
    assert_eq!(outcomes(&again), "gate 2, -, landed", "{again}");
    repo.orchestra(["decide", &id, "1", "skip"]).exits(4).stderr_has("is closed: 'retry' counted");
    std::fs::write(&file, "").expect("written");
    repo.orchestra(["decide", &id, "2", "retry", "-m", "the file is there"]).succeeded();
    let done = repo.orchestra(["run", "--continue", "--json"]).exits(0).json();
    assert_eq!(outcomes(&done), "landed, landed, landed", "{done}");
    assert_eq!(repo.agents().len(), 3, "one agent for each task");
    assert!(
        repo.orchestra(["decide"]).succeeded().stderr_has("nothing waits for a person").stdout().is_empty()
    );
}

#[test]
fn skip_leaves_out_what_needs_the_task_and_stop_ends_the_run() {
    let world = world();
    let repo = world.repo();
    repo.write("plan.md", &plan(&world.dir().join("nosuch")));
    run(&repo, []).exits(3);
    repo.orchestra(["decide", "1", "skip"]).succeeded();
    let ended = repo.orchestra(["run", "--continue", "--json"]).exits(1).json();
    assert_eq!((outcomes(&ended).as_str(), &ended["phase"]), ("skipped, skipped, landed", &"partial".into()));
    assert_eq!(ended["tasks"][0]["reason"], "left out at gate 1");
    repo.write("plan.md", "- [ ] `red` false\n- [ ] `next` true (after: red)\n");
    let id = key(&run(&repo, []).exits(3).json());
    repo.orchestra(["decide", &id, "1", "stop"]).succeeded();
    let ended = repo.orchestra(["run", "--continue", &id, "--json"]).exits(1).json();
    assert_eq!((outcomes(&ended).as_str(), &ended["phase"]), ("-, -", &"stopped".into()), "{ended}");
    assert!(ended.get("gates").is_none(), "{ended}");
}

#[test]
fn what_fails_the_check_or_conflicts_waits_at_the_landing() {
    let world = world();
    let repo = world.repo();
    repo.write("plan.md", "- [ ] `a` echo 1 > same\n- [ ] `b` echo 2 > same\n- [ ] `red` touch red\n");
    let words = ["run", "plan.md", "--agent", "sh", "--check", "test ! -e red", "--json"];
    let report = repo.orchestra(words).exits(3).json();
    let mut kinds: Vec<&str> =
        report["gates"].as_array().expect("gates").iter().filter_map(|gate| gate["kind"].as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["check-failed", "conflict"], "{report}");
    let gate = |kind: &str| {
        let all = report["gates"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|gate| gate["kind"] == kind).expect("the gate")
    };
    let conflict = gate("conflict");
    assert_eq!(
        conflict["options"],
        serde_json::json!(["retry", "agent", "ours", "theirs", "union", "edit", "skip", "stop"])
    );
    let loser = conflict["task"].as_str().expect("a task").to_owned();
    repo.orchestra(["decide", &conflict["gate"].to_string(), "theirs"]).succeeded();
    repo.orchestra(["decide", &gate("check-failed")["gate"].to_string(), "skip"]).succeeded();
    let ended = repo.orchestra(["run", "--continue", "--json"]).exits(1).json();
    assert_eq!(outcomes(&ended), "landed, landed, skipped", "{ended}");
    let content = repo.git(["show", "main:same"]).stdout();
    assert_eq!(content, if loser == "a" { "1\n" } else { "2\n" });
}

#[test]
fn union_lands_the_lines_of_both_and_asks_again_where_git_cannot() {
    let world = world();
    let repo = world.repo();
    repo.commit("begin", &[("same", "0\n"), ("gone", "0\n")]);
    repo.write(
        "plan.md",
        "- [ ] `a` echo 1 > same\n- [ ] `b` echo 2 > same\n- [ ] `c` echo 3 > gone\n- [ ] `d` git rm -q gone\n",
    );
    let report = run(&repo, []).exits(3).json();
    let gates = report["gates"].as_array().cloned().expect("gates");
    assert_eq!(gates.len(), 2, "{report}");
    for gate in &gates {
        repo.orchestra(["decide", &gate["gate"].to_string(), "union"]).succeeded();
    }
    let report = repo.orchestra(["run", "--continue", "--json"]).exits(3).json();
    let content = repo.git(["show", "main:same"]).stdout();
    assert!(content.contains("1\n") && content.contains("2\n") && !content.contains("<<<"), "{content}");
    let again = report["gates"].as_array().cloned().expect("gates");
    assert_eq!((again.len(), &again[0]["kind"]), (1, &"conflict".into()), "{report}");
    assert!(again[0]["gate"].as_u64() > Some(2), "it is another gate: {report}");
}

/// A file that is there when this value is gone, so that what waits for it ends if a test fails.
struct Goes(std::path::PathBuf);

impl Drop for Goes {
    fn drop(&mut self) {
        let _ = std::fs::write(&self.0, "");
    }
}

/// Drives a run whose first task ends at once, and whose second one when `meanwhile` has been done.
fn run_while(repo: &TestRepo<'_>, first: &str, meanwhile: impl FnOnce(&str)) -> Ran {
    let goes = Goes(repo.world().dir().join("goes"));
    let second = format!("while ! test -e {}; do sleep 0.05; done; echo 2 > two", goes.0.display());
    repo.write("plan.md", &format!("- [ ] `one` {first}\n- [ ] `two` {second}\n"));
    std::thread::scope(|scope| {
        let driving = scope.spawn(|| run(repo, []));
        let goes = goes;
        let id = until("the first task ended", || {
            let all = repo.agents();
            let one = all.iter().find(|agent| agent["phase"] == "done")?;
            one["id"].as_str().map(str::to_owned)
        });
        meanwhile(&id);
        drop(goes);
        driving.join().expect("it ran")
    })
}

#[test]
fn work_that_a_person_rejects_meanwhile_waits_as_after_a_review() {
    let world = world();
    let repo = world.repo();
    let report = run_while(&repo, "echo 1 > one", |id| {
        repo.orchestra(["review", id, "--reject", "-m", "no"]).exits(1);
    });
    let report = report.exits(3).json();
    assert_eq!(outcomes(&report), "gate 1, landed", "{report}");
    let gate = &report["gates"][0];
    assert_eq!((&gate["kind"], &gate["says"]), (&"review".into(), &"rejected in review".into()), "{gate}");
    let options = gate["options"].as_array().expect("options");
    assert!(options.iter().all(|option| option != "edit" && option != "ours"), "{gate}");
    assert!(!repo.has("main", "one"));
    repo.orchestra(["decide", "1", "accept"]).succeeded();
    // What was answered is not asked for again.
    let said = repo.orchestra(["decide"]).succeeded().stderr();
    assert!(said.contains("run --continue") && !said.contains("decide 1"), "{said}");
    repo.orchestra(["run", "--continue"]).exits(0);
    assert!(repo.has("main", "one"));
}

#[test]
fn a_task_that_a_person_landed_meanwhile_is_not_started_again() {
    let world = world();
    let repo = world.repo();
    let report = run_while(&repo, "echo entry >> log", |id| {
        repo.orchestra(["merge-ranked", id]).succeeded();
        repo.orchestra(["cleanup"]).stdout_has("its run has not recorded yet how the task ended");
    });
    let report = report.exits(0).json();
    assert_eq!(outcomes(&report), "landed, landed", "{report}");
    assert_eq!((repo.agents().len(), repo.file_at("main", "log").as_str()), (2, "entry\n"));
    repo.orchestra(["cleanup"]).succeeded().stdout_has("removed 2 agents");
}

#[test]
fn a_plan_is_confirmed_before_anything_starts() {
    let world = world();
    let repo = world.repo();
    repo.write("plan.md", "- [ ] `one` echo 1 > one\n");
    let report = run(&repo, ["--confirm"]).exits(3).json();
    assert_eq!((&report["gates"][0]["kind"], repo.agents().len()), (&"plan".into(), 0), "{report}");
    repo.orchestra(["decide", "1", "accept"]).succeeded();
    repo.orchestra(["run", "--continue"]).exits(0);
    assert_eq!(repo.agents().len(), 1);
    run(&repo, ["--confirm", "--again"]).exits(3);
    repo.orchestra(["decide", "1", "stop"]).succeeded();
    let report = repo.orchestra(["run", "--continue", "--json"]).exits(1).json();
    assert_eq!((&report["phase"], repo.agents().len()), (&"stopped".into(), 1), "{report}");
    run(&repo, ["--confirm", "--yolo"]).exits(2);
}

#[test]
fn a_process_that_drives_the_run_heeds_an_answer_at_once() {
    let world = world();
    let repo = world.repo();
    let (works, goes) = (world.dir().join("works"), world.dir().join("goes"));
    let waits =
        format!("- [ ] `slow` while ! test -e {}; do sleep 0.1; done; echo 1 > slow\n", goes.display());
    repo.write(
        "plan.md",
        &(waits + "- [ ] `red` test -e WORKS && echo 1 > red\n")
            .replace("WORKS", &works.display().to_string()),
    );
    std::thread::scope(|scope| {
        let driving = scope.spawn(|| run(&repo, []));
        let list = until("a gate is open", || {
            Some(repo.orchestra(["decide", "--json"]).succeeded().json())
                .filter(|list| list["runs"].as_array().is_some_and(|runs| !runs.is_empty()))
        });
        assert_eq!(list["runs"][0]["driver"], "here", "{list}");
        std::fs::write(&works, "").expect("written");
        // The other task works until the gate is closed: nothing but the running process can have closed it.
        let answered = repo.orchestra(["decide", "1", "retry", "--wait", "60s", "--json"]).succeeded().json();
        assert_eq!(answered["answered"]["standing"], "heeded", "{answered}");
        std::fs::write(&goes, "").expect("written");
        let report = driving.join().expect("it ran").exits(0).json();
        assert_eq!(outcomes(&report), "landed, landed", "{report}");
    });
}

#[test]
fn an_answer_that_cannot_count_is_refused_and_writes_nothing() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["decide", "1", "skip"]).exits(3).stderr_has("no run has an open gate");
    repo.orchestra(["decide", "nosuch"]).exits(3).stderr_has("no run 'nosuch'");
    repo.write("plan.md", &plan(&world.dir().join("nosuch")));
    let id = key(&run(&repo, []).exits(3).json());
    let name = format!("refs/orchestra/runs/{id}");
    let before = repo.tip(&name);
    repo.orchestra(["decide", "7", "skip"]).exits(3).stderr_has("has no gate 7; open: 1");
    repo.orchestra(["decide", "1", "dance"]).exits(2).stderr_has("it has retry, skip, stop");
    repo.orchestra(["decide", &id, "one", "skip"]).exits(2).stderr_has("'one' is not the number of a gate");
    repo.orchestra(["decide", "1", "skip", "-m", &"x".repeat(9000)]).exits(2);
    repo.orchestra(["decide", "--wait", "1s"]).exits(2);
    let by_agent = Ran::of(repo.orchestra_command(["decide", "1", "skip"]).env("ORCHESTRA_ATTEMPT", "x"));
    by_agent.exits(3).stderr_has("an agent cannot answer");
    assert_eq!(repo.tip(&name), before);
    repo.orchestra(["decide", "1", "skip", "--wait", "1s"]).exits(124).stderr_has("the answer is recorded");
    assert_ne!(repo.tip(&name), before);
    // A run from before there were gates never asked, and does not ask now.
    let started = repo.path().join(format!(".git/orchestra/runs/{id}.json"));
    let mut old: Value = serde_json::from_slice(&std::fs::read(&started).expect("a file")).expect("JSON");
    old.as_object_mut().expect("an object").retain(|name, _| name != "yolo" && name != "confirm");
    std::fs::write(&started, old.to_string()).expect("written");
    let ended = repo.orchestra(["run", "--continue", "--json"]).exits(1).json();
    assert_eq!(outcomes(&ended), "skipped, skipped, landed", "{ended}");
}

#[test]
fn work_that_changed_by_hand_closes_the_gate_without_an_answer() {
    let world = world();
    let repo = world.repo();
    let file = world.dir().join("works");
    repo.write("plan.md", &plan(&file));
    let report = run(&repo, []).exits(3).json();
    let agent = report["tasks"][0]["agent"].as_str().expect("an agent").to_owned();
    repo.orchestra(["decide", "1", "skip"]).succeeded();
    std::fs::write(&file, "").expect("written");
    repo.orchestra(["resume", &agent]).succeeded();
    let ended = repo.orchestra(["run", "--continue", "--json"]).exits(0).json();
    assert_eq!(outcomes(&ended), "landed, landed, landed", "the answer was about other work: {ended}");
    repo.orchestra(["decide", &key(&ended), "1", "skip"])
        .exits(4)
        .stderr_has("what it was about has changed");
}

#[test]
fn a_process_that_is_killed_between_an_answer_and_its_action_acts_once() {
    let Some(injector) = injector() else { return };
    for (option, step, times) in [
        ("retry", "rename refs/orchestra/runs/", &[1_u64, 2][..]),
        ("retry", "rename refs/orchestra/agents/", &[1]),
        ("skip", "rename refs/orchestra/runs/", &[1, 2]),
    ] {
        for at in times {
            let world = world();
            let repo = world.repo();
            let file = world.dir().join("works");
            repo.write("plan.md", &plan(&file));
            let id = key(&run(&repo, []).exits(3).json());
            std::fs::write(&file, "").expect("written");
            repo.orchestra(["decide", "1", option]).succeeded();
            let mut command = repo.command(world.bins().join("git-orchestra-run"));
            command.args(["--continue", &id]);
            let aim = Aim { step: Some(step), ..Aim::at("git-orchestra-run") };
            let hit = injector.kill(&world, &mut command, aim, *at);
            assert!(hit.is_some(), "{step} was not reached {at} times after {option}");
            let (code, expected) = match option {
                "retry" => (0, "landed, landed, landed"),
                _ => (1, "skipped, skipped, landed"),
            };
            let report = repo.orchestra(["run", "--continue", &id, "--json"]).exits(code).json();
            assert_eq!(outcomes(&report), expected, "killed at {hit:?} after {option}: {report}");
            assert_eq!(heeded(&repo, &id, 1), option);
            let red = report["tasks"][0]["agent"].as_str().expect("an agent");
            let agents = repo.agents();
            let attempts =
                agents.iter().find(|agent| agent["id"] == red).map(|agent| agent["attempt"].clone());
            assert_eq!(attempts, Some(if option == "retry" { 2.into() } else { 1.into() }), "{hit:?}");
        }
    }
}

#[test]
fn of_two_clones_that_answer_at_once_one_is_heeded_and_the_other_is_told() {
    let world = world();
    let (a, b) = (first(&world).with_identity(), clone(&world, "b").with_identity());
    let file = world.dir().join("works");
    a.write("plan.md", &plan(&file));
    let id = key(&run(&a, []).exits(3).json());
    std::fs::write(&file, "").expect("written");
    sync(&a);
    sync(&b);
    let seen = b.orchestra(["decide", "--json"]).succeeded().json();
    assert_eq!(
        (&seen["runs"][0]["run"], &seen["runs"][0]["driver"]),
        (&id.as_str().into(), &"elsewhere".into())
    );
    b.orchestra(["decide", "1", "skip"]).succeeded().stderr_has("git orchestra sync");
    sync(&b);
    // An answer of a clone that is not trusted changes nothing, and is shown as such.
    sync(&a);
    a.orchestra(["run", "--continue", &id]).exits(3);
    let list = a.orchestra(["decide", &id]).succeeded().stdout();
    assert!(
        list.contains(&format!("answered skip by clone {}, which is not trusted here", writer(&b))),
        "{list}"
    );
    a.git(["config", "orchestra.trustWriter", &writer(&b)]);
    a.orchestra(["decide", &id, "1", "retry"]).exits(4).stderr_has("was answered before: 'skip'");
    a.orchestra(["run", "--continue", &id]).exits(1);
    assert_eq!(heeded(&a, &id, 1), "skip");
    sync(&a);
    sync(&b);
    b.orchestra(["decide", "1", "skip"]).exits(3);
    b.orchestra(["decide", &id, "1", "skip"]).succeeded().stderr_has("'skip' counted, as before");

    // Both answer before they hear of each other.
    std::fs::remove_file(&file).expect("removed");
    a.write("plan.md", &plan(&file).replace("echo 3", "echo 4"));
    let id = key(&run(&a, []).exits(3).json());
    std::fs::write(&file, "").expect("written");
    sync(&a);
    sync(&b);
    a.orchestra(["decide", &id, "1", "retry"]).succeeded();
    b.orchestra(["decide", &id, "1", "skip"]).succeeded();
    sync(&a);
    sync(&b);
    sync(&a);
    let retried = a.orchestra(["run", "--continue", &id, "--json"]);
    sync(&a);
    sync(&b);
    let won = heeded(&a, &id, 1);
    assert_eq!(won, heeded(&b, &id, 1));
    let (loser, lost) = if won == "skip" { (&a, "retry") } else { (&b, "skip") };
    loser.orchestra(["decide", &id, "1", lost]).exits(4).stderr_has(&format!("is closed: '{won}' counted"));
    let expected = if won == "skip" { "skipped, skipped, landed" } else { "landed, landed, landed" };
    assert_eq!(outcomes(&retried.exits(i32::from(won == "skip")).json()), expected);
}

#[test]
fn an_answer_after_the_gate_was_closed_comes_too_late() {
    let world = world();
    let (a, b) = (first(&world).with_identity(), clone(&world, "b").with_identity());
    a.write("plan.md", &plan(&world.dir().join("nosuch")));
    let id = key(&run(&a, []).exits(3).json());
    sync(&a);
    sync(&b);
    b.orchestra(["decide", &id, "1", "stop"]).succeeded();
    a.git(["config", "orchestra.trustWriter", &writer(&b)]);
    a.orchestra(["decide", &id, "1", "skip"]).succeeded();
    a.orchestra(["run", "--continue", &id]).exits(1);
    sync(&b);
    sync(&a);
    let ended = a.orchestra(["run", "--continue", &id, "--json"]).exits(1).json();
    assert_eq!((&ended["phase"], heeded(&a, &id, 1).as_str()), (&"partial".into(), "skip"));
    sync(&b);
    b.orchestra(["decide", &id, "1", "stop", "--wait", "1s"]).exits(4).stderr_has("'skip' counted");
}

#[test]
fn agents_that_ask_for_a_permission_are_listed_with_the_command_that_answers() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&["--on-prompt", "ask"], "ask make x\nwrite a 1");
    repo.wait_for(&id, "waiting");
    let list = repo.orchestra(["decide"]).succeeded();
    let list = list.stderr_has(&format!("git orchestra send {id} --allow"));
    assert_eq!(list.stdout(), format!("agent {id} asks: Bash make x\n"));
    repo.orchestra(["send", &id, "--deny"]).succeeded();
    repo.end_of(&id);
    repo.orchestra(["decide"]).succeeded().stderr_has("nothing waits for a person");
}
