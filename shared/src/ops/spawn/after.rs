//! The agents with whose work new agents start.

use super::Request;
use crate::{
    Code, Error, Result,
    git::Repo,
    model::{AgentId, dependency::MAX_DEPENDENCIES},
    ops::{caller::Caller, selection},
    store::Listing,
};

/// Returns the agents after which the new ones start.
///
/// # Errors
/// A name matches none or several (3), they are too many, or the request names another base (2).
pub(super) fn find(repo: &Repo, request: &Request) -> Result<Vec<AgentId>> {
    if request.after.is_empty() {
        return Ok(Vec::new());
    }
    for (other, is_given) in [
        ("--base", request.base.is_some()),
        ("--on", request.on.is_some()),
        ("--with-changes", request.with_changes),
    ] {
        if is_given {
            return Err(Error::usage(format!(
                "--after starts from the work of other agents, and {other} from elsewhere"
            ))
            .hint(format!("leave out --after or {other}")));
        }
    }
    let ids = selection::named(repo, &Listing::read(repo)?, &request.after)?;
    if ids.len() > MAX_DEPENDENCIES {
        let count = ids.len();
        return Err(Error::new(
            Code::LimitExceeded,
            format!("{count} agents after --after are too many; the limit is {MAX_DEPENDENCIES}"),
        ));
    }
    if let Some(me) = Caller::of(repo).agent().filter(|me| ids.contains(me)) {
        return Err(Error::usage(format!("agent '{me}' starts an agent that would wait for it"))
            .hint("leave out --after")
            .hint("name --base with a commit of yours"));
    }
    Ok(ids)
}
