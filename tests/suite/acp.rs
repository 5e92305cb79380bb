//! Agents that speak the Agent Client Protocol: the scripted one has every fault that was seen in a real one.

use orchestra::{
    agents::{self, StreamEvent, StreamSummary},
    model::Cost,
};
use serde_json::Value;
use testkit::{TestRepo, World, until};

use crate::{stop::marked, world};

/// Creates a repository in which `fake` is a scripted agent with these arguments.
fn repo<'a>(world: &'a World, arguments: &str) -> TestRepo<'a> {
    let repo = world.repo();
    for (key, value) in [
        ("orchestra.agent.fake.acp", format!("fake-acp {arguments}").as_str()),
        ("orchestra.retryDelay", "1s"),
        ("orchestra.grace", "1s"),
    ] {
        repo.git(["config", key, value]);
    }
    repo
}

fn spawn(repo: &TestRepo<'_>, options: &[&str], task: &str) -> String {
    let arguments =
        [&["spawn", "--detach", "--agent", "fake", "--name", "agent"], options, &["--", task]].concat();
    repo.orchestra(arguments).succeeded().line()
}

/// Returns the phase and the reason.
fn outcome(agent: &Value) -> (&str, &str) {
    (agent["phase"].as_str().unwrap_or_default(), agent["reason"].as_str().unwrap_or_default())
}

fn logs(repo: &TestRepo<'_>, id: &str) -> String {
    repo.orchestra(["logs", id]).succeeded().stdout()
}

