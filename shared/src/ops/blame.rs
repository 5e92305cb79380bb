//! `blame`: the commit that git names for each line of a file, and what is known of the agent that wrote it.

mod origin;
mod porcelain;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::origin::{AgentHere, LineAgent, ToldBy};
use self::{origin::Origins, porcelain::Blamed};
use crate::{
    Code, Error, Result,
    context::Context,
    git::{Git, Oid, command},
    model::{quote, text},
    ops::named,
    trust::AcceptedRepo,
    world::Timestamp,
};

/// The most lines of one answer.
const MAX_LINES: usize = 100_000;
/// The most ranges of one request.
const MAX_RANGES: usize = 100;
/// The longest name and subject, in columns.
const MAX_WIDTH: usize = 200;

/// Which lines to explain.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The file, relative to the caller's folder.
    pub file: String,
    /// The file, if its name is not text: the name for people does not find it.
    #[serde(skip)]
    pub path: Option<PathBuf>,
    /// The commit whose lines are explained: a revision or an agent. Without one, the file as it is now, with uncommitted lines.
    #[serde(default)]
    pub revision: Option<String>,
    /// Only these ranges of lines, each as `git blame -L` takes it; if empty, all.
    #[serde(default)]
    pub lines: Vec<String>,
}

impl Request {
    fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or_else(|| Path::new(&self.file))
    }
}

/// Who wrote the lines of a file.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "BlameReport")]
pub struct Report {
    /// The file, as it was named.
    pub file: String,
    /// The commit whose lines these are; `null` for the file as it is now.
    pub revision: Option<Oid>,
    /// The lines, in order.
    pub lines: Vec<BlamedLine>,
    /// The commits that the lines are from, in the order of their first lines.
    pub commits: Vec<BlamedCommit>,
}

/// A line of the file.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct BlamedLine {
    /// Its number in the file, from 1.
    pub number: u64,
    /// The commit that it is from; `null` if it is not committed.
    pub commit: Option<Oid>,
    /// Its number in that commit.
    pub number_there: u64,
    /// Its text, without the end of the line.
    pub text: String,
}

/// A commit that lines are from.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct BlamedCommit {
    /// The commit; `null` for lines that are not committed.
    pub commit: Option<Oid>,
    /// The name of its author, as git knows it.
    pub author: String,
    /// When it was written.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub at: Option<Timestamp>,
    /// The first line of its message.
    pub summary: String,
    /// The number of lines of this answer that are from it.
    pub lines: u64,
    /// The agent whose work it is; `null` for a commit of a person.
    pub agent: Option<LineAgent>,
}

impl Report {
    /// Returns the commit that a line is from.
    pub fn commit_of(&self, line: &BlamedLine) -> Option<&BlamedCommit> {
        self.commits.iter().find(|one| one.commit == line.commit)
    }
}

/// Explains lines: runs `git blame` once, and reads one note of each commit in its answer. Writes nothing.
///
/// # Errors
/// The file or a line is not there (2), or the revision names no commit (3).
pub fn run(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    context.check()?;
    if request.lines.len() > MAX_RANGES {
        let ranges = request.lines.len();
        let what = format!("{ranges} ranges of lines are too many; the limit is {MAX_RANGES}");
        return Err(Error::new(Code::LimitExceeded, what));
    }
    let revision = request.revision.as_deref().map(|typed| named::resolve_commit(repo, typed)).transpose()?;
    let blamed = porcelain::parse(&blame(repo, request, revision)?);
    if blamed.lines.len() > MAX_LINES {
        let what = format!("'{}' has more than {MAX_LINES} lines", text::safe(&request.file));
        return Err(Error::new(Code::LimitExceeded, what).hint("-L 1,1000 shows some of them"));
    }
    let mut origins = Origins::new(repo)?;
    if let (Some(typed), Some(_)) = (&request.revision, revision) {
        origins.add_work_of(typed)?;
    }
    let Blamed { lines, commits: known } = blamed;
    let mut commits = Vec::with_capacity(known.len());
    for commit in known {
        context.check()?;
        let agent = commit.commit.map(|id| origins.of(id)).transpose()?.flatten();
        commits.push(BlamedCommit { agent, ..commit });
    }
    Ok(Report { file: request.file.clone(), revision, lines, commits })
}

/// Returns what `git blame --porcelain` prints.
fn blame(repo: &AcceptedRepo, request: &Request, revision: Option<Oid>) -> Result<Vec<u8>> {
    let environment = repo.environment();
    let git = Git::new(environment, environment.directory(), "blame").allow_lazy_fetch();
    let git = git.args(["--porcelain", "--no-progress"]);
    let git = git.args(request.lines.iter().map(|range| format!("-L{range}")));
    let git = git.args(revision.map(|commit| commit.to_string()));
    let output = git.arg("--").arg(request.path()).limit(command::LONG_LIMIT).output()?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    if revision.is_none() && repo.head().is_err_and(|error| error.code == Code::CommitMissing) {
        return Err(repo.no_commit("there is no commit yet, so nobody committed a line"));
    }
    let said = output.stderr.lines().rev().find_map(|line| line.strip_prefix("fatal: "));
    let why = text::one_line(said.unwrap_or(&output.stderr), MAX_WIDTH);
    let what = format!("cannot blame '{}'", text::safe(&request.file));
    let error = Error::new(Code::PlaceUnknown, what).because(why);
    let is_there = revision.is_none() && environment.directory().join(request.path()).is_file();
    // The file is there, and the fault is not that of a line.
    Err(if is_there && request.lines.is_empty() {
        let file = quote::word(request.path());
        error
            .hint("only a file that is in the last commit has lines that somebody committed")
            .hint(format!("git orchestra blame {file} AGENT shows it in the work of an agent"))
    } else {
        error
    })
}
