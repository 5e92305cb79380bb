//! `designer`: the agent program of a person, in their terminal, which starts agents.

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use testkit::{TestRepo, until};

use crate::world;

/// A stand-in for Claude Code in a terminal: it keeps a session, and runs each line that is typed as a command of its shell.
const PROGRAM: &str = r#"#!/bin/sh
[ "$1" = --version ] && echo "0.0.0 (stand-in)" && exit
for word in "$@"; do case $word in --session-id=*|--resume=*) session=${word#*=};; esac; done
folder="$CLAUDE_CONFIG_DIR/projects/$(pwd | tr -c 'a-zA-Z0-9\n' -)"
mkdir -p "$folder"
printf '{"type":"user","message":{"role":"user","content":"hello"},"sessionId":"%s","cwd":"%s","timestamp":"%s"}\n' \
    "$session" "$(pwd)" "$(date -u +%Y-%m-%dT%H:%M:%S.000Z)" >> "$folder/$session.jsonl"
printf '%s\n' "$@" > "$HOME/arguments"
echo "session $session"
while read -r line; do eval "$line"; done
"#;

/// A designer on a terminal of its own.
struct Terminal(Child);

impl Terminal {
    /// Returns `None`, with the test skipped, if no terminal can be made here.
    fn start(repo: &TestRepo<'_>, arguments: &str) -> Option<Self> {
        if !testkit::has_terminal() {
            crate::skip("there is no terminal");
            return None;
        }
        let program = repo.world().bins().join("git-orchestra-designer");
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

/// Uses the stand-in as Claude Code.
fn with_program<'world>(repo: TestRepo<'world>) -> TestRepo<'world> {
    let program = repo.world().dir().join("designing");
    fs::write(&program, PROGRAM).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("made executable");
    repo.git(["config", "orchestra.agent.claude.program", &program.to_string_lossy()]);
    repo.git(["config", "orchestra.grace", "1s"]);
    repo
}

/// Waits until a designer runs with its program, and returns it.
fn live(repo: &TestRepo<'_>) -> Value {
    until("the designer runs", || {
        let running = |one: &Value| one["designer"] == true && one["phase"] == "running";
        let found = repo.agents().into_iter().find(running)?;
        let found = repo.agent(found["id"].as_str()?);
        found["pid"].is_i64().then_some(found)
    })
}

fn id(agent: &Value) -> String {
    agent["id"].as_str().expect("an id").to_owned()
}

fn arguments(repo: &TestRepo<'_>) -> String {
    let file = repo.world().home().join("arguments");
    until("its arguments are known", || fs::read_to_string(&file).ok().filter(|text| !text.is_empty()))
}

#[test]
fn its_agents_are_its_children_and_report_to_it() {
    let world = world();
    let repo = with_program(world.repo());
    let before = repo.checkout();
    let Some(mut terminal) = Terminal::start(&repo, "-- --verbose") else { return };
    let designer = live(&repo);
    let me = id(&designer);
    assert_eq!((&designer["liveness"], &designer["permission_mode"]), (&"live".into(), &Value::Null));
    assert_eq!((&designer["worktree"], &designer["commits"]), (&Value::Null, &Value::Null), "{designer}");
    let given = arguments(&repo);
    for word in ["--mcp-config=", "--allowedTools=mcp__orchestra", "--disallowedTools=Edit", "--verbose"] {
        assert!(given.contains(word), "{word}: {given}");
    }
    let servers = given.lines().find_map(|line| line.strip_prefix("--mcp-config=")).expect("a file");
    let servers: Value = serde_json::from_slice(&fs::read(servers).expect("the servers")).expect("JSON");
    let server = &servers["mcpServers"]["orchestra"];
    assert_eq!(server["args"], serde_json::json!(["mcp", "--write=spawn,send,control"]), "{servers}");
    assert_eq!(server["env"]["ORCHESTRA_ATTEMPT"], "${ORCHESTRA_ATTEMPT}", "no secret is in a file");
    let task = "git-orchestra inbox tell -k question 'which one?' && cat > told.txt";
    terminal.types(&format!("git-orchestra spawn -d --agent sh --name asks -- \"{task}\" < /dev/null"));
    let child = until("it asked", || {
        repo.agents().into_iter().find(|one| one["parent"] == me.as_str() && one["messages"] == 1)
    });
    let messages = repo.orchestra(["inbox", "--json", "--all"]).succeeded().json();
    let message = &messages["messages"][0];
    assert_eq!((&message["to"], &message["parent"]), (&"parent".into(), &me.as_str().into()), "{messages}");
    assert_eq!(message["agent"], child["id"]);
    repo.orchestra(["send", &me, "what people say"]).succeeded();
    let call =
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"inbox_list","arguments":{}}}"#;
    terminal.types(&format!(
        "echo '{call}' | git-orchestra mcp > \"$HOME/answer\"; mv \"$HOME/answer\" \"$HOME/said\""
    ));
    let said = world.home().join("said");
    let said = until("the tool answered", || fs::read_to_string(&said).ok());
    assert!(said.contains("| what people say") && said.contains("to you from a person"), "{said}");
    assert!(said.contains("which one?"), "{said}");
    // What the model has read is not said again by a hook; what came since is, once.
    repo.orchestra(["send", &me, "one more thing"]).succeeded();
    let hook = |terminal: &mut Terminal, name: &str, moment: &str| {
        let input = format!("{{\"hook_event_name\":\"{moment}\"}}");
        terminal.types(&format!(
            "echo '{input}' | sh -c \"$(cat \"$HOME/hook\")\" > \"$HOME/answer\"; mv \"$HOME/answer\" \"$HOME/{name}\""
        ));
        let file = world.home().join(name);
        until("the hook answered", || fs::read_to_string(&file).ok())
    };
    let settings = given.lines().find_map(|line| line.strip_prefix("--settings=")).expect("settings");
    let settings: Value = serde_json::from_slice(&fs::read(settings).expect("settings")).expect("JSON");
    let command = settings["hooks"]["Stop"][0]["hooks"][0]["command"].as_str().expect("a command");
    fs::write(world.home().join("hook"), command).expect("written");
    let hooked: Value = serde_json::from_str(&hook(&mut terminal, "hooked", "Stop")).expect("JSON");
    assert_eq!(hooked["decision"], "block", "{hooked}");
    let reason = hooked["reason"].as_str().expect("a text");
    assert!(reason.ends_with("to you from a person\n| one more thing\n"), "{reason}");
    assert!(!reason.contains("what people say"), "{reason}");
    assert_eq!(hook(&mut terminal, "again", "UserPromptSubmit"), "");
    terminal.types("exit");
    let shown = terminal.ends();
    assert!(shown.contains(&format!("git orchestra designer --continue={me}")), "{shown}");
    let ended = repo.agent(&me);
    assert_eq!((&ended["phase"], &ended["liveness"]), (&"done".into(), &"ended".into()), "{ended}");
    assert_eq!(ended["session"], designer["session"]);
    repo.end_of(&id(&child));
    assert_eq!(repo.checkout(), before, "the checkout is as it was");
    let branches = repo.git(["for-each-ref", "--format=%(refname)", "refs/heads"]).succeeded().stdout();
    assert!(!branches.contains(&me), "{branches}");
    assert_eq!(repo.trailer(&me, "Designer"), "yes");
}

