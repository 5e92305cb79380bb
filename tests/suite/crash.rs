//! kill -9 at any moment: nothing half-made stays unnamed, and the next command mends it.

use std::time::Duration;

use testkit::{TestRepo, until};

use crate::world;

/// Every branch and worktree belongs to an agent, every agent can be stopped, and a new spawn works.
fn mended(repo: &TestRepo<'_>) {
    repo.orchestra(["stop", "--all"]).succeeded();
    for agent in repo.agents() {
        assert_eq!(agent["liveness"], "ended", "{agent}");
    }
    repo.orchestra(["spawn", "--agent", "sh", "echo fine > fine"]).succeeded();
    let known: Vec<String> =
        repo.agents().iter().map(|a| a["branch"].as_str().expect("a branch").to_owned()).collect();
    for (name, _) in repo.refs("refs/heads/orchestra/") {
        assert!(known.contains(&name["refs/heads/".len()..].to_owned()), "{name} belongs to no agent");
    }
    let listed = repo.git(["worktree", "list", "--porcelain"]).stdout();
    assert!(!listed.contains("locked") && !listed.contains("prunable"), "{listed}");
    let private = repo.path().join(".git/orchestra/agents");
    until("nothing is left of the supervisors", || {
        std::fs::read_dir(&private).expect("a folder").next().is_none().then_some(())
    });
    repo.git(["fsck", "--strict"]);
}

#[test]
fn spawn_is_killed_at_many_moments() {
    let world = world();
    let repo = world.repo();
    // The moments are spread over what a spawn takes; which step each hits does not matter.
    for step in 0..24u32 {
        let mut child = repo
            .command(world.bins().join("git-orchestra-spawn"))
            .args(["--agent", "sh", "-d", "-j", "2", "echo 1 > a", "echo 2 > b", "echo 3 > c"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("spawn");
        std::thread::sleep(Duration::from_micros(u64::from(step) * 700));
        let _ = child.kill();
        child.wait().expect("an end");
    }
    until("whatever runs has ended", || {
        repo.agents().iter().all(|agent| agent["liveness"] != "live").then_some(())
    });
    mended(&repo);
}

#[test]
fn supervisors_are_killed_at_many_moments() {
    let world = world();
    let repo = world.repo();
    for step in 0..24u32 {
        let id = repo.spawn("echo 1 > a; git add a; git commit -qm a; echo 2 > b");
        if let Some(pid) = repo.agent(&id)["supervisor_pid"].as_i64() {
            std::thread::sleep(Duration::from_millis(u64::from(step) * 2));
            let _ = repo
                .command("kill")
                .args(["-9", &pid.to_string()])
                .stderr(std::process::Stdio::null())
                .status();
        }
    }
    until("whatever runs has ended", || {
        repo.agents().iter().all(|agent| agent["liveness"] != "live").then_some(())
    });
    repo.orchestra(["stop", "--all"]).succeeded();
    for agent in repo.agents() {
        let id = agent["id"].as_str().expect("an id");
        // What was in the worktree when it died is in its head.
        if agent["worktree"].is_string() {
            let worktree = repo.worktree(id);
            for file in ["a", "b"] {
                if let Ok(text) = std::fs::read_to_string(worktree.join(file)) {
                    assert_eq!(repo.file_in_head(id, file), text, "{agent}");
                }
            }
        }
    }
    mended(&repo);
}

#[test]
fn a_ref_lock_left_by_a_killed_writer_is_mended_and_a_foreign_one_is_not() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&id, "running");
    let lock = repo.path().join(format!(".git/refs/orchestra/agents/{id}.lock"));
    std::fs::write(&lock, "").expect("a lock");
    repo.orchestra(["stop", &id]).exits(4).says("is locked by another program").says("remove");
    assert!(lock.exists(), "a foreign lock is never removed");
    std::fs::remove_file(&lock).expect("removed");
    repo.orchestra(["stop", &id]).succeeded();
}

#[test]
fn deleting_all_private_files_while_nothing_runs_loses_nothing() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "echo 1 > a; echo out"]).succeeded();
    let before = repo.agents().remove(0);
    std::fs::remove_dir_all(repo.path().join(".git/orchestra")).expect("removed");
    let after = repo.agents().remove(0);
    assert_eq!((&before["phase"], &before["head"]), (&after["phase"], &after["head"]));
    let id = after["id"].as_str().expect("an id");
    assert_eq!(repo.orchestra(["logs", id]).succeeded().stdout(), "out\n");
    repo.orchestra(["spawn", "--agent", "sh", "echo 2 > a"]).succeeded();
}
