//! `sync`: both clones end up with the same agents, and nothing is lost on the way.

use std::path::{Path, PathBuf};

use orchestra::sync::consent::{self, GrantedConsent};
use serde_json::Value;
use testkit::{TestRepo, World, until};

use crate::{library, world};

/// Creates a bare repository.
fn hub(world: &World) -> PathBuf {
    let path = world.dir().join("hub.git");
    world.git(world.dir(), ["init", "-q", "--bare", &path.to_string_lossy()]);
    path
}

/// Creates a repository with a hub that has its main branch.
pub(crate) fn first(world: &World) -> TestRepo<'_> {
    let hub = hub(world);
    let repo = world.repo();
    repo.git(["remote", "add", "origin", &hub.to_string_lossy()]);
    repo.git(["push", "-q", "origin", "main"]).succeeded();
    repo.git(["branch", "-q", "--set-upstream-to=origin/main"]);
    agreed(repo, &hub)
}

/// Creates a clone of the hub.
pub(crate) fn clone<'world>(world: &'world World, name: &str) -> TestRepo<'world> {
    let hub = world.dir().join("hub.git");
    let path = world.dir().join(name);
    world.git(world.dir(), ["clone", "-q", &hub.to_string_lossy(), &path.to_string_lossy()]);
    agreed(TestRepo::new(world, path), &hub)
}

/// Records that the user agreed to share everything with the hub.
fn agreed<'world>(repo: TestRepo<'world>, hub: &Path) -> TestRepo<'world> {
    agree(&repo, hub, true);
    repo
}

/// Records that the user agreed to send agents there, with or without their own commits.
pub(crate) fn agree(repo: &TestRepo<'_>, hub: &Path, own_work: bool) {
    let library = library(repo);
    let urls = [hub.to_string_lossy().into_owned()];
    consent::grant(&library, &urls, GrantedConsent { own_work }).expect("written");
}

pub(crate) fn sync(repo: &TestRepo<'_>) -> Value {
    repo.orchestra(["sync", "--json"]).succeeded().json()
}

/// Returns the refs of agents, work and notes of a repository, by plain git.
pub(crate) fn shared(repo: &TestRepo<'_>) -> Vec<(String, String)> {
    repo.refs("refs/orchestra/")
}

pub(crate) fn shared_of_hub(world: &World) -> Vec<(String, String)> {
    let hub = TestRepo::new(world, world.dir().join("hub.git"));
    let refs = shared(&hub);
    std::mem::forget(hub);
    refs
}

