//! `inbox`: what agents say and ask, to people; and what an agent's program says there.

mod hear;
mod receipts;
mod tell;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use self::hear::{note_heard, sent_to};
use self::receipts::messages_of;
pub use self::{
    hear::{HearReport, SentText, hear, hear_in_hook},
    receipts::{HeardReceipt, ReadReceipt},
    tell::{TellReport, TellRequest, tell},
};
pub use crate::model::said::{HeardHow, MAX_TEXT, MAX_UNREAD, MessageKind, Receiver};
use crate::{
    Code, Error, Result,
    backoff::Backoff,
    context::{Context, interrupted},
    git::Repo,
    model::{AgentId, Fact, IdOrText, Liveness, said::ReadMessages, text, via::Via},
    ops::{
        agent_object::AgentObject,
        selection, send,
        status::{self, Unreadable},
    },
    store::{Listing, append_if, layout::PrivateDir, list::ListRow, writer},
    supervise::liveness,
    world::Timestamp,
};

/// The most messages that are listed, the newest.
const MAX_LISTED: usize = 200;
/// The longest name of a person that is recorded, in columns.
const MAX_NAME: usize = 80;
/// How many digits of its id name a message.
const ID_LENGTH: usize = 12;
/// The fewest digits of an id that are accepted.
const MIN_ID_LENGTH: usize = 4;

/// Which messages to list.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// Only messages of these agents, by id, unique prefix, or tag; if empty, of all.
    pub agents: Vec<String>,
    /// Whether to list also what somebody has read, and what was for another agent.
    pub all: bool,
}

/// What agents say and ask.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "InboxReport")]
pub struct Report {
    /// The messages, oldest first.
    pub messages: Vec<InboxMessage>,
    /// The number of older messages that are not in the list.
    pub hidden: usize,
    /// The agents that wrote so many messages which nobody has read that they can write no more to people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub full: Vec<AgentId>,
    /// The agents of this clone that wait for an answer of a person.
    pub waiting: Vec<AgentObject>,
    /// The agents whose events cannot be read.
    pub unreadable: Vec<Unreadable>,
}

impl Report {
    /// Returns whether nobody has to read or answer anything.
    pub const fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.waiting.is_empty()
    }
}

/// A message of an agent.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct InboxMessage {
    /// The id of the message; the first digits are enough.
    pub id: String,
    /// The agent whose program wrote it.
    pub agent: AgentId,
    /// When it was written, by the clock of the clone that recorded it.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// The attempt in which it was written.
    pub attempt: u32,
    /// What it is about.
    pub kind: MessageKind,
    /// Who it is for.
    pub to: Receiver,
    /// The agent that got it, if it is for the parent.
    pub parent: Option<IdOrText<AgentId>>,
    /// The text. It is the program's own, and may contain anything but control characters.
    pub text: String,
    /// Whether nobody has read it. What is for another agent counts as read, unless that one ended before its program got it.
    pub unread: bool,
    /// When a person read it first, and who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<ReadReceipt>,
    /// When the program of the parent got it, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<HeardReceipt>,
    /// What was replied last.
    pub reply: Option<String>,
    /// Through which window that reply was sent, if not from a terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_via: Option<Via>,
    /// When the program of the agent got that reply, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_heard: Option<HeardReceipt>,
}

/// The agents that can write no more to people until some of their messages are read.
fn full(messages: &[InboxMessage]) -> Vec<AgentId> {
    let mut counts: BTreeMap<&AgentId, usize> = BTreeMap::new();
    for one in messages.iter().filter(|one| one.unread && one.to == Receiver::People) {
        *counts.entry(&one.agent).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count >= MAX_UNREAD).map(|(agent, _)| agent.clone()).collect()
}

