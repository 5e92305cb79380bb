//! The changes between two looks. Pure: no repository, no clock.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::Fields;
use crate::{
    git::Oid,
    model::{AgentId, Liveness},
};

/// One change since the previous look. It says what is different; the new state is in the
/// [`Snapshot`](super::Snapshot) that comes with it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// Everything may have changed, or this is the first look.
    Reset,
    /// An agent came into view.
    Appeared {
        /// The id of the agent.
        agent: AgentId,
    },
    /// An agent changed.
    Changed {
        /// The id of the agent.
        agent: AgentId,
        /// What changed about it; never empty, without duplicates.
        aspects: Vec<Aspect>,
    },
    /// An agent is no longer in view.
    Left {
        /// The id of the agent.
        agent: AgentId,
        /// Why it is no longer in view.
        how: Departure,
    },
    /// An agent printed something.
    LogGrew {
        /// The id of the agent.
        agent: AgentId,
        /// The attempt that printed it.
        attempt: u32,
        /// The size of the output now, in bytes.
        bytes: u64,
    },
    /// A landing began, made a step, or ended.
    Landing,
    /// A run of a plan began, made a step, or ended; or a gate of one opened, or was answered.
    Runs,
    /// The list of unreadable agents or the number of hidden ones changed.
    Listing,
}

/// The part of an agent that changed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// Its phase, attempt, times, and exit code, and the reason for the phase.
    Phase,
    /// Whether its supervisor is alive.
    Liveness,
    /// What it waits for: an answer, a place in the queue, the end of a usage limit.
    Waiting,
    /// Commits, changed lines, cost, tokens.
    Figures,
    /// What it is doing now.
    Activity,
    /// The verdict on its work.
    Verdict,
    /// Whether its work landed, or why it did not.
    Landing,
    /// The path of its worktree, and whether it exists.
    Worktree,
    /// The ids of its processes.
    Processes,
    /// Its newest event.
    Event,
    /// Any other field of its report.
    Other,
}

impl Aspect {
    /// Returns the aspect that a JSON field of an agent belongs to.
    fn of(field: &str) -> Self {
        match field {
            "phase" | "reason" | "exit_code" | "started_at" | "ended_at" | "ran_seconds" | "last_words"
            | "attempt" => Self::Phase,
            "liveness" => Self::Liveness,
            "waiting" | "choice" | "after" | "queue_position" | "limit" | "cap" | "shortage" => Self::Waiting,
            "commits" | "files_changed" | "insertions" | "deletions" | "head" | "dirty" | "left_out"
            | "cost_usd" | "input_tokens" | "output_tokens" | "turns" | "denials" => Self::Figures,
            "activity" => Self::Activity,
            "verdict" | "verdict_current" | "proposed_verdict" => Self::Verdict,
            "merged" | "landed_in" | "landed_now" | "failed_check" | "set_aside" => Self::Landing,
            "worktree" | "worktree_state" => Self::Worktree,
            "pid" | "supervisor_pid" | "orphans" | "memory_bytes" => Self::Processes,
            "told_at" => Self::Event,
            _ => Self::Other,
        }
    }

    /// Returns whether its earlier value can be derived from the events. Only the machine knows the others, and only at present.
    const fn is_in_events(self) -> bool {
        !matches!(self, Self::Liveness | Self::Activity | Self::Worktree | Self::Processes)
    }
}

/// Why an agent is no longer in view.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Departure {
    /// It was archived; its last state can still be read.
    Archived,
    /// It was removed from this clone.
    Removed,
    /// It still exists, but the request no longer covers it, for instance because newer agents have ended since.
    Hidden,
}

/// The state of one agent at one look.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ObservedAgent {
    pub(super) tip: Option<Oid>,
    pub(super) liveness: Liveness,
    pub(super) fields: Fields,
    pub(super) log: Option<(u32, u64)>,
}

/// The state of everything in view at one look.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Observation {
    pub(super) agents: BTreeMap<AgentId, ObservedAgent>,
    /// The newest commits of the unfinished landings.
    pub(super) landings: Vec<Oid>,
    /// The runs of plans that have not ended, as in JSON.
    pub(super) runs: Value,
    /// Everything that does not belong to a single agent, as in JSON.
    pub(super) listing: Value,
}

/// Where the earlier look comes from, and so how much of it can be compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum LookSource {
    /// This watcher saw all of it.
    Observed,
    /// It was derived from the events. It lacks what only the machine knew at that time.
    FromEvents,
}