/// Returns the number of objects of a repository, loose and packed.
fn objects(repo: &TestRepo<'_>) -> String {
    let all = repo.git(["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]).stdout();
    all.lines().count().to_string()
}

#[test]
fn agent_work_and_result_are_exchanged() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = a.spawn("echo 1 > one.txt");
    a.end_of(&id);
    a.orchestra(["collect"]).succeeded();
    let report = sync(&a);
    assert_eq!(report["sent"].as_array().map(Vec::len), Some(3), "{report}");
    let shown = b.orchestra(["sync"]).succeeded();
    assert_eq!(shown.stdout(), format!("{id} is new here\n"));
    let agent = b.agent(&id);
    assert_eq!((&agent["phase"], &agent["liveness"]), (&"done".into(), &"ended".into()));
    assert_eq!(b.file_in_head(&id, "one.txt"), "1\n");
    assert_eq!((shared(&a), shared(&b)), (shared_of_hub(&world), shared_of_hub(&world)));
    let head = b.tip(&format!("refs/orchestra/heads/{id}"));
    let notes = ["-c", "notes.displayRef=refs/orchestra/notes/*", "show", "-s", "--format=%N", &head];
    assert!(b.git(notes).stdout().contains("\"t\":\"result\""));
    // Without news nothing is created in either repository.
    let before = (objects(&a), objects(&b), shared(&a));
    for repo in [&a, &b] {
        let report = sync(repo);
        assert_eq!(
            (&report["changes"], &report["attempts"]),
            (&serde_json::json!({}), &0.into()),
            "{report}"
        );
    }
    assert_eq!(before, (objects(&a), objects(&b), shared(&a)));
    assert_eq!(a.git(["for-each-ref", "refs/tags"]).stdout(), "");
    assert!(!a.path().join(".git/FETCH_HEAD").exists());
}

#[test]
fn nothing_is_sent_before_the_user_agreed() {
    let world = world();
    let a = first(&world);
    a.git(["config", "--unset-all", "orchestra.shareWith"]);
    let id = a.spawn("true");
    a.end_of(&id);
    let url = world.dir().join("hub.git").to_string_lossy().into_owned();
    let asked = a
        .orchestra(["sync"])
        .exits(3)
        .stderr_has("Send 1 agent (their tasks, commits and reviews; ")
        .stderr_has("--yes");
    assert!(asked.stderr().contains(&format!(") to {url}, now and with every sync?")), "{}", asked.stderr());
    a.orchestra(["sync", "-n"])
        .succeeded()
        .stderr_has("would send 2 refs")
        .stderr_has("sync asks first: Send 1 agent (");
    a.orchestra(["sync", "--fetch"]).succeeded();
    assert!(shared_of_hub(&world).is_empty());
    a.orchestra(["sync", "--yes"]).succeeded();
    assert_eq!(shared_of_hub(&world), shared(&a));
    // After the user agreed once, nothing is asked again, except for another URL.
    a.orchestra(["sync"]).succeeded();
    let other = world.dir().join("other.git");
    world.git(world.dir(), ["init", "-q", "--bare", &other.to_string_lossy()]);
    a.git(["remote", "set-url", "--push", "origin", &other.to_string_lossy()]);
    let more = a.spawn("true");
    a.end_of(&more);
    a.orchestra(["sync"]).exits(3).stderr_has("other.git");
}

#[test]
fn a_remote_stop_takes_effect_at_the_next_sync() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = a.spawn("echo half > half.txt; touch ready; sleep 600");
    a.wait_for_file(&id, "ready");
    sync(&a);
    sync(&b);
    assert_eq!(b.agent(&id)["liveness"], "remote");
    let asked = b.orchestra(["stop", &id, "--json"]).succeeded().json();
    assert_eq!(asked["agents"][0]["outcome"], "asked");
    sync(&b);
    assert_eq!(sync(&a)["changes"][&id], "news");
    assert_eq!(a.end_of(&id)["phase"], "stopped");
    sync(&a);
    assert_eq!(sync(&b)["changes"][&id], "news");
    assert_eq!(
        (b.agent(&id)["phase"].clone(), b.file_in_head(&id, "half.txt")),
        ("stopped".into(), "half\n".into())
    );
}

#[test]
fn diverged_clones_converge_after_the_next_syncs() {
    let world = world();
    let (a, b, c) = (first(&world), clone(&world, "b"), clone(&world, "c"));
    let id = a.spawn("touch ready; while ! test -e go; do sleep 0.05; done");
    a.wait_for_file(&id, "ready");
    for repo in [&a, &b, &c] {
        sync(repo);
    }
    for (repo, why) in [(&b, "enough"), (&c, "too much")] {
        repo.orchestra(["stop", &id, "-m", why]).succeeded();
    }
    a.end_of_after(&id);
    assert_eq!(sync(&c)["changes"], serde_json::json!({}));
    assert_eq!(sync(&b)["changes"][&id], "joined");
    for repo in [&a, &c, &b, &a, &c, &b] {
        sync(repo);
    }
    let all = shared_of_hub(&world);
    for repo in [&a, &b, &c] {
        assert_eq!(shared(repo), all);
    }
    let reasons: Vec<Value> = a.events(&id).into_iter().filter(|fact| fact["t"] == "stop").collect();
    assert_eq!(reasons.len(), 2);
}

trait EndOf {
    fn end_of_after(&self, id: &str);
}

