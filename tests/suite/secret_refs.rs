//! Secrets in archives, notes, snapshots and sessions, and in what supervisors send.

use std::fs;

use serde_json::Value;
use testkit::{Ran, TestRepo};

use crate::{
    secret_carriers::{held, leaked, names_at_hub, one_of_each, spawn_task, sync, token, with_keys},
    sync::{clone, shared_of_hub},
    world,
};

#[test]
fn the_archive_is_sent_up_to_the_first_secret() {
    let world = world();
    let a = with_keys(&world);
    let early = spawn_task(&a, "early", "echo early > early.txt");
    a.end_of(&early);
    a.orchestra(["merge-ranked"]).succeeded();
    a.orchestra(["cleanup"]).succeeded();
    let bad = spawn_task(
        &a,
        "bad",
        &format!(
            "cat '{}/token' > key.txt; git add .; git commit -qm add; git rm -q key.txt; echo 1 > ok.txt; git add .; git commit -qm ok",
            world.dir().display()
        ),
    );
    a.end_of(&bad);
    a.orchestra(["merge-ranked", "--strategy", "squash"]).succeeded();
    a.orchestra(["cleanup"]).succeeded();
    let late = spawn_task(&a, "late", "echo late > late.txt");
    a.end_of(&late);
    let ran = sync(&a, &[]).exits(1).stderr_has(&format!("archived agent '{bad}'"));
    assert!(!leaked(&world, "hub.git"), "{}", ran.stderr());
    let there = shared_of_hub(&world);
    let archive = there.iter().find(|(name, _)| name.contains("/archive/")).expect("a part of the archive");
    let message = a.git(["show", "-s", "--format=%B", &archive.1]).stdout();
    assert!(message.contains(&format!("Orchestra-Agent: {early}")), "{message}");
    assert!(there.iter().any(|(name, _)| name.ends_with(&format!("heads/{late}"))), "{there:?}");
    // Once the work is left out of the archive, and kept in this clone, all of it is sent.
    let said = ran.stderr();
    let id =
        said.split_once("--redact ").expect("a hint").1.split_whitespace().next().expect("an id").to_owned();
    let work = a.git([
        "log",
        "--format=%B",
        &format!("refs/orchestra/archive/{}", archive.0.rsplit('/').next().expect("a writer")),
    ]);
    let work = work.stdout();
    let work = work.lines().find_map(|line| line.strip_prefix("Orchestra-Work: ")).expect("work").to_owned();
    a.orchestra(["sync", "--redact", &id]).succeeded().stdout_has(&bad);
    assert!(a.refs("refs/orchestra-local/trash").iter().any(|(_, kept)| *kept == work));
    assert!(held(&sync(&a, &[]).succeeded()).is_empty());
    assert!(!leaked(&world, "hub.git"));
    assert_eq!(shared_of_hub(&world), a.refs("refs/orchestra/"));
    let archived = a.orchestra(["status", "--archived"]).succeeded().stdout();
    assert!(archived.contains(&early) && archived.contains(&bad), "{archived}");
}

#[test]
fn an_event_of_an_archived_agent_can_be_redacted() {
    let world = world();
    let a = with_keys(&world);
    let bad = spawn_task(&a, "bad", &format!("echo 1 > one.txt # {}", token()));
    let later = spawn_task(&a, "later", "echo 2 > two.txt");
    for id in [&bad, &later] {
        a.end_of(id);
    }
    // The first commit of the branch contains its task.
    world.git(&a.worktree(&bad), ["commit", "-q", "--amend", "-m", "without it"]);
    a.orchestra(["collect", &bad]).succeeded();
    a.orchestra(["merge-ranked"]).succeeded();
    a.orchestra(["cleanup"]).succeeded();
    let said = sync(&a, &[]).exits(1).stderr_has(&format!("archived agent '{bad}'")).stderr();
    let id =
        said.split_once("--redact ").expect("a hint").1.split_whitespace().next().expect("an id").to_owned();
    a.orchestra(["sync", "--redact", &id]).succeeded().stdout_has(&bad);
    let ran = sync(&a, &[]);
    assert_eq!((ran.code(), leaked(&world, "hub.git")), (0, false), "{}", ran.stderr());
    assert_eq!(shared_of_hub(&world), a.refs("refs/orchestra/"));
    a.orchestra(["sync", "--redact", &id]).exits(3);
}

