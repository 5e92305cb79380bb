//! Signs the commits that land, where the user's configuration asks for it (`commit.gpgsign`).
//!
//! A signer that fails, or does not answer in time, does not stop the landing: the commits are left unsigned, with a warning.
//! Commits that supervisors make are never signed, because no user is present to confirm it.

use super::{State, context::StepContext, options::Strategy};
use crate::{
    Result,
    git::{Oid, Repo, objects::Commit},
    model::text,
};

/// The maximum number of landed commits that are searched for unsigned ones.
const MAX_COMMITS: usize = 1000;

/// Writes a commit that lands, signed if that is configured and works. After the first failure, signing is not tried again.
///
/// # Errors
/// The commit cannot be written.
pub(super) fn write_commit(cx: &mut StepContext<'_>, commit: &Commit) -> Result<Oid> {
    if may_sign(cx) {
        match cx.repo.write_signed_commit(commit) {
            Ok(id) => return Ok(id),
            Err(error) => *cx.unsigned = Some(error.one_line()),
        }
    }
    cx.repo.write_commit(commit)
}

/// Returns whether git should sign the commits it makes. A trial signature finds out whether the signer works.
///
/// # Errors
/// A commit cannot be read.
pub(super) fn signs_rebased(cx: &mut StepContext<'_>) -> Result<bool> {
    if !may_sign(cx) {
        return Ok(false);
    }
    let trial = Commit {
        parents: Vec::new(),
        message: "a trial signature of git orchestra, on no branch\n".to_owned(),
        ..cx.repo.read_commit(cx.onto)?
    };
    if let Err(error) = cx.repo.write_signed_commit(&trial) {
        *cx.unsigned = Some(error.one_line());
        return Ok(false);
    }
    Ok(true)
}

/// Returns whether to try to sign. The configuration names the signer, so it must still be accepted: agents may have changed it.
fn may_sign(cx: &mut StepContext<'_>) -> bool {
    if cx.unsigned.is_some() || !cx.repo.signs_commits() {
        return false;
    }
    if (cx.around.is_accepted)() {
        return true;
    }
    *cx.unsigned = Some("the configuration changed while agents ran".to_owned());
    false
}

/// Returns warnings about landed commits that are not signed.
///
/// # Errors
/// The history cannot be read.
pub fn warnings(repo: &Repo, state: &State) -> Result<Vec<String>> {
    if !repo.signs_commits() || state.base == state.result {
        return Ok(Vec::new());
    }
    if let Some(why) = &state.unsigned {
        return Ok(vec![format!(
            "the landed commits are not signed, although commit.gpgsign asks for it: {why}"
        )]);
    }
    let landed = repo.commits_since(state.base, state.result, MAX_COMMITS)?;
    let unsigned: Vec<Oid> = landed.into_iter().filter(|id| !repo.is_signed(*id)).collect();
    let Some(first) = unsigned.first() else { return Ok(Vec::new()) };
    let count = text::count(unsigned.len() as u64, "commit");
    let squash = match state.options.strategy {
        Strategy::Merge => "; with '--strategy squash', one signed commit lands for each branch",
        Strategy::Squash | Strategy::Rebase => "",
    };
    Ok(vec![format!(
        "{count} that landed with the branches are not signed, such as {}{squash}",
        first.short()
    )])
}