/// Lists messages and the agents that wait. Nothing is marked as read.
///
/// # Errors
/// A named agent is not there (3), or the refs cannot be read.
pub fn run(context: &Context, repo: &Repo, request: &Request) -> Result<Report> {
    context.check()?;
    let listing = Listing::read(repo)?;
    let named: Option<BTreeSet<AgentId>> = match request.agents.as_slice() {
        [] => None,
        names => Some(selection::named(repo, &listing, names)?.into_iter().collect()),
    };
    let is_meant = |id: &AgentId| named.as_ref().is_none_or(|named| named.contains(id));
    let trailer = if request.all { "Said" } else { "Unread" };
    let parent_of = |row: &ListRow| AgentId::parse(listing.trailer(row, "Parent")?).ok();
    // What an agent did not get before it ended is for people.
    let told_nobody = |row: &ListRow| {
        listing.trailer(row, "Said").is_some() && parent_of(row).is_some_and(|id| !hears(repo, &listing, &id))
    };
    let has_any = |row: &&ListRow| {
        is_meant(&row.id) && (listing.trailer(row, trailer).is_some() || !request.all && told_nobody(row))
    };
    let mut report = Report { unreadable: listing.broken.clone(), ..Report::default() };
    for row in listing.rows.iter().filter(has_any) {
        context.check()?;
        let mut messages = messages_of(repo, &row.id)?;
        if told_nobody(row) {
            messages.iter_mut().filter(|one| is_unheard(one)).for_each(|one| one.unread = true);
        }
        report.messages.extend(messages.into_iter().filter(|one| request.all || one.unread));
    }
    // Those of one agent stay in the order in which it wrote them.
    report.messages.sort_by(|a, b| (a.at, &a.agent).cmp(&(b.at, &b.agent)));
    report.full = full(&report.messages);
    report.hidden = report.messages.len().saturating_sub(MAX_LISTED);
    report.messages.drain(..report.hidden);
    let waiting = send::waiting(context, repo)?;
    for id in waiting.iter().filter(|id| is_meant(id)) {
        report.waiting.push(status::read_agent(repo, id)?);
    }
    Ok(report)
}

/// Returns whether an agent of this clone, or of another one, still may get messages.
fn hears(repo: &Repo, listing: &Listing, id: &AgentId) -> bool {
    let Some(agent) = listing.row(id).and_then(|row| listing.agent(repo, row).ok()) else { return false };
    let Ok(private) = repo.private_dir().map(PrivateDir::new) else { return true };
    match liveness::of(&private, id, &agent, listing.writer.as_deref()) {
        Liveness::Live | Liveness::Remote => true,
        Liveness::Lost | Liveness::Ended => false,
    }
}

/// Returns whether nobody got a message that was for the parent of its agent.
const fn is_unheard(one: &InboxMessage) -> bool {
    matches!(one.to, Receiver::Parent) && one.heard.is_none() && one.read.is_none() && one.reply.is_none()
}

/// Waits until there is a message that nobody has read, or an agent waits for an answer. Returns what there is at the end of the limit.
///
/// # Errors
/// As [`run`]; the user interrupts the wait (130).
pub fn wait(context: &Context, repo: &Repo, request: &Request, limit: Option<Duration>) -> Result<Report> {
    let begun = std::time::Instant::now();
    let unread = Request { all: false, ..request.clone() };
    let mut backoff = Backoff::millis(50, 1000);
    loop {
        let report = run(context, repo, &unread)?;
        let left = limit.map(|limit| limit.saturating_sub(begun.elapsed()));
        if !report.is_empty() || left.is_some_and(|left| left.is_zero()) {
            return if request.all { run(context, repo, request) } else { Ok(report) };
        }
        let pause = backoff.pause();
        if context.cancel.wait(left.map_or(pause, |left| left.min(pause))) {
            return Err(interrupted("interrupted; nothing came"));
        }
    }
}

/// Which messages to mark as read.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadRequest {
    /// The messages, by the first digits of their ids.
    pub messages: Vec<String>,
    /// Whether all unread messages are meant, instead of `messages`.
    pub all: bool,
}

/// The messages that were marked as read.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "InboxReadReport")]
pub struct ReadReport {
    /// The messages, as they were before.
    pub messages: Vec<InboxMessage>,
}

/// Marks messages as read, and returns them. If one of the ids names no message, none is marked.
///
/// # Errors
/// No message is named (2), an id names no message or several (3), an agent called it, or its agent belongs to another clone (3).
pub fn read(context: &Context, repo: &Repo, request: &ReadRequest) -> Result<ReadReport> {
    only_for_people(repo, "mark messages as read")?;
    if request.messages.is_empty() && !request.all {
        return Err(Error::usage("no message named")
            .hint("git orchestra inbox read ID")
            .hint("git orchestra inbox read --all"));
    }
    let listed = run(context, repo, &Request { all: !request.all, ..Request::default() })?.messages;
    let chosen: Vec<InboxMessage> = if request.all {
        listed
    } else {
        let mut chosen: Vec<InboxMessage> = Vec::new();
        for typed in &request.messages {
            let one = find(&listed, typed)?;
            if !chosen.contains(one) {
                chosen.push(one.clone());
            }
        }
        chosen
    };
    let own = writer::known_writer(repo);
    for one in &chosen {
        let agent = crate::store::agent(repo, &one.agent)?;
        if !request.all && own.as_deref() != Some(agent.writer.as_str()) {
            let clone = agent.label.as_deref().unwrap_or(&agent.writer);
            let what = format!("'{}' belongs to clone {clone}, where its messages are read", one.agent);
            return Err(Error::new(Code::AgentOfAnotherClone, what));
        }
    }
    let agents: BTreeSet<&AgentId> = chosen.iter().map(|one| &one.agent).collect();
    for id in agents {
        context.check()?;
        mark(repo, id, &chosen)?;
    }
    Ok(ReadReport { messages: chosen })
}

