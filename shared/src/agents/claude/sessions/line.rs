//! The known fields of one line of a transcript.

use std::borrow::Cow;

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use super::typed::{self, Typed};
use crate::conversation::json;

/// The text of a prompt that consists only of an image, as in Claude Code.
const IMAGE: &str = "Image";

/// One line. Every field may be missing, and unknown fields are ignored.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Line<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    pub(super) is_sidechain: bool,
    pub(super) is_meta: bool,
    pub(super) is_compact_summary: bool,
    pub(super) is_api_error_message: bool,
    #[serde(borrow)]
    pub(super) prompt_source: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) timestamp: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) cwd: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) git_branch: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) session_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) uuid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) message: Option<Message<'a>>,
    #[serde(borrow)]
    attachment: LazyPart<'a>,
    pub(super) last_prompt: Option<String>,
    pub(super) custom_title: Option<String>,
    pub(super) ai_title: Option<String>,
    pub(super) summary: Option<String>,
    /// The working directory to which the session moved.
    pub(super) relocated_cwd: Option<String>,
    /// The cost of one answer in US dollars, as versions until mid 2025 recorded it.
    #[serde(rename = "costUSD")]
    pub(super) cost: Option<f64>,
    #[serde(rename = "totalCostUSD")]
    pub(super) total_cost: Option<f64>,
    pub(super) model_usage: Option<serde_json::Map<String, serde_json::Value>>,
    pub(super) has_unknown_model_cost: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) content: Content<'a>,
    pub(super) usage: Option<Usage>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    pub(super) input_tokens: u64,
    pub(super) cache_creation_input_tokens: u64,
    pub(super) cache_read_input_tokens: u64,
    pub(super) output_tokens: u64,
}

/// The known fields of an attachment, which holds what was typed while the agent was working.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Attachment<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    prompt: Content<'a>,
    #[serde(borrow)]
    command_mode: Option<Cow<'a, str>>,
    is_meta: bool,
    origin: Option<Origin>,
}

/// The origin of a message.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Origin {
    kind: String,
}

/// A part of a line that is parsed on demand: most texts are long, and few of them are needed.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(super) struct LazyPart<'a>(#[serde(borrow)] Option<&'a RawValue>);

impl<'a> LazyPart<'a> {
    /// Parses the part; returns the default if it has another type.
    pub(super) fn read<T: Default + Deserialize<'a>>(&self) -> T {
        self.0.and_then(|part| serde_json::from_str(part.get()).ok()).unwrap_or_default()
    }

    fn is_blank(&self) -> bool {
        // The first character is nearly always enough to decide.
        let begin = self.0.and_then(|part| part.get().strip_prefix('"')).unwrap_or_default().trim_start();
        !begin.starts_with(|c: char| c.is_ascii_alphanumeric()) && self.read::<String>().trim().is_empty()
    }
}

/// The content of a message: a text, or blocks of which some are text.
pub(super) enum Content<'a> {
    Text(Cow<'a, str>),
    Blocks(Vec<Block<'a>>),
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Block<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) text: LazyPart<'a>,
    #[serde(borrow)]
    pub(super) thinking: LazyPart<'a>,
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    pub(super) is_error: bool,
    #[serde(borrow)]
    pub(super) input: LazyPart<'a>,
    /// The output of a tool.
    #[serde(borrow)]
    pub(super) content: LazyPart<'a>,
}

impl Default for Content<'_> {
    fn default() -> Self {
        Self::Blocks(Vec::new())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;
        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = Content<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text or blocks")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Content<'de>, E> {
                Ok(Content::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Content<'de>, E> {
                Ok(Content::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<Content<'de>, E> {
                Ok(Content::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut blocks: A) -> Result<Content<'de>, A::Error> {
                let mut all = Vec::new();
                while let Some(block) = blocks.next_element()? {
                    all.push(block);
                }
                Ok(Content::Blocks(all))
            }
        }
        deserializer.deserialize_any(ContentVisitor)
    }
}

