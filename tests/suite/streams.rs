//! Answers for programs that are not one JSON object: a stream of them, or records in a format that was typed.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Stdio},
};

use orchestra::wire;
use serde_json::Value;
use testkit::{Ran, TestRepo, schema_faults};

use crate::world;

/// Prints a line, waits for the file `go` in the repository, and prints another one.
const WAITS: &str = "echo first; until test -e ../../repo/go; do sleep 0.05; done; echo last";

/// Reads a line as an answer of a kind, which must match its schema.
fn line(kind: &str, line: &str) -> Value {
    let value: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!((&value["version"], &value["kind"]), (&1.into(), &kind.into()), "{line}");
    let described = wire::KINDS.iter().find(|one| one.name == kind).expect("a kind");
    assert_eq!(schema_faults(described.schema().as_value(), &value), [""; 0], "{line}");
    assert_eq!(wire::rewrite_answer(kind, line).expect("an answer"), line);
    value
}

fn lines(kind: &str, ran: &Ran) -> Vec<Value> {
    ran.stdout().lines().map(|one| line(kind, one)).collect()
}

fn start(repo: &TestRepo<'_>, arguments: &[&str]) -> (Child, BufReader<ChildStdout>) {
    // Without git in between, which a signal would end alone.
    let mut command = repo.command("git-orchestra");
    let mut child = command.args(arguments).stdout(Stdio::piped()).spawn().expect("started");
    let out = BufReader::new(child.stdout.take().expect("a pipe"));
    (child, out)
}

fn next(out: &mut BufReader<ChildStdout>) -> Value {
    let mut text = String::new();
    out.read_line(&mut text).expect("a line");
    line("change", text.trim_end())
}

#[test]
fn changes_are_lines_until_the_awaited_agents_have_ended() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn(WAITS);
    repo.wait_for(&id, "running");
    let (mut child, mut out) = start(&repo, &["status", "--watch", "--json", "--wait"]);
    let first = next(&mut out);
    assert_eq!(
        (&first["change"]["change"], &first["agents"][0]["id"]),
        (&"reset".into(), &id.as_str().into())
    );
    repo.write("go", "");
    let rest: Vec<Value> = out.lines().map(|text| line("change", &text.expect("a line"))).collect();
    let last = rest.last().expect("a change");
    assert_eq!(
        (&last["change"]["agent"], &last["agents"][0]["phase"]),
        (&id.as_str().into(), &"done".into())
    );
    assert!(child.wait().expect("an end").success());
    // An agent that failed is a no, as without --watch; an agent that does not exist is an error.
    let failed = repo.spawn("exit 3");
    repo.end_of(&failed);
    let ran = repo.orchestra(["status", "--watch", "--json", "--wait", &failed]).exits(1);
    assert_eq!(lines("change", &ran)[0]["agents"][0]["phase"], "failed");
    let ran = repo.orchestra(["status", "--watch", "--json", "nosuch"]).exits(3);
    assert_eq!(lines("error", &ran)[0]["code"], "agent-unknown");
}

#[test]
fn a_stream_ends_with_its_reader_with_ctrl_c_and_with_the_time_limit() {
    let world = world();
    let repo = world.repo();
    let (mut child, mut out) = start(&repo, &["status", "--watch", "--json"]);
    assert_eq!(next(&mut out)["agents"], serde_json::json!([]));
    drop(out);
    assert!(child.wait().expect("an end").success(), "nobody reads any more");
    let (mut child, mut out) = start(&repo, &["status", "--watch", "--json"]);
    next(&mut out);
    Ran::of(repo.command("kill").args(["-INT", &child.id().to_string()])).succeeded();
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    let id = repo.spawn(WAITS);
    repo.wait_for(&id, "running");
    let ran = repo.orchestra(["status", "--watch", "--json", "--wait=1s"]).exits(124);
    assert_eq!(lines("change", &ran)[0]["agents"][0]["id"], id.as_str());
    repo.write("go", "");
}

