//! Finds the user's own commits that agents started from and that the remote does not have: they are sent with the agents' work.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    git::{Oid, Repo, remotes::RefPush},
    model::{Agent, text},
    store::{Listing, archive, layout, writer},
    sync::{
        agent_state,
        remote_tips::{self, RemoteTips},
    },
};

/// The maximum length of a chain of agents that each started from another's work.
const MAX_DEPTH: usize = 32;

/// The user's own commits of one branch that a push would send.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct OwnWork {
    /// The number of commits.
    pub commits: u64,
    /// The branch that contains them; `None` if no branch does.
    pub branch: Option<String>,
    /// The refs whose push would send them.
    pub refs: BTreeSet<String>,
}

impl fmt::Display for OwnWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let commits = text::count(self.commits, "commit");
        match &self.branch {
            Some(branch) => write!(f, "{commits} of {}", text::safe(branch)),
            None => write!(f, "{commits} that no branch contains"),
        }
    }
}

/// The commits from which the agents started whose heads are about to be sent, except those that refs of the remote name.
pub struct Bases {
    /// The refs whose push would send each.
    refs: BTreeMap<Oid, BTreeSet<String>>,
    /// Whether the remote has every one of these commits.
    are_there: bool,
    /// The refs whose agents cannot be read.
    unread: Vec<(String, Error)>,
}

impl Bases {
    /// Finds the bases of these pushes.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn read(repo: &Repo, sends: &[RefPush], known: &RemoteTips) -> Result<Self> {
        let mut bases = Self { refs: BTreeMap::new(), are_there: false, unread: Vec::new() };
        bases.add(repo, sends.iter().filter(|push| !layout::is_archive(&push.name)), known);
        bases.are_there = bases.refs.is_empty() || bases.count(repo, known)? == 0;
        Ok(bases)
    }

    fn add<'a>(&mut self, repo: &Repo, sends: impl Iterator<Item = &'a RefPush>, known: &RemoteTips) {
        let there: BTreeSet<Oid> = known.tips().collect();
        let writer = writer::known_writer(repo);
        for push in sends {
            match bases_of(repo, push, known, writer.as_deref()) {
                Ok(bases) => {
                    for base in
                        bases.into_iter().filter(|base| !there.contains(base) && repo.has_commit(*base))
                    {
                        self.refs.entry(base).or_default().insert(push.name.clone());
                    }
                }
                Err(error) => self.unread.push((push.name.clone(), error)),
            }
        }
    }

    /// Counts the commits that the remote does not have.
    fn count(&self, repo: &Repo, known: &RemoteTips) -> Result<u64> {
        let all: Vec<Oid> = self.refs.keys().copied().collect();
        // Usually its branches have all, and they are few.
        match remote_tips::count(repo, &all, &known.without_shared())? {
            0 => Ok(0),
            _ => remote_tips::count(repo, &all, known),
        }
    }

    /// Returns those that the remote has for certain.
    pub fn there(&self) -> HashSet<Oid> {
        if self.are_there { self.refs.keys().copied().collect() } else { HashSet::new() }
    }
}

/// Returns the user's own commits that these pushes would send, grouped by branch, largest group first.
///
/// # Errors
/// An agent's events or the history cannot be read.
pub fn find(repo: &Repo, mut bases: Bases, sends: &[RefPush], known: &RemoteTips) -> Result<Vec<OwnWork>> {
    let heads = bases.refs.len();
    // Of an archive, perhaps only a part is sent.
    bases.add(repo, sends.iter().filter(|push| layout::is_archive(&push.name)), known);
    let are_there = bases.are_there && bases.refs.len() == heads;
    let sent: HashSet<&str> = sends.iter().map(|push| push.name.as_str()).collect();
    let unread = std::mem::take(&mut bases.unread);
    if let Some((_, error)) = unread.into_iter().find(|(name, _)| sent.contains(name.as_str())) {
        return Err(error);
    }
    for refs in bases.refs.values_mut() {
        refs.retain(|name| sent.contains(name.as_str()));
    }
    bases.refs.retain(|_, refs| !refs.is_empty());
    if bases.refs.is_empty() || are_there || bases.count(repo, known)? == 0 {
        return Ok(Vec::new());
    }
    let branches = Branches::read(repo)?;
    let mut groups: BTreeMap<Option<String>, (Vec<Oid>, BTreeSet<String>)> = BTreeMap::new();
    for (base, refs) in bases.refs {
        let (base, branch) = branches.root(repo, base)?;
        if remote_tips::count(repo, &[base], known)? == 0 {
            continue;
        }
        let group = groups.entry(branch).or_default();
        group.0.push(base);
        group.1.extend(refs);
    }
    let mut found = Vec::new();
    for (branch, (bases, refs)) in groups {
        found.push(OwnWork { commits: remote_tips::count(repo, &bases, known)?, branch, refs });
    }
    found.sort_by(|a, b| (b.commits, &a.branch).cmp(&(a.commits, &b.branch)));
    Ok(found)
}

