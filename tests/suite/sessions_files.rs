//! `sessions`: unusual files in the directories of sessions. None of them blocks a command, and skipped
//! files are reported.

use std::{
    fs,
    os::unix::{fs::symlink, net::UnixListener},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use testkit::{Ran, TestRepo, World};

use crate::{
    sessions::{ids, listed},
    sessions_shapes::shapes::{answers, asks, line, lines},
    world,
};

fn pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo").success());
}

/// Writes a session of Claude Code in a directory of projects.
fn talk(projects: &Path, folder: &str, id: &str, told: &[Value]) -> PathBuf {
    let path = projects.join(folder).join(format!("{id}.jsonl"));
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let told: Vec<Value> = told
        .iter()
        .map(|line| {
            let mut line = line.clone();
            line["sessionId"] = json!(id);
            line["uuid"] = json!(format!("{id} {}", line["timestamp"]));
            line
        })
        .collect();
    fs::write(&path, lines(&told)).expect("a file");
    path
}

fn projects(world: &World) -> PathBuf {
    world.claude_config().join("projects")
}

fn verbose(repo: &TestRepo<'_>) -> String {
    repo.orchestra(["sessions", "--all", "--verbose"]).succeeded().stderr()
}

#[test]
fn pipes_sockets_and_links_block_nothing_and_are_reported() {
    let world = world();
    let repo = world.repo();
    let all = projects(&world);
    let told = [asks("01", "look for the needle"), answers("02", "m1", "found", 5)];
    let path = talk(&all, "-w-app", "one", &told);
    let inner = all.join("-w-app/one/subagents");
    fs::create_dir_all(&inner).expect("a folder");
    fs::write(
        inner.join("agent-a1.jsonl"),
        lines(&[line("03", "user", json!({"isSidechain": true, "message": {"content": "x"}}))]),
    )
    .expect("a file");
    pipe(&inner.join("agent-a1.meta.json"));
    pipe(&inner.join("agent-a2.jsonl"));
    pipe(&all.join("-w-app/two.jsonl"));
    let _socket = UnixListener::bind(all.join("-w-app/three.jsonl")).expect("a socket");
    symlink("nowhere", all.join("-w-app/four.jsonl")).expect("a link");
    fs::write(all.join("-w-app/one (copy).jsonl"), lines(&told)).expect("a file");
    fs::create_dir_all(world.claude_config().join("sessions")).expect("a folder");
    pipe(&world.claude_config().join("sessions/1.json"));
    // Links to itself, to a directory that is found anyway, and to one elsewhere.
    symlink(&all, all.join("-loop")).expect("a link");
    symlink(all.join("-w-app"), all.join("-again")).expect("a link");
    talk(world.dir(), "elsewhere", "five", &told);
    symlink(world.dir().join("elsewhere"), all.join("-elsewhere")).expect("a link");
    // The same file under the name of another directory.
    fs::create_dir_all(all.join("-v")).expect("a folder");
    symlink(&path, all.join("-v/one.jsonl")).expect("a link");
    for folder in ["chats", "chats/session-x.jsonl"] {
        fs::create_dir_all(world.home().join(".gemini/tmp/p").join(folder)).expect("a folder");
    }
    pipe(&world.home().join(".gemini/tmp/p/.project_root"));
    pipe(&world.home().join(".gemini/tmp/p/chats/session-y.jsonl"));
    let found = listed(&repo, &["--all"]);
    assert_eq!(ids(&found), ["five", "one"]);
    assert_eq!(found[1]["subagents"].as_array().map(Vec::len), Some(1));
    let said = verbose(&repo);
    for (name, why) in [
        ("agent-a2.jsonl", "neither a file nor a folder"),
        ("two.jsonl", "neither a file nor a folder"),
        ("three.jsonl", "neither a file nor a folder"),
        ("four.jsonl", "No such file"),
        ("one (copy).jsonl", "not the id of a session"),
        ("-loop", "a folder that contains it"),
        ("session-y.jsonl", "neither a file nor a folder"),
    ] {
        assert!(said.lines().any(|line| line.contains(name) && line.contains(why)), "{name} in {said}");
    }
    assert!(!said.contains("-again"), "{said}");
    repo.orchestra(["sessions", "search", "--all", "the needle"]).succeeded();
    let sum = repo.orchestra(["sessions", "stats", "--all", "--json"]).succeeded().json()["total"].clone();
    assert_eq!((&sum["sessions"], &sum["output_tokens"]), (&json!(2), &json!(10)));
    for verb in ["show", "export", "keep"] {
        repo.orchestra(["sessions", verb, "one"]).succeeded();
    }
    repo.orchestra(["sessions", "resume", "--dry-run", "one"])
        .exits(3)
        .stderr_has("the folder of the session no longer exists");
    repo.orchestra(["sessions", "forget", "one"]).succeeded();
}

