//! What people do in the worktree of an agent that has ended: their commits land with its work, their edits stay, and only what they
//! approved lands as approved.

use std::fs;

use testkit::TestRepo;

use crate::world;

/// An agent that reads prose and follows a script, and whose work conflicts with main or fails a check until it is asked again.
fn agent_that_repairs(repo: &TestRepo<'_>) -> String {
    let script = repo.world().dir().join("agent.sh");
    let text = "if grep -qi conflict \"$1\"; then printf 'main\\nagent\\n' > file.txt; \
                elif grep -qi fails \"$1\"; then echo 1 > fixed; else echo agent > file.txt; echo 1 > w; fi\n";
    fs::write(&script, text).expect("a script");
    let command = format!("sh {} {{prompt_file}}", script.display());
    repo.git(["config", "orchestra.agent.mine.command", &command]);
    repo.git(["config", "orchestra.agent.mine.reads", "prose"]);
    let id = repo.orchestra(["spawn", "--agent", "mine", "--detach", "--", "begin"]).succeeded().line();
    repo.end_of(&id);
    id
}

fn worktree_status(repo: &TestRepo<'_>, id: &str) -> String {
    repo.git(["-C", &repo.worktree(id).to_string_lossy(), "status", "--porcelain"]).stdout()
}

/// With the options, the agent would repair its work if nothing kept it from that.
const REPAIRS: [(&str, &[&str]); 2] = [
    ("file.txt", &["--on-conflict", "agent"]),
    ("other.txt", &["--on-failure", "agent", "--test", "! test -e w || test -e fixed"]),
];

#[test]
fn a_persons_edits_are_not_part_of_a_repair() {
    for (changed, options) in REPAIRS {
        let world = world();
        let repo = world.repo();
        let id = agent_that_repairs(&repo);
        repo.commit("main goes ahead", &[(changed, "main\n")]);
        fs::write(repo.worktree(&id).join("mine"), "mine\n").expect("a file");
        fs::write(repo.worktree(&id).join("w"), "mine\n").expect("a file");
        let before = (worktree_status(&repo, &id), repo.tip("main"), repo.tip(&format!("orchestra/{id}")));
        let ran = repo.orchestra([&["merge-ranked", &id], options].concat()).exits(1);
        ran.stdout_has("its worktree has changes that are not in its work");
        let after = (worktree_status(&repo, &id), repo.tip("main"), repo.tip(&format!("orchestra/{id}")));
        assert_eq!(after, before, "{options:?}");
        repo.orchestra(["collect", &id]).succeeded();
        repo.orchestra([&["merge-ranked", &id], options].concat()).succeeded();
        assert_eq!(repo.git(["show", "main:mine"]).stdout(), "mine\n", "{options:?}");
    }
}

#[test]
fn a_persons_edits_are_not_part_of_a_reviewers_repair() {
    let world = world();
    let repo = world.repo();
    let judge = |commands: &str| {
        let command = format!("{commands}; echo '{{\"verdict\":\"approve\",\"summary\":\"looked\"}}'");
        repo.git(["config", "orchestra.agent.judge.command", &command]);
    };
    repo.git(["config", "orchestra.review.test", "true"]);
    repo.git(["config", "orchestra.agent.judge.reads", "prose"]);
    let id = repo.spawn("echo bad > a.txt");
    repo.end_of(&id);
    let mine = repo.worktree(&id).join("mine");
    let review = || repo.orchestra(["review", &id, "--by", "judge", "--fix"]).exits(3);
    let state = || (worktree_status(&repo, &id), repo.tip(&format!("orchestra/{id}")));
    judge("echo good > a.txt");
    fs::write(&mine, "mine\n").expect("a file");
    let before = state();
    review().stderr_has("its worktree has changes that are not in its work");
    assert_eq!((state(), repo.agents().len()), (before.clone(), 1), "no reviewer was started");
    // Nor if they are made while the reviewer works.
    fs::remove_file(&mine).expect("removed");
    judge(&format!("echo good > a.txt; echo mine > '{}'", mine.display()));
    review().stderr_has("its worktree has changes that are not in its work");
    assert_eq!(state(), before);
}

#[test]
fn an_agent_does_not_repair_what_was_approved() {
    for (changed, options) in REPAIRS {
        let world = world();
        let repo = world.repo();
        let id = agent_that_repairs(&repo);
        repo.orchestra(["review", &id, "--approve"]).succeeded();
        repo.commit("main goes ahead", &[(changed, "main\n")]);
        let before = (repo.tip("main"), repo.tip(&format!("orchestra/{id}")));
        let ran = repo.orchestra([&["merge-ranked", "--approved", &id], options].concat()).exits(1);
        ran.stdout_has("nobody approved what it would write");
        assert_eq!((repo.tip("main"), repo.tip(&format!("orchestra/{id}"))), before, "{options:?}");
        repo.orchestra([&["merge-ranked", &id], options].concat()).succeeded();
    }
}

#[test]
fn a_persons_commits_on_the_branch_land_with_its_work() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo 1 > a");
    repo.end_of(&id);
    let worktree = repo.worktree(&id);
    fs::write(worktree.join("fix"), "fix\n").expect("a file");
    let inside = worktree.to_string_lossy().into_owned();
    repo.git(["-C", &inside, "add", "fix"]);
    repo.git(["-C", &inside, "commit", "-qm", "a person fixes it"]);
    let events = repo.events(&id).len();
    let planned = repo.orchestra(["merge-ranked", "--dry-run", &id]).succeeded();
    planned.stderr_has("has commits on its branch that were made after it ended");
    assert_eq!(repo.events(&id).len(), events, "a dry run changes nothing");
    let landed = repo.orchestra(["merge-ranked"]).succeeded();
    landed.stderr_has("they are part of its work now");
    assert_eq!(repo.git(["show", "main:fix"]).stdout(), "fix\n");
    assert_eq!(repo.agent(&id)["files_changed"], 2);
    repo.orchestra(["cleanup", &id]).succeeded().stdout_has("removed");
}
