//! One broken agent, whatever is broken, among intact ones: every command for several agents sets it aside
//! and processes the rest.

use std::{fs, path::PathBuf};

use testkit::{Ran, TestRepo, until};

use crate::{
    sync::{first, shared_of_hub},
    world,
};

/// A way in which an agent can be broken.
struct Breakage {
    name: &'static str,
    /// Whether it is running when it breaks; otherwise it is done.
    live: bool,
    breaks: fn(&TestRepo<'_>, &str),
}

fn inside(repo: &TestRepo<'_>, name: &str) -> PathBuf {
    repo.path().join(".git").join(name)
}

fn overwrite(repo: &TestRepo<'_>, name: &str, text: &str) {
    fs::write(inside(repo, name), text).expect("written");
}

fn pipe_instead_of(repo: &TestRepo<'_>, name: &str) {
    let at = inside(repo, name);
    fs::remove_file(&at).expect("removed");
    assert!(repo.command("mkfifo").arg(at).status().expect("mkfifo").success());
}

const NOWHERE: &str = "1234567890123456789012345678901234567890\n";

const BREAKAGES: &[Breakage] = &[
    Breakage {
        name: "an empty ref",
        live: false,
        breaks: |repo, id| overwrite(repo, &format!("refs/orchestra/agents/{id}"), ""),
    },
    Breakage {
        name: "an empty ref while it works",
        live: true,
        breaks: |repo, id| overwrite(repo, &format!("refs/orchestra/agents/{id}"), ""),
    },
    Breakage {
        name: "a ref to what is not there",
        live: false,
        breaks: |repo, id| overwrite(repo, &format!("refs/orchestra/agents/{id}"), NOWHERE),
    },
    Breakage {
        name: "a ref to code",
        live: false,
        breaks: |repo, id| overwrite(repo, &format!("refs/orchestra/agents/{id}"), &repo.tip("main")),
    },
    Breakage {
        name: "work that is not there",
        live: false,
        breaks: |repo, id| overwrite(repo, &format!("refs/orchestra/heads/{id}"), NOWHERE),
    },
    Breakage {
        name: "a pipe in the place of its work",
        live: false,
        breaks: |repo, id| pipe_instead_of(repo, &format!("refs/orchestra/heads/{id}")),
    },
    Breakage {
        name: "a lock of another program",
        live: true,
        breaks: |repo, id| overwrite(repo, &format!("refs/orchestra/agents/{id}.lock"), "theirs"),
    },
    Breakage {
        name: "no worktree",
        live: true,
        breaks: |repo, id| fs::remove_dir_all(repo.worktree(id)).expect("removed"),
    },
    Breakage {
        name: "a link in the place of its worktree",
        live: false,
        breaks: |repo, id| {
            let at = repo.worktree(id);
            fs::rename(&at, at.with_extension("moved")).expect("moved");
            std::os::unix::fs::symlink(repo.path(), at).expect("a link");
        },
    },
    Breakage {
        name: "a pipe in its registration",
        live: true,
        breaks: |repo, id| pipe_instead_of(repo, &format!("worktrees/{id}/gitdir")),
    },
    Breakage {
        name: "no private folder",
        live: true,
        breaks: |repo, id| {
            fs::remove_dir_all(inside(repo, &format!("orchestra/agents/{id}"))).expect("removed");
        },
    },
    Breakage {
        name: "a pipe in the place of its order",
        live: true,
        breaks: |repo, id| pipe_instead_of(repo, &format!("orchestra/agents/{id}/spec.json")),
    },
    Breakage {
        name: "no branch",
        live: false,
        breaks: |repo, id| {
            repo.git(["update-ref", "-d", &format!("refs/heads/orchestra/{id}")]).succeeded();
        },
    },
];

/// Runs a command that may report the broken agent, and must process the rest.
fn run(repo: &TestRepo<'_>, breakage: &Breakage, words: &[&str]) -> Ran {
    let ran = repo.orchestra(words);
    let said = ran.stderr();
    let is_an_end = [0, 1, 3, 4, 5, 70, 124].contains(&ran.code());
    assert!(is_an_end && !said.contains("panicked"), "{}: {words:?}: {} {said}", breakage.name, ran.code());
    ran
}

fn check(breakage: &Breakage) {
    let world = world();
    let repo = first(&world);
    repo.git(["config", "orchestra.grace", "1s"]);
    let good = repo.spawn("echo good > good.txt");
    repo.end_of(&good);
    let live = repo.spawn("echo live > live.txt; exec sleep 1000");
    repo.wait_for_file(&live, "live.txt");
    let script = if breakage.live { "echo bad > bad.txt; exec sleep 1000" } else { "echo bad > bad.txt" };
    let bad = repo.spawn(script);
    if breakage.live {
        repo.wait_for_file(&bad, "bad.txt");
    } else {
        repo.end_of(&bad);
    }
    (breakage.breaks)(&repo, &bad);
    let is_in = |id: &str, phase: &str| {
        let agent = repo.agent(id);
        assert_eq!(agent["phase"], phase, "{}: {agent}", breakage.name);
    };
    for words in [&["status"][..], &["worktrees"], &["review"], &["cleanup", "--dry-run"]] {
        let ran = run(&repo, breakage, words);
        assert_eq!(ran.code(), 0, "{}: {words:?}: {}", breakage.name, ran.stderr());
    }
    let collected = run(&repo, breakage, &["collect"]);
    assert!(collected.stdout().contains(&good) && collected.stdout().contains(&live), "{}", breakage.name);
    run(&repo, breakage, &["pause", "--all"]);
    is_in(&live, "paused");
    run(&repo, breakage, &["resume", "--all", "-d"]);
    repo.wait_for(&live, "running");
    run(&repo, breakage, &["stop", "--all"]);
    is_in(&live, "stopped");
    assert_eq!(repo.file_in_head(&live, "live.txt"), "live\n", "{}", breakage.name);
    run(&repo, breakage, &["merge-ranked", "--test", "test -e file.txt"]);
    assert_eq!(repo.file_at("main", "good.txt"), "good\n", "{}: lands", breakage.name);
    let synced = run(&repo, breakage, &["sync", "--yes"]).stderr();
    let hub = shared_of_hub(&world);
    for id in [&good, &live] {
        assert!(
            hub.iter().any(|(name, _)| name.ends_with(&format!("heads/{id}"))),
            "{}: {synced}",
            breakage.name
        );
    }
    run(&repo, breakage, &["cleanup"]);
    until("the landed one is put into the archive", || {
        let left = repo.refs(&format!("refs/orchestra/agents/{good}"));
        left.is_empty().then_some(())
    });
    // The intact worktree is removed; the remains of the broken one are reported, not deleted.
    repo.orchestra(["undo"]).succeeded();
    assert!(!repo.refs(&format!("refs/orchestra/agents/{good}")).is_empty(), "{}", breakage.name);
}

#[test]
fn broken_refs_are_set_aside_by_every_command() {
    BREAKAGES.iter().filter(|one| one.name.contains("ref")).for_each(check);
}

#[test]
fn broken_work_is_set_aside_by_every_command() {
    BREAKAGES
        .iter()
        .filter(|one| one.name.contains("work that") || one.name.ends_with("its work"))
        .for_each(check);
}

#[test]
fn broken_worktrees_are_set_aside_by_every_command() {
    let of_worktrees = |one: &&Breakage| one.name.contains("worktree") || one.name.contains("registration");
    BREAKAGES.iter().filter(of_worktrees).for_each(check);
}

#[test]
fn broken_private_files_locks_and_branches_are_set_aside_by_every_command() {
    let names =
        ["a lock of another program", "no private folder", "a pipe in the place of its order", "no branch"];
    BREAKAGES.iter().filter(|one| names.contains(&one.name)).for_each(check);
}
