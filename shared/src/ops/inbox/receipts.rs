//! What an agent wrote, and what is known of each message: who read it, what was replied, and which program got that.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::InboxMessage;
use crate::{
    Result,
    git::Repo,
    model::{
        AgentId, Event, Fact, IdOrText, WriterId,
        event::in_order,
        said::{HeardHow, Said},
        text,
        via::Via,
    },
    store::{AgentLog, Chain},
    world::Timestamp,
};

/// That a person read a message.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ReadReceipt {
    /// When, by the clock of the clone that recorded it.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// Who, by the name in git's configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The window in which they read it, if it is not a terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
}

/// That the program of an agent got a message.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct HeardReceipt {
    /// When, by the clock of the clone that recorded it.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// How it got it.
    pub how: HeardHow,
    /// The attempt that got it.
    pub attempt: u32,
}

/// Reads all messages of an agent, oldest first.
pub(super) fn messages_of(repo: &Repo, id: &AgentId) -> Result<Vec<InboxMessage>> {
    let log = AgentLog::of(repo, id)?;
    let (mut all, mut parents) = (Vec::new(), BTreeMap::new());
    let chain = Chain::of(repo, id)?;
    let events = of_owner(&chain.events, &log.fold.agent.writer);
    let mut replies: BTreeMap<String, usize> = BTreeMap::new();
    for event in &events {
        match &event.fact {
            Some(Fact::Said(said)) => {
                let unread = log.fold.messages.is_unread(&event.id.short());
                all.push(message_of(id, event, said, unread));
            }
            Some(Fact::Send(sent)) => {
                let re = sent.re.as_deref();
                let place = all.iter().position(|one: &InboxMessage| Some(one.id.as_str()) == re);
                if let Some((place, one)) = place.and_then(|place| Some((place, all.get_mut(place)?))) {
                    one.reply.clone_from(&sent.text);
                    one.reply_via = event.via;
                    one.reply_heard = None;
                    replies.insert(event.id.short(), place);
                }
            }
            Some(Fact::Read(read)) => {
                let by = read.by.as_ref().map(|by| text::safe(by).into_owned());
                let receipt = ReadReceipt { at: event.at, by, via: event.via };
                for one in all.iter_mut().filter(|one| read.messages.contains(&one.id)) {
                    one.read.get_or_insert_with(|| receipt.clone());
                }
            }
            Some(Fact::Heard(heard)) => {
                for id in &heard.messages {
                    if let Some(one) = replies.get(id).and_then(|place| all.get_mut(*place)) {
                        one.reply_heard = receipt(event);
                    }
                }
            }
            _ => {}
        }
    }
    for one in &mut all {
        let Some(parent) = one.parent.as_ref().and_then(IdOrText::id).cloned() else { continue };
        let heard = parents.entry(parent).or_insert_with_key(|parent| heard_by(repo, parent, id));
        one.heard = heard.get(&one.id).cloned();
    }
    Ok(all)
}

/// Returns which messages of an agent the program of its parent got; none if its events cannot be read.
fn heard_by(repo: &Repo, parent: &AgentId, sender: &AgentId) -> BTreeMap<String, HeardReceipt> {
    let (Ok(log), Ok(chain)) = (AgentLog::of(repo, parent), Chain::of(repo, parent)) else {
        return BTreeMap::new();
    };
    let (mut passed_on, mut heard_of) = (BTreeMap::new(), BTreeMap::new());
    for event in of_owner(&chain.events, &log.fold.agent.writer) {
        match &event.fact {
            Some(Fact::Send(sent)) if sent.from.as_ref().and_then(IdOrText::id) == Some(sender) => {
                passed_on.extend(sent.re.clone().map(|message| (event.id.short(), message)));
            }
            Some(Fact::Heard(heard)) => {
                let known = heard.messages.iter().filter_map(|id| passed_on.get(id));
                heard_of.extend(known.filter_map(|message| Some((message.clone(), receipt(event)?))));
            }
            _ => {}
        }
    }
    heard_of
}

/// Returns the events of the clone in which an agent lives, in their order: only that clone knows who wrote a message.
fn of_owner<'a>(events: &'a [Event], owner: &WriterId) -> Vec<&'a Event> {
    in_order(events).into_iter().filter(|event| event.writer == *owner).collect()
}

fn receipt(event: &Event) -> Option<HeardReceipt> {
    match &event.fact {
        Some(Fact::Heard(heard)) => {
            Some(HeardReceipt { at: event.at, how: heard.how, attempt: heard.attempt })
        }
        _ => None,
    }
}

fn message_of(agent: &AgentId, event: &Event, said: &Said, unread: bool) -> InboxMessage {
    InboxMessage {
        id: event.id.short(),
        agent: agent.clone(),
        at: event.at,
        attempt: said.attempt,
        kind: said.kind,
        to: said.to,
        parent: IdOrText::short_or_none(said.parent.as_ref()),
        text: text::safe_block(&said.text),
        unread,
        read: None,
        heard: None,
        reply: None,
        reply_via: None,
        reply_heard: None,
    }
}
