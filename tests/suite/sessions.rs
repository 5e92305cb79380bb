//! `sessions`: every session, with every field, from files that the programs wrote.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use testkit::{Ran, TestRepo, World};

use crate::world;

/// Installs the sessions that the real Claude Code wrote, as if they had taken place in `folder`.
pub(crate) fn with_fixtures(world: &World, folder: &Path) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/claude/config/projects");
    copy(&fixtures, &world.claude_config().join("projects"), &folder.to_string_lossy());
}

pub(crate) fn copy(from: &Path, to: &Path, folder: &str) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("fixtures").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target, folder);
        } else {
            let text = fs::read_to_string(entry.path()).expect("a fixture");
            fs::write(target, text.replace("/home/dev/project-a", folder)).expect("a file");
        }
    }
}

/// Returns the file of a fixture.
pub(crate) fn file(world: &World, id: &str) -> PathBuf {
    world.claude_config().join("projects/-home-dev-project-a").join(format!("{id}.jsonl"))
}

/// Returns the full id of a fixture.
pub(crate) fn id(last: &str) -> String {
    format!("10000000-0000-4000-8000-00000000000{last}")
}

/// Returns what `sessions --json` prints, ordered by the last character of the id.
pub(crate) fn listed(repo: &TestRepo<'_>, options: &[&str]) -> Vec<Value> {
    let arguments = [&["sessions", "--json"], options].concat();
    let report = repo.orchestra(arguments).succeeded().json();
    report["sessions"].as_array().cloned().expect("a list")
}

pub(crate) fn one(repo: &TestRepo<'_>, wanted: &str) -> Value {
    let found = listed(repo, &[]).into_iter().find(|session| session["id"] == wanted);
    found.unwrap_or_else(|| panic!("{wanted} is listed"))
}

pub(crate) fn ids(sessions: &[Value]) -> Vec<&str> {
    sessions.iter().filter_map(|session| session["id"].as_str()).collect()
}

/// Writes a session of one prompt and one answer, in the format of older versions.
pub(crate) fn write_small(world: &World, id: &str, cwd: &Path, prompt: &str) -> PathBuf {
    let folder = world.claude_config().join("projects/small");
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(format!("{id}.jsonl"));
    let line = |kind: &str, message: Value| {
        json!({"type": kind, "message": message, "cwd": cwd, "sessionId": id, "isSidechain": false,
            "gitBranch": "small", "timestamp": "2026-11-20T10:00:00.000Z"})
    };
    let lines = [
        line("user", json!({"role": "user", "content": prompt})),
        line(
            "assistant",
            json!({"id": "m1", "role": "assistant", "model": "m",
            "content": [{"type": "text", "text": format!("I heard: {prompt}")}]}),
        ),
    ];
    fs::write(&path, lines.map(|line| format!("{line}\n")).concat()).expect("a file");
    path
}

#[test]
fn every_field_is_what_the_program_recorded() {
    let world = world();
    let repo = world.repo();
    with_fixtures(&world, repo.path());
    let first = one(&repo, &id("1"));
    let here = repo.path().to_string_lossy().into_owned();
    for (field, value) in [
        ("program", json!("claude")),
        ("title", json!("Now FAKE-SAY again")),
        ("first_prompt", json!("Please do FAKE-WRITE hello.txt")),
        ("last_prompt", json!("Now FAKE-SAY again")),
        ("cwd", json!(here)),
        ("repository", json!(here)),
        ("branch", json!("feature-a")),
        ("messages", json!(6)),
        ("started_at", json!("2026-11-21T02:01:30.157Z")),
        ("model", json!("claude-opus-5-5")),
        ("input_tokens", json!(52097)),
        ("output_tokens", json!(86)),
        ("cost_usd", json!(0.210_108)),
        ("live", json!(false)),
        ("pid", Value::Null),
        ("size", json!(fs::metadata(file(&world, &id("1"))).expect("a file").len())),
        ("path", json!(file(&world, &id("1")))),
        ("agent", Value::Null),
        ("kept", json!(false)),
        ("subagents", json!([])),
    ] {
        assert_eq!(first[field], value, "{field}");
    }
    // A given title; subagents; unknown values stay unknown; results of tools and interrupts are not
    // messages.
    assert_eq!(one(&repo, &id("8"))["title"], "demo task");
    let parent = one(&repo, &id("7"));
    assert_eq!(parent["subagents"][0]["id"], "a6f6cea9d5151de20");
    assert_eq!(parent["subagents"][0]["kind"], "general-purpose");
    assert_eq!(parent["subagents"][0]["description"], "say something");
    assert_eq!(parent["messages"], 4, "the program's own notes are not prompts");
    assert_eq!(
        one(&repo, &id("2"))["last_prompt"],
        "Now FAKE-SAY forked",
        "not what was asked before the fork"
    );
    let old = one(&repo, &id("9"));
    assert_eq!((&old["cost_usd"], &old["messages"]), (&Value::Null, &json!(4)));
    assert_eq!(
        (&old["input_tokens"], &old["output_tokens"]),
        (&json!(58976), &json!(79)),
        "each answer once"
    );
    assert_eq!(one(&repo, &id("a"))["messages"], 6);
    assert_eq!(one(&repo, &id("4"))["messages"], 1, "an error of the service is no answer");
    // A subagent is not a session.
    assert_eq!(listed(&repo, &[]).len(), 8);
}

