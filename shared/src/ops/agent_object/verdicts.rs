//! The verdicts on an agent's work, as reports hold them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    model::{
        Agent, AgentId, WriterId,
        verdict::{CurrentVerdict, Verdict},
    },
    store::verdicts::TrustedWriters,
};

/// A verdict that does not count in this clone.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct ProposedVerdict {
    /// The proposed verdict.
    pub verdict: Verdict,
    /// Who gave it, by the account of their clone, which is not verified.
    pub by: String,
    /// The clone in which it was given.
    pub writer: WriterId,
    /// Whether it is about the current work.
    pub current: bool,
}

impl ProposedVerdict {
    fn of(current: bool, CurrentVerdict { verdict, by, writer, .. }: CurrentVerdict) -> Self {
        Self { verdict, by, writer, current }
    }
}

/// The verdict that counts, whether it is about the current work, and the one that does not count.
pub(super) type Verdicts = (Option<Verdict>, Option<bool>, Option<ProposedVerdict>);

/// Returns the verdict that counts, whether it is about the current work, and the one that does not count.
pub(super) fn of(by: &TrustedWriters<'_>, id: &AgentId, agent: &Agent) -> Verdicts {
    let is_current = |verdict: &CurrentVerdict| verdict.is_on(&agent.base, agent.head.as_ref());
    // A verdict that cannot be read does not count as an approval.
    let verdict = by.effective(id, agent).ok().flatten();
    let current = verdict.as_ref().map(is_current);
    let proposed = by.untrusted_verdict(agent);
    let proposed = proposed.map(|proposed| ProposedVerdict::of(is_current(&proposed), proposed));
    (verdict.map(|verdict| verdict.verdict), current, proposed)
}
