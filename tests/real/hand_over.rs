//! A session is continued under another home directory.

use std::{fs, path::Path};

use serde_json::Value;
use testkit::{Ran, TestRepo};

use crate::{
    codex::codex,
    test_bed::{TestBed, program},
};

const WITH: [&str; 4] = ["sync", "--yes", "--with", "snapshots,transcripts"];

#[test]
fn a_session_continues_under_another_home_through_a_bare_repository() {
    let Some(test_bed) = TestBed::set() else { return };
    let a = test_bed.repo();
    let home = test_bed.world().dir().join("other-home");
    let (first, second) = continue_elsewhere(&test_bed, &a, ("CLAUDE_CONFIG_DIR", &home), "FAKE-WRITE b.txt");
    assert!(second["cost_usd"].as_f64() > first["cost_usd"].as_f64(), "{second}");
}

#[test]
fn so_does_a_session_of_codex() {
    let Some(test_bed) = TestBed::set() else { return };
    let a = test_bed.repo();
    let Some(_) = codex(&test_bed, &a, &[]) else { return };
    let codex = program("codex").expect("the program");
    test_bed.world().git(
        test_bed.world().dir(),
        ["config", "--global", "orchestra.agent.codex.program", &codex.to_string_lossy()],
    );
    test_bed.world().git(test_bed.world().dir(), ["config", "--global", "orchestra.agent", "codex"]);
    let home = test_bed.world().dir().join("other-home");
    fs::create_dir_all(&home).expect("a folder");
    fs::copy(test_bed.world().home().join(".codex/config.toml"), home.join("config.toml")).expect("settings");
    // The scripted model writes files where its conversation began, so that a command does it here.
    let (first, second) = continue_elsewhere(&test_bed, &a, ("CODEX_HOME", &home), "FAKE-DENIED");
    assert!(second["input_tokens"].as_u64() > first["input_tokens"].as_u64(), "{second}");
}

/// Lets an agent write a file in `a`, and continue its session in a clone that has another home. Returns the
/// agent before and after.
fn continue_elsewhere(
    test_bed: &TestBed,
    a: &TestRepo<'_>,
    home: (&str, &Path),
    message: &str,
) -> (Value, Value) {
    let world = a.world();
    let hub = world.dir().join("hub.git").to_string_lossy().into_owned();
    let there = world.dir().join("there");
    world.git(world.dir(), ["init", "-q", "--bare", &hub]);
    a.git(["remote", "add", "origin", &hub]);
    a.git(["push", "-q", "origin", "main"]);
    world.git(world.dir(), ["clone", "-q", &hub, &there.to_string_lossy()]);
    let b = TestRepo::new(world, there);
    let in_b = |arguments: &[&str]| Ran::of(b.orchestra_command(arguments).env(home.0, home.1));
    let task = [
        "spawn",
        "--detach",
        "--name",
        "moves",
        "--permission",
        "bypassPermissions",
        "--",
        "FAKE-WRITE a.txt",
    ];
    let id = a.orchestra(task).succeeded().line();
    let first = a.end_of(&id);
    a.orchestra(WITH).succeeded();
    in_b(&WITH).succeeded();
    let asked = test_bed.requests().len();
    in_b(&["resume", &id, "--permission", "bypassPermissions", "-m", message]).succeeded();
    let second = in_b(&["status", "--json", &id]).json()["agents"][0].clone();
    assert_eq!((&second["phase"], &second["attempt"]), (&"done".into(), &2.into()), "{second}");
    assert_eq!(second["session"], first["session"]);
    let head = format!("refs/orchestra/heads/{id}");
    assert!(b.file_in_head(&id, "a.txt").starts_with("hello"));
    assert!(b.has(&head, "b.txt") || b.has(&head, "denied-marker.txt"), "{second}");
    // The model received what was said on the other machine.
    let requests = test_bed.requests();
    let (before, after) = (&requests[0], &requests[asked]);
    assert!(after["messages"].as_u64() > before["messages"].as_u64().map(|n| n + 2), "{before} {after}");
    (first, second)
}
