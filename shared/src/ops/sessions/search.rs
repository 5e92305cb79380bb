//! `sessions search`: words in prompts and answers. Lines that cannot hold them are passed over unread.

use std::{
    collections::HashSet,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use memchr::memmem;
use regex::{
    Regex, RegexBuilder,
    bytes::{Regex as Bytes, RegexBuilder as BytesBuilder},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Request, Session,
    catalogue::{Catalogue, SessionRow},
    read,
};
use crate::{
    Code, Error, Result, agents,
    conversation::{
        ConversationFile, ItemKind, ReadFailure, Subagent, TranscriptItem,
        lines::{self, RawLine},
        open,
    },
    git::Repo,
    model::text,
    parallel,
    store::transcripts,
    world::Environment,
};

/// Conversations searched at a time: what is held of hits is bounded by it.
const AT_ONCE: usize = 64;
/// Hits that are kept of one conversation; more are counted.
const MOST_HITS: usize = 100;
/// What a line has in which the parts of what was typed stand apart, such as a command and its arguments.
const TYPED_APART: [&[u8]; 2] = [b"<command-", b"<bash-input>"];
/// Largest program that a regular expression may become, in bytes.
const LARGEST: usize = 1 << 20;

/// What to search for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The words, or a regular expression.
    pub words: String,
    /// The words are a regular expression.
    #[serde(default)]
    pub regex: bool,
    /// Upper and lower case are the same.
    #[serde(default)]
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
pub struct SearchSummary {
    /// Conversations that were searched.
    pub searched: usize,
    /// What could not be read.
    pub troubles: Vec<ReadFailure>,
}

/// Searches, newest first, and hands on each conversation in which something is found, as long as `each` wants more.
///
/// # Errors
/// The words are none, or no regular expression (2); the refs cannot be read.
pub fn run(
    environment: &Environment,
    repo: Option<&Repo>,
    request: &Request,
    query: &Query,
    mut each: impl FnMut(Hits) -> bool,
) -> Result<SearchSummary> {
    let matcher = Matcher::new(query)?;
    super::check(request)?;
    let mut catalogue = Catalogue::read(environment, repo, request.everywhere, request.program.as_deref())?;
    let (rows, _) = catalogue.rows(request);
    let mut outcome = SearchSummary::default();
    'all: for some in rows.chunks(AT_ONCE) {
        let with_inner: Vec<(&SessionRow, Vec<Subagent>)> = some
            .iter()
            .map(|row| (row, row.place.as_ref().map(|place| catalogue.inner(place)).unwrap_or_default()))
            .collect();
        let found = parallel::map(&with_inner, |(row, inner)| {
            row.place.as_ref().map(|place| in_files(row, place, inner, &matcher))
        });
        for (row, found) in some.iter().zip(found) {
            // What is kept alone is read by git, one after the other.
            let found = found.unwrap_or_else(|| in_kept(repo, &catalogue, row, &matcher));
            outcome.searched += 1;
            outcome.troubles.extend(found.troubles);
            let (hits, more) = (found.hits, found.more);
            if !hits.is_empty() && !each(Hits { session: catalogue.session(row), hits, more }) {
                break 'all;
            }
        }
    }
    // What was not read whole before is named by what searched it.
    let named: HashSet<PathBuf> = outcome.troubles.iter().map(|trouble| trouble.path.clone()).collect();
    let others = catalogue.close().into_iter().filter(|trouble| !named.contains(&trouble.path));
    outcome.troubles.extend(others);
    Ok(outcome)
}

/// What was found in one conversation and in what it started.
#[derive(Default)]
struct Findings {
    hits: Vec<Hit>,
    more: u64,
    troubles: Vec<ReadFailure>,
}

