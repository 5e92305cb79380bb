//! Commits that somebody made on the branch of an agent after the agent had ended. They are part of what lands under its name, as they
//! are of what `diff` shows, so they are added to its work first.

use std::collections::HashSet;

use crate::{
    Result,
    context::Context,
    git::Repo,
    model::AgentId,
    ops::collect,
    store::{
        Listing,
        layout::{branch_ref, head_ref},
        list::ListRow,
    },
};

/// Returns the agents of this clone that have ended and whose branch has commits beyond their saved work. Without names, all agents are
/// looked at.
fn find(repo: &Repo, names: &[String]) -> Result<Vec<AgentId>> {
    let listing = Listing::read(repo)?;
    let named = named(&listing, names);
    let is_meant = |row: &&ListRow| names.is_empty() || named.contains(&row.id);
    let is_own = |row: &&ListRow| listing.trailer(row, "Writer") == listing.writer.as_deref();
    let ended = listing.rows.iter().filter(|row| row.entry.header.phase.is_at_rest());
    let mut found = Vec::new();
    for row in ended.filter(is_meant).filter(is_own) {
        let Some(branch) = listing.trailer(row, "Branch") else { continue };
        // A ref that cannot be read is reported by the landing.
        let tip_of = |name: String| repo.find_ref(&name).ok().flatten();
        let (Some(tip), Some(head)) = (tip_of(branch_ref(branch)), tip_of(head_ref(&row.id))) else {
            continue;
        };
        if tip != head && repo.contains(tip, head).unwrap_or(false) {
            found.push(row.id.clone());
        }
    }
    Ok(found)
}

/// Returns the agents that names of a landing mean. A name of something else means none.
fn named(listing: &Listing, names: &[String]) -> HashSet<AgentId> {
    let mut ids = HashSet::new();
    for name in names {
        match listing.tagged(name) {
            Some(Ok(rows)) => ids.extend(rows.into_iter().map(|row| row.id.clone())),
            Some(Err(_)) => {}
            None => ids.extend(listing.meant(name).ok().map(|meant| meant.id)),
        }
    }
    ids
}

/// Adds the commits to the work of their agents. Returns what the user should know.
///
/// # Errors
/// The refs cannot be read.
pub(super) fn collect(context: &Context, repo: &Repo, names: &[String]) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for id in find(repo, names)? {
        warnings.push(match collect::capture_again(context, repo, &id) {
            Ok(_) => format!("'{id}' has commits on its branch that were made after it ended; they are part of its work now"),
            Err(error) => format!("'{id}' has newer commits on its branch, which are not in its work: {}", error.one_line()),
        });
    }
    Ok(warnings)
}

/// Returns a warning for each agent with such commits, and changes nothing.
///
/// # Errors
/// The refs cannot be read.
pub(super) fn warnings(repo: &Repo, names: &[String]) -> Result<Vec<String>> {
    let sentence = |id| {
        format!(
            "'{id}' has commits on its branch that were made after it ended; a landing adds them to its work"
        )
    };
    Ok(find(repo, names)?.into_iter().map(sentence).collect())
}
