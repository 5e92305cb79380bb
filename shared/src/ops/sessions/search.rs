//! `sessions search`: finds words in prompts and answers. Lines that cannot contain them are not parsed.

use std::{
    collections::{HashSet, VecDeque},
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
    context::{Context, Event},
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
const BATCH_SIZE: usize = 64;
/// The most hits that are kept for one session; further ones are only counted.
const MAX_HITS: usize = 100;
/// Marks of lines that store the parts of a typed text separately, such as a command and its arguments.
const SPLIT_MARKS: [&[u8]; 2] = [b"<command-", b"<bash-input>"];
/// The largest size of a compiled regular expression, in bytes.
const MAX_REGEX_BYTES: usize = 1 << 20;

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
pub struct SessionHits {
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

/// Prepares a search of the conversations, newest first.
///
/// # Errors
/// The query is empty or not a valid regular expression (2), or the refs cannot be read.
pub fn run<'a>(
    context: &'a Context,
    repo: Option<&'a Repo>,
    request: &Request,
    query: &Query,
) -> Result<Search<'a>> {
    let matcher = Matcher::new(query)?;
    super::check(request)?;
    let mut catalogue = Catalogue::read(context, repo, request.everywhere, request.program.as_deref())?;
    let (rows, _) = catalogue.rows(request);
    let (of, rows) = (rows.len(), rows.into_iter());
    let (read, summary) = (VecDeque::new(), SearchSummary::default());
    Ok(Search { context, repo, matcher, catalogue, of, rows, read, summary })
}

/// An iterator over the conversations that match a query. It reads a batch of files at a time, when more results are requested.
pub struct Search<'a> {
    context: &'a Context,
    repo: Option<&'a Repo>,
    matcher: Matcher,
    catalogue: Catalogue,
    /// The number of conversations.
    of: usize,
    /// The conversations that are not searched yet.
    rows: std::vec::IntoIter<SessionRow>,
    /// The conversations whose files are searched, with the matches; `None` if a conversation has no file.
    read: VecDeque<(SessionRow, Option<Findings>)>,
    summary: SearchSummary,
}

impl Search<'_> {
    /// Ends the search, saves what was read in the index, and returns the summary.
    pub fn finish(self) -> SearchSummary {
        let mut summary = self.summary;
        // The search has reported files that it could not read completely; they are not reported twice.
        let named: HashSet<PathBuf> = summary.troubles.iter().map(|trouble| trouble.path.clone()).collect();
        let others = self.catalogue.close().into_iter().filter(|trouble| !named.contains(&trouble.path));
        summary.troubles.extend(others);
        summary
    }

    /// Searches the files of the next conversations, on all cores.
    fn search_files(&mut self) {
        let mut some = Vec::with_capacity(BATCH_SIZE);
        for row in self.rows.by_ref().take(BATCH_SIZE) {
            let inner = row.place.as_ref().map(|place| self.catalogue.inner(place)).unwrap_or_default();
            some.push((row, inner));
        }
        let matcher = &self.matcher;
        let found = parallel::map(&some, |(row, inner)| {
            row.place.as_ref().map(|place| search_files(row, place, inner, matcher))
        });
        self.read.extend(some.into_iter().map(|(row, _)| row).zip(found));
    }

    /// Returns the matches in the next conversation, or `None` after the last one.
    fn next_findings(&mut self) -> Result<Option<(SessionRow, Findings)>> {
        self.context.check()?;
        if self.read.is_empty() {
            self.search_files();
        }
        let Some((row, found)) = self.read.pop_front() else { return Ok(None) };
        // Kept copies are read from git, one after another.
        let found = found.unwrap_or_else(|| search_kept(self.repo, &self.catalogue, &row, &self.matcher));
        self.summary.searched += 1;
        self.context.emit(&Event::SessionsRead { done: self.summary.searched, of: self.of });
        Ok(Some((row, found)))
    }
}

impl Iterator for Search<'_> {
    /// An error means that the user interrupted the search.
    type Item = Result<SessionHits>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (row, found) = match self.next_findings() {
                Ok(next) => next?,
                Err(error) => return Some(Err(error)),
            };
            let Findings { hits, more, troubles } = found;
            self.summary.troubles.extend(troubles);
            if !hits.is_empty() {
                return Some(Ok(SessionHits { session: self.catalogue.session(&row), hits, more }));
            }
        }
    }
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
                let room = MAX_HITS.saturating_sub(self.hits.len());
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
fn search_files(
    row: &SessionRow,
    place: &ConversationFile,
    inner: &[Subagent],
    matcher: &Matcher,
) -> Findings {
    let mut findings = Findings::default();
    let one = |path: &Path| open::open(path).and_then(|file| search(row, matcher, file));
    findings.add(&place.path, None, one(&place.path));
    for inner in inner {
        findings.add(&inner.path, Some(&inner.id), one(&inner.path));
    }
    findings
}

