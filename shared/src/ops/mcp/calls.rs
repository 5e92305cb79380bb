//! What each tool does: it calls an operation, and says in a short text what it did.

mod received;
mod texts;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::answer;
use crate::{
    Error, Result,
    backoff::Backoff,
    context::{Context, interrupted},
    git::Repo,
    model::{AgentId, Liveness, said::MessageKind, text},
    ops::{
        agent_object::AgentObject,
        caller::Caller,
        diff,
        inbox::{self, SentText},
        logs, pause, resume, send, spawn, spec, status, stop, unasked, wait_targets,
    },
    world::Environment,
};

/// The longest wait of one call, in seconds: some clients cut calls off after a minute.
const MAX_SECONDS: u64 = 45;
/// The time between two signs that a call still runs.
const SIGN_EVERY: Duration = Duration::from_secs(5);
/// How many lines of output are shown without a cursor.
const LOG_LINES: u64 = 80;
/// The most agents that one call names.
const MAX_NAMES: usize = 100;

/// Tells the client that a call still runs, with a number that rises and a text.
pub(super) type Progress = Box<dyn Fn(u64, &str) + Send>;

/// A call of a tool.
pub(super) struct Call {
    pub(super) context: Context,
    pub(super) environment: Environment,
    pub(super) tool: &'static str,
    pub(super) arguments: Value,
    /// Tells the client that the call still runs, with a number that rises.
    pub(super) progress: Progress,
}

impl Call {
    /// Runs the call. Nothing it does asks a person.
    ///
    /// # Errors
    /// An argument is wrong (2), or an error of the operation.
    pub(super) fn run(&self) -> Result<String> {
        let repo = Repo::discover(&self.environment)?;
        match self.tool {
            "agents_status" => {
                let agents = self.agents(&repo)?;
                Ok(answer::page(&texts::agents(&agents), 0))
            }
            "agents_wait" => self.wait(&repo),
            "agents_log" => self.log(&repo),
            "agents_diff" => self.diff(repo),
            "inbox_list" => self.inbox(&repo),
            "inbox_tell" => self.tell(&repo),
            "agents_spawn" => self.spawn(repo),
            "agents_send" => self.send(&repo),
            "agents_control" => self.control(repo),
            "spec_show" => self.spec(&repo),
            other => Err(Error::internal(format!("no tool '{other}'"))),
        }
    }

    /// Returns an argument that is a text; `None` if it is left out.
    fn text(&self, name: &str) -> Result<Option<String>> {
        match &self.arguments[name] {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            _ => Err(bad_argument(name, "a text")),
        }
    }

    fn required(&self, name: &str) -> Result<String> {
        let given = self.text(name)?.filter(|text| !text.trim().is_empty());
        given.ok_or_else(|| bad_argument(name, "a text that is not empty"))
    }

    fn number(&self, name: &str) -> Result<Option<u64>> {
        match &self.arguments[name] {
            Value::Null => Ok(None),
            value => value.as_u64().map(Some).ok_or_else(|| bad_argument(name, "a number from 0 on")),
        }
    }

