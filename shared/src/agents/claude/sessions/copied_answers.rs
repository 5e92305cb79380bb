//! Subagents whose transcripts begin with copies of their session's answers, which must not be counted twice.

use std::{collections::HashSet, io, path::Path};

use memchr::memmem;

use super::{fold, parse::each};
use crate::conversation::{ConversationFacts, lines, open::open};

/// Maximum number of answers that are compared.
const MOST: usize = 1_000_000;

/// Returns the facts of a subagent without the answers that it copied from its session; `None` if it copied none.
///
/// # Errors
/// One of the files cannot be read.
pub(super) fn own_part(inner: &Path, conversation: &Path) -> io::Result<Option<ConversationFacts>> {
    // Copied answers come first.
    let Some(first) = first_answer(inner)? else { return Ok(None) };
    if !mentions(conversation, &first)? {
        return Ok(None);
    }
    let known = answers(conversation)?;
    let mut own = ConversationFacts::default();
    lines::read(open(inner)?, |line| {
        if let Some(bytes) = line.bytes().filter(|bytes| answer(bytes).is_none_or(|id| !known.contains(&id)))
        {
            fold::apply_line(&mut own, bytes);
        }
        true
    })?;
    Ok(Some(own))
}

/// Returns the id of the answer that a line belongs to.
fn answer(line: &[u8]) -> Option<String> {
    let mut id = None;
    each(line, |line| {
        let message = line.message.as_ref().filter(|_| line.kind == "assistant");
        id = id.take().or_else(|| message?.id.as_deref().map(str::to_owned));
    });
    id
}

fn first_answer(file: &Path) -> io::Result<Option<String>> {
    let mut first = None;
    lines::read(open(file)?, |line| {
        first = line.bytes().and_then(answer);
        first.is_none()
    })?;
    Ok(first)
}

/// Returns whether a file contains an id anywhere. It is cheap because nothing is parsed.
fn mentions(file: &Path, id: &str) -> io::Result<bool> {
    let (id, mut found) = (memmem::Finder::new(id), false);
    lines::read(open(file)?, |line| {
        found = line.bytes().is_some_and(|bytes| id.find(bytes).is_some());
        !found
    })?;
    Ok(found)
}

fn answers(file: &Path) -> io::Result<HashSet<String>> {
    let mut known = HashSet::new();
    lines::read(open(file)?, |line| {
        known.extend(line.bytes().filter(|bytes| fold::is_counted(bytes)).and_then(answer));
        known.len() < MOST
    })?;
    Ok(known)
}