#[test]
fn one_id_in_two_directories_is_distinguished_by_path() {
    let world = world();
    let repo = world.repo();
    let all = projects(&world);
    let said = |at: &str, text: &str| [asks(at, text), answers(at, "m1", "ok", 5)];
    let later = talk(&all, "-a", "twice", &said("09", "the later one"));
    // It was copied after the other one was written.
    let earlier = talk(&all, "-b", "twice", &said("01", "the earlier one"));
    let found = listed(&repo, &["--all"]);
    assert_eq!(ids(&found), ["twice", "twice"]);
    assert_eq!((&found[0]["path"], &found[0]["other_files"]), (&json!(later), &json!([earlier])));
    let told = repo.orchestra(["sessions", "--all"]).succeeded().stderr_has("2 files have the id twice");
    told.stderr_has(&format!("sessions show {}", earlier.display()));
    let show = |name: &str| repo.orchestra(["sessions", "show", name]).succeeded().stdout();
    let by_id = show("twice");
    assert!(by_id.contains("> the later one\n"), "{by_id}");
    assert!(by_id.contains(&format!("also in   {}\n", earlier.display())), "{by_id}");
    let by_path = show(&earlier.to_string_lossy());
    assert!(by_path.contains("> the earlier one\n"), "{by_path}");
    repo.orchestra(["sessions", "export", "./nothing.jsonl"])
        .exits(3)
        .stderr_has("no session in file './nothing.jsonl'");
    repo.orchestra(["sessions", "keep", &earlier.to_string_lossy()]).succeeded();
    let kept = repo.git(["show", "refs/orchestra-local/transcripts/twice:transcript.jsonl"]).stdout();
    assert!(kept.contains("the earlier one"), "{kept}");
}

#[test]
fn several_configured_directories_are_read_and_a_missing_one_is_reported() {
    let world = world();
    let repo = world.repo();
    let told = [asks("01", "hello"), answers("02", "m1", "ok", 5)];
    for folder in ["a", "b", "c,d"] {
        let id = folder.replace(',', "-");
        talk(&world.dir().join(folder).join("projects"), "-w", &id, &told);
    }
    let at = |name: &str| world.dir().join(name).display().to_string();
    let ask = |named: &str, more: &[&str]| {
        let mut command = repo.orchestra_command([&["sessions", "--all"], more].concat());
        Ran::of(command.env("CLAUDE_CONFIG_DIR", named)).succeeded()
    };
    for (named, found) in [
        (at("a"), vec!["a"]),
        (format!("{},{}", at("a"), at("b")), vec!["a", "b"]),
        (format!("{} , {},", at("a"), at("b")), vec!["a", "b"]),
        // A directory whose name contains a comma.
        (at("c,d"), vec!["c-d"]),
    ] {
        let report = ask(&named, &["--json"]).json();
        assert_eq!(ids(report["sessions"].as_array().expect("a list")), found, "{named}");
    }
    let said = ask(&format!("{},{}", at("a"), at("gone")), &["-v"]).stderr();
    assert!(said.contains(&format!("'{}': CLAUDE_CONFIG_DIR names it", at("gone"))), "{said}");
    ask(&at("gone"), &[])
        .stderr_has(&format!("CLAUDE_CONFIG_DIR names '{}', which does not exist", at("gone")));
}

#[test]
fn sessions_of_the_second_default_directory_are_listed() {
    let world = world();
    let repo = world.repo();
    let mut hello = asks("01", "hello");
    hello["cwd"] = json!(repo.path());
    talk(&world.home().join(".config/claude/projects"), "-w", "older", &[hello.clone()]);
    talk(&world.home().join(".claude/projects"), "-w", "newer", &[asks("02", "hello")]);
    let mut command = repo.orchestra_command(["sessions", "--all", "--json"]);
    let report =
        Ran::of(command.env_remove("CLAUDE_CONFIG_DIR").env_remove("XDG_CONFIG_HOME")).succeeded().json();
    assert_eq!(ids(report["sessions"].as_array().expect("a list")), ["newer", "older"]);
    // The program looks there only if it is configured to.
    repo.git(["config", "orchestra.agent.claude.program", "true"]);
    for (id, folder) in [("older", Some(".config/claude")), ("newer", None)] {
        let path = world.home().join(".claude/projects/-w");
        fs::write(path.join("newer.jsonl"), lines(&[hello.clone()])).expect("a file");
        let mut command = repo.orchestra_command(["sessions", "resume", "--dry-run", id]);
        let shown = Ran::of(command.env_remove("CLAUDE_CONFIG_DIR").env_remove("XDG_CONFIG_HOME"))
            .succeeded()
            .stdout();
        let set = folder.map(|folder| format!(" CLAUDE_CONFIG_DIR={} ", world.home().join(folder).display()));
        assert_eq!(shown.contains("CLAUDE_CONFIG_DIR"), set.is_some(), "{shown}");
        assert!(set.is_none_or(|set| shown.contains(&set)), "{shown}");
    }
}

