//! `cleanup`: agents whose work has landed are removed, all others are kept with a reason, and undo
//! restores everything.

use std::{fs, process::Stdio};

use serde_json::Value;
use testkit::{TestRepo, dir_state};

use crate::world;

/// Spawns an agent with one file of work, and waits until it has ended.
pub(crate) fn ended(repo: &TestRepo<'_>, script: &str) -> String {
    let id = repo.spawn(script);
    repo.end_of(&id);
    id
}

/// Spawns an agent and lands its work.
pub(crate) fn landed(repo: &TestRepo<'_>, script: &str) -> String {
    let id = ended(repo, script);
    repo.orchestra(["merge-ranked", &id]).succeeded();
    id
}

pub(crate) fn cleanup(repo: &TestRepo<'_>, arguments: &[&str]) -> Value {
    repo.orchestra(["cleanup", "--json"].iter().chain(arguments)).json()
}

/// Returns the outcome of an agent, and the reason.
pub(crate) fn outcome_of(report: &Value, id: &str) -> (String, String) {
    let agents = report["agents"].as_array().expect("agents");
    let entry = agents.iter().find(|entry| entry["id"] == id).expect("the agent");
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    (text("outcome"), text("why"))
}

#[test]
fn landed_agents_are_archived_and_restored() {
    let world = world();
    let repo = world.repo();
    let (gone, stays) = (landed(&repo, "echo 1 > one.txt"), ended(&repo, "echo 2 > two.txt"));
    let idle = ended(&repo, "true");
    let worktree = repo.worktree(&gone);
    let (files, checkout) = (dir_state(&worktree), repo.checkout());
    let tip = repo.tip(&format!("refs/orchestra/agents/{gone}"));
    let work = repo.tip(&format!("refs/orchestra/heads/{gone}"));

    let shown = repo.orchestra(["cleanup", "--dry-run"]).succeeded().stdout();
    assert!(shown.contains("would be removed") && worktree.exists(), "{shown}");
    let report = cleanup(&repo, &[]);
    assert_eq!(outcome_of(&report, &gone), ("removed".into(), "merged into main".into()));
    assert_eq!(outcome_of(&report, &idle), ("removed".into(), "it has no work".into()));
    assert_eq!(outcome_of(&report, &stays), ("kept".into(), "its work is not in main".into()));
    assert!(report["bytes"].as_u64().expect("bytes") > 0 && !worktree.exists());
    assert_eq!(repo.checkout(), checkout);

    // In plain git: one ref with the history and the work, and no other trace.
    let archive = repo.refs("refs/orchestra/archive/");
    assert_eq!(archive.len(), 1);
    for commit in [&tip, &work] {
        repo.git(["merge-base", "--is-ancestor", commit, &archive[0].1]);
    }
    let named = repo
        .git(["log", "--format=%(trailers:key=Orchestra-Agent,valueonly,separator=)", "-2", &archive[0].0])
        .stdout();
    assert!(named.contains(&gone) && named.contains(&idle), "{named}");
    for prefix in [
        "refs/orchestra/agents/",
        "refs/orchestra/heads/",
        "refs/orchestra-local/logs/",
        "refs/heads/orchestra/",
    ] {
        assert_eq!(
            repo.refs(prefix).iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(),
            [format!("{prefix}{stays}")]
        );
    }
    assert_eq!(repo.git(["worktree", "list"]).stdout().lines().count(), 2);
    repo.orchestra(["status", &gone]).succeeded().stderr_has("is archived");
    let archived = repo.orchestra(["status", "--archived", "--json"]).succeeded().json();
    let archived: Vec<_> =
        archived["agents"].as_array().expect("agents").iter().map(|one| one["id"].clone()).collect();
    assert_eq!(archived, [gone.as_str(), idle.as_str()]);

    let undo = repo.orchestra(["undo", "--json"]).succeeded().json();
    assert_eq!(dir_state(&worktree), files);
    assert_eq!(repo.agent(&gone)["phase"], "done");
    assert_eq!(repo.tip(&format!("refs/heads/orchestra/{gone}")), work);
    assert_eq!(repo.tip(&format!("refs/orchestra/agents/{gone}~1")), tip, "its history continues");
    assert!(repo.orchestra(["logs", &gone]).succeeded().stdout().is_empty());

    // An undo is an operation too; changes made since then are kept with it.
    fs::write(worktree.join("later.txt"), "later").expect("written");
    repo.orchestra(["undo", undo["undo"].as_str().expect("an id")]).succeeded();
    assert!(!worktree.exists());
    repo.orchestra(["undo"]).succeeded().stdout_has("is back");
    assert_eq!(fs::read_to_string(worktree.join("later.txt")).expect("a file"), "later");
    assert!(repo.git(["fsck", "--no-dangling"]).stdout().is_empty());
}

