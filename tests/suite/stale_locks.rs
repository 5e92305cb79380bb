//! Locks in git's protocol that a killed process of ours left behind: the next command removes them, and no
//! others.

use std::{fs, path::Path};

use orchestra::{
    Code, Error,
    git::{Oid, RefError, Repo, refs::RefEdit},
    lock::Lock,
    model::{AgentId, Fact},
    store::{append, layout::PrivateDir},
};
use testkit::TestRepo;

use crate::{environment, library, world};

/// What a writer leaves behind when it is killed while it holds locks: the lock of each file is linked to
/// the staged content.
struct Killed<'a> {
    repo: &'a TestRepo<'a>,
    nonce: &'a str,
}

impl Killed<'_> {
    fn file(&self, suffix: &str) -> std::path::PathBuf {
        self.repo.path().join(".git/orchestra/intents").join(format!("{}{suffix}", self.nonce))
    }

    fn lock(&self, name: &str) -> std::path::PathBuf {
        self.repo.path().join(format!(".git/{name}.lock"))
    }

    /// Creates the state; `declared` is the content of the intent.
    fn at(self, declared: &str, locks: &[(&str, &str, &str)]) -> Self {
        fs::create_dir_all(self.file("").parent().expect("a folder")).expect("a folder");
        fs::write(self.file(""), declared).expect("an intent");
        for (name, suffix, content) in locks {
            if !self.file(suffix).exists() {
                fs::write(self.file(suffix), content).expect("a staged file");
            }
            fs::create_dir_all(self.lock(name).parent().expect("a folder")).expect("a folder");
            fs::hard_link(self.file(suffix), self.lock(name)).expect("a lock");
        }
        self
    }

    /// Checks that nothing of it is left.
    fn is_repaired(&self, names: &[&str]) {
        for name in names {
            assert!(!self.lock(name).exists(), "{name} is locked");
        }
        let left: Vec<_> =
            fs::read_dir(self.file("").parent().expect("a folder")).expect("a folder").collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

fn oid(repo: &TestRepo<'_>, revision: &str) -> Oid {
    Oid::parse(&repo.tip(revision)).expect("an id")
}

#[test]
fn locks_of_every_kind_are_gone_after_the_next_command() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "--name", "a", "echo 1 > a"]).succeeded();
    let id = repo.agents()[0]["id"].as_str().expect("an id").to_owned();
    let names = [
        format!("refs/orchestra/agents/{id}"),
        format!("refs/orchestra/heads/{id}"),
        format!("refs/orchestra-local/logs/{id}"),
        format!("refs/orchestra-local/snapshots/{id}"),
        format!("refs/heads/orchestra/{id}"),
        "refs/orchestra-local/operations/0123".to_owned(),
        "refs/orchestra-local/remotes/origin/agents/x".to_owned(),
        "refs/orchestra/notes/results".to_owned(),
        "refs/orchestra/archive/w".to_owned(),
        "refs/orchestra/runs/r".to_owned(),
        format!("worktrees/{id}/index"),
        "config".to_owned(),
    ];
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let declared: String = names.iter().map(|name| format!("replace {name}\n")).collect();
    let suffixes: Vec<String> = (0..names.len()).map(|at| format!(".{at}")).collect();
    let value = format!("{}\n", repo.tip("HEAD"));
    let locks: Vec<_> =
        names.iter().zip(&suffixes).map(|(name, at)| (*name, at.as_str(), value.as_str())).collect();
    for (nonce, command) in [("00aa", "stop"), ("00bb", "cleanup")] {
        let before = repo.refs("refs");
        let killed = Killed { repo: &repo, nonce }.at(&declared, &locks);
        let arguments: &[&str] =
            if command == "stop" { &["stop", "--all"] } else { &["cleanup", "--force", &id] };
        if command == "stop" {
            repo.orchestra(arguments).succeeded();
            assert_eq!(before, repo.refs("refs"), "what was not decided is not done");
        } else {
            repo.orchestra(arguments).exits(1).stdout_has("kept");
        }
        killed.is_repaired(&names);
    }
}

