//! Whether a landing that prefers a side settles a conflict, for its dry run.

use crate::{
    Result,
    git::{Oid, Repo},
    landing::{
        LandingPlan,
        options::{LandOptions, OnConflict},
    },
    rank::PairConflict,
};

/// How much of a file git looks at to decide whether it is text, in bytes.
const LOOKED_AT: usize = 8000;

/// Returns whether the conflict of what lands earlier, by its number in the plan or by that of the target, with a branch is settled by
/// the side that the options prefer. Only one about lines is; both versions of a binary file cannot be kept.
///
/// # Errors
/// A merge or a file cannot be read.
pub(super) fn settles(
    repo: &Repo,
    plan: &LandingPlan,
    options: &LandOptions,
    first: usize,
    branch: usize,
) -> Result<bool> {
    let is_target = first == plan.matrix.size();
    let conflict = if is_target { plan.matrix.with_target(branch) } else { plan.matrix.get(first, branch) };
    let is_of_lines = conflict.is_some_and(|PairConflict { kinds, .. }| kinds.is_content());
    match options.on_conflict {
        OnConflict::Ours | OnConflict::Theirs => Ok(is_of_lines),
        OnConflict::Union if is_of_lines => {
            let tip = |at: usize| plan.branches[at].to_merge();
            let sides = [if is_target { plan.target.tip } else { tip(first) }, tip(branch)];
            let merged = plan.target.merge_place(repo)?.merge(sides[0], sides[1])?;
            let files = merged.conflict.map(|conflict| conflict.files).unwrap_or_default();
            for file in &files {
                if !is_text(repo, sides, file)? {
                    return Ok(false);
                }
            }
            Ok(!files.is_empty())
        }
        OnConflict::Union | OnConflict::Skip | OnConflict::Agent => Ok(false),
    }
}

/// Returns whether git takes a file for text on both sides.
fn is_text(repo: &Repo, sides: [Oid; 2], file: &str) -> Result<bool> {
    for side in sides {
        let content = repo.read_blob_of(side, file)?.unwrap_or_default();
        if content.iter().take(LOOKED_AT).any(|byte| *byte == 0) {
            return Ok(false);
        }
    }
    Ok(true)
}
