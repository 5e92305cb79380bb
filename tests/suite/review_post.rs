//! `review --pr --post`: the verdict becomes one review on the forge, whatever happens in between.

use serde_json::json;
use testkit::{Aim, FakeForge, ForgeFlavor, Injector, Trouble};

use crate::{
    pr::{FLAVORS, on_forge},
    review_pr::pull_of_fork,
    world,
};

const FILES: &[(&str, &str)] = &[("new.txt", "one\ntwo\n")];

/// Returns what was said that is no remark alone, and what was decided.
fn said(forge: &FakeForge) -> Vec<(String, String)> {
    let marked = |body: &str| body.contains("[//]: # (git orchestra: review ");
    let all = forge.reviews();
    assert!(all.iter().all(|one| marked(&one.body)), "{all:?}");
    let whole = all.iter().filter(|one| one.body.contains("Review: "));
    whole.map(|one| (forge.decision(1).unwrap_or_else(|| one.verdict.clone()), one.body.clone())).collect()
}

#[test]
fn a_verdict_is_given_once_with_its_remarks_on_every_forge() {
    for flavor in FLAVORS {
        let world = world();
        let (repo, forge) = on_forge(&world, flavor);
        let (fork, _) = pull_of_fork(&world, &forge, FILES);
        let word = if flavor == ForgeFlavor::GitLab { "merge request" } else { "pull request" };
        repo.orchestra(["review", "--pr", "1", "--post"])
            .exits(3)
            .stderr_has(&format!("there is no verdict on {word} 1 as it is now"));
        let secret = concat!("ghp_", "16C7e42F292c6912E7710c838347Ae178B4a");
        let text = format!("a \u{1b}[31m {secret} word");
        let give = [
            "review",
            "--pr",
            "1",
            "--changes",
            "--keep",
            "-m",
            &text,
            "-C",
            "new.txt:2",
            "why two",
            "-C",
            "file.txt:1",
            "not changed",
            "--post",
        ];
        repo.orchestra(give).succeeded().stdout_has("1 changes requested: given on");
        for _ in 0..2 {
            repo.orchestra(give).succeeded().stdout_has("1 changes requested: is on");
            repo.orchestra(["review", "--pr", "1", "--post"]).succeeded();
        }
        let all = said(&forge);
        assert_eq!(all.len(), 1, "{flavor:?} {all:?}");
        let (verdict, body) = &all[0];
        let decided = if flavor == ForgeFlavor::GitLab { "comment" } else { "changes" };
        assert_eq!(verdict, decided, "{flavor:?}");
        assert!(!body.contains(secret) && !body.contains('\u{1b}') && body.contains(" word"), "{body}");
        assert!(!body.contains("@"), "the address of a person is not for everyone: {body}");
        let all = forge.reviews();
        let remarks: Vec<_> = all.iter().flat_map(|one| one.remarks.clone()).collect();
        let apart = matches!(flavor, ForgeFlavor::GitLab | ForgeFlavor::Bitbucket);
        if apart {
            assert_eq!(remarks.len(), 1, "{remarks:?}");
            assert!(
                remarks[0].0 == "new.txt" && remarks[0].1 == 2 && remarks[0].2.starts_with("why two"),
                "{remarks:?}"
            );
            assert!(body.contains("`file.txt:1`: not changed"), "{body}");
        } else {
            // One remark is on no line of the pull request: all are in the text.
            assert!(remarks.is_empty() && body.contains("`new.txt:2`: why two"), "{body}");
            assert_eq!(all[0].commit, fork.git(["rev-parse", "HEAD"]).line());
        }
        assert_eq!(forge.faults(), Vec::<String>::new(), "by the official description");

        // Another verdict is another review, and the decision follows it.
        repo.orchestra(["review", "--pr", "1", "--approve", "-C", "new.txt:1", "good", "--post", "--json"])
            .succeeded();
        let all = said(&forge);
        assert_eq!((all.len(), all[1].0.as_str()), (2, "approve"), "{flavor:?} {all:?}");
        let last = forge.reviews().into_iter().flat_map(|one| one.remarks).next_back().expect("a remark");
        assert_eq!((last.0.as_str(), last.1), ("new.txt", 1), "{flavor:?}");
        assert!(forge.faults().is_empty(), "{:?}", forge.faults());
    }
}

