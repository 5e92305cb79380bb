//! `send`: sends messages to running agents, or answers their questions.

use std::{cell::RefCell, time::Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Kind, Result, agents,
    backoff::Backoff,
    config::Config,
    context::{Context, interrupted},
    git::Repo,
    model::{
        Agent, AgentId, Event, Fact, IdOrText, Liveness, Phase,
        event::{Message, in_order},
        said::MessageKind,
        text,
    },
    ops::{agent_object::AgentObject, caller::Caller, failure::Failure, pace, selection, status},
    store::{self, Chain, Listing, layout::PrivateDir, list::ListRow, verdicts},
    supervise::{
        asking,
        control::{self, StopMode},
        spec::Spec,
        spending::{self, SharedRaises},
    },
};

/// The longest message, in bytes; it has to fit into one event.
pub const MAX_TEXT: usize = 16 * 1024;
/// How much of an earlier reply an error shows, in columns.
const MAX_FIRST_REPLY: usize = 60;

/// A message to agents, or an answer to a question.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The agents, by id or unique prefix.
    pub agents: Vec<String>,
    /// Whether all agents of this clone that wait are meant, instead of `agents`.
    pub all: bool,
    /// The message.
    pub text: Option<String>,
    /// The answer to a request for permission.
    pub allow: Option<bool>,
    /// Whether what an agent asks for is also allowed for the rest of its life, by the pattern in its `request`.
    pub always: bool,
    /// The id of the message of the agent that this replies to.
    pub re: Option<String>,
    /// The id of the question that is answered, as in the agent's `request`. If the agent asks something else by now, nothing is sent.
    pub question: Option<String>,
}

/// The agents that the message was sent to, and those for which that failed.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "SendReport")]
pub struct Report {
    /// The agents that the message was sent to.
    pub sent: Vec<Sent>,
    /// The agents for which sending failed.
    pub failed: Vec<Failure>,
}

/// An agent that a message was sent to.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Sent {
    /// The question that was answered, in full.
    pub answered: Option<String>,
    /// The length of the whole question in bytes, if `answered` is not all of it.
    #[serde(default)]
    pub cut_from_bytes: Option<u64>,
    /// What is allowed for good.
    #[serde(default)]
    pub allowed_always: Option<String>,
    /// Whether the agent runs in another clone. The next sync takes the message there, where it counts if that clone trusts this one.
    pub travels: bool,
    /// The agent, after the message was sent.
    #[serde(flatten)]
    pub agent: AgentObject,
}

/// What `send --json` prints: for a single agent its result, otherwise the whole report.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One agent was named, and the message was sent.
    One(Box<Sent>),
    /// Several agents were named, or sending failed.
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

/// Sends a message or an answer to each agent. If one of the names matches no agent, nothing is sent.
///
/// # Errors
/// The text is empty (2), or there is no such agent (3). The only agent does not run, does not wait for an answer, or does not read messages (3); of several,
/// that is a failure in the report.
pub fn run(context: &Context, repo: &Repo, request: &Request) -> Result<Report> {
    check_request(request)?;
    let ids = if request.all {
        waiting(context, repo)?
    } else {
        let listing = Listing::of_names(repo, &request.agents)?;
        let is_open = |row: &ListRow, _: &Agent| !row.entry.header.phase.is_at_rest();
        selection::named_or_tagged(repo, &listing, &request.agents, is_open)?
    };
    let caller = Caller::of(repo);
    caller.check_started(repo, &ids)?;
    if request.allow == Some(true) {
        caller.check_allows()?;
    }
    if let [id] = ids.as_slice()
        && !request.all
    {
        return Ok(Report { sent: vec![send_one(context, repo, id, request)?], failed: Vec::new() });
    }
    let mut report = Report { sent: Vec::new(), failed: Vec::new() };
    for id in &ids {
        context.check()?;
        match send_one(context, repo, id, request) {
            Ok(sent) => report.sent.push(sent),
            Err(error) if error.kind() == Kind::Interrupted => return Err(error),
            Err(error) => report.failed.push(Failure::new(id, error)),
        }
    }
    Ok(report)
}

/// Returns the agents of this clone that wait for an answer. Caps on money and tokens are raised one at a time.
pub(super) fn waiting(context: &Context, repo: &Repo) -> Result<Vec<AgentId>> {
    let agents = status::run(context, repo, &status::Request::default())?.agents;
    let waits = |agent: &AgentObject| agent.phase == Phase::Waiting && agent.liveness == Liveness::Live;
    Ok(agents.into_iter().filter(waits).map(|agent| agent.id).collect())
}

