//! What stays at home, why, and what to do about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{allowlist, outgoing_objects::OutgoingObjects, scan::SecretHit};
use crate::{
    Result,
    config::keys::NOT_SECRET,
    git::{Oid, Repo, raw::ObjectKind, remotes::Push},
    model::{Agent, AgentId, Subject, SubjectId, logs::for_log, text},
    store::{chain::Chain, commit, layout},
    sync::own_work::OwnWork,
};

/// Digits of an object's id that people see.
const DIGITS: usize = 12;
/// Columns of a path that are shown.
const PATH: usize = 100;

/// Something that is not sent.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Withheld {
    /// The agent, or the ref where it is not an agent's.
    pub name: String,
    /// The agent that is not sent; of an archive, the first one.
    pub agent: Option<AgentId>,
    /// Why.
    #[serde(flatten)]
    pub reason: WithheldReason,
}

/// Why something is not sent.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum WithheldReason {
    /// An event holds what looks like a secret.
    Event {
        /// The beginning of the event's id.
        id: String,
        /// What it looks like.
        what: String,
    },
    /// The message, the author or the committer of a commit does.
    Commit {
        /// The beginning of the commit's id.
        id: String,
        /// What it looks like.
        what: String,
    },
    /// A file of the work does.
    File {
        /// The beginning of the blob's id.
        id: String,
        /// Its path.
        path: String,
        /// What it looks like.
        what: String,
    },
    /// The name of a file does.
    Name {
        /// The beginning of the tree's id.
        id: String,
        /// The folder with the file.
        folder: String,
        /// What it looks like.
        what: String,
    },
    /// A note does.
    Note {
        /// The beginning of the blob's id.
        id: String,
        /// What it looks like.
        what: String,
    },
    /// An object cannot be read, so nobody knows what it holds.
    Unreadable {
        /// The beginning of the object's id.
        id: String,
        /// What git says.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// It builds on commits of the user's that the remote does not have, and they did not agree to send them.
    OwnWork {
        /// Which.
        own: Vec<OwnWork>,
    },
}

impl Withheld {
    /// What stays, and why, in a sentence.
    pub fn message(&self) -> String {
        let subject = match (&self.reason, &self.agent) {
            (WithheldReason::OwnWork { .. }, Some(agent)) if agent.as_str() == self.name => {
                format!("the work of '{agent}' stays here")
            }
            (_, Some(agent)) if agent.as_str() == self.name => format!("agent '{agent}' stays here"),
            (_, Some(agent)) => {
                format!("the archived agent '{agent}', and whatever was archived after it, stays here")
            }
            (_, None) => format!("'{}' stays here", text::safe(&self.name)),
        };
        format!("{subject}: {}", self.reason)
    }

    /// What to type, each a sentence.
    pub fn hints(&self) -> Vec<String> {
        let archived = self.agent.as_ref().is_some_and(|agent| agent.as_str() != self.name);
        let mut hints = match (&self.reason, &self.agent) {
            (WithheldReason::Event { id, .. }, Some(_)) => {
                vec![format!("git orchestra sync --redact {id} takes it out")]
            }
            (
                WithheldReason::Commit { id, .. }
                | WithheldReason::File { id, .. }
                | WithheldReason::Name { id, .. },
                Some(_),
            ) if archived => {
                vec![format!(
                    "git orchestra sync --redact {id} leaves the work out of the archive, and keeps it here"
                )]
            }
            (
                WithheldReason::Commit { .. } | WithheldReason::File { .. } | WithheldReason::Name { .. },
                Some(agent),
            ) => vec![
                "in the agent's worktree, git commit --amend or git rebase takes it out".to_owned(),
                format!("then git orchestra collect {agent} takes the work again"),
            ],
            (WithheldReason::Unreadable { .. }, _) => {
                vec!["git fsck says what is missing or broken".to_owned()]
            }
            (WithheldReason::OwnWork { .. }, _) => {
                vec!["push your commits first, or agree to send them: git orchestra sync --yes".to_owned()]
            }
            _ => Vec::new(),
        };
        if let Some(id) = self.reason.id() {
            hints.push(format!("{} says that it is not a secret", NOT_SECRET.hint(id)));
        }
        hints
    }
}

