//! What the setup of an agent's worktree printed last.

use super::{CheckOutput, Report, of_agent};
use crate::{
    Code, Error, Result,
    context::Context,
    git::Repo,
    model::setup,
    ops::named,
    store::{self, Listing},
};

/// The name of the setup, in place of that of a check.
const NAME: &str = "setup";

/// Finds what the newest setup of an agent printed.
///
/// # Errors
/// There is no such agent, or no setup of it ran in this clone (3), or the output cannot be read.
pub fn find(context: &Context, repo: &Repo, typed: &str) -> Result<Report> {
    context.check()?;
    let found = named::find(repo, &Listing::of_name(repo, typed)?, typed)?;
    let id = found.id();
    let agent = store::any_agent(repo, id)?;
    let Some((attempt, output)) = of_agent::newest(repo, id, agent.attempt, of_agent::Printed::Setup)? else {
        return Err(Error::new(Code::OutputMissing, format!("no setup of '{id}' ran in this clone"))
            .hint("git orchestra config set orchestra.setup 'COMMAND' sets one for new agents"));
    };
    let is_last = attempt == agent.attempt;
    let failure = match &agent.reason {
        Some(reason) if is_last && setup::is_failure(Some(reason)) => Some(reason.clone()),
        Some(reason) if is_last && setup::is_running(reason) => Some("the setup is not over yet".to_owned()),
        _ => None,
    };
    let output = CheckOutput { branch: id.to_string(), check: NAME.to_owned(), failure, output };
    Ok(Report { into: id.to_string(), outputs: vec![output] })
}
