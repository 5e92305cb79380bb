//! `sync` of many agents: they are sent by pattern, exactly as they were checked, and nothing of that stays behind.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use orchestra::{
    model::{AgentId, Fact},
    store,
};
use testkit::{Ran, TestRepo, World};

use crate::{
    library,
    sync::{clone, first, shared, shared_of_hub, sync},
    world,
};

/// More agents than are sent by their names.
const MANY: usize = 40;

/// Gives the log and the work of an ended agent to many others, and returns the ids of all.
fn many(repo: &TestRepo<'_>) -> Vec<String> {
    let id = repo.spawn("echo x > made");
    repo.end_of(&id);
    let of = |kind: &str| repo.tip(&format!("refs/orchestra/{kind}/{id}"));
    let (log, work) = (of("agents"), of("heads"));
    let ids: Vec<String> = (0..MANY).map(|n| format!("many{n}-00000")).collect();
    for id in &ids {
        repo.git(["update-ref", &format!("refs/orchestra/agents/{id}"), &log]).succeeded();
        repo.git(["update-ref", &format!("refs/orchestra/heads/{id}"), &work]).succeeded();
    }
    ids.into_iter().chain([id]).collect()
}

/// Syncs, and returns the lines of the trace about `git push`.
fn traced(repo: &TestRepo<'_>) -> Vec<String> {
    let file = repo.world().dir().join("trace");
    Ran::of(repo.orchestra_command(["sync"]).env("ORCHESTRA_TRACE", &file)).succeeded();
    let trace = fs::read_to_string(&file).expect("a trace");
    fs::remove_file(&file).expect("removed");
    trace.lines().filter(|line| line.contains("git --no-pager push")).map(str::to_owned).collect()
}

/// Appends an event.
fn stop(repo: &TestRepo<'_>, id: &str, reason: &str) {
    let id = AgentId::parse(id).expect("an id");
    store::append(&library(repo), &id, &[Fact::Stop { reason: Some(reason.to_owned()) }]).expect("appended");
}

fn outgoing(repo: &TestRepo<'_>) -> Vec<(String, String)> {
    repo.refs("refs/orchestra-local/outgoing/")
}

