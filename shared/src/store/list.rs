//! Listing agents, with at most one object read per agent, or one ref per agent that is named by its whole id.

use std::collections::BTreeSet;

use crate::{
    Code, Error, Result,
    git::{Oid, Repo, ref_list::BrokenRef},
    model::{
        Agent, AgentId, Tag, WriterId, duration,
        naming::{self, KnownAgent, MeantAgent},
        nearest::nearest,
        text, trailers,
    },
    store::{
        Chain,
        cache::{CachedTip, TipCache},
        layout::{self, PrivateDir},
        restored_ref,
        tips::{FoundTip, TipReader},
        unreadable::{self, Unreadable},
        writer,
    },
};

/// If fewer unknown commits than this were read, writing the cache would take longer than reading them again.
const MIN_READS_TO_CACHE: usize = 16;
/// The most agents that are read one by one; for more, the cache of all is faster.
const MAX_READ_ALONE: usize = 64;

/// The most tags that are compared with one that no agent has.
const MAX_COMPARED: usize = 2000;

/// All agents of the repository, with what decides whether each is shown; the rest is read on demand.
pub struct Listing {
    /// The agents, sorted by id.
    pub rows: Vec<ListRow>,
    /// The agents whose events cannot be read, each with the reason.
    pub broken: Vec<Unreadable>,
    /// The id of this clone, if it ever wrote an event.
    pub writer: Option<WriterId>,
    cache: TipCache,
    /// When it was read, in seconds since 1970.
    read_at: i64,
}

/// One agent of a listing.
#[derive(Clone, Debug)]
pub struct ListRow {
    /// Its id.
    pub id: AgentId,
    /// Its newest event commit.
    pub tip: Oid,
    /// Its phase, its time, and the range of its trailers.
    pub entry: CachedTip,
}

