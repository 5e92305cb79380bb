//! `sessions`: shapes of files that people really have. Each is listed, summed up and shown as its program
//! meant it.

pub(crate) mod shapes;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use testkit::{TestRepo, World};

use self::shapes::{
    CHILD, PARENT, SPOKEN, Shape, answers, asks, claude, codex, fixture, line, lines, shapes,
    shapes_of_gemini,
};
use crate::{
    sessions::{listed, one},
    world,
};

/// Checks the list, the sums and the output of `show`.
fn is_right(shape: &Shape, world: &World, repo: &TestRepo<'_>) {
    let path = shape.lay(world);
    let all = listed(repo, &["--all"]);
    let found = all.iter().find(|found| found["id"] == shape.id);
    let found = found.unwrap_or_else(|| panic!("{} is listed", shape.path));
    for (field, value) in shape.fields.as_object().expect("fields") {
        assert_eq!(&found[field], value, "{field} of {}", shape.path);
    }
    let total = repo.orchestra(["sessions", "stats", "--all", "--json"]).succeeded().json()["total"].clone();
    for field in ["messages", "input_tokens", "output_tokens", "cost_usd"] {
        assert_eq!(total[field], found[field], "{field} of {} in the sums", shape.path);
    }
    let shown = repo.orchestra(["sessions", "show", &shape.id]).succeeded().stdout();
    for words in shape.shown {
        assert!(shown.contains(words), "{words} of {} in {shown}", shape.path);
    }
    let said = repo.orchestra(["sessions", "--all", "--verbose"]).succeeded();
    assert_eq!(said.stderr(), "", "{}: nothing is skipped", shape.path);
    fs::remove_file(path).expect("gone");
}

#[test]
fn every_shape_is_listed_summed_up_and_shown() {
    let world = world();
    let repo = world.repo();
    shapes().for_each(|shape| is_right(&shape, &world, &repo));
}

#[test]
fn a_rewritten_file_gives_the_same_session() {
    let world = world();
    let repo = world.repo();
    for shape in shapes() {
        // As editors and scripts write it: a byte order mark, spaces after colons, other line breaks.
        let spaced = shape.text.replace("\":", "\": ").replace('\n', "\r\n");
        is_right(&Shape { text: format!("\u{FEFF}{spaced}"), ..shape }, &world, &repo);
    }
}

#[test]
fn a_codex_subagent_with_its_parents_header_is_counted_once() {
    let world = world();
    let repo = world.repo();
    let none = json!({});
    codex(PARENT, fixture("codex-parent-repeated-token-counts.rollout.jsonl"), none.clone(), &[]).lay(&world);
    codex(CHILD, fixture("codex-child-with-parents-header.rollout.jsonl"), none, &[]).lay(&world);
    // The second time everything comes from the index.
    for _ in 0..2 {
        let all = listed(&repo, &["--all"]);
        assert_eq!(all.len(), 1, "{all:?}");
        let (found, inner) = (&all[0], &all[0]["subagents"][0]);
        assert_eq!(
            (&found["id"], &found["input_tokens"], &found["output_tokens"]),
            (&json!(PARENT), &json!(2500), &json!(250))
        );
        assert_eq!(
            (&inner["id"], &inner["input_tokens"], &inner["output_tokens"]),
            (&json!(CHILD), &json!(500), &json!(50))
        );
        assert_eq!(inner["description"], "reed at ember inlet olive");
        let total =
            repo.orchestra(["sessions", "stats", "--all", "--json"]).succeeded().json()["total"].clone();
        assert_eq!(
            (&total["input_tokens"], &total["output_tokens"], &total["messages"]),
            (&json!(2500), &json!(250), &json!(2))
        );
    }
    let shown = repo.orchestra(["sessions", "show", CHILD]).succeeded().stdout();
    assert!(
        shown.contains("tokens    500 read, 50 written\n") && shown.contains("ember inlet is zinc\n"),
        "{shown}"
    );
}

