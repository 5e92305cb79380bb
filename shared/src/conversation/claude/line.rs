//! One line of a transcript, as far as we know it.

use std::borrow::Cow;

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

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
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
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

/// A text, or blocks of which some are text.
#[derive(Default)]
pub(super) struct Content<'a>(pub(super) Vec<Block<'a>>);

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Block<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) text: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) thinking: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    pub(super) is_error: bool,
    pub(super) input: Option<serde_json::Value>,
    /// What a tool gave.
    #[serde(borrow)]
    pub(super) content: Content<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Blocks;
        impl<'de> Visitor<'de> for Blocks {
            type Value = Content<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text or blocks")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Content<'de>, E> {
                Ok(Content::text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Content<'de>, E> {
                Ok(Content::text(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<Content<'de>, E> {
                Ok(Content::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut blocks: A) -> Result<Content<'de>, A::Error> {
                let mut all = Vec::new();
                while let Some(block) = blocks.next_element()? {
                    all.push(block);
                }
                Ok(Content(all))
            }
        }
        deserializer.deserialize_any(Blocks)
    }
}

impl<'a> Content<'a> {
    fn text(text: Cow<'a, str>) -> Self {
        Self(vec![Block { kind: "text".into(), text, ..Block::default() }])
    }

    /// All text in it.
    pub(super) fn texts(&self) -> String {
        let texts: Vec<&str> =
            self.0.iter().filter(|block| block.kind == "text").map(|block| block.text.as_ref()).collect();
        texts.join("\n")
    }

    pub(super) fn has(&self, kind: &str) -> bool {
        self.0.iter().any(|block| block.kind == kind)
    }
}

/// How the program's own words begin where they stand as the user's: an answer was cut off, a command of the program was typed.
const NOT_SAID: [&str; 4] =
    ["[Request interrupted by user", "<command-name>", "<command-message>", "<local-command-"];

impl Line<'_> {
    /// The user's words, if that is what the line is: results of tools, remarks of the program and summaries are not.
    pub(super) fn prompt(&self) -> Option<String> {
        let message = self.message.as_ref().filter(|_| self.kind == "user" && !self.is_of_the_program())?;
        let text = message.content.texts();
        let said = !message.content.has("tool_result") && !text.trim().is_empty();
        (said && !NOT_SAID.iter().any(|begin| text.starts_with(begin))).then_some(text)
    }

    /// The agent's words, if that is what the line is.
    pub(super) fn answer(&self) -> Option<String> {
        let message =
            self.message.as_ref().filter(|_| self.kind == "assistant" && !self.is_api_error_message)?;
        let text = message.content.texts();
        (!self.is_sidechain && !text.trim().is_empty()).then_some(text)
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
    match serde_json::from_slice::<Line<'_>>(line) {
        Ok(parsed) => each(&parsed),
        Err(_) if std::str::from_utf8(line).is_err() => {
            let text = String::from_utf8_lossy(line);
            serde_json::from_str::<Line<'_>>(&text).map_or_else(|_| T::default(), |parsed| each(&parsed))
        }
        Err(_) => T::default(),
    }
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
            assert_eq!(with(line.as_bytes(), |line| line.prompt()).as_deref(), prompt, "{line}");
        }
    }
}
