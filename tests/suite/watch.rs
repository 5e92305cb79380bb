//! Watching, through the library: each change is reported once, however it happens and whenever the reader
//! calls.

use std::time::Duration;

use orchestra::{
    context::Cancel,
    git::Repo,
    model::{AgentId, Liveness, Phase},
    ops::status::Request,
    watch::{Aspect, Change, Cursor, Departure, Filter, Update, Watch},
};
use testkit::TestRepo;

use crate::{library, world};

/// The time limit of a wait for something that is sure to happen.
const TIME_LIMIT: Duration = Duration::from_secs(60);

const UNTIL_GO: &str = "until test -e go; do sleep 0.05; done";

fn of(text: &str) -> AgentId {
    AgentId::parse(text).expect("an id")
}

/// Runs a test with kernel notifications, and with the times of directories.
fn both_ways(repo: &Repo, filter: &Filter, test: impl Fn(Watch)) {
    let cancel = Cancel::never();
    test(Watch::new(&cancel, repo, filter.clone()).expect("a watch"));
    test(Watch::by_polling(&cancel, repo, filter.clone()).expect("a watch"));
}

fn next(watch: &mut Watch) -> Vec<Change> {
    match watch.next(TIME_LIMIT).expect("a look") {
        Update::Changed(changes) => changes,
        other => panic!("{other:?} instead of a change"),
    }
}

/// Returns the changes up to and including the first that `is_it` accepts.
fn until(watch: &mut Watch, what: &str, is_it: impl Fn(&Watch, &Change) -> bool) -> Vec<Change> {
    let mut all = Vec::new();
    for _ in 0..1000 {
        let changes = next(watch);
        let found = changes.iter().any(|change| is_it(watch, change));
        all.extend(changes);
        if found {
            return all;
        }
    }
    panic!("never seen: {what}; but {all:?}");
}

/// Waits until an agent is in a phase, or is already.
fn until_phase(watch: &mut Watch, id: &str, wanted: Phase) {
    if phase(watch, id) != Some(wanted) {
        until(watch, wanted.as_str(), |watch, _| phase(watch, id) == Some(wanted));
    }
}

fn phase(watch: &Watch, id: &str) -> Option<Phase> {
    watch.snapshot().agent(&of(id)).map(|agent| agent.phase)
}

#[test]
fn the_first_snapshot_has_everything_and_the_next_call_waits() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("true");
    repo.end_of(&id);
    both_ways(&library(&repo), &Filter::default(), |mut watch| {
        assert_eq!(next(&mut watch), [Change::Reset]);
        assert_eq!(phase(&watch, &id), Some(Phase::Done));
        assert_eq!(watch.next(Duration::from_millis(50)).expect("a look"), Update::Unchanged);
    });
}

#[test]
fn a_wait_ends_when_another_thread_cancels() {
    let world = world();
    let repo = world.repo();
    for make in [Watch::new, Watch::by_polling] {
        let cancel = Cancel::new().expect("a flag");
        let mut watch = make(&cancel, &library(&repo), Filter::default()).expect("a watch");
        assert_eq!(next(&mut watch), [Change::Reset]);
        let other = std::thread::spawn(move || cancel.cancel());
        assert_eq!(watch.next(TIME_LIMIT).expect("a look"), Update::Cancelled);
        other.join().expect("a thread");
    }
}

#[test]
fn what_changes_between_a_look_and_the_wait_is_reported_without_reading_at_intervals() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo 1 > made");
    repo.end_of(&id);
    let hour = Duration::from_secs(3600);
    both_ways(&library(&repo), &Filter::default(), |watch| {
        let mut watch = watch.with_full_reads_every(hour, hour);
        assert_eq!(next(&mut watch), [Change::Reset]);
        // Each of these happens after a look and before the next wait.
        for (action, verdict, code) in [("--approve", "approve", 0), ("--reject", "reject", 1)] {
            repo.orchestra(["review", &id, action]).exits(code);
            until(&mut watch, verdict, |watch, _| {
                let agent = watch.snapshot().agent(&of(&id));
                agent.and_then(|agent| agent.verdict).is_some_and(|now| now.as_str() == verdict)
            });
        }
        let other = repo.spawn("true");
        until_phase(&mut watch, &other, Phase::Done);
    });
}

