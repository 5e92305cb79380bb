//! The profile `claude`: what is read, what is started, and what its exits mean. The scripted program
//! replaces the real one, which `tests/real` runs; the streams of the real one are fixtures.

use std::{collections::BTreeMap, path::PathBuf};

use orchestra::{
    agents::{self, Exchange, FailureKind, StreamEvent, StreamSummary},
    model::Cost,
};
use proptest::prelude::*;

use crate::world;

fn fixture(name: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/claude/stream");
    let bytes = std::fs::read(folder.join(format!("{name}.stream.jsonl"))).expect("a fixture");
    bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn open() -> Box<dyn Exchange> {
    let launcher = agents::program("claude").and_then(|program| program.launcher());
    launcher.expect("a program that can be started").protocol().open()
}

fn events(name: &str) -> Vec<StreamEvent> {
    let mut exchange = open();
    fixture(name).iter().flat_map(|line| exchange.read(line)).collect()
}

fn read_stream(name: &str) -> (StreamSummary, Vec<StreamEvent>) {
    let events = events(name);
    let mut summary = StreamSummary::default();
    events.iter().for_each(|event| summary.observe(event));
    (summary, events)
}

#[test]
fn the_real_streams_are_understood() {
    // The name, the word for the failure of the last turn, the turns, the denials.
    for (name, failure, turns, denials) in [
        ("write-and-commit", None, 3, 0),
        ("resumed", None, 1, 0),
        ("forked", None, 1, 0),
        ("denied", None, 2, 1),
        ("api-error", Some("api_error"), 1, 0),
        ("retry", None, 1, 0),
        ("max-turns", Some("max_turns"), 2, 0),
        ("subagent", None, 3, 0),
        ("partial", None, 1, 0),
        ("bad-resume", Some("error_during_execution"), 0, 0),
        ("v2.1.197-write-and-commit", None, 3, 0),
    ] {
        let (summary, events) = read_stream(name);
        let turn = summary.last_turn.clone().unwrap_or_else(|| panic!("{name} has no end"));
        assert_eq!(turn.failure.as_ref().map(|failure| failure.word.as_str()), failure, "{name}");
        assert_eq!((summary.usage.turns, summary.usage.denials), (turns, denials), "{name}");
        assert!(!events.iter().any(|event| matches!(event, StreamEvent::Unparsed(_))), "{name}: {events:?}");
        assert_eq!(summary.begun, name != "bad-resume", "{name}");
    }
}

#[test]
fn cost_and_tokens_cover_the_whole_session() {
    let costs: BTreeMap<&str, Option<Cost>> =
        ["write-and-commit", "resumed"].map(|name| (name, read_stream(name).0.usage.cost)).into();
    assert!(costs["resumed"] > costs["write-and-commit"], "{costs:?}");
    let (summary, _) = read_stream("write-and-commit");
    assert!(summary.usage.input_tokens > Some(1000) && summary.usage.output_tokens > Some(10), "{summary:?}");
    assert_eq!(summary.usage.session.as_deref(), Some("10000000-0000-4000-8000-000000000001"));
}

#[test]
fn questions_interrupts_and_answers_are_understood() {
    let said = events("stdin-permission-interrupt");
    let asked: Vec<&str> = said
        .iter()
        .filter_map(|said| match said {
            StreamEvent::QuestionAsked(question) => Some(question.request.text.as_str()),
            _ => None,
        })
        .collect();
    assert!(!asked.is_empty() && asked.iter().all(|text| text.contains(' ')), "{asked:?}");
    let ends: Vec<Option<FailureKind>> = said
        .iter()
        .filter_map(|event| match event {
            StreamEvent::TurnEnded(turn) => Some(turn.failure.as_ref().map(|failure| failure.kind)),
            _ => None,
        })
        .collect();
    assert!(ends.contains(&Some(FailureKind::Interrupted)) && ends.contains(&None), "{ends:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Lines that are cut, changed or random are read without a panic.
    #[test]
    fn no_bytes_make_it_panic(name in 0usize..4, line in 0usize..30, cut: usize, byte: u8, junk in prop::collection::vec(any::<u8>(), 0..200)) {
        let lines = fixture(["write-and-commit", "denied", "subagent", "stdin-permission-interrupt"][name]);
        let mut bytes = lines[line % lines.len()].clone();
        let (mut exchange, mut summary) = (open(), StreamSummary::default());
        for bytes in [junk, {
            if !bytes.is_empty() {
                let at = cut % bytes.len();
                bytes[at] = byte;
            }
            bytes.clone()
        }, bytes[..cut % (bytes.len() + 1)].to_vec()] {
            let events = exchange.read(&bytes).into_iter();
            for event in events.chain(exchange.read_long(&mut bytes.as_slice(), 1)) {
                summary.observe(&event);
            }
        }
    }
}

#[test]
fn claude_is_the_default_and_its_uncommitted_changes_are_committed() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let before = repo.checkout();
    let ran =
        repo.orchestra(["spawn", "--name", "agent", "say I write.\nwrite hello.txt hi\nrefused git commit"]);
    let ran = ran.succeeded();
    assert!(ran.stderr().contains("1 commit, +1 -0; $0.01; 1 denied"), "{}", ran.stderr());
    let agent = repo.agents().remove(0);
    let id = agent["id"].as_str().expect("an id");
    assert_eq!(
        (&agent["phase"], &agent["commits"], &agent["denials"], &agent["turns"]),
        (&"done".into(), &1.into(), &1.into(), &1.into())
    );
    assert_eq!((&agent["input_tokens"], &agent["output_tokens"]), (&101.into(), &10.into()));
    assert_eq!((&agent["cost_usd"], &agent["model"]), (&0.01.into(), &"scripted-1".into()));
    assert_eq!(agent["permission_mode"], "acceptEdits");
    assert_eq!(repo.file_in_head(id, "hello.txt"), "hi\n");
    assert_eq!(repo.checkout(), before);
    // The session id was chosen and recorded before the program started.
    let starting = repo.events(id).into_iter().find(|fact| fact["phase"] == "starting").expect("a launch");
    assert_eq!(starting["session"], agent["session"]);
    assert_eq!(agent["session"].as_str().map(str::len), Some(36));
    // Plain git shows the cost.
    assert_eq!((repo.trailer(id, "Cost-Micros"), repo.trailer(id, "Denials")), ("10000".into(), "1".into()));
    let table = repo.orchestra(["status"]).succeeded().stdout();
    assert!(table.contains("COST") && table.contains("DENIED") && table.contains("$0.01"), "{table}");
}

#[test]
fn an_agent_spawned_by_an_agent_has_its_own_session() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let mut command = repo.orchestra_command(["spawn", "write a b"]);
    command.env("CLAUDECODE", "1").env("CLAUDE_CODE_ENTRYPOINT", "cli");
    testkit::Ran::of(&mut command).succeeded();
}

