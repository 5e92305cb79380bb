//! `sessions`: every conversation, and every field of it, from the files that the programs themselves wrote.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use testkit::{Ran, TestRepo, World};

use crate::world;

/// The conversations that the real Claude Code left, as if they had been held in `folder`.
pub(crate) fn with_fixtures(world: &World, folder: &Path) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/claude/config/projects");
    copy(&fixtures, &world.claude_config().join("projects"), &folder.to_string_lossy());
}

fn copy(from: &Path, to: &Path, folder: &str) {
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

/// The file of a fixture.
pub(crate) fn file(world: &World, id: &str) -> PathBuf {
    world.claude_config().join("projects/-home-dev-project-a").join(format!("{id}.jsonl"))
}

/// The whole id of a fixture.
pub(crate) fn id(last: &str) -> String {
    format!("10000000-0000-4000-8000-00000000000{last}")
}

/// What `sessions --json` says, by the last character of the id.
pub(crate) fn listed(repo: &TestRepo<'_>, options: &[&str]) -> Vec<Value> {
    let arguments = [&["sessions", "--json"], options].concat();
    let report = repo.orchestra(arguments).succeeded().json();
    report["sessions"].as_array().cloned().expect("a list")
}

fn one(repo: &TestRepo<'_>, wanted: &str) -> Value {
    let found = listed(repo, &[]).into_iter().find(|session| session["id"] == wanted);
    found.unwrap_or_else(|| panic!("{wanted} is listed"))
}

fn ids(sessions: &[Value]) -> Vec<&str> {
    sessions.iter().filter_map(|session| session["id"].as_str()).collect()
}

/// A conversation of one prompt and one answer, in the way of the older versions.
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
    // A title that was given; sub-agents; what is unknown is not invented; what tools gave and interrupts are no messages.
    assert_eq!(one(&repo, &id("8"))["title"], "demo task");
    let parent = one(&repo, &id("7"));
    assert_eq!(parent["subagents"][0]["id"], "a6f6cea9d5151de20");
    assert_eq!(parent["subagents"][0]["kind"], "general-purpose");
    assert_eq!(parent["subagents"][0]["description"], "say something");
    assert_eq!(parent["messages"], 4, "what the program told itself is no prompt");
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
    // A sub-agent is not a conversation.
    assert_eq!(listed(&repo, &[]).len(), 8);
}