#[test]
fn a_command_that_finds_a_stale_ref_lock_removes_it() {
    let world = world();
    let repo = world.repo();
    let (name, head) = ("refs/orchestra/notes/results", oid(&repo, "HEAD"));
    // After a power failure the intent may be empty.
    for declared in ["", "replace refs/orchestra/notes/results\n"] {
        let killed = Killed { repo: &repo, nonce: "00aa" }.at(declared, &[(name, ".0", "x")]);
        library(&repo)
            .edit_refs(&[RefEdit { name: name.into(), old: None, new: head }], "test")
            .expect("written");
        killed.is_repaired(&[name]);
        library(&repo).delete_refs(&[(name.into(), head)]).expect("deleted");
        assert!(repo.refs("refs/orchestra").is_empty());
    }
}

#[test]
fn foreign_and_live_locks_are_kept() {
    let world = world();
    let repo = world.repo();
    let (name, head) = ("refs/orchestra/notes/results", oid(&repo, "HEAD"));
    let edit = [RefEdit { name: name.into(), old: None, new: head }];
    let killed = Killed { repo: &repo, nonce: "00aa" }
        .at("replace refs/orchestra/notes/results\n", &[(name, ".0", "x")]);
    let living = Lock::take(&killed.file(""), std::time::Duration::ZERO).expect("a lock").expect("free");
    let refused = library(&repo).edit_refs(&edit, "test").expect_err("locked");
    assert!(matches!(refused, RefError::Locked { .. }), "{refused}");
    assert!(killed.lock(name).exists());
    drop(living);
    // The user removed it, and now another program has the ref locked.
    fs::remove_file(killed.lock(name)).expect("removed");
    let other = fs::File::create(killed.lock(name)).expect("a lock");
    let refused = Error::from(library(&repo).edit_refs(&edit, "test").expect_err("locked"));
    assert_eq!((refused.code, refused.hints.len()), (Code::LockHeld, 1));
    library(&repo).repair_locks();
    assert!(killed.lock(name).exists());
    // It was killed.
    drop(other);
    library(&repo).edit_refs(&edit, "test").expect("written");
}

#[test]
fn decided_changes_are_completed_and_others_abandoned() {
    let world = world();
    let repo = world.repo();
    let head = repo.tip("HEAD");
    let value = format!("{head}\n");
    let (a, b) = ("refs/orchestra/heads/a", "refs/orchestra/heads/b");
    let declared = format!("replace {a}\nreplace {b}\n");
    let locks = [(a, ".0", value.as_str()), (b, ".1", value.as_str())];
    let killed = Killed { repo: &repo, nonce: "00aa" }.at(&declared, &locks);
    library(&repo).repair_locks();
    killed.is_repaired(&[a, b]);
    assert!(repo.refs("refs/orchestra").is_empty());
    let killed = Killed { repo: &repo, nonce: "00bb" }.at(&format!("{declared}commit\n"), &locks);
    // The first was completed.
    fs::copy(killed.file(".0"), repo.path().join(".git").join(a)).expect("a ref");
    library(&repo).repair_locks();
    killed.is_repaired(&[a, b]);
    assert_eq!(repo.refs("refs/orchestra"), [(a.to_owned(), head.clone()), (b.to_owned(), head)]);
    repo.git(["pack-refs", "--all"]).succeeded();
    let packed = fs::read_to_string(repo.path().join(".git/packed-refs")).expect("a file");
    let without: String =
        packed.lines().filter(|line| !line.ends_with(b)).map(|line| format!("{line}\n")).collect();
    let declared = format!("delete {b}\nhold packed-refs\ncommit\n");
    let locks = [(b, ".empty0", ""), ("packed-refs", ".empty0", "")];
    let killed = Killed { repo: &repo, nonce: "00cc" }.at(&declared, &locks);
    fs::write(killed.file(".packed"), without).expect("a staged file");
    library(&repo).repair_locks();
    killed.is_repaired(&[b, "packed-refs"]);
    assert_eq!(repo.refs("refs/orchestra").len(), 1);
    repo.git(["fsck", "--strict"]).succeeded();
}

