//! `ORCHESTRA_TRACE`: the trace contains what a bug report needs, and nothing that must stay private.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use orchestra::{lock::Lock, store::layout::PrivateDir};
use testkit::{Ran, TestRepo};

use crate::world;

/// Runs a command with the variable set.
fn traced(repo: &TestRepo<'_>, value: impl AsRef<Path>, arguments: &[&str]) -> Ran {
    Ran::of(repo.orchestra_command(arguments).env("ORCHESTRA_TRACE", value.as_ref()))
}

/// Returns the lines of one kind, without the time: `git-orchestra-status[1] program: …`.
fn lines(trace: &str, kind: &str) -> Vec<String> {
    let word = format!("] {kind}: ");
    let of_kind = trace.lines().filter(|line| line.contains(&word));
    of_kind.map(|line| line.split_once(' ').unwrap_or_default().1.to_owned()).collect()
}

#[test]
fn the_trace_on_stderr_has_the_start_and_end_of_a_command() {
    let world = world();
    let repo = world.repo();
    let ran =
        traced(&repo, "1", &["status", "--json", "nosuch"]).exits(3).stderr_has("error: no agent 'nosuch'");
    let told = lines(&ran.stderr(), "command");
    assert_eq!(told.len(), 2, "{}", ran.stderr());
    let folder = repo.path().display();
    assert!(told[0].starts_with("git-orchestra-status["), "{told:?}");
    let begin = format!("command: begin git-orchestra-status --json nosuch folder={folder}");
    assert!(told[0].ends_with(&begin), "{told:?}");
    assert!(told[1].ends_with(" exit=3 code=agent-unknown"), "{told:?}");
    // Standard output has only the answer.
    assert_eq!(ran.json()["code"], "agent-unknown");
}

#[test]
fn supervisors_write_into_the_same_private_file_and_agents_do_not_see_it() {
    let world = world();
    let repo = world.repo();
    let file = world.dir().join("trace");
    let script = "printenv > seen; git log --oneline > log";
    let mut command = repo.orchestra_command(["spawn", "--agent", "sh", "--name", "one", script]);
    // Composed of parts, since sources must not contain what looks like a secret.
    let hidden = ["correct-horse", "battery-staple-77"].join("-");
    Ran::of(command.env("ORCHESTRA_TRACE", &file).env("SOME_PASSWORD", &hidden)).succeeded();
    let id = repo.agents()[0]["id"].as_str().expect("an id").to_owned();
    let agent = repo.end_of(&id);
    assert_eq!(agent["phase"], "done", "{agent}");
    let trace = fs::read_to_string(&file).expect("a trace");
    let mode = fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for (program, event) in [
        ("git-orchestra-spawn[", "command: begin git-orchestra-spawn --agent sh --name one "),
        // The program that contains every command is started, under the name of the supervisor.
        ("git-orchestra-spawn[", "/git-orchestra run "),
        ("git-orchestra-supervise[", "command: begin git-orchestra-supervise run "),
        ("git-orchestra-supervise[", "end='started as "),
        ("git-orchestra-supervise[", "program: ended pid="),
        ("git-orchestra-supervise[", "program: git "),
    ] {
        let is_there = trace.lines().any(|line| line.contains(program) && line.contains(event));
        assert!(is_there, "{program} {event}\n{trace}");
    }
    let git =
        lines(&trace, "program").into_iter().find(|line| line.contains("program: git ")).expect("a git");
    assert!(git.contains(" ms=") && git.contains("end='exit status: 0'"), "{git}");
    assert!(git.contains(" folder=/") && !git.contains("core.hooksPath"), "{git}");
    // It contains no value of the environment, and the agent did not inherit the variable.
    assert!(!trace.contains(&hidden), "{trace}");
    let seen = repo.file_in_head(&id, "seen");
    assert!(seen.contains("SOME_PASSWORD") && !seen.contains("ORCHESTRA_TRACE"), "{seen}");
    // Each event is one line: a time, a program, a kind.
    for line in trace.lines() {
        let (time, rest) = line.split_once(' ').expect("a time");
        assert!(time.ends_with('Z') && rest.starts_with("git-orchestra-") && rest.contains("]"), "{line}");
    }
}

