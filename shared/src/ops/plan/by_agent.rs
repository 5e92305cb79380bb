//! `plan --agent`: an agent makes a plan of prose, in its own worktree and with the permissions of a reviewer. Its answer is read as any
//! other plan; if it has flaws, another agent gets one chance to mend them.

use std::time::Duration;

use super::{Report, Request, run};
use crate::{
    Code, Error, Kind, Result,
    agents::{self, Options},
    config::{Config, keys::REVIEW_ALLOW},
    context::{Context, interrupted},
    git::Repo,
    model::{AgentId, OnPrompt},
    ops::{
        printed_text::printed_text,
        settings::Settings,
        spawn,
        waiting::{self, WaitOutcome},
    },
    plan::{Flaw, answer},
    trust::AcceptedRepo,
};

/// How long an agent may plan, unless the user says otherwise.
pub const MAX_TIME: Duration = Duration::from_secs(20 * 60);
/// How often an agent is asked: once, and once more with the flaws of the first answer.
const ROUNDS: usize = 2;

/// What an agent is asked to plan.
#[derive(Clone, Debug, Default)]
pub struct ByAgent {
    /// The text to make a plan of.
    pub prose: String,
    /// The kind of agent, such as `claude`.
    pub profile: String,
    /// How long it may take; by default [`MAX_TIME`].
    pub max_time: Option<Duration>,
}

/// Has an agent make a plan of prose. The report may have flaws: those of its last answer.
///
/// # Errors
/// The text is empty or too long (2), the agent would run it as a script, or cannot be started (3); it fails, or answers without a plan (5);
/// the user interrupts it (130).
pub fn run_by_agent(context: &Context, repo: &AcceptedRepo, asked: &ByAgent) -> Result<Report> {
    context.check()?;
    if asked.prose.trim().is_empty() {
        return Err(Error::new(Code::PlanInvalid, "nothing was given to make a plan of"));
    }
    let config = Config::of(repo);
    let profile = &asked.profile;
    agents::check_prose(profile, &config, "a text to plan")?;
    let wanted = Options {
        permission: Some(config.review_permission()?),
        on_prompt: Some(OnPrompt::Deny),
        allow: config.get(&REVIEW_ALLOW)?,
        restricted: true,
        ..Options::default()
    };
    let (options, _) = agents::for_review(profile, &config, wanted);
    // A program without permission modes has none of these options.
    let options = if options.permission.is_some() { options } else { Options::default() };
    let mut planners = Vec::new();
    let mut before: Option<(String, Vec<Flaw>)> = None;
    loop {
        let known = before.as_ref().map(|(text, flaws)| (text.as_str(), flaws.as_slice()));
        let id = start(context, repo, asked, answer::request(&asked.prose, known), options.clone())?;
        planners.push(id.clone());
        wait(context, repo, &id)?;
        // The agent ran and may have changed the configuration, which is used from here on.
        repo.confirm()?;
        let text = answer::in_answer(&printed_text(context, repo, &id)?);
        let is_last = planners.len() >= ROUNDS;
        match text.map(|text| (read(context, &text), text)) {
            Some((Ok(report), _)) if report.flaws.is_empty() || is_last => {
                return Ok(Report { planners, ..report });
            }
            Some((Ok(report), text)) => before = Some((text, report.flaws)),
            Some((Err(error), _)) if is_last => return Err(failed(&id, &error.one_line())),
            Some((Err(error), text)) => {
                before = Some((text, vec![Flaw { line: 0, message: error.one_line() }]));
            }
            None if is_last => return Err(failed(&id, "its answer has no plan")),
            None => {
                let message = "the answer has no block '~~~~plan'".to_owned();
                before = Some((String::new(), vec![Flaw { line: 0, message }]));
            }
        }
    }
}

fn read(context: &Context, text: &str) -> Result<Report> {
    run(context, &Request { text: text.to_owned(), ..Request::default() })
}

/// Starts an agent that plans, in its own worktree.
fn start(
    context: &Context,
    repo: &AcceptedRepo,
    asked: &ByAgent,
    task: String,
    options: Options,
) -> Result<AgentId> {
    let settings =
        Settings { options, max_time: Some(asked.max_time.unwrap_or(MAX_TIME)), ..Settings::default() };
    let request = spawn::Request {
        tasks: vec![task],
        agents: vec![asked.profile.clone()],
        name: Some("plan".to_owned()),
        settings,
        again: true,
        ..spawn::Request::default()
    };
    let planned = spawn::run(context, repo, &request)?.agents.into_iter().next();
    planned.map(|planned| planned.id).ok_or_else(|| Error::internal("no agent was started"))
}

fn wait(context: &Context, repo: &Repo, id: &AgentId) -> Result<()> {
    match waiting::wait(context, repo, id)? {
        WaitOutcome::Done => Ok(()),
        WaitOutcome::NotDone(why) => Err(failed(id, &format!("it is {why}"))),
        WaitOutcome::Interrupted => {
            Err(interrupted(format!("interrupted; agent '{id}', which makes the plan, keeps running"))
                .hint(format!("git orchestra stop {id}")))
        }
    }
}

fn failed(id: &AgentId, why: &str) -> Error {
    Error::new(Kind::External, format!("agent '{id}' made no plan: {why}"))
        .hint(format!("git orchestra logs {id}"))
}
