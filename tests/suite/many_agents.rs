//! What lists cost and say: an agent that is named whole is found by its own ref, and no list depends on its cache.

use std::{fs, os::unix::fs::symlink};

use orchestra::{
    git::{Repo, worktrees::WorktreePlace},
    model::{
        AgentId, Fact, Phase, WorkStat,
        event::{Created, Finished},
    },
    store::{self, Listing, NewAgent, layout::PrivateDir},
    worktree::list::{WorktreeFinder, pick_worktree},
};
use testkit::TestRepo;

use crate::{library, world};

fn id(number: usize) -> AgentId {
    AgentId::parse(&format!("done-{number:05}")).expect("an id")
}

/// Creates agents whose work waits for a verdict, without running a process.
fn waiting(repo: &TestRepo<'_>, count: usize) -> Repo {
    let library = library(repo);
    let base = library.head().expect("a commit");
    for id in (0..count).map(id) {
        let created = Created {
            title: "waits".into(),
            branch: format!("orchestra/{id}").as_str().into(),
            base: base.into(),
            ..Created::default()
        };
        let agent = NewAgent { id: id.clone(), created, prompt: "true".into(), base };
        store::create(&library, &[agent]).expect("created");
        let work = WorkStat { commits: 1, files: 1, ..WorkStat::default() };
        let end = Finished { head: Some(base.into()), work, ..Finished::empty(1, Phase::Done) };
        store::append(&library, &id, &[Fact::Finished(end)]).expect("ended");
    }
    library
}

#[test]
fn an_agent_that_is_named_whole_is_found_without_reading_the_others() {
    let world = world();
    let repo = world.repo().with_identity();
    let library = waiting(&repo, 4);
    let read = |typed: &[&str]| {
        let typed: Vec<String> = typed.iter().map(|typed| (*typed).to_owned()).collect();
        Listing::of_names(&library, &typed).expect("a listing").rows.len()
    };
    assert_eq!(read(&["done-00002"]), 1);
    assert_eq!(read(&["done-00002", "orchestra/done-00003", "done-00002"]), 2, "a branch names its agent");
    for typed in
        [&["done-0"][..], &["done-00002", "done"], &["gone-00000"], &["done-00002", "done-77777"], &[]]
    {
        assert_eq!(read(typed), 4, "{typed:?}");
    }
    repo.git(["pack-refs", "--all"]);
    assert_eq!(read(&["done-00002"]), 1);
    // A damaged ref is not taken for a missing one.
    let folder = repo.path().join(".git/refs/orchestra/agents");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("done-00001"), "torn").expect("written");
    assert_eq!(read(&["done-00002"]), 1);
    let error = Listing::of_name(&library, "done-00001").expect("a listing").resolve("done-00001");
    assert!(error.expect_err("an error").one_line().contains("contains no object id"));
    repo.orchestra(["logs", "done-00001"]).exits(3).stderr_has("contains no object id");
}

#[test]
fn every_list_is_the_same_without_its_cache_and_with_a_damaged_one() {
    let world = world();
    let repo = world.repo().with_identity();
    let library = waiting(&repo, 20);
    let cache = PrivateDir::new(library.private_dir().expect("a folder")).cache();
    let lists = || -> Vec<String> {
        [
            &["review", "--json"][..],
            &["status", "--all", "--json"],
            &["worktrees", "--json"],
            &["status", "--json", "done-00007"],
        ]
        .iter()
        .map(|list| repo.orchestra(*list).succeeded().stdout())
        .collect()
    };
    assert!(!cache.exists());
    let first = lists();
    assert!(first[0].contains("done-00019"), "{}", first[0]);
    let sound = fs::read(&cache).expect("the cache was written");
    assert_eq!(lists(), first, "with the cache");
    let phase = sound.windows(5).position(|text| text == b" done").expect("a phase");
    let mut wrong = sound.clone();
    wrong[phase + 1..phase + 5].copy_from_slice(b"lost");
    for damaged in [wrong, sound[..sound.len() / 2].to_vec(), vec![0; sound.len()], Vec::new()] {
        fs::write(&cache, &damaged).expect("written");
        assert_eq!(lists(), first);
    }
    // Entries of agents that changed since are of no use, and those of the others are still right.
    fs::write(&cache, &sound).expect("written");
    store::append(&library, &id(3), &[Fact::Stop { reason: None }]).expect("an event");
    let changed = lists();
    fs::remove_file(&cache).expect("removed");
    assert_eq!(lists(), changed);
}

#[test]
fn a_worktree_is_found_by_itself_as_in_the_list_of_all() {
    let world = world();
    let repo = world.repo().with_identity();
    let outside = world.dir().join("outside");
    fs::create_dir_all(outside.join("a")).expect("a folder");
    fs::create_dir_all(outside.join("b")).expect("a folder");
    symlink(outside.join("b"), outside.join("link")).expect("a link");
    let add = |branch: usize, folder: &str| {
        let branch = format!("orchestra/{}", id(branch));
        let folder = outside.join(folder).to_string_lossy().into_owned();
        repo.git(["worktree", "add", "-q", "-b", &branch, &folder]).succeeded();
    };
    add(1, "a/done-00001");
    // Its registration has another name, because that one is taken.
    add(11, "b/done-00001");
    add(2, "link/done-00002");
    add(3, "a/elsewhere");
    add(4, "a/done-00004");
    fs::remove_dir_all(outside.join("a/done-00004")).expect("removed");
    add(5, "a/done-00005");
    fs::rename(outside.join("a/done-00005"), outside.join("b/real")).expect("moved");
    symlink(outside.join("b/real"), outside.join("a/done-00005")).expect("a link");
    let library = library(&repo);
    let all = library.worktrees().expect("worktrees");
    assert_eq!(all.len(), 6);
    for one in &all {
        let registered = one.registered_path().expect("a path");
        assert_eq!(one.path, registered.canonicalize().unwrap_or(registered.clone()));
        assert_eq!(one.place == WorktreePlace::Here, one.exists());
    }
    let mut of_all = WorktreeFinder::new(&library);
    for number in [1, 11, 2, 3, 4, 5, 6, 1] {
        let (id, branch) = (id(number), format!("orchestra/{}", id(number)));
        let wanted = pick_worktree(&all, &id, &branch).map(|one| (&one.git_dir, &one.path));
        assert_eq!(wanted.is_some(), number != 6);
        for finder in [&mut WorktreeFinder::new(&library), &mut of_all] {
            let found = finder.find(&id, &branch).expect("an answer");
            assert_eq!(found.as_ref().map(|one| (&one.git_dir, &one.path)), wanted, "{id}");
        }
    }
}
