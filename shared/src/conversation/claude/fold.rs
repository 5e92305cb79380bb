//! What a line adds to what is known of its conversation.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde_json::Value;

use super::line::{Line, Message, with};
use crate::conversation::Facts;

/// How the kinds of lines and of their blocks are written. In a text the quotes would be escaped.
static KIND: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("\"type\":\""));
/// The kinds of the lines that count.
const COUNTED: [&[u8]; 5] = [b"user\"", b"assistant\"", b"cost-state\"", b"last-prompt\"", b"custom-title\""];
/// What a tool gave, often long, is nobody's prompt.
const RESULT: &[u8] = b"tool_result\"";
/// The model of words that no model said.
const SYNTHETIC: &str = "<synthetic>";

pub(super) fn counts(line: &[u8]) -> bool {
    let mut counts = false;
    for at in KIND.find_iter(line) {
        let kind = &line[at + KIND.needle().len()..];
        if kind.starts_with(RESULT) {
            return false;
        }
        counts |= COUNTED.iter().any(|counted| kind.starts_with(counted));
    }
    counts
}

/// Whether a file that begins like this is of a conversation.
pub(super) fn begins_in(bytes: &[u8], conversation: &str) -> bool {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    with(first, |line| line.session_id.as_deref() == Some(conversation))
}

/// What a line is known by; a fork has the lines of its conversation with theirs.
pub(super) fn mark(line: &[u8]) -> Option<String> {
    with(line, |line| line.uuid.as_deref().map(str::to_owned))
}

pub(super) fn learn(facts: &mut Facts, line: &[u8]) {
    with(line, |line| {
        if facts.id.is_none() {
            facts.id = line.session_id.as_deref().map(str::to_owned);
            facts.inner = line.is_sidechain;
        }
        if line.is_sidechain && !facts.inner {
            return;
        }
        facts.at(line.timestamp.as_deref(), line.cwd.as_deref(), line.git_branch.as_deref());
        match line.kind.as_ref() {
            "user" => {
                if let Some(text) = line.prompt() {
                    facts.prompt(&text);
                    if facts.root.is_none() {
                        facts.root = line.uuid.as_deref().map(str::to_owned);
                    }
                }
            }
            "assistant" => assistant(facts, line),
            "last-prompt" => facts.noted(line.last_prompt.as_deref().unwrap_or_default()),
            "custom-title" => {
                facts.title = line.custom_title.clone().filter(|title| !title.trim().is_empty());
            }
            "cost-state" => costs(facts, line),
            _ => {}
        }
    });
}

fn assistant(facts: &mut Facts, line: &Line<'_>) {
    let Some(message) = line.message.as_ref().filter(|_| !line.is_api_error_message) else { return };
    if let Some(model) = message.model.as_deref().filter(|model| *model != SYNTHETIC) {
        facts.by(model);
    }
    let id = message.id.as_deref();
    if line.is_answer() {
        facts.answer(id);
    }
    if let Message { usage: Some(usage), .. } = message {
        let read = [usage.input_tokens, usage.cache_creation_input_tokens, usage.cache_read_input_tokens];
        facts.usage(id, read.into_iter().fold(0, u64::saturating_add), usage.output_tokens);
    }
}

/// Sums over the whole conversation, also over what it was before it was gone on with: the last ones hold.
fn costs(facts: &mut Facts, line: &Line<'_>) {
    let Some(models) = &line.model_usage else { return };
    let sum = |keys: &[&str]| {
        let of_one = |model: &Value| {
            keys.iter().filter_map(|key| model.get(key)?.as_u64()).fold(0, u64::saturating_add)
        };
        models.values().map(of_one).fold(0, u64::saturating_add)
    };
    facts.input_tokens = Some(sum(&["inputTokens", "cacheReadInputTokens", "cacheCreationInputTokens"]));
    facts.output_tokens = Some(sum(&["outputTokens"]));
    // Where the price of a model is not known, the sum is none.
    facts.cost_micros = line.total_cost.filter(|_| !line.has_unknown_model_cost).and_then(micros);
    if facts.cost_micros.is_some() {
        for (model, used) in models {
            if let Some(micros) = used.get("costUSD").and_then(Value::as_f64).and_then(micros) {
                facts.costs(model, micros);
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded before")]
fn micros(dollars: f64) -> Option<u64> {
    (0.0..1e9).contains(&dollars).then(|| (dollars * 1e6).round() as u64)
}