#[test]
fn its_conversation_continues_also_after_a_kill() {
    let world = world();
    let repo = with_program(world.repo());
    repo.orchestra(["designer", "--continue", "--print"]).exits(3).stderr_has("no earlier designer");
    let Some(terminal) = Terminal::start(&repo, "") else { return };
    let designer = live(&repo);
    let (me, session) = (id(&designer), designer["session"].as_str().expect("a session").to_owned());
    arguments(&repo);
    repo.orchestra(["designer", "--continue", "--print"]).exits(3).stderr_has("is already running");
    repo.orchestra(["attach", &me, "--print"]).exits(3).stderr_has(&format!("--continue={me}"));
    let killed = designer["supervisor_pid"].to_string();
    assert!(Command::new("kill").args(["-9", &killed]).status().expect("kill").success());
    until("it is lost", || (repo.agent(&me)["liveness"] == "lost").then_some(()));
    repo.orchestra(["resume", &me]).exits(3).stderr_has("is a designer, which runs in the terminal");
    // The terminal ends with the command, and the program with it.
    terminal.ends();
    until("its program has ended", || (repo.agent(&me)["orphans"] == serde_json::json!([])).then_some(()));
    fs::remove_file(world.home().join("arguments")).expect("removed");
    let Some(mut terminal) = Terminal::start(&repo, "--continue") else { return };
    let again = live(&repo);
    assert_eq!((id(&again), &again["attempt"]), (me.clone(), &2.into()));
    assert!(arguments(&repo).contains(&format!("--resume={session}")));
    terminal.types("exit 7");
    terminal.ends();
    let failed = repo.agent(&me);
    assert_eq!((&failed["phase"], &failed["reason"]), (&"failed".into(), &"exit code 7".into()), "{failed}");
    assert_eq!(failed["session"], session.as_str());
}