#[test]
fn subagents_of_older_versions_are_next_to_their_session() {
    let world = world();
    let repo = world.repo();
    let parent = write_small(&world, "parent-1", repo.path(), "delegate");
    write_small(&world, "parent-2", repo.path(), "something else");
    let line = json!({"type": "user", "isSidechain": true, "agentId": "a1", "sessionId": "parent-1", "cwd": repo.path(),
        "message": {"role": "user", "content": "inner"}});
    fs::write(parent.with_file_name("agent-a1.jsonl"), format!("{line}\n")).expect("a file");
    let all = listed(&repo, &[]);
    assert_eq!(all.len(), 2);
    for session in all {
        let expected = if session["id"] == "parent-1" { json!("a1") } else { Value::Null };
        assert_eq!(session["subagents"][0]["id"], expected, "{session}");
    }
}

#[test]
fn the_scope_is_the_repository_and_all_its_worktrees_even_removed_ones() {
    let world = world();
    let repo = world.repo();
    let other = world.repo_named("other");
    let linked = world.dir().join("linked");
    repo.git(["worktree", "add", "-q", &linked.to_string_lossy()]);
    let below = repo.path().join("src");
    fs::create_dir(&below).expect("a folder");
    let nested = world.dir().join("repo/nested");
    fs::create_dir(&nested).expect("a folder");
    world.git(&nested, ["init", "-q"]);
    let agents = world.dir().canonicalize().expect("a folder").join("repo.worktrees/gone-00000");
    for (id, cwd) in [
        ("main", repo.path()),
        ("linked", &linked),
        ("below", &below),
        ("nested", &nested),
        ("agents", &agents),
        ("other", other.path()),
        ("nowhere", Path::new("/nowhere/at/all")),
    ] {
        write_small(&world, id, cwd, id);
    }
    let found = || {
        let all = listed(&repo, &[]);
        let mut found: Vec<String> = ids(&all).into_iter().map(str::to_owned).collect();
        found.sort();
        found
    };
    let expected = ["agents", "below", "linked", "main"];
    assert_eq!(found(), expected);
    // A removed worktree is remembered.
    repo.git(["worktree", "remove", &linked.to_string_lossy()]);
    assert_eq!(found(), expected);
    assert_eq!(listed(&repo, &["--all"]).len(), 7);
    // Outside any repository only --all works.
    let ours = |arguments: &[&str]| {
        Ran::of(world.command(world.bins().join("git-orchestra-sessions"), world.dir()).args(arguments))
    };
    assert_eq!(ours(&["--all", "--json"]).succeeded().json()["sessions"].as_array().map(Vec::len), Some(7));
    ours(&[]).exits(128).stderr_has("--all includes every directory of this machine");
}

