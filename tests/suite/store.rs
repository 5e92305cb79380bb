//! The store, through the library: chains that were written independently are joined, in any order, with
//! the same result.

use orchestra::{
    git::{Oid, Repo, objects::Commit, repo::Identity},
    model::{
        AgentId, Event, Fact, Phase,
        event::{self, Created},
        fold::Fold,
    },
    store::{Chain, commit, join::join},
};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::{environment, library, world};

const ID: &str = "joined-00000";

fn id() -> AgentId {
    AgentId::parse(ID).expect("an id")
}

fn identity() -> Identity {
    Identity { name: "W".into(), email: "w@example.com".into() }
}

/// Adds one event to a chain, as a writer would that knows only this chain.
fn extend(repo: &Repo, tip: Option<Oid>, writer: &str, fact: &Fact) -> Oid {
    let chain = tip.map(|tip| Chain::read(repo, &[tip]).expect("a chain")).unwrap_or_default();
    let event = Event::new(fact, chain.lamport() + 1, jiff_epoch(), writer).expect("an event");
    let before = chain.fold().agent;
    let after = orchestra::model::fold::fold(chain.events.iter().chain([&event])).agent;
    let message = commit::message(&id(), Some(&before), &[event], &after, writer);
    repo.write_commit(&Commit::by(&identity(), 0, Oid::EMPTY_TREE, tip.into_iter().collect(), message))
        .expect("written")
}

fn jiff_epoch() -> orchestra::world::Timestamp {
    "2026-11-21T00:00:00Z".parse().expect("a time")
}

fn root(repo: &Repo) -> Oid {
    let created = Created { title: "t".into(), branch: "b".into(), ..Created::default() };
    extend(repo, None, "a", &Fact::Created(created))
}

fn fact(kind: u8, attempt: u32) -> Fact {
    match kind % 3 {
        0 => Fact::Stop { reason: None },
        1 => Fact::Phase(event::PhaseChange::new(attempt, Phase::Starting)),
        _ => Fact::Phase(event::PhaseChange::new(attempt, Phase::Running).because("x")),
    }
}

/// A step of a schedule.
#[derive(Clone, Debug)]
enum Step {
    /// A clone writes an event.
    Write { clone: usize, kind: u8, attempt: u32 },
    /// A clone fetches what another one has.
    Meet { clone: usize, other: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0usize..3, any::<u8>(), 1u32..3).prop_map(|(clone, kind, attempt)| Step::Write {
            clone,
            kind,
            attempt
        }),
        (0usize..3, 0usize..3).prop_map(|(clone, other)| Step::Meet { clone, other }),
    ];
    prop::collection::vec(step, 0..20)
}

fn folded(repo: &Repo, tip: Oid) -> Fold {
    Chain::read(repo, &[tip]).expect("a chain").fold()
}

/// Checks a property on a repository that all cases share: each case writes only to memory.
fn holds<S: Strategy>(strategy: &S, property: impl Fn(&Repo, S::Value) -> Result<(), TestCaseError>) {
    let world = world();
    let fixture = world.repo();
    let config = ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() };
    let outcome =
        TestRunner::new(config).run(strategy, |value| property(&library(&fixture).in_memory(), value));
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Three clones write and sync at random; then they sync pairwise in a ring, without a hub, until nothing
/// changes: all end at one tip, with every event, and another round creates nothing.
#[test]
fn three_clones_in_a_ring_converge() {
    holds(&steps(), |repo, steps| {
        let mut tips = [root(repo); 3];
        let mut written = 1;
        for step in steps {
            match step {
                Step::Write { clone, kind, attempt } => {
                    tips[clone] =
                        extend(repo, Some(tips[clone]), ["a", "b", "c"][clone], &fact(kind, attempt));
                    written += 1;
                }
                Step::Meet { clone, other } => {
                    tips[clone] = join(repo, &id(), tips[clone], tips[other]).expect("joined");
                }
            }
        }
        for round in 0.. {
            let before = tips;
            for clone in 0..3 {
                tips[clone] = join(repo, &id(), tips[clone], tips[(clone + 1) % 3]).expect("joined");
            }
            if before == tips {
                break;
            }
            prop_assert!(round < 4, "they go on joining");
        }
        prop_assert!(tips[0] == tips[1] && tips[1] == tips[2]);
        let chain = Chain::read(repo, &[tips[0]]).expect("a chain");
        let mut ids: Vec<_> = chain.events.iter().map(|event| event.id).collect();
        ids.sort_unstable();
        ids.dedup();
        // Two clones may write exactly the same event, which counts once.
        prop_assert!(ids.len() <= written && chain.events.len() == written);
        Ok(())
    });
}

