//! `sessions search`: words in prompts and answers. Lines that cannot hold them are passed over unread.

use std::io;

use memchr::memmem;
use regex::bytes::{Regex as Bytes, RegexBuilder as BytesBuilder};
use regex::{Regex, RegexBuilder};

use super::{
    Request, Session,
    catalogue::{Catalogue, Row},
    read,
};
use crate::{
    Error, Result,
    conversation::{
        self, Inner, Piece, Place, Trouble, What,
        lines::{self, Line},
        reading,
    },
    git::Repo,
    model::text,
};

/// Conversations searched at a time: what is held of hits is bounded by it.
const AT_ONCE: usize = 64;
/// Hits that are kept of one conversation; more are counted.
const MOST_HITS: usize = 100;
/// Largest program that a regular expression may become, in bytes.
const LARGEST: usize = 1 << 20;

/// What to search for.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The words, or a regular expression.
    pub words: String,
    /// Whether it is a regular expression.
    pub regex: bool,
    /// Upper and lower case are the same.
    pub ignore_case: bool,
}

/// One conversation with what was found in it.
#[derive(Debug)]
pub struct Hits {
    /// The conversation; nothing is counted in it.
    pub session: Session,
    /// In their order, at most a hundred.
    pub hits: Vec<Hit>,
    /// How many more there are.
    pub more: u64,
}

/// One place where the words stand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hit {
    /// When it was said, RFC 3339.
    pub at: Option<String>,
    /// By the user, not by the agent.
    pub by_user: bool,
    /// The sub-agent in whose own file it stands.
    pub subagent: Option<String>,
    /// All that was said then.
    pub text: String,
    /// Where in the text the words stand first, in bytes.
    pub place: std::ops::Range<usize>,
}

/// What a search came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Conversations that were searched.
    pub searched: usize,
    /// What could not be read.
    pub troubles: Vec<Trouble>,
}

/// Searches, newest first, and hands on each conversation in which something is found, as long as `each` wants more.
///
/// # Errors
/// The words are none, or no regular expression (2); the refs cannot be read.
pub fn run(
    repo: Option<&Repo>,
    request: &Request,
    query: &Query,
    mut each: impl FnMut(Hits) -> bool,
) -> Result<Outcome> {
    let matcher = Matcher::new(query)?;
    super::check(request)?;
    let mut catalogue = Catalogue::read(repo, request.everywhere, request.program.as_deref())?;
    let (rows, _) = catalogue.rows(request);
    let mut outcome = Outcome::default();
    'all: for some in rows.chunks(AT_ONCE) {
        let with_inner: Vec<(&Row, Vec<Inner>)> = some
            .iter()
            .map(|row| (row, row.place.as_ref().map(|place| catalogue.inner(place)).unwrap_or_default()))
            .collect();
        let found = reading::on_all_cores(&with_inner, |(row, inner)| {
            row.place.as_ref().map(|place| search_files(row, place, inner, &matcher))
        });
        for (row, found) in some.iter().zip(found) {
            let found = match found {
                Some(found) => found,
                // What is kept alone is read by git, one after the other.
                None => read::file_of(repo, &catalogue, row)
                    .map_err(io::Error::other)
                    .and_then(|file| search(row, &matcher, file)),
            };
            outcome.searched += 1;
            match found {
                Ok((hits, _)) if hits.is_empty() => {}
                Ok((hits, more)) => {
                    if !each(Hits { session: catalogue.session(row), hits, more }) {
                        break 'all;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let path = row.place.as_ref().map(|place| place.path.clone()).unwrap_or_default();
                    outcome.troubles.push(Trouble { path, why: error.to_string() });
                }
            }
        }
    }
    outcome.troubles.extend(catalogue.close());
    Ok(outcome)
}

/// Searches the file of a conversation, then those of what it started.
fn search_files(row: &Row, place: &Place, inner: &[Inner], matcher: &Matcher) -> io::Result<(Vec<Hit>, u64)> {
    let (mut hits, mut more) = search(row, matcher, std::fs::File::open(&place.path)?)?;
    for one in inner {
        let Ok(file) = std::fs::File::open(&one.path) else { continue };
        let (found, others) = search(row, matcher, file)?;
        let room = MOST_HITS.saturating_sub(hits.len());
        more += others + found.len().saturating_sub(room) as u64;
        let named = found.into_iter().take(room).map(|hit| Hit { subagent: Some(one.id.clone()), ..hit });
        hits.extend(named);
    }
    Ok((hits, more))
}