#[test]
fn sub_agents_of_older_versions_lie_beside_their_conversation() {
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
fn the_scope_is_the_repository_and_its_worktrees_those_that_are_gone_too() {
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
    // A worktree that was removed is remembered.
    repo.git(["worktree", "remove", &linked.to_string_lossy()]);
    assert_eq!(found(), expected);
    assert_eq!(listed(&repo, &["--all"]).len(), 7);
    // Outside any repository only everything can be asked for.
    let ours = |arguments: &[&str]| {
        Ran::of(world.command(world.bins().join("git-orchestra-sessions"), world.dir()).args(arguments))
    };
    assert_eq!(ours(&["--all", "--json"]).succeeded().json()["sessions"].as_array().map(Vec::len), Some(7));
    ours(&[]).exits(128).says("--all looks at every folder of this machine");
}

#[test]
fn a_list_is_limited_by_time_program_branch_number_and_life() {
    let world = world();
    let repo = world.repo();
    with_fixtures(&world, repo.path());
    let small = write_small(&world, "small-1", repo.path(), "small");
    fs::File::options()
        .append(true)
        .open(&small)
        .and_then(|file| {
            file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(86_400))
        })
        .expect("a time");
    assert_eq!(listed(&repo, &[]).last().expect("one")["id"], "small-1", "newest first");
    assert_eq!(listed(&repo, &["--hours", "24"]).len(), 8);
    assert_eq!(listed(&repo, &["--since", "2h"]).len(), 8);
    assert_eq!(listed(&repo, &["--since", "1970-01-02"]).len(), 9);
    assert_eq!(listed(&repo, &["--since", "1970-01-02T00:00:01Z"]).len(), 8);
    assert_eq!(ids(&listed(&repo, &["--branch", "small"])), ["small-1"]);
    assert_eq!(listed(&repo, &["--program", "claude"]).len(), 9);
    let report = repo.orchestra(["sessions", "--json", "--limit", "2"]).succeeded().json();
    assert_eq!((report["sessions"].as_array().map(Vec::len), &report["more"]), (Some(2), &json!(7)));
    repo.orchestra(["sessions", "--program", "nobody"]).exits(2).says("those of claude, codex, gemini");
    repo.orchestra(["sessions", "--since", "yesterday-ish"]).exits(2).says("is no time");
    let raw = repo.orchestra(["sessions", "-z", "--limit", "0"]).succeeded().stdout();
    assert_eq!(raw.split_terminator('\0').count(), 9);
    let table = repo.orchestra(["sessions"]).succeeded().stdout();
    assert!(table.contains("MESSAGES") && table.contains("$0.21") && table.contains("demo task"), "{table}");
    // Alive is whom its program names, if it is still the same process.
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
fn what_is_broken_is_named_and_never_fatal() {
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
    assert!(ran.stderr().contains("broken.jsonl") && ran.stdout().contains("\\u{1}"), "{ran:?}");
    repo.orchestra(["sessions"]).succeeded().says("--verbose says what");
    repo.orchestra(["sessions", "show", "odd"]).succeeded().prints("I heard: bad \\u{1}");
}

#[test]
fn a_line_longer_than_memory_is_passed_over_and_said() {
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
    let ran = Ran::of(&mut command).succeeded().says("bytes is passed over");
    assert_eq!(ran.json()["sessions"][0]["messages"], 3, "the answer of one id is one answer");
    repo.orchestra(["sessions", "show", "long"]).succeeded().says("1 line too long to be read");
}

#[test]
fn only_what_is_new_is_read_again() {
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
    // Where the beginning counts for nothing any more, it was not read again: the index says so.
    let forged = fs::read_to_string(&index).expect("an index").replace("\"messages\":2", "\"messages\":102");
    fs::write(&index, forged).expect("an index");
    append(&line("two"));
    assert_eq!(messages(), 103);
    // A cut line counts when it is whole, and once.
    let third = line("three");
    let (half, rest) = third.split_at(40);
    append(half);
    assert_eq!(messages(), 103);
    append(rest);
    assert_eq!(messages(), 104);
    assert_eq!(one(&repo, "grows")["last_prompt"], "three");
    // What was rewritten is read anew, and so is everything without the index.
    fs::write(&path, line("other").repeat(7)).expect("a file");
    assert_eq!(messages(), 7);
    fs::remove_file(&index).expect("an index");
    assert_eq!(messages(), 7);
    // Looking writes nothing else.
    assert!(repo.refs("refs/orchestra").is_empty() && repo.refs("refs/orchestra-local").is_empty());
}

#[test]
fn one_is_shown_as_a_conversation() {
    let world = world();
    let repo = world.repo();
    with_fixtures(&world, repo.path());
    let shown = repo.orchestra(["sessions", "show", &id("1")]).succeeded().stdout();
    for line in [
        "folder    ",
        "cost      $0.21\n",
        "> Please do FAKE-WRITE hello.txt\n",
        "I will create hello.txt and commit it.\n  → Write ",
        "  ← File created",
        "> Now FAKE-SAY again\nYou said again.\n",
    ] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    let full = repo.orchestra(["sessions", "show", "--full", &id("1")]).succeeded().stdout();
    assert!(
        full.contains("hello from the scripted agent") && !shown.contains("hello from the scripted"),
        "{full}"
    );
    let report = repo.orchestra(["sessions", "show", "--json", &id("1")]).succeeded().json();
    assert_eq!((&report["kind"], &report["id"]), (&json!("session"), &json!(id("1"))));
    let roles: Vec<&str> =
        report["said"].as_array().expect("a list").iter().filter_map(|said| said["role"].as_str()).collect();
    assert_eq!(roles.iter().filter(|role| **role == "user").count(), 2);
    assert_eq!(roles.iter().filter(|role| **role == "result").count(), 2);
    repo.orchestra(["sessions", "show", "10000000"]).exits(3).says("means 8 conversations");
    repo.orchestra(["sessions", "show", "nothing"]).exits(3).says("no conversation 'nothing'");
}

#[test]
fn words_are_found_in_prompts_and_answers_alone() {
    let world = world();
    let repo = world.repo();
    with_fixtures(&world, repo.path());
    write_small(&world, "odd", repo.path(), "before\nSay \"Größe\" \u{1b}[31mnow\nafter");
    let search = |arguments: &[&str]| repo.orchestra([&["sessions", "search"], arguments].concat());
    let report = search(&["--json", "You said again."]).succeeded().json();
    let found: Vec<&Value> = report["sessions"].as_array().expect("a list").iter().collect();
    // The conversation, and the one that was forked from it.
    assert_eq!((found.len(), &report["searched"]), (2, &json!(9)));
    for one in found {
        let hit = &one["hits"][0];
        assert_eq!((&hit["role"], &hit["line"]), (&json!("assistant"), &json!("You said again.")));
        assert!(hit["at"].as_str().is_some_and(|at| at.starts_with("2026-11-21T02:01:3")), "{hit}");
    }
    // What tools were given and gave is not searched, nor what the program tells itself.
    search(&["File created"]).exits(1).says("not in 9 conversations");
    search(&["tool_use"]).exits(1);
    search(&["you SAID again"]).exits(1);
    assert_eq!(search(&["-l", "-i", "you SAID again"]).succeeded().stdout().lines().count(), 2);
    assert_eq!(search(&["-l", "-E", "said (again|forked)[.]$"]).succeeded().stdout().lines().count(), 2);
    for words in ["\"Größe\"", "größe", "SAY \"G"] {
        assert_eq!(search(&["-l", "-i", words]).succeeded().line(), "odd", "{words}");
    }
    let shown = search(&["-C", "1", "Größe"]).succeeded().stdout();
    assert!(shown.contains("  > before\n  > Say \"Größe\" \\e[31mnow\n  > after\n"), "{shown}");
    search(&["-E", "("]).exits(2).says("is no regular expression");
    search(&[""]).exits(2);
}

#[test]
fn an_export_is_markdown_or_every_byte() {
    let world = world();
    let repo = world.repo();
    with_fixtures(&world, repo.path());
    let text = repo.orchestra(["sessions", "export", &id("1")]).succeeded().stdout();
    for part in [
        "# Now FAKE-SAY again\n\n- Session: `10000000-0000-4000-8000-000000000001` (claude)\n",
        "\n## User (2026-11-21T02:01:30.234Z)\n\nPlease do FAKE-WRITE hello.txt\n",
        "\n## Agent (2026-11-21T02:01:30.319Z)\n\nI will create hello.txt and commit it.\n",
        "- **Bash** `git add -A",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("File created"), "{text}");
    let full = repo.orchestra(["sessions", "export", "--full", &id("1")]).succeeded().stdout();
    assert!(full.contains("```\nFile created"), "{full}");
    let raw = repo.orchestra(["sessions", "export", "--jsonl", &id("1")]).succeeded().stdout();
    assert_eq!(raw, fs::read_to_string(file(&world, &id("1"))).expect("a file"));
}

/// A program that says where it is, what it was told, and becomes nothing else.
fn with_a_stand_in(world: &World, repo: &TestRepo<'_>) {
    use std::os::unix::fs::PermissionsExt;
    let program = world.dir().join("stand-in");
    fs::write(&program, "#!/bin/sh\npwd\nprintf '%s\\n' \"$@\"\necho \"inside: ${CLAUDECODE:-no}\"\ncat\n")
        .expect("a file");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
    repo.git(["config", "orchestra.agent.claude.program", &program.to_string_lossy()]);
}

#[test]
fn one_is_gone_on_with_in_its_own_folder_and_program() {
    let world = world();
    let repo = world.repo();
    with_a_stand_in(&world, &repo);
    let there = world.dir().join("it's here");
    fs::create_dir(&there).expect("a folder");
    write_small(&world, "talk-1", &there, "hello");
    let mut command = repo
        .orchestra_command(["sessions", "resume", "talk", "--print", "-m", "and now?", "--", "--model", "m"]);
    command.env("CLAUDECODE", "1");
    let said = Ran::of(&mut command).succeeded().stdout();
    assert_eq!(
        said,
        format!("{}\n--resume=talk-1\n--print\n--model\nm\ninside: no\nand now?", there.display())
    );
    let ran = repo.orchestra(["sessions", "resume", "talk-1", "--fork", "-m", "other"]).succeeded();
    assert!(ran.stdout().contains("--resume=talk-1\n--fork-session\nother\n"), "{}", ran.stdout());
    let shown = repo.orchestra(["sessions", "resume", "talk-1", "-n"]).succeeded().line();
    assert_eq!(
        shown,
        format!(
            "cd '{}' && {} --resume=talk-1",
            there.to_string_lossy().replace('\'', "'\\''"),
            world.dir().join("stand-in").display()
        )
    );
    repo.orchestra(["sessions", "resume"]).exits(2).says("git orchestra sessions resume ID");
    repo.orchestra(["sessions", "resume", "talk-1", "--print"]).exits(2);
    // One that goes on elsewhere is left alone.
    let me = orchestra::supervise::tree::ProcessId::me();
    let registry = world.claude_config().join("sessions");
    fs::create_dir_all(&registry).expect("a folder");
    let note = json!({"pid": me.pid, "procStart": me.start, "sessionId": "talk-1"});
    fs::write(registry.join("1.json"), note.to_string()).expect("a note");
    let ran = repo.orchestra(["sessions", "resume", "talk-1"]).exits(3);
    ran.says(&format!("goes on in process {}", me.pid)).says("--fork");
    repo.orchestra(["sessions", "resume", "--fork", "talk-1", "-n"]).succeeded();
    fs::remove_dir_all(&registry).expect("gone");
    fs::remove_dir(&there).expect("gone");
    repo.orchestra(["sessions", "resume", "talk-1"]).exits(3).says("the folder of the conversation is gone");
}

#[test]
fn what_is_kept_outlives_what_its_program_deletes() {
    let world = world();
    let repo = world.repo();
    with_a_stand_in(&world, &repo);
    with_fixtures(&world, repo.path());
    let id = id("7");
    let read = || {
        let shown = repo.orchestra(["sessions", "show", &id]).succeeded().stdout();
        let shown = shown.split_once("\n\n").map(|(_, said)| said.to_owned());
        let raw = repo.orchestra(["sessions", "export", "--jsonl", &id]).succeeded().stdout();
        let found = repo.orchestra(["sessions", "search", "-l", "answered again"]).succeeded().line();
        (shown, raw, found)
    };
    let before = read();
    assert_eq!(repo.orchestra(["sessions", "keep", &id]).succeeded().line(), format!("{id} kept"));
    assert_eq!(
        repo.orchestra(["sessions", "keep", &id]).succeeded().line(),
        format!("{id} nothing new to keep")
    );
    let listed = one(&repo, &id);
    assert_eq!(listed["kept"], true);
    // A push sends nothing of it.
    let tip = repo.refs(&format!("refs/orchestra-local/transcripts/{id}"));
    assert_eq!(tip.len(), 1);
    let folder = world.claude_config().join("projects");
    fs::rename(&folder, world.dir().join("projects-before")).expect("gone");
    assert_eq!(read(), before);
    let kept = one(&repo, &id);
    for field in [
        "title",
        "messages",
        "cost_usd",
        "input_tokens",
        "cwd",
        "branch",
        "started_at",
        "last_active_at",
        "size",
    ] {
        assert_eq!(kept[field], listed[field], "{field}");
    }
    assert_eq!(kept["path"], Value::Null);
    // Going on puts it back to where its program looks for it, to the byte, with its sub-agents.
    repo.orchestra(["sessions", "resume", &id, "-n"]).succeeded().says("would put its transcript back");
    assert!(!folder.exists());
    repo.orchestra(["sessions", "resume", &id]).succeeded().prints(&format!("--resume={id}"));
    let all = Ran::of(world.command("diff", world.dir()).args(["-r", "projects-before"]).arg(&folder));
    assert!(
        !all.stdout().contains("differ") && all.stdout().contains("Only in projects-before"),
        "{}",
        all.stdout()
    );
    assert!(
        folder
            .join(format!("-home-dev-project-a/{id}/subagents/agent-a6f6cea9d5151de20.meta.json"))
            .is_file()
    );
    repo.orchestra(["sessions", "forget", "-n", &id]).succeeded().prints("would be forgotten");
    repo.orchestra(["sessions", "forget", &id]).succeeded();
    assert!(repo.refs("refs/orchestra-local/transcripts").is_empty());
    repo.orchestra(["sessions", "forget", &id]).exits(3).says("is not kept");
}

#[test]
fn agents_conversations_are_kept_and_their_worktrees_made_again() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let agent = repo.spawn_claude(&[], "say something\nwrite hello.txt hi");
    repo.end_of(&agent);
    let session = repo.agent(&agent)["session"].as_str().expect("a session").to_owned();
    let listed = one(&repo, &session);
    assert_eq!((&listed["agent"], &listed["kept"]), (&json!(agent), &json!(true)), "{listed}");
    assert_eq!(listed["live"], false);
    fs::remove_dir_all(world.claude_config().join("projects")).expect("gone");
    let worktree = repo.worktree(&agent);
    repo.git(["worktree", "remove", "--force", &worktree.to_string_lossy()]);
    repo.orchestra(["sessions", "show", &agent]).succeeded().prints("> say something");
    with_a_stand_in(&world, &repo);
    let ran = repo.orchestra(["sessions", "resume", &agent]).succeeded();
    assert!(
        ran.stdout().starts_with(&format!("{}\n--resume={session}\n", worktree.display())),
        "{}",
        ran.stdout()
    );
    assert_eq!(fs::read_to_string(worktree.join("hello.txt")).expect("a file"), "hi\n");
    let file = world.scripted_conversation(&session);
    assert!(file.contains("say something"), "{file}");
}

