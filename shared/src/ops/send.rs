//! `send`: says something to agents that run, or answers what they ask.

use std::{cell::RefCell, time::Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Kind, Result,
    agents::{self, Stdin},
    backoff::Backoff,
    config::Config,
    context::{Context, interrupted},
    git::Repo,
    model::{Agent, AgentId, Liveness, Phase, event::Message},
    ops::{agent_object::AgentObject, failure::Failure, selection, status},
    store::{Listing, layout::PrivateDir},
    supervise::{control, spec::Spec},
};

/// Longest message, in bytes: it stands in one event.
pub const MAX_TEXT: usize = 16 * 1024;

/// A message to agents, or the answer to what one asks.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The agents, by id or unique prefix.
    pub agents: Vec<String>,
    /// The message.
    pub text: Option<String>,
    /// The answer to a request for permission.
    pub allow: Option<bool>,
}

/// The agents that were told, and those that could not be told.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "SendReport")]
pub struct Report {
    /// The agents that were told.
    pub sent: Vec<Sent>,
    /// Those that could not be told.
    pub failed: Vec<Failure>,
}

/// An agent that was told something.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Sent {
    /// The question that was answered.
    pub answered: Option<String>,
    /// It runs in another clone: the message travels with the next sync, and counts where that clone trusts this one.
    pub travels: bool,
    /// The agent afterwards.
    #[serde(flatten)]
    pub agent: AgentObject,
}

/// What `send --json` prints: of one agent that was told what became of it, else all of the report.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One agent was named, and told.
    One(Box<Sent>),
    /// Several agents were named, or one could not be told.
    Many(Report),
}

impl From<Report> for OneOrMany {
    fn from(mut report: Report) -> Self {
        match (report.sent.pop(), report.sent.is_empty() && report.failed.is_empty()) {
            (Some(sent), true) => Self::One(Box::new(sent)),
            (Some(sent), false) => {
                report.sent.push(sent);
                Self::Many(report)
            }
            (None, _) => Self::Many(report),
        }
    }
}

/// Tells each agent what is said. Nothing is said to any where one of the names means no agent.
///
/// # Errors
/// Nothing is said (2), or a name means no agent (3). The only agent does not run, asks nothing, or hears nothing (3); of several,
/// that is a failure in the report.
pub fn run(context: &Context, repo: &Repo, request: &Request) -> Result<Report> {
    check(request)?;
    let listing = Listing::read(repo)?;
    let ids = selection::named(repo, &listing, &request.agents)?;
    if let [id] = ids.as_slice() {
        return Ok(Report { sent: vec![one(context, repo, id, request)?], failed: Vec::new() });
    }
    let mut report = Report { sent: Vec::new(), failed: Vec::new() };
    for id in &ids {
        context.check()?;
        match one(context, repo, id, request) {
            Ok(sent) => report.sent.push(sent),
            Err(error) if error.kind() == Kind::Interrupted => return Err(error),
            Err(error) => report.failed.push(Failure::new(id, error)),
        }
    }
    Ok(report)
}

/// Writes the message down; the supervisor passes it on. For an answer, waits until it has.
fn one(context: &Context, repo: &Repo, id: &AgentId, request: &Request) -> Result<Sent> {
    let agent = status::one(repo, id)?;
    let fault = match agent.liveness {
        Liveness::Live | Liveness::Remote => None,
        Liveness::Lost => Some(format!("the supervisor of '{id}' is gone")),
        Liveness::Ended => Some(format!("agent '{id}' does not run: it is {}", agent.phase.as_str())),
    };
    if let Some(what) = fault {
        return Err(Error::new(Code::AgentEnded, what)
            .hint(format!("git orchestra resume {id} -m '…' goes on with its conversation")));
    }
    let travels = agent.liveness == Liveness::Remote;
    if !travels {
        check_hearing(repo, id, &agent)?;
    }
    let refused = RefCell::new(None);
    let before = control::send(repo, id, |agent| match compose(request, agent) {
        Ok(message) => {
            refused.replace(None);
            Some(message)
        }
        Err(why) => {
            refused.replace(Some(why));
            None
        }
    })?;
    if let Some(why) = refused.into_inner() {
        return Err(Error::refused(format!("agent '{id}' {why}")).hint(format!("git orchestra status {id}")));
    }
    let answered = before.question.clone().filter(|_| answers(request, &before)).and(before.reason.clone());
    if answered.is_some() && !travels {
        wait_until_heeded(context, repo, id, &before)?;
    }
    Ok(Sent { answered, travels, agent: status::one(repo, id)? })
}

/// Whether its program reads what is said to it.
fn check_hearing(repo: &Repo, id: &AgentId, agent: &AgentObject) -> Result<()> {
    let spec = Spec::read(&PrivateDir::new(repo.private_dir()?).agent(id))?;
    if !matches!(spec.launch.stdin, Stdin::Talk | Stdin::Held) {
        return Err(Error::new(
            Code::AgentNotListening,
            format!("agent '{id}' ({}) reads nothing while it runs", agent.profile),
        ));
    }
    if spec.launch.takes_prose() {
        return Ok(());
    }
    agents::check_prose(&agent.profile, &Config::of(repo), "a message")
}

fn check(request: &Request) -> Result<()> {
    let text = request.text.as_deref().map(str::trim);
    if request.allow.is_none() && text.is_none_or(str::is_empty) {
        return Err(Error::new(Code::MessageInvalid, "nothing is said")
            .hint("git orchestra send AGENT 'what to do next', or --allow, or --deny"));
    }
    match request.text.as_ref().map_or(0, String::len) {
        length if length > MAX_TEXT => Err(Error::new(
            Code::MessageInvalid,
            format!("the message has {length} bytes; at most {MAX_TEXT} are taken"),
        )
        .hint("put the long part into a file of the agent's worktree and name it")),
        _ => Ok(()),
    }
}

/// Decided on the state under the lock, so that an answer never meets another question than the one that was seen.
fn compose(request: &Request, agent: &Agent) -> std::result::Result<Message, String> {
    // One that waits for the end of a usage limit hears it then.
    if agent.phase.is_at_rest() && !agent.waits_for_limit() {
        return Err(format!("has ended meanwhile: it is {}", agent.phase.as_str()));
    }
    if request.allow.is_some() && agent.phase != Phase::Waiting {
        return Err("asks nothing".to_owned());
    }
    let question = agent.question.clone().filter(|_| answers(request, agent));
    Ok(Message { text: request.text.clone(), allow: request.allow, question })
}

fn answers(request: &Request, agent: &Agent) -> bool {
    agent.phase == Phase::Waiting && (request.allow.is_some() || agent.choice)
}

fn wait_until_heeded(context: &Context, repo: &Repo, id: &AgentId, before: &Agent) -> Result<()> {
    let deadline = Instant::now() + context.limits().answer;
    let mut backoff = Backoff::millis(5, 100);
    loop {
        let now = crate::store::Chain::of_agent(repo, id)?.fold().agent;
        if now.phase != Phase::Waiting || now.question != before.question {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Error::new(
                Code::AgentTimeout,
                format!("the answer to '{id}' is written down, and not yet heeded"),
            )
            .hint(format!("git orchestra status {id}")));
        }
        if context.cancel.wait(backoff.pause()) {
            return Err(interrupted(format!("interrupted; the answer to '{id}' is written down"))
                .hint(format!("git orchestra status {id}")));
        }
    }
}
