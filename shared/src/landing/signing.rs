//! Signatures of what lands, where the user's configuration asks for them (`commit.gpgsign`).
//!
//! A signer that works by itself is used. One that does not answer in time, or fails, holds no landing up: what lands is not signed
//! then, and the user is told. Commits that supervisors make are never signed: nobody is there who could agree to it.

use super::{State, context::StepContext, options::Strategy};
use crate::{
    Result,
    git::{Oid, Repo, objects::Commit},
    model::text,
};

/// Commits of a landing that are looked at for a signature.
const LOOKED_AT: usize = 1000;

/// Writes a commit that lands, signed where that is wanted and works. After the first failure it is not tried again.
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

/// Whether commits that git itself makes should be signed. A trial finds out whether the signer works, before git waits for it.
///
/// # Errors
/// The history cannot be read.
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

/// The configuration names the signer, and agents may run while branches land.
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

/// What the user should know of the signatures of what landed.
///
/// # Errors
/// The history cannot be read.
pub fn warnings(repo: &Repo, state: &State) -> Result<Vec<String>> {
    if !repo.signs_commits() || state.base == state.result {
        return Ok(Vec::new());
    }
    if let Some(why) = &state.unsigned {
        return Ok(vec![format!("what landed is not signed, though commit.gpgsign asks for it: {why}")]);
    }
    let landed = repo.commits_since(state.base, state.result, LOOKED_AT)?;
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
