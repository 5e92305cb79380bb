//! Runs the checks of a landing with the target as it is.

use super::{Request, prepare};
use crate::{
    Result,
    context::Context,
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
    repo.confirm()?;
    let options = prepare::options(repo, request)?;
    let target = branches::target(repo, request.into.as_deref())?;
    for (name, command) in options.checks {
        let what = CommitCheck { commit: target.tip, command: &command, recheck: request.recheck };
        let ran = verify::verify(context, repo, what, options.check_timeout)?;
        if let Some(why) = ran.failure {
            return Ok(Some(FailsOnTarget { name, why }));
        }
    }
    Ok(None)
}