impl Listing {
    /// Reads all agents, and caches what it read.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn read(repo: &Repo) -> Result<Self> {
        let (listing, read) = Self::read_counted(repo)?;
        if read >= MIN_READS_TO_CACHE {
            let rows = listing.rows.iter().map(|row| (row.tip, &row.entry));
            let private = PrivateDir::new(repo.private_dir()?);
            listing.cache.write(&private.cache(), &listing.vouching(), rows);
        }
        Ok(listing)
    }

    /// Reads all agents, and writes nothing.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn observe(repo: &Repo) -> Result<Self> {
        Self::read_counted(repo).map(|(listing, _)| listing)
    }

    /// Reads all agents, and returns the number of commits that the cache did not have.
    fn read_counted(repo: &Repo) -> Result<(Self, usize)> {
        let private = PrivateDir::new(repo.private_dir()?);
        let mut listing = Self::empty(repo, |vouching| TipCache::read(&private.cache(), vouching));
        let list = repo.ref_list(layout::AGENTS)?;
        listing.rows.reserve(list.refs.len());
        let mut unknown = Vec::new();
        for (name, tip) in list.refs {
            // A ref whose name is not an id belongs to no agent.
            let Ok(id) = AgentId::parse(&name[layout::AGENTS.len()..]) else { continue };
            match listing.cache.find(tip) {
                Some(entry) => listing.rows.push(ListRow { id, tip, entry }),
                None => unknown.push((id, tip)),
            }
        }
        let read = listing.add_unknown(repo, unknown)?;
        listing.add_broken(repo, list.broken, list.symbolic)?;
        Ok((listing, read))
    }

    /// As [`Listing::read`], with the agents that run and whose refs were deleted: it waits until they are there again.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn with_running(repo: &Repo) -> Result<Self> {
        let listing = Self::read(repo)?;
        let is_known = |id: &AgentId| listing.row(id).is_some() || listing.unreadable(id).is_some();
        if restored_ref::await_all(repo, is_known)? { Self::read(repo) } else { Ok(listing) }
    }

    /// Reads only these agents, which costs nothing for the others. Returns `None` if one of them is missing or cannot be read:
    /// only the list of all says why.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn of(repo: &Repo, ids: &[AgentId]) -> Result<Option<Self>> {
        let mut listing = Self::empty(repo, TipCache::empty);
        let tips = TipReader { repo, vouching: listing.vouching() };
        let mut reader = repo.commit_reader();
        for id in ids.iter().collect::<BTreeSet<_>>() {
            let Some(tip) = restored_ref::direct_tip(repo, id)? else { return Ok(None) };
            let Ok(found) = tips.read(&mut reader, tip) else { return Ok(None) };
            listing.add(id.clone(), tip, &found);
        }
        Ok(Some(listing))
    }

    /// Reads the agents that names, as a person types them, may mean: only those named, if each name is the whole id of an agent,
    /// and otherwise all.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn of_names(repo: &Repo, typed: &[String]) -> Result<Self> {
        let ids: Option<Vec<AgentId>> = typed.iter().map(|typed| whole_id(typed)).collect();
        let few = ids.filter(|ids| (1..=MAX_READ_ALONE).contains(&ids.len()));
        match few.map_or(Ok(None), |ids| Self::of(repo, &ids))? {
            Some(named) => Ok(named),
            None => Self::read(repo),
        }
    }

    /// As [`Listing::of_names`], for one name.
    ///
    /// # Errors
    /// As there.
    pub fn of_name(repo: &Repo, typed: &str) -> Result<Self> {
        Self::of_names(repo, &[typed.to_owned()])
    }

    fn empty(repo: &Repo, cache: impl FnOnce(&str) -> TipCache) -> Self {
        let writer = writer::known_writer(repo);
        let cache = cache(writer.as_deref().unwrap_or_default());
        Self { rows: Vec::new(), broken: Vec::new(), writer, cache, read_at: repo.now().as_second() }
    }

    /// Returns the writer whose trailers are trusted.
    fn vouching(&self) -> WriterId {
        self.writer.clone().unwrap_or_default()
    }

    fn add(&mut self, id: AgentId, tip: Oid, found: &FoundTip) {
        let entry = self.cache.add(found.header, &found.text);
        self.rows.push(ListRow { id, tip, entry });
    }

    /// Reads agents that the cache does not have, and returns the number of commits that were read.
    fn add_unknown(&mut self, repo: &Repo, unknown: Vec<(AgentId, Oid)>) -> Result<usize> {
        let found = TipReader { repo, vouching: self.vouching() }.read_all(&unknown)?;
        let (known, mut commits) = (self.rows.len(), 0);
        for ((id, tip), found) in unknown.into_iter().zip(found) {
            match found {
                Ok(found) => {
                    commits += found.commits;
                    self.add(id, tip, &found);
                }
                Err(why) => self.broken.push(Unreadable::agent(repo, &id, why)),
            }
        }
        if 0 < known && known < self.rows.len() {
            self.rows.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        }
        Ok(commits)
    }

    /// Adds the refs that name no commit, if their names are ids of agents.
    fn add_broken(&mut self, repo: &Repo, broken: Vec<BrokenRef>, symbolic: Vec<String>) -> Result<()> {
        let why = || "points to another ref".to_owned();
        let symbolic = symbolic.into_iter().map(|name| BrokenRef { name, why: why() });
        let all = broken.into_iter().chain(symbolic);
        let all: Vec<Unreadable> = all.map(|broken| Unreadable::broken(repo, &broken)).collect();
        self.broken.extend(all.into_iter().filter(|one| one.agent_id().is_some()));
        let is_known = |id: &AgentId| {
            self.row(id).is_some() || self.broken.iter().any(|known| known.agent_id() == Some(id))
        };
        let moved = unreadable::damaged_agents(repo, is_known)?;
        self.broken.extend(moved);
        self.broken.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(())
    }

    /// Returns the whole state of one agent.
    ///
    /// # Errors
    /// The trailers are malformed, and its events cannot be read.
    pub fn agent(&self, repo: &Repo, row: &ListRow) -> Result<Agent> {
        let text = self.cache.bytes().get(row.entry.text.clone()).unwrap_or_default();
        match std::str::from_utf8(text).ok().and_then(trailers::read) {
            Some(agent) => Ok(agent),
            None => Ok(Chain::read(repo, &[row.tip])?.fold().agent),
        }
    }

    /// Returns the text of one value of an agent's state, by its trailer: for decisions about all agents, most of which need no
    /// more.
    pub fn trailer(&self, row: &ListRow, key: &str) -> Option<&str> {
        let text = self.cache.bytes().get(row.entry.text.clone())?;
        trailers::value(std::str::from_utf8(text).ok()?, key)
    }

    /// Returns the agents that a selector, `tag:NAME`, names, in the order of their ids; `None` if the text is no selector.
    ///
    /// # Errors
    /// What follows `tag:` cannot be a tag (2), or no agent has it (3).
    pub fn tagged(&self, typed: &str) -> Option<Result<Vec<&ListRow>>> {
        let wanted = match Tag::selected(typed)? {
            Ok(wanted) => wanted,
            Err(error) => return Some(Err(error)),
        };
        let tags = |row| self.trailer(row, "Tags").unwrap_or_default().split(' ');
        let found: Vec<&ListRow> =
            self.rows.iter().filter(|row| tags(row).any(|tag| tag == wanted.as_str())).collect();
        if !found.is_empty() {
            return Some(Ok(found));
        }
        let others = self.rows.iter().flat_map(tags).filter(|tag| !tag.is_empty()).take(MAX_COMPARED);
        let error = Error::new(Code::AgentUnknown, format!("no agent has the tag '{wanted}'"));
        Some(Err(match nearest(wanted.as_str(), others.map(str::to_owned).collect()) {
            Some(near) => error.hint(format!("did you mean tag:{near}?")),
            None => error.hint("git orchestra spawn --tag NAME gives one"),
        }))
    }

    /// Returns the newest snapshot of uncommitted changes that a commit contains, of those from which agents started.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn snapshot_in(&self, repo: &Repo, commit: Oid) -> Result<Option<Oid>> {
        let named = self.rows.iter().filter_map(|row| Oid::parse(self.trailer(row, "Snapshot")?));
        let all: BTreeSet<Oid> = named.collect();
        let mut newest: Option<Oid> = None;
        for snapshot in all {
            if repo.has_commit(snapshot)
                && repo.contains(commit, snapshot)?
                && newest.is_none_or(|newest| repo.contains(snapshot, newest).unwrap_or(false))
            {
                newest = Some(snapshot);
            }
        }
        Ok(newest)
    }

    /// Returns the tags of all agents, sorted.
    pub fn tags(&self) -> BTreeSet<&str> {
        let tags = self.rows.iter().filter_map(|row| self.trailer(row, "Tags"));
        tags.flat_map(|tags| tags.split(' ')).collect()
    }

    /// Finds an agent by its id, or by a unique beginning or part of it; the only open one of several is meant.
    ///
    /// # Errors
    /// No agent or several agents match, or the agent cannot be read (3).
    pub fn resolve(&self, typed: &str) -> Result<AgentId> {
        let id = self.meant(typed)?.id;
        match self.unreadable(&id) {
            Some(broken) => Err(broken.error()),
            None => Ok(id),
        }
    }

    /// As [`Listing::resolve`], also for an agent that cannot be read, and with the number of the others that match.
    ///
    /// # Errors
    /// No agent or several agents match (3).
    pub fn meant(&self, typed: &str) -> Result<MeantAgent> {
        if let Some(id) = whole_id(typed).filter(|id| self.row(id).is_some()) {
            return Ok(MeantAgent { id, others: 0 });
        }
        if let Some(tagged) = self.tagged(typed) {
            let tagged = tagged?;
            let [row] = tagged.as_slice() else { return Err(several(typed, &tagged)) };
            return Ok(MeantAgent { id: row.id.clone(), others: 0 });
        }
        let is_open = |row: &ListRow| !row.entry.header.phase.is_at_rest();
        let rows = self.rows.iter().map(|row| KnownAgent { id: &row.id, is_open: is_open(row) });
        let broken = self.broken.iter().filter_map(Unreadable::agent_id);
        let broken = broken.map(|id| KnownAgent { id, is_open: false });
        naming::resolve(typed, rows.chain(broken), &|id| self.about(id))
    }

    /// Describes a candidate for a name by its phase and age.
    fn about(&self, id: &AgentId) -> String {
        let Some(row) = self.row(id) else { return " (unreadable)".to_owned() };
        let header = &row.entry.header;
        format!(" ({}, {})", header.phase.as_str(), duration::age(self.read_at - header.queued_at))
    }

    /// Returns whether any agent can be meant by `typed`.
    pub fn holds(&self, typed: &str) -> bool {
        let broken = self.broken.iter().filter_map(Unreadable::agent_id);
        self.ids().chain(broken).any(|id| naming::matches(typed, id))
    }

    /// Returns why the events of an agent cannot be read, if they cannot.
    pub fn unreadable(&self, id: &AgentId) -> Option<&Unreadable> {
        self.broken.iter().find(|one| one.agent_id() == Some(id))
    }

    /// Returns the ids of all agents that can be read.
    pub fn ids(&self) -> impl Iterator<Item = &AgentId> {
        self.rows.iter().map(|row| &row.id)
    }

    /// Returns the row of an agent.
    pub fn row(&self, id: &AgentId) -> Option<&ListRow> {
        self.rows.binary_search_by(|row| row.id.cmp(id)).ok().map(|at| &self.rows[at])
    }
}

/// The error for a tag of several agents where one is wanted.
fn several(tag: &str, tagged: &[&ListRow]) -> Error {
    let message = format!("{} agents have '{}', and this takes one", tagged.len(), text::safe(tag));
    Error::new(Code::AgentAmbiguous, message).hint_command(&[&"git", &"orchestra", &"status", &tag])
}

/// Returns the agent's id if a person typed the whole of it, or something that a table shows in its place.
fn whole_id(typed: &str) -> Option<AgentId> {
    AgentId::parse(naming::shown_name(typed)).ok()
}