#[test]
fn an_agent_is_followed_from_its_start_to_its_end() {
    let world = world();
    let repo = world.repo();
    both_ways(&library(&repo), &Filter::default(), |mut watch| {
        assert_eq!(next(&mut watch), [Change::Reset]);
        let id = repo.spawn(&format!("echo hello; {UNTIL_GO}; echo 1 > made"));
        let parsed = AgentId::parse(&id).expect("an id");
        let printed = |watch: &Watch| watch.snapshot().logs.get(&parsed).is_some_and(|log| log.bytes == 6);
        let changes = until(&mut watch, "its output", |watch, _| printed(watch));
        let appeared = Change::Appeared { agent: of(&id) };
        let grew = Change::LogGrew { agent: of(&id), attempt: 1, bytes: 6 };
        for expected in [appeared, grew] {
            assert_eq!(changes.iter().filter(|change| **change == expected).count(), 1, "{changes:?}");
        }
        std::fs::write(repo.worktree(&id).join("go"), "").expect("a file");
        let changes = until(&mut watch, "its end", |watch, _| phase(watch, &id) == Some(Phase::Done));
        let is_of_it = |change: &Change| match change {
            Change::Changed { agent, aspects } => {
                *agent == of(&id) && aspects.contains(&Aspect::Phase) && aspects.contains(&Aspect::Figures)
            }
            _ => false,
        };
        assert!(changes.iter().any(is_of_it), "{changes:?}");
        assert!(watch.snapshot().agent(&of(&id)).is_some_and(|agent| agent.commits == Some(1)));
    });
}

#[test]
fn a_killed_supervisor_is_detected() {
    let world = world();
    let repo = world.repo();
    let library = library(&repo);
    both_ways(&library, &Filter::default(), |mut watch| {
        let id = repo.spawn(UNTIL_GO);
        let supervisor = repo.wait_for(&id, "running")["supervisor_pid"].to_string();
        next(&mut watch);
        repo.command("kill").args(["-KILL", &supervisor]).status().expect("kill");
        let lost = |watch: &Watch| {
            watch.snapshot().agent(&of(&id)).is_some_and(|agent| agent.liveness == Liveness::Lost)
        };
        until(&mut watch, "it is lost", |watch, _| lost(watch));
        repo.orchestra(["stop", &id]).succeeded();
    });
}

#[test]
fn packed_refs_are_read_as_well_and_change_nothing() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("true");
    repo.end_of(&id);
    both_ways(&library(&repo), &Filter::default(), |mut watch| {
        next(&mut watch);
        repo.git(["pack-refs", "--all"]);
        assert_eq!(watch.next(Duration::from_millis(100)).expect("a look"), Update::Unchanged);
        // The directory of agents is gone; the next agent creates it again.
        let other = repo.spawn("true");
        until(&mut watch, "it appears", |_, change| *change == Change::Appeared { agent: of(&other) });
        until_phase(&mut watch, &other, Phase::Done);
    });
}