#[test]
fn archived_work_is_not_sent_to_a_remote_for_agents_only() {
    let world = world();
    let a = with_keys(&world);
    let id = spawn_task(&a, "kept", "echo 1 > one.txt");
    a.end_of(&id);
    a.orchestra(["merge-ranked"]).succeeded();
    a.orchestra(["cleanup"]).succeeded();
    let state = world.dir().join("state.git");
    world.git(world.dir(), ["init", "-q", "--bare", &state.to_string_lossy()]);
    let state = TestRepo::new(&world, state);
    a.git(["config", "orchestra.remote", &state.path().to_string_lossy()]);
    a.orchestra(["sync", "--yes"]).succeeded();
    let objects = || state.git(["cat-file", "--batch-all-objects", "--batch-check"]).stdout();
    let blob = a.tip("main:one.txt");
    assert!(!objects().contains(&blob), "{}", objects());
    a.orchestra(["sync", "--yes", "--with", "work"]).succeeded();
    assert!(objects().contains(&blob));
}

#[test]
fn notes_with_a_secret_are_held() {
    let world = world();
    let a = with_keys(&world);
    let id = spawn_task(&a, "noted", "echo 1 > one.txt");
    a.end_of(&id);
    a.orchestra(["collect"]).succeeded();
    let head = a.tip(&format!("refs/orchestra/heads/{id}"));
    for (name, message) in [("results", "clean".to_owned()), ("reviews", format!("look: {}", token()))] {
        let blob = world.dir().join("note");
        fs::write(&blob, message).expect("written");
        let blob = a.git(["hash-object", "-w", &blob.to_string_lossy()]).line();
        let tree = world.dir().join("tree");
        fs::write(&tree, format!("100644 blob {blob}\t{head}\n")).expect("written");
        let mut make = a.command("git");
        make.arg("mktree").stdin(fs::File::open(&tree).expect("a file"));
        let tree = Ran::of(&mut make).line();
        let new = a.git(["commit-tree", &tree, "-m", "notes"]).line();
        a.git(["update-ref", &format!("refs/orchestra/notes/{name}"), &new]).succeeded();
    }
    let ran = sync(&a, &[]).exits(1);
    assert_eq!(held(&ran).into_iter().collect::<Vec<_>>(), ["refs/orchestra/notes/reviews"]);
    assert!(!leaked(&world, "hub.git"));
    let there = names_at_hub(&world);
    assert!(there.contains("refs/orchestra/notes/results") && there.len() == 3, "{there:?}");
}

#[test]
fn snapshots_and_sessions_are_scanned_too() {
    let world = world();
    let a = with_keys(&world).with_scripted_claude();
    let untracked = spawn_task(
        &a,
        "untracked",
        &format!("cat '{}/token' > key.txt; touch ready; sleep 600", world.dir().display()),
    );
    a.wait_for_file(&untracked, "ready");
    let talks = a.spawn_claude(&[], &format!("say {}", token()));
    a.end_of(&talks);
    let options = ["--with", "snapshots,transcripts"];
    let ran = sync(&a, &options).exits(1);
    assert!(!leaked(&world, "hub.git"), "{}", ran.stderr());
    assert!(held(&ran).contains(&talks), "{:?}", held(&ran));
    a.orchestra(["stop", &untracked]).succeeded();
    a.end_of(&untracked);
    let ran = sync(&a, &options).exits(1);
    assert!(held(&ran).contains(&untracked), "{:?}", held(&ran));
    assert_eq!(held(&sync(&a, &[&options[..], &["-n"]].concat()).exits(1)), held(&ran));
    assert!(!leaked(&world, "hub.git"));
}

#[test]
fn automatic_sync_scans_for_secrets_too() {
    let world = world();
    let a = with_keys(&world);
    let (bad, good) = one_of_each(&a);
    a.git(["config", "orchestra.autoSync", "1h"]);
    a.orchestra(["sync", "--auto"]).succeeded();
    assert!(!leaked(&world, "hub.git"));
    let there = names_at_hub(&world);
    assert!(there.contains(&format!("refs/orchestra/heads/{good}")), "{there:?}");
    assert!(!there.iter().any(|name| name.ends_with(bad.as_str())), "{there:?}");
}

#[test]
fn an_agent_that_is_taken_over_is_scanned_before_anything_is_sent() {
    let world = world();
    let (a, b) = (with_keys(&world), clone(&world, "b"));
    let id = spawn_task(&a, "handed-over", "echo 1 > one.txt");
    a.end_of(&id);
    sync(&a, &[]).succeeded();
    sync(&b, &[]).succeeded();
    b.orchestra(["resume", &id, "-m", &format!("true # {}", token())]).succeeded();
    assert!(!leaked(&world, "hub.git"));
    assert_eq!(b.agent(&id)["phase"], Value::from("done"));
}
