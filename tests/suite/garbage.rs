//! A garbage collection of git that runs at the same time deletes nothing to which a ref was just moved.

use std::{
    fs,
    path::{Path, PathBuf},
};

use orchestra::{
    model::{AgentId, Fact},
    store::append,
};
use testkit::TestRepo;

use crate::{library, world};

/// Returns all loose objects.
fn loose_objects(repo: &TestRepo<'_>) -> Vec<PathBuf> {
    let objects = repo.path().join(".git/objects");
    let of = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let folders = of(&objects).filter(|path| path.file_name().is_some_and(|name| name.len() == 2));
    folders.flat_map(|folder| of(&folder).collect::<Vec<_>>()).collect()
}

/// Deletes the loose objects that were made since, as a collection does that looked at the refs before.
fn collect(repo: &TestRepo<'_>, before: &[PathBuf]) {
    for path in loose_objects(repo).into_iter().filter(|path| !before.contains(path)) {
        fs::remove_file(path).expect("removed");
    }
}

#[test]
fn an_event_that_is_written_during_a_collection_is_kept() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "--name", "a", "true"]).succeeded();
    let id = AgentId::parse(repo.agents()[0]["id"].as_str().expect("an id")).expect("an id");
    let running = repo.path().join(".git/gc.pid");
    let event = |reason: &str| {
        append(&library(&repo), &id, &[Fact::Stop { reason: Some(reason.to_owned()) }]).expect("written");
    };
    let packs = || fs::read_dir(repo.path().join(".git/objects/pack")).map_or(0, |entries| entries.count());
    // A collection that was killed has left its file.
    fs::write(&running, "4194303 here\n").expect("written");
    event("while none runs");
    assert_eq!(packs(), 0, "without a collection nothing is packed");
    fs::write(&running, format!("{} here\n", std::process::id())).expect("written");
    for reason in ["first", "second"] {
        let before = loose_objects(&repo);
        event(reason);
        collect(&repo, &before);
    }
    fs::remove_file(&running).expect("removed");
    let reasons: Vec<String> = repo
        .events(id.as_str())
        .iter()
        .filter_map(|event| Some(event["reason"].as_str()?.to_owned()))
        .collect();
    assert!(reasons.ends_with(&["while none runs", "first", "second"].map(str::to_owned)), "{reasons:?}");
    repo.git(["fsck", "--strict"]).succeeded();
}
