//! What was sent to a designer. Its program is not given messages, as those of other agents are: it asks for them.

use crate::{
    git::Repo,
    ops::{
        designer,
        inbox::{self, SentText},
    },
};

/// The most messages that are returned, the newest.
const MAX_RECEIVED: usize = 50;

/// Returns what was sent to the designer whose program calls, oldest first; nothing for other callers.
pub(super) fn received(repo: &Repo) -> Vec<SentText> {
    let Some(id) = designer::of_caller(repo) else { return Vec::new() };
    let mut all = inbox::sent_to(repo, &id).unwrap_or_default();
    all.drain(..all.len().saturating_sub(MAX_RECEIVED));
    all
}
