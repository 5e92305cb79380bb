//! Unfinished merges: an agent that ends in the middle of one is not done, its work is saved completely,
//! and no unresolved conflict lands; a failed repair leaves everything unchanged.

use std::fs;

use serde_json::Value;
use testkit::{Ran, TestRepo};

use crate::world;

/// Two lines of history that conflict in `c.txt`.
const SIDES: &str = "printf 'a\\nSIDE\\nc\\n' > c.txt; git commit -qam side; git branch side-$ORCHESTRA_AGENT; \
    git reset -q --hard HEAD~; printf 'a\\nMINE\\nc\\n' > c.txt; git commit -qam mine; s=side-$ORCHESTRA_AGENT";

fn ran(repo: &TestRepo<'_>, name: &str, script: &str) -> Value {
    let report = repo.orchestra(["spawn", "--agent", "sh", "--json", "--name", name, "--", script]).json();
    repo.agent(report["agents"][0]["id"].as_str().expect("an id"))
}

#[test]
fn an_agent_that_ends_in_a_merge_is_not_done_and_its_work_is_saved() {
    let world = world();
    let repo = world.repo();
    repo.commit("c", &[("c.txt", "a\nb\nc\n")]);
    let table = [
        ("merge", "git merge -q $s", "a merge is unfinished: conflicts in c.txt"),
        ("rebase", "git rebase -q $s", "a rebase is unfinished: conflicts in c.txt"),
        ("pick", "git cherry-pick $s", "a cherry-pick is unfinished: conflicts in c.txt"),
        (
            "revert",
            "git commit -q --allow-empty -m e; git revert --no-edit $s",
            "a revert is unfinished: conflicts in c.txt",
        ),
        (
            "am",
            "git format-patch -q -1 --stdout $s > ../$s.mbox; git am -q -3 ../$s.mbox",
            "an am is unfinished: conflicts in c.txt",
        ),
        ("bisect", "git bisect start HEAD HEAD~ ", "a bisect is unfinished"),
        (
            "stash",
            "git stash -q; printf 'a\\nX\\nc\\n' > c.txt; git stash -q; printf 'a\\nY\\nc\\n' > c.txt; git commit -qam y; git stash pop -q; git stash drop -q",
            "unresolved conflicts in c.txt",
        ),
        ("staged", "git merge -q --no-commit -s ours $s", "a merge is unfinished"),
    ];
    for (name, script, reason) in table {
        let agent = ran(&repo, name, &format!("{{ {SIDES}; {script}; }} >&2; echo left > left; true"));
        let id = agent["id"].as_str().expect("an id");
        assert_eq!((&agent["phase"], agent["reason"].as_str()), (&"failed".into(), Some(reason)), "{name}");
        assert_eq!(agent["unfinished"].as_str(), Some(reason));
        assert_eq!(repo.events(id).last().expect("an end")["unfinished"].as_str(), Some(reason));
        assert_eq!(repo.file_in_head(id, "left"), "left\n");
        assert_eq!(
            repo.file_in_head(id, "c.txt").contains("<<<<<<<"),
            reason.contains("conflicts"),
            "{name}"
        );
        // Git's state of the merge is unchanged.
        let unmerged = world.git(&repo.worktree(id), ["ls-files", "-u"]).stdout();
        assert_eq!(unmerged.is_empty(), !reason.contains("conflicts"), "{name}");
        let named = repo.orchestra(["merge-ranked", id]).exits(1);
        assert!(named.stdout().contains(reason), "{}", named.stdout());
    }
    repo.orchestra(["merge-ranked"]).exits(3).stderr_has("nothing to land");
    assert_eq!(repo.file_at("main", "c.txt"), "a\nb\nc\n");
    assert!(!repo.has("main", "left"));
}

#[test]
fn a_merge_that_is_completed_later_lands() {
    let world = world();
    let repo = world.repo();
    repo.commit("c", &[("c.txt", "a\nb\nc\n")]);
    let agent = ran(&repo, "merge", &format!("{SIDES}; git merge -q $s; true"));
    let id = agent["id"].as_str().expect("an id");
    let worktree = repo.worktree(id);
    fs::write(worktree.join("c.txt"), "a\nMINE\nSIDE\nc\n").expect("resolved");
    // If it is resolved only in the file, git still has a conflict; then it is resolved.
    repo.orchestra(["collect", id]).succeeded();
    assert!(repo.agent(id)["unfinished"].is_string());
    world.git(&worktree, ["commit", "-qam", "merged"]).succeeded();
    repo.orchestra(["collect", id]).succeeded();
    assert_eq!(repo.agent(id)["unfinished"], Value::Null);
    repo.orchestra(["merge-ranked", id]).succeeded();
    assert_eq!(repo.file_at("main", "c.txt"), "a\nMINE\nSIDE\nc\n");
}

#[test]
fn a_stopped_agent_keeps_its_phase_and_shows_the_unfinished_merge() {
    let world = world();
    let repo = world.repo();
    repo.commit("c", &[("c.txt", "a\nb\nc\n")]);
    let id = repo.spawn(&format!("{SIDES}; git merge -q $s; touch ready; while :; do sleep 0.1; done"));
    repo.wait_for_file(&id, "ready");
    repo.orchestra(["stop", &id]).succeeded();
    let agent = repo.agent(&id);
    assert_eq!(agent["phase"], "stopped");
    assert_eq!(agent["unfinished"], "a merge is unfinished: conflicts in c.txt");
    repo.orchestra(["merge-ranked", &id]).exits(1).stdout_has("a merge is unfinished");
}