#[test]
fn concurrent_repairs_happen_once() {
    let world = world();
    let repo = world.repo();
    let (name, head) = ("refs/orchestra/heads/a", oid(&repo, "HEAD"));
    for round in 0..20 {
        let nonce = format!("00{round}");
        let killed =
            Killed { repo: &repo, nonce: &nonce }.at(&format!("replace {name}\n"), &[(name, ".0", "x")]);
        let here = environment(&repo);
        let written = std::thread::scope(|scope| {
            let write = || {
                let edit = [RefEdit { name: name.into(), old: None, new: head }];
                Repo::discover(&here).expect("a repository").edit_refs(&edit, "test").is_ok()
            };
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(write)).collect();
            threads
                .into_iter()
                .filter(|_| true)
                .map(|thread| thread.join().expect("an end"))
                .filter(|done| *done)
                .count()
        });
        assert_eq!(written, 1);
        killed.is_repaired(&[name]);
        library(&repo).delete_refs(&[(name.into(), head)]).expect("deleted");
    }
}

#[test]
fn refs_and_reflogs_are_deleted_atomically() {
    let world = world();
    let repo = world.repo();
    let head = oid(&repo, "HEAD");
    for name in ["orchestra/a", "orchestra/b", "mine"] {
        repo.git(["branch", name]).succeeded();
    }
    repo.git(["tag", "-am", "tag", "v1"]).succeeded();
    repo.git(["pack-refs", "--all"]).succeeded();
    repo.git(["branch", "orchestra/c"]).succeeded();
    let of = |names: &[&str]| -> Vec<(String, Oid)> {
        names.iter().map(|name| (format!("refs/heads/{name}"), head)).collect()
    };
    let before = repo.refs("refs");
    let refused = library(&repo).delete_refs(&of(&["orchestra/a", "orchestra/x"])).expect_err("not there");
    assert!(matches!(refused, RefError::Changed { .. }), "{refused}");
    assert_eq!(repo.refs("refs"), before);
    let library = library(&repo);
    library.delete_refs(&of(&["orchestra/c", "orchestra/a"])).expect("deleted");
    // The same process sees it, however soon the file changes.
    library.delete_refs(&of(&["orchestra/b"])).expect("deleted");
    assert_eq!(library.refs_below("refs/heads/orchestra/").expect("refs"), []);
    let names: Vec<String> = repo.refs("refs").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["refs/heads/main", "refs/heads/mine", "refs/tags/v1"]);
    assert!(!repo.path().join(".git/logs/refs/heads/orchestra").exists());
    assert!(!repo.path().join(".git/refs/heads/orchestra").exists());
    repo.git(["fsck", "--strict"]).succeeded();
    repo.git(["branch", "orchestra"]).succeeded();
}

/// Creates a lock of another program, which lives as long as the file is open.
fn foreign_lock(repo: &TestRepo<'_>, name: &str) -> fs::File {
    let lock = repo.path().join(format!(".git/{name}.lock"));
    fs::create_dir_all(lock.parent().unwrap_or(Path::new("/"))).expect("a folder");
    fs::File::create(lock).expect("a lock")
}

fn unlock(repo: &TestRepo<'_>, name: &str) {
    fs::remove_file(repo.path().join(format!(".git/{name}.lock"))).expect("removed");
}

