//! Packing our refs: no value changes, nobody else's refs do, and a kill at any moment leaves every ref readable.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::{Duration, SystemTime},
};

use orchestra::{
    git::{Oid, Repo, refs::RefEdit},
    model::{AgentId, Fact},
    store::{Chain, append, pack},
};
use testkit::{Aim, Ran, TestRepo};

use crate::{environment, injector, library, world};

fn loose(repo: &TestRepo<'_>, name: &str) -> PathBuf {
    repo.path().join(".git").join(name)
}

/// Returns all locks below a folder of the git directory.
fn locks(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => locks(&path),
            false => Vec::from_iter(path.extension().is_some_and(|ending| ending == "lock").then_some(path)),
        })
        .collect()
}

/// Makes refs of agents with the events of one that there is.
fn copies(repo: &TestRepo<'_>, id: &str, count: usize) {
    let tip = repo.tip(&format!("refs/orchestra/agents/{id}"));
    let lines = (0..count).map(|at| format!("create refs/orchestra/agents/copy-{at:05} {tip}\n"));
    let input = loose(repo, "copies");
    fs::write(&input, lines.collect::<String>()).expect("written");
    let mut update = repo.command("git");
    update.args(["update-ref", "--stdin"]).stdin(Stdio::from(fs::File::open(&input).expect("a file")));
    Ran::of(&mut update).succeeded();
    fs::remove_file(&input).expect("removed");
}

#[test]
fn packed_refs_keep_their_values_and_the_rest_stays_loose() {
    let world = world();
    let repo = world.repo().with_identity();
    let id = repo.spawn("echo 1 > made");
    repo.end_of(&id);
    copies(&repo, &id, 30);
    repo.git(["tag", "-a", "-m", "x", "tagged"]);
    repo.git(["symbolic-ref", "refs/orchestra/symbolic", "refs/heads/main"]);
    repo.git(["pack-refs", "--all"]);
    repo.git(["update-ref", "refs/orchestra/tagged", "refs/tags/tagged"]);
    repo.git(["update-ref", "refs/orchestra/agents/copy-00007", "main"]);
    repo.git(["update-ref", "refs/orchestra/agents/zoo-00000", "main"]);
    repo.git(["update-ref", "refs/heads/mine", "main"]);
    let held = loose(&repo, "refs/orchestra/agents/held-00000");
    repo.git(["update-ref", "refs/orchestra/agents/held-00000", "main"]);
    fs::write(held.with_extension("lock"), "").expect("a lock of another program");
    let library = library(&repo);
    let before = repo.refs("refs/");
    let broken = loose(&repo, "refs/orchestra/agents/torn-00000");
    fs::write(&broken, "torn").expect("written");
    assert_eq!(pack::pack_refs_if_many(&library, 100).expect("an answer"), 0, "they are few");
    assert!(loose(&repo, "refs/orchestra/agents/zoo-00000").exists());
    assert!(pack::pack_refs_if_many(&library, 3).expect("packed") >= 2);
    for name in ["copy-00007", "zoo-00000"] {
        assert!(!loose(&repo, &format!("refs/orchestra/agents/{name}")).exists(), "{name}");
    }
    for stays in [&held, &broken, &loose(&repo, "refs/heads/mine"), &loose(&repo, "refs/orchestra/tagged")] {
        assert!(stays.exists(), "{}", stays.display());
    }
    fs::remove_file(&broken).expect("removed");
    assert_eq!(repo.refs("refs/"), before);
    assert_eq!(locks(&loose(&repo, "refs")), [held.with_extension("lock")]);
    assert!(!loose(&repo, "packed-refs.lock").exists());
    assert!(repo.git(["fsck", "--full", "--no-dangling"]).stdout().is_empty());
    assert_eq!(repo.agent(&id)["phase"], "done");
}

/// Packs all refs as git does, in a file with the modification time `time`.
fn pack_at(repo: &TestRepo<'_>, time: SystemTime) {
    repo.git(["pack-refs", "--all"]);
    let file = fs::File::options().write(true).open(loose(repo, "packed-refs")).expect("packed refs");
    file.set_modified(time).expect("a new time");
}

