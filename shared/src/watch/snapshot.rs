//! Reads everything that a watcher shows, and the part of it that is compared with an earlier look.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::Path,
    time::Instant,
};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    change::{Change, Departure, LookSource, Observation, ObservedAgent, changes_between},
    cursor::{AgentCursor, Cursor},
    fields::Fields,
    folders::{self, WatchedFolder},
};
use crate::{
    Kind, Result,
    context::Limits,
    error::ErrorContext,
    git::{Oid, Repo},
    landing::open_landings::{self, OpenLanding},
    model::{AgentId, Liveness},
    ops::{
        agent_object::AgentObject,
        status::{self, OpenRun, Report, Request, Reread, Standing},
    },
    store::{
        Chain, archive,
        layout::{self, PrivateDir},
        operations::Operation,
        writer,
    },
    supervise::liveness::Observed,
};

/// JSON fields of an agent that cannot be derived from its events, although their aspects can.
const MACHINE_FIELDS: [&str; 3] = ["dirty", "shortage", "surroundings"];

/// For more agents than this, everything is read: that costs no more.
const MAX_MOVED: usize = 16;

/// What a watcher reads.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The agents. Prefixes of ids are resolved at the first look and keep their meaning.
    pub agents: Request,
    /// Whether to read landings as well.
    pub landing: bool,
    /// Whether to read the runs of plans as well.
    pub runs: bool,
}

/// Everything in view, as it was at one look.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Snapshot {
    /// The agents, as `status` reports them.
    pub status: Report,
    /// The size of the output of each agent that has not ended, by id.
    pub logs: BTreeMap<AgentId, LogEnd>,
    /// The landings that are running or were interrupted, newest first; empty unless the filter asks for them.
    pub landings: Vec<UnfinishedLanding>,
    /// The runs of plans that have not ended, oldest first, with their gates; empty unless the filter asks for them.
    pub runs: Vec<OpenRun>,
}

impl Snapshot {
    /// Returns the agent with this id, if it is in view.
    pub fn agent(&self, id: &AgentId) -> Option<&AgentObject> {
        self.status.agents.iter().find(|agent| agent.id == *id)
    }
}

/// The current end of an agent's output.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct LogEnd {
    /// The attempt that prints, or printed last.
    pub attempt: u32,
    /// The size of its output, in bytes.
    pub bytes: u64,
}

/// A landing that is running or was interrupted.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct UnfinishedLanding {
    /// The id of its operation.
    pub operation: String,
    /// When it began, as an RFC 3339 timestamp.
    pub began_at: String,
    /// Its progress, in words.
    pub summary: String,
}

/// Reads the repository, and keeps what does not need to be read at every look.
#[derive(Debug)]
pub(super) struct SnapshotReader {
    filter: Filter,
    is_pinned: bool,
    operations: Option<KnownOperations>,
    /// What decided which agents the last look showed; `None` if each look has to read everything.
    standing: Option<Standing>,
    /// The newest commits of the logs of runs that have ended.
    ended_runs: HashSet<Oid>,
    /// The number of uncommitted files of each agent, and when they were counted last.
    dirty: HashMap<AgentId, (usize, Timestamp)>,
}

/// The operations of this clone, as they were at the last look.
#[derive(Debug)]
struct KnownOperations {
    refs: Vec<(String, Oid)>,
    /// The unfinished landings, each with the newest commit of its operation.
    landings: Vec<(Oid, UnfinishedLanding)>,
}

/// The result of one look.
pub(super) struct ReadResult {
    pub(super) snapshot: Snapshot,
    pub(super) look: Observation,
    pub(super) folders: Vec<WatchedFolder>,
    /// When the measurement of uncommitted work began and ended, and whether its result changed; `None` if it was not measured.
    pub(super) measured: Option<(Instant, Instant, bool)>,
}

impl SnapshotReader {
    pub(super) fn new(filter: Filter) -> Self {
        Self {
            filter,
            is_pinned: false,
            operations: None,
            standing: None,
            ended_runs: HashSet::new(),
            dirty: HashMap::new(),
        }
    }

