//! The calls about plans and runs. A run takes long, and continues until it needs a person.

use orchestra::{
    Result,
    context::Context,
    git::Repo,
    ops::{
        configuration::AcceptedRepo,
        plan,
        run::{self, Request},
        unasked,
    },
    wire,
    world::Environment,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    background,
    call::{Call, envelope},
    work::EmptyAsk,
};

/// The text of a list of tasks.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanAsk {
    text: String,
}

pub(crate) fn plan(call: &Call<'_>) -> Result<Value> {
    let PlanAsk { text } = call.asked()?;
    envelope(wire::PLAN, &plan::run(&call.context, &plan::Request { text, ..plan::Request::default() })?)
}

/// A plan to carry out. The check is that of the configuration: a page names none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunAsk {
    plan: String,
    #[serde(default)]
    tasks: Vec<String>,
    #[serde(default)]
    into: Option<String>,
    #[serde(default)]
    agent: Option<String>,
    #[serde(default)]
    jobs: Option<u32>,
    #[serde(default)]
    sequential: bool,
    #[serde(default)]
    confirm: bool,
    #[serde(default)]
    strict: bool,
    #[serde(default)]
    again: bool,
    #[serde(default)]
    with_review: Option<String>,
    #[serde(default)]
    pr: bool,
    #[serde(default)]
    dry_run: bool,
}

pub(crate) fn begin(call: &Call<'_>) -> Result<Value> {
    let asked: RunAsk = call.asked()?;
    let request = Request {
        plan: Some(asked.plan),
        tasks: asked.tasks,
        into: asked.into,
        agent: asked.agent,
        jobs: asked.jobs,
        sequential: asked.sequential,
        confirm: asked.confirm,
        strict: asked.strict,
        again: asked.again,
        with_review: asked.with_review,
        pr: asked.pr,
        dry_run: asked.dry_run,
        ..Request::default()
    };
    if request.dry_run {
        let repo = unasked::accepted(call.repo()?)?;
        return envelope(wire::RUN, &run::run(&call.context, &repo, &request, &|_| {})?);
    }
    in_background(call, request)
}

pub(crate) fn resume(call: &Call<'_>) -> Result<Value> {
    let EmptyAsk {} = call.asked()?;
    in_background(call, Request { resume: Some(call.place()), ..Request::default() })
}

pub(crate) fn abort(call: &Call<'_>) -> Result<Value> {
    let EmptyAsk {} = call.asked()?;
    in_background(call, Request { abort: Some(call.place()), ..Request::default() })
}

/// Begins something that a run does.
pub(crate) fn in_background(call: &Call<'_>, request: Request) -> Result<Value> {
    let carry_out = move |context: &Context, environment: &Environment| {
        let repo = Repo::discover(environment)?;
        let repo = match request.abort {
            Some(_) => AcceptedRepo::only_to_end(repo),
            None => unasked::accepted(repo)?,
        };
        envelope(wire::RUN, &run::run(context, &repo, &request, &|_| {})?)
    };
    background::run(call, "run", Box::new(carry_out))
}
