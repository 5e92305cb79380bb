//! Conflicts that a person resolves by hand: the worktree for it, and taking in what is there.

use std::path::PathBuf;

use super::driver::{Driver, Found};
use crate::{
    Error, Kind, Result,
    git::{Oid, Repo},
    landing::by_hand::{self, ByHand},
    model::{AgentId, run::GateKind},
    ops::{gate_object::OpenGate, review::fix},
    store::{self, layout},
};

/// Returns the name of the worktree in which the conflict of a task is resolved.
fn name(run: &str, task: &str) -> String {
    format!("edit-{run}-{task}")
}

/// Returns the worktree of this clone in which the conflict at a gate is resolved, if it is there.
pub(in crate::ops) fn worktree(repo: &Repo, run: &str, gate: &OpenGate) -> Option<PathBuf> {
    let task = gate.task.as_deref().filter(|_| GateKind::parse(&gate.kind) == GateKind::Edit)?;
    by_hand::folder(repo, &name(run, task)).ok().filter(|folder| folder.is_dir())
}

/// The work whose conflict is resolved by hand.
struct Edited {
    /// The agent of the task.
    id: AgentId,
    /// The head of its work, as its events have it.
    known: Option<Oid>,
    /// The tip of its branch.
    tip: Oid,
}

impl Driver<'_> {
    /// Makes the worktree for the conflict of a task, and opens the gate at which a person says that it is resolved. If that cannot be
    /// done, a person is asked about the conflict again.
    pub(super) fn begin_edit(&mut self, found: &Found, place: usize) -> Result<()> {
        let name = name(self.key.as_str(), found.rows[place].id.as_str());
        let begun = self.edited(found, place).and_then(|edited| {
            by_hand::begin(self.context, self.repo, &name, edited.tip, &self.started.into)
        });
        match begun {
            // The path is of this machine: the event, which others read, has only the name.
            Ok(_) => {
                let says = format!(
                    "resolve the conflict with {} in the worktree {name}, then answer 'done'",
                    self.started.into
                );
                self.open_gate(found, Some(place), GateKind::Edit, says)
            }
            Err(error) => self.cannot_edit(found, place, &error),
        }
    }

    /// Takes the resolution of a person into the branch of the agent of the task, from which it is tested and lands like all work. What is
    /// not resolved is asked for again.
    pub(super) fn take_edit(&mut self, found: &Found, place: usize) -> Result<()> {
        let name = name(self.key.as_str(), found.rows[place].id.as_str());
        let taken = self.edited(found, place).and_then(|Edited { id, known, tip }| {
            let resolved = by_hand::take(self.repo, &name, (known, tip), &self.started.into)?;
            if let ByHand::Resolved(commit) = resolved {
                fix::adopt_repair(
                    self.context,
                    self.repo,
                    &id,
                    (tip, commit),
                    "orchestra run: resolved by hand",
                )?;
            }
            Ok(resolved)
        });
        match taken {
            Ok(ByHand::Resolved(_)) => {
                if let Some(left) = by_hand::remove(self.repo, &name)? {
                    self.warnings.push(format!(
                        "what was resolved by hand is in the work of the agent; '{}' has other files and stays",
                        left.display()
                    ));
                }
                Ok(())
            }
            Ok(ByHand::Unresolved(why)) => self.open_gate(found, Some(place), GateKind::Edit, why),
            Err(error) => self.cannot_edit(found, place, &error),
        }
    }

    fn edited(&self, found: &Found, place: usize) -> Result<Edited> {
        let id = found.rows[place].agent.clone().ok_or_else(|| Error::internal("a conflict has an agent"))?;
        let agent = store::agent(self.repo, &id)?;
        let tip = self.repo.find_ref(&layout::branch_ref(&agent.branch))?;
        let tip = tip.ok_or_else(|| Error::refused(format!("the branch of '{id}' is gone")))?;
        Ok(Edited { id, known: agent.head_commit(), tip })
    }

    fn cannot_edit(&self, found: &Found, place: usize, error: &Error) -> Result<()> {
        if error.kind() == Kind::Interrupted {
            return Err(self.interrupted());
        }
        let says = format!("it cannot be resolved by hand: {}", error.one_line());
        self.open_gate(found, Some(place), GateKind::Conflict, says)
    }

    /// Warns of what persons were resolving when the run ended: that stays where it is.
    pub(super) fn warn_of_edits(&mut self, found: &Found) {
        for row in &found.rows {
            let Ok(left) = by_hand::folder(self.repo, &name(self.key.as_str(), row.id.as_str())) else {
                continue;
            };
            if left.is_dir() && found.log.run.phase.is_end() {
                let name = name(self.key.as_str(), row.id.as_str());
                let untouched = by_hand::is_untouched(self.repo, &name).unwrap_or(false);
                let what = if untouched { "was made to resolve" } else { "has what was resolved by hand of" };
                let force = if untouched { " --force" } else { "" };
                self.warnings.push(format!(
                    "'{}' {what} the conflict of task {}; git worktree remove{force} deletes it",
                    left.display(),
                    row.id
                ));
            }
        }
    }
}