impl Findings {
    /// Adds what is found in one file, of a sub-agent where `subagent` names one.
    fn add(
        &mut self,
        path: &Path,
        subagent: Option<&str>,
        found: io::Result<(Vec<Hit>, u64, Option<String>)>,
    ) {
        let trouble = |why: String| ReadFailure { path: path.to_owned(), why };
        match found {
            Ok((hits, more, unread)) => {
                let room = MOST_HITS.saturating_sub(self.hits.len());
                self.more += more + hits.len().saturating_sub(room) as u64;
                let subagent = subagent.map(str::to_owned);
                self.hits
                    .extend(hits.into_iter().take(room).map(|hit| Hit { subagent: subagent.clone(), ..hit }));
                self.troubles.extend(unread.map(trouble));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.troubles.push(trouble(error.to_string())),
        }
    }
}

/// Searches the file of a conversation, then those of what it started.
fn in_files(row: &SessionRow, place: &ConversationFile, inner: &[Subagent], matcher: &Matcher) -> Findings {
    let mut findings = Findings::default();
    let one = |path: &Path| open::open(path).and_then(|file| search(row, matcher, file));
    findings.add(&place.path, None, one(&place.path));
    for inner in inner {
        findings.add(&inner.path, Some(&inner.id), one(&inner.path));
    }
    findings
}

/// The same, where only what is kept is left.
fn in_kept(repo: Option<&Repo>, catalogue: &Catalogue, row: &SessionRow, matcher: &Matcher) -> Findings {
    let mut findings = Findings::default();
    let file = read::file_of(repo, catalogue, row);
    let found =
        |file: Result<File>| file.map_err(io::Error::other).and_then(|file| search(row, matcher, file));
    findings.add(Path::new(&row.id), None, found(file));
    let Some((repo, kept)) = repo.zip(catalogue.kept(&row.id)) else { return findings };
    for (inner, _) in row.inner.iter().flatten() {
        let blob = transcripts::transcript_of_inner(repo, kept, &inner.id);
        let file = blob.and_then(|blob| read::kept_file(repo, blob, &inner.id));
        findings.add(Path::new(&inner.id), Some(&inner.id), found(file));
    }
    findings
}

/// The hits in one file, how many more there are, and what of it is too long to be searched.
fn search(
    row: &SessionRow,
    matcher: &Matcher,
    file: impl io::Read,
) -> io::Result<(Vec<Hit>, u64, Option<String>)> {
    let (mut hits, mut more, mut longest) = (Vec::new(), 0, 0);
    let Some(program) = agents::session_reader(&row.program) else { return Ok((hits, more, None)) };
    lines::read(file, |line| {
        if let RawLine::TooLong(length) = line {
            longest = length.max(longest);
        }
        let bytes = line.bytes().filter(|bytes| matcher.may_be_in(bytes) && program.is_counted(bytes));
        for piece in bytes.map(|bytes| program.parse_line(bytes)).unwrap_or_default() {
            // What is written again, with more behind it, is said once.
            if let Some(hit) = matcher.find(piece).filter(|hit| hits.last() != Some(hit)) {
                if hits.len() < MOST_HITS { hits.push(hit) } else { more += 1 }
            }
        }
        !matches!(line, RawLine::Cut(_))
    })?;
    let unread = (longest > 0).then(|| format!("a line of {longest} bytes is passed over"));
    Ok((hits, more, unread))
}

/// The words, made ready.
struct Matcher {
    regex: Regex,
    sieve: Sieve,
    /// The words may stand apart in a line, and together in what it means.
    may_be_apart: bool,
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
            return Err(Error::new(Code::ArgumentMissing, "nothing to search for")
                .hint("git orchestra sessions search 'some words'"));
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
        Ok(Self { regex, sieve, may_be_apart: query.words.contains(' ') })
    }

    fn may_be_in(&self, line: &[u8]) -> bool {
        let is_in = match &self.sieve {
            Sieve::Anything => true,
            Sieve::Bytes(finder) => finder.find(line).is_some(),
            Sieve::AnyCase(regex) => regex.is_match(line),
        };
        is_in || (self.may_be_apart && TYPED_APART.iter().any(|mark| memmem::find(line, mark).is_some()))
    }

    fn find(&self, piece: TranscriptItem) -> Option<Hit> {
        let by_user = matches!(piece.what, ItemKind::Prompt(_)) && !piece.by_subagent;
        let place = self.regex.find(piece.words()?)?.range();
        let (ItemKind::Prompt(text) | ItemKind::Answer(text)) = piece.what else { return None };
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
        let command = b"<command-name>/review</command-name><command-args>14</command-args>";
        assert!(matcher("/review 14", false).may_be_in(command));
        assert!(Matcher::new(&Query { words: "(".into(), regex: true, ignore_case: false }).is_err());
    }
}
