//! What frontends use that cannot ask a person a question: a client of `mcp`, and a page of `web`.

use crate::{
    Code, Error, Result, agents,
    config::Config,
    context::Context,
    git::Repo,
    ops::spawn::{self, Report, Request},
    trust::{
        AcceptedRepo,
        acceptance::{self, ConfigCheck},
    },
};

/// The most tasks of one call.
const MAX_TASKS: usize = 20;

/// Returns the repository if its configuration was accepted. Nobody is asked.
///
/// # Errors
/// It changed while agents ran, and nobody accepted the change (3).
pub fn accepted(repo: Repo) -> Result<AcceptedRepo> {
    match acceptance::check(repo)? {
        ConfigCheck::Accepted(repo) => Ok(repo),
        ConfigCheck::Pending(pending) => Err(pending.refusal()),
    }
}

/// Starts an agent for each task: a task is text, and no program runs it as a script.
///
/// # Errors
/// There is no task, or there are too many (2). The program would run its task as a script (3). Besides, those of [`spawn::run`].
pub fn spawn(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    let count = request.tasks.len();
    if count > MAX_TASKS {
        return Err(Error::new(Code::LimitExceeded, format!("{count} tasks; the limit is {MAX_TASKS}")));
    }
    let config = Config::of(repo);
    let plan = spawn::run(context, repo, &Request { dry_run: true, ..request.clone() })?;
    for agent in &plan.agents {
        if !agents::protocol_of(&agent.profile, &config).is_structured() {
            agents::check_prose(agent.role.as_ref().unwrap_or(&agent.profile), &config, "a task")?;
        }
    }
    spawn::run(context, repo, request)
}
