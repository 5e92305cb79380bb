//! The calls that land work: the plan, and the landing itself, which may take long.

use orchestra::{
    Result,
    context::Context,
    git::Repo,
    ops::{
        merge_ranked::{self, Mode, OnConflict, OnFailure, Request, Strategy},
        notices, unasked, web,
    },
    wire,
    world::Environment,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    background,
    call::{Call, envelope},
};

/// What to land. The commands that build and test are those of the configuration: a page names none.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LandAsk {
    dry_run: bool,
    branches: Vec<String>,
    into: Option<String>,
    only: Vec<String>,
    priority: Vec<String>,
    approved: bool,
    strategy: Strategy,
    on_conflict: OnConflict,
    on_failure: OnFailure,
    repairs: u32,
    recheck: bool,
    batch: bool,
}

impl LandAsk {
    fn request(self) -> Request {
        let Self { dry_run, branches, into, only, priority, approved, .. } = self;
        let Self { strategy, on_conflict, on_failure, repairs, recheck, batch, .. } = self;
        let mode = if dry_run { Mode::DryRun } else { Mode::New };
        Request {
            mode,
            branches,
            into,
            only,
            priority,
            approved,
            strategy,
            on_conflict,
            on_failure,
            repairs,
            recheck,
            batch,
            ..Request::default()
        }
    }
}

/// Plans a landing, or begins one.
pub(crate) fn land(call: &Call<'_>) -> Result<Value> {
    let request = call.asked::<LandAsk>()?.request();
    if request.mode == Mode::DryRun {
        let repo = unasked::accepted(call.repo()?)?;
        return envelope(wire::MERGE_RANKED, &merge_ranked::run(&call.context, &repo, &request)?);
    }
    in_background(call, request)
}

/// Which unfinished landing is meant, if there are several.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnfinishedAsk {
    into: Option<String>,
}

pub(crate) fn resume(call: &Call<'_>) -> Result<Value> {
    let UnfinishedAsk { into } = call.asked()?;
    in_background(call, Request { mode: Mode::Continue, into, ..Request::default() })
}

pub(crate) fn abort(call: &Call<'_>) -> Result<Value> {
    let UnfinishedAsk { into } = call.asked()?;
    in_background(call, Request { mode: Mode::Abort, into, ..Request::default() })
}

fn in_background(call: &Call<'_>, request: Request) -> Result<Value> {
    let land = move |context: &Context, environment: &Environment| {
        let repo = unasked::accepted(Repo::discover(environment)?)?;
        let landed = merge_ranked::run(context, &repo, &request);
        // Who began it may have put the phone away.
        match &landed {
            Ok(report) => notices::landing_ended(&repo, report),
            Err(error) => notices::landing_refused(&repo, error),
        }
        envelope(wire::MERGE_RANKED, &landed?)
    };
    background::run(call, "landing", Box::new(land))
}

/// Lists the landings that have not ended: they run, or were interrupted and wait to be continued or aborted.
pub(crate) fn unfinished(call: &Call<'_>) -> Result<Value> {
    let landings = web::landings(&call.repo()?)?;
    Ok(json!({"version": 1, "kind": "landings", "landings": landings}))
}