#[test]
fn its_log_reads_like_a_conversation() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "say I \u{1b}[31mwrite.\nwrite hello.txt hi\nrefused git commit -m x");
    repo.end_of(&id);
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    let expected = "> say I \\e[31mwrite.\n> write hello.txt hi\n> refused git commit -m x\nI \\e[31mwrite.\n  → Write hello.txt\n  \
                    ← File created\n  → Bash git commit -m x\n  ✗ denied: Bash: git commit -m x needs approval\n  ✗ git commit -m x\n\
                    ── done: 1 turn, $0.01, 1 denied ──\n";
    // Colours are removed, and other control sequences made visible.
    let log = log.replace("I write.", "I \\e[31mwrite.").replace("> say I \\e[31m\\e[31m", "> say I \\e[31m");
    assert_eq!(log, expected);
    let raw = repo.orchestra(["logs", "--raw", &id]).succeeded().stdout();
    assert!(raw.lines().any(|line| line.contains("\"type\":\"result\"")), "{raw}");
}

#[test]
fn its_flags_come_from_the_command_line_and_git_config() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "orchestra.allowedCli", "gh, az"]);
    let extra = world.dir().join("extra");
    std::fs::create_dir(&extra).expect("a folder");
    let extra = extra.to_string_lossy().into_owned();
    let id = repo.spawn_claude(
        &[
            "--permission",
            "plan",
            "--allow",
            "Bash(git *)",
            "--deny",
            "WebFetch",
            "--add-dir",
            &extra,
            "--model",
            "m1",
            "--append-system-prompt",
            "be brief",
            "--max-turns",
            "7",
            "--budget",
            "2.5",
            "--on-prompt",
            "ask",
        ],
        "write a b",
    );
    let agent = repo.end_of(&id);
    let file = world.scripted_conversation(agent["session"].as_str().expect("a session"));
    let noted: serde_json::Value = serde_json::from_str(file.lines().next().expect("a line")).expect("JSON");
    let given: Vec<&str> =
        noted["arguments"].as_array().expect("a list").iter().filter_map(|a| a.as_str()).collect();
    for flag in [
        "--print",
        "--verbose",
        "--input-format=stream-json",
        "--output-format=stream-json",
        "--permission-mode=plan",
        "--permission-prompt-tool=stdio",
        "--allowedTools=Bash(git *)",
        "--allowedTools=Bash(gh:*)",
        "--allowedTools=Bash(az:*)",
        "--disallowedTools=WebFetch",
        &format!("--add-dir={extra}"),
        "--model=m1",
        "--append-system-prompt=be brief",
        "--max-turns=7",
        "--max-budget-usd=2.500000",
    ] {
        assert!(given.contains(&flag), "{flag} in {given:?}");
    }
    // The task is passed on standard input, since every user of the machine can read command lines.
    assert!(!given.iter().any(|flag| flag.contains("write a b")), "{given:?}");
    assert_eq!(agent["permission_mode"], "plan");
}

