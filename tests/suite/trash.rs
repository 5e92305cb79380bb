//! What `cleanup` moved away: kept for its time, whole after a kill, and what is in the way of its coming back.

use std::{fs, process::Stdio};

use orchestra::{
    git::Repo,
    lock::Lock,
    model::AgentId,
    removal::trash,
    store::{
        layout::Private,
        operations::{Journal, Stage},
        trash_clock::{self, Reading},
    },
};
use testkit::{Ran, TestRepo, World, picture, times, until};

use crate::{
    cleanup::{cleanup, landed, told},
    world,
};

#[test]
fn what_can_be_made_again_is_not_kept_and_files_are_deleted_when_idle() {
    let world = world();
    let repo = world.repo();
    repo.commit("ignore", &[(".gitignore", "target/\nout/\n")]);
    repo.git(["config", "orchestra.derived", "target, out/"]);
    let id = landed(
        &repo,
        "mkdir -p target out/x closed; echo big > target/big; echo y > out/x/y; echo z > closed/z; chmod 555 closed",
    );
    let worktree = repo.worktree(&id);
    let report = cleanup(&repo, &[]);
    assert_eq!(told(&report, &id).0, "removed");
    until("the trash is empty", || (!worktree.parent()?.exists()).then_some(()));
    assert!(!repo.path().join(".git/orchestra/gone").read_dir().is_ok_and(|mut left| left.next().is_some()));
    repo.orchestra(["undo"]).succeeded();
    assert!(
        worktree.join("closed/z").exists()
            && !worktree.join("target").exists()
            && !worktree.join("out").exists()
    );
    fs::set_permissions(worktree.join("closed"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("opened");
}

#[test]
fn what_may_still_be_put_back_is_not_deleted() {
    let world = world();
    let repo = world.repo().with_identity();
    let id = landed(&repo, "echo 1 > one.txt");
    let worktree = repo.worktree(&id);
    let operation = cleanup(&repo, &[])["operation"].as_str().expect("an operation").to_owned();
    until("the trash is empty", || (!worktree.parent()?.exists()).then_some(()));
    // As it is while another cleanup works: the operation is open, the folder in the trash, the lock held.
    let library = Repo::discover(repo.path()).expect("a repository");
    let mut journal = Journal::open(&library, &operation).expect("the operation");
    journal.operation.stage = Stage::Open;
    journal.write(&library, &[]).expect("written");
    let agent = AgentId::parse(&id).expect("an id");
    let trash = trash::place(&worktree, &operation, &agent).expect("a place");
    fs::create_dir_all(&trash).expect("a folder");
    let private = Private::new(library.private_dir().expect("a folder"));
    let lock = Lock::require(&private.operations_lock(), std::time::Duration::ZERO).expect("the lock");
    repo.orchestra(["cleanup", "--empty-trash"]).succeeded();
    assert!(trash.exists());
    drop(lock);
    repo.orchestra(["cleanup", "--empty-trash"]).succeeded();
    assert!(!trash.exists());
    repo.orchestra(["undo"]).succeeded();
    assert!(worktree.join("one.txt").exists(), "what was cut off can be taken back");
}

#[test]
fn by_plain_git_as_well() {
    let world = world();
    let repo = world.repo();
    let id = landed(&repo, "echo 1 > one.txt; ln -s one.txt link");
    let operation = cleanup(&repo, &[])["operation"].as_str().expect("an operation").to_owned();
    let there = world.dir().join("there");
    fs::create_dir(&there).expect("a folder");
    let name = format!("refs/orchestra-local/operations/{operation}");
    let script = format!("git archive {name}:{id}/worktree/files | tar -x -C '{}'", there.display());
    Ran::of(repo.command("sh").args(["-c", &script])).succeeded();
    assert_eq!(fs::read_to_string(there.join("link")).expect("a link to a file"), "1\n");
}

const DAY: u64 = 24 * 60 * 60;

/// What the clocks say on a day of use, as long as the machine is not started again.
fn day(number: u64) -> Reading {
    Reading { wall: 0, boot: "one boot".into(), uptime: number * DAY }
}

#[test]
fn trash_is_kept_for_its_time_and_then_forgotten() {
    let world = world();
    let repo = world.repo().with_identity();
    let (old, new) = (landed(&repo, "echo 1 > one.txt"), landed(&repo, "echo 2 > two.txt"));
    let operation = cleanup(&repo, &[&old])["operation"].as_str().expect("an operation").to_owned();
    let library = Repo::discover(repo.path()).expect("a repository");
    trash_clock::advance(&library, day(1)).expect("advanced");
    for number in 2..=32 {
        trash_clock::advance(&library, day(number)).expect("advanced");
    }
    let report = cleanup(&repo, &[&new]);
    assert_eq!(report["forgotten"], 3, "the two landings before it as well");
    repo.orchestra(["undo", &operation]).exits(3).says("no operation");
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(repo.agent(&new)["phase"], "done");
}

#[test]
fn no_clock_that_jumps_makes_it_forget() {
    let world = world();
    let repo = world.repo().with_identity();
    let id = landed(&repo, "echo 1 > one.txt");
    let operation =
        cleanup(&repo, &["--discard", &id])["operation"].as_str().expect("an operation").to_owned();
    let library = Repo::discover(repo.path()).expect("a repository");
    let now = Reading::now();
    let keep = std::time::Duration::from_secs(30 * DAY);
    let year = 365 * i64::try_from(DAY).expect("small");
    for (wall, boot) in [
        (now.wall + 70 * year, now.boot.as_str()),
        (now.wall - 10 * year, &now.boot),
        (now.wall + 9 * year, "b"),
        (0, "c"),
    ] {
        let reading = Reading { wall, boot: boot.to_owned(), uptime: now.uptime };
        let clock = trash_clock::advance(&library, reading).expect("advanced");
        assert_eq!(
            orchestra::removal::trash::forget(&library, keep, clock).expect("looked"),
            0,
            "{wall} {boot}"
        );
    }
    // An operation of 0.1.0, made under a clock of another year: its time begins now.
    let mut journal = Journal::open(&library, &operation).expect("the operation");
    (journal.operation.at, journal.operation.clock) = ("2020-01-01T00:00:00Z".into(), 0);
    journal.write(&library, &[]).expect("written");
    repo.orchestra(["cleanup"]).succeeded();
    // The private files are disposable: without them everything is younger.
    fs::remove_file(Private::new(library.private_dir().expect("a folder")).trash_clock()).expect("removed");
    assert_eq!(cleanup(&repo, &[])["forgotten"], 0);
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(repo.file_in_head(&id, "one.txt"), "1\n");
}

#[test]
fn what_is_in_the_way_of_coming_back_is_named_and_nothing_is_half_done() {
    let world = world();
    let repo = world.repo();
    let id = landed(&repo, "echo 1 > one.txt");
    let worktree = repo.worktree(&id);
    cleanup(&repo, &[]);
    repo.git(["branch", &format!("orchestra/{id}"), "main"]);
    repo.orchestra(["undo"]).exits(3).says("is taken").says("git update-ref -d");
    assert!(!worktree.exists() && repo.refs(&format!("refs/orchestra/agents/{id}")).is_empty());
    repo.git(["branch", "-qD", &format!("orchestra/{id}")]);
    // A folder of the user's at its place stays, and the agent does without.
    fs::create_dir_all(&worktree).expect("a folder");
    repo.orchestra(["undo"]).exits(3).says("is taken");
    fs::remove_dir(&worktree).expect("removed");
    repo.orchestra(["undo"]).succeeded();
    assert!(worktree.join("one.txt").exists());
}

#[test]
fn killed_at_any_moment_it_is_whole_after_undo() {
    let world = world();
    for turn in 0..times("ORCHESTRA_KILLS", 10) {
        let repo = world.repo_named(&format!("killed-{turn}"));
        let ids: Vec<String> = (0..3).map(|n| landed(&repo, &format!("echo {n} > {n}.txt"))).collect();
        let before: Vec<_> = ids.iter().map(|id| picture(&repo.worktree(id))).collect();
        let places: Vec<_> = ids.iter().map(|id| repo.worktree(id)).collect();
        killed(&world, &repo, &["git-orchestra-cleanup"], 5 + turn % 20 * 9);
        // Whatever was done is taken back; where nothing was, the landing is the newest that can be.
        let list = repo.orchestra(["undo", "--list", "--json"]).succeeded().json();
        let newest = &list["operations"][0];
        if newest["command"] == "cleanup" {
            if turn % 2 == 0 {
                killed(&world, &repo, &["git-orchestra-undo"], 3 + turn % 20 * 5);
            }
            let again = repo.orchestra(["undo", newest["id"].as_str().expect("an id")]);
            assert!(
                again.code() == 0 || again.stderr().contains("taken back before"),
                "turn {turn}: {}",
                again.stderr()
            );
        }
        for ((id, place), before) in ids.iter().zip(&places).zip(&before) {
            assert_eq!(picture(place), *before, "turn {turn}");
            assert_eq!(repo.agent(id)["phase"], "done", "turn {turn}");
        }
        assert_eq!(repo.git(["worktree", "list"]).stdout().lines().count(), 4, "turn {turn}");
        assert_eq!(repo.git(["fsck", "--no-dangling"]).stdout(), "");
        // And it can go after all.
        assert_eq!(cleanup(&repo, &[])["agents"].as_array().expect("agents").len(), 3, "turn {turn}");
        assert!(places.iter().all(|place| !place.exists()), "turn {turn}");
    }
}

fn killed(world: &World, repo: &TestRepo<'_>, command: &[&str], after: u64) {
    let program = world.bins().join(command[0]);
    let mut child = world
        .command(program, repo.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    std::thread::sleep(std::time::Duration::from_millis(after));
    let _ = child.kill();
    let _ = child.wait();
}
