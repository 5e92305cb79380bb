//! Where the work of an agent landed, and where it is now.

use orchestra::ops::agent_object::{AgentObject, LandedNow};

/// Formats where its work landed, such as `main` or `main, reverted there since`; `None` if it did not.
pub fn place(agent: &AgentObject) -> Option<String> {
    let branch = agent.landed_in.as_ref()?;
    match agent.landed_now {
        Some(LandedNow::NotThere) => Some(format!("{branch}, which does not contain it now")),
        Some(LandedNow::Elsewhere) => Some(format!("{branch} of another clone")),
        Some(LandedNow::Reverted) => Some(format!("{branch}, reverted there since")),
        Some(LandedNow::PartlyReverted) => Some(format!("{branch}, partly reverted there since")),
        Some(LandedNow::There) => Some(branch.to_string()),
        None => (agent.merged == Some(true)).then(|| branch.to_string()),
    }
}

/// Formats that its work landed, such as `landed in main`.
pub fn landed(agent: &AgentObject) -> Option<String> {
    let was = if agent.landed_now == Some(LandedNow::NotThere) { "was " } else { "" };
    place(agent).map(|place| format!("{was}landed in {place}"))
}
