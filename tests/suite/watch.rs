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
        Filter { agents: Request { agents: vec![id.clone()], ..Request::default() }, ..Filter::default() };
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

/// Returns what a watch shows, without what only says when it was measured.
fn shown(watch: &Watch) -> serde_json::Value {
    serde_json::to_value(watch.snapshot()).expect("JSON")
}

#[test]
fn what_moved_refs_tell_is_what_a_look_at_everything_finds() {
    let world = world();
    let repo = world.repo();
    let library = library(&repo);
    let id = repo.spawn("echo 1 > made");
    repo.end_of(&id);
    let name = |number: u32| format!("refs/orchestra/agents/agent-{number:05}");
    let chain = repo.git(["rev-list", &format!("refs/orchestra/agents/{id}")]).stdout();
    // Of these, some are of an agent that has ended and some of one that has not.
    let tips: Vec<&str> = chain.lines().collect();
    assert!(tips.len() >= 3, "{chain}");
    // More have ended than a list shows.
    let all: String = (0..30).map(|number| format!("{} {}\n", tips[0], name(number))).collect();
    all.lines().for_each(|line| {
        let (tip, name) = line.split_once(' ').expect("a name");
        repo.write(&format!(".git/{name}"), &format!("{tip}\n"));
    });
    let hour = Duration::from_secs(3600);
    let new = || Watch::new(&Cancel::never(), &library, Filter::default()).expect("a watch");
    let mut watch = new().with_full_reads_every(hour, hour);
    next(&mut watch);
    let seed = testkit::times("ORCHESTRA_SEED", 7);
    let mut state = seed;
    let mut random = |below: u64| {
        // The generator of Knuth's MMIX.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut done = Vec::new();
    for _ in 0..testkit::times("ORCHESTRA_SEQUENCES", 6) {
        for _ in 0..=random(3) {
            let agent = name(u32::try_from(random(34)).expect("a number"));
            let tip = tips[usize::try_from(random(tips.len() as u64)).expect("a place")];
            let arguments: Vec<String> = match random(12) {
                0 => vec!["pack-refs".into(), "--all".into()],
                1 => vec!["gc".into(), "-q".into()],
                2 | 3 => vec!["update-ref".into(), "--no-deref".into(), "-d".into(), agent],
                4 => vec!["symbolic-ref".into(), agent, "refs/heads/main".into()],
                5 => {
                    // Written in place, as by hand.
                    repo.write(&format!(".git/{agent}"), &format!("{tip}\n"));
                    vec!["rev-parse".into(), agent]
                }
                6 => {
                    let other = name(u32::try_from(random(34)).expect("a number"));
                    repo.write("moves", &format!("delete {agent}\nupdate {other} {tip}\n"));
                    if agent == other {
                        continue;
                    }
                    let moves = format!(
                        "git update-ref --no-deref --stdin < '{}'",
                        repo.path().join("moves").display()
                    );
                    repo.command("sh").args(["-c", &moves]).status().expect("a shell");
                    done.push(format!("{agent} becomes {other}"));
                    continue;
                }
                _ => vec!["update-ref".into(), "--no-deref".into(), agent, tip.into()],
            };
            repo.git(&arguments);
            done.push(arguments.join(" "));
        }
        let mut full = new();
        next(&mut full);
        let wanted = shown(&full);
        let begun = std::time::Instant::now();
        while shown(&watch) != wanted {
            assert!(
                begun.elapsed() < TIME_LIMIT,
                "seed {seed}: {done:#?}\n{:#}\nbut {wanted:#}",
                shown(&watch)
            );
            watch.next(Duration::from_millis(20)).expect("a look");
        }
    }
    let (full, some) = watch.looks();
    assert!(some > 0 && full > 0, "{full} looks at everything, {some} at some");
}

#[test]
fn one_event_of_one_agent_is_read_without_the_others() {
    let world = world();
    let repo = world.repo();
    let ids: Vec<String> = (0..3).map(|number| repo.spawn(&format!("echo {number} > made"))).collect();
    ids.iter().for_each(|id| drop(repo.end_of(id)));
    let hour = Duration::from_secs(3600);
    let watch = Watch::new(&Cancel::never(), &library(&repo), Filter::default()).expect("a watch");
    let mut watch = watch.with_full_reads_every(hour, hour);
    next(&mut watch);
    let name = format!("refs/orchestra/agents/{}", ids[1]);
    let (tip, before) = (repo.tip(&name), repo.tip(&format!("{name}~1")));
    // What was watched for the first time is read twice.
    assert_eq!(watch.next(Duration::from_millis(100)).expect("a look"), Update::Unchanged);
    let (full, _) = watch.looks();
    for value in [&before, &tip] {
        repo.git(["update-ref", &name, value]);
        let changes = next(&mut watch);
        let is_its =
            |change: &Change| matches!(change, Change::Changed { agent, .. } if agent.as_str() == ids[1]);
        assert!(changes.iter().all(is_its), "{changes:?}");
    }
    assert_eq!(watch.looks(), (full, 2));
    // Anything else is read with everything.
    let other = repo.spawn("true");
    until_phase(&mut watch, &other, Phase::Done);
    assert!(watch.looks().0 > full);
}

#[test]
fn a_gate_that_opens_and_is_answered_is_a_change_of_the_runs() {
    let world = world();
    let repo = world.repo();
    let filter = Filter { runs: true, ..Filter::default() };
    let watch = Watch::new(&Cancel::never(), &library(&repo), filter).expect("a watch");
    let hour = Duration::from_secs(3600);
    let mut watch = watch.with_full_reads_every(hour, hour);
    next(&mut watch);
    repo.write("../todo.md", "- [ ] `one` false\n");
    let plan = repo.path().parent().expect("a folder").join("todo.md");
    let plan = plan.to_string_lossy().into_owned();
    repo.orchestra(["run", "--agent", "sh", "--check", "true", &plan]);
    let gates =
        |watch: &Watch| watch.snapshot().runs.iter().flat_map(|run| run.gates.clone()).collect::<Vec<_>>();
    let is_runs = |change: &Change| *change == Change::Runs;
    until(&mut watch, "a gate opens", |watch, change| is_runs(change) && gates(watch).len() == 1);
    let run = watch.snapshot().runs[0].run.clone();
    repo.orchestra(["decide", &run, "1", "skip", "-m", "not needed"]).succeeded();
    until(&mut watch, "it is answered", |watch, change| {
        is_runs(change) && gates(watch).first().is_some_and(|gate| gate.answers.len() == 1)
    });
    let given = gates(&watch)[0].answers[0].clone();
    assert_eq!((given.option.as_str(), given.note.as_deref(), given.via), ("skip", Some("not needed"), None));
    repo.orchestra(["run", "--continue", &run]);
    until(&mut watch, "it ends", |watch, change| is_runs(change) && watch.snapshot().runs.is_empty());
}
