//! `status`: the true state, without delay.

use orchestra::{
    model::{
        AgentId, Fact, Phase,
        event::{Created, Finished},
    },
    store::{self, NewAgent},
};
use testkit::TestRepo;

use crate::{library, world};

#[test]
fn status_shows_the_activity_and_uncommitted_changes() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn(
        "echo x > new; echo y >> file.txt; git add new; echo '\\033[31mhalf\\033[0m done'; while :; do sleep 0.1; done",
    );
    repo.wait_for_output(&id, "half done");
    let agent = repo.agent(&id);
    assert_eq!((&agent["phase"], &agent["liveness"]), (&"running".into(), &"live".into()));
    assert_eq!(agent["activity"], "half done");
    assert_eq!(agent["dirty"], 2, "one staged, one changed");
    assert!(agent["pid"].as_i64().is_some_and(|pid| pid > 1));
    repo.orchestra(["stop", &id]).succeeded();
    let agent = repo.agent(&id);
    assert_eq!((&agent["phase"], &agent["liveness"]), (&"stopped".into(), &"ended".into()));
    assert_eq!((&agent["pid"], &agent["dirty"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    assert_eq!((&agent["commits"], &agent["files_changed"]), (&1.into(), &2.into()));
}

#[test]
fn status_json_is_one_object_with_every_field() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "echo 1 > a"]).succeeded();
    let report = repo.orchestra(["status", "--json"]).succeeded().json();
    assert_eq!((&report["version"], &report["kind"]), (&1.into(), &"status".into()));
    let agent = report["agents"][0].as_object().expect("an agent");
    for field in [
        "id",
        "title",
        "phase",
        "liveness",
        "waiting",
        "reason",
        "profile",
        "model",
        "run",
        "attempt",
        "branch",
        "base",
        "head",
        "worktree",
        "session",
        "writer",
        "pid",
        "supervisor_pid",
        "orphans",
        "queued_at",
        "started_at",
        "ended_at",
        "exit_code",
        "activity",
        "commits",
        "files_changed",
        "insertions",
        "deletions",
        "dirty",
        "cost_usd",
        "input_tokens",
        "output_tokens",
        "permission_mode",
        "denials",
        "verdict",
        "merged",
    ] {
        assert!(agent.contains_key(field), "{field}");
    }
}

#[test]
fn status_changes_nothing() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "true"]).succeeded();
    let (refs, checkout) = (repo.refs("refs/"), repo.checkout());
    for arguments in [["status", "--all"], ["status", "--json"], ["worktrees", "--size"]] {
        repo.orchestra(arguments).succeeded();
    }
    assert_eq!((repo.refs("refs/"), repo.checkout()), (refs, checkout));
}

#[test]
fn status_without_agents_hints_at_spawn() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["status"]).succeeded().stderr_has("git orchestra spawn");
    assert!(!repo.path().join(".git/orchestra").exists(), "status leaves nothing behind");
}

/// Creates agents that have ended according to their events, without running a process.
fn ended(repo: &TestRepo<'_>, count: usize) {
    let library = library(repo);
    let base = library.head().expect("a commit");
    for n in 0..count {
        let id = AgentId::parse(&format!("ended-{:05}", n + 22222)).expect("an id");
        let created = Created {
            title: "ends".into(),
            branch: format!("orchestra/{id}").as_str().into(),
            ..Created::default()
        };
        let agent = NewAgent { id: id.clone(), created, prompt: "true".into(), base };
        store::create(&library, &[agent]).expect("created");
        store::append(&library, &id, &[Fact::Finished(Finished::empty(1, Phase::Done))]).expect("ended");
    }
}

#[test]
fn status_shows_the_newest_ended_agents_and_counts_the_rest() {
    let world = world();
    let repo = world.repo().with_identity();
    ended(&repo, 23);
    let report = repo.orchestra(["status", "--json"]).succeeded().json();
    assert_eq!((report["agents"].as_array().map(Vec::len), &report["hidden"]), (Some(20), &3.into()));
    repo.orchestra(["status"]).succeeded().stderr_has("3 older ended agents are not shown");
    assert_eq!(repo.agents().len(), 23);
    // The second call reads them from the cache, with the same result; so does a call without the cache.
    let again = repo.agents();
    std::fs::remove_file(repo.path().join(".git/orchestra/cache")).expect("a cache");
    assert_eq!(again, repo.agents());
}

#[test]
fn an_agent_that_is_named_whole_is_read_without_the_others() {
    let world = world();
    let repo = world.repo().with_identity();
    ended(&repo, 23);
    let cache = repo.path().join(".git/orchestra/cache");
    let agent = repo.agent("ended-22230");
    assert_eq!((&agent["id"], &agent["phase"]), (&"ended-22230".into(), &"done".into()));
    assert!(!cache.exists(), "a list of all agents caches what it read");
    repo.orchestra(["status", "ended-2223"]).exits(3).stderr_has("is ambiguous");
    assert!(cache.exists());
    // The whole list has the same answer, and says why an agent that cannot be read is not in it.
    let listed = repo.agents().into_iter().find(|one| one["id"] == "ended-22230");
    assert_eq!(listed, Some(agent));
    repo.write(".git/refs/orchestra/agents/ended-22230", "damaged");
    repo.orchestra(["status", "ended-22230"]).exits(3).stderr_has("cannot be read");
}

#[test]
fn an_agent_of_another_clone_is_remote() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&id, "running");
    let clone = world.dir().join("clone");
    world.git(world.dir(), ["clone", "-q", "repo", "clone"]);
    let clone = TestRepo::new(&world, clone);
    clone.git(["fetch", "-q", "origin", "refs/orchestra/*:refs/orchestra/*"]);
    let seen = clone.agent(&id);
    assert_eq!((&seen["phase"], &seen["liveness"]), (&"running".into(), &"remote".into()));
    assert_eq!((&seen["pid"], &seen["worktree"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    assert_eq!(seen["title"], repo.agent(&id)["title"]);
}

#[test]
fn waiting_fails_if_an_agent_fails() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("exit 7");
    repo.orchestra(["status", "--wait", &id]).exits(1);
    assert_eq!(repo.agent(&id)["exit_code"], 7);
}

#[test]
fn watching_without_a_terminal_prints_a_line_a_change() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("while ! [ -e ../../repo/go ]; do sleep 0.05; done");
    repo.wait_for(&id, "running");
    let child = repo
        .orchestra_command(["status", "--watch", "--wait"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("status");
    repo.write("go", "");
    let output = child.wait_with_output().expect("an end");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(lines.lines().last(), Some(format!("{id} done: nothing changed").as_str()), "{lines}");
}

#[test]
fn watching_ends_when_stdout_is_closed() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&id, "running");
    let mut watch = repo
        .orchestra_command(["status", "--watch"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("status --watch");
    // The reader closes the pipe; nothing changes any more.
    drop(watch.stdout.take());
    let code = testkit::until("it ends", || watch.try_wait().expect("a state")).code();
    assert_eq!(code, Some(0));
}