#[test]
fn a_list_is_filtered_by_time_program_branch_number_and_liveness() {
    let world = world();
    let repo = world.repo();
    with_fixtures(&world, repo.path());
    // Its file is the newest, but its messages are not.
    write_small(&world, "small-1", repo.path(), "small");
    assert_eq!(listed(&repo, &[]).last().expect("one")["id"], "small-1", "newest first");
    let newest = |limit: &str| ids(&listed(&repo, &["--limit", limit])).contains(&"small-1");
    assert!(!newest("1") && !newest("8") && newest("9"));
    assert_eq!(listed(&repo, &["--since", "2026-11-20T10:00:00Z"]).len(), 9);
    assert_eq!(listed(&repo, &["--since", "2026-11-20T10:00:01Z"]).len(), 8);
    // If no line has a time, that of the file counts.
    let untimed = write_small(&world, "untimed", repo.path(), "untimed");
    let text = fs::read_to_string(&untimed).expect("a file").replace("\"timestamp\"", "\"other\"");
    fs::write(&untimed, text).expect("a file");
    for options in [["--hours", "24"], ["--since", "2h"]] {
        assert!(ids(&listed(&repo, &options)).contains(&"untimed"));
    }
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(86_400);
    let file = fs::File::options().append(true).open(&untimed).expect("a file");
    file.set_modified(long_ago).expect("a time");
    assert!(!ids(&listed(&repo, &["--hours", "24"])).contains(&"untimed"));
    assert_eq!(listed(&repo, &["--since", "1970-01-02"]).len(), 10);
    assert_eq!(listed(&repo, &["--since", "1970-01-02T00:00:01Z"]).len(), 9);
    fs::remove_file(&untimed).expect("gone");
    assert_eq!(ids(&listed(&repo, &["--branch", "small"])), ["small-1"]);
    assert_eq!(listed(&repo, &["--program", "claude"]).len(), 9);
    let report = repo.orchestra(["sessions", "--json", "--limit", "2"]).succeeded().json();
    assert_eq!((report["sessions"].as_array().map(Vec::len), &report["more"]), (Some(2), &json!(7)));
    repo.orchestra(["sessions", "--program", "nobody"]).exits(2).stderr_has("those of claude, codex, gemini");
    repo.orchestra(["sessions", "--since", "yesterday-ish"]).exits(2).stderr_has("is not a time");
    let raw = repo.orchestra(["sessions", "-z", "--limit", "0"]).succeeded().stdout();
    assert_eq!(raw.split_terminator('\0').count(), 9);
    let table = repo.orchestra(["sessions"]).succeeded().stdout();
    assert!(table.contains("MESSAGES") && table.contains("$0.21") && table.contains("demo task"), "{table}");
    // A session is live if the process that its program recorded is still the same.
    assert!(listed(&repo, &["--live"]).is_empty());
    let registry = world.claude_config().join("sessions");
    fs::create_dir_all(&registry).expect("a folder");
    let me = orchestra::supervise::tree::ProcessId::me();
    let note = |start: u64| {
        let note = json!({"pid": me.pid, "procStart": start.to_string(), "sessionId": "small-1", "cwd": "/"});
        fs::write(registry.join(format!("{}.json", me.pid)), note.to_string()).expect("a note");
    };
    note(me.start + 1);
    assert!(listed(&repo, &["--live"]).is_empty(), "another process has its number now");
    note(me.start);
    let live = listed(&repo, &["--live"]);
    assert_eq!((ids(&live), &live[0]["pid"]), (vec!["small-1"], &json!(me.pid)));
}

#[test]
fn broken_files_are_reported_and_never_fatal() {
    let world = world();
    let repo = world.repo();
    write_small(&world, "good", repo.path(), "good");
    let odd = write_small(&world, "odd", repo.path(), "bad \u{1}");
    let mut bytes = fs::read(&odd).expect("a file");
    let at = bytes.windows(4).position(|four| four == b"bad ").expect("a place");
    bytes[at] = 0xff;
    bytes.extend_from_slice(b"[1]\n7\nnot JSON\n{\"type\":7}\n{\"type\":\"user\",\"message\":{\"con");
    fs::write(&odd, bytes).expect("a file");
    let projects = world.claude_config().join("projects");
    std::os::unix::fs::symlink(&projects, projects.join("loop")).expect("a link");
    std::os::unix::fs::symlink("/nowhere", projects.join("small/broken.jsonl")).expect("a link");
    fs::write(projects.join("small/empty.jsonl"), "").expect("a file");
    fs::write(projects.join("a-file"), "").expect("a file");
    let sessions = listed(&repo, &[]);
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    let odd = one(&repo, "odd");
    assert_eq!((&odd["first_prompt"], &odd["messages"]), (&json!("\u{fffd}ad \u{1}"), &json!(2)));
    let ran = repo.orchestra(["sessions", "--verbose"]).succeeded();
    assert!(ran.stderr().contains("odd.jsonl': 3 lines cannot be read"), "{ran:?}");
    assert!(ran.stderr().contains("broken.jsonl") && ran.stdout().contains("\\u{1}"), "{ran:?}");
    repo.orchestra(["sessions"]).succeeded().stderr_has("--verbose lists them");
    repo.orchestra(["sessions", "show", "odd"]).succeeded().stdout_has("I heard: bad \\u{1}");
}