#[test]
fn stop_ends_its_program_and_its_agents_keep_running() {
    let world = world();
    let repo = with_program(world.repo());
    let Some(mut terminal) = Terminal::start(&repo, "") else { return };
    let me = id(&live(&repo));
    arguments(&repo);
    let wait = "while ! test -e go; do sleep 0.05; done";
    terminal.types(&format!("git-orchestra spawn -d --agent sh --name waits -- '{wait}' < /dev/null"));
    let child = until("it runs", || {
        repo.agents().into_iter().find(|one| one["parent"] == me.as_str() && one["phase"] == "running")
    });
    repo.orchestra(["stop", &me, "-m", "enough"]).succeeded();
    let shown = terminal.ends();
    assert!(shown.contains("1 agent that it started"), "{shown}");
    let stopped = repo.agent(&me);
    assert_eq!((&stopped["phase"], &stopped["reason"]), (&"stopped".into(), &"enough".into()), "{stopped}");
    assert_eq!(repo.agent(&id(&child))["phase"], "running");
    fs::write(repo.worktree(&id(&child)).join("go"), "").expect("written");
    repo.end_of(&id(&child));
    repo.orchestra(["doctor"]).succeeded();
    repo.orchestra(["cleanup", "--dry-run"]).succeeded();
}

#[test]
fn a_worktree_of_its_own_holds_what_it_wrote() {
    let world = world();
    let repo = with_program(world.repo());
    let before = repo.checkout();
    let Some(mut terminal) = Terminal::start(&repo, "--worktree --write") else { return };
    let designer = live(&repo);
    assert!(!arguments(&repo).contains("--disallowedTools"), "it may edit");
    terminal.types("echo designed > plan.txt");
    terminal.types("exit");
    terminal.ends();
    let ended = repo.agent(&id(&designer));
    assert_eq!((&ended["phase"], &ended["files_changed"]), (&"done".into(), &1.into()), "{ended}");
    assert_eq!(repo.file_in_head(&id(&designer), "plan.txt"), "designed\n");
    assert_eq!(repo.checkout(), before);
}

#[test]
fn the_work_of_a_killed_designer_is_saved_and_its_conversation_kept() {
    let world = world();
    let repo = with_program(world.repo());
    let Some(mut terminal) = Terminal::start(&repo, "--worktree --write") else { return };
    let designer = live(&repo);
    let me = id(&designer);
    arguments(&repo);
    terminal.types("echo designed > plan.txt; touch \"$HOME/written\"");
    until("it wrote", || world.home().join("written").exists().then_some(()));
    let killed = designer["supervisor_pid"].to_string();
    assert!(Command::new("kill").args(["-9", &killed]).status().expect("kill").success());
    until("it is lost", || (repo.agent(&me)["liveness"] == "lost").then_some(()));
    repo.orchestra(["status"]).succeeded().stderr_has(&format!("'git orchestra designer --continue={me}'"));
    terminal.ends();
    until("its program has ended", || (repo.agent(&me)["orphans"] == serde_json::json!([])).then_some(()));
    repo.orchestra(["stop", &me]).succeeded();
    assert_eq!(repo.file_in_head(&me, "plan.txt"), "designed\n");
    let ended = repo.agent(&me);
    assert_eq!((&ended["liveness"], &ended["files_changed"]), (&"ended".into(), &1.into()), "{ended}");
}

