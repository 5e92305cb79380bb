//! The compiled query of a search, and the cheap checks that spare most lines from being parsed.

use std::ops::Range;

use memchr::memmem;
use regex::{Regex, RegexBuilder};

use super::{Hit, Query};
use crate::{
    Code, Error, Result,
    conversation::{ItemKind, TranscriptItem},
    model::text,
};

/// Marks of lines that store the parts of a typed text separately, such as a command and its arguments.
const SPLIT_MARKS: [&[u8]; 2] = [b"<command-", b"<bash-input>"];
/// The largest size of a compiled regular expression, in bytes.
const MAX_REGEX_BYTES: usize = 1 << 20;
/// The bytes that are frequent in transcripts, the most frequent first.
const FREQUENT: &[u8] = b" etaoinsr\",:lhdcumpfgy.wbv_-/";
/// The letters of ASCII with a third case, which is outside ASCII: the Kelvin sign and the long s.
const THREE_CASES: [char; 4] = ['k', 'K', 's', 'S'];

/// The compiled query.
pub(super) struct Matcher {
    pattern: Pattern,
    prefilter: Prefilter,
    /// Whether the words may be apart in a line, although they are together in the message.
    may_be_split: bool,
}

/// What a message must contain.
enum Pattern {
    /// Exactly these words.
    Words(Box<memmem::Finder<'static>>),
    /// A match of a regular expression.
    Regex(Regex),
}

/// What the bytes of a line must contain for the line to match.
enum Prefilter {
    /// Nothing is known, so every line may match.
    Anything,
    /// Exactly these bytes.
    Bytes(Box<memmem::Finder<'static>>),
    /// This text, in upper or lower case.
    AnyCase(AnyCase),
}

impl Matcher {
    /// Compiles a query.
    ///
    /// # Errors
    /// It is empty, or not a valid regular expression (2).
    pub(super) fn new(query: &Query) -> Result<Self> {
        if query.words.is_empty() {
            return Err(Error::new(Code::ArgumentMissing, "nothing to search for")
                .hint("git orchestra sessions search 'some words'"));
        }
        let run = if query.regex { "" } else { longest_literal(&query.words, query.ignore_case) };
        let prefilter = match run {
            "" => Prefilter::Anything,
            run if query.ignore_case => Prefilter::AnyCase(AnyCase::new(run)),
            run => Prefilter::Bytes(Box::new(memmem::Finder::new(run).into_owned())),
        };
        Ok(Self { pattern: Pattern::new(query)?, prefilter, may_be_split: query.words.contains(' ') })
    }

    /// Returns whether a line, or the JSON of a text in it, may match.
    pub(super) fn may_match(&self, json: &[u8]) -> bool {
        let is_in = match &self.prefilter {
            Prefilter::Anything => true,
            Prefilter::Bytes(finder) => finder.find(json).is_some(),
            Prefilter::AnyCase(text) => text.is_in(json),
        };
        is_in || (self.may_be_split && SPLIT_MARKS.iter().any(|mark| memmem::find(json, mark).is_some()))
    }

    /// Returns the hit in a prompt or an answer.
    pub(super) fn find(&self, piece: TranscriptItem) -> Option<Hit> {
        let by_user = matches!(piece.what, ItemKind::Prompt(_)) && !piece.by_subagent;
        let place = self.pattern.find(piece.words()?)?;
        let (ItemKind::Prompt(text) | ItemKind::Answer(text)) = piece.what else { return None };
        Some(Hit { at: piece.at, by_user, subagent: None, text, place })
    }
}

impl Pattern {
    fn new(query: &Query) -> Result<Self> {
        if !query.regex && !query.ignore_case {
            return Ok(Self::Words(Box::new(memmem::Finder::new(&query.words).into_owned())));
        }
        let pattern = if query.regex { query.words.clone() } else { regex::escape(&query.words) };
        let regex = RegexBuilder::new(&pattern)
            .case_insensitive(query.ignore_case)
            .size_limit(MAX_REGEX_BYTES)
            .build();
        regex.map(Self::Regex).map_err(|error| {
            let why = error.to_string();
            Error::usage(format!("'{}' is not a valid regular expression", text::safe(&query.words)))
                .because(why)
        })
    }

