//! A person, a check and another program take turns with the real Claude Code.

use std::{
    fs,
    io::{Read, Write},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use testkit::{TestRepo, until};

use crate::test_bed::TestBed;

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
    assert_eq!(agent["reason"], "stuck: the check fails again on the same files: exit code 7");
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
    let id = spawn(&repo, "slow", &[], "FAKE-SLOWTOOL");
    until("its tool runs", || {
        repo.agent(&id)["activity"].as_str().filter(|what| what.starts_with("Bash")).map(|_| ())
    });
    let worktree = repo.worktree(&id);
    let config = test_bed.world().claude_config();
    fs::create_dir_all(&config).expect("a folder");
    let onboarded = json!({"hasCompletedOnboarding": true, "theme": "dark",
        "customApiKeyResponses": {"approved": ["dummy"], "rejected": []},
        "projects": {worktree.to_string_lossy().into_owned(): {"hasTrustDialogAccepted": true},
            repo.path().to_string_lossy().into_owned(): {"hasTrustDialogAccepted": true}}});
    fs::write(config.join(".claude.json"), onboarded.to_string()).expect("written");
    let rules = json!({"permissions": {"allow": ["Write", "Edit", "Bash"]}});
    fs::write(config.join("settings.json"), rules.to_string()).expect("written");
    let program = test_bed.world().bins().join("git-orchestra-attach");
    let line = format!("stty rows 40 cols 120; exec {} {id}", program.display());
    let mut command: Command = repo.command("script");
    command.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm-256color");
    let mut terminal = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a terminal");
    let mut stdin = terminal.stdin.take().expect("a pipe");
    let mut stdout = terminal.stdout.take().expect("a pipe");
    let shown = std::thread::spawn(move || {
        let mut shown = Vec::new();
        let _ = stdout.read_to_end(&mut shown);
        String::from_utf8_lossy(&shown).into_owned()
    });
    let attached = until("a person is attached", || {
        let agent = repo.agent(&id);
        let pid = agent["attached_pid"].as_i64()?;
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        String::from_utf8_lossy(&line).contains("--resume").then_some(agent)
    });
    assert_eq!(attached["phase"], "paused");
    let mut typed =
        |text: &str| stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).expect("typed");
    // Until it reads keys, what is typed is dropped.
    let file = worktree.join("by-hand.txt");
    until("it did what the person typed", || {
        if file.exists() {
            return Some(());
        }
        typed("\u{15}FAKE-WRITE by-hand.txt");
        std::thread::park_timeout(std::time::Duration::from_millis(500));
        typed("\r");
        std::thread::park_timeout(std::time::Duration::from_millis(1500));
        file.exists().then_some(())
    });
    let continues = || (repo.agent(&id)["attempt"] == 2).then_some(());
    until("it exits", || {
        typed("\u{15}/exit");
        std::thread::park_timeout(std::time::Duration::from_millis(500));
        typed("\r");
        std::thread::park_timeout(std::time::Duration::from_millis(1500));
        continues()
    });
    drop(stdin);
    terminal.wait().expect("an end");
    let shown = shown.join().expect("what was shown");
    assert!(shown.contains(&format!("'{id}' continues")), "{shown}");
    let agent = repo.agent(&id);
    assert_eq!((&agent["session"], &agent["attached_pid"]), (&attached["session"], &Value::Null));
    repo.orchestra(["stop", &id]).succeeded();
    assert!(repo.file_in_head(&id, "by-hand.txt").starts_with("hello"));
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
