//! Tests with Gemini CLI 0.61.0.

use std::{fs, process::Command};

use serde_json::{Value, json};
use testkit::{Ran, TestRepo, until};

use crate::test_bed::{self, TestBed, only_session, runs};

/// Returns the program as a person starts it, connected to the scripted model.
pub(crate) fn gemini(test_bed: &TestBed, repo: &TestRepo<'_>, arguments: &[&str]) -> Option<Command> {
    let program = test_bed::program("gemini")?;
    let home = test_bed.world().home().join(".gemini");
    fs::create_dir_all(&home).expect("a folder");
    let settings = json!({"security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": false}, "general": {"disableAutoUpdate": true}});
    fs::write(home.join("settings.json"), settings.to_string()).expect("a file");
    repo.git(["config", "orchestra.agent.gemini.program", &program.to_string_lossy()]);
    let mut command = repo.command(program);
    command.args(arguments).args(["-m", "gemini-2.5-pro"]);
    Some(command)
}

#[test]
fn a_new_session_has_every_field_and_resumes_even_from_the_kept_copy() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(mut command) = gemini(&test_bed, &repo, &["-p", "FAKE-SAY one", "-o", "json"]) else { return };
    let result = Ran::of(&mut command).succeeded().json();
    let one = only_session(&repo);
    let here = repo.path().to_string_lossy().into_owned();
    let used = &result["stats"]["models"]["gemini-2.5-pro"]["tokens"];
    for (field, value) in [
        ("id", result["session_id"].clone()),
        ("program", json!("gemini")),
        ("title", json!("FAKE-SAY one")),
        ("first_prompt", json!("FAKE-SAY one")),
        ("last_prompt", json!("FAKE-SAY one")),
        ("cwd", json!(here)),
        ("repository", json!(here)),
        ("messages", json!(2)),
        ("model", json!("gemini-2.5-pro")),
        ("input_tokens", used["prompt"].clone()),
        ("output_tokens", used["candidates"].clone()),
        ("cost_usd", Value::Null),
        ("live", json!(false)),
        ("kept", json!(false)),
    ] {
        assert_eq!(one[field], value, "{field} of {one} after {result}");
    }
    let id = one["id"].as_str().expect("an id").to_owned();
    let tell = |words: &str| {
        let arguments = ["sessions", "resume", &id, "--print", "-m", words, "--", "-m", "gemini-2.5-pro"];
        repo.orchestra(arguments).succeeded()
    };
    let before = test_bed.requests().len();
    tell("FAKE-SAY two").stdout_has("You said two.");
    let requests = test_bed.requests();
    assert!(requests[before]["messages"].as_u64() > requests[0]["messages"].as_u64(), "{requests:?}");
    assert_eq!(
        (&only_session(&repo)["messages"], &only_session(&repo)["last_prompt"]),
        (&json!(4), &json!("FAKE-SAY two"))
    );
    repo.orchestra(["sessions", "keep", &id]).succeeded();
    fs::remove_dir_all(
        one["path"].as_str().map(std::path::Path::new).and_then(|path| path.parent()).expect("a folder"),
    )
    .expect("gone");
    let before = test_bed.requests().len();
    tell("FAKE-SAY three").stdout_has("You said three.");
    let again = &test_bed.requests()[before];
    assert!(again["messages"].as_u64() > requests[0]["messages"].as_u64().map(|count| count + 2), "{again}");
    assert_eq!(only_session(&repo)["messages"], 6);
}

/// Lets git orchestra start the program in the scripted world. Returns `None` if it is not installed.
fn set_up(test_bed: &TestBed, repo: &TestRepo<'_>) -> Option<()> {
    gemini(test_bed, repo, &[])?;
    repo.git(["config", "orchestra.agent", "gemini"]);
    repo.git(["config", "orchestra.agent.gemini.model", "gemini-2.5-pro"]);
    repo.git(["config", "orchestra.retries", "0"]);
    Some(())
}

/// Spawns one agent and returns its id.
fn spawn(repo: &TestRepo<'_>, arguments: &[&str]) -> String {
    let fixed = ["spawn", "-d", "-j", "2"];
    repo.orchestra(fixed.iter().chain(arguments)).succeeded().line()
}

