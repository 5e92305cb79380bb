//! Work of an agent on which two clones worked at the same time: both resumed it, or one took it over while it ran in the other. One of
//! the attempts counts, and what the other clone made is not part of the agent's work. Pure.

use serde::{Deserialize, Serialize};

use super::{CommitId, IdOrText, WriterId, lines::JsonItem};

/// The most clones of which the work is remembered.
const MAX_CLONES: usize = 16;

/// The newest work that a clone recorded for an agent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OtherWork {
    /// The commit that holds it.
    pub head: IdOrText<CommitId>,
    /// The clone.
    pub writer: WriterId,
}

impl OtherWork {
    /// Sets the newest work of a clone, in a list that is sorted by clone.
    pub(super) fn set(all: &mut Vec<Self>, writer: &WriterId, head: &IdOrText<CommitId>) {
        if head.commit().is_none() {
            return;
        }
        match all.binary_search_by(|known| known.writer.cmp(writer)) {
            Ok(at) => all[at].head = head.short(),
            Err(at) if all.len() < MAX_CLONES => {
                all.insert(at, Self { head: head.short(), writer: writer.clone() });
            }
            Err(_) => {}
        }
    }
}

impl JsonItem for OtherWork {}
