//! `sessions`: the conversations of coding agents, on this machine and kept in this repository. Looking writes nothing but an
//! index.

pub mod adopt;
pub mod catalogue;
mod forks;
mod holders;
pub mod keep;
pub(in crate::ops) mod living;
pub mod read;
pub mod resume;
mod scope;
pub mod search;
mod session;
pub mod stats;

use crate::{
    Error, Result, conversation,
    git::Repo,
    ops::sessions::catalogue::{Catalogue, Row},
};

pub use crate::conversation::{Piece, Trouble, What, edit, missing_folders};

pub use session::{Session, SubAgent};

/// Which conversations.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Of every folder of this machine, not only of this repository.
    pub everywhere: bool,
    /// Active since then, in seconds since 1970.
    pub since: Option<i64>,
    /// Of one program.
    pub program: Option<String>,
    /// Last on this branch.
    pub branch: Option<String>,
    /// Those that run now.
    pub live: bool,
    /// At most so many, the newest; 0: all.
    pub limit: usize,
}

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// Newest first.
    pub sessions: Vec<Session>,
    /// Others that fit, beyond the limit.
    pub more: usize,
    /// What could not be read.
    pub troubles: Vec<Trouble>,
}

/// Finds and reads. Without a repository only [`Request::everywhere`] can be asked for.
///
/// # Errors
/// There is no such program (2), or the refs cannot be read.
pub fn run(repo: Option<&Repo>, request: &Request) -> Result<Report> {
    check(request)?;
    let mut catalogue = Catalogue::read(repo, request.everywhere, request.program.as_deref())?;
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

fn report(mut catalogue: Catalogue, rows: &[Row], all: usize) -> Report {
    let sessions: Vec<Session> = rows.iter().map(|row| catalogue.session(row)).collect();
    let troubles = catalogue.close();
    Report { more: all - sessions.len(), sessions, troubles }
}

fn check(request: &Request) -> Result<()> {
    let Some(name) = &request.program else { return Ok(()) };
    if conversation::program(name).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = conversation::PROGRAMS.iter().map(|program| program.name()).collect();
    let shown = crate::model::text::safe(name);
    Err(Error::usage(format!("the conversations of '{shown}' cannot be read"))
        .hint(format!("those of {} can", known.join(", "))))
}
