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

#[test]
fn after_everything_was_killed_all_are_resumed_in_the_order_of_the_queue() {
    let world = world();
    let repo = world.repo();
    let script =
        "echo $ORCHESTRA_AGENT >> ../../repo/marks; [ -e ../../repo/go ] || while :; do sleep 0.1; done";
    // Their names are not in the order in which they were queued.
    let ids: Vec<String> = ["m", "z", "k", "a"]
        .iter()
        .map(|name| {
            let spawn = ["spawn", "--again", "--agent", "sh", "-d", "-j", "1", "--name", name, script];
            repo.orchestra(spawn).succeeded().line()
        })
        .collect();
    repo.wait_for(&ids[0], "running");
    for id in &ids {
        let agent = repo.agent(id);
        let pids = ["supervisor_pid", "pid"].map(|key| agent[key].as_i64());
        for pid in pids.into_iter().flatten() {
            repo.command("kill").args(["-9", &pid.to_string()]).status().expect("kill");
        }
    }
    for id in &ids {
        until("it is lost", || (repo.agent(id)["liveness"] == "lost").then_some(()));
    }
    repo.write("go", "");
    std::fs::remove_file(repo.path().join("marks")).expect("marks");
    repo.orchestra(["resume", "--all", "--detach"]).succeeded();
    repo.orchestra(["status", "--wait"]).succeeded();
    let marks = std::fs::read_to_string(repo.path().join("marks")).expect("marks");
    assert_eq!(marks.lines().collect::<Vec<_>>(), ids);
}