impl EndOf for TestRepo<'_> {
    /// Releases the agent and waits until it has ended.
    fn end_of_after(&self, id: &str) {
        std::fs::write(self.worktree(id).join("go"), "").expect("a file");
        self.end_of(id);
    }
}

#[test]
fn refs_lost_by_the_remote_are_kept_and_can_be_restored() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = a.spawn("echo 1 > one.txt");
    a.end_of(&id);
    sync(&a);
    sync(&b);
    let hub = world.dir().join("hub.git");
    let before = shared(&a);
    let agent = format!("refs/orchestra/agents/{id}");
    let rewound = a.tip(&format!("{agent}~1"));
    // Rewound: it has fewer events than before.
    world.git(&hub, ["update-ref", &agent, &rewound]);
    a.orchestra(["sync"]).succeeded().stderr_has("that it had before").stderr_has("--restore");
    assert_eq!((shared(&a), world.git(&hub, ["rev-parse", &agent]).line()), (before.clone(), rewound));
    a.orchestra(["sync", "--restore"]).succeeded();
    assert_eq!(shared_of_hub(&world), before);
    // Emptied, as by a mirror push of a clone without agents.
    for (name, _) in &before {
        world.git(&hub, ["update-ref", "-d", name]);
    }
    for repo in [&a, &b, &a] {
        repo.orchestra(["sync"]).succeeded().stderr_has("this clone keeps what it has");
        assert_eq!((shared(repo), shared_of_hub(&world)), (before.clone(), vec![]));
    }
    b.orchestra(["sync", "--restore"]).succeeded();
    assert_eq!(shared_of_hub(&world), before);
    let quiet = a.orchestra(["sync"]).succeeded();
    assert!(!quiet.stderr().contains("lost"), "{}", quiet.stderr());
}

#[test]
fn plain_git_can_exchange_agents() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = a.spawn("echo 1 > one.txt");
    a.end_of(&id);
    a.git(["push", "-q", "origin", "refs/orchestra/*:refs/orchestra/*"]).succeeded();
    b.git(["fetch", "-q", "origin", "refs/orchestra/*:refs/orchestra/*"]).succeeded();
    assert_eq!((shared(&b), b.agent(&id)["phase"].clone()), (shared(&a), "done".into()));
    for repo in [&a, &b] {
        assert_eq!(sync(repo)["changes"], serde_json::json!({}));
    }
    // Private refs are not sent.
    assert_eq!(shared_of_hub(&world).len(), 2);
    let hub = TestRepo::new(&world, world.dir().join("hub.git"));
    assert!(hub.refs("refs/orchestra-local").is_empty());
}

#[test]
fn a_copied_clone_gets_its_own_writer_id() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = a.spawn("true");
    a.end_of(&id);
    sync(&a);
    sync(&b);
    // A machine that was copied while it was suspended: the same id and the same fingerprint, as far as the
    // copy can tell.
    let name = |repo: &TestRepo<'_>| {
        let text = std::fs::read_to_string(repo.path().join(".git/orchestra/writer")).unwrap_or_default();
        serde_json::from_str::<Value>(&text)
            .map_or_else(|_| String::new(), |writer| writer["id"].as_str().unwrap_or_default().to_owned())
    };
    let other = b.spawn("true");
    b.end_of(&other);
    let writer = std::fs::read_to_string(b.path().join(".git/orchestra/writer")).expect("a writer");
    let copied = writer.replace(&name(&b), &name(&a));
    std::fs::write(b.path().join(".git/orchestra/writer"), copied).expect("written");
    let (of_a, of_b) = (a.spawn("echo a"), b.spawn("echo b"));
    a.end_of(&of_a);
    b.end_of(&of_b);
    let before = name(&a);
    sync(&b);
    let report =
        a.orchestra(["sync"]).succeeded().stderr_has("another clone writes under the name of this one");
    assert_ne!(name(&a), before, "{}", report.stderr());
    sync(&b);
    assert_eq!((shared(&a), shared(&b)), (shared_of_hub(&world), shared_of_hub(&world)));
    assert_eq!(a.orchestra(["sync"]).succeeded().stderr().matches("another clone").count(), 0);
}

