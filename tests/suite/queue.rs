//! The queue: with more tasks than slots, none is dropped, and the earliest runs first.

use testkit::until;

use crate::world;

#[test]
fn the_job_limit_and_the_order_are_respected() {
    let world = world();
    let repo = world.repo();
    // Each agent records its start and its end in one file outside.
    let script = "echo begin >> ../../repo/marks; sleep 0.1; echo end >> ../../repo/marks";
    let mut arguments = vec!["spawn", "--agent", "sh", "-j", "2"];
    arguments.extend([script; 7]);
    repo.orchestra(arguments).succeeded();
    let marks = std::fs::read_to_string(repo.path().join("marks")).expect("marks");
    let mut running: i32 = 0;
    let mut most = 0;
    for mark in marks.lines() {
        running += if mark == "begin" { 1 } else { -1 };
        most = most.max(running);
    }
    assert_eq!((marks.lines().count(), running, most), (14, 0, 2), "{marks}");
    let agents = repo.agents();
    let places: Vec<_> = agents.iter().map(|agent| agent["place"].as_u64()).collect();
    assert_eq!(places, (0..7).map(Some).collect::<Vec<_>>());
    let private = repo.path().join(".git/orchestra/agents");
    until("nothing is left of the supervisors", || {
        std::fs::read_dir(&private).expect("a folder").next().is_none().then_some(())
    });
}

#[test]
fn the_queue_position_is_shown() {
    let world = world();
    let repo = world.repo();
    let first = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&first, "running");
    let ids = repo.orchestra(["spawn", "--agent", "sh", "-d", "-j", "1", "true", "true"]).succeeded().line();
    let ids: Vec<&str> = ids.lines().collect();
    assert_eq!(repo.agent(ids[0])["queue_position"], 0);
    assert_eq!(repo.agent(ids[1])["queue_position"], 1);
    repo.orchestra(["stop", &first]).succeeded();
    repo.orchestra(["status", "--wait"]).exits(1);
    assert_eq!(repo.agent(ids[1])["phase"], "done");
}

#[test]
fn a_dead_agent_does_not_block_the_queue() {
    let world = world();
    let repo = world.repo();
    let run = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&run, "running");
    let ids = repo
        .orchestra(["spawn", "--agent", "sh", "-d", "-j", "1", "true", "true", "true"])
        .succeeded()
        .line();
    let ids: Vec<&str> = ids.lines().collect();
    for id in [&run, ids[0]] {
        let supervisor = until("a supervisor", || repo.agent(id)["supervisor_pid"].as_i64()).to_string();
        repo.command("kill").args(["-9", &supervisor]).status().expect("kill");
    }
    repo.wait_for(ids[1], "done");
    repo.wait_for(ids[2], "done");
    assert_eq!(repo.agent(ids[0])["liveness"], "lost");
    repo.orchestra(["stop", "--all"]).succeeded();
    assert_eq!(repo.agent(ids[0])["phase"], "stopped");
}
