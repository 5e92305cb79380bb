//! A remote whose URL changed may be another repository: what the old one had and lost says nothing of it.

use crate::{
    Result,
    git::{Repo, refs::RefEdit},
    store::layout,
    sync::{RefSnapshot, Remote, remote},
};

/// The URL of a remote, where it is not the one at which it was looked at before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Relocated {
    old: String,
    new: String,
}

/// Compares the URL in git's config with that of the last look; `None` where it is the same, or none is known.
///
/// # Errors
/// The record cannot be read.
pub(super) fn look(repo: &Repo, remote: &Remote) -> Result<Option<Relocated>> {
    let Some(new) = url(repo, remote) else { return Ok(None) };
    let Some(record) = repo.find_ref(&layout::remote_url_ref(&remote.name))? else { return Ok(None) };
    // One that cannot be read is as good as none.
    let Ok(old) = repo.read_blob(record) else { return Ok(None) };
    let old = String::from_utf8_lossy(&old).into_owned();
    Ok((old != new).then_some(Relocated { old, new }))
}

/// Remembers the URL at which a remote was just looked at.
///
/// # Errors
/// The record cannot be written.
pub(super) fn remember(repo: &Repo, remote: &Remote) -> Result<()> {
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
    /// Whether the repository at the new URL is another one, as far as its refs tell: one that is only reached by another way has
    /// at least one as it was.
    pub(super) fn is_another(&self, before: &RefSnapshot, theirs: &RefSnapshot) -> bool {
        let there = theirs.names();
        !before.names().iter().any(|(name, object)| there.get(name) == Some(object))
    }

    /// Keeps what the old repository lost under the name of its URL, so that it does not count for the new one.
    ///
    /// # Errors
    /// The refs cannot be written.
    pub(super) fn set_aside_missing(&self, repo: &Repo, remote: &Remote) -> Result<()> {
        let (from, to) = (layout::missing(&remote.name), layout::missing(&remote::part(&self.old)));
        let known = repo.refs_below(&from)?;
        let edits = known.iter().map(|(name, object)| {
            let name = format!("{to}{}", &name[from.len()..]);
            Ok(RefEdit { old: repo.find_ref(&name)?, name, new: *object })
        });
        repo.edit_refs(&edits.collect::<Result<Vec<_>>>()?, "orchestra: missing at a remote")?;
        Ok(repo.delete_refs(&known)?)
    }

    /// The old and the new URL, without passwords.
    pub(super) fn shown(&self) -> (String, String) {
        (remote::without_password(&self.old), remote::without_password(&self.new))
    }
}