#[test]
fn a_line_longer_than_memory_is_skipped_and_reported() {
    let world = world();
    let repo = world.repo();
    let path = write_small(&world, "long", repo.path(), "before");
    let small = fs::read(&path).expect("a file");
    let mut long = b"{\"type\":\"user\",\"toolUseResult\":\"".to_vec();
    long.resize(100 << 20, b'x');
    long.extend_from_slice(b"\"}\n");
    fs::write(&path, [small.as_slice(), &long, &small].concat()).expect("a file");
    let mut command = repo.command("sh");
    // Far less memory than the line is long.
    command.args(["-c", "ulimit -v 200000; git-orchestra-sessions --json --verbose"]);
    let ran = Ran::of(&mut command).succeeded().stderr_has("bytes is skipped");
    assert_eq!(ran.json()["sessions"][0]["messages"], 3, "the answer of one id is one answer");
    repo.orchestra(["sessions", "show", "long"]).succeeded().stderr_has("bytes is skipped");
}

#[test]
fn only_new_data_is_read_again() {
    let world = world();
    let repo = world.repo();
    let path = write_small(&world, "grows", repo.path(), "one");
    let index = repo.path().join(".git/orchestra/conversations");
    let messages = || one(&repo, "grows")["messages"].clone();
    assert_eq!(messages(), 2);
    let line = |text: &str| {
        let line = json!({"type": "user", "sessionId": "grows", "cwd": repo.path(), "timestamp": "2026-11-20T11:00:00.000Z",
            "message": {"role": "user", "content": text}});
        format!("{line}\n")
    };
    let append = |text: &str| {
        use std::io::Write;
        let mut file = fs::File::options().append(true).open(&path).expect("a file");
        file.write_all(text.as_bytes()).expect("written");
    };
    // The beginning is not read again: changes there have no effect.
    let begun = fs::read_to_string(&path).expect("a transcript");
    fs::write(&path, begun.replacen("\"type\":\"user\"", "\"type\":\"none\"", 1)).expect("a file");
    append(&line("two"));
    assert_eq!(messages(), 3);
    // An incomplete line counts once it is complete, and once.
    let third = line("three");
    let (half, rest) = third.split_at(40);
    append(half);
    assert_eq!(messages(), 3);
    append(rest);
    assert_eq!(messages(), 4);
    assert_eq!(one(&repo, "grows")["last_prompt"], "three");
    // A rewritten file is read anew, and so is everything if the index is missing.
    fs::write(&path, line("other").repeat(7)).expect("a file");
    assert_eq!(messages(), 7);
    fs::remove_file(&index).expect("an index");
    assert_eq!(messages(), 7);
    // Reading writes nothing else.
    assert!(repo.refs("refs/orchestra").is_empty() && repo.refs("refs/orchestra-local").is_empty());
}

#[test]
fn a_session_skipped_by_a_short_list_is_complete_in_a_long_one() {
    let world = world();
    let repo = world.repo();
    with_fixtures(&world, repo.path());
    // It is so long that its end is not read together with its beginning; it was moved here from elsewhere.
    let elsewhere = world.dir().join("elsewhere");
    let path = write_small(&world, "moved", &elsewhere, "begun elsewhere");
    let line = |cwd: &Path, prompt: &str| {
        let message = json!({"role": "user", "content": prompt});
        let line = json!({"type": "user", "message": message, "cwd": cwd, "sessionId": "moved", "gitBranch": "late",
            "timestamp": "2026-11-20T10:00:01.000Z"});
        format!("{line}\n")
    };
    let more: String = (0..200).map(|_| line(&elsewhere, &"more ".repeat(50))).collect();
    let text = fs::read_to_string(&path).expect("a file") + &more + &line(repo.path(), "ended here");
    fs::write(&path, text).expect("written");
    let index = repo.path().join(".git/orchestra/conversations");
    let whole = listed(&repo, &["--limit", "0"]);
    fs::remove_file(&index).expect("an index");
    let first = listed(&repo, &["--limit", "1"]);
    assert_eq!(first[..], whole[..1]);
    assert_eq!(listed(&repo, &["--limit", "0"]), whole);
    let moved = whole.iter().find(|session| session["id"] == "moved").expect("it is listed");
    assert_eq!((&moved["last_prompt"], &moved["branch"]), (&json!("ended here"), &json!("late")));
    fs::remove_file(&index).expect("an index");
    assert_eq!(ids(&listed(&repo, &["--branch", "late"])), ["moved"]);
}