    /// Returns whether the filter asks for uncommitted work.
    pub(super) const fn measures(&self) -> bool {
        self.filter.agents.dirt
    }

    /// Reads everything; uncommitted work only if `measure` is set, otherwise its last known number is used.
    pub(super) fn read(&mut self, repo: &Repo, measure: bool) -> Result<ReadResult> {
        let begun = Instant::now();
        let measure = measure && self.measures();
        let request = Request { dirt: measure, ..self.filter.agents.clone() };
        self.standing = None;
        let (mut status, tips, standing) =
            status::run_with_standing(repo, &request, Limits::default().counting)?;
        self.standing = standing;
        if !self.is_pinned && !request.agents.is_empty() {
            self.filter.agents.agents = status.agents.iter().map(|agent| agent.id.to_string()).collect();
            self.is_pinned = true;
        }
        let measured = measure.then(|| (begun, Instant::now(), self.store_dirty_counts(&status)));
        self.fill_in_dirty_counts(&mut status.agents);
        let (common, private) = (repo.common_dir()?, PrivateDir::new(repo.private_dir()?));
        let mut logs = BTreeMap::new();
        let seen = observed(&private, &status.agents, &tips, &mut logs)?;
        let landings = self.landings(repo)?;
        let runs = self.runs(repo, &status)?;
        let tips = landings.iter().map(|(tip, _)| *tip).collect();
        let (listing, seen_runs) = (listing(&status), serde_json::json!(runs));
        let look = Observation { agents: seen, landings: tips, runs: seen_runs, listing };
        let folders = folders_of(&common, &private, &status);
        let landings = landings.into_iter().map(|(_, landing)| landing).collect();
        let snapshot = Snapshot { status, logs, landings, runs };
        Ok(ReadResult { snapshot, look, folders, measured })
    }

    /// Reads only the agents whose refs moved, as after a look at everything, and brings the last look up to date. Returns the changes, and
    /// the folders to watch; `None` if everything has to be read.
    pub(super) fn read_moved(
        &mut self,
        repo: &Repo,
        moved: &BTreeSet<AgentId>,
        (snapshot, look): (&mut Snapshot, &mut Observation),
    ) -> Result<Option<(Vec<Change>, Vec<WatchedFolder>)>> {
        // What is wrong with an agent, and where it is listed, only a look at everything tells.
        let is_unreadable = |id: &AgentId| snapshot.status.unreadable.iter().any(|one| one.id == id.as_str());
        let Some(mut standing) = self.standing.take() else { return Ok(None) };
        if moved.len() > MAX_MOVED || moved.iter().any(is_unreadable) {
            return Ok(None);
        }
        let Some(reread) = standing.reread(repo, &self.filter.agents, moved)? else { return Ok(None) };
        let Reread { mut agents, tips, left, hidden } = reread;
        if agents.iter().any(|agent| is_unreadable(&agent.id)) {
            return Ok(None);
        }
        self.fill_in_dirty_counts(&mut agents);
        let (common, private) = (repo.common_dir()?, PrivateDir::new(repo.private_dir()?));
        let mut logs = BTreeMap::new();
        let seen = observed(&private, &agents, &tips, &mut logs)?;
        // From here on, nothing fails.
        let gone: BTreeSet<AgentId> = seen.keys().cloned().chain(left).collect();
        let taken = gone.iter().filter_map(|id| look.agents.remove_entry(id)).collect();
        let (listed, runs) = (look.listing.take(), look.runs.take());
        let before = Observation { agents: taken, landings: Vec::new(), runs, listing: listed };
        let status = &mut snapshot.status;
        status.hidden = hidden;
        status.agents.retain(|agent| !gone.contains(&agent.id));
        status.agents.append(&mut agents);
        status.agents = status::in_order(std::mem::take(&mut status.agents));
        snapshot.logs.retain(|id, _| !gone.contains(id));
        snapshot.logs.append(&mut logs);
        // A run says which of its agents wait. If its log cannot be read, the next look at everything says so.
        if let Ok(runs) = self.runs(repo, status) {
            snapshot.runs = runs;
        }
        let runs = serde_json::json!(snapshot.runs);
        let mut now = Observation { agents: seen, landings: Vec::new(), runs, listing: listing(status) };
        let changes = changes_between(&before, &now, LookSource::Observed, |id| departure(repo, id));
        look.agents.append(&mut now.agents);
        (look.listing, look.runs) = (now.listing, now.runs);
        self.standing = Some(standing);
        Ok(Some((changes, folders_of(&common, &private, status))))
    }

