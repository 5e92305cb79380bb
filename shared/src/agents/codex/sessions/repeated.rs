//! A sub-agent whose file begins with a copy of its conversation's: header, prompts and token counts.

use std::{collections::HashSet, io, path::Path};

use serde_json::Value;

use super::{each, learn};
use crate::conversation::{ConversationFacts, json, lines, open::open};

/// More token counts than any conversation has.
const MOST: usize = 100_000;

/// What the sub-agent itself used and said; nothing where its file repeats none of its conversation's.
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
                // What was used up to here is the conversation's.
                Some((read, written)) => {
                    (own.input_tokens, own.output_tokens) = (Some(read), Some(written));
                    own.days.clear();
                    (own.messages, own.unanswered) = (0, 0);
                    (own.first_prompt, own.last_prompt) = (None, None);
                }
                None => learn(&mut own, line),
            }
        });
        true
    })?;
    // The sums of the file hold those of the conversation.
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
        // A copied header follows the file's own at once.
        seen < 3 && headers.len() < 2
    })?;
    Ok(headers.len() > 1)
}

/// Every sum of tokens that a conversation noted.
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