#[test]
fn sums_are_those_of_the_conversations_by_day_project_and_model() {
    let world = world();
    let repo = world.repo();
    with_fixtures(&world, repo.path());
    write_small(&world, "small-1", repo.path(), "small");
    let report = repo.orchestra(["sessions", "stats", "--json"]).succeeded().json();
    let all = listed(&repo, &[]);
    let sum = |field: &str| all.iter().filter_map(|one| one[field].as_u64()).sum::<u64>();
    let total = &report["total"];
    assert_eq!((&total["sessions"], &total["messages"]), (&json!(9), &json!(sum("messages"))));
    let micros = |value: &Value| (value.as_f64().expect("a cost") * 1e6).round() as i64;
    let costs: i64 =
        all.iter().filter(|one| !one["cost_usd"].is_null()).map(|one| micros(&one["cost_usd"])).sum();
    assert_eq!(micros(&total["cost_usd"]), costs);
    let days = report["days"].as_array().expect("a list");
    assert_eq!(
        days.iter().map(|day| &day["name"]).collect::<Vec<_>>(),
        [&json!("2026-11-21"), &json!("2026-11-20")]
    );
    assert_eq!(
        (&days[1]["messages"], &days[1]["cost_usd"], &days[1]["input_tokens"]),
        (&json!(2), &Value::Null, &Value::Null)
    );
    assert_eq!(report["projects"][0]["name"], json!(repo.path()));
    let models: Vec<&str> = report["models"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|model| model["name"].as_str())
        .collect();
    assert_eq!(models, ["claude-opus-5-5", "claude-opus-4-8", "m"]);
    let shown = repo.orchestra(["sessions", "stats"]).succeeded().stdout();
    assert!(shown.contains("2026-11-21") && shown.contains("TOTAL"), "{shown}");
}