#[test]
fn one_locked_agent_does_not_block_the_others() {
    let world = world();
    let repo = world.repo();
    let agents: Vec<String> = ["aaa", "mmm", "zzz"]
        .iter()
        .map(|name| {
            let task = "echo 1 > w; exec sleep 300";
            let spawned =
                repo.orchestra(["spawn", "--agent", "sh", "-d", "--name", name, task]).succeeded().line();
            repo.wait_for_file(&spawned, "w");
            spawned
        })
        .collect();
    let stuck = format!("refs/orchestra/agents/{}", agents[0]);
    let _other = foreign_lock(&repo, &stuck);
    repo.orchestra(["pause", "--all"])
        .exits(4)
        .stderr_has(&agents[0])
        .stderr_has("is locked by another program");
    let phases = |repo: &TestRepo<'_>| -> Vec<String> {
        agents.iter().map(|id| repo.agent(id)["phase"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(phases(&repo), ["running", "paused", "paused"]);
    unlock(&repo, &stuck);
    repo.orchestra(["pause", "--all"]).succeeded();
    let _other = foreign_lock(&repo, &stuck);
    let report = repo.orchestra(["resume", "--all", "-d", "--json"]).exits(4).stderr_has(&agents[0]);
    assert!(report.stdout().contains(&agents[2]), "{}", report.stdout());
    for id in &agents[1..] {
        repo.wait_for(id, "running");
    }
    let report = repo.orchestra(["stop", "--all", "--json"]).exits(4).json();
    assert_eq!(report["failed"][0]["id"], agents[0].as_str());
    assert_eq!(phases(&repo), ["paused", "stopped", "stopped"]);
    // For a single agent it is the error itself.
    repo.orchestra(["stop", &agents[0]])
        .exits(4)
        .stderr_has("error: ref '")
        .stderr_has("hint: if no git runs here: rm ");
    let head = format!("refs/orchestra/heads/{}", agents[1]);
    let _other = foreign_lock(&repo, &head);
    unlock(&repo, &stuck);
    let kept =
        repo.orchestra(["cleanup", "--force", "--discard", &agents[1], "--discard", &agents[2], "--json"]);
    let kept = kept.exits(4).json();
    let outcomes: Vec<&str> =
        kept["agents"].as_array().expect("agents").iter().filter_map(|one| one["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["kept", "removed"]);
    unlock(&repo, &head);
}

#[test]
fn waiting_for_a_locked_agent_blocks_no_other_command() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "--name", "a", "true"]).succeeded();
    let id = AgentId::parse(repo.agents()[0]["id"].as_str().expect("an id")).expect("an id");
    let _other = foreign_lock(&repo, &format!("refs/orchestra/agents/{id}"));
    let library = library(&repo);
    let shared = PrivateDir::new(library.private_dir().expect("a folder")).append_lock(&id);
    // The supervisor may hold it for a moment after its agent has ended.
    let _held =
        Lock::take(&shared, std::time::Duration::from_secs(30)).expect("a lock").expect("free in time");
    // It never got as far as waiting for the lock that agents share.
    let refused = append(&library, &id, &[Fact::Stop { reason: None }]).expect_err("locked");
    assert!(refused.message.contains("is locked by another program"), "{refused}");
}

#[test]
fn a_fetch_reports_a_locked_ref() {
    let world = world();
    let origin = world.repo_named("origin");
    world.git(world.dir(), ["init", "-q", "--bare", "hub.git"]);
    origin.git(["remote", "add", "origin", "../hub.git"]);
    origin.git(["push", "-q", "origin", "main"]);
    for name in ["a", "b"] {
        origin.orchestra(["spawn", "--agent", "sh", "--name", name, "echo 1 > w"]).succeeded();
    }
    origin.orchestra(["sync", "--yes"]).succeeded();
    world.git(world.dir(), ["clone", "-q", "hub.git", "clone"]);
    let clone = TestRepo::new(&world, world.dir().join("clone"));
    let locked = origin.agents()[0]["id"].as_str().expect("an id").to_owned();
    let name = format!("refs/orchestra/agents/{locked}");
    let _other = foreign_lock(&clone, &name);
    let ran = clone
        .orchestra(["sync", "--fetch"])
        .exits(4)
        .stderr_has("received 1 agent from origin")
        .stderr_has(&format!("'{name}'"));
    assert!(!ran.stdout().contains(&locked), "{}", ran.stdout());
    assert_eq!(
        clone.refs(&format!("refs/orchestra/heads/{locked}")),
        [],
        "its work is not fetched without its history"
    );
    unlock(&clone, &name);
    clone.orchestra(["sync", "--fetch"]).succeeded().stdout_has(&format!("{locked} is new here"));
    assert_eq!(clone.agents().len(), 2);
}

#[test]
fn a_command_that_a_locked_config_stops_names_the_command_that_helps() {
    let world = world();
    let repo = world.repo();
    let lock = repo.path().join(".git/config.lock");
    let set = ["config", "set", "agent", "sh"];
    let _other = std::fs::File::create(&lock).expect("a lock");
    let refused = repo.orchestra(set).exits(4).stderr_has("'config' is locked by another program");
    let helps = format!("rm {}", lock.display());
    refused.stderr_has(&format!("hint: if no git runs here: {helps}\n"));
    assert!(world.command("sh", repo.path()).args(["-c", &helps]).status().expect("rm").success());
    repo.orchestra(set).succeeded();
    assert_eq!(repo.git(["config", "orchestra.agent"]).line(), "sh");
}
