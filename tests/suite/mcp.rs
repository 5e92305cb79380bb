//! MCP servers of agents: named in git config, given by name, with secrets only in variables.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use testkit::{Ran, TestRepo, World};

use crate::world;

/// The value of the variable that the server needs.
const KEY: &str = "the-key-of-the-notes";

/// Returns a repository with the server `notes`, and the file into which it writes.
fn with_server(world: &World) -> (TestRepo<'_>, PathBuf) {
    let repo = world.repo().with_scripted_claude();
    let notes = world.home().join("notes");
    let program = world.bins().join("fake-mcp");
    for (key, value) in [
        ("command", program.to_string_lossy()),
        ("arg", notes.to_string_lossy()),
        ("env", "NOTES_KEY".into()),
    ] {
        repo.git(["config", &format!("orchestra.mcp.notes.{key}"), &value]);
    }
    (repo, notes)
}

/// Runs a command with the variable.
fn with_key(repo: &TestRepo<'_>, arguments: &[&str]) -> Ran {
    Ran::of(repo.command("git").arg("orchestra").args(arguments).env("NOTES_KEY", KEY))
}

fn noted(notes: &PathBuf) -> String {
    fs::read_to_string(notes).unwrap_or_default()
}

#[test]
fn an_agent_gets_the_servers_that_are_named_for_it() {
    let world = world();
    let (repo, notes) = with_server(&world);
    let task = "mcp notes one\nsay done";
    let id = with_key(&repo, &["spawn", "-d", "--mcp", "notes", task]).succeeded().line();
    assert_eq!(repo.end_of(&id)["phase"], "done");
    assert_eq!(noted(&notes), format!("one {KEY}\n"));
    repo.orchestra(["logs", &id]).succeeded().stdout_has("noted: one");
    // A resumed agent keeps what was typed.
    with_key(&repo, &["resume", &id, "-m", "mcp notes two"]).succeeded();
    assert_eq!(noted(&notes), format!("one {KEY}\ntwo {KEY}\n"));
    // Without a name there is none; a name for all agents or for a profile is as good as one that is typed.
    let none = repo.end_of(&repo.spawn_claude(&["--again"], "mcp notes three"));
    repo.orchestra(["logs", none["id"].as_str().expect("an id")]).succeeded().stdout_has("no server notes");
    for (key, word) in [("orchestra.mcp", "four"), ("orchestra.agent.claude.mcp", "five")] {
        repo.git(["config", key, "notes"]);
        let id = with_key(&repo, &["spawn", "-d", &format!("mcp notes {word}")]).succeeded().line();
        assert_eq!(repo.end_of(&id)["phase"], "done");
        repo.git(["config", "--unset", key]);
    }
    assert_eq!(noted(&notes), format!("one {KEY}\ntwo {KEY}\nfour {KEY}\nfive {KEY}\n"));
    // The value of the variable is nowhere but in the environment.
    let git = repo.git(["rev-parse", "--git-common-dir"]).stdout();
    let found = Ran::of(repo.command("grep").args(["-rl", KEY]).arg(repo.path().join(git.trim())));
    assert_eq!(found.stdout(), "");
}

#[test]
fn its_settings_are_private_and_outside_of_the_worktree() {
    let world = world();
    let (repo, _) = with_server(&world);
    let id = with_key(&repo, &["spawn", "-d", "--mcp", "notes", "write ready 1\nhang"]).succeeded().line();
    repo.wait_for_file(&id, "ready");
    let git = repo.path().join(repo.git(["rev-parse", "--git-common-dir"]).stdout().trim());
    let found = Ran::of(repo.command("find").arg(&git).args(["-name", "claude-mcp.json"])).succeeded().line();
    let mode = fs::metadata(&found).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{found}");
    assert!(!fs::read_to_string(&found).expect("a file").contains(KEY));
    assert!(!repo.worktree(&id).join(".mcp.json").exists());
    repo.orchestra(["stop", &id]).succeeded();
}

#[test]
fn a_program_of_the_agent_client_protocol_is_told_of_them() {
    let world = world();
    let (repo, notes) = with_server(&world);
    repo.git(["config", "orchestra.agent.fake.acp", "fake-acp"]);
    let spawn = ["spawn", "-d", "--agent", "fake", "--mcp", "notes", "--", "mcp notes one\nsay done"];
    let id = with_key(&repo, &spawn).succeeded().line();
    assert_eq!(repo.end_of(&id)["phase"], "done");
    with_key(&repo, &["resume", &id, "-m", "mcp notes two"]).succeeded();
    repo.end_of(&id);
    assert_eq!(noted(&notes), format!("one {KEY}\ntwo {KEY}\n"));
    // The value of the variable is in no file.
    let git = repo.git(["rev-parse", "--git-common-dir"]).stdout();
    let found = Ran::of(repo.command("grep").args(["-rl", KEY]).arg(repo.path().join(git.trim())));
    assert_eq!(found.stdout(), "");
    // A program that cannot use a server at an address says so, instead of working without.
    repo.git(["config", "orchestra.mcp.far.url", "https://example.org/mcp"]);
    let far = ["spawn", "-d", "--agent", "fake", "--again", "--mcp", "far", "--", "say hello"];
    let far = repo.end_of(&with_key(&repo, &far).succeeded().line());
    assert_eq!(far["phase"], "failed");
    assert!(
        far["reason"].as_str().is_some_and(|why| why.contains("cannot use the MCP server 'far'")),
        "{far}"
    );
}

