//! What happened to agents since a moment, by their events.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    git::{Oid, Repo},
    model::{
        Agent, AgentId, Event, Fact, Phase,
        event::{Finished, Landed, Landing, PhaseChange, in_order},
        text,
        words::words,
    },
    store::Chain,
    world::Timestamp,
};

/// The most happenings that are reported, the newest.
const MAX: usize = 1000;
/// The longest text of one, in columns.
const MAX_WIDTH: usize = 200;

words! {
    /// What happened to an agent.
    pub enum Happened {
        /// It was created.
        Created = "created",
        /// Its program was started for the first time.
        Started = "started",
        /// Its program was started again.
        Resumed = "resumed",
        /// It waits for an answer, and did not get one yet.
        Waiting = "waiting",
        /// It ended; the text says how.
        Ended = "ended",
        /// Its work landed.
        Landed = "landed",
        /// Its work did not land; the text says why.
        DidNotLand = "did-not-land",
        /// The landing of its work was undone.
        Undone = "undone",
        /// Somebody gave a verdict on its work.
        Reviewed = "reviewed",
        /// It was restored from the archive.
        Restored = "restored",
        /// It wrote a message; the text says what about.
        Said = "said",
    }
}

/// One thing that happened to an agent.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Happening {
    /// When, by the clock of the clone that recorded it.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// The agent.
    pub agent: AgentId,
    /// What happened.
    pub what: Happened,
    /// More about it, for people: the phase in which it ended and why, the branch into which its work landed, the verdict.
    pub text: Option<String>,
}

/// Returns what happened to some agents, given with their newest event commits, since a moment, in the order of time. An agent whose
/// events cannot be read has nothing.
pub(super) fn since(
    repo: &Repo,
    moment: Timestamp,
    agents: impl Iterator<Item = (AgentId, Oid)>,
) -> Vec<Happening> {
    let mut all: Vec<Happening> = Vec::new();
    for (id, tip) in agents {
        let Ok(chain) = Chain::read(repo, &[tip]) else { continue };
        let state = chain.fold().agent;
        all.extend(in_order(&chain.events).into_iter().filter(|event| event.at >= moment).filter_map(
            |event| {
                let (what, text) = happening(event, &state)?;
                let text = text.map(|text| text::one_line(&text, MAX_WIDTH)).filter(|text| !text.is_empty());
                Some(Happening { at: event.at, agent: id.clone(), what, text })
            },
        ));
    }
    all.sort_by(|a, b| (a.at, &a.agent).cmp(&(b.at, &b.agent)));
    all.split_off(all.len().saturating_sub(MAX))
}

fn happening(event: &Event, now: &Agent) -> Option<(Happened, Option<String>)> {
    Some(match event.fact.as_ref()? {
        Fact::Created(_) => (Happened::Created, None),
        Fact::Phase(change) => launched_or_waiting(change, now)?,
        Fact::Finished(finished) => (Happened::Ended, Some(ended(finished))),
        Fact::Landed(landed) => landing(landed)?,
        Fact::Verdict(review) => {
            (Happened::Reviewed, Some(format!("{} by {}", review.verdict.as_str(), review.by)))
        }
        Fact::Withdrawn(withdrawn) => {
            (Happened::Reviewed, Some(format!("verdict withdrawn by {}", withdrawn.by)))
        }
        Fact::Restored {} => (Happened::Restored, None),
        Fact::Said(said) => (Happened::Said, Some(format!("{}: {}", said.kind, said.text))),
        Fact::Stop { .. }
        | Fact::Pause { .. }
        | Fact::Send(_)
        | Fact::Collected(_)
        | Fact::Tagged(_)
        | Fact::Read(_)
        | Fact::Heard(_)
        | Fact::Published(_) => return None,
    })
}

/// Of the requests of an agent, only the one counts that nobody answered yet.
fn launched_or_waiting(change: &PhaseChange, now: &Agent) -> Option<(Happened, Option<String>)> {
    match change.phase {
        Phase::Starting if change.attempt == 1 => Some((Happened::Started, None)),
        Phase::Starting => Some((Happened::Resumed, change.reason.clone())),
        Phase::Waiting if now.phase == Phase::Waiting && now.question == change.question => {
            Some((Happened::Waiting, change.reason.clone()))
        }
        _ => None,
    }
}

/// Describes an end, such as `done, 2 commits, +10 -3`.
fn ended(finished: &Finished) -> String {
    let mut parts = vec![finished.phase.as_str().to_owned()];
    if finished.work.commits > 0 {
        let work = &finished.work;
        parts.push(text::count(work.commits, "commit"));
        parts.push(format!("+{} -{}", work.insertions, work.deletions));
    }
    match &finished.reason {
        Some(reason) => format!("{}: {reason}", parts.join(", ")),
        None => parts.join(", "),
    }
}

fn landing(landed: &Landed) -> Option<(Happened, Option<String>)> {
    let into = format!("in {}", landed.into);
    let what = match landed.outcome {
        Landing::Merged => Happened::Landed,
        Landing::Undone => Happened::Undone,
        Landing::SetAside | Landing::Failed => Happened::DidNotLand,
        Landing::UpToDate | Landing::NothingNew => return None,
    };
    let why = landed.reason.as_ref().filter(|_| what == Happened::DidNotLand);
    let text = why.map_or_else(|| into.clone(), |reason| format!("{into}: {reason}"));
    Some((what, Some(text)))
}
