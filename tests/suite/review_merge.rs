//! `review --pr --automerge`: what is approved, passes the test and is as it was judged is merged on the forge, once; nothing else is.

use serde_json::json;
use testkit::{Aim, FakeForge, ForgeFlavor, Injector, TestRepo, Trouble, World};

use crate::{
    pr::{FLAVORS, on_forge, only},
    review_pr::pull_of_fork,
    world,
};

/// The test commands run without a sandbox here: what a sandbox keeps from strangers is tested with `review --pr`.
const MERGE: [&str; 5] = ["review", "--pr", "1", "--trust", "--automerge"];

/// Returns the calls that merge.
fn merge_calls(forge: &FakeForge) -> usize {
    forge.requests().iter().filter(|one| !one.starts_with("GET") && one.ends_with("/merge")).count()
}

/// Returns the newest commit of the main branch on the forge, by plain git.
fn main_there(world: &World) -> String {
    world.git(&world.dir().join("forge.git"), ["rev-parse", "main"]).line()
}

fn has_file_there(world: &World, name: &str) -> bool {
    let files = world.git(&world.dir().join("forge.git"), ["ls-tree", "--name-only", "main"]).stdout();
    files.lines().any(|line| line == name)
}

/// Pushes a commit with a file to a branch of a repository.
fn pushed(fork: &TestRepo<'_>, branch: &str, file: &str) -> String {
    fork.commit(file, &[(file, "1\n")]);
    fork.git(["push", "-q", "origin", branch]).succeeded();
    fork.git(["rev-parse", "HEAD"]).line()
}

#[test]
fn what_is_approved_and_passes_is_merged_once_on_every_forge() {
    for flavor in FLAVORS {
        let world = world();
        let (repo, forge) = on_forge(&world, flavor);
        let (fork, _) = pull_of_fork(&world, &forge, &[("new.txt", "good\n")]);
        let (before, head) = (main_there(&world), fork.git(["rev-parse", "HEAD"]).line());
        let merge = |more: &[&str]| repo.orchestra(MERGE.iter().chain(more));
        merge(&["--approve"]).exits(2).stderr_has("only what passed a test is merged");
        repo.git(["config", "orchestra.test", "test -e new.txt"]).succeeded();
        merge(&[]).exits(1).stderr_has("as it is now").stderr_has("review --pr 1 --approve --automerge");
        assert_eq!((merge_calls(&forge), main_there(&world)), (0, before), "{flavor:?}");

        merge(&["--approve", "--squash"])
            .succeeded()
            .stderr_has("runs 'test -e new.txt' with the code of")
            .stdout_has("1 approved")
            .stdout_has(&format!("1 merged at {} into main http", &head[..12]));
        assert_eq!((only(&forge).state.as_str(), merge_calls(&forge)), ("merged", 1), "{flavor:?}");
        assert!(has_file_there(&world, "new.txt"));
        let parents = world.git(&world.dir().join("forge.git"), ["log", "-1", "--format=%P", "main"]).line();
        assert!(!parents.contains(' '), "one commit was made of it: {flavor:?}");
        let again = merge(&["--json"]).succeeded().json();
        let merged = &again["merged"];
        assert_eq!((&merged["is_new"], &merged["into"]), (&json!(false), &json!("main")), "{again}");
        assert!(head.starts_with(merged["head"].as_str().expect("a head")), "{again}");
        merge(&[]).succeeded().stdout_has("1 is merged already, at");
        assert_eq!(merge_calls(&forge), 1, "{flavor:?}");
        assert_eq!(forge.faults(), Vec::<String>::new(), "by the official description");
    }
}

#[test]
fn nothing_is_merged_that_is_not_approved_tested_and_as_it_was() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    let (fork, _) = pull_of_fork(&world, &forge, &[("new.txt", "good\n")]);
    let merge = |more: &[&str]| repo.orchestra(MERGE.iter().chain(more));
    repo.orchestra(["review", "--pr", "1", "--changes", "-m", "no"]).succeeded();
    merge(&["--test", "true"]).exits(1).stderr_has("the verdict on pull request 1 is 'changes requested'");
    merge(&["--approve", "--test", "echo so; exit 3"])
        .exits(1)
        .stdout_has("1 approved")
        .stderr_has("the test does not pass on its merge with 'main'");
    forge.change(|pulls| pulls[0].draft = true);
    merge(&["--test", "true"]).exits(1).stderr_has("is a draft");
    forge.change(|pulls| (pulls[0].draft, pulls[0].state) = (false, "closed".into()));
    let said = merge(&["--test", "true", "--json"]).exits(1).json();
    assert!(said["not_merged"]["why"].as_str().expect("why").contains("is closed"), "{said}");
    forge.change(|pulls| pulls[0].state = "open".into());
    let head = fork.git(["rev-parse", "HEAD"]).line();
    forge.fail_checks(&head);
    merge(&["--test", "true"]).exits(1).stderr_has("its checks on the forge failed");
    assert_eq!((merge_calls(&forge), only(&forge).state.as_str()), (0, "open"));

    // Somebody pushes while the test runs: first to the pull request, then to its base.
    let dir = world.dir().to_string_lossy().into_owned();
    let head = pushed(&fork, "topic", "more.txt");
    fork.commit("later", &[("later.txt", "1\n")]);
    let push = format!("git -C {dir}/fork push -q origin topic");
    merge(&["--approve", "--test", &push])
        .exits(4)
        .stderr_has("somebody pushed to pull request 1 meanwhile; nothing was merged")
        .stderr_has("git orchestra review --pr 1 --automerge");
    assert_ne!(world.git(&world.dir().join("fork.git"), ["rev-parse", "topic"]).line(), head);
    merge(&["--test", "true"]).exits(1).stderr_has("as it is now");
    world.git(world.dir(), ["clone", "-q", "forge.git", "other"]).succeeded();
    let other = TestRepo::new(&world, world.dir().join("other")).with_identity();
    other.commit("Base", &[("base.txt", "1\n")]);
    let push = format!("git -C {dir}/other push -q origin main");
    merge(&["--approve", "--test", &push])
        .exits(4)
        .stderr_has("'main', which pull request 1 should be merged");
    assert_eq!((merge_calls(&forge), only(&forge).state.as_str()), (0, "open"));
    assert!(!has_file_there(&world, "new.txt") && has_file_there(&world, "base.txt"));

    // The same patch on the moved base is approved already, and passes there.
    merge(&["--test", "test -e base.txt && test -e later.txt"]).succeeded();
    assert!(has_file_there(&world, "later.txt") && has_file_there(&world, "base.txt"));
    assert_eq!(forge.faults(), Vec::<String>::new(), "by the official description");
}

