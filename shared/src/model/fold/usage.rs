//! Adding up what the sessions of an agent used.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Cost, SessionId, event::Usage, team::PartUse};

/// What each session and each attempt used so far.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct SessionUsage {
    /// The cost in micros, the input tokens, and the output tokens of each session.
    sessions: BTreeMap<SessionId, [Option<u64>; 3]>,
    /// The turns and denials of each attempt that has any.
    attempts: BTreeMap<u32, (u64, u64)>,
    /// The part of a team's work to which each session belongs, by its place in the list of parts.
    #[serde(default)]
    parts: BTreeMap<SessionId, usize>,
}

/// What all sessions and attempts used together.
pub(super) struct Totals {
    pub(super) cost: Option<Cost>,
    pub(super) input_tokens: Option<u64>,
    pub(super) output_tokens: Option<u64>,
    pub(super) turns: u64,
    pub(super) denials: u64,
}

impl SessionUsage {
    /// Adds a report: of one session and of one attempt, the highest figure holds.
    pub(super) fn add(&mut self, attempt: u32, part: Option<usize>, usage: &Usage) {
        let session = SessionId::short_or_none(usage.session.as_ref()).unwrap_or_default();
        if let Some(part) = part {
            self.parts.insert(session.clone(), part);
        }
        let figures = [usage.cost.map(Cost::micros), usage.input_tokens, usage.output_tokens];
        let known = self.sessions.entry(session).or_default();
        for (known, said) in known.iter_mut().zip(figures) {
            *known = (*known).max(said);
        }
        if (usage.turns, usage.denials) != (0, 0) {
            let counts = self.attempts.entry(attempt).or_default();
            *counts = (counts.0.max(usage.turns), counts.1.max(usage.denials));
        }
    }

    /// Returns what the sessions of a part used.
    pub(super) fn of_part(&self, part: usize) -> PartUse {
        let sessions = self.sessions.iter().filter(|(session, _)| self.parts.get(*session) == Some(&part));
        sessions.fold(PartUse::default(), |sum, (_, [cost, input_tokens, output_tokens])| {
            sum.plus(PartUse {
                cost: cost.map(Cost::from_micros),
                input_tokens: *input_tokens,
                output_tokens: *output_tokens,
            })
        })
    }

    /// Returns the sums.
    pub(super) fn totals(&self) -> Totals {
        let sum = |at: usize| {
            let all = self.sessions.values().filter_map(|figures| figures[at]);
            all.fold(None, |sum: Option<u64>, one| Some(sum.unwrap_or(0).saturating_add(one)))
        };
        let counts = self.attempts.values();
        Totals {
            cost: sum(0).map(Cost::from_micros),
            input_tokens: sum(1),
            output_tokens: sum(2),
            turns: counts.clone().fold(0, |sum, counts| sum.saturating_add(counts.0)),
            denials: counts.fold(0, |sum, counts| sum.saturating_add(counts.1)),
        }
    }
}