fn search(row: &Row, matcher: &Matcher, file: impl io::Read) -> io::Result<(Vec<Hit>, u64)> {
    let (mut hits, mut more) = (Vec::new(), 0);
    let Some(program) = conversation::program(&row.program) else { return Ok((hits, more)) };
    lines::read(file, |line| {
        let bytes = line.bytes().filter(|bytes| matcher.may_be_in(bytes) && program.counts(bytes));
        for piece in bytes.map(|bytes| program.pieces(bytes)).unwrap_or_default() {
            // What is written again, with more behind it, is said once.
            if let Some(hit) = matcher.find(piece).filter(|hit| hits.last() != Some(hit)) {
                if hits.len() < MOST_HITS { hits.push(hit) } else { more += 1 }
            }
        }
        !matches!(line, Line::Cut(_))
    })?;
    Ok((hits, more))
}

/// The words, made ready.
struct Matcher {
    regex: Regex,
    sieve: Sieve,
}

/// What a line must hold, as its bytes are, to hold the words.
enum Sieve {
    /// Nothing is known.
    Anything,
    /// These bytes.
    Bytes(Box<memmem::Finder<'static>>),
    /// This, in upper or lower case.
    AnyCase(Box<Bytes>),
}

impl Matcher {
    fn new(query: &Query) -> Result<Self> {
        if query.words.is_empty() {
            return Err(
                Error::usage("nothing to search for").hint("git orchestra sessions search 'some words'")
            );
        }
        let pattern = if query.regex { query.words.clone() } else { regex::escape(&query.words) };
        let regex =
            RegexBuilder::new(&pattern).case_insensitive(query.ignore_case).size_limit(LARGEST).build();
        let regex = regex.map_err(|error| {
            let why = error.to_string();
            Error::usage(format!("'{}' is no regular expression", text::safe(&query.words))).because(why)
        })?;
        let run = if query.regex { "" } else { plain_run(&query.words) };
        let sieve = if run.is_empty() {
            Sieve::Anything
        } else if query.ignore_case {
            let sieve = BytesBuilder::new(&regex::escape(run)).case_insensitive(true).build();
            sieve.map_or(Sieve::Anything, |sieve| Sieve::AnyCase(Box::new(sieve)))
        } else {
            Sieve::Bytes(Box::new(memmem::Finder::new(run).into_owned()))
        };
        Ok(Self { regex, sieve })
    }

    fn may_be_in(&self, line: &[u8]) -> bool {
        match &self.sieve {
            Sieve::Anything => true,
            Sieve::Bytes(finder) => finder.find(line).is_some(),
            Sieve::AnyCase(regex) => regex.is_match(line),
        }
    }

    fn find(&self, piece: Piece) -> Option<Hit> {
        let by_user = matches!(piece.what, What::Prompt(_)) && !piece.by_subagent;
        let place = self.regex.find(piece.words()?)?.range();
        let (What::Prompt(text) | What::Answer(text)) = piece.what else { return None };
        Some(Hit { at: piece.at, by_user, subagent: None, text, place })
    }
}

/// The longest part of the words that stands in JSON as it is, whoever writes it.
fn plain_run(words: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || " ,.:;-_()[]{}=!?#*@".contains(c);
    words.split(|c| !plain(c)).max_by_key(|run| run.len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sieve_lets_through_whatever_may_match() {
        for (words, run) in
            [("rate limit", "rate limit"), ("say \"no\" now", " now"), ("größe", "gr"), ("\n\\", "")]
        {
            assert_eq!(plain_run(words), run, "{words}");
        }
        let matcher = |words: &str, ignore_case| {
            Matcher::new(&Query { words: words.into(), ignore_case, regex: false }).unwrap()
        };
        assert!(matcher("Rate", false).may_be_in(b"{\"text\":\"a Rate\"}"));
        assert!(!matcher("Rate", false).may_be_in(b"{\"text\":\"a rate\"}"));
        assert!(matcher("Rate", true).may_be_in(b"{\"text\":\"a rATE \xff\"}"));
        assert!(matcher("\"", false).may_be_in(b""));
        assert!(Matcher::new(&Query { words: "(".into(), regex: true, ignore_case: false }).is_err());
    }
}
