//! What is not sent, why, and what to do about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{allowlist, hit::SecretHit, outgoing_objects::OutgoingObjects};
use crate::{
    Result,
    config::keys::NOT_SECRET,
    git::{Oid, Repo, raw::ObjectKind, remotes::RefPush},
    model::{Agent, AgentId, Subject, SubjectId, facts::EventFact, logs::for_log, text, trailers},
    store::{chain::Chain, commit, layout},
    sync::own_work::OwnWork,
};

/// The number of digits of an object's id that are shown.
const ID_DIGITS: usize = 12;
/// The maximum width of a path, in columns.
const PATH_WIDTH: usize = 100;

/// Something that is not sent.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Withheld {
    /// The id of the agent, or the name of the ref if it does not belong to an agent.
    pub name: String,
    /// The agent that is not sent; for an archive, the first one.
    pub agent: Option<AgentId>,
    /// Why it is not sent.
    #[serde(flatten)]
    pub reason: WithheldReason,
}

/// Why something is not sent.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum WithheldReason {
    /// An event contains what looks like a secret.
    Event {
        /// The beginning of the event's id.
        id: String,
        /// What it looks like.
        what: String,
    },
    /// The message, author or committer of a commit contains what looks like a secret.
    Commit {
        /// The beginning of the commit's id.
        id: String,
        /// What it looks like.
        what: String,
    },
    /// A file of the work contains what looks like a secret.
    File {
        /// The beginning of the blob's id.
        id: String,
        /// The path of the file.
        path: String,
        /// What it looks like.
        what: String,
    },
    /// The name of a file contains what looks like a secret.
    Name {
        /// The beginning of the tree's id.
        id: String,
        /// The folder that contains the file.
        folder: String,
        /// What it looks like.
        what: String,
    },
    /// A note contains what looks like a secret.
    Note {
        /// The beginning of the blob's id.
        id: String,
        /// What it looks like.
        what: String,
    },
    /// An object cannot be read, so its content is unknown.
    Unreadable {
        /// The beginning of the object's id.
        id: String,
        /// The error message of git.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// The work builds on the user's own commits, which the remote does not have and the user did not agree to send.
    OwnWork {
        /// The user's own commits, by branch.
        own: Vec<OwnWork>,
    },
}

impl Withheld {
    /// Returns a sentence about what is not sent, and why.
    pub fn message(&self) -> String {
        let subject = match (&self.reason, &self.agent) {
            (WithheldReason::OwnWork { .. }, Some(agent)) if agent.as_str() == self.name => {
                format!("the work of '{agent}' is not sent")
            }
            (_, Some(agent)) if agent.as_str() == self.name => format!("agent '{agent}' is not sent"),
            (_, Some(agent)) => {
                format!("archived agent '{agent}', and agents archived after it, are not sent")
            }
            (_, None) => format!("'{}' is not sent", text::safe(&self.name)),
        };
        format!("{subject}: {}", self.reason)
    }

    /// Returns hints about what to type.
    pub fn hints(&self) -> Vec<String> {
        let archived = self.agent.as_ref().is_some_and(|agent| agent.as_str() != self.name);
        let mut hints = match (&self.reason, &self.agent) {
            (WithheldReason::Event { id, .. }, _) => {
                vec![format!("to remove it: git orchestra sync --redact {id}")]
            }
            (
                WithheldReason::Commit { id, .. }
                | WithheldReason::File { id, .. }
                | WithheldReason::Name { id, .. },
                Some(_),
            ) if archived => {
                vec![format!("to keep the work here, out of the archive: git orchestra sync --redact {id}")]
            }
            (
                WithheldReason::Commit { .. } | WithheldReason::File { .. } | WithheldReason::Name { .. },
                Some(agent),
            ) => vec![
                "remove it in the agent's worktree, with git commit --amend or git rebase".to_owned(),
                format!("then capture the work again: git orchestra collect {agent}"),
            ],
            (WithheldReason::Unreadable { .. }, _) => {
                vec!["to find what is missing or broken: git fsck".to_owned()]
            }
            (WithheldReason::OwnWork { .. }, _) => {
                vec!["push your commits first, or agree to send them: git orchestra sync --yes".to_owned()]
            }
            _ => Vec::new(),
        };
        if let Some(id) = self.reason.id() {
            hints.push(format!("if it is not a secret: {}", NOT_SECRET.hint(id)));
        }
        hints
    }
}

impl WithheldReason {
    /// Returns the id with which the user can allow it to be sent.
    fn id(&self) -> Option<&str> {
        match self {
            Self::Event { id, .. }
            | Self::Commit { id, .. }
            | Self::File { id, .. }
            | Self::Name { id, .. }
            | Self::Note { id, .. } => Some(id),
            Self::Unreadable { .. } | Self::OwnWork { .. } => None,
        }
    }
}

