//! `sessions`: the sessions of coding agents, on this machine and kept in this repository. Reading writes nothing but an index.

pub(in crate::ops) mod active_sessions;
pub mod adopt;
mod agent_sessions;
pub mod catalogue;
mod forks;
pub mod keep;
pub mod read;
pub mod resume;
pub(in crate::ops) mod scope;
pub mod search;
pub mod search_report;
mod session;
pub mod stats;
pub mod transcript;
pub mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, agents,
    context::Context,
    conversation::SessionReader,
    git::Repo,
    ops::sessions::catalogue::{Catalogue, SessionRow},
};
pub use crate::{
    agents::missing_session_folders as missing_folders,
    conversation::{ItemKind, ReadFailure, TranscriptItem, edit},
};
pub use session::{Session, SubagentInfo};

/// Which sessions to list.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// Sessions of every folder of this machine, not only of this repository.
    pub everywhere: bool,
    /// Only sessions that were active since this time, in seconds since 1970.
    pub since: Option<i64>,
    /// Only sessions of this program, such as `claude`.
    pub program: Option<String>,
    /// Only sessions that were last on this branch.
    pub branch: Option<String>,
    /// Only sessions that a process uses now.
    pub live: bool,
    /// At most this many sessions, the newest; 0 means all.
    pub limit: usize,
}

/// The sessions that were found.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The sessions, newest first.
    pub sessions: Vec<Session>,
    /// The number of sessions beyond the limit.
    pub more: usize,
    /// Files that could not be read.
    #[serde(rename = "unreadable")]
    pub troubles: Vec<ReadFailure>,
}

/// Finds sessions, and reads them completely. Without a repository, [`Request::everywhere`] must be set.
///
/// # Errors
/// There is no such program (2), the refs cannot be read, or the user interrupts it (130).
pub fn run(context: &Context, repo: Option<&Repo>, request: &Request) -> Result<Report> {
    check(request)?;
    let mut catalogue = Catalogue::read(context, repo, request.everywhere, request.program.as_deref())?;
    let (mut rows, all) = catalogue.rows(request);
    catalogue.read_whole(&mut rows);
    context.check()?;
    Ok(report(catalogue, &rows, all))
}

/// Returns the newest sessions of a repository, at most `limit` (0 means all). They are not read completely, and no program is run.
///
/// # Errors
/// The refs cannot be read.
pub fn newest(repo: &Repo, limit: usize) -> Result<Report> {
    let mut catalogue = Catalogue::cached(repo)?;
    let (rows, all) = catalogue.rows(&Request { limit, ..Request::default() });
    Ok(report(catalogue, &rows, all))
}

fn report(mut catalogue: Catalogue, rows: &[SessionRow], all: usize) -> Report {
    let sessions: Vec<Session> = rows.iter().map(|row| catalogue.session(row)).collect();
    let troubles = catalogue.close();
    Report { more: all - sessions.len(), sessions, troubles }
}

fn check(request: &Request) -> Result<()> {
    let Some(name) = &request.program else { return Ok(()) };
    if agents::session_readers().any(|reader| reader.name() == name) {
        return Ok(());
    }
    let known: Vec<&str> = agents::session_readers().map(SessionReader::name).collect();
    let shown = crate::model::text::safe(name);
    Err(Error::usage(format!("the sessions of '{shown}' cannot be read"))
        .hint(format!("those of {} can be read", known.join(", "))))
}
