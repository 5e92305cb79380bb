//! The official client of the Model Context Protocol, as programs that are built on it use `mcp`.

use std::path::Path;

use serde_json::{Value, json};
use testkit::{Ran, TestRepo};

use crate::test_bed;

/// Lets a client use the server, with a revision that it finds in this way, and returns what it saw.
fn seen(repo: &TestRepo<'_>, sdk: &Path, mode: &str, agent: &str) -> Value {
    let mut node = repo.command("node");
    node.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/sdk_client.mjs")).arg(sdk);
    node.arg(repo.world().bins().join("git-orchestra-mcp")).args([mode, agent]);
    Ran::of(&mut node).succeeded().json()
}

#[test]
fn the_official_client_uses_both_kinds_of_revisions() {
    let Some(sdk) = test_bed::program("mcp-client") else { return };
    let bins = Path::new(env!("CARGO_BIN_EXE_git-orchestra")).parent().expect("a folder of binaries");
    let world = testkit::World::new(bins);
    let repo = world.repo();
    let spawn = ["spawn", "-d", "--agent", "sh", "--", "while :; do sleep 0.1; done"];
    let agent = repo.orchestra(spawn).succeeded().line();
    repo.wait_for(&agent, "running");
    for (mode, revision) in [("legacy", "2025-11-25"), ("auto", "2026-07-28")] {
        let seen = seen(&repo, &sdk, mode, &agent);
        let has = |field: &str, word: &str| seen[field].as_str().is_some_and(|text| text.contains(word));
        assert_eq!((&seen["revision"], &seen["server"]), (&json!(revision), &json!("git-orchestra")));
        assert!(
            seen["tools"].as_array().is_some_and(|tools| tools.contains(&json!("agents_spawn"))),
            "{seen}"
        );
        assert!(has("status", &agent) && has("waited", "nothing changed"), "{seen}");
        let failed = &seen["failed"];
        assert_eq!(failed["isError"], true, "{seen}");
        assert!(failed["text"].as_str().is_some_and(|text| text.contains("hint: ")), "{seen}");
        assert_eq!((&seen["unknown"], &seen["cancelled"]), (&json!(-32602), &json!("no answer")), "{seen}");
        assert_eq!(seen["signs"][0], 1, "{seen}");
    }
    repo.orchestra(["stop", &agent]).succeeded();
}