const CODEX: &str = "01a1ff68-246d-7860-b219-63aa3909e263";

/// The conversation that the real Codex left, as if it had been held in `folder`.
fn with_codex(world: &World, folder: &Path) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codex/sessions");
    let home = world.home().join(".codex/sessions");
    copy(&fixtures, &home, &folder.to_string_lossy());
    home.join(format!("2026/11/21/rollout-2026-11-21T18-39-37-{CODEX}.jsonl"))
}

#[test]
fn codex_every_field_is_what_the_program_recorded() {
    let world = world();
    let repo = world.repo();
    let path = with_codex(&world, repo.path());
    let here = repo.path().to_string_lossy().into_owned();
    let found = one(&repo, CODEX);
    for (field, value) in [
        ("program", json!("codex")),
        ("title", json!("FAKE-SAY again")),
        ("first_prompt", json!("FAKE-WRITE hello.txt")),
        ("last_prompt", json!("FAKE-SAY again")),
        ("cwd", json!(here)),
        ("repository", json!(here)),
        ("branch", json!("main")),
        ("messages", json!(6)),
        ("started_at", json!("2026-11-21T18:39:37.653Z")),
        ("model", json!("fake-model")),
        ("input_tokens", json!(41539)),
        ("output_tokens", json!(92)),
        ("cost_usd", Value::Null),
        ("live", json!(false)),
        ("pid", Value::Null),
        ("size", json!(fs::metadata(&path).expect("a file").len())),
        ("path", json!(path)),
        ("agent", Value::Null),
        ("kept", json!(false)),
        ("subagents", json!([])),
    ] {
        assert_eq!(found[field], value, "{field}");
    }
    let shown = repo.orchestra(["sessions", "show", CODEX]).succeeded().stdout();
    for line in [
        "> FAKE-WRITE hello.txt\n",
        "I will create hello.txt and commit it.\n  → exec /bin/bash -lc mkdir",
        "  ✗ Author identity unknown",
        "You said again.\n",
    ] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    let found = repo.orchestra(["sessions", "search", "-l", "created hello", "-i"]).succeeded().line();
    assert_eq!(found, CODEX);
    // It is live as long as its program holds the file.
    let held = fs::File::open(&path).expect("a file");
    assert_eq!(one(&repo, CODEX)["pid"], std::process::id());
    drop(held);
    assert_eq!(one(&repo, CODEX)["live"], false);
    // Kept, and put back.
    repo.orchestra(["sessions", "keep", CODEX]).succeeded();
    let bytes = fs::read(&path).expect("a file");
    fs::remove_dir_all(world.home().join(".codex")).expect("gone");
    let program = world.dir().join("codex");
    fs::write(&program, "#!/bin/sh\necho \"$@\"; cat\n").expect("a file");
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    repo.git(["config", "orchestra.agent.codex.program", &program.to_string_lossy()]);
    let ran = repo.orchestra(["sessions", "resume", CODEX, "--print", "-m", "more"]).succeeded();
    assert_eq!(ran.stdout(), format!("exec resume {CODEX} -\nmore"));
    assert_eq!(fs::read(&path).expect("a file"), bytes);
    assert_eq!(
        repo.orchestra(["sessions", "resume", CODEX, "--fork"]).succeeded().line(),
        format!("fork {CODEX}")
    );
}

