//! `logs`: the output of an agent.

use crate::world;

#[test]
fn output_is_shown_safely_and_raw_output_unchanged() {
    let world = world();
    let repo = world.repo();
    repo.orchestra([
        "spawn",
        "--agent",
        "sh",
        "printf 'a\\033[31mred\\033[0m\\033]0;title\\007\\n10%%\\r100%%\\nno newline' ; echo err >&2",
    ])
    .succeeded();
    let id = repo.agents().remove(0)["id"].as_str().expect("an id").to_owned();
    let safe = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert_eq!(safe, "ared\\e]0;title\\u{7}\n100%\nno newlineerr\n");
    let raw = repo.orchestra(["logs", "--raw", &id]).succeeded().stdout();
    assert_eq!(raw, "a\u{1b}[31mred\u{1b}[0m\u{1b}]0;title\u{7}\n10%\r100%\nno newlineerr\n");
    // Plain git can read it.
    assert_eq!(repo.git(["show", &format!("refs/orchestra-local/logs/{id}:1.out")]).stdout(), raw);
}

#[test]
fn follows_a_live_agent_to_its_end() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo first; while ! [ -e ../../repo/go ]; do sleep 0.05; done; echo last");
    repo.wait_for_output(&id, "first");
    let child = repo
        .orchestra_command(["logs", "-f", &id])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("logs");
    repo.write("go", "");
    let output = child.wait_with_output().expect("an end");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "first\nlast\n");
}

#[test]
fn output_of_another_clone_is_not_available() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "echo secret"]).succeeded();
    let id = repo.agents().remove(0)["id"].as_str().expect("an id").to_owned();
    world.git(world.dir(), ["clone", "-q", "repo", "clone"]);
    let clone = testkit::TestRepo::new(&world, world.dir().join("clone"));
    clone.git(["fetch", "-q", "origin", "refs/orchestra/*:refs/orchestra/*"]);
    clone.orchestra(["logs", &id]).exits(3).stderr_has("not in this clone");
}

#[test]
fn an_agent_whose_program_never_started_has_no_output() {
    let world = world();
    let repo = world.repo();
    // The files of the worktree cannot be written.
    repo.git(["config", "filter.bad.smudge", "false"]);
    repo.git(["config", "filter.bad.required", "true"]);
    let info = repo.path().join(".git/info");
    std::fs::create_dir_all(&info).expect("a folder");
    std::fs::write(info.join("attributes"), "* filter=bad\n").expect("written");
    let id = repo.spawn("echo never");
    let end = repo.end_of(&id);
    let why = end["reason"].as_str().expect("a reason");
    assert!(end["phase"] == "failed" && !why.contains(&*world.dir().to_string_lossy()), "{end}");
    let ran =
        repo.orchestra(["logs", &id]).exits(3).stderr_has("it ended before its program started (failed: ");
    assert!(!ran.stderr().contains("not in this clone"), "{}", ran.stderr());
}
