//! A user's own command that says, by configuration, how it resumes, where it keeps a conversation, and how it shows that it waits.

use std::{fs, os::unix::fs::PermissionsExt as _};

use testkit::{TestRepo, World, until};

use crate::world;

/// A program that chooses the id of its session, keeps its messages in a file, and commits what it knows.
const PROGRAM: &str = r#"#!/bin/sh
task=$1 session=${2:-chat-$$}
[ -n "$2" ] || echo "session: $session"
mkdir -p "$HOME/.prog"
(cat "$task"; echo) >> "$HOME/.prog/$session"
while [ -e "$HOME/wait" ]; do sleep 0.1; done
cp "$HOME/.prog/$session" told.txt
git add told.txt
git commit -qm "My messages" || true
echo done
"#;

/// Makes a profile `prog` of the program.
fn set_up(world: &World, repo: &TestRepo<'_>) {
    let program = world.home().join("prog");
    fs::write(&program, PROGRAM).expect("a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it can be run");
    let program = program.display();
    for (key, value) in [
        ("command", format!("{program} {{prompt_file}}")),
        ("resume", format!("{program} {{prompt_file}} {{session}}")),
        ("session", "^session: (.+)$".to_owned()),
        ("conversation", "~/.prog/{session}".to_owned()),
        ("reads", "prose".to_owned()),
    ] {
        repo.orchestra(["config", "set", &format!("agent.prog.{key}"), &value]).succeeded();
    }
}

#[test]
fn a_session_that_it_names_is_continued_while_its_file_exists() {
    let world = world();
    let repo = world.repo();
    set_up(&world, &repo);
    let id = repo.orchestra(["spawn", "-d", "--agent", "prog", "--", "the task"]).succeeded().line();
    let first = repo.end_of(&id);
    let session = first["session"].as_str().expect("a session").to_owned();
    assert!(session.starts_with("chat-"), "{first}");
    assert_eq!((&first["phase"], repo.file_in_head(&id, "told.txt").trim()), (&"done".into(), "the task"));

    let resumed = |message: &str, attempt: u64| {
        repo.orchestra(["resume", &id, "-m", message]).succeeded();
        let is_over = |agent: &serde_json::Value| agent["attempt"] == attempt && agent["liveness"] == "ended";
        until("it ends again", || Some(repo.agent(&id)).filter(is_over))
    };
    let second = resumed("and more", 2);
    assert_eq!(
        (&second["phase"], &second["session"]),
        (&"done".into(), &session.as_str().into()),
        "{second}"
    );
    assert_eq!(repo.file_in_head(&id, "told.txt"), "the task\nand more\n", "{second}");

    fs::remove_file(world.home().join(".prog").join(&session)).expect("gone");
    let third = resumed("again", 3);
    assert_ne!(third["session"], session.as_str(), "{third}");
    // A new session gets the task as well.
    let told = repo.file_in_head(&id, "told.txt");
    assert!(told.contains("the task") && told.contains("again") && !told.contains("and more"), "{told}");
}

#[test]
fn a_message_while_it_runs_is_what_it_is_resumed_with() {
    let world = world();
    let repo = world.repo();
    set_up(&world, &repo);
    fs::write(world.home().join("wait"), "").expect("a file");
    let id = repo.orchestra(["spawn", "-d", "--agent", "prog", "--", "the task"]).succeeded().line();
    repo.wait_for_output(&id, "session: ");
    repo.orchestra(["send", &id, "one more thing"]).succeeded();
    fs::remove_file(world.home().join("wait")).expect("gone");
    let done = repo.end_of(&id);
    assert_eq!((&done["phase"], &done["attempt"]), (&"done".into(), &2.into()), "{done}");
    assert_eq!(repo.file_in_head(&id, "told.txt"), "the task\none more thing\n");
}

#[test]
fn a_last_line_that_asks_is_answered_by_a_line() {
    let world = world();
    let repo = world.repo();
    let script = r#"{ read -r task; echo "I do $task"; printf 'Go on? [y/N] '; read -r answer; echo "$answer" > answer.txt; }"#;
    for (key, value) in [("command", script), ("stdin", "held"), ("reads", "prose"), ("waiting", r"\[y/N\]$")]
    {
        repo.orchestra(["config", "set", &format!("agent.asks.{key}"), value]).succeeded();
    }
    for (answer, expected) in
        [(["--allow"].as_slice(), "y\n"), (&["--deny"], "n\n"), (&["not yet"], "not yet\n")]
    {
        let id = repo.orchestra(["spawn", "-d", "--agent", "asks", "--", "it\n"]).succeeded().line();
        let waiting = repo.wait_for(&id, "waiting");
        assert_eq!(waiting["reason"], "Go on? [y/N]", "{waiting}");
        repo.orchestra([&["send", id.as_str()], answer].concat()).succeeded();
        let done = repo.end_of(&id);
        assert_eq!(
            (&done["phase"], repo.file_in_head(&id, "answer.txt")),
            (&"done".into(), expected.to_owned())
        );
    }
}

#[test]
fn what_cannot_be_understood_is_refused_when_it_is_set() {
    let world = world();
    let repo = world.repo();
    for (key, value, why) in [
        ("waiting", "(", "not a regular expression"),
        ("session", "[", "not a regular expression"),
        ("conversation", "chat/{session}", "not a path that begins with '/', '~/', or '{worktree}/'"),
    ] {
        repo.orchestra(["config", "set", &format!("agent.x.{key}"), value]).exits(2).stderr_has(why);
    }
}