#[test]
fn an_agent_edits_commits_and_is_resumed() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(()) = set_up(&test_bed, &repo) else { return };
    let id = spawn(&repo, &["--permission", "bypassPermissions", "--", "FAKE-WRITE hello.txt"]);
    let done = repo.end_of(&id);
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert_eq!((&done["phase"], &done["commits"]), (&"done".into(), &1.into()), "{done}\n{log}");
    assert_eq!(repo.file_in_head(&id, "hello.txt"), "hello from the scripted agent\n");
    assert_eq!((&done["model"], &done["turns"]), (&"gemini-2.5-pro".into(), &3.into()), "{done}");
    assert!(log.contains("run_shell_command") && log.contains("Created hello.txt"), "{log}");
    let (session, used) = (done["session"].clone(), done["input_tokens"].as_u64().expect("tokens"));
    assert_eq!(only_session(&repo)["id"], session);

    repo.orchestra(["resume", &id, "-m", "FAKE-SAY two"]).succeeded();
    let again = test_bed::end_of_attempt(&repo, &id, 2);
    assert_eq!((&again["phase"], &again["session"]), (&"done".into(), &session), "{again}");
    assert_eq!(again["last_words"], "You said two.");
    // The program counts from its start, and the agent from its own.
    let requests = test_bed.requests();
    let last = requests.last().expect("a request");
    assert!(
        last["messages"].as_u64() > requests[0]["messages"].as_u64(),
        "it knows the conversation: {last}"
    );
    assert!(again["input_tokens"].as_u64().expect("tokens") > used, "{again}");
}

#[test]
fn what_it_left_uncommitted_is_committed_and_denied_tools_are_told() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(()) = set_up(&test_bed, &repo) else { return };
    // In this mode it may edit, but not run a command.
    let wrote = spawn(&repo, &["--", "FAKE-WRITE left.txt"]);
    let denied = spawn(&repo, &["--", "FAKE-DENIED one"]);
    let ruled = spawn(
        &repo,
        &["--permission", "bypassPermissions", "--deny", "Bash(touch *)", "--", "FAKE-DENIED two"],
    );
    let allowed = spawn(&repo, &["--allow", "Bash(touch:*)", "--", "FAKE-DENIED three"]);
    let wrote = repo.end_of(&wrote);
    assert_eq!(
        (&wrote["phase"], &wrote["commits"], &wrote["denials"]),
        (&"done".into(), &1.into(), &1.into())
    );
    for id in [denied, ruled] {
        let agent = repo.end_of(&id);
        assert_eq!((&agent["phase"], &agent["denials"]), (&"failed".into(), &1.into()), "{agent}");
        assert!(agent["reason"].as_str().is_some_and(|why| why.starts_with("denied: ")), "{agent}");
    }
    let agent = repo.end_of(&allowed);
    assert_eq!((&agent["phase"], &agent["denials"]), (&"done".into(), &0.into()), "{agent}");
    assert_eq!(repo.file_in_head(&allowed, "denied-marker.txt"), "");
}

#[test]
fn a_message_waits_for_the_end_of_its_turn() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(()) = set_up(&test_bed, &repo) else { return };
    let id = spawn(&repo, &["--", "FAKE-SLOWSAY now"]);
    until("the model is asked", || Some(()).filter(|()| !test_bed.requests().is_empty()));
    repo.orchestra(["send", &id, "FAKE-WRITE later.txt"]).succeeded();
    let done = repo.end_of(&id);
    assert_eq!((&done["phase"], &done["attempt"]), (&"done".into(), &2.into()), "{done}");
    assert_eq!(repo.file_in_head(&id, "later.txt"), "hello from the scripted agent\n");
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert!(log.contains("FAKE-WRITE later.txt"), "{log}");
}

