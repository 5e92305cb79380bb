//! `sessions`: one session, shown, searched, exported, kept, summed up and resumed.

use std::{fs, path::Path};

use serde_json::{Value, json};
use testkit::{Ran, TestRepo, World};

use crate::{
    sessions::{file, id, listed, one, with_fixtures, write_small},
    world,
};

#[test]
fn a_session_is_shown_as_a_conversation() {
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
        "\n── you  2026-11-21T02:01:30.821Z\n> Now FAKE-SAY again\n\n── claude  2026-11-21T02:01:30.873Z\nYou said again.\n",
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
    repo.orchestra(["sessions", "show", "10000000"]).exits(3).stderr_has("is ambiguous: 8 sessions");
    repo.orchestra(["sessions", "show", "nothing"]).exits(3).stderr_has("no session 'nothing'");
}

#[test]
fn text_is_found_only_in_prompts_and_answers() {
    let world = world();
    let repo = world.repo();
    with_fixtures(&world, repo.path());
    write_small(&world, "odd", repo.path(), "before\nSay \"Größe\" \u{1b}[31mnow\nafter");
    let search = |arguments: &[&str]| repo.orchestra([&["sessions", "search"], arguments].concat());
    let report = search(&["--json", "You said again."]).succeeded().json();
    let found: Vec<&Value> = report["sessions"].as_array().expect("a list").iter().collect();
    // The session, and its fork.
    assert_eq!((found.len(), &report["searched"]), (2, &json!(9)));
    for one in found {
        let hit = &one["hits"][0];
        assert_eq!((&hit["role"], &hit["line"]), (&json!("assistant"), &json!("You said again.")));
        assert!(hit["at"].as_str().is_some_and(|at| at.starts_with("2026-11-21T02:01:3")), "{hit}");
    }
    // The input and output of tools is not searched, nor are the program's own notes.
    search(&["File created"]).exits(1).stderr_has("no match in 9 sessions");
    search(&["tool_use"]).exits(1);
    search(&["you SAID again"]).exits(1);
    assert_eq!(search(&["-l", "-i", "you SAID again"]).succeeded().stdout().lines().count(), 2);
    assert_eq!(search(&["-l", "-E", "said (again|forked)[.]$"]).succeeded().stdout().lines().count(), 2);
    for words in ["\"Größe\"", "größe", "SAY \"G"] {
        assert_eq!(search(&["-l", "-i", words]).succeeded().line(), "odd", "{words}");
    }
    let shown = search(&["-C", "1", "Größe"]).succeeded().stdout();
    assert!(shown.contains("  > before\n  > Say \"Größe\" \\e[31mnow\n  > after\n"), "{shown}");
    search(&["-E", "("]).exits(2).stderr_has("is not a valid regular expression");
    search(&[""]).exits(2);
}