/// Searches the kept copies of a session and its subagents.
fn search_kept(repo: Option<&Repo>, catalogue: &Catalogue, row: &SessionRow, matcher: &Matcher) -> Findings {
    let mut findings = Findings::default();
    let file = read::open_transcript(repo, catalogue, row);
    let found =
        |file: Result<File>| file.map_err(io::Error::other).and_then(|file| search(row, matcher, file));
    findings.add(Path::new(&row.id), None, found(file));
    let Some((repo, kept)) = repo.zip(catalogue.kept(&row.id)) else { return findings };
    for (inner, _) in row.inner.iter().flatten() {
        let blob = transcripts::subagent_transcript(repo, kept, &inner.id);
        let file = blob.and_then(|blob| read::open_kept(repo, blob, &inner.id));
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
        let bytes = line.bytes().filter(|bytes| matcher.may_match(bytes) && program.is_counted(bytes));
        for piece in bytes.map(|bytes| program.parse_line(bytes)).unwrap_or_default() {
            // A message that is written again, followed by new content, is one hit.
            if let Some(hit) = matcher.find(piece).filter(|hit| hits.last() != Some(hit)) {
                if hits.len() < MAX_HITS { hits.push(hit) } else { more += 1 }
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
    prefilter: Prefilter,
    /// Whether the words may be apart in a line, although they are together in the message.
    may_be_split: bool,
}

/// What the bytes of a line must contain for the line to match.
enum Prefilter {
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
        let regex = RegexBuilder::new(&pattern)
            .case_insensitive(query.ignore_case)
            .size_limit(MAX_REGEX_BYTES)
            .build();
        let regex = regex.map_err(|error| {
            let why = error.to_string();
            Error::usage(format!("'{}' is not a valid regular expression", text::safe(&query.words)))
                .because(why)
        })?;
        let run = if query.regex { "" } else { longest_literal(&query.words) };
        let prefilter = if run.is_empty() {
            Prefilter::Anything
        } else if query.ignore_case {
            let prefilter = BytesBuilder::new(&regex::escape(run)).case_insensitive(true).build();
            prefilter.map_or(Prefilter::Anything, |prefilter| Prefilter::AnyCase(Box::new(prefilter)))
        } else {
            Prefilter::Bytes(Box::new(memmem::Finder::new(run).into_owned()))
        };
        Ok(Self { regex, prefilter, may_be_split: query.words.contains(' ') })
    }

    fn may_match(&self, line: &[u8]) -> bool {
        let is_in = match &self.prefilter {
            Prefilter::Anything => true,
            Prefilter::Bytes(finder) => finder.find(line).is_some(),
            Prefilter::AnyCase(regex) => regex.is_match(line),
        };
        is_in || (self.may_be_split && SPLIT_MARKS.iter().any(|mark| memmem::find(line, mark).is_some()))
    }

    fn find(&self, piece: TranscriptItem) -> Option<Hit> {
        let by_user = matches!(piece.what, ItemKind::Prompt(_)) && !piece.by_subagent;
        let place = self.regex.find(piece.words()?)?.range();
        let (ItemKind::Prompt(text) | ItemKind::Answer(text)) = piece.what else { return None };
        Some(Hit { at: piece.at, by_user, subagent: None, text, place })
    }
}

/// Returns the longest part of the words that every JSON writer leaves unescaped.
fn longest_literal(words: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || " ,.:;-_()[]{}=!?#*@".contains(c);
    words.split(|c| !plain(c)).max_by_key(|run| run.len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefilter_accepts_whatever_may_match() {
        for (words, run) in
            [("rate limit", "rate limit"), ("say \"no\" now", " now"), ("größe", "gr"), ("\n\\", "")]
        {
            assert_eq!(longest_literal(words), run, "{words}");
        }
        let matcher = |words: &str, ignore_case| {
            Matcher::new(&Query { words: words.into(), ignore_case, regex: false }).unwrap()
        };
        assert!(matcher("Rate", false).may_match(b"{\"text\":\"a Rate\"}"));
        assert!(!matcher("Rate", false).may_match(b"{\"text\":\"a rate\"}"));
        assert!(matcher("Rate", true).may_match(b"{\"text\":\"a rATE \xff\"}"));
        assert!(matcher("\"", false).may_match(b""));
        let command = b"<command-name>/review</command-name><command-args>14</command-args>";
        assert!(matcher("/review 14", false).may_match(command));
        assert!(Matcher::new(&Query { words: "(".into(), regex: true, ignore_case: false }).is_err());
    }
}
