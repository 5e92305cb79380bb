//! Compares token counts with `ccusage` 20.0.24, without network: of recorded files, and of sessions that
//! the real programs have just created. Differences are explained.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use testkit::{Ran, TestRepo, World};

use crate::{
    codex::codex,
    gemini::gemini,
    opencode::opencode,
    sessions::claude,
    shapes::{CHILD, PARENT, Shape, answers, asks, codex as codex_shape, fixture, line, lines, shapes},
    test_bed::{self, TestBed},
};

/// The tokens read, including caches, and written.
type Tokens = (u64, u64);

/// Returns what both tools count for all sessions.
fn both(repo: &TestRepo<'_>, ccusage: &Path) -> (Tokens, Tokens) {
    let ours = repo.orchestra(["sessions", "stats", "--all", "--json"]).succeeded().json()["total"].clone();
    let count = |field: &str| ours[field].as_u64().unwrap_or(0);
    let mut command = repo.command(ccusage);
    let theirs =
        Ran::of(command.args(["session", "--json", "--offline"])).succeeded().json()["totals"].clone();
    let part = |field: &str| theirs[field].as_u64().unwrap_or(0);
    let read = part("inputTokens") + part("cacheCreationTokens") + part("cacheReadTokens");
    // Thinking tokens are part of the total only if the program reports them separately.
    ((count("input_tokens"), count("output_tokens")), (read, part("totalTokens") - read))
}

fn outside() -> Option<(World, PathBuf)> {
    let ccusage = test_bed::program("ccusage")?;
    let bins = Path::new(env!("CARGO_BIN_EXE_git-orchestra")).parent().expect("a folder of binaries");
    let world = World::new(bins);
    // Without this directory ccusage refuses to count the sessions of other programs.
    fs::create_dir_all(world.claude_config().join("projects")).expect("a folder");
    Some((world, ccusage))
}

/// Returns why `ccusage` counts less for a shape; `None` if both count the same.
fn why_less(id: &str, text: &str) -> Option<&'static str> {
    if id == "aaaaaaaa-0000-4000-8000-000000000001" {
        return Some("it does not read a line with half a surrogate pair");
    }
    let is_odd = |value: &str| {
        value.starts_with("null") || value.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('.')
    };
    let any = text.split("_tokens\":").skip(1).any(is_odd);
    any.then_some("it does not read a line with null or a fraction for a number of tokens")
}

#[test]
fn tokens_of_every_shape_match_ccusage() {
    let Some((world, ccusage)) = outside() else { return };
    let repo = world.repo();
    for shape in shapes() {
        let path = shape.lay(&world);
        let (ours, theirs) = both(&repo, &ccusage);
        match why_less(&shape.id, &shape.text) {
            None => assert_eq!(ours, theirs, "{}", shape.path),
            Some(why) => {
                assert!(theirs.0 < ours.0 && theirs.1 <= ours.1, "{} {ours:?} {theirs:?}: {why}", shape.path);
            }
        }
        fs::remove_file(path).expect("gone");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("fixtures").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file");
        }
    }
}

#[test]
fn tokens_of_recorded_sessions_match_ccusage() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for (from, to) in [("claude/config", "claude"), ("codex", ".codex"), ("gemini", ".gemini")] {
        let Some((world, ccusage)) = outside() else { return };
        let repo = world.repo();
        copy(&fixtures.join(from), &world.home().join(to));
        let (ours, theirs) = both(&repo, &ccusage);
        assert!(ours.0 > 0, "{from}");
        assert_eq!(ours, theirs, "{from}");
    }
}

/// Writes a session of Claude Code with a subagent that begins with a copy of its session, one of a
/// workflow, and a fork.
fn family(world: &World) {
    let folder = world.claude_config().join("projects/-w-app");
    let write = |path: &str, id: &str, told: &[Value]| {
        let told: Vec<Value> = told
            .iter()
            .map(|line| {
                let mut line = line.clone();
                line["sessionId"] = json!(id);
                line["uuid"] = json!(format!("{} {}", line["timestamp"], line["type"]));
                line["requestId"] = line["message"]["id"].clone();
                line
            })
            .collect();
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, lines(&told)).expect("a file");
    };
    let told = [asks("01", "delegate"), answers("02", "m1", "one", 10), answers("03", "m2", "two", 20)];
    write("parent.jsonl", "parent", &told);
    write(
        "parent/subagents/agent-a1.jsonl",
        "parent",
        &[told[2].clone(), answers("05", "m3", "three", 1000)],
    );
    write("parent/subagents/workflows/wf_1/agent-b2.jsonl", "parent", &[answers("07", "m4", "four", 5000)]);
    write("fork.jsonl", "fork", &[told.as_slice(), &[answers("09", "m5", "five", 100_000)]].concat());
    write(
        "gone/subagents/agent-c3.jsonl",
        "gone",
        &[line("10", "user", json!({"isSidechain": true})), answers("11", "m6", "six", 7)],
    );
}

#[test]
fn tokens_of_subagents_and_forks_match_ccusage() {
    let Some((world, ccusage)) = outside() else { return };
    let repo = world.repo();
    family(&world);
    let (ours, theirs) = both(&repo, &ccusage);
    assert_eq!((ours, ours.1), (theirs, 106_037));
    let lay = |id: &str, name: &str| -> Shape { codex_shape(id, fixture(name), json!({}), &[]) };
    let child = "codex-child-with-parents-header.rollout.jsonl";
    let Some((world, ccusage)) = outside() else { return };
    let repo = world.repo();
    lay(CHILD, child).lay(&world);
    // If its session is gone, all 2,500 tokens in its file are counted there. ccusage counts one of the two
    // copies that the file repeats as its own, and not the other.
    assert_eq!(both(&repo, &ccusage), ((2500, 250), (1500, 150)));
    lay(PARENT, "codex-parent-repeated-token-counts.rollout.jsonl").lay(&world);
    assert_eq!(both(&repo, &ccusage), ((2500, 250), (2500, 250)));
}

#[test]
fn tokens_of_new_sessions_match_ccusage() {
    let Some(ccusage) = test_bed::program("ccusage") else { return };
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let mut before = (0, 0);
    let mut same = |name: &str| {
        let (ours, theirs) = both(&repo, &ccusage);
        assert_eq!(ours, theirs, "{name}");
        assert!(ours.0 > before.0 && ours.1 > before.1, "{name} adds something to {before:?}: {ours:?}");
        before = ours;
    };
    let session = "20000000-0000-4000-8000-000000000003";
    Ran::of(&mut claude(&repo, &["-p", "FAKE-SAY one", "--session-id", session])).succeeded();
    same("claude");
    Ran::of(&mut claude(&repo, &["-p", "FAKE-SUBAGENT"])).succeeded();
    same("a subagent of claude");
    repo.orchestra(["sessions", "resume", session, "--fork", "--print", "-m", "FAKE-SAY forked"]).succeeded();
    same("a fork of claude");
    for (name, command) in [
        ("codex", codex(&test_bed, &repo, &["exec", "FAKE-SAY one"])),
        ("a subagent of codex", codex(&test_bed, &repo, &["exec", "FAKE-SPAWN now"])),
        ("gemini", gemini(&test_bed, &repo, &["-p", "FAKE-SAY one"])),
        ("opencode", opencode(&test_bed, &repo, &["run", "FAKE-SAY one"])),
        ("a subagent of opencode", opencode(&test_bed, &repo, &["run", "FAKE-TASK"])),
    ] {
        let Some(mut command) = command else { return };
        Ran::of(&mut command).succeeded();
        same(name);
    }
}
