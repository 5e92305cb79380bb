//! All agents at once: the refs, and one object each at the most.

use crate::{
    Result,
    git::{Oid, Repo},
    model::{Agent, AgentId, trailers},
    store::{
        Chain,
        cache::{Cache, Entry},
        layout::{self, Private},
        writer,
    },
};

/// Lists with fewer unknown tips than this are quicker read than remembered.
const WORTH_REMEMBERING: usize = 16;

/// Every agent of the repository, with what decides whether it is shown; the rest on demand.
pub struct Listing {
    /// In the order of their ids.
    pub rows: Vec<Row>,
    /// Agents whose events cannot be read, and why.
    pub broken: Vec<(AgentId, String)>,
    /// Who this clone is, if it ever wrote.
    pub writer: Option<String>,
    cache: Cache,
}

/// One agent of a listing.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id.
    pub id: AgentId,
    /// Its newest event commit.
    pub tip: Oid,
    /// Phase, time, and where its trailers are.
    pub entry: Entry,
}

impl Listing {
    /// Reads all agents, and remembers what it read for the next time.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn read(repo: &Repo) -> Result<Self> {
        let private = Private::new(repo.private_dir()?);
        let writer = writer::known_writer(repo);
        let vouching = writer.clone().unwrap_or_default();
        let refs = repo.refs_below(layout::AGENTS)?;
        let mut listing = Self {
            rows: Vec::with_capacity(refs.len()),
            broken: Vec::new(),
            writer,
            cache: Cache::read(&private.cache(), &vouching),
        };
        let mut unknown = 0;
        let mut reader = repo.commit_reader();
        for (name, tip) in refs {
            // A name that is no id is nobody's agent; `doctor` shows it.
            let Ok(id) = AgentId::parse(&name[layout::AGENTS.len()..]) else { continue };
            if let Some(entry) = listing.cache.find(tip) {
                listing.rows.push(Row { id, tip, entry });
                continue;
            }
            unknown += 1;
            let message = reader.message(tip);
            match listing.learn(repo, message, tip, &vouching) {
                Ok(entry) => listing.rows.push(Row { id, tip, entry }),
                Err(e) => listing.broken.push((id, e.one_line())),
            }
        }
        if unknown >= WORTH_REMEMBERING {
            let rows = listing.rows.iter().map(|row| (row.tip, &row.entry));
            listing.cache.write(&private.cache(), &vouching, rows);
        }
        Ok(listing)
    }

    /// Takes the trailers where we vouch for them, else folds the chain.
    fn learn(&mut self, repo: &Repo, message: Option<&str>, tip: Oid, vouching: &str) -> Result<Entry> {
        if let Some(text) = message.and_then(trailers::paragraph)
            && trailers::is_trusted(text, vouching)
            && let Some(glance) = trailers::glance(text)
        {
            return Ok(self.cache.add(glance, text));
        }
        let agent = Chain::read(repo, &[tip])?.fold().agent;
        let glance = trailers::Glance { phase: agent.phase, queued_at: agent.queued_at.as_second() };
        Ok(self.cache.add(glance, &trailers::write(&agent, vouching)))
    }

    /// The whole state of one row.
    ///
    /// # Errors
    /// The trailers are malformed, and its events cannot be read.
    pub fn agent(&self, repo: &Repo, row: &Row) -> Result<Agent> {
        let text = self.cache.bytes().get(row.entry.text.clone()).unwrap_or_default();
        match std::str::from_utf8(text).ok().and_then(trailers::read) {
            Some(agent) => Ok(agent),
            None => Ok(Chain::read(repo, &[row.tip])?.fold().agent),
        }
    }

    /// The ids, for finding one by its prefix.
    pub fn ids(&self) -> impl Iterator<Item = &AgentId> {
        self.rows.iter().map(|row| &row.id)
    }

    /// The row of an id.
    pub fn row(&self, id: &AgentId) -> Option<&Row> {
        self.rows.binary_search_by(|row| row.id.cmp(id)).ok().map(|at| &self.rows[at])
    }
}
