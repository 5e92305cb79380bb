//! MCP servers that agents get by name, with the real programs.

use std::fs;

use testkit::{Ran, TestRepo};

use crate::{
    codex::codex,
    gemini::gemini,
    opencode::opencode,
    test_bed::{TestBed, only_session},
};

/// Lets an agent call the server `notes`, answers it if it asks, and returns what the server noted.
fn noted(
    test_bed: &TestBed,
    repo: &TestRepo<'_>,
    options: &[&str],
    task: &str,
    asks: Option<&str>,
) -> String {
    let notes = test_bed.world().home().join("notes");
    let program = test_bed.world().bins().join("fake-mcp");
    for (key, value) in [
        ("command", program.to_string_lossy()),
        ("arg", notes.to_string_lossy()),
        ("env", "NOTES_KEY".into()),
    ] {
        repo.git(["config", &format!("orchestra.mcp.notes.{key}"), &value]);
    }
    let arguments = [&["orchestra", "spawn", "--detach", "--mcp", "notes"], options, &["--", task]].concat();
    let mut command = repo.command("git");
    let id = Ran::of(command.args(arguments).env("NOTES_KEY", "of-the-notes")).succeeded().line();
    if let Some(asks) = asks {
        let agent = repo.wait_for(&id, "waiting");
        assert!(agent["request"]["text"].as_str().is_some_and(|text| text.contains(asks)), "{agent}");
        repo.orchestra(["send", &id, "--allow"]).succeeded();
    }
    let agent = repo.end_of(&id);
    let log = repo.orchestra(["logs", &id]).stdout();
    assert_eq!(agent["phase"], "done", "{agent}\n{log}\n{:?}", test_bed.requests());
    fs::read_to_string(&notes).unwrap_or_else(|_| panic!("{agent}\n{log}"))
}

#[test]
fn claude_code_calls_a_server_that_is_named_for_it() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let said = noted(&test_bed, &repo, &["--allow", "mcp__notes"], "FAKE-NOTE-CLAUDE", None);
    assert_eq!(said, "from the model of-the-notes\n");
}

#[test]
fn codex_calls_a_server_that_is_named_for_it() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(_) = codex(&test_bed, &repo, &[]) else { return };
    let said = noted(
        &test_bed,
        &repo,
        &["--agent", "codex", "--on-prompt", "ask"],
        "FAKE-NOTE-CODEX",
        Some("notes: "),
    );
    assert_eq!(said, "from the model of-the-notes\n");
}

#[test]
fn gemini_calls_a_server_that_is_named_for_it() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(_) = gemini(&test_bed, &repo, &[]) else { return };
    repo.git(["config", "orchestra.agent.gemini.model", "gemini-2.5-pro"]);
    let folder = test_bed.world().home().join(".gemini");
    let options = ["--agent", "gemini", "--allow", "mcp__notes"];
    let said = noted(&test_bed, &repo, &options, "FAKE-NOTE-GEMINI", None);
    assert_eq!(said, "from the model of-the-notes\n");
    // Its session is with the user's own, and nothing is in the user's settings.
    assert_eq!(only_session(&repo)["id"], repo.agents()[0]["session"]);
    // The program itself rewrites older settings.
    let settings = fs::read_to_string(folder.join("settings.json")).expect("settings");
    assert!(!settings.contains("mcpServers") && !settings.contains("hooks"), "{settings}");
    assert!(!folder.join("extensions").exists());
}

#[test]
fn opencode_calls_a_server_that_is_named_for_it() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    // Its first start writes its data.
    let Some(mut first) = opencode(&test_bed, &repo, &["session", "list"]) else { return };
    Ran::of(&mut first).succeeded();
    let options = ["--agent", "opencode", "--allow", "mcp__notes"];
    let said = noted(&test_bed, &repo, &options, "FAKE-NOTE-OPENCODE", None);
    assert_eq!(said, "from the model of-the-notes\n");
}
