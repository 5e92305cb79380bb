//! The team of an agent in `--json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    Cost, Phase, Team, cost,
    team::{Outcome, Part, PartUse, TeamRole},
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
    /// What each role used in the attempts that have ended, in the order of the roles.
    #[serde(default)]
    pub used: Vec<RoleUse>,
}

/// What one role used in all of its parts. What its program did not report is `null`.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "TeamRoleUse")]
pub struct RoleUse {
    /// The name of the role.
    pub role: String,
    /// Its cost, in US dollars.
    #[serde(with = "cost::in_dollars")]
    #[schemars(with = "Option<f64>")]
    pub cost_usd: Option<Cost>,
    /// Its input tokens, cached ones included.
    pub input_tokens: Option<u64>,
    /// Its output tokens.
    pub output_tokens: Option<u64>,
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
        let of_role = |(place, role): (usize, &TeamRole)| {
            let PartUse { cost, input_tokens, output_tokens } = team.used_by(place);
            RoleUse { role: role.name.clone(), cost_usd: cost, input_tokens, output_tokens }
        };
        let used = team.roles.iter().enumerate().map(of_role).collect();
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
            used,
            roles,
        }
    }

    /// Returns the roles whose use is known.
    pub fn known_use(&self) -> impl Iterator<Item = &RoleUse> {
        let is_known = |one: &&RoleUse| {
            one.cost_usd.is_some() || one.input_tokens.is_some() || one.output_tokens.is_some()
        };
        self.used.iter().filter(is_known)
    }

    /// Returns the role that works in a phase of its agent, such as `reviewer 3/3`; `None` if none does.
    pub fn working(&self, phase: Phase) -> Option<String> {
        let role = self.role.as_ref().filter(|_| !phase.is_terminal() && phase != Phase::Queued)?;
        Some(format!("{role} {}/{}", self.place, self.roles.len()))
    }
}
