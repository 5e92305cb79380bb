//! Lines of versions until late 2025, which have no envelope: a header, then the items themselves, without times.

use serde_json::Value;

use super::response;
use crate::conversation::{ConversationFacts, ItemKind};

/// The kind that such lines get, which no envelope has.
pub(super) const KIND: &str = "";
/// The beginning of the user's instructions, which the program inserts before the first prompt.
const INSTRUCTIONS: &str = "<user_instructions>";
/// The beginning of the description of the environment, which the program inserts before the first prompt.
const ENVIRONMENT: &str = "<environment_context>";

pub(super) fn apply(facts: &mut ConversationFacts, line: &Value) {
    let word = |key: &str| line[key].as_str();
    if facts.id.is_none() && word("type").is_none() && word("id").is_some() {
        facts.id = word("id").map(str::to_owned);
        facts.at(word("timestamp"), None, line["git"]["branch"].as_str());
        return;
    }
    match message(line) {
        Some(Message::Environment(text)) => facts.at(None, element(&text, "cwd"), None),
        Some(Message::Prompt(text)) => facts.prompt(&text),
        Some(Message::Answer(text)) if !text.trim().is_empty() => facts.answer(None),
        _ => {}
    }
}

pub(super) fn item_kinds(line: &Value) -> Vec<ItemKind> {
    let what = match message(line) {
        Some(Message::Prompt(text)) => Some(ItemKind::Prompt(text)),
        Some(Message::Answer(text)) => Some(ItemKind::Answer(text)),
        Some(Message::Environment(_)) => None,
        None => response::tool_item(line),
    };
    what.into_iter().collect()
}

enum Message {
    /// The program's description of its environment.
    Environment(String),
    Prompt(String),
    Answer(String),
}

fn message(line: &Value) -> Option<Message> {
    if line["type"] != "message" {
        return None;
    }
    let text = response::texts(&line["content"]);
    match line["role"].as_str()? {
        "user" if text.trim_start().starts_with(ENVIRONMENT) => Some(Message::Environment(text)),
        "user" if text.trim_start().starts_with(INSTRUCTIONS) => None,
        "user" => Some(Message::Prompt(text)),
        "assistant" => Some(Message::Answer(text)),
        _ => None,
    }
}

fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(content, _)| content.trim())
}
