//! The frames of the stream: what changed, and not everything again.

use orchestra::{
    model::{Liveness, text},
    ops::{agent_object::AgentObject, status::Report, web::make_visible},
    watch::{Change, Snapshot},
};
use serde::Serialize;
use serde_json::{Value, json};

/// The most agents in a `reset`; the rest is asked for.
const MAX_AGENTS: usize = 100;
/// The widest title in a frame, in columns.
const TITLE: usize = 120;

/// One frame, before it has a number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    /// The word after `event:`.
    pub(crate) event: &'static str,
    /// What is after `data:`.
    pub(crate) data: Value,
}

impl Frame {
    fn new(event: &'static str, mut data: Value) -> Self {
        make_visible(&mut data);
        Self { event, data }
    }

    /// Returns it as it is sent. A number is never sent twice.
    pub(crate) fn text(&self, number: u64) -> String {
        // JSON has no line break, so that the frame ends where we say.
        format!("id: {number}\nevent: {}\ndata: {}\n\n", self.event, self.data)
    }
}

/// Returns the frame with everything: the counts, the agents that matter first, and the runs.
pub(crate) fn reset(report: &Report) -> Frame {
    let mut agents: Vec<&AgentObject> = report.agents.iter().collect();
    // Of many, those that wait and run stay; the order of the others is theirs.
    agents.sort_by_key(|agent| (agent.waiting.is_none(), agent.liveness != Liveness::Live));
    let more = agents.len().saturating_sub(MAX_AGENTS);
    agents.truncate(MAX_AGENTS);
    agents.sort_by_key(|agent| agent.queued_at);
    let agents: Vec<Value> = agents.into_iter().map(row).collect();
    Frame::new(
        "reset",
        json!({"counts": counts(report), "agents": agents, "more": more, "runs": value(&report.runs)}),
    )
}

/// Returns the frames of changes; `None` if everything may have changed.
pub(crate) fn of(changes: &[Change], seen: &Snapshot) -> Option<Vec<Frame>> {
    let mut frames = Vec::new();
    for change in changes {
        match change {
            Change::Reset => return None,
            Change::Appeared { agent } | Change::Changed { agent, .. } => {
                frames.extend(seen.agent(agent).map(|agent| Frame::new("agent", row(agent))));
            }
            Change::Left { agent, how } => {
                frames.push(Frame::new("gone", json!({"agent": agent, "how": value(how)})));
            }
            Change::LogGrew { agent, attempt, bytes } => {
                frames.push(Frame::new("log", json!({"agent": agent, "attempt": attempt, "bytes": bytes})));
            }
            Change::Landing => {
                frames.push(Frame::new("operation", json!({"landings": value(&seen.landings)})));
            }
            Change::Runs => frames.push(Frame::new("runs", json!({"runs": value(&seen.runs)}))),
            Change::Listing => {}
        }
    }
    Some(frames)
}

/// Returns the frame of a call that takes long, without its answer, which is asked for.
pub(crate) fn background(call: &Value) -> Frame {
    let mut shown = call.clone();
    if let Value::Object(fields) = &mut shown {
        fields.remove("answer");
    }
    Frame::new("background", shown)
}

/// Returns the frame with how many agents there are of each sort.
pub(crate) fn count(report: &Report) -> Frame {
    Frame::new("counts", counts(report))
}

fn counts(report: &Report) -> Value {
    let count =
        |is_meant: fn(&AgentObject) -> bool| report.agents.iter().filter(|agent| is_meant(agent)).count();
    json!({
        "waiting": count(|agent| agent.waiting.is_some()),
        "live": count(|agent| agent.liveness == Liveness::Live),
        "ended": count(|agent| agent.phase.is_terminal()),
        "hidden": report.hidden,
        "unreadable": report.unreadable.len(),
    })
}

/// Returns an agent without what is not known of it.
fn row(agent: &AgentObject) -> Value {
    let mut row = value(agent);
    if let Value::Object(fields) = &mut row {
        fields.retain(|_, value| !value.is_null());
        fields.insert("title".to_owned(), json!(text::one_line(&agent.title, TITLE)));
    }
    row
}

fn value<T: Serialize>(of: &T) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}
