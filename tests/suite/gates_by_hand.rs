//! `decide … edit`: a person resolves a conflict in a worktree that is made for it, and nothing of that is lost.

use std::path::{Path, PathBuf};

use serde_json::Value;
use testkit::TestRepo;

use crate::{
    decide::outcomes,
    sync::{clone, first, sync},
    world,
};

const RUN: [&str; 7] = ["run", "plan.md", "--agent", "sh", "--check", "test ! -e red", "--json"];

/// Brings a run to its conflict, and returns the report.
fn conflict(repo: &TestRepo<'_>) -> Value {
    repo.commit("begin", &[("same", "0\n")]);
    repo.write("plan.md", "- [ ] `a` echo 1 > same\n- [ ] `b` echo 2 > same\n");
    let report = repo.orchestra(RUN).exits(3).json();
    assert_eq!(report["gates"][0]["kind"], "conflict", "{report}");
    report
}

/// Answers `edit`, and returns the worktree.
fn edit(repo: &TestRepo<'_>) -> PathBuf {
    repo.orchestra(["decide", "1", "edit"]).succeeded();
    let report = go_on(repo).exits(3).json();
    assert_eq!((&report["gates"][0]["kind"], &report["gates"][0]["gate"]), (&"edit".into(), &2.into()));
    PathBuf::from(report["gates"][0]["worktree"].as_str().expect("a worktree"))
}

fn go_on(repo: &TestRepo<'_>) -> testkit::Ran {
    repo.orchestra(["run", "--continue", "--json"])
}

fn git(repo: &TestRepo<'_>, folder: &Path, words: &[&str]) -> String {
    let folder = folder.to_str().expect("text");
    repo.git(["-C", folder].iter().chain(words)).stdout()
}

fn says(report: &Value) -> &str {
    report["gates"][0]["says"].as_str().unwrap_or_default()
}

#[test]
fn a_conflict_that_is_resolved_by_hand_is_tested_and_lands() {
    let world = world();
    let repo = world.repo();
    let report = conflict(&repo);
    let options = serde_json::json!(["done", "skip", "stop"]);
    let folder = edit(&repo);
    let list = repo.orchestra(["decide", "--json"]).succeeded().json();
    let gate = &list["runs"][0]["gates"][0];
    assert_eq!((&gate["options"], &gate["worktree"]), (&options, &folder.to_str().into()), "{list}");
    assert!(!gate["says"].to_string().contains(world.dir().to_str().expect("text")), "no path in the event");
    repo.orchestra(["decide"]).succeeded().stdout_has("    worktree ").stdout_has("    done    take in");
    let text = std::fs::read_to_string(folder.join("same")).expect("the file");
    assert!(text.contains("<<<<<<<") && text.contains("1\n") && text.contains("2\n"), "{text}");
    // Neither what is unmerged nor what has markers is taken, and a person is asked again.
    repo.orchestra(["decide", "2", "done"]).succeeded();
    let report2 = go_on(&repo).exits(3).json();
    assert!(says(&report2).contains("same still conflicts; git add"), "{report2}");
    git(&repo, &folder, &["add", "same"]);
    repo.orchestra(["decide", "3", "done"]).succeeded();
    let report2 = go_on(&repo).exits(3).json();
    assert!(says(&report2).contains("same still contains conflict markers"), "{report2}");
    std::fs::write(folder.join("same"), "1 and 2\n").expect("written");
    std::fs::write(folder.join("notes"), "mine\n").expect("written");
    repo.orchestra(["decide", "4", "done"]).succeeded();
    let ended = go_on(&repo).exits(0).json();
    assert_eq!(outcomes(&ended), "landed, landed", "{ended}");
    assert_eq!(repo.git(["show", "main:same"]).stdout(), "1 and 2\n");
    // A file that is in no commit is kept with its worktree.
    assert!(ended["warnings"].to_string().contains("has other files and stays"), "{ended}");
    assert_eq!(std::fs::read_to_string(folder.join("notes")).expect("kept"), "mine\n");
    let loser = report["gates"][0]["agent"].as_str().expect("an agent");
    let head = repo.agent(loser)["head"].as_str().expect("a head").to_owned();
    repo.git(["merge-base", "--is-ancestor", &head, "main"]).succeeded();
}

