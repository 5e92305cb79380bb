//! Reading everything that a watcher shows, and what of it can be compared with an earlier look.

use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    change::{Departure, Look, Seen},
    cursor::{Cursor, Mark},
    places::{self, Place},
};
use crate::{
    Kind, Result,
    error::Context,
    git::{Oid, Repo},
    landing::open::{self, OpenLanding},
    model::{AgentId, Liveness},
    ops::{
        agent_object::AgentObject,
        status::{self, Report, Request},
    },
    store::{
        Chain, archive,
        layout::{self, PrivateDir},
        operations::Operation,
        writer,
    },
    supervise::liveness::Observed,
};

/// What only the machine of that time knew, beside whole aspects: fields of an agent in JSON.
const OF_THE_MACHINE: [&str; 2] = ["dirty", "surroundings"];

/// What a watcher looks at.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Which agents. Those that are named by the beginning of their ids are found at the first look, and stay the same.
    pub agents: Request,
    /// Landings as well.
    pub landing: bool,
}

/// Everything in view, as it was at one look.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Snapshot {
    /// The agents, as `status` reports them.
    pub status: Report,
    /// How much the agents printed that have not ended, by id.
    pub logs: BTreeMap<AgentId, LogEnd>,
    /// The landings that are under way, or were cut off, the newest first; only where the filter asks for them.
    pub landings: Vec<LandingUnderWay>,
}

impl Snapshot {
    /// An agent in view.
    pub fn agent(&self, id: &AgentId) -> Option<&AgentObject> {
        self.status.agents.iter().find(|agent| agent.id == *id)
    }
}

/// How far the output of an agent goes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct LogEnd {
    /// The launch that prints, or printed last.
    pub attempt: u32,
    /// How much there is of it, in bytes.
    pub bytes: u64,
}

/// A landing that is under way, or was cut off.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct LandingUnderWay {
    /// The operation, as `undo` and `merge-ranked --continue` know it.
    pub operation: String,
    /// When it began, in RFC 3339.
    pub began_at: String,
    /// How far it is, in words.
    pub summary: String,
}

/// Reads looks.
#[derive(Debug)]
pub(super) struct Reader {
    filter: Filter,
    is_pinned: bool,
    operations: Option<Operations>,
    /// What was measured last of each agent's uncommitted work.
    dirty: HashMap<AgentId, usize>,
}

/// The operations of this clone, as they were at the last look.
#[derive(Debug)]
struct Operations {
    refs: Vec<(String, Oid)>,
    /// The landings that are not finished, each with the newest commit of its operation.
    landings: Vec<(Oid, LandingUnderWay)>,
}

/// One look.
pub(super) struct Read {
    pub(super) snapshot: Snapshot,
    pub(super) look: Look,
    pub(super) places: Vec<Place>,
    /// What measuring uncommitted work showed, if it was measured: when, and whether anything differs.
    pub(super) measured: Option<(Instant, Instant, bool)>,
}

impl Reader {
    pub(super) fn new(filter: Filter) -> Self {
        Self { filter, is_pinned: false, operations: None, dirty: HashMap::new() }
    }

    /// Whether uncommitted work is asked for.
    pub(super) const fn measures(&self) -> bool {
        self.filter.agents.dirt
    }

    /// Reads everything; uncommitted work only with `measure`, else it is taken from the last time.
    pub(super) fn read(&mut self, repo: &Repo, measure: bool) -> Result<Read> {
        let begun = Instant::now();
        let measure = measure && self.measures();
        let request = Request { dirt: measure, ..self.filter.agents.clone() };
        let (mut status, tips) = status::run_with_tips(repo, &request)?;
        if !self.is_pinned && !request.agents.is_empty() {
            self.filter.agents.agents = status.agents.iter().map(|agent| agent.id.to_string()).collect();
            self.is_pinned = true;
        }
        let measured = measure.then(|| (begun, Instant::now(), self.note_dirt(&status)));
        for agent in status.agents.iter_mut().filter(|agent| agent.liveness == Liveness::Live) {
            agent.dirty = agent.dirty.or_else(|| self.dirty.get(&agent.id).copied());
        }
        let (common, private) = (repo.common_dir()?, PrivateDir::new(repo.private_dir()?));
        let mut seen = BTreeMap::new();
        let mut logs = BTreeMap::new();
        for agent in &status.agents {
            let log = if agent.liveness == Liveness::Live {
                log_end(&private, &agent.id, agent.attempt)
            } else {
                None
            };
            logs.extend(log.map(|log| (agent.id.clone(), log)));
            let log = log.map(|log| (log.attempt, log.bytes));
            let tip = tips.get(&agent.id).copied();
            seen.insert(
                agent.id.clone(),
                Seen { tip, liveness: agent.liveness, fields: fields(agent)?, log },
            );
        }
        let landings = self.landings(repo)?;
        let listing = serde_json::json!({ "hidden": status.hidden, "unreadable": status.unreadable });
        let look = Look { agents: seen, landings: landings.iter().map(|(tip, _)| *tip).collect(), listing };
        let open = status.agents.iter().filter(|agent| agent.liveness == Liveness::Live);
        let open = open.map(|agent| (agent.id.clone(), agent.branch.as_str()));
        let places = places::all(&common, &private, open);
        let snapshot =
            Snapshot { status, logs, landings: landings.into_iter().map(|(_, landing)| landing).collect() };
        Ok(Read { snapshot, look, places, measured })
    }