/// Returns everything of an agent that a failed repair must leave unchanged.
fn state(repo: &TestRepo<'_>, id: &str) -> (String, String, Value, Value, Value, String) {
    let agent = repo.agent(id);
    let status = repo.world().git(&repo.worktree(id), ["status", "--porcelain"]).stdout();
    (
        repo.tip(&format!("refs/heads/orchestra/{id}")),
        repo.tip(&format!("refs/orchestra/heads/{id}")),
        agent["phase"].clone(),
        agent["commits"].clone(),
        agent["insertions"].clone(),
        status,
    )
}

/// Configures an agent whose second prompt is answered by a given script.
fn with_worker(repo: &TestRepo<'_>, told_again: &str) {
    let script = repo.world().dir().join("worker");
    let text = format!("if test $(wc -l < \"$1\") -gt 1; then {told_again}\nelse sh \"$1\"; fi\n");
    fs::write(&script, text).expect("a script");
    let command = format!("sh {} {{prompt_file}}", script.display());
    repo.git(["config", "orchestra.agent.worker.command", &command]);
    repo.git(["config", "orchestra.agent.worker.reads", "prose"]);
    repo.git(["config", "orchestra.agent", "worker"]);
}

#[test]
fn a_repair_that_fails_leaves_branch_head_and_phase_as_they_were() {
    for (told_again, what) in [
        ("exit 0", "nothing"),
        ("exit 3", "a failure"),
        ("echo x > elsewhere; echo A > f; exit 0", "another file"),
        ("git add -A; git commit -qm 'marks and all'; echo more > more; exit 0", "commits with marks"),
        ("git checkout -q --detach; echo x > x; exit 0", "no branch"),
    ] {
        let world = world();
        let repo = world.repo();
        repo.commit("base", &[("f", "base\n")]);
        with_worker(&repo, told_again);
        let a = ran_by(&repo, "a", "echo A > f");
        let b = ran_by(&repo, "b", "echo B > f");
        let before = [state(&repo, &a), state(&repo, &b)];
        let ran = repo.orchestra(["merge-ranked", "--on-conflict", "agent"]).exits(1);
        let landed_a = ran.stdout().lines().any(|line| line.contains(&a) && line.contains("merged"));
        let (loser, before) = if landed_a { (&b, &before[1]) } else { (&a, &before[0]) };
        let after = state(&repo, loser);
        if what == "no branch" {
            assert_eq!((&after.0, &after.1, &after.2), (&before.0, &before.1, &before.2), "{what}");
        } else {
            assert_eq!(after, *before, "{what}: {}", ran.stdout());
        }
        let agent = repo.agent(loser);
        assert!(agent["reason"].as_str().is_some_and(|r| r.starts_with("conflict not resolved")), "{agent}");
        assert!(repo.orchestra(["status"]).stdout().contains("conflict not resolved"));
        // Its changes are not lost.
        let kept = repo.refs(&format!("refs/orchestra-local/trash/heads/{loser}/"));
        assert!(
            kept.iter()
                .any(|(name, _)| repo.file_at(name, "f").contains("<<<<<<<") || what == "another file")
        );
        // It does not land, by default or by name.
        repo.orchestra(["merge-ranked"]).exits(1);
        repo.orchestra(["merge-ranked", loser]).exits(1);
        assert!(!repo.file_at("main", "f").contains("<<<<<<<"), "{what}");
        repo.git(["fsck", "--strict"]).succeeded();
    }
}

fn ran_by(repo: &TestRepo<'_>, name: &str, task: &str) -> String {
    let report = repo.orchestra(["spawn", "--json", "--name", name, "--", task]).succeeded().json();
    report["agents"][0]["id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_failed_check_that_is_not_repaired_leaves_everything_as_it_was() {
    let world = world();
    let repo = world.repo();
    with_worker(&repo, "echo worse > bad; echo 2 > two; exit 0");
    let id = ran_by(&repo, "a", "echo bad > bad");
    let before = state(&repo, &id);
    let ran = repo.orchestra(["merge-ranked", "--on-failure", "agent", "--test", "! test -e bad"]).exits(1);
    assert_eq!(state(&repo, &id), before, "{}", ran.stdout());
    assert!(repo.agent(&id)["reason"].as_str().is_some_and(|reason| reason.starts_with("repair failed")));
    assert!(!repo.worktree(&id).join("two").exists());
}

#[test]
fn conflict_markers_left_by_an_older_version_do_not_land() {
    let world = world();
    let repo = world.repo();
    repo.commit("f", &[("f", "base\n"), ("doc", "<<<<<<< a quote\n")]);
    let id = repo.spawn("echo A > f; git commit -qam a");
    repo.end_of(&id);
    repo.commit("theirs", &[("f", "B\n")]);
    let worktree = repo.worktree(&id);
    Ran::of(world.command("git", &worktree).args(["merge", "-q", "main"])).exits(1);
    world.git(&worktree, ["commit", "-qam", "Merge main, with conflicts to settle"]).succeeded();
    repo.orchestra(["collect", &id]).succeeded();
    for arguments in
        [&["merge-ranked"][..], &["merge-ranked", &id], &["merge-ranked", "--on-conflict", "union", &id]]
    {
        repo.orchestra(arguments).exits(1).stdout_has("has unresolved conflicts in f");
    }
    assert_eq!(repo.file_at("main", "f"), "B\n");
    fs::write(worktree.join("f"), "A\nB\n").expect("resolved");
    repo.orchestra(["collect", &id]).succeeded();
    repo.orchestra(["merge-ranked"]).succeeded();
    assert_eq!(repo.file_at("main", "f"), "A\nB\n");
}