#[test]
fn passwords_tokens_and_long_texts_are_left_out() {
    let world = world();
    let repo = world.repo();
    let file = world.dir().join("trace");
    let address = &format!("http://me:{}@127.0.0.1:9/x.git", "hunter2");
    traced(&repo, &file, &["sync", "--fetch", address]).exits(5);
    let token = format!("ghp_{}", "a1B2c3D4e5".repeat(4));
    let task = format!("use {token} for it");
    let long = "a task that nobody else should read ".repeat(10);
    let (header, password) =
        (["Authorization:", "Bearer", "open"].join(" "), ["PASSWORD", "sesame"].join("="));
    let check = format!("curl -u me:sesame -H '{header}' x; {password} true");
    traced(&repo, &file, &["spawn", "--dry-run", "--agent", "sh", "--check", &check, &task, &long]);
    traced(&repo, &file, &["spawn", "--agent", "sh", "--check", &check, "true"]).succeeded();
    let trace = fs::read_to_string(&file).expect("a trace");
    assert!(
        trace.contains("http://***@127.0.0.1:9/x.git") && trace.contains("code=remote-failed"),
        "{trace}"
    );
    assert!(!trace.contains("hunter2") && !trace.contains(&token), "{trace}");
    assert!(!trace.contains("sesame") && !trace.contains("Bearer"), "{trace}");
    assert!(trace.contains("[360 bytes]") && !trace.contains("nobody else should read"), "{trace}");
}

#[test]
fn a_lock_that_was_waited_for_is_traced() {
    let world = world();
    let repo = world.repo();
    let private = PrivateDir::new(repo.path().join(".git/orchestra"));
    let path = private.operations_lock();
    let held = Lock::take(&path, Duration::ZERO).expect("a lock").expect("free");
    let ran = traced(&repo, "1", &["cleanup"]).exits(4);
    let told = lines(&ran.stderr(), "lock");
    assert!(
        told.iter().any(|line| line.contains(&*path.to_string_lossy()) && line.ends_with("got=false")),
        "{told:?}"
    );
    assert!(ran.stderr().contains("code=operation-running"), "{}", ran.stderr());
    drop(held);
}

#[test]
fn off_means_silent() {
    let world = world();
    let repo = world.repo();
    for value in ["", "0", "false"] {
        let ran = traced(&repo, value, &["status"]).succeeded();
        assert_eq!(ran.stderr(), repo.orchestra(["status"]).stderr(), "{value}");
    }
}

#[test]
fn an_unusable_trace_path_is_a_warning() {
    let world = world();
    let repo = world.repo();
    let (aim, link) = (world.dir().join("aim"), world.dir().join("link"));
    fs::write(&aim, "mine\n").expect("written");
    std::os::unix::fs::symlink(&aim, &link).expect("a link");
    let pipe = world.dir().join("pipe");
    let mut command = world.command("mkfifo", world.dir());
    Ran::of(command.arg(&pipe)).succeeded();
    let missing = world.dir().join("no/such/folder/trace");
    for place in [Path::new("trace.log"), world.dir(), &link, &pipe, &missing] {
        let ran = traced(&repo, place, &["status"]).succeeded();
        let warned = format!("warning: no trace is written: ORCHESTRA_TRACE={}: ", place.display());
        assert!(ran.stderr().contains(&warned), "{}", ran.stderr());
        assert!(lines(&ran.stderr(), "command").is_empty(), "{}", ran.stderr());
    }
    assert_eq!(fs::read_to_string(&aim).expect("a file"), "mine\n");
    assert!(!repo.path().join("trace.log").exists());
}
