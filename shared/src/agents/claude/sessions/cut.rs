//! Cutting a session: the beginning of its transcript becomes another session, and the old one stays as it is.

use std::{fs::File, io::Read as _, path::Path};

use serde_json::Value;

use super::{config, restore};
use crate::{
    Kind, Result,
    error::ErrorContext,
    model::{SessionId, text},
    world::{self, Environment},
};

/// Maximum size of what is left of a transcript, in bytes.
const MAX_TRANSCRIPT: u64 = 256 << 20;

/// Writes the first `length` bytes of a transcript as another session for `folder`. Returns its id; `None` if nothing would be left.
///
/// # Errors
/// The transcript cannot be read or written.
pub(super) fn cut(
    environment: &Environment,
    session: &str,
    folder: &Path,
    length: u64,
) -> Result<Option<SessionId>> {
    let Some(path) = config::transcript(environment, session).filter(|_| length <= MAX_TRANSCRIPT) else {
        return Ok(None);
    };
    let cannot = || format!("cannot read the session {}", text::safe(session));
    let mut content = Vec::new();
    File::open(&path)
        .and_then(|file| file.take(length).read_to_end(&mut content))
        .context(Kind::External, cannot)?;
    let content = String::from_utf8_lossy(&content);
    let new = world::uuid()?;
    let Some(kept) = beginning(&content, session, &new) else { return Ok(None) };
    restore::restore(environment, &new, folder, kept.as_bytes())?;
    Ok(Some(new.into()))
}

/// Returns the complete lines of a transcript under another id, without a prompt at its end that was not answered yet.
fn beginning(content: &str, session: &str, new: &str) -> Option<String> {
    let complete = &content[..content.rfind('\n')? + 1];
    let lines: Vec<&str> = complete.split_inclusive('\n').collect();
    let mut kept = lines.len();
    for (at, line) in lines.iter().enumerate().rev() {
        match serde_json::from_str::<Value>(line) {
            Ok(line) if is_prompt(&line) => kept = at,
            Ok(line) if is_spoken(&line) => break,
            _ => {}
        }
    }
    let kept = &lines[..kept];
    let is_conversation = kept.iter().any(|line| {
        serde_json::from_str::<Value>(line).is_ok_and(|line| is_prompt(&line) || is_spoken(&line))
    });
    let id = |id: &str| format!("\"sessionId\":{}", Value::from(id));
    is_conversation.then(|| kept.concat().replace(&id(session), &id(new)))
}

/// Returns whether a line is a prompt: results of tools have the same type.
fn is_prompt(line: &Value) -> bool {
    let content = &line["message"]["content"];
    let is_result =
        content.as_array().is_some_and(|parts| parts.iter().any(|part| part["type"] == "tool_result"));
    line["type"] == "user" && !is_result
}

/// Returns whether a line is the agent's, or the result of its tool.
fn is_spoken(line: &Value) -> bool {
    line["type"] == "assistant" || line["type"] == "user" && !is_prompt(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_answered_and_what_is_not_whole_is_left_out() {
        let prompt = |text: &str| {
            format!("{{\"type\":\"user\",\"message\":{{\"content\":\"{text}\"}},\"sessionId\":\"old\"}}\n")
        };
        let answer = "{\"type\":\"assistant\",\"sessionId\":\"old\"}\n";
        let result = "{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\"}]}}\n";
        let other = "{\"type\":\"mode\"}\n";
        let of = |parts: &[&str]| beginning(&parts.concat(), "old", "new");
        let (one, two) = (prompt("1"), prompt("2"));
        let renamed = |parts: &[&str]| Some(parts.concat().replace("old", "new"));
        for (parts, kept) in [
            (vec![&*one, answer], renamed(&[&one, answer])),
            (vec![&*one, answer, other, &two, other], renamed(&[&one, answer, other])),
            (vec![&*one, answer, result], renamed(&[&one, answer, result])),
            (vec![&*one, answer, "{\"type\":\"assis"], renamed(&[&one, answer])),
            (vec![&*one, other], None),
            (vec![other], None),
            (vec!["{"], None),
        ] {
            assert_eq!(of(&parts), kept, "{parts:?}");
        }
    }
}
