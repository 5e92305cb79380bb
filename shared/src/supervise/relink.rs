//! Repairs git's links between the repository and our worktrees after a rename. The supervisor of a running agent repairs its own
//! links; those of ended agents are repaired by the next command that changes something.

use crate::{
    Result,
    git::{Repo, registration_checks::DoubtfulRegistration},
    model::AgentId,
    store::layout::{self, PrivateDir},
};

/// Repairs the links of our worktrees that a rename broke. Returns notices for the user.
///
/// # Errors
/// The repository cannot be read.
pub fn repair(repo: &Repo) -> Result<Vec<String>> {
    repair_doubtful(repo, &repo.doubtful_registrations()?)
}

/// Like [`repair`], given the registrations that may need it.
///
/// # Errors
/// The repository cannot be read.
pub fn repair_doubtful(repo: &Repo, doubtful: &[DoubtfulRegistration]) -> Result<Vec<String>> {
    let private = PrivateDir::new(repo.private_dir()?);
    let (mut repaired, mut notices) = (0, Vec::new());
    let names = doubtful.iter().filter(|one| one.has_other_links).map(|one| one.name.as_str());
    for name in names.filter(|name| is_ours(repo, &private, name)) {
        let Some(worktree) = repo.worktree_named(name)? else { continue };
        let Some(folder) = worktree.registered_path() else { continue };
        match worktree.repair_links(&folder) {
            Ok(false) => {}
            Ok(true) => repaired += 1,
            Err(error) => notices.push(error.one_line()),
        }
    }
    notices.extend(match repaired {
        0 => None,
        1 => Some("a folder was renamed or copied: repaired git's links of 1 worktree".to_owned()),
        more => Some(format!("a folder was renamed or copied: repaired git's links of {more} worktrees")),
    });
    Ok(notices)
}

/// Returns whether the worktree of a registration belongs to an agent, or is a scratch worktree.
fn is_ours(repo: &Repo, private: &PrivateDir, name: &str) -> bool {
    name.starts_with(layout::SCRATCH)
        || AgentId::parse(name).is_ok_and(|id| {
            private.agent(&id).dir().is_dir()
                || repo.find_ref(&layout::agent_ref(&id)).is_ok_and(|tip| tip.is_some())
        })
}
