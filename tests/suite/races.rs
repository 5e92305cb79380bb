//! Many processes at once: nothing is lost, nothing stays locked, nothing is left behind.

use std::collections::HashSet;

use testkit::TestRepo;

use crate::world;

/// A repository whose branch tracks an upstream: creating a tracking branch from it locks the
/// configuration.
fn with_upstream(world: &testkit::World) -> TestRepo<'_> {
    world.repo_named("origin");
    world.git(world.dir(), ["clone", "-q", "origin", "repo"]);
    TestRepo::new(world, world.dir().join("repo"))
}

fn check(repo: &TestRepo<'_>, count: usize) {
    let agents = repo.agents();
    assert_eq!(agents.len(), count);
    for agent in &agents {
        assert_eq!((&agent["phase"], &agent["commits"]), (&"done".into(), &1.into()), "{agent}");
    }
    let branches: HashSet<String> =
        repo.refs("refs/heads/orchestra/").into_iter().map(|(name, _)| name).collect();
    let wanted: HashSet<String> = agents
        .iter()
        .map(|agent| format!("refs/heads/{}", agent["branch"].as_str().expect("a branch")))
        .collect();
    assert_eq!(branches, wanted, "no orphan branch, none missing");
    let listed = repo.git(["worktree", "list", "--porcelain"]).stdout();
    assert_eq!(listed.lines().filter(|line| line.starts_with("worktree ")).count(), count + 1);
    assert!(!listed.contains("prunable") && !listed.contains("locked"), "{listed}");
    assert_eq!(
        repo.git(["config", "--get-regexp", "^branch\\."]).stdout().lines().count(),
        2,
        "no tracking was written"
    );
    repo.git(["fsck", "--strict"]);
    let mut locks = Vec::new();
    let mut open = vec![repo.path().join(".git")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else if entry.path().extension().is_some_and(|ending| ending == "lock") {
                locks.push(entry.path());
            }
        }
    }
    assert!(locks.is_empty(), "{locks:?}");
}

#[test]
fn fifty_tasks_in_six_slots() {
    let world = world();
    let repo = with_upstream(&world);
    let tasks: Vec<String> = (0..50).map(|n| format!("echo {n} > file-{n}")).collect();
    let mut arguments = vec!["spawn", "--agent", "sh", "-j", "6"];
    arguments.extend(tasks.iter().map(String::as_str));
    repo.orchestra(arguments).succeeded();
    check(&repo, 50);
}

/// Worktrees that git makes at the same time fail on the lock of its configuration, and leave branches.
#[test]
fn two_spawns_of_twenty_five_at_once() {
    let world = world();
    let repo = with_upstream(&world);
    let start = || {
        let mut arguments = vec!["spawn", "--agent", "sh", "-j", "3", "--copies", "25"];
        arguments.push("echo x > file");
        let mut command = repo.orchestra_command(arguments);
        command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("spawn")
    };
    let (first, second) = (start(), start());
    for child in [first, second] {
        let output = child.wait_with_output().expect("an end");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    check(&repo, 50);
}

#[test]
fn twenty_stops_of_one_agent_at_once() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo 1 > a; echo ready; while :; do sleep 0.1; done");
    repo.wait_for_output(&id, "ready");
    let children: Vec<_> =
        (0..20).map(|_| repo.orchestra_command(["stop", &id]).spawn().expect("stop")).collect();
    for mut child in children {
        assert!(child.wait().expect("an end").success());
    }
    let states = repo.git(["log", "--format=%s", &format!("refs/orchestra/agents/{id}")]).stdout();
    assert_eq!(states.lines().filter(|line| line.ends_with("→ stopped")).count(), 1, "{states}");
    assert_eq!(repo.agent(&id)["conflicts"], 0);
}
