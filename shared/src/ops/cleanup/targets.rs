//! The branches in which work may be, so that it need not be kept.

use crate::{
    Code, Error, Result,
    git::{Oid, Repo, careful},
    model::text,
    store::layout,
};

/// One of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct IntegrationTarget {
    /// As people name it.
    pub(super) name: String,
    /// Where it stands.
    pub(super) tip: Oid,
}

/// The one that was named; else the branch of the main checkout, and what it follows.
///
/// # Errors
/// There is no branch of that name (3).
pub(super) fn all(repo: &Repo, named: Option<&str>) -> Result<Vec<IntegrationTarget>> {
    if let Some(named) = named {
        let found = at(repo, named)?.or(remote(repo, named)?);
        return found.map(|one| vec![one]).ok_or_else(|| {
            Error::new(
                Code::BranchUnknown,
                format!("no branch '{}' in which work could be", text::safe(named)),
            )
            .hint("git branch --list --all")
        });
    }
    let head = careful::text(repo.common_dir()?.join("HEAD")).unwrap_or_default();
    let Some(main) = head.trim().strip_prefix("ref: ").and_then(layout::branch_of) else {
        return Ok(Vec::new());
    };
    let mut found: Vec<IntegrationTarget> = at(repo, main)?.into_iter().collect();
    if let (Some(from), Some(branch)) = (repo.remote_of_branch(main), repo.upstream_ref_of_branch(main)) {
        let branch = layout::branch_of(&branch).unwrap_or(&branch).to_owned();
        found.extend(remote(repo, &format!("{from}/{branch}"))?);
    }
    Ok(found)
}

/// A branch of this clone.
///
/// # Errors
/// The ref is broken.
pub(super) fn at(repo: &Repo, name: &str) -> Result<Option<IntegrationTarget>> {
    let tip = repo.find_ref(&layout::branch_ref(name))?;
    Ok(tip.map(|tip| IntegrationTarget { name: name.to_owned(), tip }))
}

fn remote(repo: &Repo, name: &str) -> Result<Option<IntegrationTarget>> {
    let tip = repo.find_ref(&layout::tracking_ref(name))?;
    Ok(tip.map(|tip| IntegrationTarget { name: name.to_owned(), tip }))
}
