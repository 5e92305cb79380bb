//! What a waiting agent asks for, in full, and the patterns that a person allows for good. Pure.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    WriterId,
    lines::{Group, JsonItem, Value, rows},
    text,
};

/// Maximum length of a request that an event holds, in bytes: escaped, it still fits on the line of an event.
pub const MAX_BYTES: usize = 16 * 1024;
/// Maximum length of all rules of one pattern, in bytes.
const MAX_RULES: usize = 2 * 1024;
/// Maximum number of patterns that are kept for one agent.
pub const MAX_GRANTS: usize = 64;
/// Maximum width of the short form of a request, in columns.
const MAX_SHORT_WIDTH: usize = 200;

/// What an agent asks for: the tool with its whole input, safe to show on one line.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct AskedRequest {
    /// The request. If it is too long, its middle is replaced by `…`.
    pub text: String,
    /// The length of the whole request in bytes, if it was cut; else 0.
    #[serde(skip_serializing_if = "super::work_stat::is_zero")]
    pub cut_from_bytes: u64,
    /// What `send --allow --always` allows for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Pattern>,
}

impl AskedRequest {
    /// Makes the request of a text, which is made safe to show, and cut in its middle if it is too long.
    pub fn new(request: &str, pattern: Option<Pattern>) -> Self {
        let whole = text::safe(request.trim()).trim().to_owned();
        let (text, is_cut) = cut(&whole);
        let cut_from_bytes = if is_cut { whole.len() as u64 } else { 0 };
        Self { text, cut_from_bytes, pattern }
    }

    /// Returns the request as the state of an agent holds it, whichever clone wrote it; `None` if it is empty.
    pub(super) fn checked(&self) -> Option<Self> {
        let checked = Self::new(&self.text, self.pattern.clone().filter(Pattern::is_sound));
        let cut_from_bytes = self.cut_from_bytes.max(checked.cut_from_bytes);
        (!checked.text.is_empty()).then_some(Self { cut_from_bytes, ..checked })
    }

    /// Returns the request in a few columns, with its beginning and its end: `&& git push` stands at the end.
    pub fn short(&self) -> String {
        text::keep_ends(&self.text, MAX_SHORT_WIDTH)
    }
}

/// Cuts the middle of a text that is too long. Returns whether it did.
fn cut(whole: &str) -> (String, bool) {
    if whole.len() <= MAX_BYTES {
        return (whole.to_owned(), false);
    }
    let half = (MAX_BYTES - '…'.len_utf8()) / 2;
    let is_between = |at: &usize| whole.is_char_boundary(*at);
    let first = (0..=half).rev().find(is_between).unwrap_or(0);
    let last = (whole.len() - half..=whole.len()).find(is_between).unwrap_or(whole.len());
    (format!("{}…{}", &whole[..first], &whole[last..]), true)
}

/// What a person allows for good: the rules that the agent's program proposes, or exactly one request.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// Permission rules in the words of the program, such as `Bash(cargo test:*)`. The program applies them.
    Rules(Vec<String>),
    /// One request, which the supervisor recognizes.
    Exact {
        /// The request, shortened.
        request: String,
        /// The SHA-256 of the tool and its whole input, in hexadecimal digits.
        digest: String,
    },
}

impl Pattern {
    /// Makes the pattern of proposed rules. Returns `None` if there are none, or if a person could not judge them: they are too long,
    /// or not safe to show.
    pub fn rules(rules: Vec<String>) -> Option<Self> {
        Some(Self::Rules(rules)).filter(Self::is_sound)
    }

    /// Makes the pattern of exactly this use of a tool. `use_of_tool` is everything that the program does if it is allowed.
    pub fn exact(request: &AskedRequest, use_of_tool: &[u8]) -> Self {
        Self::Exact { request: request.short(), digest: faster_hex::hex_string(&Sha256::digest(use_of_tool)) }
    }

    /// Returns whether it can be shown and stored as it is.
    fn is_sound(&self) -> bool {
        let is_safe = |text: &String| !text.is_empty() && text.trim() == text && *text == text::safe(text);
        match self {
            Self::Rules(rules) => {
                !rules.is_empty()
                    && rules.iter().all(is_safe)
                    && rules.iter().map(String::len).sum::<usize>() <= MAX_RULES
            }
            Self::Exact { request, digest } => {
                is_safe(request)
                    && text::width(request) <= MAX_SHORT_WIDTH
                    && digest.len() == 64
                    && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
            }
        }
    }