    /// Fills in the last known numbers of uncommitted files, where they were not counted.
    fn fill_in_dirty_counts(&self, agents: &mut [AgentObject]) {
        for agent in agents.iter_mut().filter(|agent| agent.liveness == Liveness::Live) {
            if let (None, Some((count, at))) = (agent.dirty, self.dirty.get(&agent.id)) {
                (agent.dirty, agent.dirty_at) = (Some(*count), Some(*at));
            }
        }
    }

    /// Stores the numbers of uncommitted files, and returns whether any of them changed.
    fn store_dirty_counts(&mut self, status: &Report) -> bool {
        let count = |agent: &AgentObject| Some((agent.id.clone(), (agent.dirty?, agent.dirty_at?)));
        let now: HashMap<AgentId, (usize, Timestamp)> = status.agents.iter().filter_map(count).collect();
        let is_known = |(id, (count, _)): (&AgentId, &(usize, Timestamp))| {
            self.dirty.get(id).is_some_and(|(known, _)| known == count)
        };
        let changed = now.len() != self.dirty.len() || !now.iter().all(is_known);
        self.dirty = now;
        changed
    }

    /// Returns the runs that have not ended.
    fn runs(&mut self, repo: &Repo, status: &Report) -> Result<Vec<OpenRun>> {
        if !self.filter.runs {
            return Ok(Vec::new());
        }
        status::open_runs_besides(repo, &status.agents, &mut self.ended_runs)
    }

    /// Returns the unfinished landings. Operations are read again only after one of their refs changed.
    fn landings(&mut self, repo: &Repo) -> Result<Vec<(Oid, UnfinishedLanding)>> {
        if !self.filter.landing {
            return Ok(Vec::new());
        }
        let refs = repo.refs_below(layout::OPERATIONS)?;
        if self.operations.as_ref().is_none_or(|known| known.refs != refs) {
            let with_tip = |open: OpenLanding| {
                let Operation { id, at, summary, .. } = open.operation;
                let name = layout::operation_ref(&id);
                let tip = refs.iter().find(|(known, _)| *known == name)?.1;
                Some((tip, UnfinishedLanding { operation: id, began_at: at, summary }))
            };
            let landings = open_landings::all(repo)?.into_iter().filter_map(with_tip).collect();
            self.operations = Some(KnownOperations { refs, landings });
        }
        Ok(self.operations.as_ref().map(|known| known.landings.clone()).unwrap_or_default())
    }
}

/// Returns what is compared of agents, and adds the size of their output to `logs`.
fn observed(
    private: &PrivateDir,
    agents: &[AgentObject],
    tips: &HashMap<AgentId, Oid>,
    logs: &mut BTreeMap<AgentId, LogEnd>,
) -> Result<BTreeMap<AgentId, ObservedAgent>> {
    let mut seen = BTreeMap::new();
    for agent in agents {
        let is_live = agent.liveness == Liveness::Live;
        let log = if is_live { log_end(private, &agent.id, agent.attempt) } else { None };
        logs.extend(log.map(|log| (agent.id.clone(), log)));
        let log = log.map(|log| (log.attempt, log.bytes));
        let (tip, fields) = (tips.get(&agent.id).copied(), Fields::of(json_fields(agent)?));
        seen.insert(agent.id.clone(), ObservedAgent { tip, liveness: agent.liveness, fields, log });
    }
    Ok(seen)
}