impl WithheldReason {
    /// By what the user can say that it is not a secret.
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
            Self::Event { id, what } => write!(f, "event {id} holds what looks like {what}"),
            Self::Commit { id, what } => {
                write!(f, "commit {id} holds what looks like {what} in its message, author or committer")
            }
            Self::File { id, path, what } => write!(f, "file '{path}' ({id}) holds what looks like {what}"),
            Self::Name { id, folder, what } if folder.is_empty() => {
                write!(f, "the name of a file (in tree {id}) holds what looks like {what}")
            }
            Self::Name { id, folder, what } => {
                write!(f, "the name of a file in '{folder}' (tree {id}) holds what looks like {what}")
            }
            Self::Note { id, what } => write!(f, "note {id} holds what looks like {what}"),
            Self::Unreadable { id, why: None } => write!(f, "object {id} cannot be read"),
            Self::Unreadable { id, why: Some(why) } => write!(f, "what {id} holds cannot be read: {why}"),
            Self::OwnWork { own } => {
                let own: Vec<String> = own.iter().map(ToString::to_string).collect();
                write!(f, "it builds on {} that the remote does not have", own.join(" and "))
            }
        }
    }
}

/// Says of a hit where it stands, in words that lead to it.
///
/// # Errors
/// An agent's life cannot be read.
pub(super) fn reason(
    repo: &Repo,
    id: Oid,
    path: &[u8],
    hit: &SecretHit,
    pushes: &[Push],
    carried: &OutgoingObjects,
) -> Result<WithheldReason> {
    let what = hit.what.clone();
    let path = text::one_line(&String::from_utf8_lossy(path), PATH);
    let event = match (pushes, hit.kind) {
        ([push], ObjectKind::Commit | ObjectKind::Blob) => event(repo, push, id, hit, carried)?,
        _ => None,
    };
    if let Some(id) = event {
        return Ok(WithheldReason::Event { id, what });
    }
    let id = id.to_string()[..DIGITS].to_owned();
    Ok(match hit.kind {
        ObjectKind::Tree => WithheldReason::Name { id, folder: path, what },
        ObjectKind::Blob if pushes.iter().any(|push| layout::is_notes(&push.name)) => {
            WithheldReason::Note { id, what }
        }
        ObjectKind::Blob => WithheldReason::File { id, path, what },
        ObjectKind::Commit | ObjectKind::Tag => WithheldReason::Commit { id, what },
    })
}

/// The event that holds it, where an agent's life is to be sent: in its line, in a text beside it, or in the state that later
/// commits repeat.
fn event(
    repo: &Repo,
    push: &Push,
    object: Oid,
    hit: &SecretHit,
    carried: &OutgoingObjects,
) -> Result<Option<String>> {
    match layout::event_log_of(&push.name) {
        Some(log) => for_log!(&log, id => event_of(repo, id, object, hit, carried)),
        None if layout::is_archive(&push.name) => event_in::<Agent>(repo, object, hit, carried),
        None => Ok(None),
    }
}

fn event_of<I: SubjectId>(
    repo: &Repo,
    _: &I,
    object: Oid,
    hit: &SecretHit,
    carried: &OutgoingObjects,
) -> Result<Option<String>> {
    event_in::<I::Subject>(repo, object, hit, carried)
}

/// The event that holds it, in a log of such a subject.
fn event_in<S: Subject>(
    repo: &Repo,
    id: Oid,
    hit: &SecretHit,
    carried: &OutgoingObjects,
) -> Result<Option<String>> {
    if hit.kind == ObjectKind::Blob {
        for (commit, path) in &carried.objects {
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
    let holds = |line: &str| allowlist::holds(line.as_bytes(), &hit.text);
    let own = commit::parse::<S::Fact>(&found.message).events.into_iter().find(|event| holds(&event.line));
    if let Some(event) = own {
        return Ok(Some(event.id.short()));
    }
    // The work in an archive has no state of ours.
    if !found.message.contains("\nOrchestra-State: ") || !holds(&found.message) {
        return Ok(None);
    }
    let events = Chain::<S>::read(repo, &[id])?.events;
    Ok(events.into_iter().find(|event| holds(&event.line)).map(|event| event.id.short()))
}
