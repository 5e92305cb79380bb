//! `sessions`: the sessions of Codex and Gemini CLI, from files that the programs wrote.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use testkit::World;

use crate::{
    sessions::{copy, listed, one, write_small},
    world,
};

const CODEX: &str = "01a1ff68-246d-7860-b219-63aa3909e263";

/// Installs the session that the real Codex wrote, as if it had taken place in `folder`.
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
        ("title", json!("FAKE-WRITE hello.txt")),
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
    // It is live as long as its program has the file open.
    let held = fs::File::open(&path).expect("a file");
    assert_eq!(one(&repo, CODEX)["pid"], std::process::id());
    drop(held);
    assert_eq!(one(&repo, CODEX)["live"], false);
    // Kept, and restored.
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
        format!("fork --no-daemon {CODEX}")
    );
}

#[test]
fn codex_subagents_are_nested_kept_and_restored() {
    let world = world();
    let repo = world.repo();
    with_codex(&world, repo.path());
    let (parent, inner) = ("01a2002e-4d04-7b62-9b6e-d19fc54424f1", "01a2002e-4d7a-7953-91a7-0bdaa9308fef");
    assert_eq!(listed(&repo, &[]).len(), 2, "a subagent is not listed as a session");
    let found = one(&repo, parent)["subagents"].clone();
    assert_eq!(found.as_array().map(Vec::len), Some(1), "{found}");
    let found = &found[0];
    assert_eq!(
        (&found["id"], &found["kind"], &found["description"]),
        (&json!(inner), &Value::Null, &json!("FAKE-SAY from-subagent"))
    );
    assert_eq!(one(&repo, CODEX)["subagents"], json!([]));
    // Kept, and restored where its program looks for it.
    repo.orchestra(["sessions", "keep", parent]).succeeded();
    let path = PathBuf::from(found["path"].as_str().expect("a path"));
    let bytes = fs::read(&path).expect("a file");
    fs::remove_dir_all(world.home().join(".codex")).expect("gone");
    repo.git(["config", "orchestra.agent.codex.program", "true"]);
    repo.orchestra(["sessions", "resume", parent]).succeeded();
    assert_eq!(fs::read(&path).expect("it is back"), bytes);
    assert_eq!(one(&repo, parent)["subagents"][0]["id"], inner);
}

#[test]
fn a_list_of_one_program_keeps_the_index_of_the_others() {
    let world = world();
    let repo = world.repo();
    let away = world.dir().join("away");
    repo.git(["worktree", "add", "-q", &away.to_string_lossy()]);
    write_small(&world, "away-1", &away, "in a worktree");
    assert_eq!(one(&repo, "away-1")["title"], "in a worktree");
    repo.git(["worktree", "remove", &away.to_string_lossy()]);
    with_codex(&world, repo.path());
    assert_eq!(listed(&repo, &["--program", "codex"]).len(), 2);
    assert_eq!(
        one(&repo, "away-1")["title"],
        "in a worktree",
        "that it was of this repository is remembered"
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
        ("title", json!("FAKE-WRITE gem.txt")),
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
    assert_eq!(shown.matches("I will create gem.txt").count(), 1, "it appears in two lines: {shown}");
    assert!(shown.contains("  → write_file ") && shown.contains("  ← Successfully created"), "{shown}");
    let hits = repo.orchestra(["sessions", "search", "--json", "I will create"]).succeeded().json();
    assert_eq!(hits["sessions"][0]["hits"].as_array().map(Vec::len), Some(1), "{hits}");
    repo.orchestra(["sessions", "resume", id, "--fork", "-n"]).exits(3).stderr_has("cannot be forked");
}

#[test]
fn every_tool_of_codex_is_shown() {
    let world = world();
    let repo = world.repo();
    with_codex(&world, repo.path());
    let shown =
        repo.orchestra(["sessions", "show", "01a2002e-4d04-7b62-9b6e-d19fc54424f1"]).succeeded().stdout();
    assert!(shown.contains("  → spawn_agent FAKE-SAY from-subagent\n"), "{shown}");
}