    fn texts(&self, name: &str) -> Result<Vec<String>> {
        let wrong = || bad_argument(name, "a list of at most 100 texts");
        match &self.arguments[name] {
            Value::Null => Ok(Vec::new()),
            Value::Array(all) if all.len() <= MAX_NAMES => {
                all.iter().map(|one| one.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
            }
            _ => Err(wrong()),
        }
    }

    fn agents(&self, repo: &Repo) -> Result<Vec<AgentObject>> {
        let request = status::Request { agents: self.texts("agents")?, ..status::Request::default() };
        Ok(status::run(&self.context, repo, &request)?.agents)
    }

    fn wait(&self, repo: &Repo) -> Result<String> {
        let begun = Instant::now();
        let limit = Duration::from_secs(self.number("seconds")?.unwrap_or(MAX_SECONDS).min(MAX_SECONDS));
        let mut known = self.text("cursor")?;
        let mut backoff = Backoff::millis(50, 1000);
        let mut lent = wait_targets::waiting_command(repo)?;
        let mut signs = 0;
        loop {
            let agents = self.agents(repo)?;
            let received = received::received(repo).len();
            let cursor = cursor_of(&agents, received);
            let is_live = |agent: &&AgentObject| agent.liveness == Liveness::Live;
            let live: Vec<AgentId> = agents.iter().filter(is_live).map(|agent| agent.id.clone()).collect();
            let has_changed = known.get_or_insert_with(|| cursor.clone()) != &cursor;
            let left = limit.saturating_sub(begun.elapsed());
            if has_changed || left.is_zero() || live.is_empty() {
                let state = if has_changed { "something changed" } else { "nothing changed" };
                let to_caller = match received {
                    0 => String::new(),
                    count => format!("; {} to you (inbox_list)", text::count(count as u64, "message")),
                };
                let text = format!(
                    "{state}; {} running{to_caller}; cursor {cursor}\n{}",
                    live.len(),
                    texts::agents(&agents)
                );
                return Ok(answer::page(&text, 0));
            }
            lent.set(live);
            if begun.elapsed() >= SIGN_EVERY * (signs + 1) {
                signs += 1;
                (self.progress)(u64::from(signs), "agents are running");
            }
            if self.context.cancel.wait(backoff.pause().min(left)) {
                return Err(interrupted("the call was cancelled; the agents keep running"));
            }
        }
    }

    fn log(&self, repo: &Repo) -> Result<String> {
        let request = logs::Request { agent: self.required("agent")?, attempt: None };
        let report = logs::run(&self.context, repo, &request)?;
        let from = match self.text("cursor")? {
            Some(cursor) => {
                texts::position(&cursor).ok_or_else(|| bad_argument("cursor", "that of an earlier answer"))?
            }
            None => report.last_lines(repo, LOG_LINES)?,
        };
        texts::log(repo, &report, from)
    }

    fn diff(&self, repo: Repo) -> Result<String> {
        let request = diff::Request { agent: self.required("agent")?, ..diff::Request::default() };
        let from = usize::try_from(self.number("cursor")?.unwrap_or(0)).unwrap_or(usize::MAX);
        let text = diff::compare(&unasked::accepted(repo)?, &request)?.text()?;
        if text.is_empty() {
            return Ok("it changed nothing".to_owned());
        }
        Ok(answer::page(&answer::as_data(&text), from))
    }

    fn inbox(&self, repo: &Repo) -> Result<String> {
        let request = inbox::Request { agents: self.texts("agents")?, all: true };
        let messages = inbox::run(&self.context, repo, &request)?.messages;
        let received = if request.agents.is_empty() { received::received(repo) } else { Vec::new() };
        let text = texts::messages(&messages, &received);
        // A hook does not say again what the model has read here.
        let is_shown = |one: &SentText| text.contains(&one.marked());
        let shown: Vec<SentText> = received.into_iter().filter(is_shown).collect();
        inbox::note_heard(repo, &shown);
        Ok(text)
    }

    fn tell(&self, repo: &Repo) -> Result<String> {
        let kind = self.text("kind")?.unwrap_or_else(|| MessageKind::Note.as_str().to_owned());
        let kind = MessageKind::written(&kind)
            .ok_or_else(|| bad_argument("kind", "question, error, complete or note"))?;
        let request = inbox::TellRequest { kind, to: None, text: self.required("text")? };
        let report = inbox::tell(&self.context, repo, &request)?;
        let to =
            report.parent.map_or_else(|| "people, who read it later".to_owned(), |parent| parent.to_string());
        Ok(format!("message {} was recorded for {to}", report.id))
    }

    fn spec(&self, repo: &Repo) -> Result<String> {
        let name = self.text("name")?;
        let from = usize::try_from(self.number("cursor")?.unwrap_or(0)).unwrap_or(usize::MAX);
        if name.is_none() {
            let all = spec::run(&self.context, repo)?.specs;
            if all.len() != 1 {
                return Ok(texts::specs(&all));
            }
        }
        let shown = spec::show(&self.context, repo, &spec::ShowRequest { name, version: None })?;
        Ok(answer::page(&texts::spec(&shown), from))
    }

    fn spawn(&self, repo: Repo) -> Result<String> {
        let (tasks, agents) = (self.texts("tasks")?, self.text("profile")?.into_iter().collect());
        let request = spawn::Request { tasks, agents, ..spawn::Request::default() };
        let report = unasked::spawn(&self.context, &unasked::accepted(repo)?, &request)?;
        let lines: String =
            report.agents.iter().map(|agent| format!("{} {}\n", agent.id, agent.profile)).collect();
        let warnings: String =
            report.warnings.iter().map(|warning| format!("warning: {warning}\n")).collect();
        Ok(answer::page(&format!("started:\n{lines}{warnings}agents_wait waits for them"), 0))
    }

    fn send(&self, repo: &Repo) -> Result<String> {
        let id = self.own_agent(repo)?;
        let text = Some(self.required("text")?);
        let request = send::Request { agents: vec![id.to_string()], text, ..send::Request::default() };
        send::run(&self.context, repo, &request)?;
        Ok(format!("{id}: message sent"))
    }

    fn control(&self, repo: Repo) -> Result<String> {
        let id = self.own_agent(&repo)?;
        let agents = vec![id.to_string()];
        let rest = stop::Request { agents: agents.clone(), ..stop::Request::default() };
        match self.required("action")?.as_str() {
            "stop" => drop(stop::run(&self.context, &repo, &rest)?),
            "pause" => drop(pause::run(&self.context, &repo, &rest)?),
            "resume" => {
                let request = resume::Request { agents, ..resume::Request::default() };
                drop(resume::run(&self.context, &unasked::accepted(repo)?, &request)?);
                return Ok(format!("{id}: resumed"));
            }
            _ => return Err(bad_argument("action", "pause, resume or stop")),
        }
        Ok(texts::agents(&[status::read_agent(&repo, &id)?]))
    }
}

impl Call {
    /// Returns the agent that is named. The program of an agent directs only agents that it started, directly or indirectly.
    fn own_agent(&self, repo: &Repo) -> Result<AgentId> {
        let id = status::resolve(repo, &self.required("agent")?)?;
        Caller::of(repo).check_started(repo, std::slice::from_ref(&id)).map(|()| id)
    }
}

fn bad_argument(name: &str, expected: &str) -> Error {
    Error::usage(format!("'{name}' must be {expected}"))
}

/// Returns a text that differs as soon as something changed that a client waits for.
fn cursor_of(agents: &[AgentObject], received: usize) -> String {
    let mut hasher = DefaultHasher::new();
    received.hash(&mut hasher);
    for agent in agents {
        let state = (agent.phase.as_str(), agent.liveness.as_str(), agent.attempt, agent.messages);
        (agent.id.as_str(), state, &agent.waiting, agent.merged).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}
