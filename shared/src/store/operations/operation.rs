//! One operation: what a command changed. It is stored as `operation.json`, in the shape that version 0.1.0 wrote: the command is a
//! word, and lists that do not apply to it are empty. Only this module converts between the two.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, git::Oid, model::via::Via};

/// The version of the format.
pub(super) const VERSION: u32 = 1;

/// How far an operation has come.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It is in progress, or was interrupted.
    Open,
    /// It made its changes.
    Done,
    /// It ended before it changed anything.
    Aborted,
}

/// What a command changed, or is about to change.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(with = "Stored")]
#[serde(from = "Stored", into = "Stored")]
pub struct Operation {
    /// The version of the format.
    pub version: u32,
    /// Its id. Ids sort in the order in which the operations were made, whatever the clock said.
    pub id: String,
    /// When it began, for people.
    pub at: String,
    /// What it did, on one line.
    pub summary: String,
    /// Its progress.
    pub stage: Stage,
    /// The value of the trash clock when it began ([`crate::store::trash_clock`]), in seconds; 0 in operations of version 0.1.0, which
    /// had no such clock.
    pub clock: u64,
    /// The window through which a person began it, if it is not a terminal.
    pub via: Option<Via>,
    /// The command, and what it changed.
    pub body: OperationBody,
}

/// The command of an operation, and what it changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OperationBody {
    /// `merge-ranked` moved its target branch; without a change, it has not moved yet.
    Landing(Vec<Change>),
    /// `rewind` moved an agent's branch back to a point.
    Rewind(Vec<Change>),
    /// `cleanup` removed agents.
    Cleanup(Vec<Removal>),
    /// A command moved an incomplete worktree to the trash. No agent was removed.
    Repair(Vec<Removal>),
    /// `doctor` moved damaged refs out of the way.
    Doctor(Vec<QuarantinedRef>),
    /// `compare` gave verdicts on the work of these agents.
    Pick(Vec<String>),
    /// `undo` reverted another operation.
    Undo {
        /// The id of that operation.
        of: String,
        /// What the undo changed.
        effect: UndoEffect,
    },
    /// A newer version of git orchestra wrote it, and not everything that it did is known.
    Other {
        /// The name of the command.
        command: String,
        /// The operation that it reverts.
        undoes: Option<String>,
        /// The branches that it moved.
        changes: Vec<Change>,
        /// The agents that it removed.
        removals: Vec<Removal>,
    },
}

/// What an undo changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum UndoEffect {
    /// It moved branches back.
    Moved(Vec<Change>),
    /// It removed agents again that an undo had restored.
    Removed(Vec<Removal>),
    /// It restored agents or a worktree.
    Restored,
    /// It withdrew the verdicts on the work of these agents, or gave them again.
    Reviewed(Vec<String>),
}

/// An agent that was removed, or only its worktree. What is kept of it is in the tree of the operation, under the agent's id.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Removal {
    /// The id of the agent.
    pub agent: String,
    /// Where its worktree was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<PathBuf>,
    /// The name of its registration, below `worktrees` in the common git directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<String>,
    /// The refs that were deleted, each with its value.
    pub refs: Vec<(String, Oid)>,
    /// The user's branch that was checked out in its worktree, with its commit. The branch is kept; an undo checks it out again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stood_on: Option<(String, Oid)>,
    /// The size of its worktree on disk, in bytes.
    pub bytes: u64,
    /// Whether its work was not integrated, and the user discarded it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub discarded: bool,
}

impl Removal {
    fn commits(&self) -> impl Iterator<Item = Oid> {
        self.refs.iter().chain(&self.stood_on).map(|(_, id)| *id)
    }
}

/// A damaged ref whose file was moved out of the way.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct QuarantinedRef {
    /// The full name of the ref.
    pub name: String,
    /// Where its file is now.
    pub file: PathBuf,
}

/// A branch that moved.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "BranchMove")]
pub struct Change {
    /// The name of the branch, without `refs/heads/`.
    pub branch: String,
    /// The commit that it named before.
    pub old: Oid,
    /// The commit that it names now.
    pub new: Oid,
}

