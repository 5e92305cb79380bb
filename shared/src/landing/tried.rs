//! The merge of one agent's work into a target, for a person who tries it: as a landing would merge it, without checks.

use super::{
    branches::{self, Branch, LandingTarget, Part},
    part,
};
use crate::{
    Code, Error, Result,
    git::{Oid, Repo},
    model::{AgentId, text},
    store::sound,
};

/// The most files with conflicts that are named.
const MAX_FILES: usize = 3;

/// A merge that no commit has yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TriedMerge {
    /// The merged work.
    pub work: Oid,
    /// The files of the merge.
    pub tree: Oid,
}

/// Merges the work of an agent that has ended, with the merge programs that the configuration names: it must be accepted.
///
/// # Errors
/// The agent has not ended, has no work, or its work conflicts with the target, is in it already, or cannot land (3).
pub fn merge(repo: &Repo, target: &LandingTarget, id: &AgentId) -> Result<TriedMerge> {
    let mut named = branches::named(repo, &[id.to_string()])?;
    part::fill_in(repo, target, &mut named, false)?;
    let missing = || Error::new(Code::WorkMissing, format!("agent '{id}' has no work to try"));
    let branch = named.into_iter().next().filter(Branch::has_work).ok_or_else(missing)?;
    check_usable(repo, id, &branch)?;
    let work = branch.to_merge();
    let conflict = |what: String| {
        let into = text::safe(&target.branch);
        Error::refused(format!("the work of '{id}' conflicts with {into}: {what}"))
            .hint(format!("git orchestra review {id}"))
    };
    if let Some(Part::Conflicts(why)) = &branch.part {
        return Err(conflict(text::one_line(why, 200)));
    }
    if repo.contains(target.tip, work)? {
        if let Some(reverted) = branch.reverted_in(repo, target) {
            let why = format!("the work of '{id}' {}", reverted.sentence(&target.branch));
            return Err(Error::new(Code::WorkMissing, why).hint(reverted.way_back()));
        }
        return Err(Error::new(
            Code::WorkMissing,
            format!("the work of '{id}' is in {} already", text::safe(&target.branch)),
        ));
    }
    let merged = target.merge_place(repo)?.merge(target.tip, work)?;
    if let Some(found) = merged.conflict {
        let mut files: Vec<String> =
            found.files.iter().take(MAX_FILES).map(|file| text::one_line(file, 100)).collect();
        let more = found.files.len().saturating_sub(MAX_FILES);
        files.extend((more > 0).then(|| text::count(more as u64, "more file")));
        files.extend(found.message.filter(|_| found.files.is_empty()).map(|why| text::one_line(&why, 200)));
        return Err(conflict(files.join(", ")));
    }
    Ok(TriedMerge { work, tree: merged.tree })
}

/// Refuses work that git would not check out.
fn check_usable(repo: &Repo, id: &AgentId, branch: &Branch) -> Result<()> {
    let unusable =
        |why: &str| Error::new(Code::WorkUnusable, format!("the work of '{id}' cannot be tried: {why}"));
    if let Some(problem) = &branch.problem {
        return Err(unusable(&problem.why));
    }
    match sound::flaw_of(repo, branch.tip)? {
        Some(unsound) => Err(unusable(&unsound.why)),
        None => Ok(()),
    }
}
