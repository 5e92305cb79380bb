//! The uncommitted changes from which agents start: those of the checkout, or those below the work that they start from.

use super::{BaseChanges, Request};
use crate::{
    Error, Kind, Result,
    config::{Config, keys::MAX_FILE},
    error::ErrorContext,
    git::{Oid, Repo},
    model::{event::LeftOut, text},
    store::Listing,
    worktree::checkout_changes,
};

/// The most files left out that are named; more are counted.
const MAX_NAMED: usize = 5;

/// Refuses a base beside the one that `--with-changes` means.
///
/// # Errors
/// The request names one (2).
pub(super) fn refuse_other_base(request: &Request) -> Result<()> {
    if !request.with_changes || request.base.is_none() && request.on.is_none() {
        return Ok(());
    }
    let other = if request.on.is_some() { "--on" } else { "--base" };
    Err(Error::usage(format!(
        "--with-changes starts from your checkout as it is, and {other} from elsewhere"
    ))
    .hint(format!("leave out --with-changes or {other}")))
}

/// Returns the changes from which the agents start, as a commit on top of `base` unless this is a dry run; `None` if there are none.
/// Adds warnings about what the agents will not see.
///
/// # Errors
/// The checkout is in the middle of a merge (3), or something cannot be read or written.
pub(super) fn of(
    repo: &Repo,
    config: &Config<'_>,
    base: Oid,
    request: &Request,
    warnings: &mut Vec<String>,
) -> Result<Option<BaseChanges>> {
    if !request.with_changes {
        // The current commit of a person contains no snapshot, because none lands.
        let is_other = request.base.is_some() || request.on.is_some() || repo.is_called_by_agent();
        return if is_other { inherited(repo, base) } else { Ok(None) };
    }
    let objects = request
        .dry_run
        .then(tempfile::tempdir)
        .transpose()
        .context(Kind::External, || "cannot make a temporary folder".into())?;
    let max_file = config.get(&MAX_FILE)?;
    let found = checkout_changes::read(repo, base, max_file, objects.as_ref().map(tempfile::TempDir::path))?;
    warnings.extend(left_out(&found.left_out));
    let branch = repo.head_branch();
    if found.files == 0 {
        let from = branch.as_deref().map_or_else(|| base.short(), |name| text::safe(name).into_owned());
        warnings.push(format!("there are no uncommitted changes: the agents start from {from} as it is"));
        return Ok(None);
    }
    let snapshot = if request.dry_run { None } else { Some(checkout_changes::commit(repo, base, &found)?) };
    Ok(Some(BaseChanges { on: base, branch: branch.map(Into::into), files: found.files, snapshot }))
}

/// Returns the changes that the base has from an agent that started from them: they do not become work of the next agent either.
fn inherited(repo: &Repo, base: Oid) -> Result<Option<BaseChanges>> {
    let listing = Listing::read(repo)?;
    let Some(snapshot) = listing.snapshot_in(repo, base)? else { return Ok(None) };
    let commit = repo.read_commit(snapshot)?;
    let on = commit.parents.first().copied().unwrap_or(snapshot);
    let files = repo.paths_between(Some(repo.tree_of(on)?), Some(commit.tree))?.len() as u64;
    Ok(Some(BaseChanges { on, branch: None, files, snapshot: Some(snapshot) }))
}

/// Describes the files that are not in the snapshot.
fn left_out(files: &[LeftOut]) -> Option<String> {
    if files.is_empty() {
        return None;
    }
    let name = |one: &LeftOut| format!("{} ({})", text::one_line(&one.path, 100), text::safe(&one.why));
    let named: Vec<String> = files.iter().take(MAX_NAMED).map(name).collect();
    let more = files.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("the agents do not get {}{more}", named.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_left_out_are_named_and_counted() {
        let file = |n: usize| LeftOut { path: format!("{n}.bin"), why: "too large".into() };
        let files: Vec<LeftOut> = (0..7).map(file).collect();
        assert_eq!(left_out(&files[..0]), None);
        assert_eq!(left_out(&files[..1]).unwrap(), "the agents do not get 0.bin (too large)");
        assert!(left_out(&files).unwrap().ends_with("4.bin (too large) and 2 more"));
    }
}
