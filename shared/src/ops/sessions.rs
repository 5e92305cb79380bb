//! `sessions`: the conversations of coding agents, on this machine and kept in this repository. Looking writes nothing but an
//! index.

pub(in crate::ops) mod active_sessions;
pub mod adopt;
mod agent_sessions;
pub mod catalogue;
mod forks;
pub mod found;
pub mod keep;
pub mod read;
pub mod resume;
mod scope;
pub mod search;
mod session;
pub mod stats;
pub mod whole;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::agents::missing_session_folders as missing_folders;
pub use crate::conversation::{ItemKind, ReadFailure, TranscriptItem, edit};
use crate::{
    Error, Result, agents,
    conversation::SessionReader,
    git::Repo,
    ops::sessions::catalogue::{Catalogue, SessionRow},
    world::Environment,
};
pub use session::{Session, SubAgent};

/// Which conversations to find.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// Those of every folder of this machine, not only of this repository.
    pub everywhere: bool,
    /// Only those active since then, in seconds since 1970.
    pub since: Option<i64>,
    /// Only those of this program, such as `claude`.
    pub program: Option<String>,
    /// Only those that were last on this branch.
    pub branch: Option<String>,
    /// Only those in which a program is now.
    pub live: bool,
    /// At most so many, the newest; 0: all of them.
    pub limit: usize,
}

/// The conversations that were found.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The conversations, the newest first.
    pub sessions: Vec<Session>,
    /// How many more there are beyond the limit.
    pub more: usize,
    /// What could not be read.
    #[serde(rename = "unreadable")]
    pub troubles: Vec<ReadFailure>,
}

/// Finds and reads. Without a repository only [`Request::everywhere`] can be asked for.
///
/// # Errors
/// There is no such program (2), or the refs cannot be read.
pub fn run(environment: &Environment, repo: Option<&Repo>, request: &Request) -> Result<Report> {
    check(request)?;
    let mut catalogue = Catalogue::read(environment, repo, request.everywhere, request.program.as_deref())?;
    let (mut rows, all) = catalogue.rows(request);
    catalogue.read_whole(&mut rows);
    Ok(report(catalogue, &rows, all))
}

/// The newest of a repository, at most so many (0: all); nothing is counted, and no program is asked.
///
/// # Errors
/// The refs cannot be read.
pub fn glance(repo: &Repo, limit: usize) -> Result<Report> {
    let mut catalogue = Catalogue::remembered(repo)?;
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
    if agents::session_reader(name).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = agents::session_readers().map(SessionReader::name).collect();
    let shown = crate::model::text::safe(name);
    Err(Error::usage(format!("the conversations of '{shown}' cannot be read"))
        .hint(format!("those of {} can", known.join(", "))))
}
