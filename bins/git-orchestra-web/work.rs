//! The calls about the work of agents: reviews, comparisons, saving, tags, cleanup and undo.

use std::{collections::BTreeMap, time::Duration};

use orchestra::{
    Result,
    model::{
        Tag,
        verdict::{Comment, Verdict},
    },
    ops::{
        cleanup, collect, compare, inbox,
        review::{self, GivenVerdict},
        spec::{self, SaveRequest},
        tag, unasked, undo,
    },
    wire,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::call::{Call, envelope};

pub(crate) fn awaiting(call: &Call<'_>) -> Result<Value> {
    envelope(wire::REVIEW, &review::list(&call.repo()?)?)
}

pub(crate) fn reviewed(call: &Call<'_>) -> Result<Value> {
    give(call, None)
}

/// A verdict on the work that the page showed, from its base to its head. A verdict on anything else is refused.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReviewAsk {
    verdict: Verdict,
    base: String,
    head: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    comments: Vec<Comment>,
    #[serde(default)]
    keep: bool,
}

pub(crate) fn review(call: &Call<'_>) -> Result<Value> {
    let ReviewAsk { verdict, base, head, text, comments, keep } = call.asked()?;
    give(
        call,
        Some(GivenVerdict {
            verdict,
            text,
            comments,
            base: Some(base),
            head: Some(head),
            keep,
            operation: None,
        }),
    )
}

fn give(call: &Call<'_>, give: Option<GivenVerdict>) -> Result<Value> {
    let repo = unasked::accepted(call.repo()?)?;
    let request = review::Request { agent: Some(call.agent()), give };
    envelope(wire::REVIEW, &review::run(&call.context, &repo, &request)?)
}

pub(crate) fn compared(call: &Call<'_>) -> Result<Value> {
    let agents = call.parameters.get("agents").map(String::as_str).unwrap_or_default();
    let agents = agents.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    compare(call, &compare::Request { agents, ..compare::Request::default() })
}

/// The agent whose work is approved; that of the others is rejected. The heads are those that the page showed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PickAsk {
    agents: Vec<String>,
    pick: String,
    heads: BTreeMap<String, String>,
    #[serde(default)]
    reason: Option<String>,
}

pub(crate) fn pick(call: &Call<'_>) -> Result<Value> {
    let PickAsk { agents, pick, heads, reason } = call.asked()?;
    compare(call, &compare::Request { agents, pick: Some(pick), reason, heads: Some(heads) })
}

fn compare(call: &Call<'_>, request: &compare::Request) -> Result<Value> {
    let repo = unasked::accepted(call.repo()?)?;
    envelope(wire::COMPARE, &compare::run(&call.context, &repo, request)?)
}

/// The text of a spec. The version that it changes is named, so that what somebody saved meanwhile is merged, or kept beside it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpecAsk {
    text: String,
    /// The id of the version that was changed; a new spec has none.
    #[serde(default)]
    base: Option<String>,
    /// The designer that hears what changes, from now on.
    #[serde(default)]
    designer: Option<String>,
}

pub(crate) fn save_spec(call: &Call<'_>) -> Result<Value> {
    let SpecAsk { text, base, designer } = call.asked()?;
    let (name, new) = (Some(call.place()), base.is_none());
    let request = SaveRequest { name, new, text, base, designer, ..SaveRequest::default() };
    envelope(wire::SPEC_SAVE, &spec::save(&call.context, &call.repo()?, &request)?)
}

/// An object without fields.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmptyAsk {}

pub(crate) fn collect(call: &Call<'_>) -> Result<Value> {
    let EmptyAsk {} = call.asked()?;
    let request = collect::Request { agents: vec![call.agent()], bundle: None };
    envelope(wire::COLLECT, &collect::run(&call.context, &call.repo()?, &request)?)
}

/// Which tags an agent gets, and which it loses.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TagAsk {
    #[serde(default)]
    add: Vec<Tag>,
    #[serde(default)]
    remove: Vec<Tag>,
}

pub(crate) fn tag(call: &Call<'_>) -> Result<Value> {
    let TagAsk { add, remove } = call.asked()?;
    let request = tag::Request { agents: vec![call.agent()], add, remove };
    envelope(wire::TAG, &tag::run(&call.context, &call.repo()?, &request)?)
}

/// Which agents to remove. What only a worktree has is never deleted from here.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CleanupAsk {
    agents: Vec<String>,
    discard: Vec<String>,
    older_than_seconds: Option<u64>,
    into: Option<String>,
    dry_run: bool,
}

pub(crate) fn cleanup(call: &Call<'_>) -> Result<Value> {
    let CleanupAsk { agents, discard, older_than_seconds, into, dry_run } = call.asked()?;
    let older_than = older_than_seconds.map(Duration::from_secs);
    let request = cleanup::Request { agents, discard, older_than, into, force: false, dry_run };
    let repo = unasked::accepted(call.repo()?)?;
    envelope(wire::CLEANUP, &cleanup::run(&call.context, &repo, &request)?)
}

/// The operation to undo, by its id.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UndoAsk {
    operation: String,
    #[serde(default)]
    dry_run: bool,
}

pub(crate) fn undo(call: &Call<'_>) -> Result<Value> {
    let UndoAsk { operation, dry_run } = call.asked()?;
    let request = undo::Request { operation: Some(operation), dry_run };
    let repo = unasked::accepted(call.repo()?)?;
    envelope(wire::UNDO, &undo::run(&call.context, &repo, &request)?)
}

/// A reply to a message of an agent, by the first digits of its id.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplyAsk {
    message: String,
    text: String,
}

pub(crate) fn reply(call: &Call<'_>) -> Result<Value> {
    let ReplyAsk { message, text } = call.asked()?;
    let request = inbox::ReplyRequest { message, text };
    envelope(wire::INBOX_REPLY, &inbox::reply(&call.context, &call.repo()?, &request)?)
}