#[test]
fn incomplete_and_invalid_lines_are_reported_and_the_rest_counts() {
    let good = lines(&[asks("01", "the first prompt"), answers("02", "m1", "an answer", 5)]);
    let more = lines(&[asks("03", "the second prompt"), answers("04", "m2", "another", 7)]);
    let cut = "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"torn";
    for (id, text, messages, named) in [
        ("nul-tail", format!("{good}{more}\0\0\0\0"), 4, ""),
        ("nul-lines", format!("{good}\0\0\n\0\0\0{more}"), 4, ""),
        ("torn-end", format!("{good}{more}{cut}"), 4, "its last line is cut off"),
        ("torn-then-more", format!("{good}{cut}{more}"), 4, "1 line cannot be read"),
        ("torn-line", format!("{good}{cut}\n{more}"), 4, "1 line cannot be read"),
        ("bytes", format!("{good}\u{1}\u{2} no JSON at all\n{more}"), 4, "1 line cannot be read"),
        ("no-prompt", format!("{cut}\nno JSON\n"), 0, "2 lines cannot be read"),
        ("never-ended", cut.to_owned(), 0, "1 line cannot be read"),
    ] {
        let world = world();
        let repo = world.repo();
        let path = talk(&projects(&world), "-w-app", id, &[]);
        fs::write(&path, &text).expect("a file");
        // The second time it comes from the index.
        for _ in 0..2 {
            let found = listed(&repo, &["--all"]);
            if messages > 0 {
                assert_eq!(found[0]["messages"], messages, "{id}");
                assert_eq!(found[0]["output_tokens"], 12, "{id}");
            } else {
                assert_eq!(found.len(), 0, "{id}");
                repo.orchestra(["sessions", "show", id]).exits(3).stderr_has(named);
            }
            let said = verbose(&repo);
            assert!(said.contains(named) && said.is_empty() == named.is_empty(), "{id}: {said}");
        }
        if messages > 0 {
            let shown = repo.orchestra(["sessions", "show", id]).succeeded();
            assert!(shown.stdout().contains("> the second prompt\n"), "{id}: {}", shown.stdout());
            assert!(shown.stderr().contains(named), "{id}: {}", shown.stderr());
            repo.orchestra(["sessions", "search", "--all", "the second prompt"]).succeeded();
        }
    }
}

#[test]
fn a_line_over_the_limit_is_reported_by_every_reader() {
    let world = world();
    let repo = world.repo();
    let long = asks("02", "x".repeat(33 << 20));
    let told = [asks("01", "the needle"), long, answers("03", "m1", "the answer", 5)];
    talk(&projects(&world), "-w-app", "long", &told);
    assert_eq!(listed(&repo, &["--all"])[0]["messages"], 2);
    let said = |arguments: &[&str]| repo.orchestra(arguments).succeeded().stderr();
    for arguments in [
        ["sessions", "--all", "-v"].as_slice(),
        &["sessions", "stats", "--all", "-v"],
        &["sessions", "search", "--all", "-v", "needle"],
        &["sessions", "show", "long"],
        &["sessions", "export", "long"],
    ] {
        let said = said(arguments);
        assert!(said.contains(" bytes is "), "{arguments:?}: {said}");
    }
}

#[test]
fn absurd_times_and_numbers_do_not_distort_the_list() {
    let at = |time: &str, mut line: Value| {
        line["timestamp"] = json!(time);
        line
    };
    let used = |read: Value, written: Value| {
        line(
            "03",
            "assistant",
            json!({"message": {"id": "u", "model": "m", "content": "ok",
            "usage": {"input_tokens": read, "output_tokens": written}}}),
        )
    };
    let (good, found) = ("2026-05-01T10:00:02.000Z", json!("2026-05-01T10:00:02.000Z"));
    for (id, told, started, last) in [
        (
            "future",
            vec![at(good, asks("01", "x")), at("9999-12-31T00:00:00.000Z", asks("01", "y"))],
            found.clone(),
            None,
        ),
        (
            "epoch",
            vec![at("1970-01-01T00:00:00.000Z", asks("01", "x")), at(good, asks("01", "y"))],
            found.clone(),
            Some(found.clone()),
        ),
        (
            "words",
            vec![at("some day in the spring", asks("01", "x")), at(good, asks("01", "y"))],
            found.clone(),
            Some(found.clone()),
        ),
        ("zone", vec![at("2026-05-01T12:00:02+02:00", asks("01", "x"))], found.clone(), Some(found.clone())),
        (
            "numbers",
            vec![
                at(good, asks("01", "x")),
                at(good, used(json!(u64::MAX), json!(u64::MAX))),
                at(good, used(json!(-5), json!(1e300))),
            ],
            found.clone(),
            Some(found),
        ),
    ] {
        let world = world();
        let repo = world.repo();
        talk(&projects(&world), "-w-app", id, &told);
        let one = listed(&repo, &["--all"])[0].clone();
        assert_eq!(one["started_at"], started, "{id}");
        match last {
            Some(last) => assert_eq!(one["last_active_at"], last, "{id}"),
            None => assert!(!one["last_active_at"].as_str().expect("a time").starts_with("9999"), "{id}"),
        }
        repo.orchestra(["sessions", "stats", "--all"]).succeeded();
        repo.orchestra(["sessions", "show", id]).succeeded();
    }
}
