//! Nothing is lost: every change in a worktree, in any order, is restored exactly, even after the user's
//! own `git branch -D` and `git gc --prune=now`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use testkit::{FileState, Ran, SeededRandom, TestRepo, dir_state, times};

use crate::world;

/// Actions of people and agents in a worktree. `N` is a number; an action that is impossible in the present
/// state is skipped.
const ACTIONS: &[&str] = &[
    "echo N >> file.txt",
    "git add -A",
    "git commit -qm cN --allow-empty",
    "echo N >> staged.txt; git add staged.txt; echo later >> staged.txt",
    "rm -f file.txt",
    "echo mine > clash; git add clash; git commit -qm mine; B=$(git symbolic-ref --short HEAD); git checkout -qb sideN HEAD~1
     echo theirs > clash; git add clash; git commit -qm theirs; git checkout -q $B; git rebase -q sideN",
    "echo our > crash; git add crash; git commit -qm our; B=$(git symbolic-ref --short HEAD); git checkout -qb branchN HEAD~1
     echo their > crash; git add crash; git commit -qm their; git checkout -q $B; git merge -q branchN",
    "git checkout -q --detach",
    "echo secret > .env; mkdir -p cache/deep; echo N > cache/deep/x",
    "ln -s nowhere linkN; ln -sf . loop",
    "echo x > run; chmod 755 run; echo y > private; chmod 600 private; mkdir -p closed; echo z > closed/z; chmod 444 closed/z; chmod 555 closed",
    "mkdir -p empty/deep",
    "git init -q vendor && cd vendor && echo v > v && git add v && git -c user.name=V -c user.email=v@v commit -qm v; echo w > w",
    "git init -q linkedN && cd linkedN && echo v > v && git add v && git commit -qm v && cd .. && git add linkedN && git commit -qm gitlink; echo w > linkedN/w",
    "git init -q emptied && cd emptied && git commit -q --allow-empty -m v && cd .. && git add emptied && git commit -qm gitlink && rm -rf emptied/.git; echo w > emptied/w",
    "mkdir -p target/tool && git init -q target/tool && echo v > target/tool/v",
    "git commit -q --amend -m amended --allow-empty",
    "git reset -q --hard HEAD~1",
    "printf 1 > \"$(printf 'a\\nb')\"; printf 2 > 'sp ace'; printf 3 > \"$(printf '\\377\\376')\"; printf 4 > %percent; printf 5 > .gitnot",
    "seq 100000 > many; printf 'a\\0b\\r\\n' > binary",
    "git update-index --assume-unchanged file.txt; echo hidden >> file.txt",
    "echo i > meant; git add -N meant",
    "git bisect start; git bisect bad HEAD",
    "touch -d 2001-02-03T04:05:06.789 file.txt",
    "mkdir -p target/debug; seq 1000 > target/debug/out",
    "git rm -q --cached file.txt; git worktree lock . ; git worktree unlock .",
    "git stash -q -u; git stash pop -q",
];

/// Everything that must be restored.
struct State {
    files: BTreeMap<PathBuf, FileState>,
    registration: BTreeMap<PathBuf, FileState>,
    status: String,
    refs: Vec<(String, String)>,
}

fn state(repo: &TestRepo<'_>, id: &str, worktree: &Path) -> State {
    let status = ["--no-optional-locks", "status", "--porcelain=v2", "--branch", "--ignored", "-z"];
    let status = repo.world().git(worktree, status).stdout();
    let mut files = dir_state(worktree);
    // Disposable: git ignores it, and it can be rebuilt; a repository in it cannot.
    let has_repository = worktree.join("target/tool").exists();
    files.retain(|path, _| has_repository || !path.starts_with("target"));
    let status = status.replace("! target/\0", "");
    // The directory itself was changed by the removal of its entries.
    files.remove(Path::new(""));
    let mut refs = Vec::new();
    for prefix in ["refs/orchestra/heads/", "refs/orchestra-local/logs/", "refs/heads/orchestra/"] {
        refs.extend(repo.refs(&format!("{prefix}{id}")));
    }
    State { files, registration: dir_state(&repo.path().join(".git/worktrees").join(id)), status, refs }
}

/// Whatever is removed, uncommitted changes included, is restored byte for byte.
#[test]
fn every_change_is_restored_exactly() {
    let world = world();
    let repo = world.repo();
    repo.commit("ignore", &[(".gitignore", ".env\ncache/\ntarget/\n")]);
    for seed in 1..=times("ORCHESTRA_SEQUENCES", 10) {
        let mut numbers = SeededRandom::from(seed);
        let id = repo.spawn("echo work > work.txt");
        repo.end_of(&id);
        let worktree = repo.worktree(&id);
        let mut done = Vec::new();
        for turn in 0..3 + numbers.below(8) {
            let deed =
                ACTIONS[numbers.below(ACTIONS.len() as u64) as usize].replace('N', &format!("{seed}x{turn}"));
            let _ = Ran::of(repo.command("sh").args(["-c", &deed]).current_dir(&worktree));
            done.push(deed);
        }
        let before = state(&repo, &id, &worktree);
        remove(&repo, &id, &worktree);
        users_own_tidying(&repo);
        repo.orchestra(["undo"]).succeeded();
        let after = state(&repo, &id, &worktree);
        for (after, before) in [(&after.files, &before.files), (&after.registration, &before.registration)] {
            let paths: BTreeSet<&PathBuf> = after.keys().chain(before.keys()).collect();
            if let Some(path) = paths.into_iter().find(|path| after.get(*path) != before.get(*path)) {
                panic!("seed {seed}: {path:?}: {:?}, was {:?}\n{done:#?}", after.get(path), before.get(path));
            }
        }
        assert_eq!((after.status, after.refs), (before.status, before.refs), "seed {seed}: {done:#?}");
        // Everything that the index, reflogs and unfinished operations name is there.
        let checked =
            Ran::of(repo.command("git").args(["fsck", "--full", "--no-dangling"]).current_dir(&worktree));
        assert_eq!(checked.code(), 0, "seed {seed}: {}{}{done:#?}", checked.stdout(), checked.stderr());
        assert!(!checked.stderr().contains("missing"), "seed {seed}: {}", checked.stderr());
        // It is removed for good: the next turn has its own.
        repo.orchestra(["cleanup", "--discard", &id]).succeeded();
    }
}

/// Tries every command that removes; the last one succeeds, whatever the worktree contains.
fn remove(repo: &TestRepo<'_>, id: &str, worktree: &Path) {
    let inner =
        ["vendor/.git", "emptied/w", "target/tool/.git"].iter().any(|path| worktree.join(path).exists());
    for arguments in [&["cleanup"] as &[&str], &["cleanup", "--force", id], &["cleanup", "--discard", id]] {
        if worktree.exists() {
            let ran = repo.orchestra(arguments);
            assert!(matches!(ran.code(), 0 | 1), "{} {}", ran.code(), ran.stderr());
            assert!(!inner || arguments.len() > 1 || worktree.exists(), "a repository inside is work");
        }
    }
    assert!(!worktree.exists() && repo.refs(&format!("refs/orchestra/agents/{id}")).is_empty());
}

fn users_own_tidying(repo: &TestRepo<'_>) {
    let script = "git worktree prune; git for-each-ref --format='%(refname:short)' refs/heads | grep -v '^main$' | xargs -r git branch -qD
        git stash clear; git reflog expire --expire=now --expire-unreachable=now --all; git gc -q --prune=now";
    Ran::of(repo.command("sh").args(["-c", script])).succeeded();
}
