//! `logs --check`: what the checks of landings and of agents printed, as this clone keeps it.

pub(in crate::ops) mod of_agent;
pub mod of_setup;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Result,
    context::Context,
    git::{Oid, Repo},
    landing::State,
    model::{AgentId, event::Landing, text},
    ops::named,
    store::{
        Listing,
        operations::{self, Journal, Operation, OperationBody},
    },
};

/// The maximum number of landings that are searched, newest first.
const MAX_LANDINGS: usize = 100;
/// How the names of the outputs begin that the checks of a target itself printed.
const OF_TARGET: &str = "000-";

/// The branch whose checks are meant.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// An agent or a branch; if there is none, the checks of the newest landing that ran any: those that failed, or all.
    pub branch: Option<String>,
}

/// What the checks of one landing printed.
#[derive(Clone, Debug)]
pub struct Report {
    /// The target branch of the landing.
    pub into: String,
    /// The outputs, in the order of the landing.
    pub outputs: Vec<CheckOutput>,
}

/// What one check printed.
#[derive(Clone, Debug)]
pub struct CheckOutput {
    /// The branch that was checked, or the target.
    pub branch: String,
    /// The name of the check, such as `test`.
    pub check: String,
    /// Why it failed; `None` if it passed.
    pub failure: Option<String>,
    /// The output: all of it, or its beginning and end.
    pub output: Vec<u8>,
}

/// Finds the output of checks, of the newest landing that has any. The agent's own check counts if no landing has checked its work since.
///
/// # Errors
/// Nothing in this clone ran a check on the branch, or several agents match (3), or the output cannot be read.
pub fn run(context: &Context, repo: &Repo, request: &Request) -> Result<Report> {
    context.check()?;
    let agent = request.branch.as_ref().map(|typed| agent(repo, typed)).transpose()?.flatten();
    let own = agent.as_ref().map(|id| of_agent::own_check(repo, id)).transpose()?.flatten();
    let is_meant = |kept: &KeptOutput| match (&request.branch, &own) {
        (None, _) => true,
        (Some(_), Some(own)) => kept.agent == agent && kept.head.is_some() && kept.head == own.head,
        (Some(typed), None) => kept.branch == *typed || agent.is_some() && kept.agent == agent,
    };
    let is_landing = |one: &Operation| matches!(one.body, OperationBody::Landing(_));
    let mut landings: Vec<Operation> = operations::all(repo)?.into_iter().filter(is_landing).collect();
    landings.sort_by(|a, b| b.id.cmp(&a.id));
    for landing in landings.iter().take(MAX_LANDINGS) {
        context.check()?;
        // One that cannot be read hides no other.
        let Ok(journal) = Journal::open(repo, &landing.id) else { continue };
        let Ok(state) = State::load(repo, &journal) else { continue };
        let mut kept: Vec<KeptOutput> = kept_outputs(&journal, &state).into_iter().filter(is_meant).collect();
        if request.branch.is_none() && kept.iter().any(|one| one.failure.is_some()) {
            kept.retain(|one| one.failure.is_some());
        }
        if !kept.is_empty() {
            let outputs = kept.into_iter().map(|one| one.read(repo)).collect::<Result<_>>()?;
            return Ok(Report { into: state.into, outputs });
        }
    }
    if let Some(own) = own {
        return Ok(Report { into: own.output.branch.clone(), outputs: vec![own.output] });
    }
    let of = request.branch.as_ref().map_or_else(String::new, |typed| format!(" on '{}'", text::safe(typed)));
    Err(Error::new(Code::OutputMissing, format!("no landing of this clone ran a check{of}"))
        .hint("git orchestra merge-ranked --test 'COMMAND' runs one"))
}

/// Reads the output of a check, as a step of a landing names it: `<ref>:<file>`.
///
/// # Errors
/// It is gone, or cannot be read.
pub fn of_log(repo: &Repo, log: &str) -> Result<Vec<u8>> {
    let missing = || Error::new(Code::OutputMissing, "the output of the check is not in this clone");
    let (name, file) = log.rsplit_once(':').ok_or_else(missing)?;
    let commit = repo.find_ref(name)?.ok_or_else(missing)?;
    repo.read_blob_of(commit, file)?.ok_or_else(missing)
}

/// Returns the agent that a name means, archived ones included. A name that means none may be that of a branch.
fn agent(repo: &Repo, typed: &str) -> Result<Option<AgentId>> {
    match named::find(repo, &Listing::of_name(repo, typed)?, typed) {
        Ok(found) => Ok(Some(found.id().clone())),
        Err(error) if error.code == Code::AgentAmbiguous && repo.commit(typed).is_err() => Err(error),
        Err(_) => Ok(None),
    }
}

/// An output that the operation of a landing keeps.
struct KeptOutput {
    branch: String,
    agent: Option<AgentId>,
    /// The work that was checked; `None` for the target.
    head: Option<Oid>,
    failure: Option<String>,
    log: String,
}

impl KeptOutput {
    fn read(self, repo: &Repo) -> Result<CheckOutput> {
        let output = of_log(repo, &self.log)?;
        Ok(CheckOutput { check: check_of(&self.log), branch: self.branch, failure: self.failure, output })
    }
}

/// Returns what a landing kept: the output of the target itself, then that of the last check of each branch.
fn kept_outputs(journal: &Journal, state: &State) -> Vec<KeptOutput> {
    let of_target = journal.file_names().filter(|name| name.starts_with(OF_TARGET)).map(|name| KeptOutput {
        branch: state.into.clone(),
        agent: None,
        head: None,
        failure: Some(format!("{} fails on {} itself", check_of(name), state.into)),
        log: journal.spec_of(name),
    });
    let of_steps = state.steps.iter().chain(&state.stopped_at).filter_map(|step| {
        let why = || step.why.clone().unwrap_or_else(|| "it failed".to_owned());
        Some(KeptOutput {
            branch: step.branch.clone(),
            agent: step.agent.clone(),
            head: Some(step.head),
            failure: (step.outcome == Some(Landing::Failed)).then(why),
            log: step.log.clone()?,
        })
    });
    of_target.chain(of_steps).collect()
}

/// Returns the name of the check that printed an output: `test` of `…:002-test.log`.
fn check_of(log: &str) -> String {
    let file = log.rsplit(':').next().unwrap_or(log);
    let name = file.split_once('-').map_or(file, |(_, name)| name);
    name.strip_suffix(".log").unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_names_its_check() {
        for (log, check) in [
            ("refs/orchestra-local/operations/1a2b:002-test.log", "test"),
            ("000-long-name.log", "long-name"),
            ("odd", "odd"),
        ] {
            assert_eq!(check_of(log), check);
        }
    }
}
