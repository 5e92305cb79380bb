//! Where work that landed is now: what the events say is compared with the branch.

use crate::{
    sync::{clone, first, sync},
    world,
};

#[test]
fn a_branch_that_was_reset_or_reverted_does_not_have_the_work() {
    let world = world();
    let a = first(&world);
    let id = a.spawn("echo 1 > one.txt; echo 2 > two.txt");
    a.end_of(&id);
    sync(&a);
    a.orchestra(["merge-ranked", &id]).succeeded();
    sync(&a);
    let b = clone(&world, "b");
    sync(&b);
    let shown = |repo: &testkit::TestRepo<'_>, now: &str, words: &str| {
        let agent = repo.agent(&id);
        let expected = !["not_there", "elsewhere"].contains(&now);
        assert_eq!((agent["landed_now"].as_str(), agent["merged"].as_bool()), (Some(now), Some(expected)));
        assert_eq!(agent["landed_in"], "main");
        repo.orchestra(["status"]).succeeded().stdout_has(words);
    };
    shown(&a, "there", "landed in main;");
    shown(&b, "elsewhere", "landed in main of another clone");
    a.git(["push", "-q", "origin", "main"]).succeeded();
    b.git(["fetch", "-q"]).succeeded();
    shown(&b, "not_there", "was landed in main, which does not contain it now");
    b.git(["pull", "-q", "--ff-only"]).succeeded();
    shown(&b, "there", "landed in main;");
    a.git(["reset", "-q", "--hard", "HEAD~1"]).succeeded();
    shown(&a, "not_there", "was landed in main, which does not contain it now");
    // A landing brings it again.
    a.orchestra(["merge-ranked", &id]).succeeded();
    shown(&a, "there", "landed in main;");
    let landed = a.tip("main");
    a.git(["checkout", "-q", "main~1", "--", "."]).succeeded();
    a.git(["rm", "-q", "one.txt"]).succeeded();
    a.git(["commit", "-qm", "take one file back"]).succeeded();
    shown(&a, "partly_reverted", "landed in main, partly reverted there since");
    a.git(["reset", "-q", "--hard", &landed]).succeeded();
    a.git(["revert", "-m1", "--no-edit", "HEAD"]).succeeded();
    shown(&a, "reverted", "landed in main, reverted there since");
    a.git(["branch", "-m", "main", "trunk"]).succeeded();
    shown(&a, "not_there", "was landed in main, which does not contain it now");
}

/// The history is read from the newest commit on, and only as far as the work can be.
#[test]
fn a_clock_that_was_wrong_hides_no_landing() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo 1 > one.txt");
    repo.end_of(&id);
    repo.orchestra(["merge-ranked", &id]).succeeded();
    let mut commit = repo.command("git");
    commit.args(["commit", "-q", "--allow-empty", "-m", "from another time"]);
    commit.env("GIT_COMMITTER_DATE", "2001-01-01T00:00:00Z");
    assert!(commit.status().expect("git").success());
    assert_eq!(repo.agent(&id)["landed_now"], "there");
}

#[test]
fn work_that_was_reverted_is_brought_back_as_every_command_says() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo 1 > one.txt");
    repo.end_of(&id);
    repo.orchestra(["merge-ranked", &id]).succeeded();
    repo.git(["revert", "-m1", "--no-edit", "HEAD"]).succeeded();
    let revert = repo.tip("main");
    let (by, back) =
        (format!("reverted since, by {}", &revert[..10]), format!("git revert {}", &revert[..10]));
    repo.orchestra(["merge-ranked", &id]).exits(1).stdout_has("taken back").stdout_has(&by).stdout_has(&back);
    repo.orchestra(["merge-ranked", "--dry-run", &id]).succeeded().stdout_has(&by);
    repo.orchestra(["try", &id]).exits(3).stderr_has(&by).stderr_has(&back);
    repo.orchestra(["cleanup"]).succeeded().stdout_has(&by).stderr_has(&back);
    assert_eq!(
        (repo.agent(&id)["landed_now"].as_str(), repo.tip("main")),
        (Some("reverted"), revert.clone())
    );
    // What they say to type brings it back.
    repo.git(["revert", "--no-edit", &revert]).succeeded();
    assert_eq!(repo.agent(&id)["landed_now"], "there");
    repo.orchestra(["merge-ranked", &id]).succeeded().stdout_has("is in main already");
    repo.orchestra(["cleanup"]).succeeded().stdout_has("removed");
}

#[test]
fn a_landing_that_was_amended_or_rebased_is_still_there() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo 1 > one.txt");
    repo.end_of(&id);
    repo.orchestra(["merge-ranked", "--strategy", "squash", &id]).succeeded();
    repo.git(["commit", "-q", "--amend", "-m", "a better subject"]).succeeded();
    let agent = repo.agent(&id);
    assert_eq!((agent["landed_now"].as_str(), agent["merged"].as_bool()), (Some("there"), Some(true)));
    repo.orchestra(["status"]).succeeded().stdout_has("landed in main;");
    // Later work on the same file does not hide it.
    repo.commit("more", &[("one.txt", "1\n2\n")]);
    assert_eq!(repo.agent(&id)["landed_now"], "there");
}