#[test]
fn gemini_every_field_is_what_the_program_recorded() {
    let world = world();
    let repo = world.repo();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gemini/tmp");
    let home = world.home().join(".gemini/tmp");
    copy(&fixtures, &home, &repo.path().to_string_lossy());
    let id = "f3288181-f59c-4757-ac9f-af512feff9ab";
    let path = home.join("project-a/chats/session-2026-11-21T18-48-f3288181.jsonl");
    let here = repo.path().to_string_lossy().into_owned();
    assert_eq!(listed(&repo, &[]).len(), 1, "the empty file that a resume leaves is no conversation");
    let found = one(&repo, id);
    for (field, value) in [
        ("program", json!("gemini")),
        ("title", json!("FAKE-SAY again")),
        ("first_prompt", json!("FAKE-WRITE gem.txt")),
        ("last_prompt", json!("FAKE-SAY again")),
        ("cwd", json!(here)),
        ("repository", json!(here)),
        ("branch", Value::Null),
        ("messages", json!(6)),
        ("started_at", json!("2026-11-21T18:48:58.388Z")),
        ("model", json!("gemini-2.5-pro")),
        ("input_tokens", json!(12328 + 12471 + 12702 + 12914)),
        ("output_tokens", json!(34 + 40 + 8 + 4)),
        ("cost_usd", Value::Null),
        ("live", json!(false)),
        ("size", json!(fs::metadata(&path).expect("a file").len())),
        ("path", json!(path)),
        ("kept", json!(false)),
    ] {
        assert_eq!(found[field], value, "{field}");
    }
    let shown = repo.orchestra(["sessions", "show", id]).succeeded().stdout();
    assert_eq!(shown.matches("I will create gem.txt").count(), 1, "it stands in two lines: {shown}");
    assert!(shown.contains("  → write_file ") && shown.contains("  ← Successfully created"), "{shown}");
    let hits = repo.orchestra(["sessions", "search", "--json", "I will create"]).succeeded().json();
    assert_eq!(hits["sessions"][0]["hits"].as_array().map(Vec::len), Some(1), "{hits}");
    repo.orchestra(["sessions", "resume", id, "--fork", "-n"]).exits(3).says("cannot be forked");
}

