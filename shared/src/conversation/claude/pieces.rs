//! What a line says.

use super::line::{Block, Line, with};
use crate::conversation::{Piece, What};

pub(super) fn pieces(line: &[u8]) -> Vec<Piece> {
    with(line, |line| {
        said(line).into_iter().map(|what| Piece::new(line.timestamp.as_deref(), what)).collect()
    })
}

fn said(line: &Line<'_>) -> Vec<What> {
    let Some(message) = &line.message else { return Vec::new() };
    if let Some(text) = line.prompt() {
        return vec![What::Prompt(text)];
    }
    match line.kind.as_ref() {
        "assistant" if line.is_api_error_message => vec![What::Note(message.content.texts())],
        "assistant" => message.content.0.iter().filter_map(block).collect(),
        "user" if message.content.has("tool_result") => message.content.0.iter().filter_map(block).collect(),
        "user" if !line.is_meta => vec![What::Note(message.content.texts())],
        _ => Vec::new(),
    }
}

fn block(block: &Block<'_>) -> Option<What> {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.trim().is_empty());
    match block.kind.as_ref() {
        "text" => text(&block.text).map(What::Answer),
        "thinking" => text(&block.thinking).map(What::Thought),
        "tool_use" | "server_tool_use" => Some(What::Tool {
            name: block.name.clone().into_owned(),
            input: block.input.as_ref().map(ToString::to_string).unwrap_or_default(),
        }),
        "tool_result" => Some(What::Result { error: block.is_error, text: block.content.texts() }),
        _ => None,
    }
}
