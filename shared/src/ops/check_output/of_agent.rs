//! What the check of an agent, `--until`, printed last.

use super::CheckOutput;
use crate::{
    Kind, Result,
    error::ErrorContext as _,
    git::{Oid, Repo, careful},
    model::AgentId,
    store::{
        self,
        layout::{self, PrivateDir},
    },
};

/// The name of an agent's own check.
const NAME: &str = "check";

/// What an agent's own check printed last.
pub(in crate::ops) struct OwnCheck {
    /// The work of the agent, if it is at rest.
    pub(in crate::ops) head: Option<Oid>,
    pub(in crate::ops) output: CheckOutput,
}

/// Returns what the newest check of an agent printed, if this clone has any.
pub(in crate::ops) fn own_check(repo: &Repo, id: &AgentId) -> Result<Option<OwnCheck>> {
    let agent = store::any_agent(repo, id)?;
    let Some((attempt, output)) = newest(repo, id, agent.attempt, Printed::Check)? else { return Ok(None) };
    let ended = agent.phase.is_at_rest();
    let failure = match agent.check {
        Some(check) if ended && attempt == agent.attempt => check.failure,
        None if !ended && attempt == agent.attempt => Some("the check is not over yet".to_owned()),
        // The agent continued after it.
        _ => Some("the check failed".to_owned()),
    };
    let head = agent.head.as_ref().and_then(crate::model::IdOrText::commit).filter(|_| ended);
    let output = CheckOutput { branch: id.to_string(), check: NAME.to_owned(), failure, output };
    Ok(Some(OwnCheck { head, output }))
}

/// The command whose output is meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Printed {
    Check,
    Setup,
}

/// Returns the newest output of a command, with its attempt: from the files of a live agent, or as it was stored at the end.
pub(super) fn newest(
    repo: &Repo,
    id: &AgentId,
    attempts: u32,
    what: Printed,
) -> Result<Option<(u32, Vec<u8>)>> {
    let dir = PrivateDir::new(repo.private_dir()?).agent(id);
    for attempt in (1..=attempts).rev() {
        let path = match what {
            Printed::Check => dir.check(attempt),
            Printed::Setup => dir.setup(attempt),
        };
        if path.exists() {
            let output = careful::read(&path);
            return Ok(Some((attempt, output.context(Kind::External, || "cannot read the output".into())?)));
        }
    }
    let Some(log) = repo.find_ref(&layout::log_ref(id))? else { return Ok(None) };
    let blobs = repo.blobs_of(log)?;
    let suffix = match what {
        Printed::Check => ".check",
        Printed::Setup => ".setup",
    };
    let attempt = |name: &str| name.strip_suffix(suffix)?.parse::<u32>().ok();
    let newest = blobs.iter().filter_map(|(name, blob)| Some((attempt(name)?, *blob))).max();
    newest.map(|(attempt, blob)| Ok((attempt, repo.read_blob(blob)?))).transpose()
}