impl Operation {
    /// Returns the name of its command, such as `merge-ranked`.
    pub fn command(&self) -> &str {
        self.body.command()
    }

    /// Returns the branches that it moved.
    pub fn changes(&self) -> &[Change] {
        match &self.body {
            OperationBody::Landing(changes)
            | OperationBody::Rewind(changes)
            | OperationBody::Undo { effect: UndoEffect::Moved(changes), .. }
            | OperationBody::Other { changes, .. } => changes,
            OperationBody::Cleanup(_)
            | OperationBody::Repair(_)
            | OperationBody::Doctor(_)
            | OperationBody::Pick(_)
            | OperationBody::Undo { .. } => &[],
        }
    }

    /// Returns the agents that it removed, or whose worktrees it removed.
    pub fn removals(&self) -> &[Removal] {
        match &self.body {
            OperationBody::Cleanup(removals)
            | OperationBody::Repair(removals)
            | OperationBody::Undo { effect: UndoEffect::Removed(removals), .. }
            | OperationBody::Other { removals, .. } => removals,
            OperationBody::Landing(_)
            | OperationBody::Rewind(_)
            | OperationBody::Doctor(_)
            | OperationBody::Pick(_)
            | OperationBody::Undo { .. } => &[],
        }
    }

    /// Returns the same as [`Self::removals`], to be changed.
    pub fn removals_mut(&mut self) -> &mut [Removal] {
        match &mut self.body {
            OperationBody::Cleanup(removals)
            | OperationBody::Repair(removals)
            | OperationBody::Undo { effect: UndoEffect::Removed(removals), .. }
            | OperationBody::Other { removals, .. } => removals,
            OperationBody::Landing(_)
            | OperationBody::Rewind(_)
            | OperationBody::Doctor(_)
            | OperationBody::Pick(_)
            | OperationBody::Undo { .. } => &mut [],
        }
    }

    /// Replaces the agents that it removes.
    ///
    /// # Errors
    /// It is of a kind that removes no agents, which is a bug.
    pub fn set_removals(&mut self, new: Vec<Removal>) -> Result<()> {
        match &mut self.body {
            OperationBody::Cleanup(removals)
            | OperationBody::Repair(removals)
            | OperationBody::Undo { effect: UndoEffect::Removed(removals), .. } => {
                *removals = new;
                Ok(())
            }
            other => Err(Error::internal(format!("{} removes no agents", other.command()))),
        }
    }

    /// Returns the damaged refs that it moved out of the way.
    pub fn quarantined(&self) -> &[QuarantinedRef] {
        match &self.body {
            OperationBody::Doctor(refs) => refs,
            _ => &[],
        }
    }

    /// Returns the agents on whose work it gave or withdrew verdicts.
    pub fn reviewed(&self) -> &[String] {
        match &self.body {
            OperationBody::Pick(agents)
            | OperationBody::Undo { effect: UndoEffect::Reviewed(agents), .. } => agents,
            _ => &[],
        }
    }

    /// Returns the id of the operation that it reverts.
    pub fn undoes(&self) -> Option<&str> {
        match &self.body {
            OperationBody::Undo { of, .. } => Some(of),
            OperationBody::Other { undoes, .. } => undoes.as_deref(),
            _ => None,
        }
    }

    /// Returns whether it moved a branch or a ref, removed anything, or changed a verdict.
    pub fn changed_something(&self) -> bool {
        !self.changes().is_empty()
            || !self.removals().is_empty()
            || !self.quarantined().is_empty()
            || !self.reviewed().is_empty()
    }

    /// Returns every commit that it names, which must stay reachable as long as the operation exists.
    pub(super) fn commits(&self) -> impl Iterator<Item = Oid> {
        let changes = self.changes().iter().flat_map(|change| [change.old, change.new]);
        changes.chain(self.removals().iter().flat_map(Removal::commits))
    }
}

impl OperationBody {
    const LANDING: &str = "merge-ranked";
    const REWIND: &str = "rewind";
    const CLEANUP: &str = "cleanup";
    const REPAIR: &str = "repair";
    const DOCTOR: &str = "doctor";
    const PICK: &str = "compare";
    const UNDO: &str = "undo";

