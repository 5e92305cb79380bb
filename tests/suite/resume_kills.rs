//! `resume` that is killed: a message that it recorded reaches the agent.

use testkit::{Aim, Injector};

use crate::world;

#[test]
fn a_message_that_was_recorded_before_a_kill_is_delivered_by_the_next_resume() {
    let Some(injector) = Injector::compile() else {
        crate::skip("no C compiler");
        return;
    };
    let aim = Aim::at("git-orchestra-resume");
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "write a.txt 1");
    repo.end_of(&id);
    let (mut recorded, mut at) = (0, 1);
    loop {
        let file = format!("{at}.txt");
        let text = format!("write {file} {at}");
        let mut resume = repo.command(world.bins().join("git-orchestra-resume"));
        let hit = injector.kill(&world, resume.args(["-d", &id, "-m", &text]), aim, at);
        let is_recorded = repo.events(&id).iter().any(|fact| fact["t"] == "send" && fact["text"] == *text);
        // It may have started the agent, which is refused then.
        let again = repo.orchestra(["resume", "-d", &id]);
        assert!([0, 3, 4].contains(&again.code()), "killed at call {at}: {hit:?}: {}", again.stderr());
        repo.end_of(&id);
        if is_recorded {
            recorded += 1;
            assert_eq!(repo.file_in_head(&id, &file).trim(), at.to_string(), "killed at call {at}: {hit:?}");
        }
        if hit.is_none() {
            break;
        }
        at += 3;
    }
    assert!(recorded > 1, "it was recorded {recorded} times");
}