/// Returns the writer id of a clone.
fn writer_of(repo: &TestRepo<'_>) -> String {
    let text = std::fs::read_to_string(repo.path().join(".git/orchestra/writer")).expect("a writer");
    let writer: Value = serde_json::from_str(&text).expect("JSON");
    writer["id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_clone_knows_its_own_events_when_another_one_restores_the_agent() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = a.spawn("echo 1 > one.txt");
    a.end_of(&id);
    sync(&a);
    sync(&b);
    b.orchestra(["review", &id, "--reject", "-m", "no"]).exits(1);
    let before = writer_of(&b);
    for _ in 0..2 {
        sync(&b);
        sync(&a);
        a.orchestra(["cleanup", "--discard", &id]).succeeded();
        sync(&a);
        assert_eq!(sync(&b)["changes"][&id], "archived");
        a.orchestra(["undo"]).succeeded();
        sync(&a);
        let ran = b.orchestra(["sync"]).succeeded();
        assert!(!ran.stderr().contains("another clone"), "{}", ran.stderr());
    }
    assert_eq!(writer_of(&b), before);
    assert_eq!(b.agent(&id)["verdict"], "reject");
}

#[test]
fn events_of_a_copy_are_found_in_its_archive() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = a.spawn("true");
    a.end_of(&id);
    sync(&a);
    sync(&b);
    let other = b.spawn("true");
    b.end_of(&other);
    let (own, theirs) = (writer_of(&a), writer_of(&b));
    let file = b.path().join(".git/orchestra/writer");
    let text = std::fs::read_to_string(&file).expect("a writer");
    std::fs::write(&file, text.replace(&theirs, &own)).expect("written");
    let of_b = b.spawn("echo b");
    b.end_of(&of_b);
    b.orchestra(["cleanup", "--discard", &of_b]).succeeded();
    sync(&b);
    a.orchestra(["sync"]).succeeded().stderr_has("another clone writes under the name of this one");
    assert_ne!(writer_of(&a), own);
    sync(&b);
    let ran = a.orchestra(["sync"]).succeeded();
    assert!(!ran.stderr().contains("another clone"), "{}", ran.stderr());
}

#[test]
fn work_of_a_clone_that_resumed_at_the_same_time_stays_in_sight() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = a.spawn("echo 1 > base.txt");
    a.end_of(&id);
    sync(&a);
    sync(&b);
    for (repo, name) in [(&a, "a"), (&b, "b")] {
        repo.orchestra(["resume", "-d", &id, "-m", &format!("echo 2 > {name}.txt")]).succeeded();
        repo.end_of(&id);
    }
    let own = |repo: &TestRepo<'_>| repo.tip(&format!("refs/orchestra/heads/{id}"));
    let before = [own(&a), own(&b)];
    sync(&a);
    let received = b.orchestra(["sync"]).succeeded();
    received.stderr_has(&format!("two clones worked on '{id}' at once"));
    sync(&a);
    let chosen = own(&a);
    assert_eq!(own(&b), chosen);
    let (loser, winner, lost) = if chosen == before[1] { (&a, &b, &before[0]) } else { (&b, &a, &before[1]) };
    let other = loser.agent(&id)["other_work"][0].clone();
    assert_eq!(
        (other["head"].as_str(), &other["own"], &other["commits"]),
        (Some(lost.as_str()), &true.into(), &1.into())
    );
    let other = winner.agent(&id)["other_work"][0].clone();
    assert_eq!(
        (other["head"].as_str(), &other["own"], &other["commits"]),
        (Some(lost.as_str()), &false.into(), &Value::Null)
    );
    let hint = format!("git merge {} merges it into the current branch", &lost[..10]);
    loser.orchestra(["status"]).succeeded().stderr_has(&hint);
    winner.orchestra(["status"]).succeeded().stderr_has("and not in this clone");
    let landed = loser.orchestra(["merge-ranked", &id]).succeeded();
    assert!(landed.stderr().contains(&hint), "{}", landed.stderr());
    loser.git(["merge", "-q", "--no-edit", lost]).succeeded();
    assert_eq!(loser.agent(&id)["other_work"], Value::Array(Vec::new()));
}