#[test]
fn the_real_streams_are_understood() {
    let protocol = agents::program("qwen").and_then(|program| program.launcher()).expect("one").protocol();
    // The tool calls, the questions, the last mode, and the cost of the session.
    for (name, calls, questions, mode, cost_micros) in [
        ("gemini", &["edit /w/p/a.txt", "execute git add", "edit /w/p/b.txt"][..], 4, "default", None),
        ("opencode", &["edit /w/p/a.txt", "execute git add", "edit /w/p/b.txt"], 3, "build", Some(39_904)),
        ("qwen", &["execute echo hello", "execute git add", "execute echo hello"], 4, "default", None),
    ] {
        let path = format!("{}/tests/fixtures/acp/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
        let (mut exchange, mut summary) = (protocol.open(), StreamSummary::default());
        let (mut used, mut ends, mut asked) = (Vec::new(), 0, 0);
        for line in std::fs::read(path).expect("a fixture").split(|byte| *byte == b'\n') {
            for event in exchange.read(line) {
                summary.observe(&event);
                match event {
                    StreamEvent::ToolUse { name, about, .. } => used.push(format!("{name} {about}")),
                    StreamEvent::TurnEnded(turn) => {
                        assert!(turn.is_ok(), "{name}: {turn:?}");
                        ends += 1;
                    }
                    StreamEvent::QuestionAsked(_) => asked += 1,
                    StreamEvent::Unparsed(line) => panic!("{name}: {line}"),
                    _ => {}
                }
            }
        }
        assert!(calls.iter().zip(&used).all(|(call, used)| used.starts_with(call)), "{name}: {used:?}");
        assert_eq!((ends, asked, summary.mode.as_deref()), (3, questions, Some(mode)), "{name}");
        assert_eq!(summary.last_words.as_deref(), Some("You said hi."), "{name}");
        assert_eq!(summary.usage.cost.map(Cost::micros), cost_micros, "{name}");
    }
}

#[test]
fn an_agent_works_is_asked_and_answered_and_its_session_is_continued() {
    let world = world();
    let repo = repo(&world, "");
    let before = repo.checkout();
    let task = "say Hello, world\nplan\ncost 0.25\nwrite a.txt one\ncommit Add a\nask git push\nask make";
    let id = spawn(&repo, &["--on-prompt", "ask"], task);
    let agent = repo.wait_for(&id, "waiting");
    assert_eq!(agent["request"]["text"], "execute git push");
    assert!(agent["session"].as_str().is_some_and(|session| session.starts_with("session-")), "{agent}");
    repo.orchestra(["send", &id, "say of the next turn"]).succeeded();
    repo.orchestra(["send", &id, "--allow"]).succeeded();
    until("the second question", || (repo.agent(&id)["waiting"] == "execute make").then_some(()));
    repo.orchestra(["send", &id, "--deny", "-m", "say without make"]).succeeded();
    let first = repo.end_of(&id);
    assert_eq!((outcome(&first), &first["commits"]), (("done", ""), &1.into()), "{}", logs(&repo, &id));
    assert_eq!((&first["denials"], &first["cost_usd"]), (&1.into(), &0.25.into()));
    assert_eq!(repo.git(["log", "-1", "--format=%s", &format!("refs/orchestra/heads/{id}")]).line(), "Add a");
    let log = logs(&repo, &id);
    for line in [
        "Hello, world\n",
        "plan: 1 of 2 done, now: two",
        "my-allow_once for git push",
        "my-reject_once for make",
        "of the next turn",
        "without make",
        "its context holds 10 of 100 tokens",
    ] {
        assert!(log.contains(line), "{line} in {log}");
    }
    assert_eq!(log.matches("→ edit").count(), 1, "a call that is announced twice is one: {log}");
    // It is continued in the same session, and what the program repeats of it is not new.
    repo.orchestra(["resume", &id, "-m", "write b.txt two"]).succeeded();
    let second = repo.agent(&id);
    assert_eq!((&second["session"], &second["attempt"]), (&first["session"], &2.into()), "{second}");
    assert_eq!(repo.file_in_head(&id, "b.txt"), "two\n");
    assert!(!logs(&repo, &id).contains("an old answer"));
    let session = first["session"].as_str().expect("one");
    let heard = std::fs::read_to_string(world.home().join("acp-sessions").join(session)).expect("a file");
    assert_eq!(heard.lines().filter(|line| line.starts_with("user ")).count(), 4, "{heard}");
    assert_eq!(repo.checkout(), before);
}

#[test]
fn what_ends_a_handshake_is_named() {
    for (arguments, phase, reason) in [
        ("version=2", "failed", "it speaks version 2 of the Agent Client Protocol, not 1"),
        ("no-version", "failed", "does not say which version"),
        ("login", "failed", "not logged in: Authentication required: Log in (run 'fake login')"),
        ("exit-at=initialize", "failed", "interrupted before it was done"),
        ("exit-at=session/new", "failed", "interrupted before it was done"),
        ("exit-at=session/prompt", "failed", "interrupted before it was done"),
        ("hang-at=initialize", "timeout", "idle for 1 s"),
        ("hang-at=session/prompt", "timeout", "idle for 1 s"),
    ] {
        let world = world();
        let repo = repo(&world, arguments);
        let idle = if phase == "timeout" { ["--idle-timeout", "1s"].as_slice() } else { &[] };
        let id = spawn(&repo, &[idle, &["--retries", "0"]].concat(), "say x");
        let agent = repo.end_of(&id);
        assert_eq!(agent["phase"], phase, "{arguments}: {agent}");
        assert!(outcome(&agent).1.contains(reason), "{arguments}: {agent}");
        assert_eq!(marked(&format!("ORCHESTRA_AGENT={id}")), Vec::<String>::new(), "{arguments}");
    }
}

#[test]
fn how_a_turn_ends_is_named() {
    let world = world();
    let repo = repo(&world, "");
    for (task, expected) in [
        ("stop max_tokens", ("failed", "its answer reached the limit of tokens")),
        ("stop max_turn_requests", ("failed", "it reached its limit of requests to the model in one turn")),
        ("stop refusal", ("failed", "the model refused to continue")),
        ("stop cancelled", ("failed", "interrupted before it was done")),
        ("stop of_next_year", ("failed", "its turn ended for the unknown reason 'of_next_year'")),
        ("fail 400 bad request", ("failed", "bad request")),
        ("exit 0", ("failed", "interrupted before it was done")),
        ("say x", ("done", "nothing changed")),
    ] {
        let id = spawn(&repo, &["--retries", "0"], task);
        let agent = repo.end_of(&id);
        assert_eq!(outcome(&agent), expected, "{task}");
    }
}

#[test]
fn a_session_that_is_not_there_is_noticed_whatever_the_program_says() {
    for arguments in ["", "loads-anything"] {
        let world = world();
        let repo = repo(&world, arguments);
        let id = spawn(&repo, &[], "write a one");
        let first = repo.end_of(&id);
        assert_eq!(outcome(&first), ("done", ""));
        std::fs::remove_dir_all(world.home().join("acp-sessions")).expect("gone");
        repo.orchestra(["resume", &id, "-m", "write b two"]).exits(1);
        let agent = repo.agent(&id);
        assert!(
            agent["phase"] == "failed" && outcome(&agent).1.contains("does not know the session"),
            "{agent}"
        );
        assert!(
            !repo.has(&format!("refs/orchestra/heads/{id}"), "b"),
            "nothing was done without the session"
        );
        // With the whole task, nothing is lost by a new session.
        repo.orchestra(["resume", "--fresh", &id]).succeeded();
        let again = repo.agent(&id);
        assert_eq!(again["phase"], "done");
        assert_ne!(again["session"], first["session"]);
    }
}

#[test]
fn a_program_that_crashes_continues_its_session_and_its_kind_of_resuming_is_used() {
    for arguments in ["", "resume-only"] {
        let world = world();
        let repo = repo(&world, arguments);
        let id = spawn(&repo, &[], "exit 3 once\nwrite a one");
        let agent = repo.end_of(&id);
        assert_eq!((outcome(&agent), &agent["attempt"]), (("done", ""), &2.into()), "{arguments} {agent}");
        assert_eq!(std::fs::read_dir(world.home().join("acp-sessions")).expect("a folder").count(), 1);
        assert_eq!(repo.file_in_head(&id, "a"), "one\n");
    }
}

#[test]
fn noise_long_lines_left_over_calls_and_requests_for_files_are_tolerated() {
    let world = world();
    let repo = repo(&world, "");
    let task = "noise\nunknown\nlong 3000000\nleft-over\nlate make\nuse-files\nwrite a one";
    let id = spawn(&repo, &[], task);
    let agent = repo.end_of(&id);
    assert_eq!(outcome(&agent), ("done", ""), "{agent}");
    let log = logs(&repo, &id);
    for line in ["not JSON", "→ execute make", "it failed", "refused: -32601", "That is all."] {
        assert!(log.contains(line), "{line} in {log}");
    }
}

#[test]
fn an_option_that_is_not_offered_is_not_chosen() {
    let world = world();
    let repo = repo(&world, "");
    let task =
        "ask-allow_always,reject_once one\nask-allow_once,reject_once two\nask-allow_once,allow_always three";
    let id = spawn(&repo, &["--on-prompt", "ask"], task);
    let answer = |command: &str, options: &[&str]| {
        until(command, || (repo.agent(&id)["waiting"] == format!("execute {command}")).then_some(()));
        repo.orchestra([&["send", &id], options].concat()).succeeded()
    };
    answer("one", &["--allow"]);
    answer("two", &["--allow", "--always"]).stderr_has("allowed from now on: exactly execute two");
    answer("three", &["--allow", "--always"]).stderr_has("allowed from now on: allow_always: execute");
    let agent = repo.end_of(&id);
    let log = logs(&repo, &id);
    for line in ["my-reject_once for one", "my-allow_once for two", "my-allow_always for three"] {
        assert!(log.contains(line), "{line} in {log}");
    }
    assert_eq!((&agent["phase"], &agent["denials"]), (&"failed".into(), &1.into()), "{agent}");
    // Nobody answers: everything is denied, and nothing is left open.
    let id = spawn(&repo, &[], "ask make");
    assert_eq!(outcome(&repo.end_of(&id)), ("failed", "denied: execute make"));
}

#[test]
fn the_permission_mode_is_set_or_what_is_missing_is_said() {
    let world = world();
    let repo = repo(&world, "modes");
    let plan = repo.end_of(&spawn(&repo, &["--permission", "plan"], "say x"));
    assert_eq!(outcome(&plan), ("done", "nothing changed"), "{plan}");
    let session = plan["session"].as_str().expect("one");
    let heard = std::fs::read_to_string(world.home().join("acp-sessions").join(session)).expect("a file");
    assert!(heard.starts_with("mode plan\nuser say x"), "{heard}");
    repo.git(["config", "orchestra.agent.fake.acp", "fake-acp"]);
    let plan = repo.end_of(&spawn(&repo, &["--permission", "plan", "--retries", "0"], "say x"));
    assert_eq!(outcome(&plan), ("failed", "it has no mode in which it only plans"));
    for option in [["--max-turns", "3"], ["--budget", "1"], ["--allow", "Edit"]] {
        let refused = repo.orchestra([&["spawn", "--agent", "fake"], &option[..], &["--", "say x"]].concat());
        refused.exits(2).stderr_has("agent 'fake' does not support");
    }
}

#[test]
fn a_paused_and_a_stopped_agent_leave_no_process_and_a_program_that_stays_is_ended() {
    let world = world();
    let repo = repo(&world, "");
    let id = spawn(&repo, &[], "write a one\nsay ready\nleft-over\nawait go\nwrite b two");
    let mark = format!("ORCHESTRA_AGENT={id}");
    repo.wait_for_output(&id, "ready");
    repo.orchestra(["pause", &id]).succeeded();
    assert_eq!((&repo.agent(&id)["phase"], marked(&mark)), (&"paused".into(), vec![]));
    repo.orchestra(["resume", &id, "-d", "-m", "await go\nwrite c three"]).succeeded();
    repo.wait_for(&id, "running");
    repo.orchestra(["stop", &id]).succeeded();
    assert_eq!((&repo.agent(&id)["phase"], marked(&mark)), (&"stopped".into(), vec![]));
    repo.git(["config", "orchestra.agent.fake.acp", "fake-acp stays"]);
    let id = spawn(&repo, &[], "write a one");
    let agent = repo.end_of(&id);
    assert_eq!((outcome(&agent), &agent["exit_code"]), (("done", ""), &Value::Null), "{agent}");
    assert_eq!(marked(&format!("ORCHESTRA_AGENT={id}")), Vec::<String>::new());
}

#[test]
fn a_known_program_is_started_by_its_name_and_a_missing_one_is_explained() {
    let world = world();
    let repo = world.repo();
    let missing = repo.orchestra(["spawn", "--agent", "kimi", "--", "say x"]);
    missing
        .exits(3)
        .stderr_has("'kimi' is not installed: no program 'kimi' on PATH")
        .stderr_has("code.kimi.com");
    repo.git(["config", "orchestra.agent.qwen.program", &world.bins().join("fake-acp").to_string_lossy()]);
    let arguments = ["spawn", "--agent", "qwen", "-d", "--name", "x", "--", "write a one"];
    let id = repo.orchestra(arguments).succeeded().line();
    let agent = repo.end_of(&id);
    assert_eq!((outcome(&agent), &agent["profile"]), (("done", ""), &"qwen".into()), "{agent}");
}

#[test]
fn a_command_that_appeared_while_an_agent_ran_is_not_started() {
    let world = world();
    let repo = repo(&world, "");
    let script = "git config orchestra.agent.evil.acp 'touch evil; fake-acp'";
    repo.end_of(&repo.spawn(script));
    repo.orchestra(["spawn", "--agent", "evil", "--", "say x"]).exits(3);
    assert!(!repo.path().join("evil").exists());
}
