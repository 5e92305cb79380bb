//! `pr` that is killed while it pushes what is new, or while it merges: typed again, each was done once.

use testkit::{Aim, ForgeFlavor, Injector};

use crate::{
    pr::{done, on_forge, only, tip_there},
    world,
};

#[test]
fn killed_at_any_call_of_an_update_and_typed_again_all_is_pushed() {
    let Some(injector) = Injector::compile() else {
        crate::skip("no C compiler");
        return;
    };
    let aim = Aim::at("git-orchestra-pr");
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    let id = done(&repo, "echo 0 > a.txt");
    repo.orchestra(["pr", &id]).succeeded();
    let mut at = 1;
    loop {
        repo.orchestra(["resume", &id, "-m", &format!("echo {at} > a.txt")]).succeeded();
        let hit =
            injector.kill(&world, repo.command(world.bins().join("git-orchestra-pr")).arg(&id), aim, at);
        repo.orchestra(["pr", &id]).succeeded();
        let (pull, agent) = (only(&forge), repo.agent(&id));
        assert_eq!((pull.number, pull.state.as_str()), (1, "open"), "killed at call {at}: {hit:?}");
        let head = agent["head"].as_str().expect("a head");
        assert_eq!(tip_there(&world, &pull.head), head, "killed at call {at}: {hit:?}");
        assert_eq!(agent["pull_request"]["head"], head, "killed at call {at}: {hit:?}");
        if hit.is_none() {
            break;
        }
        at += 1;
    }
    assert!(at > 2, "it was killed at {at} calls");
}

#[test]
fn killed_at_any_call_of_a_merge_and_typed_again_it_is_merged_once() {
    let Some(injector) = Injector::compile() else {
        crate::skip("no C compiler");
        return;
    };
    let aim = Aim::at("git-orchestra-pr");
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    let mut at = 1;
    loop {
        let id = done(&repo, &format!("echo {at} > {at}.txt"));
        repo.orchestra(["pr", &id]).succeeded();
        let mut merge = repo.command(world.bins().join("git-orchestra-pr"));
        let hit = injector.kill(&world, merge.args([&id, "--merge"]), aim, at);
        repo.orchestra(["pr", &id, "--merge"]).succeeded().stdout_has("merged");
        let pulls = forge.pulls();
        let states: Vec<&str> = pulls.iter().map(|pull| pull.state.as_str()).collect();
        assert!(states.iter().all(|state| *state == "merged"), "killed at call {at}: {hit:?}: {states:?}");
        let merges = ["rev-list", "--first-parent", "--merges", "--count", "main"];
        let merges = world.git(&world.dir().join("forge.git"), merges).line();
        assert_eq!(merges, pulls.len().to_string(), "killed at call {at}: {hit:?}");
        assert_eq!(repo.agent(&id)["pull_request"]["state"], "merged", "killed at call {at}: {hit:?}");
        if hit.is_none() {
            break;
        }
        at += 1;
    }
    assert!(at > 2, "it was killed at {at} calls");
}
