//! The refs that a remote has now: a push sends everything that they do not contain. Only the remote's own answer counts. What this
//! clone recorded earlier, or of other remotes, may be of another repository, out of date, or written by a stranger.

use std::collections::BTreeMap;

use crate::{
    Result,
    context::Context,
    git::{Oid, Repo, command, remotes::RemoteOptions},
    store::layout,
    sync::{ref_snapshot::RefSnapshot, remote::Remote},
};

/// The maximum number of branches that are fetched to find common commits.
const MAX_BRANCHES: usize = 64;

/// The refs of a remote whose objects also exist here.
#[derive(Clone, Debug, Default)]
pub struct RemoteTips {
    refs: BTreeMap<String, Oid>,
    /// The names of those whose objects do not exist here.
    unfetched: BTreeMap<String, Oid>,
}

impl RemoteTips {
    /// Asks every repository that a push to this remote goes to. The result has the refs that all of them share.
    ///
    /// # Errors
    /// Git cannot communicate with one of the remotes.
    pub fn ask(context: &Context, repo: &Repo, remote: &Remote, options: RemoteOptions) -> Result<Self> {
        let places = remote.places(repo)?;
        let mut refs: Option<BTreeMap<String, Oid>> = None;
        for place in &places {
            let there: BTreeMap<String, Oid> =
                repo.remote_refs(context, place, options)?.into_iter().collect();
            refs = Some(match refs {
                None => there,
                Some(before) => before.into_iter().filter(|(name, id)| there.get(name) == Some(id)).collect(),
            });
        }
        let (here, elsewhere): (BTreeMap<_, _>, BTreeMap<_, _>) =
            refs.unwrap_or_default().into_iter().partition(|(_, id)| repo.has_object(*id));
        let mut known = Self { refs: here, unfetched: elsewhere.clone() };
        if let [place] = places.as_slice() {
            known.fetch_moved_branches(context, repo, remote, place, elsewhere, options)?;
        }
        Ok(known)
    }

    /// Fetches branches of the remote that moved since the user fetched them: their old commits count only as ancestors of the new
    /// ones. If the fetch fails, more objects are searched for secrets than needed, and that is all.
    fn fetch_moved_branches(
        &mut self,
        context: &Context,
        repo: &Repo,
        remote: &Remote,
        place: &str,
        elsewhere: BTreeMap<String, Oid>,
        options: RemoteOptions,
    ) -> Result<()> {
        let (mut moved, mut tracked) = (Vec::new(), Vec::new());
        for name in elsewhere.keys() {
            let Some(branch) = layout::branch_of(name) else { continue };
            if let Some(before) =
                repo.find_ref(&layout::tracking_ref(&format!("{}/{branch}", remote.address)))?
            {
                moved.push(name.clone());
                tracked.push(before);
            }
        }
        moved.truncate(MAX_BRANCHES);
        tracked.truncate(MAX_BRANCHES);
        if tracked.is_empty() || count(repo, &tracked, self)? == 0 {
            return Ok(());
        }
        if repo.fetch_objects(context, place, &moved, options).is_ok() {
            self.refs.extend(elsewhere.into_iter().filter(|(_, id)| repo.has_object(*id)));
        }
        Ok(())
    }

    /// Returns whether the remote has a ref, also one whose object does not exist here.
    pub fn has_ref(&self, name: &str) -> bool {
        self.refs.contains_key(name) || self.unfetched.contains_key(name)
    }

    /// Returns the object that a ref of the remote points to.
    pub fn get(&self, name: &str) -> Option<Oid> {
        self.refs.get(name).copied()
    }

    /// Returns the object that a branch of the remote points to. It is fetched if it does not exist here, without writing any ref. `None`:
    /// the remote does not have the branch, or it moves.
    ///
    /// # Errors
    /// Git cannot fetch it.
    pub fn fetched(
        &mut self,
        context: &Context,
        repo: &Repo,
        remote: &Remote,
        name: &str,
    ) -> Result<Option<Oid>> {
        let (None, Some(there)) = (self.get(name), self.unfetched.get(name).copied()) else {
            return Ok(self.get(name));
        };
        repo.fetch_objects(context, &remote.address, &[name.to_owned()], RemoteOptions::default())?;
        if !repo.has_object(there) {
            return Ok(None);
        }
        self.unfetched.remove(name);
        self.refs.insert(name.to_owned(), there);
        Ok(Some(there))
    }

    /// Returns the objects that the refs point to.
    pub fn tips(&self) -> impl Iterator<Item = Oid> + '_ {
        self.refs.values().copied()
    }

    /// Returns the refs that are not orchestra's.
    pub(super) fn without_shared(&self) -> Self {
        let others = self.refs.iter().filter(|(name, _)| !name.starts_with(layout::SHARED));
        let refs = others.map(|(name, id)| (name.clone(), *id)).collect();
        Self { refs, unfetched: self.unfetched.clone() }
    }

    /// Returns the tips of notes. Their commits have no parents, so what the remote has of them is found by their trees.
    pub(super) fn notes(&self) -> impl Iterator<Item = Oid> + '_ {
        self.refs.iter().filter(|(name, _)| layout::is_notes(name)).map(|(_, id)| *id)
    }
}

/// Returns the refs of a remote if it has exactly those that are tracked, and their objects need not be fetched.
///
/// # Errors
/// The tracking refs cannot be read. If the remote cannot be asked, the answer is `None`, and a fetch says why.
pub fn as_tracked(
    context: &Context,
    repo: &Repo,
    remote: &Remote,
    options: RemoteOptions,
) -> Result<Option<RefSnapshot>> {
    let Ok(there) = repo.remote_refs(context, &remote.address, options) else { return Ok(None) };
    let there = there.iter().filter_map(|(name, id)| Some((name.strip_prefix(layout::SHARED)?, *id)));
    let there: BTreeMap<&str, Oid> = there.filter(|(name, _)| layout::is_exchanged(name)).collect();
    let tracking = layout::tracking(&remote.name);
    let here = repo.ref_list(&tracking)?;
    let is_same = here.broken.is_empty()
        && here.symbolic.is_empty()
        && here.refs.iter().map(|(name, id)| (&name[tracking.len()..], *id)).eq(there);
    if !is_same {
        return Ok(None);
    }
    let snapshot = RefSnapshot::read(repo, &tracking)?;
    Ok(Some(snapshot).filter(|snapshot| snapshot.broken.is_empty()))
}

/// Counts the commits reachable from `tips` that the remote does not have.
///
/// # Errors
/// The history cannot be read.
pub fn count(repo: &Repo, tips: &[Oid], known: &RemoteTips) -> Result<u64> {
    let mut revisions: String = tips.iter().map(|tip| format!("{tip}\n")).collect();
    revisions.extend(known.tips().map(|tip| format!("^{tip}\n")));
    let git = repo.git_in(&repo.common_dir()?, "rev-list").args(["--count", "--stdin"]);
    let said = git
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .input(revisions.into_bytes())
        .limit(command::LONG_LIMIT)
        .line()?;
    said.parse().map_err(|_| crate::Error::internal(format!("git rev-list --count printed '{said}'")))
}