#[test]
fn repeated_lines_of_a_codex_fork_are_summed_up_once() {
    let world = world();
    let repo = world.repo();
    let none = json!({});
    codex(PARENT, fixture("codex-parent-repeated-token-counts.rollout.jsonl"), none.clone(), &[]).lay(&world);
    let child = fixture("codex-child-with-parents-header.rollout.jsonl");
    let (header, rest) = child.split_once('\n').expect("lines");
    let mut header: Value = serde_json::from_str(header).expect("JSON");
    header["payload"]["source"] = json!("cli");
    header["payload"]["parent_thread_id"] = Value::Null;
    codex(CHILD, format!("{header}\n{rest}"), none, &[]).lay(&world);
    let all = listed(&repo, &["--all"]);
    assert_eq!(all.len(), 2, "{all:?}");
    for one in all {
        let expected = if one["id"] == CHILD { (2500, 250) } else { (2000, 200) };
        assert_eq!(
            (&one["input_tokens"], &one["output_tokens"]),
            (&json!(expected.0), &json!(expected.1)),
            "{one}"
        );
    }
    let total = repo.orchestra(["sessions", "stats", "--all", "--json"]).succeeded().json()["total"].clone();
    assert_eq!(
        (&total["input_tokens"], &total["output_tokens"], &total["messages"]),
        (&json!(2500), &json!(250), &json!(4))
    );
}

/// Writes a session of Claude Code with a subagent, one of a workflow, and a fork of everything.
fn with_sub_agents(world: &World, repo: &TestRepo<'_>) -> PathBuf {
    let folder = world.claude_config().join("projects/-w-app");
    let of = |id: &str, mut line: Value, is_inner: bool| {
        line["sessionId"] = json!(id);
        line["cwd"] = json!(repo.path());
        line["isSidechain"] = json!(is_inner);
        line["uuid"] = json!(format!("{} {}", line["timestamp"], line["type"]));
        line
    };
    let told = [asks("01", "delegate"), answers("02", "m1", "one", 10), answers("03", "m2", "two", 20)];
    let write = |path: PathBuf, id: &str, told: &[Value], is_inner: bool| {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let told: Vec<Value> = told.iter().map(|line| of(id, line.clone(), is_inner)).collect();
        fs::write(path, lines(&told)).expect("a file");
    };
    write(folder.join("parent.jsonl"), "parent", &told, false);
    let inner = folder.join("parent/subagents");
    // It begins with a copy of its session.
    let repeats =
        [told[2].clone(), asks("04", "look for the needle"), answers("05", "m3", "the needle is here", 1000)];
    write(inner.join("agent-a1b2.jsonl"), "parent", &repeats, true);
    let workflow = [asks("06", "step"), answers("07", "m4", "a step", 5000)];
    write(inner.join("workflows/wf_1/agent-c3d4.jsonl"), "parent", &workflow, true);
    let fork = [told.as_slice(), &[asks("08", "go on"), answers("09", "m5", "gone on", 100_000)]].concat();
    write(folder.join("fork.jsonl"), "fork", &fork, false);
    folder
}

#[test]
fn usage_of_subagents_is_counted_once() {
    let world = world();
    let repo = world.repo();
    let folder = with_sub_agents(&world, &repo);
    for _ in 0..2 {
        let parent = one(&repo, "parent");
        assert_eq!((&parent["messages"], &parent["output_tokens"]), (&json!(3), &json!(6030)));
        assert_eq!(parent["input_tokens"], 4 * 120);
        let written = |at: usize| {
            (parent["subagents"][at]["id"].clone(), parent["subagents"][at]["output_tokens"].clone())
        };
        assert_eq!([written(0), written(1)], [(json!("a1b2"), json!(1000)), (json!("c3d4"), json!(5000))]);
        let total = repo.orchestra(["sessions", "stats", "--json"]).succeeded().json()["total"].clone();
        assert_eq!((&total["output_tokens"], &total["messages"]), (&json!(106_030), &json!(5)));
    }
    // The sums of the program include those of subagents.
    let path = folder.join("parent.jsonl");
    let text = fs::read_to_string(&path).expect("a file");
    let used = json!({"m": {"inputTokens": 480, "outputTokens": 6030, "costUSD": 0.5}});
    let sums = json!({"type": "cost-state", "sessionId": "parent", "totalCostUSD": 0.5, "modelUsage": used});
    fs::write(&path, format!("{text}{sums}\n")).expect("a file");
    let parent = one(&repo, "parent");
    assert_eq!((&parent["output_tokens"], &parent["cost_usd"]), (&json!(6030), &json!(0.5)));
}

