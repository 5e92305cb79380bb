//! A branch of the user moves only from the value that was read to the intended value: whatever the user does meanwhile, and whenever a
//! process is killed, none of the user's work is lost, overwritten or moved.

mod actions;
mod unwritable;

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use testkit::{Aim, Injector, Ran, TestRepo, World, until};

use self::actions::{USER_ACTIONS, read};
use crate::{injector, merge_ranked::four, world};

/// A `git` that is first on the PATH of a command's child processes. Before (or after) its `at`-th call that works on a move, it runs a
/// script in the repository, as the user would; if `at` is 0, before its very first call.
struct Wrapper {
    folder: PathBuf,
}

impl Wrapper {
    fn new(world: &World, name: &str) -> Self {
        let folder = world.dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        Self { folder }
    }

    /// Returns the number of git calls that worked on a move.
    fn calls(&self) -> usize {
        fs::read(self.folder.join("calls")).map_or(0, |calls| calls.len())
    }

    /// Whether the script ran to its end.
    fn succeeded(&self) -> bool {
        self.folder.join("ok").exists()
    }

    fn command(&self, repo: &TestRepo<'_>, words: &[&str], at: usize, after: bool, script: &str) -> Command {
        let mut command = repo.command(repo.world().bins().join(format!("git-orchestra-{}", words[0])));
        command.args(&words[1..]);
        let path = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value);
        let path = path.expect("a PATH").to_owned();
        let real = which("git", &path);
        let (folder, place) = (self.folder.display(), repo.path().display());
        let text = format!(
            "#!/bin/sh\nn=none\ntest -e {folder}/calls || n=0\n: >> {folder}/calls\n\
             case \"$*\" in *orchestra/moves*) printf x >> {folder}/calls; n=$(wc -c < {folder}/calls);; esac\n\
             act() {{ ( unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_CONFIG_COUNT; PATH={path}; cd {place}; \
             {{ {script} ; }} && : > {folder}/ok ) > {folder}/said 2>&1; }}\n\
             if [ $n = {at} ] && [ {after} = false ]; then act; fi\n\
             if [ $n = {at} ] && [ {after} = true ]; then {real} \"$@\"; rc=$?; act; exit $rc; fi\n\
             exec {real} \"$@\"\n",
            path = path.to_string_lossy(),
            real = real.display(),
        );
        for left in ["calls", "ok"] {
            let _ = fs::remove_file(self.folder.join(left));
        }
        let file = self.folder.join("git");
        fs::write(&file, text).expect("a script");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("executable");
        command.env("PATH", format!("{}:{}", self.folder.display(), path.to_string_lossy()));
        command
    }
}

fn which(program: &str, path: &std::ffi::OsStr) -> PathBuf {
    std::env::split_paths(path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .expect("a program")
}

/// Checks that no lock and no record of a move is left, and that git finds no fault.
fn nothing_is_left(repo: &TestRepo<'_>, when: &str) {
    let git_dir = repo.path().join(".git");
    let mut open = vec![git_dir.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(path);
            } else {
                assert!(path.extension().is_none_or(|ending| ending != "lock"), "{}: {when}", path.display());
            }
        }
    }
    assert!(!git_dir.join("orchestra/moves").exists(), "{when}");
    assert_eq!(repo.git(["fsck", "--no-dangling"]).stdout(), "", "{when}");
}

/// Creates a repository with `main` and branches to land.
fn repo_to_land<'world>(world: &'world World, name: &str) -> TestRepo<'world> {
    let repo = world.repo_named(name);
    repo.commit("more", &[("lines.txt", "a\nb\nc\n")]);
    repo.branch("feature", &[("feature.txt", "f\n")]);
    repo.branch("b1", &[("three.txt", "1\n2\n3\n"), ("lines.txt", "a\nb\nC\n")]);
    repo
}

