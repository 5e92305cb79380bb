//! `run` and `undo`: what started from work whose landing was undone does not bring it back unasked.

use serde_json::Value;
use testkit::{Ran, TestRepo, World, until};

use crate::world;

fn outcomes(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let tasks = report["tasks"].as_array().cloned().unwrap_or_default();
    tasks.iter().map(|task| (text(&task["outcome"]), text(&task["reason"]))).collect()
}

fn files(repo: &TestRepo<'_>) -> String {
    repo.git(["ls-tree", "--name-only", "main"]).stdout()
}

/// Carries out `a`, and `b` that comes after it. The landing of `a` is undone while `b` works.
fn undone_meanwhile(world: &World, repo: &TestRepo<'_>, more: &[&str]) -> Ran {
    let (started, goes) = (world.dir().join("started"), world.dir().join("goes"));
    let b = format!(
        "touch {}; while ! test -e {}; do sleep 0.1; done; echo b > b",
        started.display(),
        goes.display()
    );
    repo.write("plan.md", &format!("- [ ] `a` echo a > a\n- [ ] `b` {b} (after: a)\n"));
    let words = ["run", "plan.md", "--agent", "sh", "--check", "true", "--json"];
    std::thread::scope(|scope| {
        let driving = scope.spawn(|| repo.orchestra(words.iter().chain(more)));
        until("b works", || started.exists().then_some(()));
        repo.orchestra(["undo"]).succeeded();
        assert!(!files(repo).contains("a\n"), "{}", files(repo));
        std::fs::write(&goes, "").expect("written");
        driving.join().expect("it ran")
    })
}

#[test]
fn what_started_from_undone_work_waits_at_a_gate() {
    let world = world();
    let repo = world.repo();
    let report = undone_meanwhile(&world, &repo, &[]).exits(3).json();
    let says = "starts from 'a', whose landing was undone";
    assert_eq!(
        outcomes(&report),
        [("skipped".into(), "its landing was undone".into()), ("-".into(), says.into())],
        "{report}"
    );
    assert_eq!((&report["gates"][0]["kind"], &report["gates"][0]["says"]), (&"undone".into(), &says.into()));
    assert_eq!(report["gates"][0]["options"], serde_json::json!(["skip", "land", "stop"]));
    assert!(!files(&repo).contains('b') && !files(&repo).contains("a\n"), "{}", files(&repo));
    let open = &repo.orchestra(["status", "--json"]).succeeded().json()["runs"][0];
    assert_eq!((&open["landed"], &open["skipped"]), (&0.into(), &1.into()), "{open}");
    repo.orchestra(["decide"]).succeeded().stdout_has("land it, and bring back what was undone");
    repo.orchestra(["decide", "1", "skip"]).succeeded();
    let report = repo.orchestra(["run", "--continue", "--json"]).exits(1).json();
    assert_eq!(report["phase"], "failed", "{report}");
    assert!(!files(&repo).contains('b') && !files(&repo).contains("a\n"), "{}", files(&repo));
}

#[test]
fn a_person_can_land_it_nevertheless_or_undo_the_undo() {
    for by_answer in [true, false] {
        let world = world();
        let repo = world.repo();
        undone_meanwhile(&world, &repo, &[]).exits(3);
        if by_answer {
            repo.orchestra(["decide", "1", "land"]).succeeded();
        } else {
            let list = repo.orchestra(["undo", "--list", "--json"]).succeeded().json();
            let undo = list["operations"][0]["id"].as_str().expect("an id").to_owned();
            repo.orchestra(["undo", &undo]).succeeded();
        }
        let report = repo.orchestra(["run", "--continue", "--json"]).exits(0).json();
        let words: Vec<String> = outcomes(&report).into_iter().map(|(word, _)| word).collect();
        assert_eq!(words, ["landed", "landed"], "{report}");
        assert!(files(&repo).contains("a\n") && files(&repo).contains("b\n"), "{}", files(&repo));
    }
}

#[test]
fn a_run_that_never_asks_leaves_it_out() {
    let world = world();
    let repo = world.repo();
    let report = undone_meanwhile(&world, &repo, &["--yolo"]).exits(1).json();
    assert_eq!(outcomes(&report)[1], ("skipped".into(), "starts from 'a', whose landing was undone".into()));
    assert!(!files(&repo).contains('b'), "{}", files(&repo));
}

#[test]
fn a_run_that_is_given_up_says_what_was_undone() {
    let world = world();
    let repo = world.repo();
    repo.write("plan.md", "- [ ] `a` echo a > a\n- [ ] `b` false\n");
    repo.orchestra(["run", "plan.md", "--agent", "sh", "--check", "true"]).exits(3);
    assert!(files(&repo).contains("a\n"));
    repo.orchestra(["undo"]).succeeded();
    let report = repo.orchestra(["run", "--abort", "--json"]).json();
    assert_eq!(outcomes(&report)[0], ("skipped".into(), "its landing was undone".into()), "{report}");
}

#[test]
fn without_an_answer_in_time_it_is_left_out() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.gateTime", "1s"]);
    let report = undone_meanwhile(&world, &repo, &[]).exits(1).json();
    assert_eq!(report["phase"], "failed", "{report}");
    assert_eq!(outcomes(&report)[1].0, "skipped", "{report}");
    let events = repo.git(["log", "--format=%B", &repo.refs("refs/orchestra/runs/")[0].0]).stdout();
    assert!(events.contains("\"kind\":\"undone\"") && !events.contains("\"t\":\"decided\""), "{events}");
    assert!(!files(&repo).contains('b') && !files(&repo).contains("a\n"), "{}", files(&repo));
}

#[test]
fn a_setting_that_a_run_reads_late_is_refused_before_anything_starts() {
    for (name, value) in [
        ("orchestra.gateTime", "soon"),
        ("orchestra.slots", "many"),
        ("orchestra.mergeTimeout", "never"),
        ("orchestra.countWorktreeChecks", "maybe"),
    ] {
        let world = world();
        let repo = world.repo();
        repo.write("plan.md", "- [ ] `red` false\n");
        let words = ["run", "plan.md", "--agent", "sh", "--check", "true"];
        repo.git(["config", name, value]).succeeded();
        let error = repo.orchestra(words).exits(2);
        error.stderr_has(name).stderr_has(value).stderr_has("--unset-all");
        assert!(repo.agents().is_empty() && repo.refs("refs/orchestra/runs/").is_empty(), "{name}");
        // Also when a run is continued.
        repo.git(["config", "--unset-all", name]).succeeded();
        repo.orchestra(words).exits(3);
        repo.git(["config", name, value]).succeeded();
        repo.orchestra(["run", "--continue"]).exits(2).stderr_has(name);
    }
}
