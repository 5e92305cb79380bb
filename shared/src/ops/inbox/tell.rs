//! What an agent's program says: to people, or to the agent that started it.

use std::cell::RefCell;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Result,
    context::Context,
    git::Repo,
    model::{
        AgentId, Fact, IdOrText, Liveness,
        event::Message,
        said::{self, MAX_TEXT, MessageKind, Receiver, Said},
    },
    ops::{caller::Caller, pace, send, status},
    store::{AgentLog, Chain, append_if, layout::PrivateDir, writer},
    supervise::{control, processes::Processes},
};

/// What an agent's program says.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TellRequest {
    /// What it is about.
    pub kind: MessageKind,
    /// Who it is for; by default the agent that started this one, if it reads messages now, else people.
    pub to: Option<Receiver>,
    /// The text.
    pub text: String,
}

/// The message as it was recorded.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct TellReport {
    /// The id of the message.
    pub id: String,
    /// The agent that wrote it.
    pub agent: AgentId,
    /// Who it is for.
    pub to: Receiver,
    /// The agent that got it, if it is for the parent.
    pub parent: Option<AgentId>,
}

/// Records a message of the calling program in the history of its agent. If it is for the parent, that gets it as data.
///
/// # Errors
/// The text is empty or too long (2). The caller is not the program of a running agent of this repository, the agent wrote too many
/// messages, or it is for a parent that gets none now (3).
pub fn tell(context: &Context, repo: &Repo, request: &TellRequest) -> Result<TellReport> {
    context.check()?;
    check_text(&request.text)?;
    if request.kind == MessageKind::Other || request.to == Some(Receiver::Other) {
        return Err(Error::usage(
            "a message is a question, an error, complete, or a note, to people or the parent",
        ));
    }
    let (id, attempt) = sender(repo)?;
    let agent = status::read_agent(repo, &id)?;
    let parent = agent.parent.as_ref().and_then(IdOrText::id).cloned();
    let parent = match (request.to, parent) {
        (Some(Receiver::People), _) | (None, None) => None,
        (Some(Receiver::Parent | Receiver::Other), None) => {
            return Err(Error::refused(format!("no agent started '{id}'"))
                .hint("git orchestra inbox tell --to people"));
        }
        (to, Some(parent)) => match reads_now(repo, &parent) {
            Ok(()) => Some(parent),
            Err(_) if to.is_none() => None,
            Err(error) => return Err(error.hint("git orchestra inbox tell --to people")),
        },
    };
    if let Some(parent) = &parent {
        pace::check(repo, &Caller::of(repo), &id, parent)?;
    }
    let to = if parent.is_some() { Receiver::Parent } else { Receiver::People };
    let parent_field = parent.clone().map(IdOrText::from);
    let text = request.text.trim().to_owned();
    let said = Said { attempt, kind: request.kind, to, parent: parent_field, text: text.clone() };
    let refused = RefCell::new(None);
    let before = RefCell::new(0);
    append_if(repo, &id, |fold| {
        before.replace(fold.agent.lamport);
        let refusal = fold.messages.refusal(attempt, to);
        let facts = refusal.is_none().then(|| vec![Fact::Said(said.clone())]);
        refused.replace(refusal);
        facts
    })?;
    if let Some(why) = refused.into_inner() {
        return Err(Error::new(Code::MessageLimit, format!("the message of '{id}' is not recorded: {why}"))
            .hint("git orchestra inbox read --all, typed by a person, marks messages as read"));
    }
    let message = recorded(repo, &id, before.into_inner(), &said)?;
    if let Some(parent) = &parent {
        let data = said::as_data(&id, &message, request.kind, &text);
        let from = Some(IdOrText::from(id.clone()));
        control::send(repo, parent, |_| {
            let re = Some(message.clone());
            Some(Message { text: Some(data.clone()), from: from.clone(), re, ..Message::default() })
        })?;
    }
    Ok(TellReport { id: message, agent: id, to, parent })
}

fn check_text(text: &str) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::new(Code::MessageInvalid, "nothing to tell")
            .hint("git orchestra inbox tell --kind question 'what do you need to know?'"));
    }
    match text.len() {
        length if length > MAX_TEXT => Err(Error::new(
            Code::MessageInvalid,
            format!("the message has {length} bytes; the limit is {MAX_TEXT}"),
        )
        .hint("put the long part into a file in the worktree, and refer to it")),
        _ => Ok(()),
    }
}

/// Returns the agent whose program calls, with its attempt.
pub(super) fn sender(repo: &Repo) -> Result<(AgentId, u32)> {
    if !repo.is_called_by_agent() {
        return Err(Error::refused("only the program of an agent can do that")
            .hint("git orchestra send AGENT 'text' sends a message to an agent"));
    }
    let id = Caller::of(repo).require_agent()?.clone();
    let own = writer::known_writer(repo);
    let of_this_clone =
        AgentLog::of(repo, &id).is_ok_and(|log| own.as_deref() == Some(log.fold.agent.writer.as_str()));
    let record = Processes::read(&PrivateDir::new(repo.private_dir()?).agent(&id));
    match record.filter(|record| of_this_clone && record.attempt > 0) {
        Some(record) => Ok((id, record.attempt)),
        None => Err(Error::refused(format!(
            "the caller is not the program of a running agent '{id}' of this repository"
        ))
        .hint("an agent in a sandbox cannot write into the history: let it end with its question")),
    }
}

/// Checks that an agent gets messages now, as text.
fn reads_now(repo: &Repo, parent: &AgentId) -> Result<()> {
    let agent = status::read_agent(repo, parent)?;
    if agent.liveness != Liveness::Live || agent.phase.is_at_rest() {
        return Err(Error::new(
            Code::AgentEnded,
            format!("agent '{parent}', which started this one, does not run here"),
        ));
    }
    send::check_reads_messages(repo, parent, &agent)
}

/// Returns the id of the message that was just recorded.
fn recorded(repo: &Repo, id: &AgentId, after: u64, said: &Said) -> Result<String> {
    let chain = Chain::of(repo, id)?;
    let is_it = |fact: Option<&Fact>| matches!(fact, Some(Fact::Said(one)) if one == said);
    let found = chain.events.iter().find(|event| event.lamport > after && is_it(event.fact.as_ref()));
    found
        .map(|event| event.id.short())
        .ok_or_else(|| Error::internal("the message that was recorded is not in the history"))
}