/// Returns the changes from `before` to `now`. `departure` says why an agent is no longer in view.
pub(super) fn changes_between(
    before: &Observation,
    now: &Observation,
    source: LookSource,
    departure: impl Fn(&AgentId) -> Departure,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for (id, seen) in &now.agents {
        let agent = id.clone();
        match before.agents.get(id) {
            None => changes.push(Change::Appeared { agent }),
            Some(was) => {
                let aspects = changed_aspects(was, seen, source);
                if !aspects.is_empty() {
                    changes.push(Change::Changed { agent, aspects });
                }
            }
        }
        let known = before.agents.get(id).and_then(|was| was.log);
        let grew = |log: &(u32, u64)| log.1 > 0 && known.is_none_or(|known| *log > known);
        if let Some((attempt, bytes)) = seen.log.filter(grew) {
            changes.push(Change::LogGrew { agent: id.clone(), attempt, bytes });
        }
    }
    for id in before.agents.keys().filter(|id| !now.agents.contains_key(id)) {
        changes.push(Change::Left { agent: id.clone(), how: departure(id) });
    }
    if before.landings != now.landings {
        changes.push(Change::Landing);
    }
    if source == LookSource::Observed && before.runs != now.runs {
        changes.push(Change::Runs);
    }
    if source == LookSource::Observed && before.listing != now.listing {
        changes.push(Change::Listing);
    }
    changes
}

