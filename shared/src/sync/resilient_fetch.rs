//! Repeats a failed fetch without the refs that make it fail: an object that is damaged at the remote, or that local git rejects
//! (`fetch.fsckObjects`), affects one agent, and the others are fetched.

use std::collections::BTreeMap;

use crate::{
    Error, Result,
    context::Context,
    git::{Oid, Repo, remotes::RemoteOptions},
    store::layout,
    sync::{ref_snapshot::RefSnapshot, remote::Remote},
};

/// The maximum number of refs to skip; if more fail, the whole remote counts as broken.
const MAX_UNFETCHED: usize = 32;

/// The maximum number of refs that are named on one command line.
const MAX_NAMED: usize = 500;

/// The refs that cannot be fetched, by name below the common prefix, and why.
pub type Unfetched = BTreeMap<String, String>;

/// Fetches the refs that changed since `before`, in groups by agent. Returns those that cannot be fetched.
///
/// # Errors
/// Returns `first`, the error of the complete fetch, if the remote cannot list its refs, or if more than `MAX_UNFETCHED` refs fail.
pub fn fetch(
    context: &Context,
    repo: &Repo,
    remote: &Remote,
    before: &RefSnapshot,
    options: RemoteOptions,
    first: Error,
) -> Result<Unfetched> {
    let Ok(there) = repo.remote_refs(context, &remote.address, options) else { return Err(first) };
    let known = before.names();
    let is_news = |name: &String, tip: Oid| known.get(name) != Some(&tip);
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, _) in there.iter().filter(|(name, tip)| is_shared(name) && is_news(name, *tip)) {
        groups.entry(name.rsplit('/').next().unwrap_or(name)).or_default().push(name.clone());
    }
    let groups: Vec<Vec<String>> = groups.into_values().collect();
    let mut group_fetch = GroupFetch { context, repo, remote, options, unfetched: Unfetched::new() };
    // If no ref changed, the fetch failed for another reason.
    if groups.is_empty() || !group_fetch.fetch(&groups)? {
        return Err(first);
    }
    Ok(group_fetch.unfetched)
}

fn is_shared(name: &str) -> bool {
    name.strip_prefix(layout::SHARED).is_some_and(layout::is_exchanged)
}

struct GroupFetch<'a> {
    context: &'a Context,
    repo: &'a Repo,
    remote: &'a Remote,
    options: RemoteOptions,
    unfetched: Unfetched,
}

impl GroupFetch<'_> {
    /// Fetches the groups, and each half separately if that fails. Returns `false` if too many refs fail.
    fn fetch(&mut self, groups: &[Vec<String>]) -> Result<bool> {
        if groups.len() > 1 && groups.iter().map(Vec::len).sum::<usize>() > MAX_NAMED {
            let (first, second) = groups.split_at(groups.len() / 2);
            return Ok(self.fetch(first)? && self.fetch(second)?);
        }
        let tracking = layout::tracking(&self.remote.name);
        let refspecs: Vec<String> = groups
            .iter()
            .flatten()
            .filter_map(|name| Some(format!("+{name}:{tracking}{}", name.strip_prefix(layout::SHARED)?)))
            .collect();
        let fetched = self.repo.fetch(self.context, &self.remote.address, &refspecs, self.options);
        let Err(error) = fetched else { return Ok(true) };
        self.context.check()?;
        match groups {
            [] => Ok(true),
            [one] => {
                let why = error.causes().first().and_then(|why| why.lines().next().map(str::to_owned));
                let why = why.unwrap_or(error.message);
                let names = one.iter().filter_map(|name| name.strip_prefix(layout::SHARED));
                self.unfetched.extend(names.map(|name| (name.to_owned(), why.clone())));
                Ok(self.unfetched.len() <= MAX_UNFETCHED)
            }
            several => {
                let (first, second) = several.split_at(several.len() / 2);
                Ok(self.fetch(first)? && self.fetch(second)?)
            }
        }
    }
}