    /// Returns the byte range of the first match.
    fn find(&self, text: &str) -> Option<Range<usize>> {
        match self {
            Self::Words(words) => words.find(text.as_bytes()).map(|at| at..at + words.needle().len()),
            Self::Regex(regex) => regex.find(text).map(|found| found.range()),
        }
    }
}

/// A text of ASCII that is searched in upper and lower case.
struct AnyCase {
    text: Vec<u8>,
    /// The index of its byte that is the least frequent in transcripts.
    rarest: usize,
}

impl AnyCase {
    fn new(text: &str) -> Self {
        let rarity = |byte: u8| {
            FREQUENT
                .iter()
                .position(|frequent| *frequent == byte.to_ascii_lowercase())
                .unwrap_or(FREQUENT.len())
        };
        let text = text.as_bytes().to_vec();
        let rarest = (0..text.len()).max_by_key(|at| rarity(text[*at])).unwrap_or_default();
        Self { text, rarest }
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        let byte = self.text[self.rarest];
        let places = memchr::memchr2_iter(byte.to_ascii_lowercase(), byte.to_ascii_uppercase(), bytes);
        let begins =
            places.filter_map(|at| bytes.get(at.checked_sub(self.rarest)?..)?.get(..self.text.len()));
        begins.into_iter().any(|found| found.eq_ignore_ascii_case(&self.text))
    }
}

/// Returns the longest part of the words that every JSON writer leaves unescaped, and of whose letters no case is outside ASCII.
fn longest_literal(words: &str, ignore_case: bool) -> &str {
    let plain = |c: char| {
        (c.is_ascii_alphanumeric() || " ,.:;-_()[]{}=!?#*@".contains(c))
            && !(ignore_case && THREE_CASES.contains(&c))
    };
    words.split(|c| !plain(c)).max_by_key(|run| run.len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(words: &str, ignore_case: bool) -> Matcher {
        let words = words.into();
        Matcher::new(&Query { words, ignore_case, ..Query::default() }).unwrap()
    }

    #[test]
    fn the_prefilter_accepts_whatever_may_match() {
        for (words, run, any_case) in [
            ("rate limit", "rate limit", "rate limit"),
            ("say \"no\" now", " now", " now"),
            ("größe", "gr", "gr"),
            ("\n\\", "", ""),
            ("task", "task", "ta"),
        ] {
            assert_eq!(
                (longest_literal(words, false), longest_literal(words, true)),
                (run, any_case),
                "{words}"
            );
        }
        assert!(matcher("Rate", false).may_match(b"{\"text\":\"a Rate\"}"));
        assert!(!matcher("Rate", false).may_match(b"{\"text\":\"a rate\"}"));
        assert!(matcher("Rate", true).may_match(b"{\"text\":\"a rATE \xff\"}"));
        assert!(matcher("Rate", true).may_match(b"rate") && !matcher("Rate", true).may_match(b"ratrat"));
        assert!(matcher("ask", true).may_match("aſ\u{212A}".as_bytes()));
        assert!(matcher("\"", false).may_match(b""));
        let command = b"<command-name>/review</command-name><command-args>14</command-args>";
        assert!(matcher("/review 14", false).may_match(command));
        assert!(Matcher::new(&Query { words: "(".into(), regex: true, ..Query::default() }).is_err());
    }

    #[test]
    fn words_and_expressions_are_found_in_prompts_and_answers() {
        let find = |matcher: &Matcher, text: &str| {
            matcher.find(TranscriptItem::new(None, ItemKind::Answer(text.into()))).map(|hit| hit.place)
        };
        assert_eq!(find(&matcher("Größe", false), "die Größe"), Some(4..11));
        assert_eq!(
            (find(&matcher("a.c", false), "abc"), find(&matcher("GRÖSSE", false), "größe")),
            (None, None)
        );
        assert_eq!(find(&matcher("GRÖßE", true), "die größe"), Some(4..11));
        assert_eq!(find(&matcher("ask", true), "aſ\u{212A}"), Some(0..6));
        let regex = Query { words: r"\bä+\w".into(), regex: true, ignore_case: true, ..Query::default() };
        assert_eq!(find(&Matcher::new(&regex).unwrap(), "x ÄÄb"), Some(2..7));
    }
}
