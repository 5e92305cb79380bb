//! Keeps secrets from being sent: every object that a push would send is read first. An agent or ref with something that looks like
//! a secret, or that cannot be read, is not sent and is reported by name; everything else is sent.

mod allowlist;
mod cache;
mod hit;
pub mod outgoing_objects;
mod people;
mod quick_search;
mod scan;
mod withheld;

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::{
    Result,
    git::{
        Oid, Repo,
        raw::RawReader,
        remotes::{PushRule, RefPush},
    },
    model::AgentId,
    store::{archive, layout, layout::PrivateDir},
    sync::remote_tips::RemoteTips,
    world::SecretVariables,
};

pub use withheld::{Withheld, WithheldReason};

use allowlist::Allowlist;
use cache::CleanObjects;
use hit::SecretHit;
use outgoing_objects::OutgoingObjects;
use quick_search::QuickSearch;
use scan::Scanner;

/// What may be sent, and what not.
#[derive(Clone, Debug, Default)]
pub struct SecretScan {
    /// The pushes without secrets.
    pub go: Vec<RefPush>,
    /// What is not sent, and why.
    pub held: Vec<Withheld>,
}

/// Searches everything that these pushes would send to a remote with the refs in `known`. `there` are commits that it has as well.
///
/// # Errors
/// The repository itself cannot be read. If a single object cannot be read, what it belongs to is not sent.
pub fn check(repo: &Repo, sends: &[RefPush], known: &RemoteTips, there: &HashSet<Oid>) -> Result<SecretScan> {
    let (news, gone): (Vec<RefPush>, Vec<RefPush>) =
        sends.iter().cloned().partition(|push| push.new.is_some());
    if news.is_empty() {
        return Ok(SecretScan { go: gone, held: Vec::new() });
    }
    let environment = SecretVariables::of(repo.environment());
    let cache = CleanObjects::read(&PrivateDir::new(repo.private_dir()?).scanned(), &environment);
    let mut scanner = Scanner::new(RawReader::new(repo)?, environment);
    let mut filter = SecretFilter {
        repo,
        known,
        allowlist: Allowlist::read(repo, &mut scanner, &news)?,
        scanner,
        cache,
        hits: HashMap::new(),
        found: Vec::new(),
    };
    let (logs_and_heads, others): (Vec<RefPush>, Vec<RefPush>) =
        news.iter().cloned().partition(|push| layout::is_log_or_head(&push.name));
    let unsure = if filter.is_surely_clean(&logs_and_heads, there)? { &others } else { &news };
    if !unsure.is_empty() {
        filter.search(unsure)?;
    }
    filter.cache.write();
    let found = std::mem::take(&mut filter.found);
    let mut checked = filter.split(news, found)?;
    checked.go.extend(gone);
    Ok(checked)
}

struct SecretFilter<'a> {
    repo: &'a Repo,
    known: &'a RemoteTips,
    scanner: Scanner<'a>,
    allowlist: Allowlist,
    cache: CleanObjects,
    /// The hits of objects that were read, so that no object is read twice.
    hits: HashMap<Oid, Vec<SecretHit>>,
    /// The names of pushes that are not sent, and why.
    found: Vec<(String, WithheldReason)>,
}

