//! Pipes, devices, huge files and huge directories where we or git read: every command ends by itself and
//! reports what is in the way, and the work of agents is saved.

use std::{
    fs,
    path::{Path, PathBuf},
};

use testkit::{Ran, TestRepo, until};

use crate::{sync::first, world};

/// The number of seconds after which a command counts as hanging; long enough for a busy machine.
const LIMIT: &str = "100";

/// Runs a binary directly, since git itself would wait.
fn run(repo: &TestRepo<'_>, words: &[&str]) -> Ran {
    let program = repo.world().bins().join(format!("git-orchestra-{}", words[0]));
    let mut command = repo.command("timeout");
    Ran::of(command.args(["-s", "KILL", LIMIT]).arg(program).args(&words[1..]))
}

fn pipe(at: &Path) {
    fs::create_dir_all(at.parent().expect("a folder")).expect("a folder");
    assert!(std::process::Command::new("mkfifo").arg(at).status().expect("mkfifo").success());
}

/// Creates one agent that waits in its worktree, and one that is done.
fn agents(repo: &TestRepo<'_>) -> (String, String) {
    let done = repo.spawn("echo d > d");
    repo.end_of(&done);
    (working(repo), done)
}

fn working(repo: &TestRepo<'_>) -> String {
    let id = repo.spawn("echo w > w; exec sleep 1000");
    repo.wait_for_file(&id, "w");
    id
}

/// Puts a pipe in each place, checks that every command ends, and that everything works once the pipe is
/// removed.
fn each_place(places: &[&str], prepare: &dyn Fn(&TestRepo<'_>)) {
    let world = world();
    let repo = first(&world);
    repo.git(["config", "orchestra.grace", "1s"]);
    prepare(&repo);
    let (mut live, done) = agents(&repo);
    for place in places {
        let name = place.replace("LIVE", &live).replace("DONE", &done);
        let (at, kept) = (repo.path().join(".git").join(&name), world.dir().join("kept"));
        if at.exists() {
            fs::rename(&at, &kept).expect("kept");
        }
        pipe(&at);
        let commands: &[&[&str]] = &[
            &["status"],
            &["worktrees"],
            &["logs", &done],
            &["diff", &live],
            &["collect"],
            &["sync", "--yes"],
            &["merge-ranked", "--dry-run"],
            &["cleanup", "--dry-run"],
            &["spawn", "-d", "--agent", "sh", "--name", "more", "true"],
            &["stop", &live],
        ];
        for command in commands {
            let ran = run(&repo, command);
            assert_ne!(ran.code(), 137, "{name}: {command:?} hangs");
            assert!(!ran.stderr().contains("panicked"), "{name}: {command:?}: {}", ran.stderr());
        }
        // The private directory of an agent is removed when it has ended.
        let _ = fs::remove_file(&at);
        if kept.exists() && at.parent().is_some_and(Path::is_dir) {
            fs::rename(&kept, &at).expect("restored");
        }
        let _ = fs::remove_file(&kept);
        until(&format!("{name}: all agents end"), || {
            run(&repo, &["stop", "--all"]);
            let open = repo.agents().into_iter().filter(|agent| agent["liveness"] != "ended").count();
            (open == 0).then_some(())
        });
        run(&repo, &["collect"]);
        assert_eq!(repo.file_in_head(&live, "w"), "w\n", "{name}");
        assert_eq!(repo.file_in_head(&done, "d"), "d\n", "{name}");
        live = working(&repo);
    }
    run(&repo, &["stop", "--all"]).succeeded();
}

#[test]
fn pipes_in_registrations_of_worktrees() {
    let places = [
        "worktrees/zz/gitdir",
        "worktrees/zz/HEAD",
        "worktrees/zz/commondir",
        "worktrees/zz/locked",
        "worktrees/LIVE/HEAD",
        "worktrees/LIVE/gitdir",
        "worktrees/LIVE/commondir",
        "worktrees/LIVE/index",
        "worktrees/LIVE/logs/HEAD",
    ];
    each_place(&places, &|repo| {
        let folder = repo.path().join(".git/worktrees/zz");
        fs::create_dir_all(&folder).expect("a folder");
        let gitdir = format!("{}\n", repo.world().dir().join("zz/.git").display());
        for (name, text) in
            [("gitdir", gitdir.as_str()), ("HEAD", "ref: refs/heads/main\n"), ("commondir", "../..\n")]
        {
            fs::write(folder.join(name), text).expect("a file");
        }
    });
}

#[test]
fn pipes_in_the_git_directory() {
    let places = [
        "HEAD",
        "index",
        "info/exclude",
        "info/attributes",
        "packed-refs",
        "shallow",
        "objects/info/alternates",
        "logs/HEAD",
        "refs/heads/main",
        "refs/heads/x",
        "refs/heads/orchestra/DONE",
        "refs/stash",
        "refs/tags/x",
    ];
    each_place(&places, &|_| ());
}

#[test]
fn pipes_among_our_refs_and_private_files() {
    let places = [
        "refs/orchestra/agents/new-12345",
        "refs/orchestra/archive/x",
        "refs/orchestra/notes/results",
        "refs/orchestra-local/operations/x",
        "orchestra/writer",
        "orchestra/cache",
        "orchestra/last-counts.json",
        "orchestra/accepted.json",
        "orchestra/queue/lock",
        "orchestra/slots/1",
        "orchestra/waiting/LIVE.00",
        "orchestra/diary",
        "orchestra/locks/operations",
        "orchestra/trash-clock",
        "orchestra/agents/LIVE/spec.json",
        "orchestra/agents/LIVE/prompt",
        "orchestra/agents/LIVE/1.out",
        "orchestra/agents/LIVE/2.out",
        "orchestra/agents/LIVE/tally.json",
        "orchestra/agents/LIVE/surroundings.json",
    ];
    each_place(&places, &|_| ());
}

#[test]
fn a_file_that_blocks_git_is_reported_with_a_remedy() {
    let world = world();
    let repo = first(&world);
    let done = repo.spawn("echo d > d");
    repo.end_of(&done);
    let registration = repo.path().join(".git/worktrees/zz");
    let at = registration.join("HEAD");
    pipe(&at);
    fs::write(registration.join("commondir"), "../..\n").expect("written");
    fs::write(registration.join("gitdir"), "/nowhere/.git\n").expect("written");
    run(&repo, &["sync", "--yes"]).exits(3).stderr_has("worktrees/zz/HEAD' is not a file").stderr_has("rm ");
    // No process waits there any more.
    let here = |entry: fs::DirEntry| {
        fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(repo.path()))
    };
    assert!(!fs::read_dir("/proc").expect("/proc").flatten().any(here), "a git is left");
    fs::remove_file(&at).expect("removed");
    let head = repo.path().join(".git/HEAD");
    fs::rename(&head, world.dir().join("HEAD")).expect("moved");
    pipe(&head);
    run(&repo, &["status"]).succeeded().stdout_has(&done).stderr_has("'HEAD' is not a file");
    fs::rename(world.dir().join("HEAD"), &head).expect("moved back");
    run(&repo, &["sync", "--yes"]).succeeded();
}

