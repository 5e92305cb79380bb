//! Subagents whose transcripts begin with a copy of their session's: header, prompts, and token counts.

use std::{collections::HashSet, io, path::Path};

use serde_json::Value;

use super::{apply, each};
use crate::conversation::{ConversationFacts, json, lines, open::open};

/// Maximum number of token counts that are compared.
const MOST: usize = 100_000;

/// Returns the facts of a subagent without what it copied from its session; `None` if it copied nothing.
///
/// # Errors
/// One of the files cannot be read.
pub(super) fn own_part(inner: &Path, conversation: &Path) -> io::Result<Option<ConversationFacts>> {
    if !repeats_a_header(inner)? {
        return Ok(None);
    }
    let known = totals(conversation)?;
    let mut own = ConversationFacts::default();
    lines::read(open(inner)?, |line| {
        let Some(bytes) = line.bytes() else { return true };
        each(bytes, |line| {
            let total = total(&line.payload);
            let is_repeated = total.is_some_and(|total| known.contains(&total));
            match total.filter(|_| is_repeated) {
                // The usage up to here belongs to the session.
                Some((read, written)) => {
                    (own.input_tokens, own.output_tokens) = (Some(read), Some(written));
                    own.days.clear();
                    (own.messages, own.unanswered) = (0, 0);
                    (own.first_prompt, own.last_prompt) = (None, None);
                }
                None => apply(&mut own, line),
            }
        });
        true
    })?;
    // The totals in the file include those of the session.
    (own.input_tokens, own.output_tokens) = (None, None);
    Ok(Some(own))
}

fn repeats_a_header(inner: &Path) -> io::Result<bool> {
    let (mut headers, mut seen) = (HashSet::new(), 0);
    lines::read(open(inner)?, |line| {
        seen += 1;
        line.bytes().into_iter().for_each(|bytes| {
            each(bytes, |line| {
                if line.kind == "session_meta" {
                    headers.extend(line.payload["id"].as_str().map(str::to_owned));
                }
            });
        });
        // A copied header follows immediately after the file's own.
        seen < 3 && headers.len() < 2
    })?;
    Ok(headers.len() > 1)
}

/// Returns every total of tokens that a session recorded.
fn totals(conversation: &Path) -> io::Result<HashSet<(u64, u64)>> {
    let mut known = HashSet::new();
    lines::read(open(conversation)?, |line| {
        line.bytes().into_iter().for_each(|bytes| {
            each(bytes, |line| known.extend(total(&line.payload)));
        });
        known.len() < MOST
    })?;
    Ok(known)
}

fn total(payload: &Value) -> Option<(u64, u64)> {
    let total = &payload["info"]["total_token_usage"];
    json::whole_number(&total["input_tokens"]).zip(json::whole_number(&total["output_tokens"]))
}
