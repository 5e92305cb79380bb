//! A real Claude Code of a person that starts agents by `mcp`.

use serde_json::{Value, json};
use testkit::Ran;

use crate::{sessions::claude, test_bed::TestBed};

#[test]
fn claude_code_delegates_to_two_agents() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let server = repo.world().bins().join("git-orchestra-mcp");
    let servers = json!({"mcpServers": {"orchestra": {"command": server, "args": ["--write=spawn"]}}});
    let file = repo.world().dir().join("servers.json");
    std::fs::write(&file, servers.to_string()).expect("written");
    let file = file.to_string_lossy().into_owned();
    let before = repo.checkout();
    let options = [
        "--mcp-config",
        &file,
        "--strict-mcp-config",
        "--allowedTools=mcp__orchestra",
        "--output-format",
        "json",
    ];
    let said =
        Ran::of(&mut claude(&repo, &[&["-p", "FAKE-DESIGN"], &options[..]].concat())).succeeded().json();
    assert_eq!(said["result"], "The agents work.", "{said}");
    let agents = repo.agents();
    assert_eq!(agents.len(), 2, "{agents:?}");
    for (agent, file) in agents.iter().zip(["left.txt", "right.txt"]) {
        let id = agent["id"].as_str().expect("an id");
        assert_eq!(repo.end_of(id)["phase"], "done");
        assert_eq!(agent["parent"], Value::Null, "a person's program started it");
        assert_eq!(repo.file_in_head(id, file), "hello from the scripted agent\n");
    }
    assert_eq!(repo.checkout(), before, "the checkout of the person is as it was");
}