/// Simulates a user who acts while a command moves a branch: before its first git call, and before and after each one.
fn run_at_every_call(words: &[&str], prepare: fn(&TestRepo<'_>)) {
    let world = world();
    let wrapper = Wrapper::new(&world, "wrap");
    let template = repo_to_land(&world, "template");
    prepare(&template);
    for (what, script, holds) in USER_ACTIONS {
        for after in [false, true] {
            for at in usize::from(after).. {
                let repo = copy(&world, &template, "repo");
                let ran = Ran::of(&mut wrapper.command(&repo, words, at, after, script));
                if wrapper.calls() < at {
                    assert!(at > 1, "nothing moved: {ran:?}");
                    break;
                }
                let when = format!("{} {what} at call {at}, after it: {after}\n{ran:?}", words[0]);
                assert!(matches!(ran.code(), 0 | 1 | 3 | 4), "{when}");
                if wrapper.succeeded() {
                    holds(&repo, &when);
                }
                nothing_is_left(&repo, &when);
            }
        }
    }
}

#[test]
fn user_changes_during_a_landing_are_kept() {
    run_at_every_call(&["merge-ranked", "b1", "--into", "main"], |_| {});
}

#[test]
fn user_changes_during_an_undo_are_kept() {
    run_at_every_call(&["undo"], |repo| drop(repo.orchestra(["merge-ranked", "b1"]).succeeded()));
}

#[test]
fn a_landing_is_refused_if_an_ignored_path_is_in_the_way() {
    let world = world();
    for (name, hide, change, mine) in [
        (
            "gitignore",
            ".gitignore",
            "echo default > .env; echo > .gitignore; git add -f .env .gitignore",
            ".env",
        ),
        ("exclude", ".git/info/exclude", "echo default > .env; git add -f .env", ".env"),
        ("global", "", "echo default > .env; git add -f .env", ".env"),
        ("folder", ".git/info/exclude", "echo default > .env; git add -f .env", ".env/deep/key"),
        (
            "in-a-folder",
            ".git/info/exclude",
            "mkdir .env; echo default > .env/key; git add -f .env/key",
            ".env",
        ),
        (
            "same-folder",
            ".git/info/exclude",
            "mkdir .env; echo default > .env/key; git add -f .env/key",
            ".env/key",
        ),
    ] {
        let repo = world.repo_named(name);
        if hide.is_empty() {
            let excludes = world.home().join("excludes");
            fs::write(&excludes, ".env\n").expect("a file");
            repo.git(["config", "core.excludesFile", &excludes.to_string_lossy()]);
        } else {
            repo.write(hide, ".env\n");
        }
        if hide == ".gitignore" {
            repo.commit("ignore", &[]);
        }
        let script = format!("git checkout -qb b main; {change}; git commit -qm b; git checkout -q main");
        Ran::of(repo.command("sh").args(["-c", &script])).succeeded();
        let file = repo.path().join(mine);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(&file, "SECRET=mine\n").expect("a file");
        let base = repo.tip("main");
        let ran = repo.orchestra(["merge-ranked", "b"]).exits(3);
        ran.stderr_has("main cannot be moved")
            .stderr_has("untracked files in")
            .stderr_has("are in the way: .env")
            .stderr_has("hint: move");
        assert_eq!((repo.tip("main"), read(&repo, mine)), (base, "SECRET=mine\n".into()), "{name}");
        assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "", "{name}");
        nothing_is_left(&repo, name);
        let away = repo.path().join(".git/away");
        fs::rename(repo.path().join(".env"), away).expect("moved");
        repo.orchestra(["merge-ranked", "--continue"]).succeeded();
        assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "", "{name}");
    }
}

#[test]
fn an_undo_is_refused_if_an_ignored_file_is_in_the_way() {
    let world = world();
    let repo = world.repo();
    repo.commit("data", &[("data.txt", "in git\n")]);
    let script = "git checkout -qb b; git rm -q --cached data.txt; echo data.txt > .gitignore; git add .gitignore; \
                  git commit -qm b; git checkout -qf main";
    Ran::of(repo.command("sh").args(["-c", script])).succeeded();
    repo.orchestra(["merge-ranked", "b"]).succeeded();
    let landed = repo.tip("main");
    repo.write("data.txt", "mine\n");
    repo.orchestra(["undo"]).exits(3).stderr_has("untracked files in").stderr_has("are in the way: data.txt");
    assert_eq!((repo.tip("main"), read(&repo, "data.txt")), (landed, "mine\n".into()));
    nothing_is_left(&repo, "undo");
}

