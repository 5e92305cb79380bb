//! `attach`: a person takes over an agent's session in a terminal, and gives it back.

use std::{
    io::{Read, Write},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use testkit::{TestRepo, until};

use crate::world;

/// An `attach` on a terminal of its own.
struct Attached(Child);

impl Attached {
    /// Returns `None`, with the test skipped, if no terminal can be made here.
    fn start(repo: &TestRepo<'_>, arguments: &str) -> Option<Self> {
        if !testkit::has_terminal() {
            crate::skip("there is no terminal");
            return None;
        }
        let program = repo.world().bins().join("git-orchestra-attach");
        let line = format!("{} {arguments}", program.display());
        let mut command: Command = repo.command("script");
        command.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        Some(Self(command.spawn().expect("a terminal")))
    }

    fn types(&mut self, line: &str) {
        let stdin = self.0.stdin.as_mut().expect("a pipe");
        stdin.write_all(format!("{line}\n").as_bytes()).and_then(|()| stdin.flush()).expect("typed");
    }

    /// Waits for its end and returns what the terminal showed.
    fn ends(mut self) -> String {
        let mut shown = Vec::new();
        self.0.stdout.take().expect("a pipe").read_to_end(&mut shown).expect("read");
        self.0.wait().expect("an end");
        String::from_utf8_lossy(&shown).into_owned()
    }
}

/// Waits until a person is attached with the program itself, and returns the agent.
fn attached(repo: &TestRepo<'_>, id: &str, session: bool) -> Value {
    until("it is attached", || {
        let agent = repo.agent(id);
        let pid = agent["attached_pid"].as_i64()?;
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        (!session || String::from_utf8_lossy(&line).contains("--resume")).then_some(agent)
    })
}

#[test]
fn a_person_works_in_the_session_and_the_agent_continues() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "write a.txt 1\nhang once");
    repo.wait_for_file(&id, "a.txt");
    let Some(mut terminal) = Attached::start(&repo, &id) else { return };
    let agent = attached(&repo, &id, true);
    assert_eq!((&agent["phase"], &agent["liveness"]), (&"paused".into(), &"ended".into()));
    let pid = agent["attached_pid"].to_string();
    let shown = repo.orchestra(["status", &id]).succeeded().stdout();
    assert!(shown.contains(&format!("attached by a person (pid {pid})")), "{shown}");
    for refused in [vec!["resume", &id], vec!["stop", &id], vec!["attach", &id, "--print"]] {
        repo.orchestra(&refused)
            .exits(3)
            .stderr_has(&format!("a person is attached to agent '{id}' (process {pid})"));
    }
    terminal.types("work");
    terminal.types("exit");
    let shown = terminal.ends();
    assert!(shown.contains(&format!("'{id}' continues")), "{shown}");
    let done = repo.end_of(&id);
    assert_eq!(
        (&done["phase"], &done["attempt"], &done["attached_pid"]),
        (&"done".into(), &2.into(), &Value::Null),
        "{done}"
    );
    assert_eq!(done["session"], agent["session"]);
    assert_eq!(repo.file_in_head(&id, "by-hand.txt"), format!("{id}\n"));
    let told = world.scripted_conversation(done["session"].as_str().expect("a session"));
    assert!(told.contains("A person worked on this meanwhile"), "{told}");
}

#[test]
fn an_agent_that_had_ended_or_is_kept_paused_stays_so_with_the_work_saved() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "write a.txt 1");
    repo.end_of(&id);
    let Some(mut terminal) = Attached::start(&repo, &id) else { return };
    attached(&repo, &id, true);
    terminal.types("work");
    terminal.types("exit");
    let shown = terminal.ends();
    assert!(shown.contains(&format!("git orchestra resume {id} continues it")), "{shown}");
    let agent = repo.agent(&id);
    assert_eq!((&agent["phase"], &agent["attempt"]), (&"done".into(), &1.into()));
    assert_eq!(repo.file_in_head(&id, "by-hand.txt"), format!("{id}\n"));
    let kept = repo.spawn_claude(&[], "write a.txt 1\nhang once");
    repo.wait_for_file(&kept, "a.txt");
    let Some(mut terminal) = Attached::start(&repo, &format!("--no-resume {kept}")) else { return };
    attached(&repo, &kept, true);
    terminal.types("exit");
    terminal.ends();
    let agent = repo.agent(&kept);
    assert_eq!((&agent["phase"], &agent["attached_pid"]), (&"paused".into(), &Value::Null));
    assert_eq!(repo.file_in_head(&kept, "a.txt"), "1\n");
}

#[test]
fn a_killed_attach_loses_nothing_and_leaves_the_status_true() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "write a.txt 1\nhang once");
    repo.wait_for_file(&id, "a.txt");
    let Some(mut terminal) = Attached::start(&repo, &id) else { return };
    attached(&repo, &id, true);
    terminal.types("work");
    let file = repo.worktree(&id).join("by-hand.txt");
    until("a person worked", || file.exists().then_some(()));
    let record = repo.path().join(".git/orchestra/attached").join(&id);
    let record: Value = serde_json::from_slice(&std::fs::read(record).expect("a record")).expect("JSON");
    let command = record["command"]["pid"].to_string();
    assert!(Command::new("kill").args(["-9", &command]).status().expect("kill").success());
    terminal.ends();
    let agent =
        until("nobody is attached", || Some(repo.agent(&id)).filter(|agent| agent["attached_pid"].is_null()));
    assert_eq!((&agent["phase"], &agent["liveness"]), (&"paused".into(), &"ended".into()));
    repo.orchestra(["resume", &id]).succeeded();
    assert_eq!(repo.agent(&id)["phase"], "done");
    assert_eq!(repo.file_in_head(&id, "by-hand.txt"), format!("{id}\n"));
}

#[test]
fn a_program_without_sessions_gets_a_shell_and_print_shows_the_command() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn("echo 1 >> a.txt; while ! test -e go; do sleep 0.05; done");
    repo.wait_for_file(&id, "a.txt");
    let shown = repo.orchestra(["attach", &id, "--print"]).succeeded().stdout();
    assert!(shown.starts_with("cd ") && shown.trim_end().ends_with("sh"), "{shown}");
    assert_eq!(repo.agent(&id)["phase"], "running");
    repo.orchestra(["attach", &id]).exits(2).stderr_has("attach needs a terminal");
    let inside =
        testkit::Ran::of(repo.orchestra_command(["attach", &id, "--print"]).env("ORCHESTRA_ATTEMPT", "x"));
    inside.exits(3).stderr_has("an agent cannot attach to another one");
    let Some(mut terminal) = Attached::start(&repo, &id) else { return };
    attached(&repo, &id, false);
    terminal.types("touch go; exit");
    let shown = terminal.ends();
    assert!(shown.contains("this is your shell"), "{shown}");
    // The script runs again, and gets no text that the user did not type.
    let done = repo.end_of(&id);
    assert_eq!((&done["phase"], &done["attempt"]), (&"done".into(), &2.into()), "{done}");
    assert_eq!(repo.file_in_head(&id, "a.txt"), "1\n1\n");
    let claude = repo.spawn_claude(&[], "write b.txt 1");
    let session = repo.end_of(&claude)["session"].as_str().expect("a session").to_owned();
    let plan = repo.orchestra(["attach", &claude, "--print", "--json"]).succeeded().json();
    assert_eq!(plan["argv"][1], format!("--resume={session}"));
    assert_eq!((&plan["shell"], &plan["continues"]), (&Value::Null, &false.into()));
}
