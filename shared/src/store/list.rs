//! Listing all agents, with at most one object read per agent.

use std::collections::BTreeSet;

use crate::{
    Code, Error, Result,
    git::{Oid, Repo, ref_list::BrokenRef},
    model::{Agent, AgentId, Fact, WriterId, id, trailers},
    store::{
        Chain,
        cache::{CachedTip, TipCache},
        commit,
        layout::{self, PrivateDir},
        unreadable::{self, Unreadable},
        writer,
    },
};

/// If fewer unknown commits than this were read, writing the cache would take longer than reading them again.
const MIN_READS_TO_CACHE: usize = 16;

/// All agents of the repository, with what decides whether each is shown; the rest is read on demand.
pub struct Listing {
    /// The agents, sorted by id.
    pub rows: Vec<ListRow>,
    /// The agents whose events cannot be read, each with the reason.
    pub broken: Vec<Unreadable>,
    /// The id of this clone, if it ever wrote an event.
    pub writer: Option<WriterId>,
    cache: TipCache,
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
        let private = PrivateDir::new(repo.private_dir()?);
        let writer = writer::known_writer(repo);
        let vouching = writer.clone().unwrap_or_default();
        let list = repo.ref_list(layout::AGENTS)?;
        let mut listing = Self {
            rows: Vec::with_capacity(list.refs.len()),
            broken: Vec::new(),
            writer,
            cache: TipCache::read(&private.cache(), &vouching),
        };
        let mut unknown = 0;
        let mut reader = repo.commit_reader();
        for (name, tip) in list.refs {
            // A ref whose name is not an id belongs to no agent.
            let Ok(id) = AgentId::parse(&name[layout::AGENTS.len()..]) else { continue };
            if let Some(entry) = listing.cache.find(tip) {
                listing.rows.push(ListRow { id, tip, entry });
                continue;
            }
            let message = reader.message(tip);
            match listing.read_agent(repo, message, tip, &vouching) {
                Ok((entry, commits)) => {
                    unknown += commits;
                    listing.rows.push(ListRow { id, tip, entry });
                }
                Err(e) => listing.broken.push(Unreadable::agent(repo, &id, e.one_line())),
            }
        }
        listing.add_broken(repo, list.broken, list.symbolic)?;
        if unknown >= MIN_READS_TO_CACHE {
            let rows = listing.rows.iter().map(|row| (row.tip, &row.entry));
            listing.cache.write(&private.cache(), &vouching, rows);
        }
        Ok(listing)
    }

    /// Reads only these agents, which costs nothing for all others; without the cache, which holds all of them. Returns `None` if
    /// one of them is missing or cannot be read: only the whole list can say why.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn of(repo: &Repo, ids: &[AgentId]) -> Result<Option<Self>> {
        let writer = writer::known_writer(repo);
        let vouching = writer.clone().unwrap_or_default();
        let mut listing =
            Self { rows: Vec::new(), broken: Vec::new(), writer, cache: TipCache::empty(&vouching) };
        let mut reader = repo.commit_reader();
        for id in ids.iter().collect::<BTreeSet<_>>() {
            let Some(tip) = repo.direct_ref(&layout::agent_ref(id))? else { return Ok(None) };
            let Ok((entry, _)) = listing.read_agent(repo, reader.message(tip), tip, &vouching) else {
                return Ok(None);
            };
            listing.rows.push(ListRow { id: id.clone(), tip, entry });
        }
        Ok(Some(listing))
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

    /// Reads an agent from its trailers if this clone vouches for them, else by folding its events. Returns the number of commits
    /// that were read as well.
    fn read_agent(
        &mut self,
        repo: &Repo,
        message: Option<&str>,
        tip: Oid,
        vouching: &str,
    ) -> Result<(CachedTip, usize)> {
        if let Some(text) = message.and_then(trailers::paragraph)
            && trailers::is_trusted::<Agent>(text, vouching)
            && let Some(header) = trailers::read_header(text)
        {
            return Ok((self.cache.add(header, text), 1));
        }
        // The history of a commit that holds code may have any length, and is not walked.
        let parsed = message.map(commit::parse::<Fact>);
        if parsed.is_some_and(|parsed| parsed.is_foreign()) {
            return Err(not_an_event_chain());
        }
        let chain = Chain::read(repo, &[tip])?;
        let fold = chain.fold();
        if !fold.created && fold.newer == 0 && !chain.newer {
            return Err(not_an_event_chain());
        }
        let agent = fold.agent;
        let header = trailers::AgentHeader { phase: agent.phase, queued_at: agent.queued_at.as_second() };
        Ok((self.cache.add(header, &trailers::write(&agent, vouching)), chain.commits.len()))
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

    /// Finds an agent by its id or a unique prefix of it.
    ///
    /// # Errors
    /// No agent or several agents match, or the agent cannot be read (3).
    pub fn resolve(&self, typed: &str) -> Result<AgentId> {
        let broken = self.broken.iter().filter_map(Unreadable::agent_id);
        let id = id::resolve(typed, self.ids().chain(broken))?;
        match self.unreadable(&id) {
            Some(broken) => Err(broken.error()),
            None => Ok(id),
        }
    }

    /// Returns whether the id of any agent begins with `typed`.
    pub fn holds(&self, typed: &str) -> bool {
        let typed = id::shown_name(typed);
        let broken = self.broken.iter().filter_map(Unreadable::agent_id);
        !typed.is_empty() && self.ids().chain(broken).any(|id| id.as_str().starts_with(typed))
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

fn not_an_event_chain() -> Error {
    Error::new(Code::StateDamaged, "its ref does not hold the events of an agent")
}