impl SecretFilter<'_> {
    /// Searches logs and heads quickly. Returns whether there is nothing that the exact search has to look at.
    fn is_surely_clean(&mut self, pushes: &[RefPush], there: &HashSet<Oid>) -> Result<bool> {
        let tips: Vec<Oid> = pushes.iter().filter_map(|push| push.new).collect();
        let search = QuickSearch {
            environment: self.repo.environment(),
            common_dir: &self.repo.common_dir()?,
            variables: self.scanner.variables(),
            cache: &self.cache,
            there: &self.known.tips().chain(there.iter().copied()).collect(),
        };
        let Some(clean) = search.clean_objects(&tips) else { return Ok(false) };
        for id in clean {
            if !self.cache.has(id) {
                self.cache.add(id);
            }
        }
        Ok(true)
    }

    /// Searches all pushes at once, and each half separately if that finds something, down to the single pushes that contain it.
    fn search(&mut self, pushes: &[RefPush]) -> Result<()> {
        let Some(reason) = self.first_reason(pushes)? else { return Ok(()) };
        if let [push] = pushes {
            self.found.push((push.name.clone(), reason));
            return Ok(());
        }
        let (one, other) = pushes.split_at(pushes.len() / 2);
        self.search(one)?;
        self.search(other)
    }

    /// Returns the first reason not to send these pushes together, if any.
    fn first_reason(&mut self, pushes: &[RefPush]) -> Result<Option<WithheldReason>> {
        let tips: Vec<Oid> = pushes.iter().filter_map(|push| push.new).collect();
        let outgoing = match outgoing_objects::list(self.repo, self.scanner.reader(), &tips, self.known) {
            Ok(outgoing) => outgoing,
            Err(error) => {
                let id = tips.first().map(Oid::short).unwrap_or_default();
                return Ok(Some(WithheldReason::Unreadable { id, why: Some(error.one_line()) }));
            }
        };
        if let Some(missing) = outgoing.missing.first() {
            return Ok(Some(WithheldReason::Unreadable { id: missing.short(), why: None }));
        }
        for (id, path) in &outgoing.objects {
            if self.cache.has(*id) {
                continue;
            }
            if !self.hits.contains_key(id) {
                match self.scanner.scan(*id) {
                    None => return Ok(Some(WithheldReason::Unreadable { id: id.short(), why: None })),
                    Some(hits) if hits.is_empty() => {
                        self.cache.add(*id);
                        continue;
                    }
                    Some(hits) => drop(self.hits.insert(*id, hits)),
                }
            }
            if let Some(reason) = self.reason(*id, path, pushes, &outgoing)? {
                return Ok(Some(reason));
            }
        }
        Ok(None)
    }

    /// Returns why an object with hits must not be sent; `None` if all hits are allowed.
    fn reason(
        &self,
        id: Oid,
        path: &[u8],
        pushes: &[RefPush],
        outgoing: &OutgoingObjects,
    ) -> Result<Option<WithheldReason>> {
        if self.allowlist.object(id) {
            return Ok(None);
        }
        let mut edges = outgoing.edges.clone();
        edges.extend(pushes.iter().filter_map(|push| self.known.get(&push.name)));
        for hit in self.hits.get(&id).into_iter().flatten() {
            if allowlist::remote_has(self.repo, &edges, path, hit) {
                continue;
            }
            if self.allowlist.text(&hit.text) {
                continue;
            }
            return withheld::reason(self.repo, id, path, hit, pushes, outgoing).map(Some);
        }
        Ok(None)
    }

    /// Splits the pushes. An agent is sent completely or not at all; an archive, which is one chain, up to its first secret.
    fn split(&mut self, news: Vec<RefPush>, found: Vec<(String, WithheldReason)>) -> Result<SecretScan> {
        let mut checked = SecretScan::default();
        let mut agents: BTreeSet<AgentId> = BTreeSet::new();
        let mut names: BTreeSet<String> = BTreeSet::new();
        for (name, reason) in found {
            match layout::agent_of(&name) {
                Some(agent) => {
                    if agents.insert(agent.clone()) {
                        checked.held.push(Withheld { name: agent.to_string(), agent: Some(agent), reason });
                    }
                }
                None => {
                    let tip = news.iter().find(|push| push.name == name).and_then(|push| push.new);
                    let part = tip.filter(|_| layout::is_archive(&name));
                    let (go, agent) =
                        part.map(|tip| self.clean_prefix(&name, tip)).transpose()?.unwrap_or_default();
                    checked.go.extend(go);
                    checked.held.push(Withheld { name: name.clone(), agent, reason });
                    names.insert(name);
                }
            }
        }
        let stays = |push: &RefPush| {
            names.contains(&push.name)
                || layout::agent_of(&push.name).is_some_and(|agent| agents.contains(&agent))
        };
        checked.go.extend(news.into_iter().filter(|push| !stays(push)));
        Ok(checked)
    }

    /// Returns the longest part of an archive that may be sent, if any, and the first agent that is not part of it.
    fn clean_prefix(&mut self, name: &str, tip: Oid) -> Result<(Option<RefPush>, Option<AgentId>)> {
        let there = self.known.get(name);
        let mut chain = Vec::new();
        for (commit, archived) in archive::commits(self.repo, tip)? {
            if Some(commit) == there {
                break;
            }
            chain.push((commit, archived.id));
        }
        chain.reverse();
        let push =
            |commit| RefPush { name: name.to_owned(), new: Some(commit), rule: PushRule::FastForwardOnly };
        let (mut clean, mut dirty) = (0, chain.len());
        while clean < dirty {
            let middle = clean.midpoint(dirty);
            match self.first_reason(&[push(chain[middle].0)])? {
                None => clean = middle + 1,
                Some(_) => dirty = middle,
            }
        }
        let agent = chain.get(clean).map(|(_, agent)| agent.clone());
        Ok((clean.checked_sub(1).map(|last| push(chain[last].0)), agent))
    }
}
