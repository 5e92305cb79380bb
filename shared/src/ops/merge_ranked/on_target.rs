//! Runs the checks of a landing with the target as it is.

use super::{Request, prepare};
use crate::{
    Result,
    context::Context,
    git::Oid,
    landing::{
        branches,
        verify::{self, CommitCheck},
    },
    model::text,
    trust::AcceptedRepo,
};

/// A check that fails on the target as it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::ops) struct FailsOnTarget {
    /// The check: `build` or `test`.
    name: String,
    /// Why it fails, such as `exit code 3`.
    why: String,
}

impl FailsOnTarget {
    /// Returns `the test fails on main: exit code 3`.
    pub(in crate::ops) fn sentence(&self, into: &str) -> String {
        format!("the {} fails on {}: {}", self.name, text::safe(into), self.why)
    }
}

/// Runs the checks of a landing on the target, unless they are known to pass there. Returns the first one that fails.
///
/// # Errors
/// There is no target, the configuration was changed (3), a command is invalid (2), or the user interrupts it (130).
pub(in crate::ops) fn failing_on_target(
    context: &Context,
    repo: &AcceptedRepo,
    request: &Request,
) -> Result<Option<FailsOnTarget>> {
    let target = branches::target(repo, request.into.as_deref())?;
    failing_at(context, repo, request, target.tip)
}

/// Runs the checks of a landing on a commit, as [`failing_on_target`] does on the target.
///
/// # Errors
/// Those of [`failing_on_target`].
pub(in crate::ops) fn failing_at(
    context: &Context,
    repo: &AcceptedRepo,
    request: &Request,
    commit: Oid,
) -> Result<Option<FailsOnTarget>> {
    repo.confirm()?;
    let options = prepare::options(repo, request)?;
    for (name, command) in options.checks {
        let what = CommitCheck { commit, command: &command, recheck: request.recheck };
        let ran = verify::verify(context, repo, what, options.check_timeout)?;
        if let Some(why) = ran.failure {
            return Ok(Some(FailsOnTarget { name, why }));
        }
    }
    Ok(None)
}
