//! The facts that events record about an agent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    AgentId, BranchName, Cap, CommitId, Cost, IdOrText, Limit, Phase, RunId, SessionId, Team, WorkCheck,
    dependency::StartedWith,
    facts::{EventFact, facts},
    landing::Landed,
    published::Published,
    request::{AskedRequest, Pattern},
    said::{HeardMessages, MAX_HEARD, MAX_TEXT, MAX_UNREAD, ReadMessages, Said},
    team::PartChange,
    verdict::{Review, Withdrawn},
    work_stat::{MAX_LEFT_OUT, WholeWorkStat, WorkStat, is_zero},
};

/// Maximum number of comments in one verdict.
pub const MAX_COMMENTS: usize = 200;
/// The name of the blob with a long task.
const PROMPT: &str = "prompt";

facts! {
    /// What happened. In JSON, `t` is its name.
    #[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
    #[serde(tag = "t")]
    pub enum Fact {
        /// The agent was created with a task.
        Created(Created) = "created",
        /// The agent entered a phase that is not an end. `starting` is a launch: it begins an attempt.
        Phase(PhaseChange) = "phase",
        /// An attempt ended.
        Finished(Finished) = "finished",
        /// Somebody asked the supervisor to end the agent.
        Stop {
            /// Why, for people.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            reason: Option<String>,
        } = "stop",
        /// Somebody asked the supervisor to end the agent's program until it is resumed.
        Pause {
            /// Why, for people.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            reason: Option<String>,
        } = "pause",
        /// Somebody sent a message to the agent, or answered its question.
        Send(Message) = "send",
        /// A landing merged its work or did not, or an undo reverted that.
        Landed(Landed) = "landed",
        /// Somebody gave a verdict on its work.
        Verdict(Review) = "verdict",
        /// A verdict was withdrawn by the clone that gave it.
        Withdrawn(Withdrawn) = "withdrawn",
        /// Changes that were made in its worktree after its end were added to its work.
        Collected(Collected) = "collected",
        /// It was restored from the archive.
        Restored {} = "restored",
        /// Somebody changed its tags.
        Tagged(Tagged) = "tagged",
        /// Its program wrote a message, to people or to the agent that started it.
        Said(Said) = "said",
        /// A person read some of its messages.
        Read(ReadMessages) = "read",
        /// Its program got some of the messages that were sent to it.
        Heard(HeardMessages) = "heard",
        /// Its pull request was opened, pushed to, merged or closed.
        Published(Published) = "published",
    }
}

impl EventFact for Fact {
    const VERSION: u32 = 1;
    const NAMES: &'static [&'static str] = &Self::NAMES;
    const LONG_TEXTS: &'static [&'static str] = &[PROMPT];

    /// Returns whether the fact can be true: its phase fits its kind, and its lists are not too long.
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
            | Self::Withdrawn(_)
            | Self::Restored {}
            | Self::Tagged(_)
            | Self::Published(_) => true,
            Self::Said(said) => said.attempt > 0 && said.text.len() <= MAX_TEXT,
            Self::Read(read) => read.messages.len() <= MAX_UNREAD,
            Self::Heard(heard) => heard.attempt > 0 && heard.messages.len() <= MAX_HEARD,
        }
    }

    fn begins(&self) -> bool {
        matches!(self, Self::Created(_))
    }

    fn names_work(&self) -> bool {
        matches!(self, Self::Created(_) | Self::Finished(_) | Self::Collected(_))
    }

    fn words(&self) -> Vec<&str> {
        match self {
            Self::Created(created) => {
                std::iter::once(created.title.as_str()).chain(created.prompt.as_deref()).collect()
            }
            Self::Stop { reason } | Self::Pause { reason } => reason.as_deref().into_iter().collect(),
            Self::Send(sent) => sent.text.as_deref().into_iter().collect(),
            Self::Verdict(review) => {
                let comments = review.comments.iter().map(|comment| comment.text.as_str());
                review.text.as_deref().into_iter().chain(comments).collect()
            }
            // Programs wrote these, or they contain no text of a person.
            Self::Phase(_)
            | Self::Finished(_)
            | Self::Landed(_)
            | Self::Withdrawn(_)
            | Self::Collected(_)
            | Self::Restored {}
            | Self::Tagged(_)
            | Self::Said(_)
            | Self::Read(_)
            | Self::Heard(_)
            | Self::Published(_) => Vec::new(),
        }
    }

    fn long_text(&mut self) -> Option<(&'static str, &mut Option<String>)> {
        match self {
            Self::Created(created) => Some((PROMPT, &mut created.prompt)),
            _ => None,
        }
    }
}

