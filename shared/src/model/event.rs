//! One fact about an agent, never changed once written: one canonical JSON object on a line.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use super::landing::{Check, Landed, Landing};
use super::{Limit, Phase, canonical, verdict::Review};

/// The version of the event format. A newer one makes an agent read-only here, never unreadable.
pub const VERSION: u32 = 1;
/// Lamport numbers stay exact in every JSON reader.
pub const MAX_LAMPORT: u64 = 1 << 53;
/// Paths named in one event as left out; more are only counted.
pub const MAX_LEFT_OUT: usize = 50;

/// Remarks in one verdict.
pub const MAX_COMMENTS: usize = 200;

/// What happened. `t` names it in JSON.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum Fact {
    /// Someone gave a task to a coding agent.
    Created(Created),
    /// The agent came to a phase that is no end. `starting` is a launch: it opens its attempt.
    Phase(Step),
    /// An attempt ended, and this is what it left.
    Finished(Finished),
    /// Someone asks the supervisor to end the agent.
    Stop {
        /// Why, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Someone asks the supervisor to end the agent's program for a while.
    Pause {
        /// Why, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Someone says something to the agent.
    Send(Message),
    /// Its work was landed, or was not, or was taken back.
    Landed(Landed),
    /// Somebody judged its work.
    Verdict(Review),
    /// What was done in its worktree after its end was taken into its work.
    Collected(Collected),
    /// It was taken back out of the archive.
    Restored {},
}

/// See [`Fact::Collected`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Collected {
    /// Which launch it had come to.
    pub attempt: u32,
    /// The commit that holds the work now.
    pub head: String,
    /// Commits between base and head.
    pub commits: u64,
    /// Files that differ between base and head.
    pub files: u64,
    /// Lines added between base and head.
    pub insertions: u64,
    /// Lines removed between base and head.
    pub deletions: u64,
    /// What was not taken, at most [`MAX_LEFT_OUT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// How many more were left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out_more: u64,
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

/// See [`Fact::Phase`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Step {
    /// Which launch; 1 is the first.
    pub attempt: u32,
    /// Not a terminal one.
    pub phase: Phase,
    /// Why, for people; what is asked, where it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The conversation of this launch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
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

impl Step {
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

/// See [`Fact::Send`].
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Usage {
    /// The conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The model that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Millionths of a US dollar, of the whole conversation so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
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

/// See [`Fact::Created`].
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
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
    pub run: String,
    /// Its place among them; the first is 0.
    pub place: u32,
    /// The agent whose program typed `spawn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The agent whose work it judges; nothing of its own lands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reviews: Option<String>,
    /// What it may do, where the program knows such modes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// The commit it starts from.
    pub base: String,
    /// Its branch, without `refs/heads/`.
    pub branch: String,
    /// What its people call the clone that it lives in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The whole task; absent when it is the blob `prompt` in the commit's tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
}

/// See [`Fact::Finished`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
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
    pub head: Option<String>,
    /// Commits between base and head.
    #[serde(default)]
    pub commits: u64,
    /// Files that differ between base and head.
    #[serde(default)]
    pub files: u64,
    /// Lines added between base and head.
    #[serde(default)]
    pub insertions: u64,
    /// Lines removed between base and head.
    #[serde(default)]
    pub deletions: u64,
    /// What was not taken into the head, at most [`MAX_LEFT_OUT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// How many more were left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out_more: u64,
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
    pub const fn empty(attempt: u32, phase: Phase) -> Self {
        Self {
            attempt,
            phase,
            reason: None,
            usage: None,
            unheard: 0,
            exit: None,
            head: None,
            commits: 0,
            files: 0,
            insertions: 0,
            deletions: 0,
            left_out: Vec::new(),
            left_out_more: 0,
            unfinished: None,
            unsaved: None,
            limit: None,
        }
    }
}

/// A file that stays in the worktree only.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LeftOut {
    /// Path in the worktree.
    pub path: String,
    /// Why it was not taken.
    pub why: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A fact with its place in the order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// The canonical line, as it stands in the commit.
    pub line: String,
    /// Lamport number: 1 + the highest its writer had seen of this agent.
    pub lamport: u64,
    /// Hash of the line.
    pub id: EventId,
    /// When, for people only.
    pub at: Timestamp,
    /// The clone that wrote it.
    pub writer: String,
    /// What happened; `None` for a type or version that is newer than this program.
    pub fact: Option<Fact>,
}

/// SHA-256 of an event's line.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EventId([u8; 32]);

impl EventId {
    /// As people see it.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first digits.
    pub fn short(&self) -> String {
        self.hex()[..12].to_owned()
    }
}

#[derive(Deserialize)]
struct Envelope {
    at: Timestamp,
    l: u64,
    t: String,
    v: u32,
    w: String,
}

