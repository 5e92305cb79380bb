//! `pause`: the program ends, and the work is saved.

use testkit::until;

use crate::world;

#[test]
fn the_work_is_saved_and_the_session_continues() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "write before.txt 1\nawait never");
    repo.wait_for_file(&id, "before.txt");
    let ran = repo.orchestra(["pause", &id, "-m", "lunch"]).succeeded();
    assert!(ran.stdout().contains("paused: 1 commit, +1 -0; lunch"), "{}", ran.stdout());
    let paused = repo.agent(&id);
    assert_eq!(
        (&paused["phase"], &paused["liveness"], &paused["pid"]),
        (&"paused".into(), &"ended".into(), &().into())
    );
    assert_eq!(repo.trailer(&id, "State"), "paused");
    assert_eq!(repo.file_in_head(&id, "before.txt"), "1\n");
    repo.orchestra(["pause", &id]).succeeded();
    repo.orchestra(["resume", &id, "-m", "write after.txt 2"]).succeeded();
    let done = repo.agent(&id);
    assert_eq!(
        (&done["phase"], &done["session"], &done["attempt"]),
        (&"done".into(), &paused["session"], &2.into())
    );
    assert_eq!(repo.file_in_head(&id, "before.txt") + &repo.file_in_head(&id, "after.txt"), "1\n2\n");
}

#[test]
fn an_undelivered_message_is_delivered_after_the_pause() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "say begun\nawait never");
    repo.wait_for_output(&id, "begun");
    repo.orchestra(["send", &id, "write kept.txt 1"]).succeeded();
    repo.orchestra(["pause", &id]).succeeded();
    repo.orchestra(["resume", &id, "-m", "write after.txt 2"]).succeeded();
    assert_eq!(repo.file_in_head(&id, "kept.txt") + &repo.file_in_head(&id, "after.txt"), "1\n2\n");
}

#[test]
fn an_undelivered_message_is_delivered_even_after_a_stop() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "say begun\nawait never");
    repo.wait_for_output(&id, "begun");
    repo.orchestra(["send", &id, "write kept.txt 1"]).succeeded();
    repo.orchestra(["pause", &id]).succeeded();
    repo.orchestra(["stop", &id]).succeeded();
    repo.orchestra(["resume", &id, "-m", "write after.txt 2"]).succeeded();
    assert_eq!(repo.file_in_head(&id, "kept.txt") + &repo.file_in_head(&id, "after.txt"), "1\n2\n");
}

#[test]
fn a_queued_agent_leaves_the_queue_and_a_paused_one_can_be_stopped() {
    let world = world();
    let repo = world.repo();
    let first = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&first, "running");
    let queued = repo.orchestra(["spawn", "--agent", "sh", "-d", "-j", "1", "echo 1 > a"]).succeeded().line();
    repo.orchestra(["pause", &queued]).succeeded();
    assert_eq!(repo.agent(&queued)["phase"], "paused");
    repo.orchestra(["stop", &queued, "-m", "no more"]).succeeded();
    let agent = repo.agent(&queued);
    assert_eq!((&agent["phase"], &agent["reason"]), (&"stopped".into(), &"no more".into()));
    repo.orchestra(["resume", &queued, "-j", "2"]).succeeded();
    assert_eq!(repo.file_in_head(&queued, "a"), "1\n");
}

#[test]
fn all_agents_are_paused_and_resumed() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let ids: Vec<String> =
        (0..2).map(|n| repo.spawn_claude(&[], &format!("hang once\nwrite a{n} {n}"))).collect();
    for id in &ids {
        until("it hangs", || {
            (!world.scripted_conversation(repo.agent(id)["session"].as_str()?).is_empty()).then_some(())
        });
        repo.wait_for(id, "running");
    }
    let report = repo.orchestra(["pause", "--all", "--json"]).succeeded().json();
    assert!(
        report["agents"].as_array().expect("agents").iter().all(|agent| agent["outcome"] == "paused"),
        "{report}"
    );
    repo.orchestra(["resume", "--all"]).succeeded();
    for id in &ids {
        assert_eq!(repo.agent(id)["phase"], "done");
    }
    repo.orchestra(["resume", "--all"]).succeeded().stderr_has("no agent is paused or lost");
}
