//! What an agent said in its last attempt, for operations that ask an agent and use its answer.

use super::logs;
use crate::{Result, agents::StreamEvent, context::Context, git::Repo, model::AgentId};

/// Returns the text that an agent printed in its last attempt.
///
/// # Errors
/// Its output cannot be read.
pub(super) fn printed_text(context: &Context, repo: &Repo, id: &AgentId) -> Result<String> {
    let report = logs::run(context, repo, &logs::Request { agent: id.to_string(), attempt: None })?;
    let mut output = Vec::new();
    if let Some(attempt) = report.attempts.last() {
        attempt.copy(repo, 0, &mut output)?;
    }
    let mut words = String::new();
    if report.protocol.is_structured() {
        let mut exchange = report.protocol.open();
        let mut events: Vec<StreamEvent> =
            output.split(|byte| *byte == b'\n').flat_map(|line| exchange.read(line)).collect();
        events.extend(exchange.finish());
        for event in events {
            if let StreamEvent::Text(text) = event {
                words.push_str(&text);
                words.push('\n');
            }
        }
    } else {
        words = String::from_utf8_lossy(&output).into_owned();
    }
    Ok(words)
}