/// Records the message, which the supervisor passes on. Waits until an answer was passed on.
fn send_one(context: &Context, repo: &Repo, id: &AgentId, request: &Request) -> Result<Sent> {
    let agent = status::read_agent(repo, id)?;
    let problem = match agent.liveness {
        Liveness::Live | Liveness::Remote => None,
        Liveness::Lost => Some(format!("the supervisor of '{id}' died")),
        Liveness::Ended => Some(format!("agent '{id}' is not running: it is {}", agent.phase.as_str())),
    };
    if let Some(what) = problem {
        return Err(Error::new(Code::AgentEnded, what)
            .hint(format!("git orchestra resume {id} -m '…' continues its session")));
    }
    let travels = agent.liveness == Liveness::Remote;
    if agent.phase == Phase::Queued && agent.cap.is_some() && request.allow.is_some() && !travels {
        return answer_queued(repo, id, agent, request);
    }
    let is_about_cap = agent.phase == Phase::Paused && request.allow.is_some();
    if !travels && !is_about_cap {
        check_reads_messages(repo, id, &agent)?;
    }
    // Nobody takes for a person's what an agent wrote.
    let caller = Caller::of(repo);
    let from = caller.agent().cloned().map(IdOrText::from);
    if let Some(from) = from.as_ref().and_then(IdOrText::id) {
        pace::check(repo, &caller, from, id)?;
    }
    let refused = RefCell::new(None);
    let composed = |agent: &Agent| match first_reply(repo, id, request) {
        Some(first) => Err(format!("got a reply to this question before: '{first}'; this one was not sent")),
        None => compose(request, agent),
    };
    let before = control::send(repo, id, |agent| match composed(agent) {
        Ok(message) => {
            refused.replace(None);
            Some(Message { from: from.clone(), ..message })
        }
        Err(why) => {
            refused.replace(Some(why));
            None
        }
    })?;
    if let Some(why) = refused.into_inner() {
        return Err(Error::refused(format!("agent '{id}' {why}")).hint(format!("git orchestra status {id}")));
    }
    let is_answer = before.question.is_some() && is_answer(request, &before);
    if is_answer && let Some(first) = earlier_answer(repo, id, &before)? {
        let said = match first.allow {
            Some(true) => "allowed",
            Some(false) => "denied",
            None => "answered",
        };
        return Err(Error::refused(format!(
            "'{id}' was answered before: {said}; this answer does not count"
        ))
        .hint(format!("git orchestra status {id}")));
    }
    if is_answer && !travels {
        wait_until_delivered(context, repo, id, &before)?;
    }
    let agent = status::read_agent(repo, id)?;
    let asked = before.request.as_ref().filter(|_| is_answer);
    Ok(Sent {
        answered: asked.map(|asked| asked.text.clone()).or(before.reason.clone().filter(|_| is_answer)),
        cut_from_bytes: asked.map(|asked| asked.cut_from_bytes).filter(|bytes| *bytes > 0),
        allowed_always: asked
            .and_then(|asked| asked.pattern.as_ref())
            .filter(|_| request.always)
            .map(ToString::to_string),
        travels,
        agent,
    })
}

/// Answers about the cap of the run or of the day that keeps an agent in the queue: raises it, or ends the agent.
fn answer_queued(repo: &Repo, id: &AgentId, agent: AgentObject, request: &Request) -> Result<Sent> {
    if request.always {
        return Err(Error::refused(format!("agent '{id}' waits for a cap, which cannot be raised for good"))
            .hint(format!("git orchestra send {id} --allow")));
    }
    let private = PrivateDir::new(repo.private_dir()?);
    let cap = agent.cap.as_ref().map(|cap| (cap.scope, cap.unit(), cap.sentence.clone()));
    let Some((scope, unit, sentence)) = cap else { return Err(Error::internal("no cap")) };
    if request.allow == Some(true) {
        let today = spending::day_of(repo.now(), &repo.environment().time_zone());
        SharedRaises::new(&private, &agent.run, today).raise(scope, unit)?;
        control::wake(repo, id)?;
    } else {
        let why = request.text.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        control::request(repo, id, StopMode::Stop, Some(&format!("{sentence}, and it was not raised{why}")))?;
    }
    Ok(Sent { answered: Some(sentence), cut_from_bytes: None, allowed_always: None, travels: false, agent })
}

/// Checks that its program reads messages.
///
/// # Errors
/// It reads none while it runs, or would run them as a script (3).
pub(super) fn check_reads_messages(repo: &Repo, id: &AgentId, agent: &AgentObject) -> Result<()> {
    // The program of a designer asks for its messages.
    if agent.designer {
        return Ok(());
    }
    let dir = PrivateDir::new(repo.private_dir()?).agent(id);
    let spec = Spec::read(&dir)?;
    // One that can be resumed reads them when its turn has ended.
    if !spec.launch.is_given_messages() {
        if asking::has_asked(&dir, agent.attempt) {
            return Ok(());
        }
        return Err(Error::new(
            Code::AgentNotListening,
            format!("agent '{id}' ({}) does not read messages while it runs", agent.profile),
        )
        .because("its program has not asked for any")
        .hint("a program asks with git orchestra inbox hear")
        .hint("without git, a program asks with sh -c \"$ORCHESTRA_INBOX\""));
    }
    if spec.launch.takes_prose() {
        return Ok(());
    }
    agents::check_prose(&agent.profile, &Config::of(repo), "a message")
}

