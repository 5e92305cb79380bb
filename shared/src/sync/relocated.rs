//! Detects a remote whose URL changed: if it is a different repository, what the old one had and lost does not apply to it.

use crate::{
    Result,
    git::{Repo, refs::RefEdit},
    store::layout,
    sync::{RefSnapshot, Remote, remote},
};

/// The old and the new URL of a remote whose URL changed since the last sync.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Relocated {
    old: String,
    new: String,
}

/// Compares the URL in git's config with that of the last sync. Returns `None` if it is the same or was not recorded.
///
/// # Errors
/// The record cannot be read.
pub fn detect(repo: &Repo, remote: &Remote) -> Result<Option<Relocated>> {
    let Some(new) = url(repo, remote) else { return Ok(None) };
    let Some(record) = repo.find_ref(&layout::remote_url_ref(&remote.name))? else { return Ok(None) };
    // A record that cannot be read is treated as missing.
    let Ok(old) = repo.read_blob(record) else { return Ok(None) };
    let old = String::from_utf8_lossy(&old).into_owned();
    Ok((old != new).then_some(Relocated { old, new }))
}

/// Records the URL of a remote that was just fetched.
///
/// # Errors
/// The record cannot be written.
pub(super) fn record_url(repo: &Repo, remote: &Remote) -> Result<()> {
    let Some(url) = url(repo, remote) else { return Ok(()) };
    let (name, new) = (layout::remote_url_ref(&remote.name), repo.write_blob(url.as_bytes())?);
    match repo.find_ref(&name)? {
        Some(old) if old == new => Ok(()),
        old => Ok(repo.edit_refs(&[RefEdit { name, old, new }], "orchestra: URL of a remote")?),
    }
}

fn url(repo: &Repo, remote: &Remote) -> Option<String> {
    repo.url_of_remote(&remote.address)
}

impl Relocated {
    /// Returns whether the repository at the new URL is a different one. If it is the same one under another URL, at least one ref
    /// is unchanged.
    pub(super) fn is_another(&self, before: &RefSnapshot, theirs: &RefSnapshot) -> bool {
        let there = theirs.names();
        !before.names().iter().any(|(name, object)| there.get(name) == Some(object))
    }

    /// Moves the record of what the old repository lost to a name made of its URL, so that it does not apply to the new one.
    ///
    /// # Errors
    /// The refs cannot be written.
    pub(super) fn set_aside_missing(&self, repo: &Repo, remote: &Remote) -> Result<()> {
        let (from, to) = (layout::missing(&remote.name), layout::missing(&remote::ref_component(&self.old)));
        let known = repo.refs_below(&from)?;
        let edits = known.iter().map(|(name, object)| {
            let name = format!("{to}{}", &name[from.len()..]);
            Ok(RefEdit { old: repo.find_ref(&name)?, name, new: *object })
        });
        repo.edit_refs(&edits.collect::<Result<Vec<_>>>()?, "orchestra: missing at a remote")?;
        Ok(repo.delete_refs(&known)?)
    }

    /// Returns the old and the new URL, without passwords.
    pub fn shown(&self) -> (String, String) {
        (remote::without_password(&self.old), remote::without_password(&self.new))
    }
}
