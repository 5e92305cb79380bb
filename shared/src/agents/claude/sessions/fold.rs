//! Adding a line of a transcript to the facts of its session.

use serde_json::Value;

use super::{
    line::{Line, Message},
    parse::each,
    typed::{Typed, begins_with_a_tag},
};
use crate::conversation::{ConversationFacts, facts::AnswerUsage, json};

/// The kinds of lines and parts that change the facts.
const COUNTED: [&[u8]; 9] = [
    b"user\"",
    b"queued_command\"",
    b"assistant\"",
    b"cost-state\"",
    b"last-prompt\"",
    b"custom-title\"",
    b"ai-title\"",
    b"summary\"",
    b"relocated\"",
];
/// The kind of a tool result. Its line is often long, and is not a prompt unless it also holds a text.
const RESULT: &[u8] = b"tool_result\"";
/// The kind of a text.
const TEXT: &[u8] = b"text\"";
/// The fields with the input tokens of a model in the totals of a session.
const READ: [&str; 3] = ["inputTokens", "cacheReadInputTokens", "cacheCreationInputTokens"];
/// The field with the output tokens of a model in the totals of a session.
const WRITTEN: [&str; 1] = ["outputTokens"];
/// The model name of messages that the program itself wrote.
const SYNTHETIC: &str = "<synthetic>";

pub(super) fn is_counted(line: &[u8]) -> bool {
    let (mut counts, mut has_result, mut has_text) = (false, false, false);
    for kind in json::kinds(line) {
        has_result |= kind.starts_with(RESULT);
        has_text |= kind.starts_with(TEXT);
        counts |= COUNTED.iter().any(|counted| kind.starts_with(counted));
    }
    counts && (!has_result || has_text)
}

/// Returns the id of a line. A fork has copies of its session's lines with the same ids.
pub(super) fn mark(line: &[u8]) -> Option<String> {
    let mut mark = None;
    each(line, |line| mark = mark.take().or_else(|| line.uuid.as_deref().map(str::to_owned)));
    mark
}

/// Adds a line to the facts; returns whether the line could be read.
pub(super) fn apply_line(facts: &mut ConversationFacts, line: &[u8]) -> bool {
    each(line, |line| apply(facts, line))
}

/// Adds an object of a line to the facts.
pub(super) fn apply(facts: &mut ConversationFacts, line: &Line<'_>) {
    if facts.id.is_none() {
        facts.id = line.session_id.as_deref().map(str::to_owned);
        facts.inner = line.is_sidechain;
    }
    if line.is_sidechain && !facts.inner {
        return apply_subagent_line(facts, line);
    }
    facts.at(line.timestamp.as_deref(), line.cwd.as_deref(), line.git_branch.as_deref());
    match line.kind.as_ref() {
        "user" | "attachment" => apply_user_line(facts, line),
        "assistant" => apply_answer(facts, line),
        "last-prompt" => facts.add_recorded_prompt(line.last_prompt.as_deref().unwrap_or_default()),
        "custom-title" => facts.title = title(line.custom_title.as_deref()),
        "ai-title" => facts.ai_title = title(line.ai_title.as_deref()).or(facts.ai_title.take()),
        "summary" => facts.summary = title(line.summary.as_deref()).or(facts.summary.take()),
        "relocated" => facts.at(None, line.relocated_cwd.as_deref(), None),
        "cost-state" => add_total_cost(facts, line),
        _ => {}
    }
}

fn title(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|title| !title.is_empty()).map(str::to_owned)
}

fn apply_user_line(facts: &mut ConversationFacts, line: &Line<'_>) {
    if add_typed(facts, line.typed_beginning(facts.inner)) && facts.root.is_none() {
        facts.root = line.uuid.as_deref().map(str::to_owned);
    }
}

/// Adds what a person typed; returns whether it is anything.
pub(super) fn add_typed(facts: &mut ConversationFacts, typed: Option<Typed>) -> bool {
    match typed {
        Some(Typed::Prompt(text)) if begins_with_a_tag(&text) => facts.command(&text),
        Some(Typed::Prompt(text)) => facts.prompt(&text),
        Some(Typed::Command(text)) => facts.command(&text),
        None => return false,
    }
    true
}

/// Adds a line of a subagent in the transcript of its session, as older versions write it: only its usage counts.
fn apply_subagent_line(facts: &mut ConversationFacts, line: &Line<'_>) {
    facts.at(line.timestamp.as_deref(), None, None);
    if let Some(message) = line.message.as_ref().filter(|_| line.kind == "assistant") {
        add_usage(facts, line, message);
    }
}

fn apply_answer(facts: &mut ConversationFacts, line: &Line<'_>) {
    let Some(message) = line.message.as_ref().filter(|_| !line.is_api_error_message) else { return };
    if let Some(model) = model(message) {
        facts.set_model(model);
    }
    if line.is_answer(facts.inner) {
        facts.answer(message.id.as_deref());
    }
    add_usage(facts, line, message);
}

fn model<'a>(message: &'a Message<'_>) -> Option<&'a str> {
    message.model.as_deref().filter(|model| *model != SYNTHETIC)
}

/// Adds the usage of an answer: each of its lines has the usage so far, and the last one has all of it.
fn add_usage(facts: &mut ConversationFacts, line: &Line<'_>, message: &Message<'_>) {
    let usage = message.usage.as_ref().map(|usage| {
        let read = [usage.input_tokens, usage.cache_creation_input_tokens, usage.cache_read_input_tokens];
        (read.into_iter().fold(0, u64::saturating_add), usage.output_tokens)
    });
    let cost = line.cost.and_then(micros);
    if usage.is_some() || cost.is_some() {
        facts.usage(message.id.as_deref(), model(message), AnswerUsage { tokens: usage, cost });
    }
}

/// Sets the totals of the whole session, which include the time before it was resumed. The last totals hold.
fn add_total_cost(facts: &mut ConversationFacts, line: &Line<'_>) {
    let Some(models) = &line.model_usage else { return };
    let count = |used: &Value, keys: &[&str]| {
        let counts = keys.iter().filter_map(|key| json::whole_number(used.get(key)?));
        counts.fold(0, u64::saturating_add)
    };
    let sum = |keys: &[&str]| models.values().map(|used| count(used, keys)).fold(0, u64::saturating_add);
    facts.input_tokens = Some(sum(&READ));
    facts.output_tokens = Some(sum(&WRITTEN));
    facts.sums_include_inner = true;
    // If the price of a model is unknown, the total is meaningless.
    facts.cost_micros = line.total_cost.filter(|_| !line.has_unknown_model_cost).and_then(micros);
    for (model, used) in models {
        let micros = used.get("costUSD").and_then(Value::as_f64).and_then(micros);
        if let Some(micros) = micros.filter(|_| facts.cost_micros.is_some()) {
            facts.add_total_cost(model, micros);
        }
        facts.add_total_tokens(model, count(used, &READ), count(used, &WRITTEN));
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded before")]
fn micros(dollars: f64) -> Option<u64> {
    (0.0..1e9).contains(&dollars).then(|| (dollars * 1e6).round() as u64)
}