/// A change of an agent's tags; see [`Fact::Tagged`]. A text that cannot be a tag has no effect.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Tagged {
    /// The tags that it has from now on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<String>,
    /// The tags that it no longer has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}

/// The work of an agent as it was captured after its end; see [`Fact::Collected`].
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Collected {
    /// The number of its last attempt.
    pub attempt: u32,
    /// The commit that holds the work now.
    pub head: IdOrText<CommitId>,
    /// How large the work is now. No figure may be missing.
    #[serde(flatten, deserialize_with = "WholeWorkStat::deserialize")]
    pub work: WorkStat,
    /// Describes for people the git operation that the agent did not finish and the conflicts that it left; such work is not
    /// landed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<String>,
    /// The phase of an earlier end, if the work was rolled back to what it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Why it was rolled back, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The session that it continues, if it was rewound; empty if it begins a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The work of others that it is on top of now, if its own commits were moved there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_with: Option<StartedWith>,
}

/// A change of phase; see [`Fact::Phase`].
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct PhaseChange {
    /// The number of the attempt; 1 is the first.
    pub attempt: u32,
    /// The new phase, which is not terminal.
    pub phase: Phase,
    /// Why, for people; the request in a few words, if the agent waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The session of this attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The program's own id of its question; an answer repeats it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// Whether the question is a choice, which a text answers, and not a permission.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub choice: bool,
    /// What it asks for, in full, if it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<AskedRequest>,
    /// What a person allowed it for good in this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub always: Option<Pattern>,
    /// Whether its supervisor allowed a request in this step, because a person allowed it for good before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automatic: bool,
    /// How many turns in a row its program has changed no file, if these are so many that it is stuck; 0: it has changed some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck_turns: Option<u64>,
    /// The label of the clone, if the agent moves to another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// A digest of the value that marks the processes of this attempt in their environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// The agent's permission mode from this attempt on, if the attempt sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// The requested model from this attempt on, if the attempt sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The profile that runs the agent from this attempt on, if another one did before. A session of the earlier one is not resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The role from this attempt on, if the attempt sets the profile and that is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The cap on money or tokens that it came near.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Cap>,
    /// The sandbox of this attempt and what makes it, such as `files by bubblewrap`. An attempt that is launched without has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// The part of a team's work that begins with this attempt, or that ended in it. A part begins with a new conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<PartChange>,
    /// The work of other agents that it starts with, whose end it waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_with: Option<StartedWith>,
}

impl PhaseChange {
    /// Makes a change to a phase, with no other field set.
    pub const fn new(attempt: u32, phase: Phase) -> Self {
        Self {
            attempt,
            phase,
            reason: None,
            session: None,
            question: None,
            choice: false,
            request: None,
            always: None,
            automatic: false,
            stuck_turns: None,
            label: None,
            mark: None,
            permission: None,
            model: None,
            profile: None,
            role: None,
            cap: None,
            sandbox: None,
            part: None,
            started_with: None,
        }
    }

    /// Sets the reason.
    #[must_use]
    pub fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }
}

/// A message to an agent, or the answer to its question; see [`Fact::Send`].
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Message {
    /// The text of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The answer to a question about a permission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow: Option<bool>,
    /// Whether the pattern of the question is allowed for good.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub always: bool,
    /// The program's own id of the question that this answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// The agent that wrote it, if it was not a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<IdOrText<AgentId>>,
    /// The id of the message of the agent that this replies to, or of the message of `from` that this passes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub re: Option<String>,
    /// What of its pull request this is about: a key of each check and comment, by which it is given to the agent once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<String>,
}

