//! `sessions`: which sessions are running, and that only one of several processes resumes a session.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime},
};

use serde_json::Value;
use testkit::{World, until};

use crate::{
    sessions::{copy, listed, one, write_small},
    world,
};

/// A program that ends when its standard input does. Its child processes do not count as the program.
const WAITING: &str =
    "#!/bin/sh\necho $$ >\"$0.pid\"\nsleep 5 >/dev/null 2>&1 &\nread -r line <\"$0.fifo\"\necho \"$@\"\n";

/// A program that waits until it is released.
struct Waiting {
    program: PathBuf,
}

impl Waiting {
    fn named(world: &World, name: &str) -> Self {
        let folder = world.dir().join("waiting");
        fs::create_dir_all(&folder).expect("a folder");
        let program = folder.join(name);
        fs::write(&program, WAITING).expect("a file");
        fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("a mode");
        let made = Command::new("mkfifo").arg(program.with_extension("fifo")).status().expect("mkfifo");
        assert!(made.success());
        Self { program }
    }

    /// Returns the started command, and the process of the program.
    fn start(&self, mut command: Command) -> (Child, i32) {
        let note = self.program.with_extension("pid");
        let _ = fs::remove_file(&note);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let pid = until("it waits", || fs::read_to_string(&note).ok()?.trim().parse().ok());
        (child.expect("it starts"), pid)
    }

    fn release(&self, mut child: Child) {
        fs::write(self.program.with_extension("fifo"), "go\n").expect("it reads");
        assert!(child.wait().expect("an end").success());
    }
}

#[test]
fn only_one_of_several_concurrent_resumes_succeeds() {
    let world = world();
    let repo = world.repo();
    let waiting = Waiting::named(&world, "claude");
    repo.git(["config", "orchestra.agent.claude.program", &waiting.program.to_string_lossy()]);
    write_small(&world, "talk-1", repo.path(), "hello");
    let (child, pid) = waiting.start(repo.orchestra_command(["sessions", "resume", "talk-1"]));
    let live = one(&repo, "talk-1");
    assert_eq!((&live["live"], &live["pid"]), (&true.into(), &pid.into()), "it is in it");
    let ran = repo.orchestra(["sessions", "resume", "talk-1"]).exits(3);
    ran.stderr_has(&format!("is in use by process {pid}")).stderr_has("--fork");
    repo.orchestra(["sessions", "resume", "talk-1", "--fork", "-n"]).succeeded();
    waiting.release(child);
    // Its child process still runs, but is not in the session.
    assert_eq!(one(&repo, "talk-1")["live"], false);
    let (child, _) = waiting.start(repo.orchestra_command(["sessions", "resume", "talk-1"]));
    waiting.release(child);
}

#[test]
fn an_agent_does_not_resume_a_session_in_use() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let agent = repo.spawn_claude(&[], "say one");
    repo.wait_for(&agent, "done");
    let session = repo.agent(&agent)["session"].as_str().expect("a conversation").to_owned();
    let scripted = repo.git(["config", "orchestra.agent.claude.program"]).line();
    let waiting = Waiting::named(&world, "claude");
    repo.git(["config", "orchestra.agent.claude.program", &waiting.program.to_string_lossy()]);
    let (child, pid) = waiting.start(repo.orchestra_command(["sessions", "resume", &agent]));
    repo.git(["config", "orchestra.agent.claude.program", &scripted]);
    let ran = repo.orchestra(["resume", &agent, "-m", "say two"]).exits(3);
    ran.stderr_has(&format!("its session '{session}' is in use by process {pid}")).stderr_has("--fresh");
    waiting.release(child);
    repo.orchestra(["resume", &agent, "-m", "say two"]).succeeded();
    repo.wait_for(&agent, "done");
    assert_eq!(repo.agent(&agent)["session"], session);
}

/// Sets the time of all files in a directory to an hour ago.
fn age(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            age(&entry.path());
        } else {
            let file = fs::File::options().write(true).open(entry.path()).expect("a file");
            file.set_modified(SystemTime::now() - Duration::from_secs(3600)).expect("a time");
        }
    }
}

#[test]
fn an_idle_program_is_assigned_the_newest_session_of_its_directory() {
    let world = world();
    let repo = world.repo();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gemini/tmp");
    let home = world.home().join(".gemini/tmp");
    let state = || {
        let all = listed(&repo, &["--program", "gemini"]);
        all.iter().map(|one| (one["live"].clone(), one["pid"].clone())).collect::<Vec<_>>()
    };
    let gemini = Waiting::named(&world, "gemini");
    let (elsewhere, _) = gemini.start(world.command(&gemini.program, world.dir()));
    copy(&fixtures, &home, &repo.path().to_string_lossy());
    assert_eq!(
        state(),
        [(false.into(), Value::Null)],
        "a process in another directory is in another session"
    );
    gemini.release(elsewhere);
    age(&home);
    let (here, pid) = gemini.start(repo.command(&gemini.program));
    assert_eq!(state(), [(false.into(), Value::Null)], "it has no messages yet");
    copy(&fixtures, &home, &repo.path().to_string_lossy());
    assert_eq!(state(), [(true.into(), pid.into())]);
    gemini.release(here);
    assert_eq!(state(), [(false.into(), Value::Null)]);
}

#[test]
fn a_session_of_an_agent_is_titled_by_its_task() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let agent = repo.spawn_claude(&[], "say one");
    repo.wait_for(&agent, "done");
    repo.orchestra(["resume", &agent, "-m", "say two"]).succeeded();
    repo.wait_for(&agent, "done");
    let report = repo.orchestra(["sessions", "--json"]).succeeded().json();
    let one = &report["sessions"][0];
    assert_eq!((&one["title"], &one["last_prompt"]), (&"say one".into(), &"say two".into()), "{one}");
    let shown = repo.orchestra(["sessions"]).succeeded().stdout();
    // Its branch is named after it.
    assert!(shown.contains(&agent) && !shown.contains("BRANCH") && !shown.contains("orchestra/"), "{shown}");
}