#[test]
fn unrelated_changes_in_the_checkout_do_not_block_and_are_kept() {
    let world = world();
    let repo = four(&world);
    let base = repo.tip("main");
    repo.write("file.txt", "not committed\n");
    repo.write("untracked.txt", "mine\n");
    repo.orchestra(["merge-ranked", "b3"]).succeeded();
    assert_eq!(read(&repo, "three.txt"), "1\n2\n3\n");
    let dirt = " M file.txt\n?? untracked.txt\n";
    assert_eq!(repo.git(["status", "--porcelain"]).stdout(), dirt);
    repo.orchestra(["undo"]).succeeded();
    assert_eq!((repo.tip("main"), read(&repo, "file.txt")), (base, "not committed\n".into()));
    assert_eq!(repo.git(["status", "--porcelain"]).stdout(), dirt);
    // Staged changes wait for their commit: otherwise they would be on another commit than the one they were staged on.
    repo.git(["add", "file.txt"]).succeeded();
    repo.orchestra(["merge-ranked", "b3"])
        .exits(3)
        .stderr_has("are not committed: file.txt")
        .stderr_has("hint: commit or unstage them");
    assert_eq!(repo.git(["diff", "--cached", "--name-only"]).line(), "file.txt");
}

#[test]
fn a_running_git_is_waited_for_and_then_reported() {
    let world = world();
    let repo = four(&world);
    for name in ["index", "HEAD", "refs/heads/main"] {
        let lock = repo.path().join(format!(".git/{name}.lock"));
        fs::write(&lock, "").expect("a lock");
        let ran = repo.orchestra(["merge-ranked", "b3"]).exits(4);
        ran.stderr_has(&format!("{name}' is locked by another program")).stderr_has("--continue");
        assert!(lock.exists(), "{name} is not ours");
        fs::remove_file(&lock).expect("removed");
        repo.orchestra(["merge-ranked", "--abort"]).succeeded();
        nothing_is_left(&repo, name);
        assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "");
    }
}

/// Creates a commit that changes files in every way; `main` is checked out and does not contain it.
fn every_kind<'world>(world: &'world World, name: &str) -> TestRepo<'world> {
    let repo = world.repo_named(name);
    let old = "printf 'a\\nb\\n' > changed; echo x > run; echo g > gone; mkdir -p deep/er; echo d > deep/er/gone; echo f > turns; \
               mkdir folder; echo i > folder/in; echo l > link; seq 2000 > long; git add .; git commit -qm old; git checkout -qb b";
    let new = "printf 'a\\nB\\n' > changed; chmod +x run; git rm -q gone deep/er/gone; rm turns; mkdir turns; echo t > turns/in; \
               rm -r folder; echo f > folder; rm link; ln -s changed link; seq 3000 > long; mkdir -p new/er; echo n > new/er/file; \
               git add -A; git commit -qm new; git checkout -q main";
    Ran::of(repo.command("sh").args(["-ec", &format!("{old}; {new}")])).succeeded();
    repo
}

/// Copies a repository into its own directory.
pub(crate) fn copy<'world>(world: &'world World, repo: &TestRepo<'_>, name: &str) -> TestRepo<'world> {
    let to = repo.path().with_file_name(name);
    let _ = fs::remove_dir_all(&to);
    Ran::of(repo.command("cp").arg("-a").arg(repo.path()).arg(&to)).succeeded();
    TestRepo::new(world, to)
}

/// Kills from the time that a move is recorded until the record is removed. A git that we started is killed together with its parent.
pub(crate) fn aim(program: &'static str) -> Aim {
    Aim {
        from: Some("/orchestra/moves/"),
        until: Some("/orchestra/moves"),
        with_parent: program == "checkout",
        ..Aim::at(program)
    }
}

/// Runs a command that is killed at the `at`-th change. Returns `None` if it makes fewer.
fn killed(
    repo: &TestRepo<'_>,
    injector: &Injector,
    program: &'static str,
    words: &[&str],
    at: u64,
) -> Option<String> {
    let mut command = repo.command(repo.world().bins().join(format!("git-orchestra-{}", words[0])));
    injector.kill(repo.world(), command.args(&words[1..]), aim(program), at)
}