/// What a program used, as it reports itself.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Usage {
    /// The session that used it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The model that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What the whole session has cost so far.
    #[serde(rename = "cost_micros", skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Input tokens of the whole session so far, cached ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Output tokens of the whole session so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Turns of the model in this attempt.
    #[serde(skip_serializing_if = "is_zero")]
    pub turns: u64,
    /// Permissions that were denied in this attempt.
    #[serde(skip_serializing_if = "is_zero")]
    pub denials: u64,
}

impl Usage {
    /// Returns what a session used so far, from the ends of its attempts: of each figure the highest holds.
    pub fn of_session<'a>(session: &SessionId, facts: impl Iterator<Item = &'a Fact>) -> Self {
        let ends = facts.filter_map(|fact| match fact {
            Fact::Finished(finished) => finished.usage.as_ref(),
            _ => None,
        });
        let known = Self { session: Some(session.clone()), ..Self::default() };
        ends.filter(|used| used.session.as_ref() == Some(session)).fold(known, |known, used| Self {
            cost: known.cost.max(used.cost),
            input_tokens: known.input_tokens.max(used.input_tokens),
            output_tokens: known.output_tokens.max(used.output_tokens),
            ..known
        })
    }
}

/// What is known of an agent at its creation; see [`Fact::Created`].
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Created {
    /// The task in a few words.
    pub title: String,
    /// The name of its program, which is that of its profile unless the profile is a role.
    pub profile: String,
    /// The role, if it was started as one: the name that the user gave to the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The requested model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The run it belongs to, which all agents of one `spawn` share.
    pub run: RunId,
    /// Its position in the run; the first is 0.
    pub place: u32,
    /// The agent whose program called `spawn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<IdOrText<AgentId>>,
    /// The agent whose work it reviews; a reviewer's own work does not land.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reviews: Option<IdOrText<AgentId>>,
    /// Whether it is a designer: the program of a person, in their terminal, which starts agents and has no work of its own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub designer: bool,
    /// Its permission mode, if its program has such modes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// The commit it starts from.
    pub base: IdOrText<CommitId>,
    /// Its branch, without `refs/heads/`.
    pub branch: BranchName,
    /// The label of the clone that it lives in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The agents with whose work it starts, once all of them are done. Until then its base is provisional.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<IdOrText<AgentId>>,
    /// What it does when one of those ends without being done, start or stop; absent if it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failed: Option<String>,
    /// The snapshot of the user's uncommitted changes in its base, if it starts from them. They are not part of its work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<IdOrText<CommitId>>,
    /// The number of files that the user had changed in it.
    #[serde(skip_serializing_if = "is_zero")]
    pub snapshot_files: u64,
    /// Its tags; a text that cannot be one has no effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The team whose roles work on the task, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<Team>,
    /// The whole task; absent if it is the blob `prompt` in the commit's tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
}

/// The end of an attempt; see [`Fact::Finished`].
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Finished {
    /// The number of the attempt; 0 if there was none.
    pub attempt: u32,
    /// The new phase, which is terminal or `paused`.
    pub phase: Phase,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many of the newest messages to it were not read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unheard: u64,
    /// What the program used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The exit code of the program; 128 + n if signal n ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// The commit that holds the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<IdOrText<CommitId>>,
    /// How large the work is.
    #[serde(flatten)]
    pub work: WorkStat,
    /// Describes for people the git operation that the agent did not finish and the conflicts that it left; such work is not
    /// landed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<String>,
    /// Why the content of the worktree could not be saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsaved: Option<String>,
    /// The usage limit that it reached or came near.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// The cap on money or tokens that it reached. A paused agent asks whether it may be raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Cap>,
    /// What the agent said last; see [`super::last_words`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_words: Option<String>,
    /// The outcome of the check that decides whether the agent is done, if it has one and it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<WorkCheck>,
    /// How many seconds the attempt lasted from its launch, by a clock that nobody sets. Ends that earlier versions recorded, and ends of
    /// agents whose supervisor died, do not say it: then the difference of two times counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran_seconds: Option<u64>,
}

impl Finished {
    /// Makes an end with no work and no other field set.
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
            cap: None,
            last_words: None,
            check: None,
            ran_seconds: None,
        }
    }
}