    /// Returns whether it allows exactly what another one does.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact { digest: one, .. }, Self::Exact { digest: other, .. }) => one == other,
            _ => self == other,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rules(rules) => f.write_str(&rules.join(", ")),
            Self::Exact { request, .. } => write!(f, "exactly {request}"),
        }
    }
}

/// A pattern that a person allowed an agent for good, and the clone in which the agent ran then.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Grant {
    /// What is allowed.
    pub pattern: Pattern,
    /// The clone, which each reader trusts or not.
    pub writer: WriterId,
}

impl Grant {
    /// Adds the pattern to those of an agent, once, and as long as they are not too many.
    pub(super) fn add(grants: &mut Vec<Self>, pattern: &Pattern, writer: &WriterId) {
        let known = grants.iter().any(|one| one.writer == *writer && one.pattern.is_same(pattern));
        if !known && grants.len() < MAX_GRANTS && pattern.is_sound() {
            grants.push(Self { pattern: pattern.clone(), writer: writer.clone() });
        }
    }
}

/// As one line of JSON: what is safe to show contains no line break.
impl Value for Pattern {
    fn write(&self, out: &mut String) {
        out.push_str(&serde_json::to_string(self).unwrap_or_default());
    }

    fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl JsonItem for Grant {}

rows! { AskedRequest:
    "Request" => text,
    ("Request-Bytes" unless 0) => cut_from_bytes,
    "Request-Pattern" => pattern,
}

impl Group for AskedRequest {
    fn open(key: &str, text: &str) -> Option<Option<Self>> {
        Some((key == "Request").then(|| Self { text: text.to_owned(), ..Self::default() }))
    }

    fn continues(key: &str) -> bool {
        key.starts_with("Request-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_or_says_how_long_it_was() {
        let end = " && git push";
        for (length, cut_from_bytes) in
            [(10, 0), (MAX_BYTES - end.len(), 0), (MAX_BYTES, MAX_BYTES + end.len())]
        {
            let asked = AskedRequest::new(&format!("{}{end}", "é".repeat(length / 2)), None);
            assert_eq!(asked.cut_from_bytes, cut_from_bytes as u64, "{length}");
            assert!(
                asked.text.starts_with('é') && asked.text.ends_with(end) && asked.text.len() <= MAX_BYTES
            );
            assert_eq!(asked.checked().as_ref(), Some(&asked));
            assert!(asked.short().ends_with(end) && text::width(&asked.short()) <= MAX_SHORT_WIDTH);
        }
        assert_eq!(AskedRequest::new(" Bash a\nb\u{1b} ", None).text, "Bash a\\nb\\e");
        assert_eq!(AskedRequest::new(" \n ", None).checked().map(|asked| asked.text).as_deref(), None);
    }

    #[test]
    fn a_pattern_is_stored_only_if_it_can_be_judged() {
        let rules = |rules: &[&str]| Pattern::rules(rules.iter().map(|&rule| rule.to_owned()).collect());
        assert_eq!(rules(&["Bash(a:*)", "Read"]).unwrap().to_string(), "Bash(a:*), Read");
        for unsound in [&[][..], &[""], &["a\nb"], &["\u{202e}a"], &["x".repeat(3000).as_str()]] {
            assert_eq!(rules(unsound), None, "{unsound:?}");
        }
        let asked = AskedRequest::new("Bash ls", None);
        let (one, other) = (Pattern::exact(&asked, b"Bash ls"), Pattern::exact(&asked, b"Bash  ls"));
        assert!(one.is_same(&one.clone()) && !one.is_same(&other));
        let mut grants = Vec::new();
        for pattern in [&one, &one, &other, &Pattern::Rules(vec![])] {
            Grant::add(&mut grants, pattern, &WriterId::parse("w1").unwrap());
        }
        assert_eq!(grants.len(), 2);
        let mut line = String::new();
        grants.write(&mut line);
        assert_eq!(Vec::<Grant>::read(&line), Some(grants));
    }
}
