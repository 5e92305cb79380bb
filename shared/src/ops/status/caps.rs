//! What was used of the caps that agents share, for the line below the table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    config::{
        Config, Key,
        keys::{MAX_DAY_COST, MAX_DAY_TOKENS, MAX_RUN_COST, MAX_RUN_TOKENS},
    },
    git::Repo,
    model::{
        Cost, RunId,
        cap::{Amounts, CapScope, Scopes},
        cost,
    },
    ops::agent_object::AgentObject,
    store::layout::PrivateDir,
    supervise::spending::{self, Measured, SharedRaises},
};

/// Maximum number of runs for which a cap is reported, the newest.
const MAX_RUNS: usize = 3;

/// A cap that agents share, and what they used of it.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct CapTotal {
    /// Whose use it limits: `run`, or `day`, for all agents of this clone today.
    pub scope: CapScope,
    /// The run, if it is the cap of one.
    pub run: Option<RunId>,
    /// The cap on money in US dollars, as far as it was raised.
    #[serde(with = "cost::in_dollars")]
    #[schemars(with = "Option<f64>")]
    pub limit_usd: Option<Cost>,
    /// What was used, in US dollars, as far as it is known.
    #[serde(with = "cost::in_dollars")]
    #[schemars(with = "Option<f64>")]
    pub used_usd: Option<Cost>,
    /// The cap on tokens, as far as it was raised.
    pub limit_tokens: Option<u64>,
    /// How many tokens were used.
    pub used_tokens: Option<u64>,
}

/// Returns the caps of the day and of the runs whose agents have not ended, as they are configured now.
///
/// # Errors
/// A value in git config is invalid (3), or the agents cannot be read.
pub(super) fn totals(repo: &Repo, agents: &[AgentObject]) -> Result<Vec<CapTotal>> {
    let config = Config::of(repo);
    let of = |cost: &Key<Option<Cost>>, tokens: &Key<Option<u64>>| -> Result<Amounts> {
        Ok(Amounts { cost: config.get(cost)?, tokens: config.get(tokens)? })
    };
    let caps: Scopes<Amounts> = Scopes {
        run: of(&MAX_RUN_COST, &MAX_RUN_TOKENS)?,
        day: of(&MAX_DAY_COST, &MAX_DAY_TOKENS)?,
        ..Scopes::default()
    };
    if caps.has_no_common() {
        return Ok(Vec::new());
    }
    let (now, zone) = (repo.now(), repo.environment().time_zone());
    let day = spending::day_of(now, &zone);
    let midnight = spending::begin_of(day, &zone, now);
    let private = PrivateDir::new(repo.private_dir()?);
    let open = agents.iter().rev().filter(|agent| !agent.phase.is_terminal()).map(|agent| &agent.run);
    let mut runs: Vec<RunId> = Vec::new();
    for run in open {
        if runs.len() < MAX_RUNS && !caps.run.is_empty() && !runs.contains(run) {
            runs.push(run.clone());
        }
    }
    let none = RunId::default();
    let mut totals = Vec::new();
    for (at, run) in [&none].into_iter().chain(&runs).enumerate() {
        let sum = spending::of_clone(repo, &Measured { except: None, run, midnight })?;
        let raises = SharedRaises::new(&private, run, day).read();
        let limits = caps.raised(&raises);
        if at == 0 && !caps.day.is_empty() {
            totals.push(total(CapScope::Day, None, limits.day, sum.day));
        } else if at > 0 {
            totals.push(total(CapScope::Run, Some(run.clone()), limits.run, sum.run));
        }
    }
    Ok(totals)
}

fn total(scope: CapScope, run: Option<RunId>, limit: Amounts, used: Amounts) -> CapTotal {
    CapTotal {
        scope,
        run,
        limit_usd: limit.cost,
        used_usd: used.cost.or(limit.cost.map(|_| Cost::default())),
        limit_tokens: limit.tokens,
        used_tokens: used.tokens.or(limit.tokens.map(|_| 0)),
    }
}
