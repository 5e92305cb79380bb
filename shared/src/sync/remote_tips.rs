//! What a remote has at this moment: a push carries everything else. Only the remote's own answer counts. What this clone keeps
//! of earlier answers, or of other remotes, may be of another repository, out of date, or written by anybody.

use std::collections::BTreeMap;

use crate::{
    Result,
    git::{Oid, Repo, command, remotes::RemoteOptions},
    store::layout,
    sync::remote::Remote,
};

/// Branches of the remote that are brought up to date in one call.
const BRANCHES: usize = 64;

/// The refs of a remote whose objects are here as well.
#[derive(Clone, Debug, Default)]
pub struct RemoteTips {
    refs: BTreeMap<String, Oid>,
}

impl RemoteTips {
    /// Asks every place that a push to this remote goes to; known is what all of them have.
    ///
    /// # Errors
    /// Git cannot speak with one of them.
    pub fn ask(repo: &Repo, remote: &Remote, manner: RemoteOptions) -> Result<Self> {
        let places = remote.places(repo)?;
        let mut refs: Option<BTreeMap<String, Oid>> = None;
        for place in &places {
            let there: BTreeMap<String, Oid> = repo.remote_refs(place, manner)?.into_iter().collect();
            refs = Some(match refs {
                None => there,
                Some(before) => before.into_iter().filter(|(name, id)| there.get(name) == Some(id)).collect(),
            });
        }
        let (here, elsewhere): (BTreeMap<_, _>, BTreeMap<_, _>) =
            refs.unwrap_or_default().into_iter().partition(|(_, id)| repo.has_object(*id));
        let mut known = Self { refs: here };
        if let [place] = places.as_slice() {
            known.follow(repo, remote, place, elsewhere, manner)?;
        }
        Ok(known)
    }

    /// Branches that moved on since the user fetched them: what they were before is known only through what they are now.
    /// A remote that does not give them leaves more to be read, and nothing else.
    fn follow(
        &mut self,
        repo: &Repo,
        remote: &Remote,
        place: &str,
        elsewhere: BTreeMap<String, Oid>,
        manner: RemoteOptions,
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
        moved.truncate(BRANCHES);
        tracked.truncate(BRANCHES);
        if tracked.is_empty() || count(repo, &tracked, self)? == 0 {
            return Ok(());
        }
        if repo.fetch_objects(place, &moved, manner).is_ok() {
            self.refs.extend(elsewhere.into_iter().filter(|(_, id)| repo.has_object(*id)));
        }
        Ok(())
    }

    /// What one ref of the remote names.
    pub fn get(&self, name: &str) -> Option<Oid> {
        self.refs.get(name).copied()
    }

    /// The objects that its refs name.
    pub fn tips(&self) -> impl Iterator<Item = Oid> + '_ {
        self.refs.values().copied()
    }

    /// The notes among them: their commits follow no others, so that their content is known by their trees alone.
    pub(super) fn notes(&self) -> impl Iterator<Item = Oid> + '_ {
        self.refs.iter().filter(|(name, _)| layout::is_notes(name)).map(|(_, id)| *id)
    }
}

/// How many commits these hold that a remote has not.
///
/// # Errors
/// The history cannot be read.
pub fn count(repo: &Repo, tips: &[Oid], known: &RemoteTips) -> Result<u64> {
    let mut orders: String = tips.iter().map(|tip| format!("{tip}\n")).collect();
    orders.extend(known.tips().map(|tip| format!("^{tip}\n")));
    let git = repo.git_in(&repo.common_dir()?, "rev-list").args(["--count", "--stdin"]);
    let said = git
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .input(orders.into_bytes())
        .limit(command::LONG_LIMIT)
        .line()?;
    said.parse().map_err(|_| crate::Error::internal(format!("git rev-list counts '{said}' commits")))
}
