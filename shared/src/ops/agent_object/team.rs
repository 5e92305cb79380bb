//! The team of an agent in `--json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    Phase, Team,
    team::{Outcome, Part},
};

/// A team, and what its roles did for an agent.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct TeamObject {
    /// The name of the team.
    pub name: String,
    /// The names of its roles, in order.
    pub roles: Vec<String>,
    /// The role that works now, or worked last; `null` before the first begins.
    pub role: Option<String>,
    /// The place of that role in the order; the first is 1.
    pub place: u32,
    /// How often a reviewing role may send the work back.
    pub rounds: u32,
    /// How often one did, since the task began or a person resumed the agent after its end.
    pub sent_back: u32,
    /// What the roles did, in order.
    pub parts: Vec<PartObject>,
}

/// What one role did.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "TeamPart")]
pub struct PartObject {
    /// The name of the role.
    pub role: String,
    /// The first attempt in which it worked.
    pub attempt: u32,
    /// How it ended; `null` if it has not.
    pub outcome: Option<Outcome>,
}

impl TeamObject {
    /// Makes the object of a team.
    pub(super) fn new(team: Team) -> Self {
        let place = team.place();
        let roles: Vec<String> = team.roles.into_iter().map(|role| role.name).collect();
        let name = |part: &Part| roles.get(part.role as usize).cloned().unwrap_or_default();
        let parts: Vec<PartObject> = team
            .parts
            .iter()
            .map(|part| PartObject { role: name(part), attempt: part.attempt, outcome: part.outcome })
            .collect();
        Self {
            name: team.name,
            role: parts.last().map(|part| part.role.clone()),
            place: u32::try_from(place).unwrap_or(0) + 1,
            rounds: team.rounds,
            sent_back: team.sent_back,
            parts,
            roles,
        }
    }

    /// Returns the role that works in a phase of its agent, such as `reviewer 3/3`; `None` if none does.
    pub fn working(&self, phase: Phase) -> Option<String> {
        let role = self.role.as_ref().filter(|_| !phase.is_terminal() && phase != Phase::Queued)?;
        Some(format!("{role} {}/{}", self.place, self.roles.len()))
    }
}