#[test]
fn it_is_paused_stopped_and_resumed_and_leaves_no_process() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(()) = set_up(&test_bed, &repo) else { return };
    let id = spawn(&repo, &["--", "FAKE-HANG once"]);
    until("the model is asked", || Some(()).filter(|()| !test_bed.requests().is_empty()));
    repo.orchestra(["pause", &id]).succeeded();
    let paused = repo.wait_for(&id, "paused");
    let session = paused["session"].as_str().expect("a session").to_owned();
    assert!(!runs(&session), "it runs on");
    repo.orchestra(["resume", &id]).succeeded();
    let done = test_bed::end_of_attempt(&repo, &id, 2);
    assert_eq!((&done["phase"], &done["session"]), (&"done".into(), &session.as_str().into()), "{done}");

    let id = spawn(&repo, &["--", "FAKE-HANG twice"]);
    let asked = test_bed.requests().len();
    until("the model is asked", || Some(()).filter(|()| test_bed.requests().len() > asked));
    repo.orchestra(["stop", &id]).succeeded();
    let stopped = repo.wait_for(&id, "stopped");
    assert!(!runs(stopped["session"].as_str().expect("a session")), "it runs on");
}

#[test]
fn a_limit_pauses_it_and_errors_say_what_to_do() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(()) = set_up(&test_bed, &repo) else { return };
    let refused = spawn(&repo, &["--", "FAKE-400 a"]);
    let unknown = spawn(&repo, &["--", "FAKE-401 b"]);
    let agent = repo.end_of(&refused);
    assert_eq!((&agent["phase"], &agent["exit_code"]), (&"failed".into(), &144.into()), "{agent}");
    assert_eq!(agent["reason"], "scripted bad request");
    let agent = repo.end_of(&unknown);
    assert_eq!(
        agent["reason"],
        "not logged in: invalid x-api-key (run 'gemini' once to log in, or set GEMINI_API_KEY)"
    );
    let limited = spawn(&repo, &["--", "LIMIT-GEMINI c"]);
    let agent = repo.wait_for(&limited, "paused");
    assert_eq!(
        (&agent["limit"]["kind"], &agent["limit"]["resumes"], &agent["attempt"]),
        (&"daily".into(), &true.into(), &1.into()),
        "{agent}"
    );
    repo.orchestra(["stop", &limited]).succeeded();
}

#[test]
fn without_a_login_it_says_so_and_unknown_options_are_refused() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(()) = set_up(&test_bed, &repo) else { return };
    let settings = json!({"privacy": {"usageStatisticsEnabled": false}});
    fs::write(test_bed.world().home().join(".gemini/settings.json"), settings.to_string()).expect("a file");
    let mut command = repo.orchestra_command(["spawn", "-d", "--", "FAKE-SAY x"]);
    let id = Ran::of(command.env_remove("GEMINI_API_KEY")).succeeded().line();
    let agent = repo.end_of(&id);
    assert!(agent["reason"].as_str().is_some_and(|why| why.starts_with("not logged in: ")), "{agent}");
    repo.orchestra(["spawn", "--max-turns", "3", "--", "x"])
        .exits(2)
        .stderr_has("agent 'gemini' does not support --max-turns");
    repo.orchestra(["spawn", "--deny", "Edit(src/**)", "--", "x"])
        .exits(2)
        .stderr_has("agent 'gemini' cannot be given the rule 'Edit(src/**)'");
}

#[test]
fn a_session_follows_its_renamed_worktree() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(()) = set_up(&test_bed, &repo) else { return };
    let id = spawn(&repo, &["--", "FAKE-SAY one"]);
    let before = repo.end_of(&id);
    let worktree = before["worktree"].as_str().expect("a path");
    let moved = format!("{worktree}-moved");
    repo.git(["worktree", "move", worktree, &moved]);
    repo.orchestra(["resume", &id, "-m", "FAKE-SAY two"]).succeeded();
    let after = test_bed::end_of_attempt(&repo, &id, 2);
    assert_eq!(
        (&after["phase"], &after["session"], &after["last_words"]),
        (&"done".into(), &before["session"], &"You said two.".into()),
        "{after}"
    );
    let requests = test_bed.requests();
    assert!(requests.last().expect("one")["messages"].as_u64() > requests[0]["messages"].as_u64());
}