impl Content<'_> {
    /// Returns all text in the content.
    pub(super) fn texts(&self) -> Cow<'_, str> {
        let of_text = |block: &&Block<'_>| block.kind == "text";
        match self {
            Self::Text(text) => Cow::Borrowed(text.as_ref()),
            Self::Blocks(blocks) => {
                let texts = blocks.iter().filter(of_text).map(|block| block.text.read());
                Cow::Owned(texts.collect::<Vec<String>>().join("\n"))
            }
        }
    }

    pub(super) fn has(&self, kind: &str) -> bool {
        matches!(self, Self::Blocks(blocks) if blocks.iter().any(|block| block.kind == kind))
    }

    /// Returns what a person typed in the content.
    fn typed(&self) -> Option<Typed> {
        let blocks = match self {
            Content::Text(text) => return typed::typed(text),
            Content::Blocks(blocks) => blocks,
        };
        let texts = blocks.iter().filter(|block| block.kind == "text");
        let typed: Vec<Typed> =
            texts.filter_map(|block| typed::typed(&block.text.read::<String>())).collect();
        let is_command = matches!(typed.as_slice(), [Typed::Command(_)]);
        let texts: Vec<String> = typed.into_iter().map(Typed::text).collect();
        match texts.join("\n") {
            text if is_command => Some(Typed::Command(text)),
            text if text.is_empty() => self.has("image").then(|| Typed::Prompt(IMAGE.to_owned())),
            text => Some(Typed::Prompt(text)),
        }
    }

    fn is_blank(&self) -> bool {
        match self {
            Self::Text(text) => text.trim().is_empty(),
            Self::Blocks(blocks) => blocks.iter().all(|block| block.kind != "text" || block.text.is_blank()),
        }
    }
}

impl Line<'_> {
    /// Returns what a person typed; `None` for tool results, remarks of the program, and summaries. In the transcript of a subagent
    /// (`is_inner`) it is the subagent's task.
    pub(super) fn typed(&self, is_inner: bool) -> Option<Typed> {
        if let Some(queued) = self.queued() {
            let is_of_a_person = !queued.is_meta
                && queued.command_mode.is_none_or(|mode| mode == "prompt")
                && queued.origin.is_none_or(|origin| origin.kind == "human");
            return queued.prompt.typed().filter(|_| is_of_a_person);
        }
        let is_of_a_person = !self.is_from_program() && (is_inner || !self.is_sidechain);
        let message = self.message.as_ref().filter(|_| self.kind == "user" && is_of_a_person)?;
        Some(&message.content).filter(|content| !content.has("tool_result"))?.typed()
    }

    /// Returns what a person or the program queued while the agent was working.
    fn queued(&self) -> Option<Attachment<'_>> {
        let attachment: Attachment<'_> = Some(&self.attachment).filter(|_| self.kind == "attachment")?.read();
        (attachment.kind == "queued_command").then_some(attachment)
    }

    /// Returns the text of [`Self::queued`], whether a person or the program queued it.
    pub(super) fn queued_text(&self) -> Option<String> {
        self.queued().filter(|queued| !queued.is_meta).map(|queued| queued.prompt.texts().into_owned())
    }

    /// Returns whether the line is an answer with text: of the agent, or in the transcript of a subagent (`is_inner`), of that.
    pub(super) fn is_answer(&self, is_inner: bool) -> bool {
        let is_its_own = is_inner || !self.is_sidechain;
        let is_of_the_agent = self.kind == "assistant" && !self.is_api_error_message && is_its_own;
        let message = self.message.as_ref().filter(|_| is_of_the_agent);
        message.is_some_and(|message| !message.content.is_blank())
    }

    fn is_from_program(&self) -> bool {
        self.is_meta || self.is_compact_summary || self.prompt_source.as_deref() == Some("system")
    }
}