    fn command(&self) -> &str {
        match self {
            Self::Landing(_) => Self::LANDING,
            Self::Rewind(_) => Self::REWIND,
            Self::Cleanup(_) => Self::CLEANUP,
            Self::Repair(_) => Self::REPAIR,
            Self::Doctor(_) => Self::DOCTOR,
            Self::Pick(_) => Self::PICK,
            Self::Undo { .. } => Self::UNDO,
            Self::Other { command, .. } => command,
        }
    }
}

/// The content of `operation.json`, in every format that was ever written.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "Operation")]
struct Stored {
    /// The version of the format.
    version: u32,
    /// The id; ids sort in the order in which the operations were made.
    id: String,
    /// The command, such as `merge-ranked`.
    command: String,
    /// When it began.
    #[schemars(extend("format" = "date-time"))]
    at: String,
    /// What it did, on one line.
    summary: String,
    /// Its progress.
    stage: Stage,
    /// The branches that it moved.
    changes: Vec<Change>,
    /// The agents that it removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    removals: Vec<Removal>,
    /// The damaged refs that it moved out of the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    quarantined: Vec<QuarantinedRef>,
    /// The agents on whose work it gave or withdrew verdicts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reviewed: Vec<String>,
    /// The operation that it reverts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    undoes: Option<String>,
    /// The value of the trash clock when it began, in seconds.
    #[serde(rename = "clock_seconds", alias = "clock", default)]
    clock: u64,
    /// The window through which a person began it, such as `web`; absent for a terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    via: Option<String>,
}

impl From<Stored> for Operation {
    fn from(stored: Stored) -> Self {
        let Stored {
            version,
            id,
            command,
            at,
            summary,
            stage,
            changes,
            removals,
            quarantined,
            reviewed,
            undoes,
            clock,
            via,
        } = stored;
        let body = match (command.as_str(), undoes) {
            (OperationBody::LANDING, None) if removals.is_empty() => OperationBody::Landing(changes),
            (OperationBody::REWIND, None) if removals.is_empty() => OperationBody::Rewind(changes),
            (OperationBody::CLEANUP, None) if changes.is_empty() => OperationBody::Cleanup(removals),
            (OperationBody::REPAIR, None) if changes.is_empty() => OperationBody::Repair(removals),
            (OperationBody::DOCTOR, None) if changes.is_empty() && removals.is_empty() => {
                OperationBody::Doctor(quarantined)
            }
            (OperationBody::PICK, None) if changes.is_empty() && removals.is_empty() => {
                OperationBody::Pick(reviewed)
            }
            (OperationBody::UNDO, Some(of)) if changes.is_empty() || removals.is_empty() => {
                let effect = match (changes.is_empty(), removals.is_empty()) {
                    (true, true) if !reviewed.is_empty() => UndoEffect::Reviewed(reviewed),
                    (false, _) => UndoEffect::Moved(changes),
                    (true, false) => UndoEffect::Removed(removals),
                    (true, true) => UndoEffect::Restored,
                };
                OperationBody::Undo { of, effect }
            }
            (_, undoes) => OperationBody::Other { command, undoes, changes, removals },
        };
        let via = via.as_deref().and_then(Via::parse);
        Self { version, id, at, summary, stage, clock, via, body }
    }
}