#[test]
fn a_push_at_the_last_moment_a_refusal_and_a_lost_answer_are_told_on_every_forge() {
    for flavor in FLAVORS {
        let world = world();
        let (repo, forge) = on_forge(&world, flavor);
        let (fork, _) = pull_of_fork(&world, &forge, &[("new.txt", "good\n")]);
        repo.git(["config", "orchestra.test", "true"]).succeeded();
        repo.orchestra(["review", "--pr", "1", "--approve"]).succeeded();
        let merge = || repo.orchestra(MERGE);
        let call = match flavor {
            ForgeFlavor::GitHub | ForgeFlavor::GitLab => "PUT /1/merge",
            ForgeFlavor::Gitea | ForgeFlavor::Bitbucket => "POST /1/merge",
        };
        let protected = r#"{"message": "At least 1 approving review is required", "error": {"message": "At least 1 approving review is required"}}"#;
        forge.next(call, Trouble::Answers(405, vec![], protected.into()));
        merge()
            .exits(3)
            .stderr_has("request 1 was not merged: ")
            .stderr_has("(405): At least 1 approving review is required")
            .stderr_has("git orchestra review --pr 1 --automerge");
        forge.next(call, Trouble::Answers(502, vec![], "{}".into()));
        merge().exits(5).stderr_has("request 1 was not merged: ");
        assert_eq!(only(&forge).state, "open", "{flavor:?}");

        let first = fork.git(["rev-parse", "HEAD"]).line();
        fork.commit("Late", &[("late.txt", "1\n")]);
        let late = fork.git(["rev-parse", "HEAD"]).line();
        // The commit is in the fork; its branch moves when the merge is asked for.
        fork.git(["push", "-q", "origin", "HEAD:refs/heads/other"]).succeeded();
        let bare = world.dir().join("fork.git");
        forge.next(call, Trouble::Moves(bare.clone(), "topic".into(), late));
        if flavor == ForgeFlavor::Bitbucket {
            merge().succeeded().stderr_has("another head was merged than the one that was judged");
            assert!(has_file_there(&world, "late.txt"));
            continue;
        }
        merge().exits(4).stderr_has("the head of").stderr_has("somebody pushed to its branch");
        assert_eq!(only(&forge).state, "open", "{flavor:?}");
        assert!(!has_file_there(&world, "new.txt"), "{flavor:?}");
        world.git(&bare, ["update-ref", "refs/heads/topic", &first]).succeeded();
        forge.next(call, Trouble::AnswerLost);
        merge().succeeded().stdout_has(&format!("1 merged at {}", &first[..12]));
        assert!(has_file_there(&world, "new.txt") && !has_file_there(&world, "late.txt"), "{flavor:?}");
        assert_eq!(forge.faults(), Vec::<String>::new(), "by the official description");
    }
}

#[test]
fn killed_at_any_call_and_typed_again_it_is_merged_once() {
    let Some(injector) = Injector::compile() else {
        crate::skip("no C compiler");
        return;
    };
    let aim = Aim::at("git-orchestra-review");
    let words = ["--pr", "1", "--trust", "--automerge", "--approve", "--test", "true"];
    let scene = |at: Option<u64>| {
        let world = world();
        let (repo, forge) = on_forge(&world, ForgeFlavor::GitLab);
        pull_of_fork(&world, &forge, &[("new.txt", "good\n")]);
        let mut command = repo.command(world.bins().join("git-orchestra-review"));
        let Some(at) = at else { return injector.count(&world, command.args(words), aim) };
        let hit = injector.kill(&world, command.args(words), aim, at);
        assert!(hit.is_some(), "it is killed at call {at}");
        repo.orchestra([&["review"][..], &words].concat()).succeeded().stdout_has("1 ");
        assert_eq!((only(&forge).state.as_str(), merge_calls(&forge)), ("merged", 1), "killed at {hit:?}");
        assert!(has_file_there(&world, "new.txt"));
        let notes = repo.git(["ls-tree", "-r", "refs/orchestra/notes/pull-requests"]).stdout();
        assert_eq!(notes.lines().count(), 1, "killed at {hit:?}");
        at
    };
    let calls = scene(None);
    assert!(calls > 5, "{calls} calls");
    // The last calls, when the test has passed, and some of those before.
    for at in (1..=calls).rev().step_by(usize::try_from(calls / 8).expect("few calls").max(1)) {
        scene(Some(at));
    }
}
