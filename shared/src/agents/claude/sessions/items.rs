//! Converting a line of a transcript to items.

use serde_json::Value;

use super::{
    content::{Block, Content, LazyPart},
    line::Line,
    parse::each,
    typed,
};
use crate::conversation::{ItemKind, TranscriptItem};

pub(super) fn parse_items(line: &[u8]) -> Vec<TranscriptItem> {
    let mut pieces = Vec::new();
    each(line, |line| pieces.extend(items(line)));
    pieces
}

/// Returns the prompts and answers of a line in whose JSON `may_match` finds something.
pub(super) fn parse_words(line: &[u8], may_match: &dyn Fn(&[u8]) -> bool) -> Vec<TranscriptItem> {
    let mut words = Vec::new();
    each(line, |line| {
        if line.has_text(may_match) {
            words.extend(items_of_blocks(line, &|block| block.is_text(may_match)));
        }
    });
    words.retain(|item| item.words().is_some());
    words
}

/// Returns the items of an object of a line.
pub(super) fn items(line: &Line<'_>) -> Vec<TranscriptItem> {
    items_of_blocks(line, &|_| true)
}

/// Returns the items of an object of a line. Of a message that consists of blocks that do not belong together, only some are read.
fn items_of_blocks(line: &Line<'_>, is_wanted: &dyn Fn(&Block<'_>) -> bool) -> Vec<TranscriptItem> {
    let new = |what| TranscriptItem::new(line.timestamp.as_deref(), what).by_subagent(line.is_sidechain);
    item_kinds(line, is_wanted).into_iter().map(new).collect()
}

fn item_kinds(line: &Line<'_>, is_wanted: &dyn Fn(&Block<'_>) -> bool) -> Vec<ItemKind> {
    if let Some(typed) = line.typed(false) {
        return vec![ItemKind::Prompt(typed.text())];
    }
    if let Some(text) = line.queued_text() {
        return typed::without_markup(&text).map(ItemKind::Remark).into_iter().collect();
    }
    let Some(message) = &line.message else { return Vec::new() };
    match line.kind.as_ref() {
        "assistant" if line.is_api_error_message => {
            vec![ItemKind::Remark(message.content.texts())]
        }
        "assistant" => blocks(&message.content, is_wanted),
        // A person may have typed a text in addition to the tool result.
        "user" if message.content.has("tool_result") => {
            blocks(&message.content, is_wanted).into_iter().filter_map(as_user_text).collect()
        }
        // The task that the session gives to a subagent.
        "user" if line.is_sidechain && !line.is_meta => {
            unless_blank(message.content.texts()).map(ItemKind::Prompt).into_iter().collect()
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

fn blocks(content: &Content<'_>, is_wanted: &dyn Fn(&Block<'_>) -> bool) -> Vec<ItemKind> {
    match content {
        Content::Text(text) => unless_blank(text.string()).map(ItemKind::Answer).into_iter().collect(),
        Content::Blocks(blocks) => blocks.iter().filter(|block| is_wanted(block)).filter_map(block).collect(),
    }
}

fn block(block: &Block<'_>) -> Option<ItemKind> {
    match block.kind.as_ref() {
        "text" => unless_blank(block.text.string()).map(ItemKind::Answer),
        "thinking" => unless_blank(block.thinking.string()).map(ItemKind::Thought),
        "tool_use" | "server_tool_use" => {
            Some(ItemKind::Tool { name: block.name.clone().into_owned(), input: tool_input(&block.input) })
        }
        "tool_result" => Some(ItemKind::Result {
            error: block.is_error,
            text: serde_json::from_str::<Content<'_>>(&block.content.json()).unwrap_or_default().texts(),
        }),
        _ => None,
    }
}

/// Returns the input of a tool as compact JSON.
fn tool_input(input: &LazyPart<'_>) -> String {
    serde_json::from_str::<Value>(&input.json()).map(|input| input.to_string()).unwrap_or_default()
}

fn unless_blank(text: String) -> Option<String> {
    Some(text).filter(|text| !text.trim().is_empty())
}