/// Returns the commits from which the agents started whose work a push sends.
fn bases_of(repo: &Repo, push: &RefPush, known: &RemoteTips, writer: Option<&str>) -> Result<Vec<Oid>> {
    let Some(new) = push.new else { return Ok(Vec::new()) };
    let mut event_logs = Vec::new();
    if layout::is_archive(&push.name) {
        let there = known.get(&push.name);
        let commits = archive::commits(repo, new)?;
        let new = commits.into_iter().take_while(|(commit, _)| Some(*commit) != there);
        event_logs
            .extend(new.filter(|(_, archived)| archived.work.is_some()).map(|(_, archived)| archived.tip));
    } else if let Some(agent) = layout::agent_of(&push.name).filter(|_| layout::is_work(&push.name)) {
        event_logs.extend(repo.find_ref(&layout::agent_ref(&agent))?);
    }
    let mut bases = Vec::new();
    for tip in event_logs.into_iter().filter(|tip| repo.has_commit(*tip)) {
        bases.extend(agent_state::at(repo, tip, writer)?.base.commit());
    }
    Ok(bases)
}

/// The branches of this clone: the user's own, and the agents'.
struct Branches {
    own: Vec<(String, Oid)>,
    /// The base and head of every agent.
    agents: Vec<(Oid, Oid)>,
}

impl Branches {
    fn read(repo: &Repo) -> Result<Self> {
        let listing = Listing::read(repo)?;
        let all: Vec<Agent> = listing.rows.iter().filter_map(|row| listing.agent(repo, row).ok()).collect();
        let names: BTreeSet<&str> = all.iter().map(|agent| agent.branch.as_str()).collect();
        let here = repo.head_branch();
        let mut own = Vec::new();
        for (name, tip) in repo.refs_below(layout::BRANCHES)? {
            own.extend(
                layout::branch_of(&name)
                    .filter(|name| !names.contains(name))
                    .map(|name| (name.to_owned(), tip)),
            );
        }
        // The branch that is checked out comes first, because its name says most to the user.
        own.sort_by_key(|(name, _)| Some(name) != here.as_ref());
        let mut agents = Vec::new();
        for (agent, row) in all.iter().zip(&listing.rows) {
            let base = agent.base.commit();
            agents.extend(base.zip(repo.find_ref(&layout::head_ref(&row.id))?));
        }
        Ok(Self { own, agents })
    }

    /// Returns the newest of the user's own commits below a base, and the branch that contains it. For an agent that started from
    /// another agent's work, it is the base of that other agent.
    fn root(&self, repo: &Repo, mut base: Oid) -> Result<(Oid, Option<String>)> {
        for _ in 0..MAX_DEPTH {
            for (name, tip) in &self.own {
                if *tip == base || repo.contains(*tip, base)? {
                    return Ok((base, Some(name.clone())));
                }
            }
            let mut before = None;
            for (start, head) in &self.agents {
                if before.is_none() && repo.contains(*head, base)? && !repo.contains(*start, base)? {
                    before = Some(*start);
                }
            }
            match before {
                Some(before) => base = before,
                None => break,
            }
        }
        Ok((base, None))
    }
}
