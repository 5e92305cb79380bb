//! The numbers of uncommitted changes in lists: counted while there is time, otherwise as they were known last.

use std::time::Duration;

use orchestra::{
    context::{Context, Limits},
    ops::{
        agent_object::AgentObject,
        status::{self, Request},
    },
};
use testkit::TestRepo;

use crate::{environment, library, world};

/// Changes, removes and adds files, some of them in folders that are new; then says so, and waits.
const WORK: &str = "echo x >> file.txt; echo 1 > new; mkdir -p one/two three; echo 2 > one/a; echo 3 > one/two/b; \
                    echo 4 > three/c; echo ready; while :; do sleep 0.1; done";

/// Reads an agent; counting takes at most `counting`.
fn read(repo: &TestRepo<'_>, id: &str, counting: Duration) -> AgentObject {
    let context = Context::of(&environment(repo)).with_limits(Limits { counting, ..Limits::default() });
    let request = Request { agents: vec![id.to_owned()], dirt: true, ..Request::default() };
    status::run(&context, &library(repo), &request).expect("a report").agents.remove(0)
}

fn take_snapshot(repo: &TestRepo<'_>, id: &str) {
    let common = repo.path().join(".git").display().to_string();
    repo.orchestra(["supervise", "snapshot", &common, id]).succeeded();
}

#[test]
fn without_time_to_count_the_last_known_number_is_reported_with_its_time() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn(WORK);
    repo.wait_for_output(&id, "ready");
    let (long, none) = (Duration::from_secs(60), Duration::ZERO);
    let unknown = read(&repo, &id, none);
    assert_eq!((unknown.dirty, unknown.dirty_at), (None, None), "it was never counted");

    let counted = read(&repo, &id, long);
    assert_eq!(counted.dirty, Some(4), "a changed file, a new one, and two new folders");

    take_snapshot(&repo, &id);
    let by_snapshot = read(&repo, &id, none);
    assert_eq!(by_snapshot.dirty, counted.dirty, "the snapshot has the same changes");
    let snapshot = format!("refs/orchestra-local/snapshots/{id}");
    let taken: i64 = repo.git(["log", "-1", "--format=%ct", &snapshot]).line().parse().expect("seconds");
    assert_eq!(by_snapshot.dirty_at.map(|at| at.as_second()), Some(taken));

    // What a list counted later is newer; without the file with it, the answer is that of the snapshot again.
    let file = repo.path().join(".git/orchestra/last-counts.json");
    let now = environment(&repo).now();
    let known = format!(r#"{{"agents":{{"{id}":{{"turn":3,"count":{{"changes":5,"at":"{now}"}}}}}}}}"#);
    std::fs::write(&file, known).expect("written");
    let by_list = read(&repo, &id, none);
    assert_eq!((by_list.dirty, by_list.dirty_at), (Some(5), Some(now)));
    for damaged in [Some("{\"agents\":"), Some(""), None] {
        match damaged {
            Some(text) => std::fs::write(&file, text).expect("written"),
            None => std::fs::remove_file(&file).expect("removed"),
        }
        assert_eq!(read(&repo, &id, none).dirty_at, by_snapshot.dirty_at, "{damaged:?}");
    }
    assert_eq!(read(&repo, &id, long).dirty, counted.dirty);
    repo.orchestra(["stop", &id]).succeeded();
}

#[test]
fn a_detached_spawn_counts_nothing_and_a_status_counts() {
    let world = world();
    let repo = world.repo();
    let started = repo.orchestra(["spawn", "--agent", "sh", "--detach", "--json", WORK]).succeeded().json();
    let id = started["agents"][0]["id"].as_str().expect("an id").to_owned();
    assert!(started["agents"][0]["dirty"].is_null() && started["agents"][0]["dirty_at"].is_null());
    repo.wait_for_output(&id, "ready");
    let agent = repo.agent(&id);
    assert_eq!(agent["dirty"], 4);
    assert!(agent["dirty_at"].is_string());
    repo.orchestra(["stop", &id]).succeeded();
}