#[test]
fn subagents_are_shown_searched_and_kept() {
    let world = world();
    let repo = world.repo();
    let folder = with_sub_agents(&world, &repo);
    let inner = one(&repo, "parent")["subagents"][0].clone();
    assert_eq!((&inner["messages"], &inner["description"]), (&json!(2), &json!("look for the needle")));
    let another = folder.join("parent/subagents/agent-a1b3.jsonl");
    fs::write(&another, lines(&[asks("01", "other")])).expect("a file");
    repo.orchestra(["sessions", "show", "a1b"])
        .exits(3)
        .stderr_has("'a1b' is ambiguous: 2 subagents")
        .stderr_has("a1b2, a1b3");
    fs::remove_file(another).expect("gone");
    let shown = repo.orchestra(["sessions", "show", "c3d4"]).succeeded().stdout();
    assert!(shown.contains("title     step\n"), "{shown}");
    assert!(shown.contains("> step\n") && shown.contains("\na step\n"), "{shown}");
    let shown = repo.orchestra(["sessions", "show", "parent"]).succeeded().stdout();
    assert!(shown.contains("subagent  a1b2 ") && shown.contains("120 read, 1000 written)\n"), "{shown}");
    let hits = repo.orchestra(["sessions", "search", "--json", "the needle is"]).succeeded().json();
    let hit = &hits["sessions"][0]["hits"][0];
    assert_eq!(
        (&hits["sessions"][0]["id"], &hit["subagent"], &hit["role"]),
        (&json!("parent"), &json!("a1b2"), &json!("assistant"))
    );
    repo.orchestra(["sessions", "search", "the needle is"]).succeeded().stdout_has("subagent a1b2");
    let before = one(&repo, "parent");
    repo.orchestra(["sessions", "keep", "parent"]).succeeded();
    let kept = "refs/orchestra-local/transcripts/parent";
    let tree = repo.git(["ls-tree", "-r", "--name-only", kept]).stdout();
    assert!(
        tree.contains("subagents/agent-a1b2.jsonl") && tree.contains("subagents/agent-c3d4.jsonl"),
        "{tree}"
    );
    fs::remove_dir_all(folder).expect("gone");
    let kept = one(&repo, "parent");
    for field in ["messages", "input_tokens", "output_tokens"] {
        assert_eq!(kept[field], before[field], "{field} of what is kept");
    }
}

#[test]
fn a_session_in_one_object_is_kept_and_its_copy_is_removed_with_it() {
    let world = world();
    let repo = world.repo();
    let shapes = shapes_of_gemini();
    let path = shapes[0].lay(&world);
    let project = path.parent().and_then(Path::parent).expect("a project");
    fs::write(project.join(".project_root"), repo.path().as_os_str().as_encoded_bytes()).expect("a file");
    assert_eq!(listed(&repo, &[]).len(), 1);
    repo.orchestra(["sessions", "keep", SPOKEN]).succeeded();
    fs::remove_file(path).expect("gone");
    repo.orchestra(["sessions", "show", SPOKEN]).succeeded().stdout_has("I list it.");
    let copies = world.home().join(".cache/git-orchestra/gemini/p");
    assert_eq!(fs::read_dir(copies).expect("a folder").count(), 0, "the deleted session is nowhere else");
    assert_eq!(listed(&repo, &["--all"])[0]["kept"], true);
    repo.git(["config", "orchestra.agent.gemini.program", "true"]);
    // Resuming restores it where a later version of its program looks for it.
    repo.orchestra(["sessions", "resume", SPOKEN]).succeeded();
    let back = world.home().join(&shapes[1].path);
    assert!(fs::read_to_string(back).expect("it is back").contains("I list it."));
    assert_eq!(listed(&repo, &[]).len(), 1);
}

