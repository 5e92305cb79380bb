//! `sessions search`: finds words in prompts and answers. Lines that cannot contain them are not parsed.

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
};

/// The number of sessions that are searched at a time, which bounds the hits in memory.
const AT_ONCE: usize = 64;
/// The most hits that are kept for one session; further ones are only counted.
const MOST_HITS: usize = 100;
/// Marks of lines that store the parts of a typed text separately, such as a command and its arguments.
const TYPED_APART: [&[u8]; 2] = [b"<command-", b"<bash-input>"];
/// The largest size of a compiled regular expression, in bytes.
const LARGEST: usize = 1 << 20;

/// What to search for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The words, or a regular expression.
    pub words: String,
    /// Whether the words are a regular expression.
    #[serde(default)]
    pub regex: bool,
    /// Whether to ignore upper and lower case.
    #[serde(default)]
    pub ignore_case: bool,
}

/// A session with hits.
#[derive(Debug)]
pub struct Hits {
    /// The session; its numbers are not filled in.
    pub session: Session,
    /// The first hits, at most a hundred.
    pub hits: Vec<Hit>,
    /// The number of further hits.
    pub more: u64,
}

/// One hit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hit {
    /// When the message was written, as an RFC 3339 timestamp.
    pub at: Option<String>,
    /// Whether the user wrote it, and not the agent.
    pub by_user: bool,
    /// The subagent, if the hit is in a subagent's own file.
    pub subagent: Option<String>,
    /// The whole message.
    pub text: String,
    /// The byte range of the first match in the text.
    pub place: std::ops::Range<usize>,
}

/// The summary of a search.
#[derive(Debug, Default)]
pub struct SearchSummary {
    /// The number of sessions that were searched.
    pub searched: usize,
    /// Files that could not be read.
    pub troubles: Vec<ReadFailure>,
}

/// Searches sessions, newest first, and passes those with hits to `each`, as long as that returns true.
///
/// # Errors
/// The words are empty, or not a valid regular expression (2); the refs cannot be read.
pub fn run(
    repo: Option<&Repo>,
    request: &Request,
    query: &Query,
    mut each: impl FnMut(Hits) -> bool,
) -> Result<SearchSummary> {
    let matcher = Matcher::new(query)?;
    super::check(request)?;
    let mut catalogue = Catalogue::read(repo, request.everywhere, request.program.as_deref())?;
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
            // Kept copies are read from git, one after another.
            let found = found.unwrap_or_else(|| in_kept(repo, &catalogue, row, &matcher));
            outcome.searched += 1;
            outcome.troubles.extend(found.troubles);
            let (hits, more) = (found.hits, found.more);
            if !hits.is_empty() && !each(Hits { session: catalogue.session(row), hits, more }) {
                break 'all;
            }
        }
    }
    // The search has reported files that it could not read completely; they are not reported twice.
    let named: HashSet<PathBuf> = outcome.troubles.iter().map(|trouble| trouble.path.clone()).collect();
    let others = catalogue.close().into_iter().filter(|trouble| !named.contains(&trouble.path));
    outcome.troubles.extend(others);
    Ok(outcome)
}

/// What was found in one session and its subagents.
#[derive(Default)]
struct Findings {
    hits: Vec<Hit>,
    more: u64,
    troubles: Vec<ReadFailure>,
}

impl Findings {
    /// Adds what was found in one file, which belongs to a subagent if `subagent` is set.
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

/// Searches the file of a session, then those of its subagents.
fn in_files(row: &SessionRow, place: &ConversationFile, inner: &[Subagent], matcher: &Matcher) -> Findings {
    let mut findings = Findings::default();
    let one = |path: &Path| open::open(path).and_then(|file| search(row, matcher, file));
    findings.add(&place.path, None, one(&place.path));
    for inner in inner {
        findings.add(&inner.path, Some(&inner.id), one(&inner.path));
    }
    findings
}

/// Searches the kept copies of a session and its subagents.
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

/// Returns the hits in one file, the number of further ones, and a message about lines that are too long to be searched.
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
            // A message that is written again, followed by new content, is one hit.
            if let Some(hit) = matcher.find(piece).filter(|hit| hits.last() != Some(hit)) {
                if hits.len() < MOST_HITS { hits.push(hit) } else { more += 1 }
            }
        }
        !matches!(line, RawLine::Cut(_))
    })?;
    let unread = (longest > 0).then(|| format!("a line of {longest} bytes is skipped"));
    Ok((hits, more, unread))
}

/// The compiled query.
struct Matcher {
    regex: Regex,
    sieve: Sieve,
    /// Whether the words may be apart in a line, although they are together in the message.
    may_be_apart: bool,
}

/// What the bytes of a line must contain for the line to match.
enum Sieve {
    /// Nothing is known, so every line may match.
    Anything,
    /// Exactly these bytes.
    Bytes(Box<memmem::Finder<'static>>),
    /// This text, in upper or lower case.
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
            Error::usage(format!("'{}' is not a valid regular expression", text::safe(&query.words)))
                .because(why)
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

/// Returns the longest part of the words that every JSON writer leaves unescaped.
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
