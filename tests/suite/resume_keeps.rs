//! The options that were given at the spawn apply again when an agent is resumed.

use std::fs;

use serde_json::Value;
use testkit::TestRepo;

use crate::world;

/// Returns the instructions to the agent's supervisor.
fn order(repo: &TestRepo<'_>, id: &str) -> Value {
    let path = repo.path().join(".git/orchestra/agents").join(id).join("spec.json");
    serde_json::from_slice(&fs::read(path).expect("an order")).expect("an order")
}

#[test]
fn spawn_options_apply_after_resume_unless_overridden() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.commit("two", &[("two", "2\n")]);
    let folder = world.dir().join("more");
    fs::create_dir(&folder).expect("a folder");
    let folder = folder.to_string_lossy().into_owned();
    let options = [
        "--jobs",
        "1",
        "--max-time",
        "7m",
        "--idle-timeout",
        "2m",
        "--retries",
        "4",
        "--retry-delay",
        "9s",
        "--permission",
        "plan",
        "--on-prompt",
        "ask",
        "--allow",
        "Bash(git *)",
        "--deny",
        "WebFetch",
        "--add-dir",
        &folder,
        "--model",
        "m1",
        "--append-system-prompt",
        "be brief",
        "--max-turns",
        "8",
        "--budget",
        "2.50",
        "--base",
        "HEAD^",
    ];
    let id = repo.spawn_claude(&options, "hang");
    repo.wait_for(&id, "running");
    let first = order(&repo, &id);
    repo.orchestra(["pause", &id]).succeeded();
    // A later change of the configuration does not apply.
    for (key, value) in
        [("jobs", "9"), ("maxTime", "1m"), ("retries", "0"), ("permission", "default"), ("retryDelay", "1m")]
    {
        repo.git(["config", &format!("orchestra.{key}"), value]).succeeded();
    }
    repo.orchestra(["resume", "--detach", &id]).succeeded();
    repo.wait_for(&id, "running");
    let second = order(&repo, &id);
    for key in
        ["options", "launch", "limits", "jobs", "base", "branch", "worktree", "identity", "title", "folder"]
    {
        assert_eq!(first[key], second[key], "{key}");
    }
    assert_eq!(repo.agent(&id)["permission_mode"], "plan");
    repo.orchestra(["pause", &id]).succeeded();
    repo.orchestra(["resume", "--detach", &id, "-j", "2", "--permission", "acceptEdits", "--model", "m2"])
        .succeeded();
    repo.wait_for(&id, "running");
    assert_eq!(order(&repo, &id)["jobs"], 2);
    repo.orchestra(["stop", &id]).succeeded();
    let agent = repo.agent(&id);
    assert_eq!((&agent["permission_mode"], &agent["phase"]), (&"acceptEdits".into(), &"stopped".into()));
}

#[test]
fn the_job_limit_applies_after_resume() {
    let world = world();
    let repo = world.repo();
    let wait = "until test -e go; do sleep 0.05; done";
    repo.orchestra(["spawn", "--agent", "sh", "-d", "-j", "1", wait, wait, wait]).succeeded();
    repo.orchestra(["pause", "--all"]).succeeded();
    repo.orchestra(["resume", "--all", "--detach"]).succeeded();
    for left in (0..3).rev() {
        let running = testkit::until("one runs", || {
            let all = repo.agents();
            let active = |agent: &&Value| !matches!(agent["phase"].as_str(), Some("queued" | "done"));
            assert!(all.iter().filter(active).count() <= 1, "{all:?}");
            all.into_iter().find(|agent| agent["phase"] == "running")
        });
        let queued = repo.agents().into_iter().filter(|agent| agent["phase"] == "queued").count();
        assert_eq!(queued, left);
        let id = running["id"].as_str().expect("an id");
        fs::write(repo.worktree(id).join("go"), "").expect("a file");
        repo.end_of(id);
    }
}

#[test]
fn the_work_of_a_resumed_agent_is_committed_with_its_new_message() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let titles = |id: &str| {
        let head = format!("refs/orchestra/heads/{id}");
        let log = repo.git(["log", "--format=%s", "-2", &head]).succeeded().stdout();
        log.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let script = repo.spawn("echo 1 > one");
    repo.end_of(&script);
    repo.orchestra(["resume", &script, "-m", "echo 2 > two"]).succeeded();
    assert_eq!(titles(&script), ["echo 2 > two", "echo 1 > one"]);
    let talk = repo.spawn_claude(&[], "write one 1");
    repo.end_of(&talk);
    repo.orchestra(["resume", &talk, "-m", "write two 2"]).succeeded();
    assert_eq!(titles(&talk), ["write two 2", "write one 1"]);
    // It is still the same agent.
    assert_eq!(repo.agent(&talk)["title"], "write one 1");
}