/// Returns what is compared of a report besides its agents.
fn listing(status: &Report) -> Value {
    serde_json::json!({ "hidden": status.hidden, "unreadable": status.unreadable })
}

/// Returns the folders to watch.
fn folders_of(common: &Path, private: &PrivateDir, status: &Report) -> Vec<WatchedFolder> {
    let open = status.agents.iter().filter(|agent| agent.liveness == Liveness::Live);
    folders::all(common, private, open.map(|agent| (agent.id.clone(), agent.branch.as_str())))
}

/// Returns what is compared of an agent: all of its fields but the time of its last count, which says nothing about the agent, and
/// its memory, which is another at every look.
fn json_fields(agent: &AgentObject) -> Result<Map<String, Value>> {
    match serde_json::to_value(agent).context(Kind::Internal, || "cannot compare an agent".to_owned())? {
        Value::Object(mut fields) => {
            fields.remove("dirty_at");
            fields.remove("memory_bytes");
            Ok(fields)
        }
        _ => Ok(Map::new()),
    }
}

/// Returns the size of an attempt's output so far.
fn log_end(private: &PrivateDir, id: &AgentId, attempt: u32) -> Option<LogEnd> {
    let bytes = private.agent(id).output(attempt).metadata().ok()?.len();
    Some(LogEnd { attempt, bytes })
}

/// Returns why an agent is no longer in view.
pub(super) fn departure(repo: &Repo, id: &AgentId) -> Departure {
    if matches!(repo.find_ref(&layout::agent_ref(id)), Ok(Some(_))) {
        return Departure::Hidden;
    }
    let is_archived = archive::all(repo).is_ok_and(|(all, _)| all.contains_key(id));
    if is_archived { Departure::Archived } else { Departure::Removed }
}

/// Returns the cursor of a reader that has seen this look.
pub(super) fn cursor(look: &Observation) -> Cursor {
    let mark =
        |seen: &ObservedAgent| Some(AgentCursor { tip: seen.tip?, liveness: seen.liveness, log: seen.log });
    let agents = look.agents.iter().filter_map(|(id, seen)| Some((id.clone(), mark(seen)?))).collect();
    Cursor { agents, landings: look.landings.clone() }
}

/// Returns the look at which a reader stopped, as far as it can be derived from the events before `cursor`.
pub(super) fn observation_at_cursor(repo: &Repo, cursor: &Cursor, now: &Observation) -> Result<Observation> {
    let private = PrivateDir::new(repo.private_dir()?);
    let writer = writer::known_writer(repo);
    let mut agents = BTreeMap::new();
    for (id, mark) in &cursor.agents {
        let present = now.agents.get(id);
        let fields = match present {
            Some(present) if present.tip != Some(mark.tip) => {
                let mut fields = fields_at(repo, &private, id, mark.tip, writer.as_deref());
                let known = present.fields.map();
                for name in MACHINE_FIELDS {
                    fields.extend(known.get(name).map(|value| (name.to_owned(), value.clone())));
                }
                Fields::of(fields)
            }
            Some(present) => present.fields.clone(),
            None => Fields::default(),
        };
        agents.insert(
            id.clone(),
            ObservedAgent { tip: Some(mark.tip), liveness: mark.liveness, fields, log: mark.log },
        );
    }
    let (landings, runs, listing) = (cursor.landings.clone(), now.runs.clone(), now.listing.clone());
    Ok(Observation { agents, landings, runs, listing })
}

/// Returns the state of an agent at an earlier tip. If it can no longer be read, the result is empty, and everything counts as changed.
fn fields_at(
    repo: &Repo,
    private: &PrivateDir,
    id: &AgentId,
    tip: Oid,
    writer: Option<&str>,
) -> Map<String, Value> {
    let Ok(chain) = Chain::read(repo, &[tip]) else { return Map::new() };
    let agent = AgentObject::new(repo, private, id, Observed::once(private, id, chain.fold().agent, writer));
    json_fields(&agent).unwrap_or_default()
}
