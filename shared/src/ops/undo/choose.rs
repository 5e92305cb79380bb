//! Chooses the operation to undo, and decides what reverses it. Pure.

use crate::{
    Code, Error, Result,
    model::text,
    store::operations::{self, Change, Operation, OperationBody, QuarantinedRef, Removal, UndoEffect},
};

/// The command that lists the operations.
const LIST_HINT: &str = "git orchestra undo --list";

/// The way to reverse an operation.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Reversal<'a> {
    /// Move these branches back.
    MoveBack(&'a [Change]),
    /// Restore these agents, or their worktrees.
    Restore(&'a [Removal]),
    /// Return these damaged refs to their places.
    Return(&'a [QuarantinedRef]),
    /// Remove the agents again that this operation had removed.
    RemoveAgain(&'a Operation),
    /// Withdraw the verdicts on the work of these agents, or give them again.
    Verdicts {
        /// The agents.
        agents: &'a [String],
        /// The id of the operation that gave them first.
        pick: &'a str,
        /// Whether they are withdrawn.
        withdraws: bool,
    },
}

/// Returns how to reverse `operation`. `all` is sorted, newest first.
///
/// # Errors
/// It changed nothing, or another version of git orchestra made it (3).
pub(super) fn reversal<'a>(operation: &'a Operation, all: &'a [Operation]) -> Result<Reversal<'a>> {
    use OperationBody::{Cleanup, Doctor, Landing, Other, Pick, Repair, Rewind, Undo};
    let reversal = match &operation.body {
        Landing(changes) | Rewind(changes) | Undo { effect: UndoEffect::Moved(changes), .. }
            if !changes.is_empty() =>
        {
            Some(Reversal::MoveBack(changes))
        }
        Cleanup(removals) | Repair(removals) | Undo { effect: UndoEffect::Removed(removals), .. }
            if !removals.is_empty() =>
        {
            Some(Reversal::Restore(removals))
        }
        Doctor(refs) if !refs.is_empty() => Some(Reversal::Return(refs)),
        Pick(agents) | Undo { effect: UndoEffect::Reviewed(agents), .. } if !agents.is_empty() => {
            let (pick, withdraws) = root(operation, all);
            matches!(pick.body, Pick(_)).then_some(Reversal::Verdicts { agents, pick: &pick.id, withdraws })
        }
        Undo { of, effect: UndoEffect::Restored } => all
            .iter()
            .find(|before| before.id == *of && !before.removals().is_empty())
            .map(Reversal::RemoveAgain),
        Other { command, .. } => {
            let (id, command) = (text::safe(&operation.id), text::safe(command));
            let why = format!("operation '{id}' ({command}) was made by another version of git orchestra");
            return Err(Error::refused(why).hint("undo it with that version"));
        }
        _ => None,
    };
    reversal.ok_or_else(|| {
        Error::refused(format!("operation '{}' changed nothing", text::safe(&operation.id))).hint(LIST_HINT)
    })
}

/// Returns the command that an operation is, or that it and the undos before it undo, and whether undoing the operation takes the command
/// back.
fn root<'a>(operation: &'a Operation, all: &'a [Operation]) -> (&'a Operation, bool) {
    let (mut root, mut undone) = (operation, true);
    while let Some(before) =
        root.undoes().and_then(|id| all.iter().find(|one| one.id == id && one.id < root.id))
    {
        (root, undone) = (before, !undone);
    }
    (root, undone)
}

/// Finds the operation by its id or a unique prefix; without one, the newest landing, cleanup, rewind or pick that can be undone.
///
/// # Errors
/// There is no such operation, or it cannot be undone (3).
pub(super) fn choose<'a>(all: &'a [Operation], typed: Option<&str>) -> Result<&'a Operation> {
    let Some(typed) = typed else {
        // A repair, which a command makes first or `doctor` makes, is not what its user wants to undo unasked.
        let can = |one: &&Operation| {
            use OperationBody::{Cleanup, Landing, Pick, Rewind};
            matches!(one.body, Landing(_) | Rewind(_) | Cleanup(_) | Pick(_))
                && one.changed_something()
                && operations::is_in_effect(one, all)
        };
        return all
            .iter()
            .find(can)
            .ok_or_else(|| Error::new(Code::NothingToUndo, "nothing to undo").hint(LIST_HINT));
    };
    let shown = text::safe(typed);
    let found: Vec<&Operation> =
        all.iter().filter(|one| !typed.is_empty() && one.id.starts_with(typed)).collect();
    let operation = match found.as_slice() {
        [one] => *one,
        [] => {
            return Err(Error::new(Code::OperationUnknown, format!("no operation '{shown}'")).hint(LIST_HINT));
        }
        _ => {
            return Err(Error::new(
                Code::OperationAmbiguous,
                format!("several operations begin with '{shown}'"),
            )
            .hint(LIST_HINT));
        }
    };
    reversal(operation, all)?;
    if !operations::is_in_effect(operation, all) {
        return Err(Error::new(Code::NothingToUndo, format!("operation '{shown}' was already undone"))
            .hint(LIST_HINT));
    }
    Ok(operation)
}