#[test]
fn a_conversation_that_can_continue_is_only_cleaned_up_by_name() {
    let world = world();
    let repo = with_program(world.repo());
    let Some(mut terminal) = Terminal::start(&repo, "") else { return };
    let me = id(&live(&repo));
    arguments(&repo);
    terminal.types("exit");
    terminal.ends();
    repo.orchestra(["cleanup"]).succeeded();
    assert_eq!(repo.agent(&me)["phase"], "done");
    repo.orchestra(["designer", "--continue", "--print"]).succeeded();
    repo.orchestra(["cleanup", &me]).succeeded();
    repo.orchestra(["designer", "--continue", "--print"]).exits(3).stderr_has("no earlier designer");
}

#[test]
fn it_hears_what_another_clone_changed_in_a_spec() {
    let world = world();
    let repo = with_program(world.repo());
    repo.write("text.md", "# Limits\n\none\ntwo\n");
    repo.orchestra(["spec", "new", "limits", "--from", "text.md"]).succeeded();
    fs::remove_file(repo.path().join("text.md")).expect("removed");
    world.git(world.dir(), ["init", "-q", "--bare", "hub.git"]);
    repo.git(["remote", "add", "origin", "../hub.git"]);
    repo.git(["push", "-q", "origin", "HEAD:main"]);
    repo.orchestra(["sync", "--yes"]).succeeded();
    world.git(world.dir(), ["clone", "-q", "-b", "main", "hub.git", "other"]);
    let other = TestRepo::new(&world, world.dir().join("other")).with_identity();
    other.orchestra(["sync", "--yes"]).succeeded();
    other.write("text.md", "# Limits\n\none\n2\n");
    other.orchestra(["spec", "edit", "limits", "--from", "text.md"]).succeeded();
    other.orchestra(["sync", "--yes"]).succeeded();
    let Some(mut terminal) = Terminal::start(&repo, "") else { return };
    let me = id(&live(&repo));
    arguments(&repo);
    repo.orchestra(["sync", "--yes"])
        .succeeded()
        .stderr_has(&format!("{me} hears what changed in the spec 'limits'"));
    let said: Vec<Value> = repo.events(&me).into_iter().filter(|fact| fact["t"] == "send").collect();
    let text = said[0]["text"].as_str().expect("a text");
    assert!(text.contains("from version 1 to 2") && text.contains("-two\n+2\n"), "{text}");
    repo.orchestra(["sync", "--yes"]).succeeded();
    assert_eq!(repo.events(&me).iter().filter(|fact| fact["t"] == "send").count(), 1, "once");
    terminal.types("exit");
    terminal.ends();
}

#[test]
fn what_cannot_be_a_designer_is_refused_with_what_can() {
    let world = world();
    let repo = with_program(world.repo());
    for other in ["sh", "aider", "api", "qwen"] {
        let ran = repo.orchestra(["designer", "--agent", other, "--print"]).exits(2);
        ran.stderr_has(&format!("'{other}' cannot be a designer"))
            .stderr_has("claude, codex, gemini, opencode");
    }
    repo.orchestra(["designer", "--agent", "nosuch", "--print"])
        .exits(3)
        .stderr_has("no agent program 'nosuch'");
    repo.orchestra(["designer"]).exits(2).stderr_has("a designer needs a terminal");
    let mut inside = repo.orchestra_command(["designer", "--print"]);
    testkit::Ran::of(inside.env("ORCHESTRA_ATTEMPT", "x"))
        .exits(3)
        .stderr_has("an agent cannot start a designer");
    let printed = repo.orchestra(["designer", "--print", "--json"]).succeeded().json();
    assert_eq!(printed["continues"], false);
    assert_eq!(repo.agents().len(), 0, "nothing was recorded");
    // A caller that only has the name of a designer starts nothing.
    let mut forged = repo.orchestra_command(["spec", "new", "x", "--from", "file.txt"]);
    let forged =
        testkit::Ran::of(forged.env("ORCHESTRA_AGENT", "designer-k3m9q").env("ORCHESTRA_ATTEMPT", "x"));
    forged.exits(3).stderr_has("only people and designers change specs");
}
