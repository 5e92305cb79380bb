//! Reads a line without decoding its texts. What it reads is what serde would read; it returns `None` for a line that is malformed or
//! unusual, such as one with a field of an unexpected type.

#[cfg(test)]
mod tests;

use super::{
    content::{Block, Content, LazyPart},
    line::{Line, Message, Usage},
};
use crate::conversation::scan::Scanner;

/// Reads a line that is one object.
pub(super) fn line(bytes: &[u8]) -> Option<Line<'_>> {
    let mut scan = Scanner::new(bytes);
    let mut line = Line::default();
    scan.enter_object()?;
    while let Some(name) = scan.field()? {
        match name {
            b"type" => line.kind = scan.text()??,
            b"isSidechain" => line.is_sidechain = scan.read()?,
            b"isMeta" => line.is_meta = scan.read()?,
            b"isCompactSummary" => line.is_compact_summary = scan.read()?,
            b"isApiErrorMessage" => line.is_api_error_message = scan.read()?,
            b"promptSource" => line.prompt_source = scan.text()?,
            b"timestamp" => line.timestamp = scan.text()?,
            b"cwd" => line.cwd = scan.text()?,
            b"gitBranch" => line.git_branch = scan.text()?,
            b"sessionId" => line.session_id = scan.text()?,
            b"uuid" => line.uuid = scan.text()?,
            b"message" => line.message = unless_null(&mut scan, message)?,
            b"attachment" => line.attachment = LazyPart::of(scan.skip()?),
            b"lastPrompt" => line.last_prompt = scan.read()?,
            b"customTitle" => line.custom_title = scan.read()?,
            b"aiTitle" => line.ai_title = scan.read()?,
            b"summary" => line.summary = scan.read()?,
            b"relocatedCwd" => line.relocated_cwd = scan.read()?,
            b"costUSD" => line.cost = scan.read()?,
            b"totalCostUSD" => line.total_cost = scan.read()?,
            b"modelUsage" => line.model_usage = scan.read()?,
            b"hasUnknownModelCost" => line.has_unknown_model_cost = scan.read()?,
            _ => drop(scan.skip()?),
        }
    }
    scan.is_at_end().then_some(line)
}

/// Reads a value with `read`, unless it is `null`.
fn unless_null<'a, T>(
    scan: &mut Scanner<'a>,
    read: impl FnOnce(&mut Scanner<'a>) -> Option<T>,
) -> Option<Option<T>> {
    if scan.next_byte()? == b'n' { scan.skip().map(|_| None) } else { read(scan).map(Some) }
}

fn message<'a>(scan: &mut Scanner<'a>) -> Option<Message<'a>> {
    let mut message = Message::default();
    scan.enter_object()?;
    while let Some(name) = scan.field()? {
        match name {
            b"id" => message.id = scan.text()?,
            b"model" => message.model = scan.text()?,
            b"content" => message.content = content(scan)?,
            b"usage" => message.usage = unless_null(scan, usage)?,
            _ => drop(scan.skip()?),
        }
    }
    Some(message)
}

fn usage(scan: &mut Scanner<'_>) -> Option<Usage> {
    let mut usage = Usage::default();
    scan.enter_object()?;
    while let Some(name) = scan.field()? {
        match name {
            b"input_tokens" => usage.input_tokens = scan.count()?,
            b"cache_creation_input_tokens" => usage.cache_creation_input_tokens = scan.count()?,
            b"cache_read_input_tokens" => usage.cache_read_input_tokens = scan.count()?,
            b"output_tokens" => usage.output_tokens = scan.count()?,
            _ => drop(scan.skip()?),
        }
    }
    Some(usage)
}

fn content<'a>(scan: &mut Scanner<'a>) -> Option<Content<'a>> {
    match scan.next_byte()? {
        b'"' => Some(Content::Text(LazyPart::of(scan.skip()?))),
        b'[' => {
            let mut blocks = Vec::new();
            scan.enter_array()?;
            while scan.element()? {
                blocks.push(block(scan)?);
            }
            Some(Content::Blocks(blocks))
        }
        _ => (scan.skip()? == b"null").then(Content::default),
    }
}

fn block<'a>(scan: &mut Scanner<'a>) -> Option<Block<'a>> {
    let mut block = Block::default();
    scan.enter_object()?;
    while let Some(name) = scan.field()? {
        match name {
            b"type" => block.kind = scan.text()??,
            b"text" => block.text = LazyPart::of(scan.skip()?),
            b"thinking" => block.thinking = LazyPart::of(scan.skip()?),
            b"name" => block.name = scan.text()??,
            b"is_error" => block.is_error = scan.read()?,
            b"input" => block.input = LazyPart::of(scan.skip()?),
            b"content" => block.content = LazyPart::of(scan.skip()?),
            _ => drop(scan.skip()?),
        }
    }
    Some(block)
}
