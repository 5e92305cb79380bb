//! What `cleanup` moved away: kept for its time, complete after a kill, and what prevents restoring it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use orchestra::{
    lock::Lock,
    model::AgentId,
    store::{
        layout::PrivateDir,
        operations::{self, Journal, Stage},
        trash_clock::ClockReading,
    },
    worktree::removed_folders,
};
use testkit::{Aim, Ran, TestRepo, dir_state, times, until};

use crate::{
    cleanup::{cleanup, landed, outcome_of},
    injector, library, world,
};

#[test]
fn disposable_files_are_not_stored_and_files_are_deleted_when_idle() {
    let world = world();
    let repo = world.repo();
    repo.commit("ignore", &[(".gitignore", "target/\nout/\n")]);
    repo.git(["config", "orchestra.disposableDirs", "target, out/"]);
    let id = landed(
        &repo,
        "mkdir -p target out/x closed; echo big > target/big; echo y > out/x/y; echo z > closed/z; chmod 555 closed",
    );
    let worktree = repo.worktree(&id);
    let report = cleanup(&repo, &[]);
    assert_eq!(outcome_of(&report, &id).0, "removed");
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

/// Creates the state of a cleanup that was killed after it had moved the directories and before it deleted
/// a ref, with a later change to a kept file. Returns the place in the trash.
fn cut_off(repo: &TestRepo<'_>, id: &str) -> PathBuf {
    let worktree = repo.worktree(id);
    let registration = repo.path().join(".git/worktrees").join(id);
    let copy = |from: &Path, name: &str| {
        let to = repo.world().dir().join(name);
        Ran::of(repo.command("cp").arg("-a").args([from, &to])).succeeded();
        to
    };
    let (files, registered) = (copy(&worktree, "files"), copy(&registration, "registration"));
    fs::write(files.join("late.txt"), "written last").expect("written");
    let refs = [format!("refs/orchestra/agents/{id}"), format!("refs/orchestra/heads/{id}")];
    let tips: Vec<String> = refs.iter().map(|name| repo.tip(name)).collect();
    let operation = cleanup(repo, &["--force", id])["operation"].as_str().expect("an operation").to_owned();
    until("the trash is empty", || (!worktree.parent()?.exists()).then_some(()));
    let library = library(repo);
    let mut journal = Journal::open(&library, &operation).expect("the operation");
    journal.operation.stage = Stage::Open;
    journal.write(&library, &[]).expect("written");
    for (name, tip) in refs.iter().zip(&tips) {
        repo.git(["update-ref", name, tip]);
    }
    let agent = AgentId::parse(id).expect("an id");
    let trash = removed_folders::trash_path(&worktree, &operation, &agent).expect("a place");
    let private = PrivateDir::new(library.private_dir().expect("a folder"));
    for (from, to) in [
        (files, trash.clone()),
        (registered, removed_folders::registration_trash_path(&private, &operation, &agent)),
    ] {
        fs::create_dir_all(to.parent().expect("a parent")).expect("a folder");
        fs::rename(from, to).expect("moved");
    }
    trash
}

#[test]
fn files_moved_by_an_interrupted_cleanup_are_restored() {
    let world = world();
    for next in [&["cleanup"] as &[&str], &["undo"]] {
        let repo = world.repo_named(next[0]).with_identity();
        let id = landed(&repo, "echo 1 > one.txt");
        let (worktree, branch) = (repo.worktree(&id), format!("refs/heads/orchestra/{id}"));
        let tip = repo.tip(&branch);
        let trash = cut_off(&repo, &id);
        // While another command holds the lock, and afterwards.
        let private = PrivateDir::new(library(&repo).private_dir().expect("one"));
        let lock = Lock::require(&private.operations_lock(), std::time::Duration::ZERO).expect("the lock");
        repo.orchestra(["cleanup", "--empty-trash"]).succeeded();
        drop(lock);
        repo.orchestra(["cleanup", "--empty-trash"]).succeeded();
        assert!(trash.join("late.txt").exists());
        let ran = repo.orchestra(next).succeeded();
        // The last change is in no commit: cleanup keeps the worktree, with the reason.
        assert_eq!(
            fs::read_to_string(worktree.join("late.txt")).expect("a file"),
            "written last",
            "{}",
            ran.stdout()
        );
        assert_eq!(repo.tip(&branch), tip);
        assert_eq!(repo.git(["worktree", "list"]).stdout().lines().count(), 2);
        assert!(!trash.exists() && repo.agent(&id)["phase"] == "done");
        assert_eq!(
            repo.events(&id).last().expect("a fact")["t"],
            "restored",
            "its history is in the archive as well"
        );
        fs::remove_file(worktree.join("late.txt")).expect("removed");
        assert_eq!(outcome_of(&cleanup(&repo, &[]), &id).0, "removed");
    }
}

#[test]
fn an_agent_restored_after_a_partial_ref_deletion_is_complete() {
    let world = world();
    let repo = world.repo().with_identity();
    let id = landed(&repo, "echo 1 > one.txt");
    let worktree = repo.worktree(&id);
    let refs = || repo.refs("refs").into_iter().filter(|(name, _)| name.ends_with(&id)).map(|(name, _)| name);
    let before: Vec<String> = refs().collect();
    let trash = cut_off(&repo, &id);
    // The directories are in their places, the ref of its history is gone, that of its work is not.
    let name = trash.file_name().expect("a name");
    fs::create_dir_all(worktree.parent().expect("a parent")).expect("a folder");
    fs::rename(&trash, &worktree).expect("moved");
    let registration = repo.path().join(".git/orchestra/gone").join(name);
    fs::create_dir_all(repo.path().join(".git/worktrees")).expect("a folder");
    fs::rename(registration, repo.path().join(".git/worktrees").join(&id)).expect("moved");
    repo.git(["update-ref", "-d", &format!("refs/orchestra/agents/{id}")]);
    let report = cleanup(&repo, &[]);
    assert_eq!(outcome_of(&report, &id).1, "its worktree has changes that are not in its work: late.txt");
    assert_eq!(refs().collect::<Vec<_>>(), before);
}

#[test]
fn a_registration_left_by_0_1_0_is_removed() {
    let world = world();
    let repo = world.repo();
    let id = landed(&repo, "echo 1 > one.txt");
    let registered = repo.path().join(".git/worktrees");
    let copy = registered.join(".coming-back-AbCdEf");
    Ran::of(repo.command("cp").arg("-a").args([&registered.join(&id), &copy])).succeeded();
    assert_eq!(repo.git(["worktree", "list"]).stdout().lines().count(), 3);
    assert_eq!(outcome_of(&cleanup(&repo, &[]), &id).0, "removed");
    assert_eq!(repo.git(["worktree", "list"]).stdout().lines().count(), 1);
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(repo.git(["worktree", "list"]).stdout().lines().count(), 2);
    assert!(repo.git(["fsck", "--no-dangling"]).stdout().is_empty());
}

#[test]
fn trash_can_be_restored_with_plain_git() {
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

/// Returns the clock readings on a day of use, as long as the machine is not rebooted.
fn day(number: u64) -> ClockReading {
    ClockReading { wall: 0, boot: "one boot".into(), uptime: number * DAY }
}

#[test]
fn trash_is_kept_for_its_time_and_then_deleted() {
    let world = world();
    let repo = world.repo().with_identity();
    let (old, new) = (landed(&repo, "echo 1 > one.txt"), landed(&repo, "echo 2 > two.txt"));
    let operation = cleanup(&repo, &[&old])["operation"].as_str().expect("an operation").to_owned();
    let library = library(&repo);
    operations::advance_trash_clock_to(&library, day(1)).expect("advanced");
    for number in 2..=32 {
        operations::advance_trash_clock_to(&library, day(number)).expect("advanced");
    }
    let report = cleanup(&repo, &[&new]);
    assert_eq!(report["forgotten"], 3, "the two landings before it as well");
    repo.orchestra(["undo", &operation]).exits(3).stderr_has("no operation");
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(repo.agent(&new)["phase"], "done");
}

#[test]
fn a_jumping_clock_does_not_expire_trash() {
    let world = world();
    let repo = world.repo().with_identity();
    let id = landed(&repo, "echo 1 > one.txt");
    let operation =
        cleanup(&repo, &["--discard", &id])["operation"].as_str().expect("an operation").to_owned();
    let library = library(&repo);
    let now = ClockReading::of(library.environment().clock());
    let keep = std::time::Duration::from_secs(30 * DAY);
    let year = 365 * i64::try_from(DAY).expect("small");
    for (wall, boot) in [
        (now.wall + 70 * year, now.boot.as_str()),
        (now.wall - 10 * year, &now.boot),
        (now.wall + 9 * year, "b"),
        (0, "c"),
    ] {
        let reading = ClockReading { wall, boot: boot.to_owned(), uptime: now.uptime };
        let clock = operations::advance_trash_clock_to(&library, reading).expect("advanced");
        assert_eq!(
            orchestra::removal::trash::delete_expired(&library, keep, clock).expect("looked"),
            0,
            "{wall} {boot}"
        );
    }
    // An operation of 0.1.0, recorded by a clock of another year: its time begins now.
    let mut journal = Journal::open(&library, &operation).expect("the operation");
    (journal.operation.at, journal.operation.clock) = ("2020-01-01T00:00:00Z".into(), 0);
    journal.write(&library, &[]).expect("written");
    repo.orchestra(["cleanup"]).succeeded();
    // The private files are disposable: without them everything counts as younger.
    fs::remove_file(PrivateDir::new(library.private_dir().expect("a folder")).trash_clock())
        .expect("removed");
    assert_eq!(cleanup(&repo, &[])["forgotten"], 0);
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(repo.file_in_head(&id, "one.txt"), "1\n");
}

#[test]
fn an_obstacle_to_undo_is_reported_and_nothing_is_partly_restored() {
    let world = world();
    let repo = world.repo();
    let id = landed(&repo, "echo 1 > one.txt");
    let worktree = repo.worktree(&id);
    cleanup(&repo, &[]);
    repo.git(["branch", &format!("orchestra/{id}"), "main"]);
    repo.orchestra(["undo"]).exits(3).stderr_has("is taken").stderr_has("git update-ref -d");
    assert!(!worktree.exists() && repo.refs(&format!("refs/orchestra/agents/{id}")).is_empty());
    repo.git(["branch", "-qD", &format!("orchestra/{id}")]);
    // A directory of the user in its place stays, and the agent is restored without it.
    fs::create_dir_all(&worktree).expect("a folder");
    repo.orchestra(["undo"]).exits(3).stderr_has("is taken");
    fs::remove_dir(&worktree).expect("removed");
    repo.orchestra(["undo"]).succeeded();
    assert!(worktree.join("one.txt").exists());
}

/// Kills the command at some step, then checks after the next command: complete, and nothing left behind.
#[test]
fn a_cleanup_killed_at_any_step_is_completed_or_reverted() {
    let world = world();
    let Some(injector) = injector() else { return };
    let three = |name: &str| {
        let repo = world.repo_named(name);
        let ids: Vec<String> = (0..3).map(|n| landed(&repo, &format!("echo {n} > {n}.txt"))).collect();
        (repo, ids)
    };
    let command = |repo: &TestRepo<'_>, name: &str, arguments: &[&str]| {
        let mut command = world.command(world.bins().join(name), repo.path());
        command.args(arguments);
        command
    };
    let (cleanup, undo) = (Aim::at("git-orchestra-cleanup"), Aim::at("git-orchestra-undo"));
    let (counted, ids) = three("counted");
    let discard: Vec<&str> = ids.iter().flat_map(|id| ["--discard", id]).collect();
    let steps = injector.count(&world, &mut command(&counted, "git-orchestra-cleanup", &discard), cleanup);
    let steps_back = injector.count(&world, &mut command(&counted, "git-orchestra-undo", &[]), undo);
    let turns = times("ORCHESTRA_KILLS", 10);
    let mut undos_killed = 0;
    for turn in 0..turns {
        let (repo, ids) = three(&format!("killed-{turn}"));
        let places: Vec<_> = ids.iter().map(|id| repo.worktree(id)).collect();
        // With work that is only in the worktree.
        for place in &places {
            fs::write(place.join("unsaved.txt"), "unsaved").expect("written");
        }
        let before: Vec<_> = places.iter().map(|place| dir_state(place)).collect();
        let option = if turn % 3 == 0 { "--discard" } else { "--force" };
        let how: Vec<&str> = match option {
            "--discard" => ids.iter().flat_map(|id| ["--discard", id]).collect(),
            _ => std::iter::once("--force").chain(ids.iter().map(String::as_str)).collect(),
        };
        let at = 1 + steps * turn / turns;
        let hit = injector.kill(&world, &mut command(&repo, "git-orchestra-cleanup", &how), cleanup, at);
        let mut what = format!("turn {turn}: {}", hit.unwrap_or_else(|| panic!("of {steps} steps no {at}")));
        let newest =
            || repo.orchestra(["undo", "--list", "--json"]).succeeded().json()["operations"][0].clone();
        if newest()["command"] == "cleanup" {
            // A partial cleanup takes fewer steps to undo than a complete one.
            let at = 1 + steps_back * turn / turns / 8;
            let hit = injector.kill(&world, &mut command(&repo, "git-orchestra-undo", &[]), undo, at);
            undos_killed += u64::from(hit.is_some());
            what += &hit.map_or_else(String::new, |hit| format!(", then {hit}"));
        }
        println!("killed at {what}");
        remove_ref_locks(&repo);
        if turn % 4 < 2 {
            if newest()["command"] != "merge-ranked" {
                // What was done is undone; if no operation is in effect, nothing was done, or it is
                // restored.
                let list = repo.orchestra(["undo", "--list", "--json"]).succeeded().json();
                let all = list["operations"].as_array().expect("operations");
                let removed = all.iter().find(|one| one["command"] == "cleanup" && one["holds"] == true);
                if let Some(id) = removed.and_then(|one| one["id"].as_str()) {
                    repo.orchestra(["undo", id]).succeeded();
                }
            }
            for (place, before) in places.iter().zip(&before) {
                assert_eq!(dir_state(place), *before, "{what}");
            }
            tidy(&repo, 3, &what);
        }
        // And it can be removed after all.
        let report = repo.orchestra(["cleanup", "--json"].iter().chain(&how)).succeeded().json();
        assert!(report["warnings"].as_array().is_some_and(Vec::is_empty), "{what}: {report}");
        assert!(places.iter().all(|place| !place.exists()), "{what}: {report}");
        tidy(&repo, 0, &what);
        repo.orchestra(["undo"]).succeeded();
        for ((id, place), before) in ids.iter().zip(&places).zip(&before) {
            assert_eq!(dir_state(place), *before, "{what}");
            assert_eq!(repo.agent(id)["phase"], "done", "{what}");
        }
        tidy(&repo, 3, &what);
    }
    assert!(undos_killed > 0, "no undo was killed");
}

/// Checks that there are this many worktrees, each once, and nothing of ours besides.
fn tidy(repo: &TestRepo<'_>, worktrees: usize, what: &str) {
    let listed = repo.git(["worktree", "list", "--porcelain"]).stdout();
    assert_eq!(listed.matches("worktree ").count(), worktrees + 1, "{what}: {listed}");
    assert!(!listed.contains("prunable") && !listed.contains("locked"), "{what}: {listed}");
    assert_eq!(repo.refs("refs/orchestra/agents/").len(), worktrees, "{what}");
    assert_eq!(repo.refs("refs/heads/orchestra/").len(), worktrees, "{what}");
    let ran = repo.git(["fsck", "--no-dangling"]);
    assert_eq!((ran.stdout(), ran.stderr()), (String::new(), String::new()), "{what}");
    let names = |folder: PathBuf| -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    let worktrees =
        repo.path().with_file_name(format!("{}.worktrees", repo.path().file_name().expect("one").display()));
    until(&format!("{what}: the trash is empty"), || {
        let left = [names(worktrees.join(".trash")), names(repo.path().join(".git/orchestra/gone"))].concat();
        left.is_empty().then_some(())
    });
    let strange = |name: &String| name.starts_with('.') && name != ".trash";
    for folder in [worktrees, repo.path().join(".git/worktrees")] {
        assert!(!names(folder.clone()).iter().any(strange), "{what}: {:?}", names(folder));
    }
}

/// Removes locks of refs, which have their own tests.
fn remove_ref_locks(repo: &TestRepo<'_>) {
    let script = "find .git/refs .git/packed-refs.lock -name '*.lock' -delete 2>/dev/null; true";
    Ran::of(repo.command("sh").args(["-c", script])).succeeded();
}