/// However a set of divergent chains is joined, two at a time, the state is the same.
#[test]
fn any_tree_of_joins_folds_to_the_same_state() {
    let kinds = prop::collection::vec((any::<u8>(), 1u32..3), 2..6);
    let picks = prop::collection::vec(any::<u8>(), 8);
    holds(&(kinds, picks), |repo, (kinds, picks)| {
        let start = root(repo);
        let chains: Vec<Oid> = kinds
            .iter()
            .enumerate()
            .map(|(at, (kind, attempt))| extend(repo, Some(start), &format!("w{at}"), &fact(*kind, *attempt)))
            .collect();
        let in_order =
            chains.iter().copied().reduce(|a, b| join(repo, &id(), a, b).expect("joined")).expect("a tip");
        let mut open = chains;
        for pick in picks.iter().cycle() {
            if open.len() == 1 {
                break;
            }
            let first = open.swap_remove(usize::from(*pick) % open.len());
            let second = open.swap_remove(usize::from(*pick / 3) % open.len());
            open.push(join(repo, &id(), first, second).expect("joined"));
        }
        prop_assert_eq!(folded(repo, in_order), folded(repo, open[0]));
        Ok(())
    });
}

#[test]
fn a_join_is_the_same_commit_on_every_machine() {
    let world = world();
    let fixture = world.repo();
    let repo = library(&fixture).in_memory();
    let start = root(&repo);
    let a = extend(&repo, Some(start), "a", &fact(0, 1));
    let b = extend(&repo, Some(start), "b", &fact(1, 1));
    let joined = join(&repo, &id(), a, b).expect("joined");
    assert_eq!(joined, join(&repo, &id(), b, a).expect("joined"));
    let commit = repo.read_commit(joined).expect("a commit");
    assert_eq!(commit.parents, [a.min(b), a.max(b)]);
    // A chain that is contained in the other needs no join.
    assert_eq!(join(&repo, &id(), joined, a).expect("joined"), joined);
    assert_eq!(join(&repo, &id(), start, joined).expect("joined"), joined);
}

#[test]
fn events_are_appended_by_many_threads_and_none_is_lost() {
    let world = world();
    let fixture = world.repo().with_identity();
    fixture.orchestra(["spawn", "--agent", "sh", "true"]).succeeded();
    let id = AgentId::parse(fixture.agents()[0]["id"].as_str().expect("an id")).expect("an id");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (here, id) = (environment(&fixture), &id);
            scope.spawn(move || {
                for n in 0..10 {
                    let repo = Repo::discover(&here).expect("a repository");
                    let reason = Some(format!("{thread}.{n}"));
                    orchestra::store::append(&repo, id, &[Fact::Stop { reason }]).expect("appended");
                }
            });
        }
    });
    let repo = library(&fixture);
    let chain = Chain::of_agent(&repo, &id).expect("a chain");
    let mut lamports: Vec<u64> = chain.events.iter().map(|event| event.lamport).collect();
    lamports.sort_unstable();
    assert_eq!(lamports, (1..=44).collect::<Vec<u64>>(), "one after the other, without a gap");
}

#[test]
fn malformed_and_newer_events_are_skipped_or_kept() {
    let world = world();
    let fixture = world.repo();
    fixture.orchestra(["spawn", "--agent", "sh", "true"]).succeeded();
    let (name, tip) = fixture.refs("refs/orchestra/agents/").remove(0);
    let id = AgentId::parse(name.rsplit('/').next().expect("an id")).expect("an id");
    let tree = fixture.git(["rev-parse", &format!("{tip}^{{tree}}")]).line();
    let body = "odd\n\n{\"broken\":1.5}\n{\"at\":\"2026-11-21T00:00:00Z\",\"l\":90,\"t\":\"hologram\",\"v\":1,\"w\":\"b\"}\n";
    let commit = fixture.git(["commit-tree", &tree, "-p", &tip, "-m", body]).line();
    fixture.git(["update-ref", &name, &commit]);
    let repo = library(&fixture);
    let chain = Chain::of_agent(&repo, &id).expect("a chain");
    assert_eq!((chain.set_aside.len(), chain.fold().newer), (1, 1));
    assert_eq!(fixture.agent(id.as_str())["phase"], "done");
    let refused =
        orchestra::store::append(&repo, &id, &[Fact::Stop { reason: None }]).expect_err("read-only");
    assert!(refused.message.contains("newer git orchestra"), "{refused}");
}
