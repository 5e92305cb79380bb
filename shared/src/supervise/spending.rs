//! What agents use of money and tokens, measured over the events of this clone, and how often the caps on it were raised.
//!
//! The raises of the caps of a run and of a day are in files, because all agents of this clone share them; they are never synced, as
//! those caps are on this clone only.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Kind, Result,
    agents::StreamSummary,
    error::ErrorContext,
    git::{Oid, Repo, careful},
    lock::Lock,
    model::{
        Agent, AgentId, Caps, Event, IdOrText, Price, RunId,
        cap::{Amounts, CapScope, CapUnit, Raises, Scopes},
        event::Usage,
        fold,
    },
    private_files,
    store::{
        Chain, Listing,
        archive::{self, Archived},
        layout::PrivateDir,
        lineage,
        list::ListRow,
    },
    supervise::program_output,
};

/// How long to wait for another process that raises a cap.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// The beginning of the files with the raises of a day.
const OF_DAY: &str = "day-";
/// The longest id of a run in the name of a file.
const MAX_RUN: usize = 64;

/// The caps of an agent, and what is needed to judge them, as they were when it was started.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Rules {
    /// The caps.
    pub caps: Caps,
    /// Those of the agent that were typed; the others are read from git config again when it is resumed.
    pub typed: Amounts,
    /// How often those of the agent were raised.
    pub raises: Raises,
    /// How often those of the roles of its team were raised, by their places.
    pub role_raises: BTreeMap<usize, Raises>,
    /// The prices of models, by their names in the keys, in lower case.
    pub prices: BTreeMap<String, Price>,
    /// The run of the agent.
    pub run: RunId,
    /// The agent that started it, whose cap counts what this one uses, also after that agent ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<AgentId>,
}

impl Rules {
    /// Returns the price of a model.
    pub fn price(&self, model: Option<&str>) -> Option<Price> {
        self.prices.get(&Price::key_of(model?).to_ascii_lowercase()).copied()
    }
}

/// Returns what a session used so far: `known` before this attempt, by the events. A program that does not report costs is priced, as
/// far as its model has a price. Pure.
pub fn session_now(known: &Usage, summary: &StreamSummary, price: Option<Price>) -> Usage {
    let (usage, live) = (&summary.usage, &summary.live);
    let tokens = |known: Option<u64>, reported: Option<u64>, live: u64| {
        let sure = known.max(reported);
        Some(sure.unwrap_or(0).saturating_add(live)).filter(|_| sure.is_some() || live > 0)
    };
    let more = |known: Option<u64>, now: Option<u64>| now.unwrap_or(0).saturating_sub(known.unwrap_or(0));
    let live_cost = live.cost.or_else(|| price.map(|price| price.of_tokens(live.tokens)));
    let cost = if summary.reports_cost {
        known.cost.max(usage.cost).map(|cost| cost.saturating_add(live_cost.unwrap_or_default()))
    } else if live.cost.is_some() {
        Some(known.cost.unwrap_or_default().saturating_add(live_cost.unwrap_or_default()))
    } else if let Some(price) = price {
        let sure = price
            .of(more(known.input_tokens, usage.input_tokens), more(known.output_tokens, usage.output_tokens));
        let new = sure.saturating_add(live_cost.unwrap_or_default());
        Some(known.cost.unwrap_or_default().saturating_add(new))
            .filter(|cost| known.cost.is_some() || cost.micros() > 0)
            .max(usage.cost)
    } else {
        known.cost.max(usage.cost)
    };
    Usage {
        cost,
        input_tokens: tokens(known.input_tokens, usage.input_tokens, live.tokens.all_input()),
        output_tokens: tokens(known.output_tokens, usage.output_tokens, live.tokens.output),
        ..usage.clone()
    }
}

/// Returns the amounts that a use consists of.
pub fn amounts(used: &Usage) -> Amounts {
    Amounts::used(used.cost, used.input_tokens, used.output_tokens)
}

/// Returns what an agent used by its events.
pub fn of_agent(agent: &Agent) -> Amounts {
    Amounts::used(agent.cost, agent.input_tokens, agent.output_tokens)
}

/// Returns what the role of the agent's team used by its events that works or worked last.
pub fn of_role(agent: &Agent) -> Amounts {
    let used = agent.team.as_ref().map(|team| team.used_by(team.place())).unwrap_or_default();
    Amounts::used(used.cost, used.input_tokens, used.output_tokens)
}

/// Returns what the agent of these events used before a moment.
pub fn used_before(events: &[Event], moment: Timestamp) -> Amounts {
    of_agent(&fold::fold(events.iter().filter(|event| event.at < moment)).agent)
}

/// Returns the day of a moment.
pub fn day_of(now: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(now).date()
}

/// Returns when a day begins; the moment itself, if the time zone does not know.
pub fn begin_of(day: Date, zone: &TimeZone, now: Timestamp) -> Timestamp {
    day.to_zoned(zone.clone()).map_or(now, |begin| begin.timestamp())
}

/// What a sum is over.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// The agent that is left out, because its own supervisor knows better.
    pub except: Option<&'a AgentId>,
    /// The run.
    pub run: &'a RunId,
    /// When the day began.
    pub midnight: Timestamp,
}