#[test]
fn a_server_in_a_sandbox_reaches_no_more_than_its_agent() {
    let world = world();
    let (repo, notes) = with_server(&world);
    if !crate::sandbox::can_make_one() {
        return;
    }
    let run = |task: &str| {
        let spawn = ["spawn", "-d", "--again", "--sandbox", "files", "--mcp", "notes", "--", task];
        repo.end_of(&with_key(&repo, &spawn).succeeded().line())
    };
    run("mcp notes outside");
    assert_eq!(noted(&notes), "", "the home folder of the person is not its own");
    repo.git(["config", "orchestra.mcp.notes.arg", "notes.txt"]);
    let inside = run("mcp notes inside");
    assert_eq!(inside["phase"], "done", "{inside}");
    assert_eq!(
        repo.file_in_head(inside["id"].as_str().expect("an id"), "notes.txt"),
        format!("inside {KEY}\n")
    );
}

#[test]
fn a_server_that_cannot_be_given_is_refused_before_anything_is_made() {
    let world = world();
    let (repo, _) = with_server(&world);
    let spawn = |options: &[&str]| with_key(&repo, &[&["spawn", "-d"], options, &["--", "say x"]].concat());
    spawn(&["--mcp", "note"]).exits(3).stderr_has("no MCP server 'note'").stderr_has("--mcp notes");
    spawn(&["--mcp", "a b"]).exits(3).stderr_has("cannot be the name of an MCP server");
    repo.orchestra(["spawn", "-d", "--mcp", "notes", "x"])
        .exits(3)
        .stderr_has("MCP server 'notes' needs the variable NOTES_KEY, which is not set");
    repo.orchestra(["doctor"]).stdout_has("needs the variable NOTES_KEY, which is not set");
    // Programs that cannot have one say so, if it was named for them.
    spawn(&["--agent", "sh", "--mcp", "notes"]).exits(2).stderr_has("agent 'sh' does not support --mcp");
    repo.git(["config", "orchestra.agent.sh.mcp", "notes"]);
    spawn(&["--agent", "sh"]).exits(2).stderr_has("orchestra.agent.sh.mcp");
    for (key, value, why) in [
        ("command", "no-such-program", "no program 'no-such-program' on PATH"),
        ("env", "A=B", "is 'A=B'"),
        ("url", "https://example.org/mcp", "has a command, so that it has no address"),
        ("arg", concat!("gh", "p_0123456789abcdefghijklmnopqrstuvwxyzA"), "looks like a secret"),
    ] {
        let key = format!("orchestra.mcp.notes.{key}");
        let before = Ran::of(repo.command("git").args(["config", "--get", &key])).stdout();
        repo.git(["config", &key, value]);
        let refused = spawn(&["--mcp", "notes"]).exits(3);
        let said = refused.stderr();
        assert!(said.contains(why) || said.contains(value), "{said}");
        match before.trim() {
            "" => repo.git(["config", "--unset", &key]),
            before => repo.git(["config", &key, before]),
        };
    }
    assert_eq!((repo.agents().len(), repo.refs("refs/orchestra/").len()), (0, 0));
    // One for all agents is no wish for those that cannot have any.
    repo.git(["config", "--unset", "orchestra.agent.sh.mcp"]);
    repo.git(["config", "orchestra.mcp", "notes"]);
    let id = spawn(&["--agent", "sh"]).succeeded().line();
    repo.end_of(&id);
}

#[test]
fn the_projects_file_cannot_name_a_server() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let file = "[orchestra]\n\tmcp = evil\n[orchestra \"mcp.evil\"]\n\tcommand = touch\n\targ = evil\n";
    repo.commit("settings", &[(".gitorchestra", file)]);
    repo.orchestra(["spawn", "-d", "--mcp", "evil", "say x"]).exits(3).stderr_has("no MCP server 'evil'");
    let agent = repo.end_of(&repo.spawn_claude(&[], "mcp evil x"));
    assert_eq!(agent["phase"], "done", "{agent}");
    repo.orchestra(["logs", agent["id"].as_str().expect("an id")]).succeeded().stdout_has("no server evil");
    repo.orchestra(["config", "list"]).succeeded().stderr_has("orchestra.mcp.evil.command");
}