fn check_request(request: &Request) -> Result<()> {
    if request.always && request.allow != Some(true) {
        return Err(Error::new(Code::MessageInvalid, "only what is allowed can be allowed for good")
            .hint("git orchestra send AGENT --allow --always"));
    }
    if request.all && (request.allow.is_none() || !request.agents.is_empty()) {
        return Err(Error::new(Code::MessageInvalid, "only an answer can be sent to all agents that wait")
            .hint("git orchestra send --all --allow")
            .hint("git orchestra send --all --deny"));
    }
    let text = request.text.as_deref().map(str::trim);
    if request.allow.is_none() && text.is_none_or(str::is_empty) {
        return Err(Error::new(Code::MessageInvalid, "nothing to send")
            .hint("git orchestra send AGENT 'what to do next'")
            .hint("git orchestra send AGENT --allow")
            .hint("git orchestra send AGENT --deny"));
    }
    match request.text.as_ref().map_or(0, String::len) {
        length if length > MAX_TEXT => Err(Error::new(
            Code::MessageInvalid,
            format!("the message has {length} bytes; the limit is {MAX_TEXT}"),
        )
        .hint("put the long part into a file in the agent's worktree, and refer to it")),
        _ => Ok(()),
    }
}

/// Returns the beginning of the reply that a question got before, if this is another one. What was written meanwhile is known, because the
/// log is locked.
fn first_reply(repo: &Repo, id: &AgentId, request: &Request) -> Option<String> {
    let re = request.re.as_ref()?;
    let events = Chain::of(repo, id).ok()?.events;
    let is_question = events.iter().any(|event| {
        event.id.short() == *re
            && matches!(&event.fact, Some(Fact::Said(said)) if said.kind == MessageKind::Question)
    });
    let mut replies = in_order(&events).into_iter().filter_map(|event| match &event.fact {
        Some(Fact::Send(sent)) if sent.re.as_ref() == Some(re) => sent.text.as_ref(),
        _ => None,
    });
    replies.next().filter(|_| is_question).map(|text| text::one_line(text, MAX_FIRST_REPLY))
}

fn compose(request: &Request, agent: &Agent) -> std::result::Result<Message, String> {
    // An agent that waits for the end of a usage limit reads the message then.
    if agent.phase.is_at_rest() && !agent.waits_at_rest() {
        return Err(format!("has ended: it is {}", agent.phase.as_str()));
    }
    if request.allow.is_some() && !agent.asks() {
        return Err("is not waiting for an answer".to_owned());
    }
    if request.question.is_some() && request.question != agent.question {
        return Err("asks something else now".to_owned());
    }
    if request.always {
        check_pattern(agent)?;
    }
    let question = agent.question.clone().filter(|_| is_answer(request, agent));
    let re = request.re.clone();
    Ok(Message {
        text: request.text.clone(),
        allow: request.allow,
        always: request.always,
        question,
        re,
        from: None,
        about: Vec::new(),
    })
}

/// Checks that what the agent asks for can be allowed for good.
fn check_pattern(agent: &Agent) -> std::result::Result<(), String> {
    if agent.asks_about_cap() {
        return Err("asks to raise a cap, which cannot be raised for good".to_owned());
    }
    if agent.choice {
        return Err("asks for a choice, which cannot be made for good".to_owned());
    }
    match &agent.request {
        Some(asked) if asked.pattern.is_some() => Ok(()),
        Some(asked) => {
            Err(format!("asks for something too long to be recognized: {} bytes", asked.cut_from_bytes))
        }
        None => Err("was started by an older version, which can only allow it once".to_owned()),
    }
}

fn is_answer(request: &Request, agent: &Agent) -> bool {
    agent.asks() && (request.allow.is_some() || agent.choice)
}

/// Returns the answer to the same question that was recorded before this one, if there is one. `after` is the agent after it.
/// The first answer counts.
fn earlier_answer(repo: &Repo, id: &AgentId, after: &Agent) -> Result<Option<Message>> {
    let mut events = Chain::of_agent(repo, id)?.events;
    events.sort_unstable_by_key(Event::order);
    let earlier = events.into_iter().filter(|event| event.lamport < after.lamport);
    let trusted = earlier.filter(|event| verdicts::is_trusted(repo, &event.writer));
    let answers = trusted.filter_map(|event| match event.fact {
        Some(Fact::Send(message)) if message.question == after.question => Some(message),
        _ => None,
    });
    Ok(answers.into_iter().next())
}

fn wait_until_delivered(context: &Context, repo: &Repo, id: &AgentId, before: &Agent) -> Result<()> {
    let deadline = Instant::now() + context.limits().answer;
    let mut backoff = Backoff::millis(5, 100);
    loop {
        let now = store::agent(repo, id)?;
        if !now.asks() || now.question != before.question {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Error::new(
                Code::AgentTimeout,
                format!("the answer to '{id}' is recorded, but its supervisor has not passed it on yet"),
            )
            .hint(format!("git orchestra status {id}")));
        }
        if context.cancel.wait(backoff.pause()) {
            return Err(interrupted(format!("interrupted; the answer to '{id}' is recorded"))
                .hint(format!("git orchestra status {id}")));
        }
    }
}