#[test]
fn eight_clones_that_push_at_once_converge() {
    let world = world();
    let a = first(&world);
    let id = a.spawn("touch ready; while ! test -e go; do sleep 0.05; done");
    a.wait_for_file(&id, "ready");
    sync(&a);
    let clones: Vec<TestRepo<'_>> = (0..8).map(|n| clone(&world, &format!("c{n}"))).collect();
    for repo in &clones {
        sync(repo);
    }
    std::thread::scope(|scope| {
        for (n, repo) in clones.iter().enumerate() {
            let id = &id;
            scope.spawn(move || {
                for round in 0..3 {
                    repo.orchestra(["stop", id, "-m", &format!("{n}.{round}")]).succeeded();
                    until("a sync is not outrun", || {
                        let ran = repo.orchestra(["sync"]);
                        assert!([0, 4].contains(&ran.code()), "{}", ran.stderr());
                        (ran.code() == 0).then_some(())
                    });
                }
            });
        }
    });
    for _ in 0..2 {
        for repo in &clones {
            sync(repo);
        }
    }
    let all = shared_of_hub(&world);
    for repo in &clones {
        assert_eq!(shared(repo), all);
        let asked = repo.events(&id).iter().filter(|fact| fact["t"] == "stop").count();
        assert_eq!(asked, 24);
    }
}

#[test]
fn archived_agents_do_not_return() {
    let world = world();
    let (a, b, c) = (first(&world), clone(&world, "b"), clone(&world, "c"));
    let id = a.spawn("echo 1 > one.txt");
    a.end_of(&id);
    for repo in [&a, &b, &c] {
        sync(repo);
    }
    // One of them resumes it meanwhile, offline.
    let other = a.spawn("echo 2 > two.txt");
    a.end_of(&other);
    sync(&a);
    sync(&c);
    c.orchestra(["review", &other, "--approve"]).succeeded();
    a.orchestra(["merge-ranked"]).succeeded();
    a.orchestra(["cleanup"]).succeeded();
    let gone = |repo: &TestRepo<'_>, id: &str| !shared(repo).iter().any(|(name, _)| name.ends_with(id));
    assert!(gone(&a, &id) && gone(&a, &other));
    sync(&a);
    assert_eq!(sync(&b)["changes"][&id], "archived");
    assert!(gone(&b, &id));
    let names: Vec<String> = shared_of_hub(&world).into_iter().map(|(name, _)| name).collect();
    assert!(names.iter().all(|name| !name.contains("/agents/") && !name.contains("/heads/")), "{names:?}");
    // Plain git brings it back there; the next sync of any clone removes it again.
    c.git(["push", "-q", "origin", "refs/orchestra/agents/*:refs/orchestra/agents/*"]).succeeded();
    sync(&c);
    assert!(gone(&c, &id));
    // Later events stay, with all earlier ones.
    assert!(!gone(&c, &other));
    let facts: Vec<String> = c.events(&other).iter().map(|fact| fact["t"].to_string()).collect();
    assert!(facts.contains(&"\"verdict\"".into()) && facts.contains(&"\"landed\"".into()), "{facts:?}");
    for repo in [&a, &b, &c] {
        sync(repo);
        sync(repo);
        assert_eq!(shared(repo), shared_of_hub(&world));
    }
}

#[test]
fn a_stale_lock_on_a_remote_tracking_ref_is_removed() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = a.spawn("true");
    a.end_of(&id);
    sync(&a);
    let folder = b.path().join(".git/refs/orchestra-local/remotes/origin/agents");
    std::fs::create_dir_all(&folder).expect("a folder");
    let lock = folder.join(format!("{id}.lock"));
    std::fs::write(&lock, "").expect("written");
    assert_eq!(sync(&b)["changes"][&id], "new");
    assert!(!lock.exists());
}