/// Adds up what the agents of this clone used, in a run and since a moment; and for an agent what those below it used, which it started
/// directly or indirectly. Of agents that are archived, those of that day are counted.
/// The cost is that of a list of all agents, and of the events of those that were older and used something since.
///
/// # Errors
/// The refs cannot be read.
pub fn of_clone(repo: &Repo, measured: &Measured<'_>) -> Result<Scopes<Amounts>> {
    let private = PrivateDir::new(repo.private_dir()?);
    let listing = Listing::read(repo)?;
    let Some(own) = listing.writer.clone() else { return Ok(Scopes::default()) };
    let mut sum = Scopes::<Amounts>::default();
    let below = measured.except.map(|id| lineage::below(&listing, id)).unwrap_or_default();
    for row in &listing.rows {
        if measured.except == Some(&row.id) || listing.trailer(row, "Writer") != Some(own.as_str()) {
            continue;
        }
        let is_below = below.contains(&row.id);
        if !is_below && !concerns(&listing, row, measured) {
            continue;
        }
        let Ok(agent) = listing.agent(repo, row) else { continue };
        let total = total(&private, &row.id, &agent);
        if is_below {
            sum.agent = sum.agent.plus(total);
        }
        add(repo, &mut sum, measured, row.tip, &agent, total);
    }
    for Archived { id, tip, .. } in archive::since(repo, measured.midnight.as_second())? {
        if measured.except == Some(&id) || listing.row(&id).is_some() {
            continue;
        }
        let Ok(chain) = Chain::read(repo, &[tip]) else { continue };
        let agent = chain.fold().agent;
        if agent.writer == own {
            let parent = agent.parent.as_ref().and_then(IdOrText::id);
            if parent.is_some_and(|parent| measured.except == Some(parent) || below.contains(parent)) {
                sum.agent = sum.agent.plus(of_agent(&agent));
            }
            add(repo, &mut sum, measured, tip, &agent, of_agent(&agent));
        }
    }
    Ok(sum)
}

/// Returns what an agent used so far, by its events and by what its program says while it runs.
pub fn total(private: &PrivateDir, id: &AgentId, agent: &Agent) -> Amounts {
    let live = if agent.phase.is_at_rest() { None } else { program_output::summary(&private.agent(id)) };
    live.map_or_else(Amounts::default, |summary| summary.total).max(of_agent(agent))
}

/// Returns whether an agent of this clone may count: it is of the run, or something happened to it since the moment, or still may.
fn concerns(listing: &Listing, row: &ListRow, measured: &Measured<'_>) -> bool {
    let is_of_run = listing.trailer(row, "Run") == Some(measured.run.as_str()) && !measured.run.is_empty();
    let told = || listing.trailer(row, "Told").and_then(|told| told.parse::<Timestamp>().ok());
    is_of_run || !row.entry.header.phase.is_at_rest() || told().is_none_or(|told| told >= measured.midnight)
}

fn add(
    repo: &Repo,
    sum: &mut Scopes<Amounts>,
    measured: &Measured<'_>,
    tip: Oid,
    agent: &Agent,
    total: Amounts,
) {
    if agent.run == *measured.run && !measured.run.is_empty() {
        sum.run = sum.run.plus(total);
    }
    let is_open = !agent.phase.is_at_rest();
    if agent.told_at < measured.midnight && !is_open {
        return;
    }
    let before = if agent.queued_at >= measured.midnight {
        Amounts::default()
    } else {
        Chain::read(repo, &[tip]).map_or(total, |chain| used_before(&chain.events, measured.midnight))
    };
    sum.day = sum.day.plus(total.minus(before));
}

/// The raises of the caps that agents share.
#[derive(Clone, Debug)]
pub struct SharedRaises {
    folder: PathBuf,
    run: RunId,
    day: Date,
}

impl SharedRaises {
    /// Returns those of a run and of a day.
    pub fn new(private: &PrivateDir, run: &RunId, day: Date) -> Self {
        Self { folder: private.caps(), run: run.clone(), day }
    }

    /// Reads how often the caps were raised. What cannot be read was not raised.
    pub fn read(&self) -> Scopes<Raises> {
        let of = |scope| {
            let path = self.path(scope)?;
            serde_json::from_slice(&careful::read(path).ok()?).ok()
        };
        let [run, day] = [CapScope::Run, CapScope::Day].map(|scope| of(scope).unwrap_or_default());
        Scopes { run, day, ..Scopes::default() }
    }

    /// Raises a cap once more.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn raise(&self, scope: CapScope, unit: CapUnit) -> Result<()> {
        let path = self.path(scope).ok_or_else(|| Error::internal("this cap has no file"))?;
        let cannot = || format!("cannot write '{}'", path.display());
        private_files::create_dir(&self.folder).context(Kind::External, cannot)?;
        let _lock = Lock::require(&self.folder.join("lock"), LOCK_TIMEOUT)?;
        let known = self.read();
        let mut raises = if scope == CapScope::Run { known.run } else { known.day };
        raises.add(unit);
        let text = serde_json::to_vec(&raises).context(Kind::Internal, cannot)?;
        private_files::replace_durably(&path, text).context(Kind::External, cannot)?;
        self.forget_other_days();
        Ok(())
    }

    fn path(&self, scope: CapScope) -> Option<PathBuf> {
        let is_plain = |run: &str| {
            (1..=MAX_RUN).contains(&run.len()) && run.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let name = match scope {
            CapScope::Run if is_plain(&self.run) => format!("run-{}.json", &*self.run),
            CapScope::Day => format!("{OF_DAY}{}.json", self.day),
            _ => return None,
        };
        Some(self.folder.join(name))
    }

    fn forget_other_days(&self) {
        let today = self.path(CapScope::Day);
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let is_of_day = entry.file_name().to_string_lossy().starts_with(OF_DAY);
            if is_of_day && Some(entry.path()) != today {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests;
