//! Detects a remote whose agents belong to another project.

use crate::{
    Code, Error, Result,
    config::keys::REMOTE,
    git::{Oid, Repo},
    model::text,
    store::layout,
    sync::{ref_snapshot::RefSnapshot, remote::Remote},
};

/// The maximum number of agents whose work is compared with this repository.
const MAX_COMPARED: usize = 3;
/// The maximum number of commits of this repository that it is compared with.
const MAX_TIPS: usize = 64;

/// Fails if the agents of a remote have no commit in common with this repository.
///
/// # Errors
/// They belong to another project, or the refs here cannot be read.
pub(super) fn check(repo: &Repo, remote: &Remote, theirs: &RefSnapshot) -> Result<()> {
    let Ok(head) = repo.head() else { return Ok(()) };
    if theirs.heads.is_empty() {
        return Ok(());
    }
    let here = repo.refs_below(layout::BRANCHES)?.into_iter().map(|(_, tip)| tip);
    let here: Vec<Oid> = here.chain([head]).take(MAX_TIPS).collect();
    let mut strangers = 0;
    for tip in theirs.heads.values().take(MAX_COMPARED) {
        let related = |one: &Oid| repo.are_related(*one, *tip).unwrap_or(true);
        if here.iter().any(related) {
            return Ok(());
        }
        strangers += 1;
    }
    let address = text::safe(&remote.address);
    Err(Error::new(Code::RemoteUnrelated, format!("'{address}' contains agents of another project"))
        .because(format!("the work of the first {strangers} has no commit in common with this repository"))
        .hint("git orchestra sync OTHER-REMOTE")
        .hint(REMOTE.hint("OTHER-REMOTE")))
}
