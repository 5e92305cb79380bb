//! The labels and the reviewers of a pull request.

use super::Request;
use crate::{
    Code, Error, Result,
    config::{
        Config,
        keys::{PR_LABEL, PR_REVIEWER},
    },
    forge::{Forge, PullRequest},
    git::Repo,
    model::Agent,
};

/// Checks that the forge has what was asked for, before anything is pushed.
///
/// # Errors
/// Its pull requests have no labels (3).
pub(super) fn check(forge: &Forge, request: &Request) -> Result<()> {
    if request.labels.is_empty() || forge.has_labels() {
        return Ok(());
    }
    Err(Error::new(Code::ForgeRefused, format!("pull requests on {} have no labels", forge.kind))
        .hint("repeat the command without --label"))
}

/// Gives labels and reviewers to a pull request of an agent: those of the request, and until its number is recorded, those of git config.
/// So what people remove is not added again, and a command that was killed before completes what is missing.
///
/// # Errors
/// The forge refuses one of them, or cannot be reached.
pub(super) fn give(
    repo: &Repo,
    forge: &Forge,
    request: &Request,
    agent: &Agent,
    there: &PullRequest,
) -> Result<()> {
    let is_recorded = agent.published.as_ref().is_some_and(|known| known.number == there.number);
    let (mut labels, mut reviewers) = (request.labels.clone(), request.reviewers.clone());
    if !is_recorded {
        let config = Config::of(repo);
        labels.extend(config.all(&PR_LABEL).into_iter().filter(|_| forge.has_labels()));
        reviewers.extend(config.all(&PR_REVIEWER));
    }
    for all in [&mut labels, &mut reviewers] {
        all.sort();
        all.dedup();
    }
    // Who opened it cannot review it.
    reviewers.retain(|name| *name != there.author);
    forge.add_labels(there.number, &labels)?;
    forge.ask_reviewers(there.number, &reviewers)
}