/// Returns the operation that removed the same agents last: agents that were restored and removed again are kept as they were then.
pub(super) fn newest_of<'a>(operation: &'a Operation, all: &'a [Operation]) -> &'a Operation {
    let again = |one: &&Operation| {
        let undone = one.undoes().and_then(|id| all.iter().find(|other| other.id == id));
        let root = undone.and_then(Operation::undoes);
        root == Some(operation.id.as_str())
            && !one.removals().is_empty()
            && operations::is_in_effect(one, all)
    };
    match all.iter().filter(|one| one.id > operation.id).find(again) {
        Some(newer) => newest_of(newer, all),
        None => operation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{git::Oid, store::operations::Stage};

    fn operation(id: &str, body: OperationBody) -> Operation {
        Operation {
            version: 1,
            id: id.into(),
            at: String::new(),
            summary: String::new(),
            stage: Stage::Done,
            clock: 0,
            via: None,
            body,
        }
    }

    fn changes() -> Vec<Change> {
        vec![Change { branch: "main".into(), old: Oid::NULL, new: Oid::EMPTY_TREE }]
    }

    fn removals() -> Vec<Removal> {
        vec![Removal {
            agent: "a-k3m9q".into(),
            worktree: None,
            registration: None,
            refs: Vec::new(),
            stood_on: None,
            bytes: 0,
            discarded: false,
        }]
    }

    fn verdicts<'a>(agents: &'a [String], pick: &'a str, withdraws: bool) -> Reversal<'a> {
        Reversal::Verdicts { agents, pick, withdraws }
    }

    #[test]
    fn an_undo_of_a_pick_is_reversed_by_giving_its_verdicts_again() {
        let agents = vec!["a-k3m9q".to_owned()];
        let undo =
            |of: &str| OperationBody::Undo { of: of.into(), effect: UndoEffect::Reviewed(agents.clone()) };
        let all = [
            operation("3", undo("2")),
            operation("2", undo("1")),
            operation("1", OperationBody::Pick(agents.clone())),
        ];
        for (at, withdraws) in [(2, true), (1, false), (0, true)] {
            assert_eq!(reversal(&all[at], &all).ok(), Some(verdicts(&agents, "1", withdraws)), "{at}");
        }
        assert_eq!(choose(&all[2..], None).unwrap().id, "1");
        assert!(reversal(&all[1], &all[..2]).is_err(), "what it undoes has expired");
    }

    #[test]
    fn every_kind_of_operation_has_its_reversal() {
        let undo = |effect| OperationBody::Undo { of: "1".into(), effect };
        let before = [operation("1", OperationBody::Cleanup(removals()))];
        let other = OperationBody::Other {
            command: "pipeline".into(),
            undoes: None,
            changes: changes(),
            removals: Vec::new(),
        };
        let (changes, removals) = (changes(), removals());
        let agents = vec!["a-k3m9q".to_owned()];
        let refs = vec![QuarantinedRef { name: "refs/x".into(), file: "/damaged/refs/x".into() }];
        for (body, expected) in [
            (OperationBody::Landing(changes.clone()), Some(Reversal::MoveBack(&changes))),
            (OperationBody::Rewind(changes.clone()), Some(Reversal::MoveBack(&changes))),
            (OperationBody::Landing(Vec::new()), None),
            (OperationBody::Cleanup(removals.clone()), Some(Reversal::Restore(&removals))),
            (OperationBody::Repair(removals.clone()), Some(Reversal::Restore(&removals))),
            (OperationBody::Doctor(refs.clone()), Some(Reversal::Return(&refs))),
            (OperationBody::Doctor(Vec::new()), None),
            (undo(UndoEffect::Moved(changes.clone())), Some(Reversal::MoveBack(&changes))),
            (undo(UndoEffect::Removed(removals.clone())), Some(Reversal::Restore(&removals))),
            (undo(UndoEffect::Restored), Some(Reversal::RemoveAgain(&before[0]))),
            (OperationBody::Pick(agents.clone()), Some(verdicts(&agents, "2", true))),
            (OperationBody::Pick(Vec::new()), None),
            (other, None),
        ] {
            let operation = operation("2", body);
            assert_eq!(reversal(&operation, &before).ok(), expected, "{operation:?}");
        }
        let forgotten = operation("2", undo(UndoEffect::Restored));
        assert!(reversal(&forgotten, &[]).is_err());
    }

    #[test]
    fn without_an_id_the_newest_command_of_a_user_is_chosen() {
        let all = [
            operation("5", OperationBody::Repair(removals())),
            operation("4", OperationBody::Landing(Vec::new())),
            operation("3", OperationBody::Undo { of: "2".into(), effect: UndoEffect::Moved(changes()) }),
            operation("2", OperationBody::Landing(changes())),
            operation("1", OperationBody::Cleanup(removals())),
        ];
        assert_eq!(choose(&all, None).unwrap().id, "1");
        assert_eq!(choose(&all, Some("5")).unwrap().id, "5");
        // An empty variable of a script is no prefix.
        assert_eq!(choose(&all[..1], Some("")).unwrap_err().code, Code::OperationUnknown);
        for (typed, why) in [("4", "changed nothing"), ("2", "was already undone"), ("9", "no operation")] {
            assert!(choose(&all, Some(typed)).unwrap_err().message.contains(why), "{typed}");
        }
    }
}