    /// Remembers what was measured; gives whether anything differs from the last time.
    fn note_dirt(&mut self, status: &Report) -> bool {
        let now: HashMap<AgentId, usize> =
            status.agents.iter().filter_map(|agent| Some((agent.id.clone(), agent.dirty?))).collect();
        let changed = now != self.dirty;
        self.dirty = now;
        changed
    }

    /// The landings that are not finished. Operations are read only after one of their refs changed.
    fn landings(&mut self, repo: &Repo) -> Result<Vec<(Oid, LandingUnderWay)>> {
        if !self.filter.landing {
            return Ok(Vec::new());
        }
        let refs = repo.refs_below(layout::OPERATIONS)?;
        if self.operations.as_ref().is_none_or(|known| known.refs != refs) {
            let with_tip = |open: OpenLanding| {
                let Operation { id, at, summary, .. } = open.operation;
                let name = layout::operation_ref(&id);
                let tip = refs.iter().find(|(known, _)| *known == name)?.1;
                Some((tip, LandingUnderWay { operation: id, began_at: at, summary }))
            };
            let landings = open::all(repo)?.into_iter().filter_map(with_tip).collect();
            self.operations = Some(Operations { refs, landings });
        }
        Ok(self.operations.as_ref().map(|known| known.landings.clone()).unwrap_or_default())
    }
}

fn fields(agent: &AgentObject) -> Result<Map<String, Value>> {
    match serde_json::to_value(agent).context(Kind::Internal, || "cannot compare an agent".to_owned())? {
        Value::Object(fields) => Ok(fields),
        _ => Ok(Map::new()),
    }
}

/// How much an attempt printed so far.
fn log_end(private: &PrivateDir, id: &AgentId, attempt: u32) -> Option<LogEnd> {
    let bytes = private.agent(id).output(attempt).metadata().ok()?.len();
    Some(LogEnd { attempt, bytes })
}

/// Why an agent is no longer in view.
pub(super) fn departure(repo: &Repo, id: &AgentId) -> Departure {
    if matches!(repo.find_ref(&layout::agent_ref(id)), Ok(Some(_))) {
        return Departure::Hidden;
    }
    let is_archived = archive::all(repo).is_ok_and(|(all, _)| all.contains_key(id));
    if is_archived { Departure::Archived } else { Departure::Removed }
}

/// Where a reader stands that has seen a look.
pub(super) fn cursor(look: &Look) -> Cursor {
    let mark = |seen: &Seen| Some(Mark { tip: seen.tip?, liveness: seen.liveness, log: seen.log });
    let agents = look.agents.iter().filter_map(|(id, seen)| Some((id.clone(), mark(seen)?))).collect();
    Cursor { agents, landings: look.landings.clone() }
}

/// What a reader saw that stopped at `cursor`, as far as it can be told from the events up to then.
pub(super) fn look_at_cursor(repo: &Repo, cursor: &Cursor, now: &Look) -> Result<Look> {
    let private = PrivateDir::new(repo.private_dir()?);
    let writer = writer::known_writer(repo);
    let mut agents = BTreeMap::new();
    for (id, mark) in &cursor.agents {
        let present = now.agents.get(id);
        let fields = match present {
            Some(present) if present.tip != Some(mark.tip) => {
                let mut fields = fields_at(repo, &private, id, mark.tip, writer.as_deref());
                for name in OF_THE_MACHINE {
                    fields.extend(present.fields.get(name).map(|value| (name.to_owned(), value.clone())));
                }
                fields
            }
            Some(present) => present.fields.clone(),
            None => Map::new(),
        };
        agents
            .insert(id.clone(), Seen { tip: Some(mark.tip), liveness: mark.liveness, fields, log: mark.log });
    }
    Ok(Look { agents, landings: cursor.landings.clone(), listing: now.listing.clone() })
}

/// The state of an agent after an earlier event. Where that cannot be read any more, nothing is known: everything counts as changed.
fn fields_at(
    repo: &Repo,
    private: &PrivateDir,
    id: &AgentId,
    tip: Oid,
    writer: Option<&str>,
) -> Map<String, Value> {
    let Ok(chain) = Chain::read(repo, &[tip]) else { return Map::new() };
    let agent = AgentObject::new(repo, private, id, Observed::once(private, id, chain.fold().agent, writer));
    fields(&agent).unwrap_or_default()
}
