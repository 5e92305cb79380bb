//! Sends refs: a few by their names, and many by pattern, from copies of them in a private namespace.
//!
//! Git compares each ref that is named on the command line of a push with all refs of both sides, so naming many takes quadratic
//! time. A pattern takes linear time, but sends what the refs are at that moment, which nobody has checked or agreed to. So what
//! was checked is copied to names that no other process knows, and exactly that is sent.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    Result,
    context::Context,
    git::{
        Oid, Repo,
        remotes::{PushRule, RefPush, RejectedRef, RemoteOptions},
    },
    lock::Lock,
    store::layout::{self, PrivateDir},
    sync::remote::Remote,
    world,
};

/// The number of refs up to which naming them is as quick as copying them.
const MAX_BY_NAME: usize = 16;

/// Where a remote's refs are tracked: the prefix of the tracking refs that takes the place of that of shared refs.
pub struct Tracking(pub String);

/// What a remote answered.
#[derive(Debug, Default)]
pub struct SentRefs {
    /// The refs that it did not change.
    pub rejected: Vec<RejectedRef>,
    /// Whether the tracking refs were set to what it accepted.
    pub is_tracked: bool,
}

/// Changes refs at a remote, each under its rule.
///
/// # Errors
/// Git cannot communicate with the remote, or the remote rejects everything.
pub fn send(
    context: &Context,
    repo: &Repo,
    remote: &Remote,
    tracking: &Tracking,
    sends: &[RefPush],
    options: RemoteOptions,
) -> Result<SentRefs> {
    let named = |sends: &[RefPush]| repo.push(context, &remote.address, sends, options);
    let (by_pattern, by_name): (Vec<&RefPush>, Vec<&RefPush>) = match sends.len() {
        0..=MAX_BY_NAME => (Vec::new(), sends.iter().collect()),
        _ => sends.iter().partition(|push| creates_or_forwards(repo, push)),
    };
    let staged = match by_pattern.len() {
        0..=MAX_BY_NAME => None,
        _ => StagedRefs::stage(repo, remote, &by_pattern)?,
    };
    let Some(staged) = staged else { return Ok(SentRefs { rejected: named(sends)?, is_tracked: false }) };
    let mut rejected = staged.push(context, remote, options)?;
    // What a remote has is known only of the repository that is fetched from.
    let is_tracked = !repo.has_other_push_url(&remote.address) && staged.become_tracking(tracking, &rejected);
    let by_name: Vec<RefPush> = by_name.into_iter().cloned().collect();
    rejected.extend(named(&by_name)?);
    Ok(SentRefs { rejected, is_tracked })
}

/// Removes the copies that a killed sync left. Only one sync runs at a time, and the caller is it.
///
/// # Errors
/// The refs cannot be read or deleted.
pub fn remove_leftovers(repo: &Repo) -> Result<()> {
    if repo.has_refs_below(layout::OUTGOING)? {
        repo.delete_refs(&repo.refs_below(layout::OUTGOING)?)?;
    }
    Ok(())
}

/// Like [`remove_leftovers`], unless a sync is running: then they are not left over.
///
/// # Errors
/// The same, or the lock cannot be taken.
pub fn remove_abandoned(repo: &Repo) -> Result<()> {
    if !repo.has_refs_below(layout::OUTGOING)? {
        return Ok(());
    }
    let lock = PrivateDir::new(repo.private_dir()?).sync_lock();
    match Lock::take(&lock, Duration::ZERO)? {
        Some(_lock) => remove_leftovers(repo),
        None => Ok(()),
    }
}

/// Returns whether a push needs no lease, because it replaces nothing: without one, git creates a ref or forwards it to a commit
/// that contains the present one, and refuses anything else.
fn creates_or_forwards(repo: &Repo, push: &RefPush) -> bool {
    match (push.new, push.rule) {
        (None, _) => false,
        (Some(_), PushRule::FastForwardOnly | PushRule::Lease(None)) => true,
        (Some(new), PushRule::Lease(Some(old))) => {
            repo.has_commit(old) && repo.contains(new, old).unwrap_or(false)
        }
    }
}

/// Copies of refs, until they are dropped.
struct StagedRefs<'a> {
    repo: &'a Repo,
    /// The prefix that takes the place of that of shared refs.
    prefix: String,
    /// The commits, by name below the prefix.
    refs: BTreeMap<&'a str, Oid>,
    is_removed: bool,
}

impl<'a> StagedRefs<'a> {
    /// Copies the refs; `None` if that is not possible now, because another program has locked `packed-refs`.
    fn stage(repo: &'a Repo, remote: &Remote, sends: &[&'a RefPush]) -> Result<Option<Self>> {
        let below = |push: &&'a RefPush| Some((push.name.strip_prefix(layout::SHARED)?, push.new?));
        let refs: BTreeMap<&str, Oid> = sends.iter().filter_map(below).collect();
        if refs.len() < sends.len() || !refs.values().all(|new| repo.has_commit(*new)) {
            return Ok(None);
        }
        let prefix = layout::outgoing(&remote.name, &world::random_hex::<8>()?);
        let set = refs.iter().map(|(name, new)| (format!("{prefix}{name}"), *new)).collect();
        let staged = Self { repo, prefix, refs, is_removed: false };
        Ok(repo.replace_packed(layout::OUTGOING, &set).is_ok().then_some(staged))
    }

    fn push(&self, context: &Context, remote: &Remote, options: RemoteOptions) -> Result<Vec<RejectedRef>> {
        let mut kinds: Vec<&str> = self.refs.keys().filter_map(|name| name.split('/').next()).collect();
        kinds.dedup();
        let prefixes: Vec<(String, String)> = kinds
            .into_iter()
            .map(|kind| (format!("{}{kind}/", self.prefix), format!("{}{kind}/", layout::SHARED)))
            .collect();
        self.repo.push_below(context, &remote.address, &prefixes, options)
    }

    /// Replaces the copies by tracking refs of what the remote accepted. Returns whether that was possible.
    fn become_tracking(mut self, tracking: &Tracking, rejected: &[RejectedRef]) -> bool {
        for name in rejected.iter().filter_map(|one| one.name.strip_prefix(layout::SHARED)) {
            self.refs.remove(name);
        }
        let names = self.refs.iter().map(|(name, new)| (format!("{}{name}", tracking.0), *new));
        // The value in a file of its own is left to the next fetch.
        let set = names.filter(|(name, _)| !self.repo.is_loose(name)).collect();
        self.is_removed = self.repo.replace_packed(layout::OUTGOING, &set).is_ok();
        self.is_removed
    }
}

impl Drop for StagedRefs<'_> {
    fn drop(&mut self) {
        if !self.is_removed {
            // If that is not possible, the next sync or cleanup removes them.
            let _ = self.repo.replace_packed(layout::OUTGOING, &BTreeMap::new());
        }
    }
}
