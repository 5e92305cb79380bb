//! Checks run once for the same files, command, and environment; and the check at the end of an agent.

use serde_json::{Value, json};
use testkit::{TestRepo, World};

use crate::world;

/// A check that counts its runs, and passes if there is a file a.txt. It names no file by an absolute path,
/// because that file would be a part of its environment.
const CHECK: &str = r#"echo run >> "$HOME/runs"; test -e a.txt"#;

/// Returns how often [`CHECK`] ran.
fn runs(world: &World) -> usize {
    std::fs::read_to_string(world.home().join("runs")).unwrap_or_default().lines().count()
}

/// Starts a script as an agent with options and returns it when it has ended.
fn ended(repo: &TestRepo<'_>, options: &[&str], script: &str) -> (String, Value) {
    let words = [&["spawn", "--agent", "sh", "--again", "-d"], options, &[script]].concat();
    let id = repo.orchestra(words).succeeded().line();
    let agent = repo.end_of(&id);
    (id, agent)
}

fn status(repo: &TestRepo<'_>, id: &str) -> String {
    repo.orchestra(["status", id]).succeeded().stdout()
}

fn why(repo: &TestRepo<'_>, options: &[&str]) -> String {
    let words = [&["merge-ranked", "--test", CHECK, "--json"], options].concat();
    repo.orchestra(words).succeeded().json()["order"][0]["why"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_check_of_an_agent_counts_for_its_landing() {
    let world = world();
    let repo = world.repo();
    let (id, agent) = ended(&repo, &["--check", CHECK], "echo 1 > a.txt");
    assert_eq!((&agent["phase"], &agent["checked"]), (&"done".into(), &"checked".into()), "{agent}");
    assert_eq!((&agent["check"]["known_at"], runs(&world)), (&Value::Null, 1));
    assert!(status(&repo, &id).contains("done (checked)"));
    // A second agent with the same files does not check them again.
    let (second, agent) = ended(&repo, &["--check", CHECK], "echo 1 > a.txt");
    assert_eq!((&agent["checked"], runs(&world)), (&"checked".into(), 1));
    assert!(agent["check"]["known_at"].is_string(), "{agent}");
    let log = repo.orchestra(["logs", "--check", &second]).succeeded().stdout();
    assert!(log.contains("passed (known, "), "{log}");
    let (_, agent) = ended(&repo, &["--check", CHECK, "--recheck"], "echo 1 > a.txt");
    assert_eq!((&agent["checked"], runs(&world)), (&"checked".into(), 2));
    assert!(why(&repo, &[&id]).starts_with("test passed (known, "));
    assert_eq!(runs(&world), 2);
    let log = repo.orchestra(["logs", "--check", &id]).succeeded();
    assert!(log.stdout().contains("check passed"), "{}", log.stdout());
    // The same landing, after an undo.
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(why(&repo, &["--recheck", &id]), "");
    assert_eq!(runs(&world), 3);
    repo.orchestra(["undo"]).succeeded();
    assert!(why(&repo, &[&id]).contains("known"));
    assert_eq!(runs(&world), 3);
    // The results stay here.
    assert_eq!(repo.refs("refs/orchestra-local/checks").len(), 1);
}

#[test]
fn ignored_files_in_a_worktree_make_its_check_count_for_agents_only() {
    let world = world();
    let repo = world.repo();
    repo.commit("ignore", &[(".gitignore", "built\n")]);
    let task = "echo 1 > a.txt; echo 1 > built";
    let (id, agent) = ended(&repo, &["--check", CHECK], task);
    assert_eq!((&agent["checked"], runs(&world)), (&"checked".into(), 1));
    let (_, agent) = ended(&repo, &["--check", CHECK], task);
    assert!(agent["check"]["known_at"].is_string());
    assert_eq!(why(&repo, &[&id]), "");
    assert_eq!(runs(&world), 2, "the fresh checkout has no such file");
    let (id, _) = ended(&repo, &["--check", CHECK], "echo 2 > b.txt; echo 1 > built");
    assert_eq!(runs(&world), 3);
    repo.git(["config", "orchestra.countWorktreeChecks", "true"]);
    assert!(why(&repo, &[&id]).contains("known"));
    assert_eq!(runs(&world), 3);
}

#[test]
fn another_environment_or_an_old_result_is_not_known() {
    let world = world();
    let repo = world.repo();
    let (id, _) = ended(&repo, &["--check", CHECK], "echo 1 > a.txt");
    let land = |variable: &str, value: &str| {
        let mut command = repo.orchestra_command(["merge-ranked", "--test", CHECK, &id]);
        testkit::Ran::of(command.env(variable, value)).succeeded();
        repo.orchestra(["undo"]).succeeded();
        runs(&world)
    };
    assert_eq!(land("TERM", "dumb"), 1);
    assert_eq!(land("LANG", "de_DE.UTF-8"), 2);
    assert_eq!(land("LANG", "de_DE.UTF-8"), 2);
    repo.git(["config", "orchestra.checkAge", "0"]);
    assert_eq!(land("TERM", "dumb"), 3);
}

#[test]
fn a_check_that_fails_on_the_base_too_says_so_and_runs_there_once() {
    let world = world();
    let repo = world.repo();
    let (id, agent) = ended(&repo, &["--check", CHECK], "echo 1 > b.txt");
    assert_eq!(agent["reason"], "check failed: exit code 1 (fails on base too)");
    assert_eq!((&agent["phase"], &agent["checked"]), (&"failed".into(), &"fails_on_base".into()));
    assert!(status(&repo, &id).contains("failed (check)"), "{}", status(&repo, &id));
    assert_eq!(runs(&world), 2);
    let (_, agent) = ended(&repo, &["--check", CHECK], "echo 2 > b.txt");
    assert_eq!((&agent["checked"], runs(&world)), (&"fails_on_base".into(), 3));
    assert_eq!(repo.file_in_head(&id, "b.txt"), "1\n", "its work is kept");
    // A failure is the agent's if the base passes.
    repo.commit("a", &[("a.txt", "1")]);
    let (_, agent) = ended(&repo, &["--check", CHECK], "git rm -q a.txt");
    assert_eq!(agent["reason"], "check failed: exit code 1");
    assert_eq!((&agent["checked"], runs(&world)), (&"check_failed".into(), 5));
    let scratch = repo.orchestra(["worktrees", "--json"]).succeeded().stdout();
    assert!(!scratch.contains("\"landing"), "{scratch}");
}

#[test]
fn a_configured_check_holds_unless_another_is_typed() {
    let world = world();
    let repo = world.repo();
    let refused = repo.orchestra(["spawn", "--agent", "sh", "--check", "", "true"]).exits(2);
    refused.stderr_has("--check: this is not a command");
    repo.git(["config", "orchestra.check", CHECK]);
    let (_, agent) = ended(&repo, &[], "echo 1 > a.txt");
    assert_eq!((&agent["checked"], &agent["check"]["most_rounds"]), (&"checked".into(), &1.into()));
    let (id, agent) = ended(&repo, &["--check", ""], "echo 1 > a.txt");
    assert_eq!((&agent["phase"], &agent["checked"]), (&"done".into(), &"unchecked".into()));
    let format = "--format=%(phase) %(checked)";
    assert_eq!(repo.orchestra(["status", format, &id]).succeeded().line(), "done unchecked");
    let (_, agent) = ended(&repo, &["--until", "exit 3", "--rounds", "1"], "echo 1 > a.txt");
    assert!(agent["reason"].as_str().is_some_and(|why| why.starts_with("check failed: exit code 3")));
    for options in [["--check", "true", "--until", "true"], ["--check", "true", "--rounds", "2"]] {
        repo.orchestra([&["spawn", "--agent", "sh"], &options[..], &["true"]].concat()).exits(2);
    }
}

#[test]
fn the_checks_of_agents_take_turns_for_the_slots_of_the_machine() {
    let world = world();
    world.git(world.dir(), ["config", "--global", "orchestra.slots", "1"]);
    let repo = world.repo();
    // Fails if two run at once.
    let check = r#"mkdir "$HOME/busy" && sleep 0.3 && rmdir "$HOME/busy""#;
    let words = ["spawn", "--agent", "sh", "--copies", "4", "-j", "4", "--check", check];
    let ran = repo.orchestra([&words[..], &["echo $ORCHESTRA_AGENT > a.txt"]].concat());
    ran.succeeded();
    let slots = repo.orchestra(["slot", "--json"]).succeeded().json();
    assert_eq!(slots["held"].as_array().map(Vec::len), Some(0));
}

/// Adds a branch with one file for each name.
fn branches(repo: &TestRepo<'_>, names: &[&str]) {
    for name in names {
        repo.branch(name, &[(&format!("{name}.txt"), name)]);
    }
}

/// Lands branches in a batch. Returns the report.
fn land_batch(repo: &TestRepo<'_>, test: &str, names: &[&str]) -> Value {
    repo.orchestra([&["merge-ranked", "--batch", "--json", "--test", test], names].concat()).json()
}

const FIVE: [&str; 5] = ["b1", "b2", "b3", "b4", "b5"];

#[test]
fn a_batch_that_passes_runs_its_check_once() {
    let world = world();
    let repo = world.repo();
    branches(&repo, &FIVE);
    let report = land_batch(&repo, r#"echo run >> "$HOME/runs""#, &FIVE);
    assert_eq!((runs(&world), &report["moved"]), (1, &true.into()), "{report}");
    for step in report["order"].as_array().unwrap().iter().take(4) {
        assert_eq!((&step["outcome"], &step["why"]), (&"merged".into(), &"checked together with b5".into()));
    }
    repo.orchestra(["undo"]).succeeded();
    let again = land_batch(&repo, r#"echo run >> "$HOME/runs""#, &FIVE);
    assert_eq!((runs(&world), &again["moved"]), (1, &true.into()), "{again}");
}

#[test]
fn a_batch_that_fails_sets_the_culprit_aside() {
    let world = world();
    let repo = world.repo();
    branches(&repo, &FIVE);
    // All 5, the first 2, the third, the third again, the last 2.
    let report = land_batch(&repo, r#"echo run >> "$HOME/runs"; test ! -e b3.txt"#, &FIVE);
    let failed: Vec<&Value> =
        report["order"].as_array().unwrap().iter().filter(|step| step["outcome"] != "merged").collect();
    assert_eq!(
        (failed.len(), &failed[0]["branch"], &failed[0]["outcome"]),
        (1, &"b3".into(), &"failed".into())
    );
    assert_eq!((runs(&world), &report["moved"]), (5, &true.into()), "{report}");
    assert_eq!(repo.git(["ls-tree", "--name-only", "main", "b3.txt"]).stdout(), "");
}

#[test]
fn a_check_that_fails_now_and_then_is_called_flaky() {
    let world = world();
    let repo = world.repo();
    branches(&repo, &["b1", "b2"]);
    // The first two runs fail: both branches, and the first of them.
    let test = r#"echo run >> "$HOME/runs"; test "$(wc -l < "$HOME/runs")" -gt 2"#;
    let report = land_batch(&repo, test, &["b1", "b2"]);
    let first = &report["order"][0];
    assert_eq!(first["outcome"], "merged", "{report}");
    assert!(first["why"].as_str().unwrap().contains("test is flaky"), "{report}");
    assert_eq!((&first["flaky"], &report["order"][1]["flaky"]), (&json!(["test"]), &json!(["test"])));
    assert_eq!((runs(&world), &report["moved"]), (4, &true.into()));
    assert_eq!(report["checks"], json!({"run": 4, "known": 0, "repeated": 2, "unused": 0}));
    // The note on what landed says so, and so does the stored result, when it is used again.
    let commit = first["commit"].as_str().unwrap();
    let shown = "notes.displayRef=refs/orchestra/notes/results";
    let note = repo.git(["-c", shown, "log", "-1", "--format=%N", commit]).stdout();
    assert!(note.contains(r#""flaky":["test"]"#), "{note}");
    repo.orchestra(["undo"]).succeeded();
    let again = land_batch(&repo, test, &["b1"]);
    assert!(again["order"][0]["why"].as_str().unwrap().contains("flaky)"), "{again}");
    assert_eq!(again["checks"], json!({"run": 0, "known": 1, "repeated": 0, "unused": 0}));
}