#[test]
fn a_conversation_that_was_begun_by_hand_becomes_an_agent() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = "30000000-0000-4000-8000-000000000001";
    let small = write_small(&world, id, repo.path(), "Begun by hand");
    let folder = world.claude_config().join("projects/scripted");
    fs::create_dir_all(&folder).expect("a folder");
    fs::rename(&small, folder.join(format!("{id}.jsonl"))).expect("moved");
    let agent = repo.orchestra(["sessions", "adopt", id]).succeeded().line();
    assert!(agent.starts_with("begun-by-hand-"), "{agent}");
    let at_rest = repo.agent(&agent);
    assert_eq!((&at_rest["phase"], &at_rest["session"]), (&json!("stopped"), &json!(id)));
    let listed = one(&repo, id);
    assert_eq!((&listed["agent"], &listed["kept"]), (&json!(agent), &json!(true)));
    repo.orchestra(["sessions", "adopt", id]).exits(3).says(&format!("is of agent '{agent}'"));
    repo.orchestra(["resume", &agent, "-m", "write more.txt 2"]).succeeded();
    let done = repo.agent(&agent);
    assert_eq!((&done["phase"], &done["attempt"], &done["session"]), (&json!("done"), &json!(2), &json!(id)));
    assert_eq!(repo.file_in_head(&agent, "more.txt"), "2\n");
    let file = world.scripted_conversation(id);
    assert!(file.contains("Begun by hand") && file.contains("write more.txt 2"), "{file}");
}