#[test]
fn a_resolution_that_fails_the_check_does_not_land_and_stays_in_the_work() {
    let world = world();
    let repo = world.repo();
    conflict(&repo);
    let folder = edit(&repo);
    std::fs::write(folder.join("same"), "1 and 2\n").expect("written");
    std::fs::write(folder.join("red"), "").expect("written");
    git(&repo, &folder, &["add", "same", "red"]);
    git(&repo, &folder, &["commit", "--quiet", "-m", "mine"]);
    repo.orchestra(["decide", "2", "done"]).succeeded();
    let report = go_on(&repo).exits(3).json();
    assert_eq!(report["gates"][0]["kind"], "check-failed", "{report}");
    assert_ne!(repo.git(["show", "main:same"]).stdout(), "1 and 2\n");
    let agent = report["gates"][0]["agent"].as_str().expect("an agent");
    assert_eq!(repo.file_in_head(agent, "same"), "1 and 2\n");
    assert!(!folder.exists(), "nothing was left in it");
}

#[test]
fn a_target_that_moves_meanwhile_asks_again_and_keeps_the_resolution() {
    let world = world();
    let repo = world.repo();
    conflict(&repo);
    let folder = edit(&repo);
    std::fs::write(folder.join("same"), "1 and 2\n").expect("written");
    git(&repo, &folder, &["add", "same"]);
    repo.commit("meanwhile", &[("same", "moved\n")]);
    repo.orchestra(["decide", "2", "done"]).succeeded();
    let report = go_on(&repo).exits(3).json();
    assert_eq!(report["gates"][0]["kind"], "conflict", "{report}");
    assert!(says(&report).contains("what was resolved by hand is in its branch"), "{report}");
    let agent = report["gates"][0]["agent"].as_str().expect("an agent");
    assert_eq!(repo.file_in_head(agent, "same"), "1 and 2\n");
    repo.orchestra(["decide", "3", "edit"]).succeeded();
    go_on(&repo).exits(3);
    let text = std::fs::read_to_string(folder.join("same")).expect("the file");
    assert!(text.contains("1 and 2\n") && text.contains("moved\n"), "{text}");
    std::fs::write(folder.join("same"), "all\n").expect("written");
    git(&repo, &folder, &["add", "same"]);
    repo.orchestra(["decide", "4", "done"]).succeeded();
    go_on(&repo).exits(0);
    assert_eq!(repo.git(["show", "main:same"]).stdout(), "all\n");
}

#[test]
fn what_a_person_resolved_stays_when_the_run_is_given_up_or_cleaned_up() {
    let world = world();
    let repo = world.repo();
    conflict(&repo);
    let folder = edit(&repo);
    std::fs::write(folder.join("same"), "half done\n").expect("written");
    let ended = repo.orchestra(["run", "--abort", "--json"]).json();
    let said = ended["warnings"].to_string();
    assert!(said.contains("has what was resolved by hand of the conflict of task"), "{ended}");
    repo.orchestra(["cleanup"]);
    repo.orchestra(["doctor"]);
    assert_eq!(std::fs::read_to_string(folder.join("same")).expect("kept"), "half done\n");
}

#[test]
fn another_clone_is_told_where_the_worktree_is() {
    let world = world();
    let (a, b) = (first(&world).with_identity(), clone(&world, "b").with_identity());
    conflict(&a);
    sync(&a);
    sync(&b);
    b.orchestra(["decide", "1", "edit"]).exits(3).stderr_has("is answered where the worktree is");
    edit(&a);
    sync(&a);
    sync(&b);
    let list = b.orchestra(["decide", "--json"]).succeeded().json();
    assert_eq!(list["runs"][0]["gates"][0]["worktree"], Value::Null, "{list}");
    b.orchestra(["decide", "2", "done"]).exits(3).stderr_has("is answered where the worktree is");
    b.orchestra(["decide", "2", "skip"]).succeeded();
}

#[test]
fn nothing_is_called_resolved_in_a_worktree_that_nobody_touched() {
    let world = world();
    let repo = world.repo();
    conflict(&repo);
    // An answer that waits for the run is not asked for again, and a number alone shows the gate.
    repo.orchestra(["decide", "1"]).succeeded().stdout_has("    edit").stderr_has("git orchestra decide 1");
    repo.orchestra(["decide", "1", "edit"]).succeeded();
    let shown = repo.orchestra(["status"]).succeeded().stdout();
    assert!(
        shown.contains("; answered gate: 1 (conflict: b) edit; 'git orchestra run --continue"),
        "{shown}"
    );
    assert!(!shown.contains("open gate"), "{shown}");
    go_on(&repo).exits(3);
    let ended = repo.orchestra(["run", "--abort", "--json"]).json();
    let said = ended["warnings"].to_string();
    assert!(
        said.contains("was made to resolve the conflict of task b; git worktree remove --force"),
        "{ended}"
    );
}
