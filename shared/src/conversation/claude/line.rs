//! One line of a transcript, as far as we know it.

use std::borrow::Cow;

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// Everything may be missing; what is unknown is passed over.
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
    pub(super) last_prompt: Option<String>,
    pub(super) custom_title: Option<String>,
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

/// A part of a line as it stands there, read when it is wanted: most texts are long, and few are.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Later<'a>(#[serde(borrow)] Option<&'a RawValue>);

impl<'a> Later<'a> {
    /// What it is; nothing where it is something else.
    pub(super) fn read<T: Default + Deserialize<'a>>(&self) -> T {
        self.0.and_then(|part| serde_json::from_str(part.get()).ok()).unwrap_or_default()
    }

    fn is_blank(&self) -> bool {
        // The first letter nearly always tells.
        let begin = self.0.and_then(|part| part.get().strip_prefix('"')).unwrap_or_default().trim_start();
        !begin.starts_with(|c: char| c.is_ascii_alphanumeric()) && self.read::<String>().trim().is_empty()
    }
}

/// A text, or blocks of which some are text.
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
    pub(super) text: Later<'a>,
    #[serde(borrow)]
    pub(super) thinking: Later<'a>,
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    pub(super) is_error: bool,
    #[serde(borrow)]
    pub(super) input: Later<'a>,
    /// What a tool gave.
    #[serde(borrow)]
    pub(super) content: Later<'a>,
}

impl Default for Content<'_> {
    fn default() -> Self {
        Self::Blocks(Vec::new())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
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
        deserializer.deserialize_any(Any)
    }
}

impl Content<'_> {
    /// All text in it.
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

    fn is_blank(&self) -> bool {
        match self {
            Self::Text(text) => text.trim().is_empty(),
            Self::Blocks(blocks) => blocks.iter().all(|block| block.kind != "text" || block.text.is_blank()),
        }
    }
}

/// How the program's own words begin where they stand as the user's: an answer was cut off, a command of the program was typed.
const NOT_SAID: [&str; 4] =
    ["[Request interrupted by user", "<command-name>", "<command-message>", "<local-command-"];

impl Line<'_> {
    /// The user's words, if that is what the line is: results of tools, remarks of the program and summaries are not.
    pub(super) fn prompt(&self) -> Option<Cow<'_, str>> {
        let message = self.message.as_ref().filter(|_| self.kind == "user" && !self.is_of_the_program())?;
        let content = Some(&message.content).filter(|content| !content.has("tool_result"))?;
        let text = content.texts();
        let said = !text.trim().is_empty();
        (said && !NOT_SAID.iter().any(|begin| text.starts_with(begin))).then_some(text)
    }

    /// Whether the agent says something in it.
    pub(super) fn is_answer(&self) -> bool {
        let is_of_the_agent = self.kind == "assistant" && !self.is_api_error_message && !self.is_sidechain;
        let message = self.message.as_ref().filter(|_| is_of_the_agent);
        message.is_some_and(|message| !message.content.is_blank())
    }

    fn is_of_the_program(&self) -> bool {
        self.is_sidechain
            || self.is_meta
            || self.is_compact_summary
            || self.prompt_source.as_deref() == Some("system")
    }
}

/// Reads a line and hands it on; bytes that are no text stand in a string, and the rest of the line is as good as any.
pub(super) fn with<T: Default>(line: &[u8], each: impl FnOnce(&Line<'_>) -> T) -> T {
    let text = std::str::from_utf8(line).map_or_else(|_| String::from_utf8_lossy(line), Cow::Borrowed);
    serde_json::from_str::<Line<'_>>(&text).map_or_else(|_| T::default(), |parsed| each(&parsed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_what_a_person_said() {
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
            (r#"{"type":"user","message":{"content":"<command-name>/clear</command-name>"}}"#, None),
            (r#"{"type":"user","message":{"content":"[Request interrupted by user for tool use]"}}"#, None),
            (r#"{"type":"assistant","message":{"content":"hello"}}"#, None),
            (r#"{"type":"user","message":{"content":null}}"#, None),
            (r#"{"type":"user","message":7}"#, None),
            ("", None),
        ] {
            let found = with(line.as_bytes(), |line| line.prompt().map(Cow::into_owned));
            assert_eq!(found.as_deref(), prompt, "{line}");
        }
    }
}
