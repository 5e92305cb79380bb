//! What can happen to an agent, as events tell it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    AgentId, BranchName, CommitId, Cost, IdOrText, Limit, Phase, RunId, SessionId,
    facts::{EventFact, facts},
    landing::Landed,
    verdict::Review,
    work_stat::{MAX_LEFT_OUT, WholeWorkStat, WorkStat, is_zero},
};

/// Remarks in one verdict.
pub const MAX_COMMENTS: usize = 200;

facts! {
    /// What happened. `t` names it in JSON.
    #[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
    #[serde(tag = "t")]
    pub enum Fact {
        /// Someone gave a task to a coding agent.
        Created(Created) = "created",
        /// The agent came to a phase that is no end. `starting` is a launch: it opens its attempt.
        Phase(PhaseChange) = "phase",
        /// An attempt ended, and this is what it left.
        Finished(Finished) = "finished",
        /// Someone asks the supervisor to end the agent.
        Stop {
            /// Why, for people.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            reason: Option<String>,
        } = "stop",
        /// Someone asks the supervisor to end the agent's program for a while.
        Pause {
            /// Why, for people.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            reason: Option<String>,
        } = "pause",
        /// Someone says something to the agent.
        Send(Message) = "send",
        /// Its work was landed, or was not, or was taken back.
        Landed(Landed) = "landed",
        /// Somebody judged its work.
        Verdict(Review) = "verdict",
        /// What was done in its worktree after its end was taken into its work.
        Collected(Collected) = "collected",
        /// It was taken back out of the archive.
        Restored {} = "restored",
    }
}

impl EventFact for Fact {
    const VERSION: u32 = 1;
    const NAMES: &'static [&'static str] = &Self::NAMES;

    /// Whether the fact says nothing that cannot be: the phase and the kind of event belong together, and lists are short.
    fn is_sound(&self) -> bool {
        match self {
            Self::Phase(step) => !step.phase.is_at_rest() && step.attempt > 0,
            Self::Finished(finished) => {
                finished.phase.is_at_rest() && finished.work.left_out.len() <= MAX_LEFT_OUT
            }
            Self::Verdict(review) => review.comments.len() <= MAX_COMMENTS,
            Self::Collected(collected) => {
                collected.work.left_out.len() <= MAX_LEFT_OUT
                    && match collected.phase {
                        Some(phase) => phase.is_at_rest(),
                        None => true,
                    }
            }
            Self::Created(_)
            | Self::Stop { .. }
            | Self::Pause { .. }
            | Self::Send(_)
            | Self::Landed(_)
            | Self::Restored {} => true,
        }
    }

    fn begins(&self) -> bool {
        matches!(self, Self::Created(_))
    }

    fn names_work(&self) -> bool {
        matches!(self, Self::Created(_) | Self::Finished(_) | Self::Collected(_))
    }

    fn long_text(&mut self) -> Option<(&'static str, &mut Option<String>)> {
        match self {
            Self::Created(created) => Some(("prompt", &mut created.prompt)),
            _ => None,
        }
    }
}

/// The work of an agent as it was taken after its end; see [`Fact::Collected`].
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Collected {
    /// Which launch it had come to.
    pub attempt: u32,
    /// The commit that holds the work now.
    pub head: IdOrText<CommitId>,
    /// How much the work is now. Every figure is there.
    #[serde(flatten, deserialize_with = "WholeWorkStat::deserialize")]
    pub work: WorkStat,
    /// What the agent has not finished, for people: a merge, or conflicts. Such work does not land.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<String>,
    /// The work was rolled back to what it was at an earlier end: the phase of that end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Why it was rolled back, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A change of phase; see [`Fact::Phase`].
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct PhaseChange {
    /// Which launch; 1 is the first.
    pub attempt: u32,
    /// Not a terminal one.
    pub phase: Phase,
    /// Why, for people; what is asked, where it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The conversation of this launch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// What is asked, as the program names it; an answer repeats it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// It is a choice, answered by a text; not a permission.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub choice: bool,
    /// What its people call the clone, where the agent comes to live in another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Tells the processes of this launch: a digest of what each of them has in its environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// What it may do from this launch on, where that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// The model that is asked for from this launch on, where that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

impl PhaseChange {
    /// A phase, and nothing more to say.
    pub const fn to(attempt: u32, phase: Phase) -> Self {
        Self {
            attempt,
            phase,
            reason: None,
            session: None,
            question: None,
            choice: false,
            label: None,
            mark: None,
            permission: None,
            model: None,
        }
    }

    /// With a reason.
    #[must_use]
    pub fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }
}

/// A message to an agent, or the answer to its question; see [`Fact::Send`].
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Message {
    /// What is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The answer to a question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow: Option<bool>,
    /// Which question is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
}

/// What a program used, as it says itself.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Usage {
    /// The conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The model that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What the whole conversation cost so far.
    #[serde(rename = "cost_micros", skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Tokens read, cached ones included, of the whole conversation so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens written, of the whole conversation so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Rounds with the model in this attempt.
    #[serde(skip_serializing_if = "is_zero")]
    pub turns: u64,
    /// What was denied in this attempt.
    #[serde(skip_serializing_if = "is_zero")]
    pub denials: u64,
}

/// How an agent began; see [`Fact::Created`].
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Created {
    /// The task in a few words.
    pub title: String,
    /// How it is run.
    pub profile: String,
    /// The model asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The agents of one `spawn` share it.
    pub run: RunId,
    /// Its place among them; the first is 0.
    pub place: u32,
    /// The agent whose program typed `spawn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<IdOrText<AgentId>>,
    /// The agent whose work it judges; nothing of its own lands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reviews: Option<IdOrText<AgentId>>,
    /// What it may do, where the program knows such modes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// The commit it starts from.
    pub base: IdOrText<CommitId>,
    /// Its branch, without `refs/heads/`.
    pub branch: BranchName,
    /// What its people call the clone that it lives in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The whole task; absent when it is the blob `prompt` in the commit's tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
}

/// The end of an attempt; see [`Fact::Finished`].
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Finished {
    /// Which launch; 0 when there was none.
    pub attempt: u32,
    /// A terminal one, or `paused`.
    pub phase: Phase,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many of the newest messages to it were not taken up.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unheard: u64,
    /// What the program used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What the program returned; 128 + n when signal n ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// The commit that holds the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<IdOrText<CommitId>>,
    /// How much the work is.
    #[serde(flatten)]
    pub work: WorkStat,
    /// What the agent has not finished, for people: a merge, or conflicts. Such work does not land.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<String>,
    /// Why what is in the worktree could not be saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsaved: Option<String>,
    /// The usage limit that it ran into, or came near.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}

impl Finished {
    /// An end that left nothing.
    pub fn empty(attempt: u32, phase: Phase) -> Self {
        Self {
            attempt,
            phase,
            reason: None,
            usage: None,
            unheard: 0,
            exit: None,
            head: None,
            work: WorkStat::default(),
            unfinished: None,
            unsaved: None,
            limit: None,
        }
    }
}
