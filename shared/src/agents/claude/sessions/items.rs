//! Converting a line of a transcript to items.

use serde_json::Value;

use super::{
    line::{Block, Content, Line, each},
    typed,
};
use crate::conversation::{ItemKind, TranscriptItem};

pub(super) fn parse_items(line: &[u8]) -> Vec<TranscriptItem> {
    let mut pieces = Vec::new();
    each(line, |line| {
        let pieces_of_line =
            item_kinds(line).into_iter().map(|what| TranscriptItem::new(line.timestamp.as_deref(), what));
        pieces.extend(pieces_of_line.map(|piece| piece.by_subagent(line.is_sidechain)));
    });
    pieces
}

fn item_kinds(line: &Line<'_>) -> Vec<ItemKind> {
    if let Some(typed) = line.typed(false) {
        return vec![ItemKind::Prompt(typed.text())];
    }
    if let Some(text) = line.queued_text() {
        return typed::without_markup(&text).map(ItemKind::Remark).into_iter().collect();
    }
    let Some(message) = &line.message else { return Vec::new() };
    match line.kind.as_ref() {
        "assistant" if line.is_api_error_message => {
            vec![ItemKind::Remark(message.content.texts().into_owned())]
        }
        "assistant" => blocks(&message.content),
        // A person may have typed a text in addition to the tool result.
        "user" if message.content.has("tool_result") => {
            blocks(&message.content).into_iter().filter_map(as_user_text).collect()
        }
        // The task that the session gives to a subagent.
        "user" if line.is_sidechain && !line.is_meta => {
            unless_blank(message.content.texts().into_owned()).map(ItemKind::Prompt).into_iter().collect()
        }
        "user" if !line.is_meta => {
            typed::without_markup(&message.content.texts()).map(ItemKind::Remark).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Converts a text block in a message of the user, which is not an answer of the agent.
fn as_user_text(what: ItemKind) -> Option<ItemKind> {
    match what {
        ItemKind::Answer(text) => match typed::typed(&text) {
            Some(typed) => Some(ItemKind::Prompt(typed.text())),
            None => typed::without_markup(&text).map(ItemKind::Remark),
        },
        other => Some(other),
    }
}

fn blocks(content: &Content<'_>) -> Vec<ItemKind> {
    match content {
        Content::Text(text) => unless_blank(text.to_string()).map(ItemKind::Answer).into_iter().collect(),
        Content::Blocks(blocks) => blocks.iter().filter_map(block).collect(),
    }
}

fn block(block: &Block<'_>) -> Option<ItemKind> {
    match block.kind.as_ref() {
        "text" => unless_blank(block.text.read()).map(ItemKind::Answer),
        "thinking" => unless_blank(block.thinking.read()).map(ItemKind::Thought),
        "tool_use" | "server_tool_use" => Some(ItemKind::Tool {
            name: block.name.clone().into_owned(),
            input: block.input.read::<Option<Value>>().map(|input| input.to_string()).unwrap_or_default(),
        }),
        "tool_result" => Some(ItemKind::Result {
            error: block.is_error,
            text: block.content.read::<Content<'_>>().texts().into_owned(),
        }),
        _ => None,
    }
}

fn unless_blank(text: String) -> Option<String> {
    Some(text).filter(|text| !text.trim().is_empty())
}