#[test]
fn an_export_is_markdown_or_an_exact_copy() {
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

/// Installs a program that prints its directory and arguments, and exits.
fn with_a_stand_in(world: &World, repo: &TestRepo<'_>) {
    use std::os::unix::fs::PermissionsExt;
    let program = world.dir().join("stand-in");
    fs::write(&program, "#!/bin/sh\npwd\nprintf '%s\\n' \"$@\"\necho \"inside: ${CLAUDECODE:-no}\"\ncat\n")
        .expect("a file");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
    repo.git(["config", "orchestra.agent.claude.program", &program.to_string_lossy()]);
}

#[test]
fn a_session_is_resumed_in_its_own_directory_and_program() {
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
    repo.orchestra(["sessions", "resume"]).exits(2).stderr_has("git orchestra sessions resume ID");
    // The command can be printed even if the program is not installed.
    repo.git(["config", "orchestra.agent.claude.program", "not-installed-here"]);
    let shown = repo.orchestra(["sessions", "resume", "talk-1", "-n"]).succeeded().line();
    assert!(shown.ends_with(" && not-installed-here --resume=talk-1"), "{shown}");
    repo.orchestra(["sessions", "resume", "talk-1"])
        .exits(3)
        .stderr_has("no program 'not-installed-here' on PATH");
    with_a_stand_in(&world, &repo);
    repo.orchestra(["sessions", "resume", "talk-1", "--print"]).exits(2);
    // A session that is running elsewhere is refused.
    let me = orchestra::supervise::tree::ProcessId::me();
    let registry = world.claude_config().join("sessions");
    fs::create_dir_all(&registry).expect("a folder");
    let note = json!({"pid": me.pid, "procStart": me.start, "sessionId": "talk-1"});
    fs::write(registry.join("1.json"), note.to_string()).expect("a note");
    let ran = repo.orchestra(["sessions", "resume", "talk-1"]).exits(3);
    ran.stderr_has(&format!("is in use by process {}", me.pid)).stderr_has("--fork");
    repo.orchestra(["sessions", "resume", "--fork", "talk-1", "-n"]).succeeded();
    fs::remove_dir_all(&registry).expect("gone");
    fs::remove_dir(&there).expect("gone");
    repo.orchestra(["sessions", "resume", "talk-1"]).exits(3).stderr_has("the session no longer exists");
}

#[test]
fn a_kept_session_survives_deletion_by_its_program() {
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
    assert_eq!(repo.orchestra(["sessions", "keep", &id]).succeeded().line(), format!("{id} is up to date"));
    let inner = format!("projects/-home-dev-project-a/{id}/subagents/agent-a6f6cea9d5151de20.jsonl");
    let inner = world.claude_config().join(inner);
    fs::write(&inner, [fs::read(&inner).expect("a file"), b"{}\n".to_vec()].concat()).expect("written");
    assert_eq!(repo.orchestra(["sessions", "keep", &id]).succeeded().line(), format!("{id} kept"));
    let listed = one(&repo, &id);
    assert_eq!(listed["kept"], true);
    // A push does not send it.
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
    // Resuming restores it exactly where its program looks for it, with its subagents.
    repo.orchestra(["sessions", "resume", &id, "-n"]).succeeded().stderr_has("would restore its transcript");
    assert!(!folder.exists());
    repo.orchestra(["sessions", "resume", &id]).succeeded().stdout_has(&format!("--resume={id}"));
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
    repo.orchestra(["sessions", "forget", "-n", &id]).succeeded().stdout_has("would be deleted");
    repo.orchestra(["sessions", "forget", &id]).succeeded();
    assert!(repo.refs("refs/orchestra-local/transcripts").is_empty());
    repo.orchestra(["sessions", "forget", &id]).exits(3).stderr_has("is not kept");
}

#[test]
fn sessions_of_agents_are_kept_and_their_worktrees_recreated() {
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
    repo.orchestra(["sessions", "show", &agent]).succeeded().stdout_has("> say something");
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
fn sessions_are_summed_up_by_day_project_and_model() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["sessions", "stats"]).succeeded().stderr_has("no sessions here");
    with_fixtures(&world, repo.path());
    write_small(&world, "small-1", repo.path(), "small");
    let report = repo.orchestra(["sessions", "stats", "--json"]).succeeded().json();
    let all = listed(&repo, &[]);
    let sum = |field: &str| all.iter().filter_map(|one| one[field].as_u64()).sum::<u64>();
    let total = &report["total"];
    // The second is a fork of the first, which it repeats.
    let again = one(&repo, &id("1"));
    let messages = sum("messages") - again["messages"].as_u64().expect("a number");
    assert_eq!((&total["sessions"], &total["messages"]), (&json!(9), &json!(messages)));
    let micros = |value: &Value| (value.as_f64().expect("a cost") * 1e6).round() as i64;
    let costs: i64 =
        all.iter().filter(|one| !one["cost_usd"].is_null()).map(|one| micros(&one["cost_usd"])).sum();
    assert_eq!(micros(&total["cost_usd"]), costs - micros(&again["cost_usd"]));
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

/// Writes a session of Claude Code with `turns` as prompts, and the total cost after each. Every line has
/// its own id.
fn write_turns(world: &World, id: &str, cwd: &Path, began: &str, turns: &[(&str, f64)]) {
    let folder = world.claude_config().join("projects/turns");
    fs::create_dir_all(&folder).expect("a folder");
    let mut lines = vec![json!({"type": "queue-operation", "timestamp": began, "sessionId": id})];
    for (turn, cost) in turns {
        let line = |kind: &str, message: Value| {
            json!({"type": kind, "uuid": format!("{turn} {kind}"), "message": message, "cwd": cwd, "sessionId": id,
                "isSidechain": false, "timestamp": format!("2026-11-20T10:0{}:00.000Z", &turn[..1])})
        };
        lines.push(line("user", json!({"role": "user", "content": turn})));
        let answer = json!({"id": turn, "role": "assistant", "model": "m", "content": [{"type": "text", "text": "yes"}],
            "usage": {"input_tokens": 100, "output_tokens": 10}});
        lines.push(line("assistant", answer));
        lines.push(json!({"type": "last-prompt", "lastPrompt": turn, "sessionId": id}));
        // A fork does not have the ids of its session.
        if cost.is_normal() {
            let used = json!({"m": {"inputTokens": 100, "outputTokens": 10, "costUSD": cost}});
            lines.push(
                json!({"type": "cost-state", "sessionId": id, "totalCostUSD": cost, "modelUsage": used}),
            );
        }
    }
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(folder.join(format!("{id}.jsonl")), text).expect("a file");
}

#[test]
fn the_repeated_part_of_a_fork_is_counted_once() {
    let world = world();
    let repo = world.repo();
    let write = |id, began, turns: &[(&str, f64)]| write_turns(&world, id, repo.path(), began, turns);
    write("first", "2026-11-20T10:00:00.000Z", &[("1 a", 0.5), ("2 a", 0.75), ("3 a", 1.0)]);
    write("fork", "2026-11-20T11:00:00.000Z", &[("1 a", 0.0), ("2 a", 0.0), ("4 b", 1.25)]);
    write(
        "fork-of-it",
        "2026-11-20T12:00:00.000Z",
        &[("1 a", 0.0), ("2 a", 0.0), ("4 b", 0.0), ("5 c", 3.25)],
    );
    write("other", "2026-11-20T10:00:00.000Z", &[("9 d", 8.0)]);
    let report = repo.orchestra(["sessions", "stats", "--json"]).succeeded().json();
    let total = &report["total"];
    // Six turns; of the costs 1 of the first, a half of the fork, 2 of the fork of that, 8 of the other.
    assert_eq!(
        (
            &total["sessions"],
            &total["messages"],
            &total["input_tokens"],
            &total["output_tokens"],
            &total["cost_usd"]
        ),
        (&json!(4), &json!(12), &json!(600), &json!(60), &json!(11.5)),
        "{report}"
    );
    // Each still shows what its program recorded.
    let fork = one(&repo, "fork");
    assert_eq!((&fork["messages"], &fork["cost_usd"]), (&json!(6), &json!(1.25)));
}

#[test]
fn a_manual_session_becomes_an_agent() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = "30000000-0000-4000-8000-000000000001";
    let small = write_small(&world, id, repo.path(), "Begun by hand");
    let folder = world.claude_config().join("projects/scripted");
    fs::create_dir_all(&folder).expect("a folder");
    fs::rename(&small, folder.join(format!("{id}.jsonl"))).expect("moved");
    let agent = repo.orchestra(["sessions", "adopt", id]).succeeded().line();
    assert!(agent.starts_with("begun-hand-"), "{agent}");
    let at_rest = repo.agent(&agent);
    assert_eq!((&at_rest["phase"], &at_rest["session"]), (&json!("stopped"), &json!(id)));
    let listed = one(&repo, id);
    assert_eq!((&listed["agent"], &listed["kept"]), (&json!(agent), &json!(true)));
    repo.orchestra(["sessions", "adopt", id]).exits(3).stderr_has(&format!("belongs to agent '{agent}'"));
    repo.orchestra(["resume", &agent, "-m", "write more.txt 2"]).succeeded();
    let done = repo.agent(&agent);
    assert_eq!((&done["phase"], &done["attempt"], &done["session"]), (&json!("done"), &json!(2), &json!(id)));
    assert_eq!(repo.file_in_head(&agent, "more.txt"), "2\n");
    let file = world.scripted_conversation(id);
    assert!(file.contains("Begun by hand") && file.contains("write more.txt 2"), "{file}");
}

