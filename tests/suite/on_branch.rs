//! `spawn --on`: an agent that works on a branch of the user. The branch stays the user's, whatever happens to the agent.

use serde_json::Value;
use testkit::TestRepo;

use crate::{cleanup, world};

/// Starts an agent on a branch, and waits until it has ended.
fn ended_on(repo: &TestRepo<'_>, branch: &str, script: &str) -> String {
    let id =
        repo.orchestra(["spawn", "--on", branch, "--agent", "sh", "-d", "--", script]).succeeded().line();
    repo.end_of(&id);
    id
}

#[test]
fn an_agent_commits_to_the_branch_and_cleanup_leaves_it() {
    let world = world();
    let repo = world.repo();
    repo.branch("feature", &[("mine.txt", "mine\n")]);
    let (before, checkout) = (repo.tip("feature"), repo.checkout());
    let id = ended_on(&repo, "feature", "cat mine.txt > copy.txt");
    let agent = repo.agent(&id);
    assert_eq!((&agent["branch"], &agent["base"]), (&"feature".into(), &before.as_str().into()));
    assert_eq!(
        (&agent["phase"], &agent["surroundings"]),
        (&"done".into(), &Value::Array(Vec::new())),
        "{agent}"
    );
    assert_eq!(repo.file_at("feature", "copy.txt"), "mine\n");
    assert_eq!(repo.tip("feature^"), before);
    assert_eq!(repo.refs("refs/heads/orchestra"), []);

    // Without being asked to, the branch itself is no place where the work has landed.
    let work = repo.tip("feature");
    assert_eq!(cleanup::outcome_of(&cleanup::cleanup(&repo, &[]), &id).0, "kept");
    let worktree = repo.worktree(&id);
    let report = cleanup::cleanup(&repo, &["--into", "feature"]);
    assert_eq!(cleanup::outcome_of(&report, &id).0, "removed", "{report}");
    assert!(!worktree.exists());
    assert_eq!(repo.tip("feature"), work);
    assert_eq!(repo.checkout(), checkout);
    repo.orchestra(["undo"]).succeeded();
    assert!(worktree.join("copy.txt").exists());
    assert_eq!((repo.tip("feature"), repo.agent(&id)["phase"].clone()), (work, "done".into()));
    assert_eq!(repo.git(["-C", &worktree.to_string_lossy(), "status", "--porcelain"]).stdout(), "");
}

#[test]
fn a_branch_that_is_in_use_is_refused() {
    let world = world();
    let repo = world.repo();
    repo.git(["branch", "feature"]).succeeded();
    repo.git(["branch", "elsewhere"]).succeeded();
    repo.git(["worktree", "add", "-q", "../linked", "elsewhere"]).succeeded();
    repo.git(["tag", "v1"]).succeeded();
    let refuse = |options: &[&str], code: i32, said: &str, hint: &str| {
        let ran = repo.orchestra([&["spawn", "--agent", "sh", "--on"], options].concat()).exits(code);
        assert!(ran.stderr().contains(said) && ran.stderr().contains(hint), "{options:?}: {}", ran.stderr());
    };
    refuse(&["main", "true"], 3, "'main' is the current branch", "git orchestra spawn TASK");
    refuse(&["elsewhere", "true"], 3, "is checked out in", "switch --detach");
    refuse(&["featur", "true"], 3, "no branch 'featur'", "git orchestra spawn --on feature TASK");
    refuse(&["v1", "true"], 3, "no branch 'v1'", "--base v1");
    refuse(&["feature", "one", "two"], 2, "--on is for one agent", "--on BRANCH TASK");
    refuse(&["feature", "--copies", "2", "true"], 2, "--copies", "");
    assert!(repo.agents().is_empty());
    let id = ended_on(&repo, "feature", "echo 1 > one");
    refuse(&["feature", "true"], 3, &format!("belongs to agent '{id}'"), &format!("resume {id} -m TASK"));
    let own = repo.spawn("echo 2 > two");
    repo.end_of(&own);
    refuse(&[&format!("orchestra/{own}"), "true"], 3, &format!("belongs to agent '{own}'"), "--base");
}

/// The user checks the branch out themselves once the worktree is gone: it is not taken for the agent's.
#[test]
fn the_checkout_of_a_user_is_never_taken_for_that_of_the_agent() {
    let world = world();
    let repo = world.repo();
    repo.git(["branch", "feature"]).succeeded();
    let id = ended_on(&repo, "feature", "echo 1 > one");
    let worktree = repo.worktree(&id);
    repo.git(["worktree", "remove", "--force", &worktree.to_string_lossy()]).succeeded();
    let linked = world.dir().join("linked");
    repo.git(["worktree", "add", "-q", &linked.to_string_lossy(), "feature"]).succeeded();
    assert_ne!(repo.agent(&id)["worktree"], linked.to_string_lossy().as_ref());
    let report = cleanup::cleanup(&repo, &["--into", "feature"]);
    assert_eq!(cleanup::outcome_of(&report, &id).0, "kept", "{report}");
    repo.orchestra(["cleanup", "--discard", &id]);
    assert!(linked.join("one").exists());
    assert_eq!(repo.file_at("feature", "one"), "1\n");
}

#[test]
fn undo_restores_no_worktree_on_a_branch_that_moved_or_is_checked_out() {
    let world = world();
    let repo = world.repo();
    repo.git(["branch", "feature"]).succeeded();
    let id = ended_on(&repo, "feature", "echo 1 > one");
    let worktree = repo.worktree(&id);
    cleanup::cleanup(&repo, &["--into", "feature"]);
    repo.git(["checkout", "-q", "feature"]).succeeded();
    repo.orchestra(["undo"]).exits(3).stderr_has("has its branch 'feature' checked out");
    repo.commit("more", &[("two", "2\n")]);
    repo.git(["checkout", "-q", "main"]).succeeded();
    repo.orchestra(["undo"]).exits(3).stderr_has("its branch 'feature' has moved");
    assert!(!worktree.exists());
    repo.git(["branch", "-m", "--", "feature", "newer"]).succeeded();
    repo.orchestra(["undo"]).succeeded();
    assert!(worktree.join("one").exists() && repo.has("newer", "two"));
}

/// A queued agent starts much later than it was checked.
#[test]
fn a_branch_that_is_checked_out_meanwhile_is_not_checked_out_again() {
    let world = world();
    let repo = world.repo();
    repo.git(["branch", "feature"]).succeeded();
    let first = repo.spawn("until test -e ../../repo/go; do sleep 0.05; done");
    repo.wait_for(&first, "running");
    let options = ["spawn", "--on", "feature", "-j", "1", "--agent", "sh", "-d", "echo 1 > one"];
    let id = repo.orchestra(options).succeeded().line();
    repo.git(["checkout", "-q", "feature"]).succeeded();
    repo.write("go", "");
    let end = repo.end_of(&id);
    let why = end["reason"].as_str().unwrap_or_default();
    assert!(end["phase"] == "failed" && why.contains("branch 'feature' is checked out in"), "{end}");
    assert_eq!(repo.tip("feature"), repo.tip("main"));
    repo.git(["checkout", "-q", "main"]).succeeded();
    repo.orchestra(["resume", "--fresh", &id]).succeeded();
    assert_eq!(repo.file_at("feature", "one"), "1\n");
}