#[test]
fn bypass_must_be_requested_and_is_shown_in_status() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "orchestra.permission", "bypassPermissions"]);
    repo.orchestra(["spawn", "-d", "hang"]).exits(3).stderr_has("type --permission bypassPermissions");
    repo.git(["config", "--unset", "orchestra.permission"]);
    let id = repo.spawn_claude(&["--permission", "bypassPermissions"], "hang");
    repo.wait_for(&id, "running");
    assert!(repo.orchestra(["status"]).succeeded().stdout().contains("running, bypass"));
}

#[test]
fn options_unknown_to_a_program_are_refused() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "--model", "m", "true"])
        .exits(2)
        .stderr_has("agent 'sh' does not support --model");
    repo.orchestra(["spawn", "--agent", "sh", "--budget", "many", "true"]).exits(2).stderr_has("2.50");
    repo.orchestra(["spawn", "--permission", "all", "true"]).exits(2).stderr_has("acceptEdits");
    repo.orchestra(["spawn", "--add-dir", "not-there", "true"]).exits(2).stderr_has("no folder");
    assert!(repo.refs("refs/orchestra").is_empty());
}

#[test]
fn a_missing_program_error_says_how_to_install_it() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.agent.mine.command", "cat {prompt_file}"]);
    repo.git(["config", "orchestra.agent.claude.program", "no-such-claude"]);
    let ran = repo.orchestra(["spawn", "x"]).exits(3).stderr_has("no program 'claude' on PATH");
    let ran = ran.stderr_has("npm install -g @anthropic-ai/claude-code").stderr_has("ready here: sh, mine");
    assert!(ran.stdout().is_empty());
    assert!(repo.refs("refs/orchestra").is_empty());
}

#[test]
fn unusual_and_huge_lines_are_accepted() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "noise\nlong 10000000\nlong 10000000\nlong 10000000\nwrite a b");
    let agent = repo.end_of(&id);
    assert_eq!((&agent["phase"], &agent["commits"]), (&"done".into(), &1.into()), "{agent}");
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert!(log.contains("not JSON\n") && log.contains("bad \u{fffd} byte"), "{log}");
    assert_eq!(log.matches("; --raw shows it").count(), 3, "{log}");
}

#[test]
fn a_denial_without_any_change_is_a_failure() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "refused touch x");
    let agent = repo.end_of(&id);
    assert_eq!((&agent["phase"], &agent["reason"]), (&"failed".into(), &"denied: Bash touch x".into()));
}

#[test]
fn only_transient_failures_are_retried() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    // The task, the phase, the attempts, a part of the reason.
    for (task, phase, attempts, reason) in [
        ("fail 529 once\nwrite a b", "done", 2, ""),
        ("crash once\nwrite a b", "done", 2, ""),
        ("fail 529", "failed", 3, "API Error: 529"),
        ("fail 400", "failed", 1, "API Error: 400"),
        ("fail 401", "failed", 1, "not logged in"),
        ("say x\nexit 0", "failed", 1, "interrupted before it was done"),
        ("say x\nexit 143", "failed", 1, "ended by signal 15"),
    ] {
        let id = repo.spawn_claude(&[], task);
        let agent = repo.end_of(&id);
        assert_eq!(
            (&agent["phase"], &agent["attempt"]),
            (&phase.into(), &attempts.into()),
            "{task}: {agent}"
        );
        let said = agent["reason"].as_str().unwrap_or_default();
        assert!(said.contains(reason), "{task}: {said}");
        if attempts == 2 {
            let again =
                repo.events(&id).into_iter().find(|fact| fact["attempt"] == 2).expect("a second launch");
            assert_eq!(again["session"], agent["session"], "the same conversation");
            assert!(
                again["reason"].as_str().is_some_and(|why| why.starts_with("retry 1 of 2 in 1 s: ")),
                "{again}"
            );
            let log = repo.orchestra(["logs", &id]).succeeded().stdout();
            assert!(log.contains("> You were interrupted ("), "{log}");
        }
    }
}

#[test]
fn an_idle_agent_times_out_after_the_retries() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&["--idle-timeout", "1s", "--retries", "0"], "say before\nhang");
    let agent = repo.end_of(&id);
    assert_eq!((&agent["phase"], &agent["reason"]), (&"timeout".into(), &"idle for 1 s".into()));
    let id = repo.spawn_claude(&["--idle-timeout", "1s"], "hang once\nwrite a b");
    let agent = repo.end_of(&id);
    assert_eq!((&agent["phase"], &agent["attempt"]), (&"done".into(), &2.into()), "{agent}");
}