#[test]
fn entries_of_the_output_are_lines() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn(WAITS);
    repo.wait_for_output(&id, "first");
    let (mut child, out) = start(&repo, &["logs", "-f", "--json", &id]);
    repo.write("go", "");
    let all: Vec<Value> = out.lines().map(|text| line("log", &text.expect("a line"))).collect();
    assert!(child.wait().expect("an end").success());
    let text = |one: &Value| one["entry"]["event"]["text"].as_str().map(str::to_owned);
    assert_eq!(all.iter().map(text).collect::<Vec<_>>(), [Some("first".to_owned()), Some("last".to_owned())]);
    assert_eq!((&all[0]["agent"], &all[0]["attempt"]), (&id.as_str().into(), &1.into()));
    repo.end_of(&id);
    let last = lines("log", &repo.orchestra(["logs", "--json", "-n", "1", &id]).succeeded());
    assert_eq!(last.iter().map(text).collect::<Vec<_>>(), [Some("last".to_owned())]);

    // A conversation: one line for each entry, whatever its text contains.
    let talk = repo.spawn_claude(&[], "write hello");
    repo.end_of(&talk);
    let all = lines("log", &repo.orchestra(["logs", "--json", &talk]).succeeded());
    assert!(all.iter().any(|one| one["entry"]["event"]["kind"] == "tool_use"), "{all:?}");
    let two = lines("log", &repo.orchestra(["logs", "--json", "-n", "2", &talk]).succeeded());
    assert_eq!(two, all[all.len() - 2..]);
}

#[test]
fn one_attempt_is_shown_alone() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("if test -e ran; then echo second; else touch ran; echo first; exit 1; fi");
    repo.end_of(&id);
    repo.orchestra(["resume", "--fresh", &id]).succeeded();
    let shown = |number: &str| repo.orchestra(["logs", "--attempt", number, &id]).succeeded().stdout();
    assert_eq!((shown("1").as_str(), shown("2").as_str()), ("first\n", "second\n"));
    let ran = repo.orchestra(["logs", "--json", "--attempt", "7", &id]).exits(3);
    assert_eq!(lines("error", &ran)[0]["code"], "output-missing");
}

#[test]
fn agents_and_worktrees_are_printed_as_records() {
    let world = world();
    let repo = world.repo();
    let (one, two) = (repo.spawn("echo 1 > one"), repo.spawn("printf 'x\\ty'; exit 3"));
    repo.end_of(&one);
    repo.end_of(&two);
    let shown =
        |arguments: &[&str]| repo.orchestra([&["status", "--all"], arguments].concat()).succeeded().stdout();
    let mut all = [format!("{one} done 0|"), format!("{two} failed 3|")];
    all.sort();
    let mut lines: Vec<String> =
        shown(&["--format", "%(id) %(phase) %(exit_code)|%(waiting)"]).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, all);
    let record =
        repo.orchestra(["status", "-z", "--format=%(phase)%0a%(insertions)", &one]).succeeded().stdout();
    assert_eq!(record, "done\n1\0");
    repo.orchestra(["status", "--format", "%(phas)"]).exits(2).stderr_has("did you mean '%(phase)'?");
    repo.orchestra(["status", "--format", "x", "--json"]).exits(2);
    let paths = repo.orchestra(["worktrees", "-z"]).succeeded().stdout();
    let mut paths: Vec<&str> = paths.split_terminator('\0').collect();
    paths.sort_unstable();
    let mut known = [repo.worktree(&one), repo.worktree(&two)];
    known.sort();
    assert_eq!(paths, known.map(|path| path.to_string_lossy().into_owned()));
}

/// Without agents there are no records, and no words that a script would take for one.
#[test]
fn an_empty_repository_prints_no_record() {
    let world = world();
    let repo = world.repo();
    assert_eq!(repo.orchestra(["status", "--format", "%(id)"]).succeeded().stdout(), "");
    assert_eq!(repo.orchestra(["worktrees", "-z"]).succeeded().stdout(), "");
}