/// Calls `each` for every object of a line; returns whether the line could be read.
pub(super) fn each(line: &[u8], mut each: impl FnMut(&Line<'_>)) -> bool {
    let text = json::text(line);
    if let Ok(parsed) = serde_json::from_str::<Line<'_>>(&text) {
        each(&parsed);
        return true;
    }
    let objects = json::objects(&text, remove_mistyped_fields);
    let parsed = objects.all.iter().filter_map(|object| serde_json::from_str::<Line<'_>>(object).ok());
    parsed.map(|parsed| each(&parsed)).count() > 0 && objects.is_whole
}

/// Removes fields of an unexpected type, so that the rest of the line can be read.
fn remove_mistyped_fields(line: &mut Value) {
    const FLAGS: [&str; 5] =
        ["isSidechain", "isMeta", "isCompactSummary", "isApiErrorMessage", "hasUnknownModelCost"];
    const TEXTS: [&str; 12] = [
        "type",
        "promptSource",
        "timestamp",
        "cwd",
        "gitBranch",
        "sessionId",
        "uuid",
        "lastPrompt",
        "customTitle",
        "aiTitle",
        "summary",
        "relocatedCwd",
    ];
    const TOKENS: [&str; 4] =
        ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"];
    json::remove_mistyped(line, &FLAGS, &TEXTS, &[]);
    let Some(fields) = line.as_object_mut() else { return };
    fields.retain(|name, value| match name.as_str() {
        "totalCostUSD" | "costUSD" => value.is_number(),
        "modelUsage" | "message" => value.is_object(),
        _ => true,
    });
    let Some(message) = fields.get_mut("message") else { return };
    json::remove_mistyped(message, &[], &["id", "model"], &[]);
    if let Some(usage) = message.get_mut("usage") {
        if !usage.is_object() {
            *usage = Value::Null;
        }
        json::remove_mistyped(usage, &[], &[], &TOKENS);
    }
    let Some(content) = message.get_mut("content") else { return };
    match content {
        Value::Array(blocks) => {
            blocks.retain(Value::is_object);
            blocks
                .iter_mut()
                .for_each(|block| json::remove_mistyped(block, &["is_error"], &["type", "name"], &[]));
        }
        Value::String(_) => {}
        _ => *content = Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_what_a_person_typed() {
        for (line, prompt) in [
            (r#"{"type":"user","message":{"content":"hello"}}"#, Some("hello")),
            (
                r#"{"type":"user","message":{"content":[{"type":"text","text":"a"},{"type":"image"},{"type":"text","text":"b"}]}}"#,
                Some("a\nb"),
            ),
            (
                r#"{"type":"user","message":{"content":[{"type":"text","text":"a"},{"type":"tool_result","content":"b"}]}}"#,
                None,
            ),
            (r#"{"type":"user","isMeta":true,"message":{"content":"hello"}}"#, None),
            (r#"{"type":"user","isSidechain":true,"message":{"content":"hello"}}"#, None),
            (r#"{"type":"user","isCompactSummary":true,"message":{"content":"hello"}}"#, None),
            (r#"{"type":"user","promptSource":"system","message":{"content":"hello"}}"#, None),
            (
                r#"{"type":"user","message":{"content":"<command-message>go</command-message>\n<command-name>/go</command-name>\n<command-args>14 now</command-args>"}}"#,
                Some("/go 14 now"),
            ),
            (r#"{"type":"user","message":{"content":[{"type":"image"}]}}"#, Some("Image")),
            (r#"{"type":"user","isMeta":null,"message":{"content":"hello"}}"#, Some("hello")),
            (
                r#"{"type":"user","message":{"content":"hello","usage":{"output_tokens":1.5e0}}}"#,
                Some("hello"),
            ),
            (r#"{"type":"user","message":{"content":"half \ud83d"}}"#, Some("half \u{FFFD}")),
            (r#"{"type":"system"}{"type":"user","message":{"content":"second"}}"#, Some("second")),
            (r#"{"type":"user","message":{"content":"[Request interrupted by user for tool use]"}}"#, None),
            (r#"{"type":"assistant","message":{"content":"hello"}}"#, None),
            (r#"{"type":"user","message":{"content":null}}"#, None),
            (r#"{"type":"user","message":7}"#, None),
            ("", None),
        ] {
            let mut found = None;
            each(line.as_bytes(), |line| found = line.typed(false).map(Typed::text));
            assert_eq!(found.as_deref(), prompt, "{line}");
        }
    }
}
