//! All agents at once: the refs, and one object each at the most.

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

/// Lists for which fewer unknown commits than this are read are quicker read than remembered.
const WORTH_REMEMBERING: usize = 16;

/// Every agent of the repository, with what decides whether it is shown; the rest on demand.
pub struct Listing {
    /// In the order of their ids.
    pub rows: Vec<ListRow>,
    /// Agents whose events cannot be read, and why.
    pub broken: Vec<Unreadable>,
    /// Who this clone is, if it ever wrote.
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
    /// Phase, time, and where its trailers are.
    pub entry: CachedTip,
}

impl Listing {
    /// Reads all agents, and remembers what it read for the next time.
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
            // A name that is not an id is nobody's agent.
            let Ok(id) = AgentId::parse(&name[layout::AGENTS.len()..]) else { continue };
            if let Some(entry) = listing.cache.find(tip) {
                listing.rows.push(ListRow { id, tip, entry });
                continue;
            }
            let message = reader.message(tip);
            match listing.learn(repo, message, tip, &vouching) {
                Ok((entry, commits)) => {
                    unknown += commits;
                    listing.rows.push(ListRow { id, tip, entry });
                }
                Err(e) => listing.broken.push(Unreadable::agent(repo, &id, e.one_line())),
            }
        }
        listing.add_broken(repo, list.broken, list.symbolic)?;
        if unknown >= WORTH_REMEMBERING {
            let rows = listing.rows.iter().map(|row| (row.tip, &row.entry));
            listing.cache.write(&private.cache(), &vouching, rows);
        }
        Ok(listing)
    }

    /// Adds the refs that name no commit, if they bear the id of an agent.
    fn add_broken(&mut self, repo: &Repo, broken: Vec<BrokenRef>, symbolic: Vec<String>) -> Result<()> {
        let why = || "points to another ref".to_owned();
        let symbolic = symbolic.into_iter().map(|name| BrokenRef { name, why: why() });
        let all = broken.into_iter().chain(symbolic);
        let all: Vec<Unreadable> = all.map(|broken| Unreadable::broken(repo, &broken)).collect();
        self.broken.extend(all.into_iter().filter(|one| one.agent_id().is_some()));
        let is_known = |id: &AgentId| {
            self.row(id).is_some() || self.broken.iter().any(|known| known.agent_id() == Some(id))
        };
        let moved = unreadable::moved_aside(repo, is_known)?;
        self.broken.extend(moved);
        self.broken.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(())
    }

    /// Takes the trailers where we vouch for them, else folds the chain. Gives as well how many commits were read.
    fn learn(
        &mut self,
        repo: &Repo,
        message: Option<&str>,
        tip: Oid,
        vouching: &str,
    ) -> Result<(CachedTip, usize)> {
        if let Some(text) = message.and_then(trailers::paragraph)
            && trailers::is_trusted::<Agent>(text, vouching)
            && let Some(glance) = trailers::glance(text)
        {
            return Ok((self.cache.add(glance, text), 1));
        }
        // A commit of somebody's code may have a history of any length: it is not walked.
        let parsed = message.map(commit::parse::<Fact>);
        if parsed.is_some_and(|parsed| parsed.is_foreign()) {
            return Err(not_a_life());
        }
        let chain = Chain::read(repo, &[tip])?;
        let fold = chain.fold();
        if !fold.created && fold.newer == 0 && !chain.newer {
            return Err(not_a_life());
        }
        let agent = fold.agent;
        let glance = trailers::Glance { phase: agent.phase, queued_at: agent.queued_at.as_second() };
        Ok((self.cache.add(glance, &trailers::write(&agent, vouching)), chain.commits.len()))
    }

    /// The whole state of one row.
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

    /// The whole id of one agent, by its id or a unique prefix.
    ///
    /// # Errors
    /// None or several match, or it is one that cannot be read (3).
    pub fn resolve(&self, typed: &str) -> Result<AgentId> {
        let broken = self.broken.iter().filter_map(Unreadable::agent_id);
        let id = id::resolve(typed, self.ids().chain(broken))?;
        match self.unreadable(&id) {
            Some(broken) => Err(broken.error()),
            None => Ok(id),
        }
    }

    /// Whether any agent has this id, or one that begins so.
    pub fn holds(&self, typed: &str) -> bool {
        let typed = id::shown_name(typed);
        let broken = self.broken.iter().filter_map(Unreadable::agent_id);
        !typed.is_empty() && self.ids().chain(broken).any(|id| id.as_str().starts_with(typed))
    }

    /// Why the events of an agent cannot be read, if they cannot.
    pub fn unreadable(&self, id: &AgentId) -> Option<&Unreadable> {
        self.broken.iter().find(|one| one.agent_id() == Some(id))
    }

    /// The ids, for finding one by its prefix.
    pub fn ids(&self) -> impl Iterator<Item = &AgentId> {
        self.rows.iter().map(|row| &row.id)
    }

    /// The row of an id.
    pub fn row(&self, id: &AgentId) -> Option<&ListRow> {
        self.rows.binary_search_by(|row| row.id.cmp(id)).ok().map(|at| &self.rows[at])
    }
}

fn not_a_life() -> Error {
    Error::new(Code::StateDamaged, "it is not the life of an agent")
}
