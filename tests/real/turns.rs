//! A person, a check and another program take turns with the real Claude Code.

use std::fs;

use serde_json::{Value, json};
use testkit::{TestRepo, until};

use crate::{person::Person, test_bed::TestBed};

fn spawn(repo: &TestRepo<'_>, name: &str, options: &[&str], task: &str) -> String {
    let fixed = ["spawn", "--detach", "--name", name, "--permission", "bypassPermissions"];
    repo.orchestra([&fixed[..], options, &["--", task]].concat()).succeeded().line()
}

#[test]
fn the_output_of_a_check_is_given_back_until_it_passes_or_nothing_changes() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let check = "echo count $(cat counter.txt); grep -q 3 counter.txt";
    let id = spawn(&repo, "counts", &["--until", check], "FAKE-UNTIL");
    let stuck = spawn(&repo, "stuck", &["--until", "echo never; exit 7"], "FAKE-SAY nothing");
    let agent = repo.end_of(&id);
    assert_eq!((&agent["phase"], &agent["attempt"]), (&"done".into(), &3.into()), "{agent}");
    assert_eq!((&agent["check"]["rounds"], &agent["check"]["failure"]), (&3.into(), &Value::Null), "{agent}");
    assert_eq!(agent["check"]["tree"], repo.tip(&format!("refs/orchestra/heads/{id}^{{tree}}")).as_str());
    assert_eq!(repo.file_in_head(&id, "counter.txt"), "3\n");
    let sessions: Vec<Value> = repo
        .events(&id)
        .into_iter()
        .filter(|event| event["phase"] == "starting")
        .map(|event| event["session"].clone())
        .collect();
    assert!(
        sessions.iter().all(|session| *session == agent["session"]) && sessions.len() == 3,
        "{sessions:?}"
    );
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert!(log.contains("| count 1") && log.contains("| count 2"), "{log}");
    let agent = repo.end_of(&stuck);
    assert_eq!(
        (&agent["phase"], &agent["attempt"], &agent["check"]["stuck"]),
        (&"failed".into(), &2.into(), &true.into())
    );
    assert_eq!(
        agent["reason"],
        "stuck: the check fails again on the same files: exit code 7 (fails on base too)"
    );
    repo.orchestra(["resume", &stuck, "--until", "", "-m", "FAKE-SAY thanks"]).succeeded();
    assert_eq!(repo.agent(&stuck)["phase"], "done");
}

#[test]
fn a_person_uses_the_interactive_program_and_the_agent_continues() {
    let Some(test_bed) = TestBed::set() else { return };
    if !testkit::has_terminal() {
        testkit::skip("ORCHESTRA_REQUIRE_REAL", "there is no terminal");
        return;
    }
    let repo = test_bed.repo();
    accept_what_the_program_asks_first(&test_bed, &repo);
    let id = spawn(&repo, "slow", &[], "FAKE-SLOWTOOL");
    until("its tool runs", || {
        repo.agent(&id)["activity"].as_str().filter(|what| what.starts_with("Bash")).map(|_| ())
    });
    let worktree = repo.worktree(&id);
    let mut person = Person::attaches(&repo, &id, &[]);
    let attached = until("a person is attached", || {
        let agent = repo.agent(&id);
        let pid = agent["attached_pid"].as_i64()?;
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        String::from_utf8_lossy(&line).contains("--resume").then_some(agent)
    });
    assert_eq!(attached["phase"], "paused");
    let file = worktree.join("by-hand.txt");
    person.types("it did what the person typed", "FAKE-WRITE by-hand.txt", || file.exists().then_some(()));
    person.types("it exits", "/exit", || (repo.agent(&id)["attempt"] == 2).then_some(()));
    let shown = person.leaves();
    assert!(shown.contains(&format!("'{id}' continues")), "{shown}");
    let agent = repo.agent(&id);
    assert_eq!((&agent["session"], &agent["attached_pid"]), (&attached["session"], &Value::Null));
    repo.orchestra(["stop", &id]).succeeded();
    assert!(repo.file_in_head(&id, "by-hand.txt").starts_with("hello"));
}

/// Answers what the interactive program asks when it is first started, before any agent runs: each program writes the file again when it
/// ends, from what it read when it began. Folders inside the trusted ones are trusted.
fn accept_what_the_program_asks_first(test_bed: &TestBed, repo: &TestRepo<'_>) {
    let config = test_bed.world().claude_config();
    fs::create_dir_all(&config).expect("a folder");
    let trusted: serde_json::Map<_, _> = repo
        .path()
        .ancestors()
        .map(|folder| (folder.to_string_lossy().into_owned(), json!({"hasTrustDialogAccepted": true})))
        .collect();
    let accepted = json!({"hasCompletedOnboarding": true, "theme": "dark",
        "customApiKeyResponses": {"approved": ["dummy"], "rejected": []}, "projects": trusted});
    fs::write(config.join(".claude.json"), accepted.to_string()).expect("written");
    let rules = json!({"permissions": {"allow": ["Write", "Edit", "Bash"]}});
    fs::write(config.join("settings.json"), rules.to_string()).expect("written");
}

#[test]
fn the_cost_of_a_turn_that_is_paused_is_known() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let id = spawn(&repo, "slow", &[], "FAKE-SLOWTOOL");
    until("its tool runs", || {
        repo.agent(&id)["activity"].as_str().filter(|what| what.starts_with("Bash")).map(|_| ())
    });
    repo.orchestra(["pause", &id]).succeeded();
    let paused = repo.agent(&id);
    assert_eq!((&paused["phase"], &paused["orphans"]), (&"paused".into(), &json!([])), "{paused}");
    assert!(paused["cost_usd"].as_f64() > Some(0.0) && paused["input_tokens"].as_u64() > Some(0), "{paused}");
}

#[test]
fn claude_code_continues_the_work_of_another_program_and_hands_over() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    repo.git(["config", "orchestra.agent.reader.command", "cat {prompt_file} > told.txt"]);
    repo.git(["config", "orchestra.agent.reader.reads", "prose"]);
    let id = spawn(&repo, "hands", &[], "FAKE-WRITE a.txt");
    let first = repo.end_of(&id);
    repo.orchestra(["resume", &id, "--agent", "reader"]).succeeded();
    let told = repo.file_in_head(&id, "told.txt");
    assert!(told.contains("| a.txt +1 -0") && told.contains("| Created a.txt and committed it."), "{told}");
    assert!(repo.file_in_head(&id, "a.txt").starts_with("hello"));
    repo.orchestra(["resume", &id, "--agent", "claude", "--permission", "bypassPermissions"]).succeeded();
    repo.orchestra(["resume", &id, "-m", "FAKE-WRITE b.txt"]).succeeded();
    let last = repo.agent(&id);
    assert_eq!((&last["phase"], &last["profile"]), (&"done".into(), &"claude".into()), "{last}");
    assert_ne!(last["session"], first["session"]);
    assert!(repo.file_in_head(&id, "b.txt").starts_with("hello"));
}