#[test]
fn typed_text_is_found_as_it_is_shown() {
    let world = world();
    let repo = world.repo();
    let command = "<command-message>review</command-message>\n<command-name>/review</command-name>\n<command-args>14 now</command-args>";
    write_small(&world, "command", repo.path(), command);
    write_small(&world, "shell", repo.path(), "<bash-input>git switch main</bash-input>");
    for (words, id) in [("/review 14", "command"), ("! git switch", "shell")] {
        let found = repo.orchestra(["sessions", "search", "--ids", words]).succeeded().stdout();
        assert_eq!(found, format!("{id}\n"), "{words}");
        repo.orchestra(["sessions", "show", id]).succeeded().stdout_has(&format!("> {words}"));
    }
}

#[test]
fn a_message_next_to_a_tool_result_is_the_persons() {
    let world = world();
    let repo = world.repo();
    let path = write_small(&world, "beside", repo.path(), "begin");
    let beside = |text: &str| {
        let content = json!([{"type": "tool_result", "content": "gave"}, {"type": "text", "text": text}]);
        json!({"type": "user", "message": {"content": content}, "timestamp": "2026-11-20T10:00:01.000Z"})
    };
    let before = fs::read_to_string(&path).expect("a file");
    let (words, note) = (beside("no, the other file"), beside("<system-reminder>be brief</system-reminder>"));
    fs::write(&path, format!("{before}{words}\n{note}\n")).expect("a file");
    let shown = repo.orchestra(["sessions", "show", "beside"]).succeeded().stdout();
    assert!(shown.contains("── you  2026-11-20T10:00:01.000Z\n> no, the other file\n"), "{shown}");
    assert!(shown.contains("  · be brief\n") && !shown.contains("<system-reminder>"), "{shown}");
    repo.orchestra(["sessions", "search", "the other file"]).succeeded();
}

#[test]
fn exported_edits_are_diffs_and_every_fence_is_closed() {
    let world = world();
    let repo = world.repo();
    let path = write_small(&world, "fences", repo.path(), "Aim\n===\n```sh\ncut off");
    let edit = json!([{"type": "tool_use", "name": "Edit", "input": {"file_path": "a.rs", "old_string": "old", "new_string": "new"}}]);
    let line = json!({"type": "assistant", "message": {"id": "m2", "content": edit}});
    let before = fs::read_to_string(&path).expect("a file");
    fs::write(&path, format!("{before}{line}\n")).expect("a file");
    let exported = repo.orchestra(["sessions", "export", "fences"]).succeeded().stdout();
    assert!(exported.contains("\n### Aim\n```sh\ncut off\n```\n\n\n## Agent"), "{exported}");
    assert!(exported.contains("- **Edit** `a.rs`\n  ```diff\n  -old\n  +new\n  ```\n"), "{exported}");
}
