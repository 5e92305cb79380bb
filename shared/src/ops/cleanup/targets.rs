//! The branches that are searched for the work of agents.

use crate::{
    Code, Error, Result,
    config::{Config, keys::INTO},
    git::{Oid, Repo, careful},
    model::text,
    store::layout,
};

/// A branch that may contain an agent's work.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct IntegrationTarget {
    /// The name, as people write it.
    pub(super) name: String,
    /// The commit that it points to.
    pub(super) tip: Oid,
}

/// Returns the branch that was named; otherwise the one that the user configured, or the branch of the main checkout, and its
/// upstream.
///
/// # Errors
/// The branch does not exist (3).
pub(super) fn find(repo: &Repo, named: Option<&str>) -> Result<Vec<IntegrationTarget>> {
    if let Some(named) = named {
        let found = local_branch(repo, named)?.or(remote_branch(repo, named)?);
        return found.map(|one| vec![one]).ok_or_else(|| {
            Error::new(Code::BranchUnknown, format!("no branch '{}'", text::safe(named)))
                .hint("git branch --list --all")
        });
    }
    let config = Config::of(repo);
    let configured = config.get(&INTO)?;
    let head = careful::text(repo.common_dir()?.join("HEAD")).unwrap_or_default();
    let main = match &configured {
        Some(name) => Some(layout::branch_of(name).unwrap_or(name)),
        None => head.trim().strip_prefix("ref: ").and_then(layout::branch_of),
    };
    let Some(main) = main else { return Ok(Vec::new()) };
    if configured.is_some() && local_branch(repo, main)?.is_none() {
        return Err(config.refused_branch(&INTO, "a branch that does not exist"));
    }
    let mut found: Vec<IntegrationTarget> = local_branch(repo, main)?.into_iter().collect();
    if let (Some(from), Some(branch)) = (repo.remote_of_branch(main), repo.upstream_ref_of_branch(main)) {
        let branch = layout::branch_of(&branch).unwrap_or(&branch).to_owned();
        found.extend(remote_branch(repo, &format!("{from}/{branch}"))?);
    }
    Ok(found)
}

/// Returns a local branch.
///
/// # Errors
/// The ref is broken.
pub(super) fn local_branch(repo: &Repo, name: &str) -> Result<Option<IntegrationTarget>> {
    let tip = repo.find_ref(&layout::branch_ref(name))?;
    Ok(tip.map(|tip| IntegrationTarget { name: name.to_owned(), tip }))
}

fn remote_branch(repo: &Repo, name: &str) -> Result<Option<IntegrationTarget>> {
    let tip = repo.find_ref(&layout::tracking_ref(name))?;
    Ok(tip.map(|tip| IntegrationTarget { name: name.to_owned(), tip }))
}
