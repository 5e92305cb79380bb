//! The landings that have not ended, for a page that offers to continue or abort them.

use serde::Serialize;

use crate::{Result, git::Repo, landing::open_landings};

/// A landing that runs, or waits to be continued or aborted.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct OpenLanding {
    /// The id of its operation.
    pub operation: String,
    /// The target branch; `None` if its state cannot be read.
    pub into: Option<String>,
    /// When it began.
    pub began_at: String,
    /// Its progress, in words.
    pub summary: String,
    /// Whether a process works on it now.
    pub running: bool,
}

/// Returns all landings that have not ended, newest first.
///
/// # Errors
/// The operations cannot be read.
pub fn landings(repo: &Repo) -> Result<Vec<OpenLanding>> {
    let listed = |open: open_landings::OpenLanding| {
        let running = open.is_running(repo)?;
        let (operation, into) = (open.operation, open.into);
        Ok(OpenLanding {
            operation: operation.id,
            into,
            began_at: operation.at,
            summary: operation.summary,
            running,
        })
    };
    open_landings::all(repo)?.into_iter().map(listed).collect()
}