#[test]
fn speakers_and_edits_are_shown() {
    let world = world();
    let repo = world.repo();
    let edit = json!([{"type": "text", "text": "\n\n# Plan\n\n```sh\n# as it is\n```"}, {"type": "tool_use", "name": "Edit",
        "input": {"file_path": "a.rs", "old_string": "same\nold", "new_string": "same\nnew\nmore"}}]);
    let told = [
        asks("01", "first\n\n## Aim"),
        line("02", "assistant", json!({"message": {"id": "m1", "model": "m", "content": edit}})),
        line("03", "user", json!({"isSidechain": true, "message": {"content": "look for it"}})),
        line("04", "assistant", json!({"isSidechain": true, "message": {"id": "i1", "content": "found it"}})),
    ];
    claude("speakers", lines(&told), json!({}), &[]).lay(&world);
    let shown = repo.orchestra(["sessions", "show", "speakers"]).succeeded().stdout();
    let talk = "\n── you  2026-05-01T10:00:01.000Z\n> first\n>\n> ## Aim\n\n── claude  2026-05-01T10:00:02.000Z\n# Plan\n\n\
        ```sh\n# as it is\n```\n  → Edit a.rs\n    - old\n    + new\n    + more\n  · subagent: look for it\n";
    assert!(shown.ends_with(talk), "{shown}");
    let full = repo.orchestra(["sessions", "show", "--full", "speakers"]).succeeded().stdout();
    assert!(full.contains("\n── subagent  2026-05-01T10:00:03.000Z\n> look for it\nfound it\n"), "{full}");
    let exported = repo.orchestra(["sessions", "export", "speakers"]).succeeded().stdout();
    for part in
        ["# first ## Aim\n", "\nfirst\n\n#### Aim\n", ".000Z)\n\n### Plan\n\n```sh\n# as it is\n```\n"]
    {
        assert!(exported.contains(part), "{part} in {exported}");
    }
    let hit = repo.orchestra(["sessions", "search", "--all", "--json", "found it"]).succeeded().json();
    assert_eq!(hit["sessions"][0]["hits"][0]["role"], "assistant");
}

#[test]
fn skipped_lines_are_reported() {
    let world = world();
    let repo = world.repo();
    let folder = with_sub_agents(&world, &repo);
    let inner = folder.join("parent/subagents/agent-a1b2.jsonl");
    let fork = folder.join("fork.jsonl");
    for path in [&inner, &fork] {
        let text = fs::read_to_string(path).expect("a file");
        fs::write(path, text.replacen('\n', "\n{\"type\":\"user\",\"message\":{\"con\n", 1)).expect("a file");
    }
    fs::write(folder.join("parent/subagents/workflows/wf_1/agent-c3d4.jsonl"), "no JSON\nnor this\n")
        .expect("a file");
    // The second time the known parts come from the index.
    for _ in 0..2 {
        let said = repo.orchestra(["sessions", "--verbose"]).succeeded().stderr();
        assert!(said.contains("fork.jsonl': 1 line cannot be read"), "{said}");
        assert!(said.contains("agent-c3d4.jsonl': 2 lines cannot be read"), "{said}");
    }
    repo.orchestra(["sessions"]).succeeded().stderr_has("--verbose lists them");
}

#[test]
fn sums_since_a_day_cover_only_later_days() {
    let world = world();
    let repo = world.repo();
    let day = |day: &str, line: Value| {
        let mut line = line;
        line["timestamp"] = json!(format!("{day}T10:00:00.000Z"));
        line
    };
    let told = lines(&[
        day("2026-04-10", asks("01", "before")),
        day("2026-04-10", answers("01", "m1", "one", 10)),
        day("2026-04-13", asks("01", "since")),
        day("2026-04-13", answers("01", "m2", "two", 200)),
    ]);
    claude("days", told, json!({}), &[]).lay(&world);
    for (since, days, written) in [
        ("2026-04-13", vec!["2026-04-13"], json!(200)),
        ("2026-04-11", vec!["2026-04-13"], json!(200)),
        ("2026-04-10", vec!["2026-04-13", "2026-04-10"], json!(210)),
    ] {
        let report =
            repo.orchestra(["sessions", "stats", "--all", "--json", "--since", since]).succeeded().json();
        let found: Vec<&Value> =
            report["days"].as_array().expect("a list").iter().map(|day| &day["name"]).collect();
        assert_eq!(found, days, "{since}");
        assert_eq!(report["total"]["output_tokens"], written, "{since}");
    }
    repo.orchestra(["sessions", "stats", "--all", "--since", "2026-04-14"])
        .succeeded()
        .stderr_has("no sessions here");
}

#[test]
fn a_copied_file_is_dated_by_its_messages() {
    let world = world();
    let repo = world.repo();
    for (id, at) in [("c-newest", "59"), ("a-oldest", "01"), ("b-middle", "30")] {
        claude(id, lines(&[asks(at, id), answers(at, "m1", "ok", 1)]), json!({}), &[]).lay(&world);
    }
    let order = |options: &[&str]| -> Vec<String> {
        listed(&repo, options).iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(order(&["--all"]), ["c-newest", "b-middle", "a-oldest"]);
    assert_eq!(order(&["--all", "--limit", "2"]), ["c-newest", "b-middle"]);
    assert_eq!(order(&["--all", "--since", "2026-05-01T10:00:20Z"]), ["c-newest", "b-middle"]);
}