fn clean_at(repo: &TestRepo<'_>, tip: &str, when: &str) {
    assert!(!tip.is_empty(), "{when}");
    assert_eq!(repo.tip("main"), tip, "{when}");
    assert_eq!(repo.git(["status", "--porcelain", "--ignored"]).stdout(), "", "{when}");
    nothing_is_left(repo, when);
    // The user can continue at once.
    repo.git(["commit", "-q", "--allow-empty", "-m", "next"]).succeeded();
}

fn landing_is_killed(program: &'static str) {
    let world = world();
    let Some(injector) = injector() else { return };
    let template = every_kind(&world, "template");
    let base = template.tip("main");
    let mut moments = 0;
    for (at, finish) in (1..).zip(["--continue", "--abort", "undo"].into_iter().cycle()) {
        let repo = copy(&world, &template, "killed");
        if killed(&repo, &injector, program, &["merge-ranked", "b"], at).is_none() {
            break;
        }
        moments = at;
        let when = format!("{program} killed at change {at}, then {finish}");
        let ran = if finish == "undo" {
            repo.orchestra(["undo"])
        } else {
            repo.orchestra(["merge-ranked", finish]).succeeded()
        };
        // If nothing landed, nothing can be undone.
        assert!(matches!(ran.code(), 0 | 3), "{when}: {ran:?}");
        let landed = repo.git(["log", "-1", "--format=%H", "--merges", "main"]).line();
        clean_at(&repo, if finish == "--continue" { &landed } else { &base }, &when);
    }
    assert!(moments > 20, "{moments}");
}

#[test]
fn a_landing_killed_at_any_change_is_completed_or_reverted() {
    landing_is_killed("git-orchestra-merge-ranked");
}

#[test]
fn a_landing_whose_git_is_killed_at_any_change_is_completed_or_reverted() {
    landing_is_killed("checkout");
}

#[test]
fn an_undo_killed_at_any_change_is_completed_by_the_next() {
    let world = world();
    let Some(injector) = injector() else { return };
    let template = every_kind(&world, "template");
    let base = template.tip("main");
    template.orchestra(["merge-ranked", "b"]).succeeded();
    let mut moments = 0;
    for program in ["git-orchestra-undo", "checkout"] {
        for at in 1.. {
            let repo = copy(&world, &template, "killed");
            if killed(&repo, &injector, program, &["undo"], at).is_none() {
                break;
            }
            moments += 1;
            let when = format!("{program} killed at change {at}");
            let ran = repo.orchestra(["undo"]);
            assert!(ran.code() == 0 || ran.stderr().contains("nothing to undo"), "{when}: {ran:?}");
            clean_at(&repo, &base, &when);
        }
    }
    assert!(moments > 40, "{moments}");
}

#[test]
fn user_changes_after_a_kill_are_kept() {
    let world = world();
    let Some(injector) = injector() else { return };
    let repo = every_kind(&world, "killed");
    let base = repo.tip("main");
    // In the middle of the files.
    killed(&repo, &injector, "checkout", &["merge-ranked", "b"], 12).expect("killed");
    assert!(repo.path().join(".git/index.lock").exists());
    // The file is neither as it was, nor as the landing writes it, nor a beginning of that.
    repo.write("changed", "mine\n");
    repo.write("mine.txt", "mine too\n");
    repo.orchestra(["merge-ranked", "--abort"]).succeeded().stderr_has("not reverted: changed");
    assert_eq!((repo.tip("main"), read(&repo, "changed")), (base, "mine\n".into()));
    assert_eq!(repo.git(["status", "--porcelain"]).stdout(), " M changed\n?? mine.txt\n");
    nothing_is_left(&repo, "abort");
}

#[test]
fn locks_removed_by_the_user_do_no_harm() {
    let world = world();
    let Some(injector) = injector() else { return };
    let repo = every_kind(&world, "removed");
    // In the middle of the files.
    killed(&repo, &injector, "checkout", &["merge-ranked", "b"], 12).expect("killed");
    for name in ["index.lock", "HEAD.lock", "refs/heads/main.lock"] {
        fs::remove_file(repo.path().join(".git").join(name)).expect("our lock");
    }
    assert_ne!(repo.git(["status", "--porcelain"]).stdout(), "");
    repo.orchestra(["merge-ranked", "--continue"]).succeeded();
    let landed = repo.git(["log", "-1", "--format=%H", "--merges", "main"]).line();
    clean_at(&repo, &landed, "continued");
}

