//! `sessions search`: finds words in prompts and answers. Lines that cannot contain them are not parsed.

mod matcher;

use std::{
    collections::{HashSet, VecDeque},
    fs::File,
    io,
    path::{Path, PathBuf},
};

use matcher::Matcher;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Request, Session,
    catalogue::{Catalogue, SessionRow},
    read,
};
use crate::{
    Result, agents,
    context::{Context, Event},
    conversation::{
        ConversationFile, ReadFailure, Subagent,
        lines::{self, RawLine},
        open,
    },
    git::Repo,
    parallel,
    store::transcripts,
};

/// The number of sessions that each thread searches at a time, which bounds the hits in memory.
const BATCH_SIZE: usize = 8;
/// The same if one hit of each session is enough.
const BATCH_SIZE_OF_ONE: usize = 512;
/// The most hits that are kept for one session; further ones are only counted.
const MAX_HITS: usize = 100;

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
    /// Whether one match of each session is enough: the rest of the session is not searched.
    #[serde(default)]
    pub one_match: bool,
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
    let wanted = Wanted { matcher, most: if query.one_match { 1 } else { MAX_HITS } };
    Ok(Search { context, repo, wanted, catalogue, of, rows, read, summary })
}

/// What is searched for.
struct Wanted {
    matcher: Matcher,
    /// The most hits that are kept for one session. Further ones are only counted, unless one is enough.
    most: usize,
}

impl Wanted {
    /// Returns whether the rest of a session with these hits need not be searched.
    const fn is_enough(&self, hits: &[Hit]) -> bool {
        self.most == 1 && !hits.is_empty()
    }
}

/// An iterator over the conversations that match a query. It reads a batch of files at a time, when more results are requested.
pub struct Search<'a> {
    context: &'a Context,
    repo: Option<&'a Repo>,
    wanted: Wanted,
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
        let each = if self.wanted.most == 1 { BATCH_SIZE_OF_ONE } else { BATCH_SIZE };
        let mut some = Vec::new();
        for row in self.rows.by_ref().take(each * parallel::cores()) {
            let inner = row.place.as_ref().map(|place| self.catalogue.inner(place)).unwrap_or_default();
            some.push((row, inner));
        }
        let wanted = &self.wanted;
        let found = parallel::map(&some, |(row, inner)| {
            row.place.as_ref().map(|place| search_files(row, place, inner, wanted))
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
        let found = found.unwrap_or_else(|| search_kept(self.repo, &self.catalogue, &row, &self.wanted));
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
fn search_files(row: &SessionRow, place: &ConversationFile, inner: &[Subagent], wanted: &Wanted) -> Findings {
    let mut findings = Findings::default();
    let one = |path: &Path| open::open(path).and_then(|file| search(&row.program, wanted, file));
    findings.add(&place.path, None, one(&place.path));
    for inner in inner {
        if wanted.is_enough(&findings.hits) {
            break;
        }
        findings.add(&inner.path, Some(&inner.id), one(&inner.path));
    }
    findings
}

/// Searches the kept copies of a session and its subagents.
fn search_kept(repo: Option<&Repo>, catalogue: &Catalogue, row: &SessionRow, wanted: &Wanted) -> Findings {
    let mut findings = Findings::default();
    let file = read::open_transcript(repo, catalogue, row);
    let found = |file: Result<File>| {
        file.map_err(io::Error::other).and_then(|file| search(&row.program, wanted, file))
    };
    findings.add(Path::new(&row.id), None, found(file));
    let Some((repo, kept)) = repo.zip(catalogue.kept(&row.id)) else { return findings };
    for (inner, _) in row.inner.iter().flatten() {
        if wanted.is_enough(&findings.hits) {
            break;
        }
        let blob = transcripts::subagent_transcript(repo, kept, &inner.id);
        let file = blob.and_then(|blob| read::open_kept(repo, blob, &inner.id));
        findings.add(Path::new(&inner.id), Some(&inner.id), found(file));
    }
    findings
}

/// Returns the hits in one file, the number of further ones, and a message about lines that are too long to be searched.
fn search(
    program: &str,
    wanted: &Wanted,
    file: impl io::Read,
) -> io::Result<(Vec<Hit>, u64, Option<String>)> {
    let matcher = &wanted.matcher;
    let (mut hits, mut more, mut longest) = (Vec::new(), 0, 0);
    let Some(program) = agents::session_reader(program) else { return Ok((hits, more, None)) };
    lines::read(file, |line| {
        if let RawLine::TooLong(length) = line {
            longest = length.max(longest);
        }
        let bytes = line.bytes().filter(|bytes| matcher.may_match(bytes) && program.is_counted(bytes));
        let words = bytes.map(|bytes| program.parse_words(bytes, &|text| matcher.may_match(text)));
        for piece in words.unwrap_or_default() {
            // A message that is written again, followed by new content, is one hit.
            if let Some(hit) = matcher.find(piece).filter(|hit| hits.last() != Some(hit)) {
                if hits.len() < wanted.most { hits.push(hit) } else { more += 1 }
            }
        }
        !matches!(line, RawLine::Cut(_)) && !wanted.is_enough(&hits)
    })?;
    let unread = (longest > 0).then(|| format!("a line of {longest} bytes is skipped"));
    Ok((hits, more, unread))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file whose first line matches, and that cannot be read any further.
    struct FirstLine(bool);

    impl io::Read for FirstLine {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::Error::other("it is read any further"));
            }
            let line = b"{\"type\":\"user\",\"message\":{\"content\":\"an error\"}}\n";
            buffer[..line.len()].copy_from_slice(line);
            Ok(line.len())
        }
    }

    #[test]
    fn a_file_is_read_up_to_the_first_match_if_one_is_enough() {
        let search = |one_match| {
            let matcher = Matcher::new(&Query { words: "error".into(), ..Query::default() }).unwrap();
            search(
                "claude",
                &Wanted { matcher, most: if one_match { 1 } else { MAX_HITS } },
                FirstLine(false),
            )
        };
        assert_eq!(search(true).unwrap().0[0].place, 3..8);
        assert!(search(false).is_err());
    }
}