#[test]
fn a_lost_answer_or_a_mark_of_somebody_else_changes_nothing() {
    for flavor in FLAVORS {
        for trouble in [Trouble::AnswerLost, Trouble::HungUp, Trouble::Answers(502, vec![], "{}".into())] {
            let world = world();
            let (repo, forge) = on_forge(&world, flavor);
            pull_of_fork(&world, &forge, FILES);
            repo.orchestra(["review", "--pr", "1", "--approve", "-m", "fine"]).succeeded();
            let call = match flavor {
                ForgeFlavor::GitHub | ForgeFlavor::Gitea => "POST /reviews",
                ForgeFlavor::GitLab => "POST /notes",
                ForgeFlavor::Bitbucket => "POST /comments",
            };
            let is_done = matches!(trouble, Trouble::AnswerLost);
            forge.next(call, trouble);
            repo.orchestra(["review", "--pr", "1", "--post"]).exits(if is_done { 0 } else { 5 });
            repo.orchestra(["review", "--pr", "1", "--post"]).succeeded();
            assert_eq!(said(&forge).len(), 1, "{flavor:?}");
        }
    }
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    pull_of_fork(&world, &forge, FILES);
    repo.orchestra(["review", "--pr", "1", "--approve", "--post"]).succeeded();
    // The author repeats the mark, so that it would count as given.
    let copied = forge.reviews()[0].clone();
    forge.replace_reviews(vec![testkit::GivenReview { author: "somebody".into(), ..copied }]);
    repo.orchestra(["review", "--pr", "1", "--post"]).succeeded().stdout_has("1 approved: given on");
    assert_eq!(forge.reviews().len(), 2);
}

#[test]
fn killed_at_any_call_and_typed_again_there_is_one_review() {
    let Some(injector) = Injector::compile() else {
        crate::skip("no C compiler");
        return;
    };
    let aim = Aim::at("git-orchestra-review");
    let mut at = 1;
    loop {
        let world = world();
        let (repo, forge) = on_forge(&world, ForgeFlavor::GitLab);
        pull_of_fork(&world, &forge, FILES);
        let words = ["--pr", "1", "--approve", "-C", "new.txt:1", "good", "--post"];
        let mut command = repo.command(world.bins().join("git-orchestra-review"));
        let hit = injector.kill(&world, command.args(words), aim, at);
        repo.orchestra([&["review"][..], &words].concat()).succeeded();
        assert_eq!(said(&forge).len(), 1, "killed at call {at}: {hit:?}");
        assert_eq!(forge.reviews().len(), 2, "killed at call {at}: the remark is there once");
        assert_eq!(forge.decision(1).as_deref(), Some("approve"), "killed at call {at}: {hit:?}");
        if hit.is_none() {
            break;
        }
        at += 1;
    }
    assert!(at > 3, "it was killed at {at} calls");
}

#[test]
fn what_ended_moved_or_is_refused_is_named_and_an_own_one_gets_a_comment() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    let (fork, _) = pull_of_fork(&world, &forge, FILES);
    let post = || repo.orchestra(["review", "--pr", "1", "--post"]);
    repo.orchestra(["review", "--pr", "1", "--approve"]).succeeded();
    fork.commit("More", &[("more.txt", "3\n")]);
    fork.git(["push", "-q", "origin", "topic"]).succeeded();
    post().exits(3).stderr_has("there is no verdict on pull request 1 as it is now");
    repo.orchestra(["review", "--pr", "1", "--approve"]).succeeded();
    let conflict = Trouble::Answers(409, vec![], r#"{"message":"conflict"}"#.into());
    forge.next("POST /reviews", conflict);
    post().exits(4).stderr_has("refused it (409): conflict");
    forge.next("POST /reviews", Trouble::Answers(401, vec![], r#"{"message":"expired"}"#.into()));
    post().exits(3).stderr_has("refuses the token: expired");
    let head = fork.git(["rev-parse", "HEAD"]).line();
    forge.change(|pulls| (pulls[0].state, pulls[0].last_head) = ("closed".into(), head));
    post().exits(3).stderr_has("pull request 1 is closed");
    assert!(forge.reviews().is_empty());
    forge.change(|pulls| (pulls[0].state, pulls[0].author) = ("open".into(), "kim".into()));
    post().succeeded().stdout_has("as a comment: it is your own");
    assert_eq!(forge.reviews()[0].verdict, "comment");
    let said = repo.orchestra(["review", "--pr", "1", "--post", "--json"]).succeeded().json();
    assert_eq!(said["posted"], json!({"verdict": "approve", "is_new": false, "is_comment": true}));
}
