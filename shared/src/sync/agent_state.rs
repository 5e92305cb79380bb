//! The state of an agent at a tip of its log, read from one commit if this clone vouches for it.

use crate::{
    Result,
    git::{Oid, Repo},
    model::{Agent, trailers},
    store::Chain,
};

/// Returns the state at `tip`, a tip that this clone has accepted. `writer` is the writer id of this clone.
///
/// A commit of this clone repeats the state in its trailers, and [`super::check`] accepts no tip from elsewhere that claims to be one
/// and has other trailers. The events of any other commit are folded.
///
/// # Errors
/// The log cannot be read.
pub(super) fn at(repo: &Repo, tip: Oid, writer: Option<&str>) -> Result<Agent> {
    let mut reader = repo.commit_reader();
    let said = reader.message(tip).and_then(trailers::paragraph);
    let trusted =
        said.filter(|said| writer.is_some_and(|writer| trailers::is_trusted::<Agent>(said, writer)));
    match trusted.and_then(trailers::read) {
        Some(agent) => Ok(agent),
        None => Ok(Chain::read(repo, &[tip])?.fold().agent),
    }
}