#[test]
fn configured_devices_and_pipes_block_no_command() {
    let world = world();
    let repo = first(&world);
    let done = repo.spawn("echo d > d");
    repo.end_of(&done);
    let config = fs::read(repo.path().join(".git/config")).expect("a config");
    let named = world.dir().join("pipe");
    pipe(&named);
    let named = named.to_string_lossy().into_owned();
    for key in ["include.path", "core.excludesFile", "core.attributesFile"] {
        for value in [named.as_str(), "/dev/zero"] {
            let break_it = format!("echo w > w; git config {key} {value}");
            let ran =
                run(&repo, &["spawn", "--agent", "sh", "--name", "breaks", "--", &break_it]).succeeded();
            let id = ran
                .stdout()
                .split_whitespace()
                .find(|word| word.starts_with("breaks-"))
                .expect("an id")
                .to_owned();
            for words in [&["status"][..], &["logs", &done], &["collect"], &["diff", &id], &["stop", "--all"]]
            {
                assert_ne!(run(&repo, words).code(), 137, "{key} {value}: {words:?} hangs");
            }
            fs::write(repo.path().join(".git/config"), &config).expect("restored");
            assert_eq!(repo.file_in_head(&id, "w"), "w\n", "{key} {value}");
        }
    }
}

#[test]
fn huge_files_and_directories_affect_only_themselves() {
    let world = world();
    let repo = first(&world);
    repo.git(["config", "orchestra.grace", "1s"]);
    let crowd = "mkdir many; cd many; seq 100000 | xargs touch; cd ..";
    for (name, odd) in [("giant", "truncate -s 40G file.txt; truncate -s 40G new"), ("crowd", crowd)] {
        let script = format!("echo w > w; {odd}; touch ready; exec sleep 1000");
        let id = repo.orchestra(["spawn", "--agent", "sh", "-d", "--name", name, "--", &script]).line();
        repo.wait_for_file(&id, "ready");
        for words in [&["status"][..], &["worktrees"], &["collect"], &["stop", &id]] {
            assert_ne!(run(&repo, words).code(), 137, "{name}: {words:?} hangs");
        }
        assert_eq!(repo.end_of(&id)["phase"], "stopped");
        assert_eq!(repo.file_in_head(&id, "w"), "w\n", "{name}");
    }
    // Our own caches, which any process may write.
    for cache in [
        "cache",
        "last-counts.json",
        "conversations",
        "trials",
        "changes",
        "sizes",
        "scanned",
        "sound-trees",
        "consent",
        "refused",
        "folds",
    ] {
        let at: PathBuf = repo.path().join(".git/orchestra").join(cache);
        let file = fs::File::options().write(true).create(true).truncate(true).open(&at).expect("a file");
        file.set_len(40 << 30).expect("a giant");
    }
    for words in [
        &["status"][..],
        &["sessions"],
        &["merge-ranked", "-n"],
        &["sync", "--yes"],
        &["spawn", "--agent", "sh", "echo z > z"],
    ] {
        assert_ne!(run(&repo, words).code(), 137, "{words:?} hangs");
    }
    assert!(repo.agents().iter().any(|agent| agent["phase"] == "done"));
}
