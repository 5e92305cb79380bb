//! The calls that change something. The server offers them only with --write, and the guard asks for that.

use orchestra::{
    Result,
    ops::{decide, inbox, pause, resume, send, spawn, status, stop, unasked},
    wire,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    call::{Call, envelope},
    work::EmptyAsk,
};

/// Tasks to start agents for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpawnAsk {
    tasks: Vec<String>,
    #[serde(default)]
    profile: Option<String>,
    #[serde(default)]
    team: Option<String>,
}

impl SpawnAsk {
    fn request(self) -> spawn::Request {
        let Self { tasks, profile, team } = self;
        spawn::Request { tasks, agents: profile.into_iter().collect(), team, ..spawn::Request::default() }
    }
}

pub(crate) fn spawn(call: &Call<'_>) -> Result<Value> {
    let asked: SpawnAsk = call.asked()?;
    let repo = unasked::accepted(call.repo()?)?;
    let started = unasked::spawn(&call.context, &repo, &asked.request())?;
    let agents = started.agents.iter().map(|agent| agent.id.to_string()).collect();
    let request = status::Request { agents, ..status::Request::default() };
    envelope(wire::SPAWN, &status::run(&call.context, &repo, &request)?)
}

/// A message to an agent.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendAsk {
    text: String,
}

pub(crate) fn send(call: &Call<'_>) -> Result<Value> {
    let asked: SendAsk = call.asked()?;
    deliver(call, send::Request { text: Some(asked.text), ..send::Request::default() })
}

/// An answer. The question is named, so that a page that shows an older one answers nothing else.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerAsk {
    question: String,
    #[serde(default)]
    allow: Option<bool>,
    #[serde(default)]
    always: bool,
    #[serde(default)]
    text: Option<String>,
}

pub(crate) fn answer(call: &Call<'_>) -> Result<Value> {
    let asked: AnswerAsk = call.asked()?;
    let request = send::Request {
        text: asked.text,
        allow: asked.allow,
        always: asked.always,
        question: Some(asked.question),
        ..send::Request::default()
    };
    deliver(call, request)
}

fn deliver(call: &Call<'_>, request: send::Request) -> Result<Value> {
    let request = send::Request { agents: vec![call.agent()], ..request };
    let report = send::run(&call.context, &call.repo()?, &request)?;
    envelope(wire::SEND, &report.into())
}

/// What is stopped or paused beside the agent, and why.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StopAsk {
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    children: bool,
}

impl StopAsk {
    fn request(self, call: &Call<'_>) -> stop::Request {
        let Self { reason, children } = self;
        stop::Request { agents: vec![call.agent()], children, reason, ..stop::Request::default() }
    }
}

pub(crate) fn stop(call: &Call<'_>) -> Result<Value> {
    let request = call.asked::<StopAsk>()?.request(call);
    envelope(wire::STOP, &stop::run(&call.context, &call.repo()?, &request)?)
}

pub(crate) fn pause(call: &Call<'_>) -> Result<Value> {
    let request = call.asked::<StopAsk>()?.request(call);
    envelope(wire::PAUSE, &pause::run(&call.context, &call.repo()?, &request)?)
}

pub(crate) fn resume(call: &Call<'_>) -> Result<Value> {
    let EmptyAsk {} = call.asked()?;
    let repo = unasked::accepted(call.repo()?)?;
    let agents = vec![call.agent()];
    let request = resume::Request { agents: agents.clone(), ..resume::Request::default() };
    resume::run(&call.context, &repo, &request)?;
    let request = status::Request { agents, ..status::Request::default() };
    envelope(wire::RESUME, &status::run(&call.context, &repo, &request)?)
}

/// An answer at the gate of a run.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecideAsk {
    run: String,
    gate: u64,
    option: String,
    #[serde(default)]
    note: Option<String>,
}

pub(crate) fn decide(call: &Call<'_>) -> Result<Value> {
    let DecideAsk { run, gate, option, note } = call.asked()?;
    let request = decide::Request {
        run: Some(run),
        gate: Some(gate),
        option: Some(option),
        note,
        ..decide::Request::default()
    };
    envelope(wire::DECIDE, &decide::run(&call.context, &call.repo()?, &request)?)
}

/// Messages, by the first digits of their ids.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadAsk {
    messages: Vec<String>,
}

pub(crate) fn mark_read(call: &Call<'_>) -> Result<Value> {
    let ReadAsk { messages } = call.asked()?;
    let request = inbox::ReadRequest { messages, ..inbox::ReadRequest::default() };
    envelope(wire::INBOX_READ, &inbox::read(&call.context, &call.repo()?, &request)?)
}