impl From<Operation> for Stored {
    fn from(operation: Operation) -> Self {
        let command = operation.command().to_owned();
        let undoes = operation.undoes().map(str::to_owned);
        let (changes, removals) = (operation.changes().to_vec(), operation.removals().to_vec());
        let (quarantined, reviewed) = (operation.quarantined().to_vec(), operation.reviewed().to_vec());
        let Operation { version, id, at, summary, stage, clock, via, .. } = operation;
        let via = via.map(|via| via.as_str().to_owned());
        Self {
            version,
            id,
            command,
            at,
            summary,
            stage,
            changes,
            removals,
            quarantined,
            reviewed,
            undoes,
            clock,
            via,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn stored(command: &str, more: &Value) -> Value {
        let mut all = json!({
            "version": 1, "id": "19ab0123456aabbcc", "command": command, "at": "2026-11-20T10:00:00Z",
            "summary": "s", "stage": "done", "changes": [], "clock_seconds": 5,
        });
        for (key, value) in more.as_object().unwrap() {
            all[key] = value.clone();
        }
        all
    }

    /// Every shape that earlier versions wrote, with its meaning.
    #[test]
    fn every_stored_operation_is_read_and_written_as_it_was() {
        let zero = "0".repeat(40);
        let change = json!([{ "branch": "main", "old": zero, "new": zero }]);
        let removal = json!([{ "agent": "a-k3m9q", "refs": [["refs/heads/x", zero]], "bytes": 7 }]);
        for (command, more, is_expected) in [
            (
                "merge-ranked",
                json!({ "stage": "open" }),
                (|body| matches!(body, OperationBody::Landing(changes) if changes.is_empty()))
                    as fn(&OperationBody) -> bool,
            ),
            (
                "merge-ranked",
                json!({ "changes": change }),
                |body| matches!(body, OperationBody::Landing(changes) if changes.len() == 1),
            ),
            (
                "cleanup",
                json!({ "removals": removal }),
                |body| matches!(body, OperationBody::Cleanup(removals) if removals[0].bytes == 7),
            ),
            (
                "rewind",
                json!({ "changes": change }),
                |body| matches!(body, OperationBody::Rewind(changes) if changes.len() == 1),
            ),
            ("cleanup", json!({ "stage": "aborted" }), |body| matches!(body, OperationBody::Cleanup(_))),
            ("repair", json!({ "removals": removal }), |body| matches!(body, OperationBody::Repair(_))),
            (
                "doctor",
                json!({ "quarantined": [{ "name": "refs/x", "file": "/damaged/refs/x" }] }),
                |body| matches!(body, OperationBody::Doctor(refs) if refs[0].name == "refs/x"),
            ),
            (
                "compare",
                json!({ "reviewed": ["a-k3m9q"] }),
                |body| matches!(body, OperationBody::Pick(agents) if agents[0] == "a-k3m9q"),
            ),
            (
                "undo",
                json!({ "undoes": "1", "reviewed": ["a-k3m9q"] }),
                |body| matches!(body, OperationBody::Undo { effect: UndoEffect::Reviewed(agents), .. } if agents.len() == 1),
            ),
            (
                "undo",
                json!({ "undoes": "1", "changes": change }),
                |body| matches!(body, OperationBody::Undo { of, effect: UndoEffect::Moved(_) } if of == "1"),
            ),
            ("undo", json!({ "undoes": "1", "removals": removal }), |body| {
                matches!(body, OperationBody::Undo { effect: UndoEffect::Removed(_), .. })
            }),
            ("undo", json!({ "undoes": "1" }), |body| {
                matches!(body, OperationBody::Undo { effect: UndoEffect::Restored, .. })
            }),
            (
                "pipeline",
                json!({ "changes": change }),
                |body| matches!(body, OperationBody::Other { command, .. } if command == "pipeline"),
            ),
            ("merge-ranked", json!({ "changes": change, "removals": removal }), |body| {
                matches!(body, OperationBody::Other { .. })
            }),
        ] {
            let stored = stored(command, &more);
            let operation: Operation = serde_json::from_value(stored.clone()).unwrap();
            assert!(is_expected(&operation.body), "{stored}");
            assert_eq!(serde_json::to_value(&operation).unwrap(), stored);
        }
    }

    #[test]
    fn reads_version_0_1_0_without_a_clock() {
        let mut old = stored("cleanup", &json!({}));
        old.as_object_mut().unwrap().remove("clock_seconds");
        let mut operation: Operation = serde_json::from_value(old).unwrap();
        assert_eq!(operation.clock, 0);
        assert!(operation.set_removals(Vec::new()).is_ok());
        operation.body = OperationBody::Landing(Vec::new());
        assert!(operation.set_removals(Vec::new()).is_err());
    }
}