/// Within one tick of the kernel's clock, or after it went backwards, the modification time does not tell one file from the next.
#[test]
fn no_event_is_lost_when_refs_are_packed_twice_at_the_same_time() {
    let world = world();
    let repo = world.repo().with_identity();
    let id = repo.spawn("echo 1 > made");
    repo.end_of(&id);
    let (library, agent) = (library(&repo), AgentId::parse(&id).expect("an id"));
    let now = SystemTime::now();
    for (number, time) in [now, now, now, now - Duration::from_secs(60)].into_iter().enumerate() {
        pack_at(&repo, time);
        let reason = Some(format!("stop {number}"));
        append(&library, &agent, &[Fact::Stop { reason }]).expect("written");
    }
    pack_at(&repo, now);
    let name = format!("refs/orchestra/agents/{id}");
    let tip = repo.tip(&name);
    assert_eq!(library.find_ref(&name).expect("a ref").expect("a tip").to_string(), tip);
    let listed = library.refs_below("refs/orchestra/agents/").expect("refs");
    assert_eq!(listed.iter().find(|(of, _)| *of == name).expect("the agent").1.to_string(), tip);
    let events = repo.events(&id);
    let there: Vec<_> = events.iter().filter_map(|event| event["reason"].as_str()).collect();
    assert_eq!(there, ["stop 0", "stop 1", "stop 2", "stop 3"]);
}

#[test]
fn what_is_written_and_deleted_while_refs_are_packed_stays_so() {
    let world = world();
    let repo = world.repo().with_identity();
    let id = repo.spawn("true");
    repo.end_of(&id);
    let agent = AgentId::parse(&id).expect("an id");
    let environment = environment(&repo);
    let open = || Repo::discover(&environment).expect("a repository");
    let before = Chain::of_agent(&open(), &agent).expect("a chain").events.len();
    thread::scope(|scope| {
        // A bounded number: otherwise the others could wait for its locks all the time.
        let packs = scope.spawn(|| {
            for _ in 0..20 {
                pack::pack_refs_if_many(&open(), 1).expect("packed");
                thread::yield_now();
            }
        });
        let writes = scope.spawn(|| {
            for _ in 0..20 {
                append(&open(), &agent, &[Fact::Stop { reason: None }]).expect("an event");
            }
        });
        let name = "refs/orchestra/agents/short-00000".to_owned();
        let value = open().head().expect("a commit");
        for _ in 0..20 {
            let edit = RefEdit { name: name.clone(), old: None, new: value };
            open().edit_refs(&[edit], "test").expect("created");
            open().delete_refs(&[(name.clone(), value)]).expect("deleted");
            assert_eq!(open().find_ref(&name).expect("an answer"), None::<Oid>);
        }
        writes.join().expect("written");
        packs.join().expect("packed");
    });
    assert_eq!(Chain::of_agent(&open(), &agent).expect("a chain").events.len(), before + 20);
    assert!(locks(&loose(&repo, "refs")).is_empty());
}

#[test]
fn a_kill_while_refs_are_packed_loses_none() {
    let Some(injector) = injector() else { return };
    let world = world();
    let repo = world.repo().with_identity();
    let id = repo.spawn("echo 1 > made");
    repo.end_of(&id);
    copies(&repo, &id, pack::LOOSE_REFS_LIMIT + 20);
    let before = repo.refs("refs/");
    // It removes nothing: its work did not land.
    let cleanup = || repo.orchestra_command(["cleanup", &id]);
    for (step, at) in [("rename packed-refs", 1), ("unlink refs/orchestra/agents/copy-", 6)] {
        let aim = Aim { step: Some(step), ..Aim::at("cleanup") };
        let hit = injector.kill(&world, &mut cleanup(), aim, at);
        assert!(hit.is_some(), "it is killed at {step}");
        assert_eq!(repo.refs("refs/"), before, "{step}");
    }
    Ran::of(&mut cleanup()).exits(1);
    assert_eq!(repo.refs("refs/"), before);
    assert!(locks(&loose(&repo, "")).is_empty());
}