fn changed_aspects(was: &ObservedAgent, now: &ObservedAgent, source: LookSource) -> Vec<Aspect> {
    let mut aspects: Vec<Aspect> =
        was.fields.differing(&now.fields).iter().map(|name| Aspect::of(name)).collect();
    if source == LookSource::FromEvents {
        aspects.retain(|aspect| aspect.is_in_events());
        aspects.extend((was.liveness != now.liveness).then_some(Aspect::Liveness));
        // The tip moved, so there is at least a new event.
        aspects.extend((was.tip != now.tip).then_some(Aspect::Event));
        if was.tip == now.tip {
            aspects.retain(|aspect| *aspect == Aspect::Liveness);
        }
    }
    aspects.sort_unstable();
    aspects.dedup();
    aspects
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn id(name: &str) -> AgentId {
        AgentId::parse(&format!("{name}-00000")).unwrap()
    }

    fn oid(number: u8) -> Oid {
        Oid::parse(&format!("{number:040x}")).unwrap()
    }

    fn seen(fields: &Value, log: Option<(u32, u64)>) -> ObservedAgent {
        let fields = Fields::of(fields.as_object().unwrap().clone());
        ObservedAgent { tip: Some(oid(1)), liveness: Liveness::Live, fields, log }
    }

    fn look(agents: &[(&str, ObservedAgent)]) -> Observation {
        let agents = agents.iter().map(|(name, seen)| (id(name), seen.clone())).collect();
        Observation { agents, ..Observation::default() }
    }

    fn found(before: &Observation, now: &Observation) -> Vec<Change> {
        changes_between(before, now, LookSource::Observed, |_| Departure::Archived)
    }

    #[test]
    fn each_difference_is_one_change() {
        let changed = |aspects: &[Aspect]| Change::Changed { agent: id("a"), aspects: aspects.to_vec() };
        let grew = |attempt, bytes| Change::LogGrew { agent: id("a"), attempt, bytes };
        for (before, now, expected) in [
            ((json!({}), None), (json!({}), None), vec![]),
            (
                (json!({"phase": "running", "told_at": 1}), None),
                (json!({"phase": "done", "told_at": 2, "exit_code": 0}), None),
                vec![changed(&[Aspect::Phase, Aspect::Event])],
            ),
            ((json!({"commits": 1}), None), (json!({"commits": 2}), None), vec![changed(&[Aspect::Figures])]),
            (
                (json!({"verdict": null}), None),
                (json!({"verdict": "approve"}), None),
                vec![changed(&[Aspect::Verdict])],
            ),
            ((json!({}), None), (json!({"landed_in": "main"}), None), vec![changed(&[Aspect::Landing])]),
            ((json!({}), None), (json!({"made_up": 1}), None), vec![changed(&[Aspect::Other])]),
            ((json!({}), None), (json!({}), Some((1, 0))), vec![]),
            ((json!({}), None), (json!({}), Some((1, 5))), vec![grew(1, 5)]),
            ((json!({}), Some((1, 5))), (json!({}), Some((1, 5))), vec![]),
            ((json!({}), Some((1, 5))), (json!({}), Some((1, 9))), vec![grew(1, 9)]),
            ((json!({}), Some((1, 5))), (json!({}), Some((2, 1))), vec![grew(2, 1)]),
            // The output was stored, and its file removed.
            ((json!({}), Some((1, 5))), (json!({}), None), vec![]),
        ] {
            let (before, now) =
                (look(&[("a", seen(&before.0, before.1))]), look(&[("a", seen(&now.0, now.1))]));
            assert_eq!(found(&before, &now), expected);
        }
    }

    #[test]
    fn agents_and_landings_appear_and_leave() {
        let one = look(&[("a", seen(&json!({}), None))]);
        let other = look(&[("b", seen(&json!({}), None))]);
        let left = Change::Left { agent: id("a"), how: Departure::Archived };
        assert_eq!(found(&one, &other), [Change::Appeared { agent: id("b") }, left]);
        let landing = Observation { landings: vec![oid(7)], ..one.clone() };
        assert_eq!(found(&one, &landing), [Change::Landing]);
        assert_eq!(found(&landing, &one), [Change::Landing]);
        let run = Observation { runs: json!([{"run": "r"}]), ..one.clone() };
        assert_eq!(found(&one, &run), [Change::Runs]);
        let other = Observation { listing: json!({"hidden": 3}), ..one.clone() };
        assert_eq!(found(&one, &other), [Change::Listing]);
    }

    #[test]
    fn a_look_derived_from_events_compares_only_their_aspects() {
        let was = seen(&json!({"phase": "running", "worktree": null, "pid": 1}), None);
        let now = seen(&json!({"phase": "done", "worktree": "/there", "pid": null}), None);
        let moved = ObservedAgent { tip: Some(oid(2)), ..now.clone() };
        for (now, expected) in [
            (now.clone(), vec![]),
            (ObservedAgent { liveness: Liveness::Lost, ..now }, vec![Aspect::Liveness]),
            (moved, vec![Aspect::Phase, Aspect::Event]),
        ] {
            assert_eq!(changed_aspects(&was, &now, LookSource::FromEvents), expected);
        }
    }

    fn any_look() -> impl Strategy<Value = Observation> {
        let field = prop::sample::select(vec!["phase", "commits", "activity", "told_at", "new"]);
        let fields = prop::collection::btree_map(field, 0..3_i32, 0..4);
        let agent = (fields, prop::option::of((Just(1_u32), 0..4_u64)));
        let name = prop::sample::select(vec!["a", "b", "c"]);
        prop::collection::btree_map(name, agent, 0..4).prop_map(|agents| {
            let agents: Vec<_> =
                agents.into_iter().map(|(name, (fields, log))| (name, seen(&json!(fields), log))).collect();
            look(&agents)
        })
    }

    proptest! {
        #[test]
        fn every_difference_is_reported_once_and_nothing_else(one in any_look(), other in any_look()) {
            prop_assert!(found(&one, &one).is_empty());
            let changes = found(&one, &other);
            for id in one.agents.keys().chain(other.agents.keys()) {
                let of_it = |change: &&Change| match change {
                    Change::Appeared { agent } | Change::Changed { agent, .. } | Change::Left { agent, .. } => agent == id,
                    _ => false,
                };
                let (was, is) = (one.agents.get(id), other.agents.get(id));
                let differs = was.map(|seen| &seen.fields) != is.map(|seen| &seen.fields);
                prop_assert_eq!(changes.iter().filter(of_it).count(), usize::from(differs));
            }
        }

        #[test]
        fn changes_of_single_steps_cover_those_of_one_final_look(
            looks in prop::collection::vec(any_look(), 2..5),
        ) {
            let stepwise: Vec<Change> = looks.windows(2).flat_map(|pair| found(&pair[0], &pair[1])).collect();
            for change in found(&looks[0], &looks[looks.len() - 1]) {
                let is_covered = |step: &Change| match (&change, step) {
                    (Change::Changed { agent: one, .. }, Change::Changed { agent: other, .. } | Change::Appeared { agent: other })
                    | (Change::LogGrew { agent: one, .. }, Change::LogGrew { agent: other, .. } | Change::Appeared { agent: other }) => one == other,
                    (change, step) => change == step,
                };
                prop_assert!(stepwise.iter().any(is_covered), "{:?}", change);
            }
        }

        #[test]
        fn changes_round_trip_through_json(one in any_look(), other in any_look()) {
            let changes = found(&one, &other);
            let json = serde_json::to_string(&changes).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<Change>>(&json).unwrap(), changes);
        }
    }
}