/// Marks those of some messages as read that are of one agent and that nobody has read.
fn mark(repo: &Repo, id: &AgentId, chosen: &[InboxMessage]) -> Result<()> {
    let own = writer::known_writer(repo);
    let by = repo.identity().ok().map(|person| text::one_line(&person.name, MAX_NAME));
    append_if(repo, id, |fold| {
        let is_open = |one: &&InboxMessage| {
            fold.messages.is_unread(&one.id) || one.unread && one.to == Receiver::Parent
        };
        let of_agent = chosen.iter().filter(|one| one.agent == *id).filter(is_open);
        let messages: Vec<String> = of_agent.map(|one| one.id.clone()).collect();
        let is_ours = own.as_deref() == Some(fold.agent.writer.as_str());
        (is_ours && !messages.is_empty()).then(|| vec![Fact::Read(ReadMessages { messages, by: by.clone() })])
    })?;
    Ok(())
}

/// A reply to a message.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReplyRequest {
    /// The message, by the first digits of its id.
    pub message: String,
    /// The reply.
    pub text: String,
}

/// A reply that was sent.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct ReplyReport {
    /// The message, with the reply.
    pub message: InboxMessage,
    /// The agent, after it was sent.
    pub agent: AgentObject,
}

/// Sends a reply to the agent that wrote a message, and marks that as read.
///
/// # Errors
/// The text is empty or too long (2), the id names no message or several (3), or the agent gets no messages now, as of [`send::run`].
pub fn reply(context: &Context, repo: &Repo, request: &ReplyRequest) -> Result<ReplyReport> {
    only_for_people(repo, "reply to messages")?;
    let listed = run(context, repo, &Request { all: true, ..Request::default() })?.messages;
    let message = find(&listed, &request.message)?.clone();
    let send = send::Request {
        agents: vec![message.agent.to_string()],
        text: Some(request.text.clone()),
        re: Some(message.id.clone()),
        ..send::Request::default()
    };
    send::run(context, repo, &send)?;
    mark(repo, &message.agent, std::slice::from_ref(&message))?;
    let agent = status::read_agent(repo, &message.agent)?;
    let (reply, reply_via) = (Some(request.text.clone()), repo.environment().via());
    Ok(ReplyReport { message: InboxMessage { unread: false, reply, reply_via, ..message }, agent })
}

/// Finds a message by the first digits of its id.
fn find<'a>(all: &'a [InboxMessage], typed: &str) -> Result<&'a InboxMessage> {
    let shown = text::one_line(typed, 40);
    let is_id =
        (MIN_ID_LENGTH..=ID_LENGTH).contains(&typed.len()) && typed.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_id {
        return Err(Error::new(Code::NameInvalid, format!("'{shown}' is not the id of a message"))
            .hint("git orchestra inbox --all shows the ids"));
    }
    let typed = typed.to_ascii_lowercase();
    let mut found = all.iter().filter(|one| one.id.starts_with(&typed));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => {
            Err(Error::new(Code::MessageUnknown, format!("'{shown}' names several messages"))
                .hint("type more digits of the id"))
        }
        (None, _) => Err(Error::new(Code::MessageUnknown, format!("no message has the id '{shown}'"))
            .hint("git orchestra inbox --all shows the ids")),
    }
}

fn only_for_people(repo: &Repo, what: &str) -> Result<()> {
    if !repo.is_called_by_agent() {
        return Ok(());
    }
    Err(Error::new(Code::NotForAgents, format!("an agent cannot {what}"))
        .hint("git orchestra inbox, in a shell of your own"))
}

#[cfg(test)]
mod tests;