/// Writes a hook that runs after git read the refs of both sides, and before it sends anything.
fn pre_push(repo: &TestRepo<'_>, script: &str) -> PathBuf {
    let hook = repo.path().join(".git/hooks/pre-push");
    fs::create_dir_all(hook.parent().expect("a folder")).expect("a folder");
    fs::write(&hook, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("executable");
    hook
}

#[test]
fn many_agents_are_sent_by_one_pattern_of_each_kind() {
    let world = world();
    let a = first(&world);
    let ids = many(&a);
    let pushes = traced(&a);
    assert_eq!(pushes.len(), 1, "{pushes:?}");
    assert!(ids.iter().all(|id| !pushes[0].contains(id.as_str())), "{pushes:?}");
    for kind in ["agents", "heads"] {
        assert!(pushes[0].contains(&format!("/{kind}/*:refs/orchestra/{kind}/*")), "{pushes:?}");
    }
    assert_eq!(shared_of_hub(&world), shared(&a));
    assert_eq!(shared(&a).len(), 2 * ids.len());
    assert!(outgoing(&a).is_empty());
    // The tracking refs are those of a fetch, so that nothing is left to do.
    let tracked = a.refs("refs/orchestra-local/remotes/origin/");
    assert_eq!(tracked.len(), 2 * ids.len());
    a.git(["fsck", "--strict"]).succeeded();
    a.git(["pack-refs", "--all"]).succeeded();
    assert!(traced(&a).is_empty());
    // A new clone gets all of them, its refs are those of git, and it sends nothing.
    let b = clone(&world, "b");
    assert!(traced(&b).is_empty());
    assert_eq!(shared(&b), shared(&a));
    assert_eq!(b.agents().len(), ids.len());
    // Many new refs are one write, and no file for each.
    let files = fs::read_dir(b.path().join(".git/refs/orchestra/agents")).map_or(0, Iterator::count);
    assert_eq!(files, 0);
    b.git(["fsck", "--strict"]).succeeded();
}

#[test]
fn lost_and_damaged_caches_change_nothing() {
    let world = world();
    let a = first(&world);
    let ids = many(&a);
    sync(&a);
    let folder = a.path().join(".git/orchestra");
    let damages: [fn(&Path); 3] = [
        |file| drop(fs::remove_file(file)),
        |file| fs::write(file, "\u{1}nonsense").expect("written"),
        |file| {
            let bytes = fs::read(file).unwrap_or_default();
            fs::write(file, &bytes[..bytes.len() / 2]).expect("written");
        },
    ];
    // Composed of parts, since sources must not contain what looks like a secret.
    let token = format!("ghp{}aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6", "_");
    for (at, damage) in damages.into_iter().enumerate() {
        let held = &ids[at];
        for id in &ids[damages.len()..] {
            stop(&a, id, "again");
        }
        stop(&a, held, &token);
        for name in ["cache", "scanned", "sound-trees", "refused"] {
            damage(&folder.join(name));
        }
        a.orchestra(["sync"]).stderr_has(held);
        let differs: Vec<String> = {
            let there = shared_of_hub(&world);
            shared(&a).into_iter().filter(|one| !there.contains(one)).map(|(name, _)| name).collect()
        };
        let expected: Vec<String> = {
            let mut held: Vec<String> =
                ids[..=at].iter().map(|id| format!("refs/orchestra/agents/{id}")).collect();
            held.sort();
            held
        };
        assert_eq!(differs, expected);
    }
}

#[test]
fn few_agents_are_sent_by_their_names() {
    let world = world();
    let a = first(&world);
    let id = a.spawn("echo x > made");
    a.end_of(&id);
    let pushes = traced(&a);
    assert_eq!(pushes.len(), 1, "{pushes:?}");
    assert!(pushes[0].contains(&format!(":refs/orchestra/agents/{id}")), "{pushes:?}");
    assert_eq!(shared_of_hub(&world), shared(&a));
}

#[test]
fn what_another_clone_changed_meanwhile_is_merged_and_not_replaced() {
    let world = world();
    let a = first(&world);
    let ids = many(&a);
    let id = ids.last().expect("an id");
    let (log, hub) = (format!("refs/orchestra/agents/{id}"), world.dir().join("hub.git"));
    sync(&a);
    let b = clone(&world, "b");
    sync(&b);
    stop(&b, id, "theirs");
    ids.iter().for_each(|id| stop(&a, id, "ours"));
    // Clone b is faster by one ref.
    let once = world.dir().join("once");
    let script = format!(
        "[ -e '{0}' ] && exit 0; : > '{0}'; cd '{1}' && env -i PATH=\"$PATH\" git push -q '{2}' '{log}'",
        once.display(),
        b.path().display(),
        hub.display()
    );
    pre_push(&a, &script);
    let pushes = traced(&a);
    assert!(once.exists() && pushes.len() == 2, "{pushes:?}");
    assert_eq!(shared_of_hub(&world), shared(&a));
    let reasons: Vec<_> = a.events(id).iter().map(|event| event["reason"].clone()).collect();
    assert!(reasons.contains(&"ours".into()) && reasons.contains(&"theirs".into()), "{reasons:?}");
    assert!(outgoing(&a).is_empty());
}

#[test]
fn what_a_killed_sync_left_is_removed_and_never_sent() {
    let world = world();
    let a = first(&world);
    let ids = many(&a);
    // The parent of the hook is git, and its parent the sync.
    let hook = pre_push(&a, "kill -9 $(ps -o ppid= -p $PPID) $PPID");
    a.orchestra(["sync"]);
    fs::remove_file(&hook).expect("removed");
    assert!(!outgoing(&a).is_empty() && shared_of_hub(&world).is_empty());
    a.orchestra(["status", "--all"]).succeeded();
    let left = outgoing(&a).len();
    a.orchestra(["cleanup", "--dry-run"]).succeeded();
    assert_eq!(outgoing(&a).len(), left, "a dry run changes nothing");
    a.orchestra(["cleanup"]);
    assert!(outgoing(&a).is_empty());
    // A leftover with a name of its own is not sent by the pattern of a later sync.
    let main = a.tip("main");
    let left = "refs/orchestra-local/outgoing/origin/0011223344556677/agents/left-00000";
    a.git(["update-ref", left, &main]).succeeded();
    sync(&a);
    assert!(outgoing(&a).is_empty());
    assert_eq!(shared_of_hub(&world), shared(&a));
    assert_eq!(shared(&a).len(), 2 * ids.len());
}

#[test]
fn an_agent_with_a_secret_stays_here_and_the_others_are_sent() {
    let world: World = world();
    let a = first(&world);
    let ids = many(&a);
    // Composed of parts, since sources must not contain what looks like a secret.
    let token = format!("ghp{}aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6", "_");
    let held = a.spawn(&format!("echo {token} > made"));
    a.end_of(&held);
    a.orchestra(["sync"]).stderr_has(&held);
    let there = shared_of_hub(&world);
    assert_eq!(there.len(), 2 * ids.len());
    assert!(there.iter().all(|(name, _)| !name.ends_with(&held)), "{there:?}");
    assert!(outgoing(&a).is_empty());
}
