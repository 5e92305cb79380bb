//! What was sent to a designer. Its program is not given messages, as those of other agents are: it asks for them.

use crate::{
    git::Repo,
    model::{AgentId, Fact, event::in_order, text},
    ops::{designer, mcp::answer},
    store::Chain,
    world::Timestamp,
};

/// The most messages that are returned, the newest.
const MAX_RECEIVED: usize = 50;

/// A message to a designer.
pub(super) struct Received {
    /// When it was sent.
    pub(super) at: Timestamp,
    /// The message, with who sent it.
    pub(super) text: String,
}

/// Returns what was sent to the designer whose program calls, oldest first; nothing for other callers.
pub(super) fn received(repo: &Repo) -> Vec<Received> {
    let Some(id) = designer::of_caller(repo) else { return Vec::new() };
    let all = sent_to(repo, &id).unwrap_or_default();
    let from = all.len().saturating_sub(MAX_RECEIVED);
    all.into_iter().skip(from).collect()
}

fn sent_to(repo: &Repo, id: &AgentId) -> Option<Vec<Received>> {
    let chain = Chain::of_agent(repo, id).ok()?;
    let owner = chain.fold().agent.writer;
    let ours = in_order(&chain.events).into_iter().filter(|event| event.writer == owner);
    let of = ours.filter_map(|event| {
        let Some(Fact::Send(sent)) = &event.fact else { return None };
        let from = sent
            .from
            .as_ref()
            .map_or_else(|| "a person".to_owned(), |from| text::one_line(from.as_str(), 80));
        let written = answer::as_data(sent.text.as_deref()?);
        Some(Received { at: event.at, text: format!("{} to you from {from}\n{written}", event.id.short()) })
    });
    Some(of.collect())
}