#[test]
fn discarding_needs_a_name_and_does_not_archive_the_work() {
    let world = world();
    let repo = world.repo();
    let id = ended(&repo, "echo secret > plan.txt");
    let work = repo.tip(&format!("refs/orchestra/heads/{id}"));
    repo.orchestra(["cleanup", "--force"]).succeeded().stdout_has("its work is not in main");
    repo.orchestra(["cleanup", "--discard", &id]).succeeded().stdout_has("discarded");
    let (archive, _) = repo.refs("refs/orchestra/archive/").remove(0);
    let reachable = repo.git(["rev-list", &archive]).stdout();
    assert!(!reachable.contains(&work), "shared state does not hold what was discarded");
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(repo.file_in_head(&id, "plan.txt"), "secret\n");
}

#[test]
fn concurrent_cleanups_and_unmovable_worktrees() {
    let world = world();
    let repo = world.repo();
    let ids: Vec<String> = (0..4).map(|n| landed(&repo, &format!("echo {n} > {n}.txt"))).collect();
    // Its trash cannot be created: everything stays.
    let trash = repo.worktree(&ids[0]).with_file_name(".trash");
    fs::write(&trash, "in the way").expect("written");
    let report = cleanup(&repo, &[]);
    assert!(
        ids.iter()
            .all(|id| outcome_of(&report, id).0 == "kept" && repo.worktree(id).join("file.txt").exists())
    );
    assert!(outcome_of(&report, &ids[0]).1.starts_with("cannot move"), "{report}");
    fs::remove_file(&trash).expect("removed");
    let both: Vec<_> = (0..2)
        .map(|_| repo.orchestra_command(["cleanup"]).stdout(Stdio::piped()).spawn().expect("started"))
        .collect();
    for child in both {
        let code = child.wait_with_output().expect("ended").status.code();
        assert!(matches!(code, Some(0 | 4)), "{code:?}");
    }
    assert!(repo.refs("refs/orchestra/agents/").is_empty());
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(repo.refs("refs/orchestra/agents/").len(), 4);
}

/// Git refuses to remove a worktree with submodules; here it is kept, or stored and removed.
#[test]
fn submodule_contents_are_kept_unless_forced_and_restored() {
    let world = world();
    let library = world.repo_named("library");
    let repo = world.repo();
    let file = ["-c", "protocol.file.allow=always", "submodule", "--quiet"];
    repo.git(file.iter().chain(&["add", &library.path().to_string_lossy(), "lib"]));
    repo.git(["commit", "-qm", "library"]);
    let id =
        landed(&repo, "git -c protocol.file.allow=always submodule --quiet update --init; echo 1 > one.txt");
    let worktree = repo.worktree(&id);
    fs::write(worktree.join("lib/new.txt"), "unsaved").expect("written");
    world.git(&worktree.join("lib"), ["commit", "-q", "--allow-empty", "-m", "only here"]);
    let (outcome, why) = outcome_of(&cleanup(&repo, &[]), &id);
    assert_eq!(
        (outcome.as_str(), why.as_str()),
        ("kept", "its worktree has changes that are not in its work: lib")
    );
    let (files, head) =
        (dir_state(&worktree), world.git(&worktree.join("lib"), ["rev-parse", "HEAD"]).line());
    repo.orchestra(["cleanup", "--force", &id]).succeeded();
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(dir_state(&worktree), files);
    assert_eq!(
        world.git(&worktree.join("lib"), ["log", "-1", "--format=%H %s"]).line(),
        format!("{head} only here")
    );
}

#[test]
fn keeping_an_agent_because_of_a_failure_is_an_error() {
    let world = world();
    let repo = world.repo();
    let id = landed(&repo, "echo 1 > one.txt");
    let trash = repo.worktree(&id).with_file_name(".trash");
    fs::write(&trash, "in the way").expect("written");
    for arguments in [&["cleanup"] as &[&str], &["cleanup", "--force"], &["cleanup", "--discard", &id]] {
        repo.orchestra(arguments)
            .exits(5)
            .stdout_has("kept")
            .stderr_has("is kept because something failed")
            .stderr_has("cannot move");
    }
    let report = repo.orchestra(["cleanup", "--json"]).exits(5).json();
    assert_eq!(
        (&report["agents"][0]["outcome"], &report["agents"][0]["failed"]),
        (&"kept".into(), &true.into())
    );
    fs::remove_file(&trash).expect("removed");
    repo.orchestra(["cleanup"]).succeeded();
}