impl Event {
    /// Writes a fact down. `None` where it does not fit into one line (see [`canonical::MAX_LINE`]).
    pub fn new(fact: &Fact, lamport: u64, at: Timestamp, writer: &str) -> Option<Self> {
        let mut value = serde_json::to_value(fact).ok()?;
        let map = value.as_object_mut()?;
        map.insert("at".into(), Value::from(at.to_string()));
        map.insert("l".into(), Value::from(lamport));
        map.insert("v".into(), Value::from(VERSION));
        map.insert("w".into(), Value::from(writer));
        Self::read(&canonical::write(&value)?)
    }

    /// Reads a line. `None` if it is malformed: such an event is set aside alone.
    ///
    /// ```
    /// use orchestra::model::{Event, Fact, Phase};
    ///
    /// let line = r#"{"at":"2026-11-25T12:00:00Z","attempt":1,"l":2,"phase":"running","t":"phase","v":1,"w":"a1b2"}"#;
    /// let event = Event::read(line).expect("a canonical line");
    /// assert_eq!((event.lamport, event.line.as_str()), (2, line));
    /// assert!(matches!(event.fact, Some(Fact::Phase(step)) if step.phase == Phase::Running));
    /// // The same fact is the same bytes on every machine: another spelling is not read.
    /// assert!(Event::read(&line.replace(':', ": ")).is_none());
    /// ```
    pub fn read(line: &str) -> Option<Self> {
        let value = canonical::read(line)?;
        let envelope = Envelope::deserialize(&value).ok()?;
        if envelope.l == 0 || envelope.l >= MAX_LAMPORT || !is_writer(&envelope.w) {
            return None;
        }
        let known = envelope.v == VERSION
            && matches!(
                envelope.t.as_str(),
                "created"
                    | "phase"
                    | "finished"
                    | "stop"
                    | "pause"
                    | "send"
                    | "landed"
                    | "verdict"
                    | "collected"
                    | "restored"
            );
        let fact = if known { Some(Fact::deserialize(&value).ok()?) } else { None };
        if let Some(fact) = &fact
            && !fact.is_sound()
        {
            return None;
        }
        Some(Self {
            id: EventId(Sha256::digest(line.as_bytes()).into()),
            line: line.to_owned(),
            lamport: envelope.l,
            at: envelope.at,
            writer: envelope.w,
            fact,
        })
    }

    /// The place in the one order that all machines agree on.
    pub const fn order(&self) -> (u64, EventId) {
        (self.lamport, self.id)
    }
}

impl Fact {
    /// The phase and the kind of event belong together.
    const fn is_sound(&self) -> bool {
        match self {
            Self::Phase(step) => !step.phase.is_at_rest() && step.attempt > 0,
            Self::Finished(finished) => {
                finished.phase.is_at_rest() && finished.left_out.len() <= MAX_LEFT_OUT
            }
            Self::Verdict(review) => review.comments.len() <= MAX_COMMENTS,
            Self::Collected(collected) => {
                collected.left_out.len() <= MAX_LEFT_OUT
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
}

/// A writer's id: 1 to 40 lower-case letters and digits.
pub fn is_writer(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        "2026-11-21T01:40:00Z".parse().unwrap()
    }

    #[test]
    fn an_event_is_one_canonical_line() {
        let fact = Fact::Phase(Step::to(1, Phase::Running));
        let event = Event::new(&fact, 12, at(), "5t2k").unwrap();
        assert_eq!(
            event.line,
            r#"{"at":"2026-11-21T01:40:00Z","attempt":1,"l":12,"phase":"running","t":"phase","v":1,"w":"5t2k"}"#
        );
        assert_eq!(event.fact, Some(fact));
    }

    #[test]
    fn keeps_what_is_newer_and_refuses_what_is_broken() {
        let newer = r#"{"at":"2026-11-21T01:40:00Z","l":3,"t":"hologram","v":1,"w":"a"}"#;
        assert_eq!(Event::read(newer).unwrap().fact, None);
        let version = r#"{"at":"2026-11-21T01:40:00Z","l":3,"t":"stop","v":2,"w":"a"}"#;
        assert_eq!(Event::read(version).unwrap().fact, None);
        for line in [
            r#"{"at":"2026-11-21T01:40:00Z","l":0,"t":"stop","v":1,"w":"a"}"#,
            r#"{"at":"2026-11-21T01:40:00Z","l":9007199254740992,"t":"stop","v":1,"w":"a"}"#,
            r#"{"at":"yesterday","l":1,"t":"stop","v":1,"w":"a"}"#,
            r#"{"at":"2026-11-21T01:40:00Z","l":1,"t":"stop","v":1,"w":"../a"}"#,
            r#"{"at":"2026-11-21T01:40:00Z","attempt":1,"l":1,"phase":"done","t":"phase","v":1,"w":"a"}"#,
            r#"{"at":"2026-11-21T01:40:00Z","attempt":1,"l":1,"phase":"running","t":"finished","v":1,"w":"a"}"#,
            r#"{"at":"2026-11-21T01:40:00Z","attempt":"1","l":1,"phase":"done","t":"finished","v":1,"w":"a"}"#,
            r#"{"l":1,"t":"stop","v":1,"w":"a"}"#,
        ] {
            assert!(Event::read(line).is_none(), "{line}");
        }
    }
}