impl std::fmt::Display for WithheldReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Event { id, what } => write!(f, "event {id} contains what looks like {what}"),
            Self::Commit { id, what } => {
                write!(f, "commit {id} contains what looks like {what} in its message, author or committer")
            }
            Self::File { id, path, what } => {
                write!(f, "file '{path}' ({id}) contains what looks like {what}")
            }
            Self::Name { id, folder, what } if folder.is_empty() => {
                write!(f, "the name of a file (in tree {id}) contains what looks like {what}")
            }
            Self::Name { id, folder, what } => {
                write!(f, "the name of a file in '{folder}' (tree {id}) contains what looks like {what}")
            }
            Self::Note { id, what } => write!(f, "note {id} contains what looks like {what}"),
            Self::Unreadable { id, why: None } => write!(f, "object {id} cannot be read"),
            Self::Unreadable { id, why: Some(why) } => write!(f, "the objects of {id} cannot be read: {why}"),
            Self::OwnWork { own } => {
                let own: Vec<String> = own.iter().map(ToString::to_string).collect();
                write!(f, "it builds on {} that the remote does not have", own.join(" and "))
            }
        }
    }
}

/// Returns the reason for a hit, with what the user needs to find it.
///
/// # Errors
/// An agent's events cannot be read.
pub(super) fn reason(
    repo: &Repo,
    id: Oid,
    path: &[u8],
    hit: &SecretHit,
    pushes: &[RefPush],
    outgoing: &OutgoingObjects,
) -> Result<WithheldReason> {
    let what = hit.what.clone();
    let path = text::one_line(&String::from_utf8_lossy(path), PATH_WIDTH);
    let event = match (pushes, hit.kind) {
        ([push], ObjectKind::Commit | ObjectKind::Blob) => event(repo, push, id, hit, outgoing)?,
        _ => None,
    };
    if let Some(id) = event {
        return Ok(WithheldReason::Event { id, what });
    }
    let id = id.to_string()[..ID_DIGITS].to_owned();
    Ok(match hit.kind {
        ObjectKind::Tree => WithheldReason::Name { id, folder: path, what },
        ObjectKind::Blob if pushes.iter().any(|push| layout::is_notes(&push.name)) => {
            WithheldReason::Note { id, what }
        }
        ObjectKind::Blob => WithheldReason::File { id, path, what },
        ObjectKind::Commit | ObjectKind::Tag => WithheldReason::Commit { id, what },
    })
}

/// Returns the id of the event that contains a hit, if an event log is being sent. The hit may be in the line of the event, in a
/// file of its commit, or in the state that later commits repeat.
fn event(
    repo: &Repo,
    push: &RefPush,
    object: Oid,
    hit: &SecretHit,
    outgoing: &OutgoingObjects,
) -> Result<Option<String>> {
    match layout::event_log_of(&push.name) {
        Some(log) => for_log!(&log, id => event_of(repo, id, object, hit, outgoing)),
        None if layout::is_archive(&push.name) => event_in::<Agent>(repo, object, hit, outgoing),
        None => Ok(None),
    }
}

fn event_of<I: SubjectId>(
    repo: &Repo,
    _: &I,
    object: Oid,
    hit: &SecretHit,
    outgoing: &OutgoingObjects,
) -> Result<Option<String>> {
    event_in::<I::Subject>(repo, object, hit, outgoing)
}

/// Returns the id of the event that contains a secret, in a log of this subject.
fn event_in<S: Subject>(
    repo: &Repo,
    id: Oid,
    hit: &SecretHit,
    outgoing: &OutgoingObjects,
) -> Result<Option<String>> {
    if hit.kind == ObjectKind::Blob {
        for (commit, path) in &outgoing.objects {
            let Some(found) = repo.read_commit(*commit).ok().filter(|_| path.is_empty()) else { continue };
            let entries = repo.entries_of(found.tree).unwrap_or_default();
            if entries.iter().any(|entry| entry.id == id) {
                return Ok(commit::parse::<S::Fact>(&found.message)
                    .events
                    .first()
                    .map(|event| event.id.short()));
            }
        }
        return Ok(None);
    }
    let Ok(found) = repo.read_commit(id) else { return Ok(None) };
    let holds = |line: &str| allowlist::contains_text(line.as_bytes(), &hit.text);
    let own = commit::parse::<S::Fact>(&found.message).events;
    if let Some(event) = own.iter().find(|event| holds(&event.line)) {
        return Ok(Some(event.id.short()));
    }
    // A long text of one of its events is in its tree.
    for name in <S::Fact as EventFact>::LONG_TEXTS {
        let text = repo.read_blob_of(id, name)?.unwrap_or_default();
        if allowlist::contains_text(&text, &hit.text) {
            return Ok(own.first().map(|event| event.id.short()));
        }
    }
    // A commit without our trailers is not an event commit, but work in an archive.
    if !found.message.contains(trailers::MARK) || !holds(&found.message) {
        return Ok(None);
    }
    let events = Chain::<S>::read(repo, &[id])?.events;
    Ok(events.into_iter().find(|event| holds(&event.line)).map(|event| event.id.short()))
}
