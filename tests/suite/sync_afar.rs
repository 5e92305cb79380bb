//! Commands for agents that run in another clone.

use testkit::TestRepo;

use crate::{
    sync::{clone, first, sync},
    world,
};

fn writer(repo: &TestRepo<'_>) -> String {
    let text = std::fs::read(repo.path().join(".git/orchestra/writer")).expect("a writer");
    let writer: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    writer["id"].as_str().expect("an id").to_owned()
}

fn sync_all(all: &[&TestRepo<'_>]) {
    for repo in all {
        sync(repo);
    }
}

#[test]
fn the_clone_and_the_age_of_the_state_are_shown() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    a.git(["config", "orchestra.label", "laptop"]);
    let id = a.spawn("touch ready; sleep 600");
    a.wait_for_file(&id, "ready");
    sync_all(&[&a, &b]);
    let shown = b.orchestra(["status"]).succeeded().stdout();
    assert!(shown.contains("running, remote") && shown.contains("in clone laptop, updated "), "{shown}");
    let agent = b.agent(&id);
    assert_eq!((&agent["label"], &agent["writer"]), (&"laptop".into(), &writer(&a).into()));
    assert!(agent["told_at"].as_str().is_some_and(|at| at.ends_with('Z')) && agent["pid"].is_null());
    b.orchestra(["pause", &id]).succeeded();
    sync_all(&[&b, &a]);
    assert_eq!(a.end_of(&id)["phase"], "paused");
}

#[test]
fn a_message_of_another_clone_counts_only_if_trusted() {
    let world = world();
    let (a, b) = (first(&world).with_scripted_claude(), clone(&world, "b"));
    let id = a.spawn_claude(&[], "say first\nawait go");
    a.wait_for_output(&id, "first");
    sync_all(&[&a, &b]);
    b.orchestra(["send", &id, "write second.txt 2"]).succeeded().stderr_has("if that clone trusts this one");
    sync_all(&[&b, &a]);
    let shown = a.orchestra(["status", &id]).succeeded().stdout();
    let proposed = format!("proposed  send (by {}, not trusted here): write second.txt 2", writer(&b));
    assert!(shown.contains(proposed.replace("  ", " ").as_str()) || shown.contains(&proposed), "{shown}");
    std::fs::write(a.worktree(&id).join("go"), "").expect("a file");
    a.end_of(&id);
    a.orchestra(["resume", &id, "-m", "write own.txt 1"]).succeeded();
    a.end_of(&id);
    let has = |file: &str| a.has(&format!("refs/orchestra/heads/{id}"), file);
    assert!(has("own.txt") && !has("second.txt"), "neither delivered nor read later");
    a.git(["config", "orchestra.trustWriter", &writer(&b)]);
    let trusting = a.spawn_claude(&[], "say first\nawait go");
    a.wait_for_output(&trusting, "first");
    sync_all(&[&a, &b]);
    b.orchestra(["send", &trusting, "write third.txt 3"]).succeeded();
    sync_all(&[&b, &a]);
    std::fs::write(a.worktree(&trusting).join("go"), "").expect("a file");
    a.end_of(&trusting);
    assert_eq!(a.file_in_head(&trusting, "third.txt"), "3\n");
}

#[test]
fn an_approval_of_another_clone_is_a_proposal_until_trusted() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = a.spawn("echo 1 > one.txt");
    a.end_of(&id);
    sync_all(&[&a, &b]);
    b.orchestra(["review", &id, "--reject", "-m", "not so"]).exits(1);
    sync_all(&[&b, &a]);
    assert!(a.orchestra(["status", &id]).succeeded().stdout().contains("reject (by "));
    let report = a.orchestra(["merge-ranked", "--dry-run", "--json"]).succeeded().json();
    assert_eq!(report["order"][0]["outcome"], "lands", "{report}");
    a.git(["config", "orchestra.trustWriter", &writer(&b)]);
    assert!(!a.orchestra(["status", &id]).succeeded().stdout().contains("reject (by "));
    let ran = a.orchestra(["merge-ranked", "--json"]);
    assert!(!a.has("main", "one.txt"), "{}{}", ran.stdout(), ran.stderr());
}