#[test]
fn the_landing_worktree_is_found_only_through_its_registration() {
    let world = world();
    let repo = four(&world);
    repo.write("users.txt", "mine\n");
    let landing = world.dir().join("repo.worktrees/landing");
    repo.git(["worktree", "add", "-q", "--detach", &landing.to_string_lossy()]).succeeded();
    let dot_git = fs::read_to_string(landing.join(".git")).expect("a file");
    let users = format!("gitdir: {}/.git\n", repo.path().display());
    fs::write(landing.join(".git"), users).expect("a file");
    repo.git(["add", "users.txt"]).succeeded();
    let before = repo.checkout();
    repo.orchestra(["merge-ranked", "b3", "--test", "true"])
        .exits(3)
        .stderr_has("its '.git' leads elsewhere")
        .stderr_has("hint: mv");
    assert_eq!(repo.checkout(), before);
    assert_eq!(repo.git(["diff", "--cached", "--name-only"]).line(), "users.txt");
    // Nor is it reached through a link in its place.
    let real = world.dir().join("elsewhere");
    fs::rename(&landing, &real).expect("moved");
    fs::write(real.join(".git"), dot_git).expect("a file");
    std::os::unix::fs::symlink(repo.path(), &landing).expect("a link");
    repo.orchestra(["merge-ranked", "--continue"]).exits(3);
    assert_eq!(repo.checkout(), before);
    fs::remove_file(&landing).expect("removed");
    repo.git(["commit", "-qm", "users"]).succeeded();
    repo.orchestra(["merge-ranked", "--continue"]).succeeded();
    assert!(repo.has("main", "three.txt") && repo.has("main", "users.txt"));
}

#[test]
fn a_test_that_replaces_the_landing_worktree_by_a_link_affects_nothing() {
    let world = world();
    let repo = four(&world);
    repo.write("untracked.txt", "mine\n");
    let landing = world.dir().join("repo.worktrees/landing");
    let test = format!(
        "cd ..; mv landing landing-away; ln -s {} {}; true",
        repo.path().display(),
        landing.display()
    );
    let before = repo.checkout();
    repo.orchestra(["merge-ranked", "b3", "b4", "--test", &test]).exits(3).stderr_has("it is not a folder");
    assert_eq!(repo.checkout(), before);
}

#[test]
fn a_symbolic_branch_stays_symbolic() {
    let world = world();
    let repo = four(&world);
    repo.git(["symbolic-ref", "refs/heads/trunk", "refs/heads/main"]).succeeded();
    repo.orchestra(["merge-ranked", "b3", "--into", "trunk"])
        .exits(3)
        .stderr_has("branch trunk is a symbolic ref to refs/heads/main");
    assert_eq!(repo.git(["symbolic-ref", "refs/heads/trunk"]).line(), "refs/heads/main");
}

#[test]
fn switching_to_a_moving_branch_checks_out_its_new_files() {
    let world = world();
    let repo = four(&world);
    let base = repo.tip("main");
    repo.git(["checkout", "-q", "-b", "mine"]).succeeded();
    repo.git(["rm", "-q", "file.txt"]).succeeded();
    repo.git(["commit", "-qm", "mine"]).succeeded();
    // This file takes long to write, during which main is at its old commit.
    let wait = format!(
        "cat; for i in $(seq 500); do test $(git rev-parse main) = {base} || exit 0; sleep 0.02; done"
    );
    repo.git(["config", "filter.slow.smudge", &wait]).succeeded();
    repo.write(".git/info/attributes", "file.txt filter=slow\n");
    let mut switching = repo.command("git").args(["checkout", "-q", "main"]).spawn().expect("started");
    until("git writes files", || repo.path().join(".git/index.lock").exists().then_some(()));
    repo.orchestra(["merge-ranked", "b3", "--into", "main"]).succeeded();
    assert!(switching.wait().expect("an end").success());
    assert_eq!(repo.git(["symbolic-ref", "HEAD"]).line(), "refs/heads/main");
    assert_eq!(read(&repo, "three.txt"), "1\n2\n3\n");
    assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "");
    nothing_is_left(&repo, "switched");
}
