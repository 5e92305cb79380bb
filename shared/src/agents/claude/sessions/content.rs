//! The content of a message: a text, or blocks. Its texts are decoded on demand.

use std::borrow::Cow;

use memchr::memmem;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

use super::typed::{self, Typed};
use crate::conversation::{MAX_PROMPT, json};

/// The text of a prompt that consists only of an image, as in Claude Code.
const IMAGE: &str = "Image";
/// Number of bytes of a long text from which its beginning is decoded.
const BEGINNING: usize = 1 << 10;

/// A part of a line that is decoded on demand, as the bytes of its JSON: most texts are long, and few of them are needed.
#[derive(Clone, Copy, Default)]
pub(super) struct LazyPart<'a>(&'a [u8]);

impl<'a> LazyPart<'a> {
    /// Refers to the bytes of well-formed JSON.
    pub(super) fn of(json: &'a [u8]) -> Self {
        Self(if json == b"null" { b"" } else { json })
    }

    /// Returns the JSON as text.
    pub(super) fn json(&self) -> Cow<'a, str> {
        json::text(self.0)
    }

    /// Returns the string; an empty one if it is another type.
    pub(super) fn string(&self) -> String {
        serde_json::from_str(&self.json()).unwrap_or_default()
    }

    /// Returns whether `may_match` finds something in its JSON.
    pub(super) fn is_matched(&self, may_match: &dyn Fn(&[u8]) -> bool) -> bool {
        may_match(self.0)
    }

    fn is_blank(&self) -> bool {
        // The first character is nearly always enough to decide.
        let begin = self.0.strip_prefix(b"\"").unwrap_or_default().trim_ascii_start();
        let is_decided = begin.first().is_some_and(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(byte));
        !is_decided && self.string().trim().is_empty()
    }

    /// Returns the beginning of a long text that a person typed as it is, at least as much of it as the facts hold. Returns `None` if
    /// the text is short, or all of it must be seen to decide.
    fn beginning(&self) -> Option<String> {
        let may_end = memchr::memrchr(b' ', self.0.get(..BEGINNING)?)?;
        // What the program adds later in a text, whose letters may be escaped.
        if [&b"bash-input"[..], br"\u00"].iter().any(|mark| memmem::find(self.0, mark).is_some()) {
            return None;
        }
        let text = LazyPart(&[&self.0[..may_end], b"\""].concat()).string();
        let text = text.trim();
        let is_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        (is_plain && text.chars().nth(MAX_PROMPT).is_some()).then(|| text.to_owned())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for LazyPart<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(<&RawValue>::deserialize(deserializer)?.get().as_bytes()))
    }
}

/// The content of a message: a text, or blocks of which some are text.
pub(super) enum Content<'a> {
    Text(LazyPart<'a>),
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

impl Block<'_> {
    /// Returns whether it is a text in whose JSON `may_match` finds something.
    pub(super) fn is_text(&self, may_match: &dyn Fn(&[u8]) -> bool) -> bool {
        self.kind == "text" && self.text.is_matched(may_match)
    }
}

impl Default for Content<'_> {
    fn default() -> Self {
        Self::Blocks(Vec::new())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?.get();
        match json.as_bytes().first() {
            Some(b'"') => Ok(Self::Text(LazyPart::of(json.as_bytes()))),
            Some(b'[') => serde_json::from_str(json).map(Self::Blocks).map_err(D::Error::custom),
            Some(b'n') => Ok(Self::default()),
            _ => Err(D::Error::custom("neither a text nor blocks")),
        }
    }
}

impl Content<'_> {
    /// Returns all text in the content.
    pub(super) fn texts(&self) -> String {
        let of_text = |block: &&Block<'_>| block.kind == "text";
        match self {
            Self::Text(text) => text.string(),
            Self::Blocks(blocks) => {
                blocks.iter().filter(of_text).map(|block| block.text.string()).collect::<Vec<_>>().join("\n")
            }
        }
    }

    pub(super) fn has(&self, kind: &str) -> bool {
        matches!(self, Self::Blocks(blocks) if blocks.iter().any(|block| block.kind == kind))
    }

    /// Returns what a person typed in the content.
    pub(super) fn typed(&self) -> Option<Typed> {
        let blocks = match self {
            Content::Text(text) => return typed::typed(&text.string()),
            Content::Blocks(blocks) => blocks,
        };
        let texts = blocks.iter().filter(|block| block.kind == "text");
        let typed: Vec<Typed> = texts.filter_map(|block| typed::typed(&block.text.string())).collect();
        let is_command = matches!(typed.as_slice(), [Typed::Command(_)]);
        let texts: Vec<String> = typed.into_iter().map(Typed::text).collect();
        match texts.join("\n") {
            text if is_command => Some(Typed::Command(text)),
            text if text.is_empty() => self.has("image").then(|| Typed::Prompt(IMAGE.to_owned())),
            text => Some(Typed::Prompt(text)),
        }
    }

    /// Returns what a person typed, or of a long text at least as much as the facts hold.
    pub(super) fn typed_beginning(&self) -> Option<Typed> {
        let text = match self {
            Self::Text(text) => Some(text),
            Self::Blocks(blocks) => match blocks.as_slice() {
                [block] if block.kind == "text" => Some(&block.text),
                _ => None,
            },
        };
        match text.and_then(LazyPart::beginning) {
            Some(text) => typed::typed(&text),
            None => self.typed(),
        }
    }

    /// Returns whether `may_match` finds something in the JSON of one of its texts, or it has an image, whose text is not in the JSON.
    pub(super) fn has_text(&self, may_match: &dyn Fn(&[u8]) -> bool) -> bool {
        match self {
            Self::Text(text) => text.is_matched(may_match),
            Self::Blocks(blocks) => self.has("image") || blocks.iter().any(|block| block.is_text(may_match)),
        }
    }

    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Text(text) => text.is_blank(),
            Self::Blocks(blocks) => blocks.iter().all(|block| block.kind != "text" || block.text.is_blank()),
        }
    }
}