#[test]
fn a_cursor_yields_missed_changes_exactly_once() {
    let world = world();
    let repo = world.repo();
    let library = library(&repo);
    let look = |cursor: &Cursor| {
        // As a frontend stores it.
        let kept = serde_json::to_string(cursor).expect("a cursor");
        let cursor: Cursor = serde_json::from_str(&kept).expect("the cursor");
        let mut watch =
            Watch::resume(&Cancel::never(), &library, Filter::default(), cursor).expect("a watch");
        let changes = match watch.next(Duration::ZERO).expect("a look") {
            Update::Changed(changes) => changes,
            Update::Unchanged => Vec::new(),
            Update::Cancelled => panic!("nobody cancelled"),
        };
        assert_eq!(watch.next(Duration::ZERO).expect("a look"), Update::Unchanged);
        (changes, watch.cursor())
    };
    let (changes, cursor) = look(&Cursor::default());
    assert_eq!(changes, []);
    let id = repo.spawn("echo 1 > made");
    repo.end_of(&id);
    let (changes, cursor) = look(&cursor);
    assert_eq!(changes, [Change::Appeared { agent: of(&id) }]);
    assert_eq!(look(&cursor).0, []);
    repo.git(["pack-refs", "--all"]);
    assert_eq!(look(&cursor).0, [], "the tips are the same");
    repo.orchestra(["review", &id, "--approve"]).succeeded();
    let (changes, cursor) = look(&cursor);
    let aspects = vec![Aspect::Verdict, Aspect::Event];
    assert_eq!(changes, [Change::Changed { agent: of(&id), aspects }]);
    repo.orchestra(["merge-ranked", &id]).succeeded();
    let (changes, cursor) = look(&cursor);
    let landed = |change: &Change| match change {
        Change::Changed { aspects, .. } => aspects.contains(&Aspect::Landing),
        _ => false,
    };
    assert!(changes.iter().any(landed), "{changes:?}");
    repo.orchestra(["cleanup"]).succeeded();
    let (changes, cursor) = look(&cursor);
    assert_eq!(changes, [Change::Left { agent: of(&id), how: Departure::Archived }]);
    assert_eq!(look(&cursor).0, []);
}

#[test]
fn a_running_landing_is_reported_until_it_ends() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo 1 > made");
    repo.end_of(&id);
    let filter = Filter { landing: true, ..Filter::default() };
    let mut watch = Watch::new(&Cancel::never(), &library(&repo), filter).expect("a watch");
    next(&mut watch);
    assert_eq!(watch.snapshot().landings, []);
    let go = world.dir().join("go");
    let test = format!("until test -e '{}'; do sleep 0.05; done", go.display());
    let mut landing =
        repo.orchestra_command(["merge-ranked", "--test", &test, &id]).spawn().expect("a landing");
    until(&mut watch, "it begins", |watch, change| {
        *change == Change::Landing && !watch.snapshot().landings.is_empty()
    });
    std::fs::write(go, "").expect("a file");
    until(&mut watch, "it is over", |watch, change| {
        *change == Change::Landing && watch.snapshot().landings.is_empty()
    });
    assert!(landing.wait().expect("an end").success());
}

#[test]
fn a_watch_follows_a_renamed_repository() {
    let world = world();
    let repo = world.repo_named("app");
    let id = repo.spawn(UNTIL_GO);
    repo.wait_for(&id, "running");
    let filter =
        Filter { agents: Request { agents: vec![id.clone()], ..Request::default() }, landing: false };
    let mut watch = Watch::new(&Cancel::never(), &library(&repo), filter).expect("a watch");
    next(&mut watch);
    let new = world.dir().join("new");
    std::fs::rename(repo.path(), &new).expect("renamed");
    let renamed = TestRepo::new(&world, new.clone());
    renamed.orchestra(["stop", &id]).succeeded();
    until_phase(&mut watch, &id, Phase::Stopped);
    assert!(watch.common_dir().starts_with(new.canonicalize().expect("a path")));
    assert!(watch.repo().is_ok());
}

#[test]
fn a_temporarily_unreadable_repository_is_read_again() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("true");
    repo.end_of(&id);
    both_ways(&library(&repo), &Filter::default(), |mut watch| {
        next(&mut watch);
        let (head, aside) = (repo.path().join(".git/HEAD"), repo.path().join(".git/HEAD.aside"));
        std::fs::rename(&head, &aside).expect("renamed");
        std::fs::write(repo.path().join(".git/refs/event"), "").expect("a file");
        assert_eq!(watch.next(Duration::from_millis(100)).expect("a look"), Update::Unchanged);
        std::fs::write(repo.path().join(".git/refs/another"), "").expect("a file");
        assert_eq!(watch.next(Duration::from_millis(100)).expect("a look"), Update::Unchanged);
        std::fs::rename(&aside, &head).expect("renamed");
        for name in ["event", "another"] {
            std::fs::remove_file(repo.path().join(".git/refs").join(name)).expect("removed");
        }
        let other = repo.spawn("true");
        until_phase(&mut watch, &other, Phase::Done);
    });
}
