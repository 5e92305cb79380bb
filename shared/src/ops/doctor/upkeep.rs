//! What killed commands left, what the next cleanup forgets, and files that only make commands faster.

use std::{fs, path::PathBuf};

use super::finding::{Finding, Group, Remedy};
use crate::{
    Result,
    config::{Config, keys::UNDO_EXPIRE},
    conversation::Index,
    git::Repo,
    landing::{finish, open_landings},
    lock::Lock,
    model::{quote, text},
    removal::trash,
    store::{
        cache::TipCache,
        layout::{self, PrivateDir},
        operations::{self, Operation, OperationBody, Stage},
        pack::LOOSE_REFS_LIMIT,
        trash_clock::{self, ClockReading},
        writer,
    },
};

/// Checks what commands left that were killed or not finished.
///
/// # Errors
/// The repository cannot be read.
pub(super) fn leftovers(repo: &Repo) -> Result<Vec<Finding>> {
    let private = PrivateDir::new(repo.private_dir()?);
    let mut findings = Vec::new();
    let moves = finish::count_interrupted_moves(repo)?;
    if moves > 0 {
        let count = text::count(moves as u64, "interrupted move");
        findings.push(
            Finding::warning(Group::Repository, "landing-interrupted", format!("{count} of a checkout"))
                .because("a landing was killed while it changed the files of your checkout; git commit may be blocked")
                .fixed_by(Remedy::Recover),
        );
    }
    if finish::is_incomplete(repo)? {
        findings.push(
            Finding::note(Group::Repository, "landing-worktree", "a worktree of a landing is incomplete")
                .because("a landing was killed while it made or removed it, or is doing so now")
                .fixed_by(Remedy::Recover),
        );
    }
    for landing in open_landings::all(repo)? {
        if !landing.is_running(repo)? {
            let into = landing.into.as_deref().unwrap_or("a branch");
            findings.push(
                Finding::note(
                    Group::Repository,
                    "landing-unfinished",
                    format!("the landing into {into} is unfinished"),
                )
                .about(&landing.operation.id)
                .fix("git orchestra merge-ranked --continue"),
            );
        }
    }
    if !Lock::is_held(&private.operations_lock()) {
        let all = operations::all(repo)?;
        findings.extend(all.iter().filter(|one| is_interrupted(one, &all)).map(of_interrupted));
    }
    if repo.has_refs_below(layout::OUTGOING)? && !Lock::is_held(&private.sync_lock()) {
        findings.push(
            Finding::note(Group::Repository, "sync-leftovers", "a killed sync left copies of refs")
                .about(layout::OUTGOING)
                .fixed_by(Remedy::Recover),
        );
    }
    findings.extend(quarantined(&private));
    Ok(findings)
}

/// Returns whether an operation was killed, and the next one finishes or reverts it: it removes agents, or restores removed ones.
fn is_interrupted(operation: &Operation, all: &[Operation]) -> bool {
    let undone = operation.undoes().and_then(|id| all.iter().find(|one| one.id == id));
    let has_removals = [Some(operation), undone].into_iter().flatten().any(|one| !one.removals().is_empty());
    let is_known = !matches!(operation.body, OperationBody::Other { .. });
    operation.stage == Stage::Open && is_known && has_removals
}

fn of_interrupted(operation: &Operation) -> Finding {
    let what = format!("{} {} was interrupted", operation.command(), operation.id);
    Finding::warning(Group::Repository, "operation-interrupted", what)
        .about(&operation.id)
        .because("the next cleanup or undo finishes or reverts it")
        .fixed_by(Remedy::Recover)
}

/// Reports the files of damaged refs that were moved out of the way.
fn quarantined(private: &PrivateDir) -> Option<Finding> {
    let folder = private.damaged();
    let (mut files, mut open) = (0_u64, vec![folder.clone()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            } else {
                files += 1;
            }
        }
    }
    (files > 0).then(|| {
        let what = format!("{} moved out of the way earlier", text::count(files, "damaged ref"));
        Finding::note(Group::Repository, "refs-quarantined", what)
            .about(folder.to_string_lossy())
            .fix(quote::command(&[&"ls", &"-R", &folder]))
    })
}

/// Checks what the next cleanup forgets, and what could not be deleted.
///
/// # Errors
/// The operations cannot be read.
pub(super) fn trash(repo: &Repo) -> Result<Vec<Finding>> {
    let private = PrivateDir::new(repo.private_dir()?);
    let mut findings = Vec::new();
    let now = trash_clock::seconds_at(&private, ClockReading::of(repo.environment().clock()));
    if let Some(now) = now {
        let keep = Config::of(repo).get_or_default(&UNDO_EXPIRE).as_secs();
        let all = operations::all(repo)?;
        let due = all.iter().enumerate().filter(|(later, one)| {
            one.stage != Stage::Open && trash_clock::is_due(one.clock, now, keep, *later)
        });
        let due = due.count() as u64;
        if due > 0 {
            let what = format!("the next cleanup forgets {}", text::count(due, "old operation"));
            let finding = Finding::note(Group::Repository, "trash-due", what);
            findings.push(
                finding.because("they are older than orchestra.undoExpire").fix("git orchestra undo --list"),
            );
        }
    }
    let stuck = trash::undeletable_folders(repo)?;
    findings.extend(stuck.iter().map(|folder| {
        Finding::warning(
            Group::Repository,
            "trash-stuck",
            format!("'{}' cannot be deleted", folder.display()),
        )
        .about(folder.to_string_lossy())
        .because("it belongs to an agent that was removed; perhaps it has files of another user")
        .fix(quote::command(&[&"sudo", &"rm", &"-rf", &"--", folder]))
    }));
    Ok(findings)
}

/// Checks the private files of this clone, and whether many refs are loose.
///
/// # Errors
/// The private folder cannot be found.
pub(super) fn files(repo: &Repo) -> Result<Vec<Finding>> {
    let private = PrivateDir::new(repo.private_dir()?);
    let caches = [
        (private.cache(), TipCache::is_damaged(&private.cache())),
        (private.conversations(), Index::is_damaged(&private.conversations())),
    ];
    let mut findings: Vec<Finding> =
        caches.into_iter().filter(|(_, is_damaged)| *is_damaged).map(|(path, _)| of_cache(path)).collect();
    if private.writer().exists() && writer::known_writer(repo).is_none() {
        findings.push(
            Finding::warning(Group::Repository, "writer-id", "the id of this clone belongs to another clone or machine, or is damaged")
                .about(private.writer().to_string_lossy())
                .because("agents that were spawned here before count as those of another clone; the next spawn makes a new id"),
        );
    }
    if repo.has_many_loose_refs(layout::AGENTS, LOOSE_REFS_LIMIT) {
        findings.push(
            Finding::note(
                Group::Repository,
                "refs-loose",
                format!("more than {LOOSE_REFS_LIMIT} agents have refs of their own files"),
            )
            .because("lists of agents take longer")
            .fixed_by(Remedy::PackRefs),
        );
    }
    Ok(findings)
}

fn of_cache(path: PathBuf) -> Finding {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Finding::note(
        Group::Repository,
        "cache-damaged",
        format!("the cache '{name}' is damaged, or of another version"),
    )
    .about(path.to_string_lossy())
    .because("it is ignored, and commands take longer")
    .fixed_by(Remedy::DeleteCache(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::operations::{Removal, UndoEffect};

    #[test]
    fn removals_are_finished_and_landings_wait_for_their_user() {
        let operation = |id: &str, stage, body| Operation {
            version: 1,
            id: id.into(),
            at: String::new(),
            summary: String::new(),
            stage,
            clock: 0,
            via: None,
            body,
        };
        let removal = Removal {
            agent: "a-k3m9q".into(),
            worktree: None,
            registration: None,
            refs: Vec::new(),
            stood_on: None,
            bytes: 0,
            discarded: false,
        };
        let all = [
            operation("1", Stage::Done, OperationBody::Cleanup(vec![removal.clone()])),
            operation("2", Stage::Done, OperationBody::Doctor(Vec::new())),
        ];
        let undo = |of: &str| OperationBody::Undo { of: of.into(), effect: UndoEffect::Restored };
        for (stage, body, expected) in [
            (Stage::Open, OperationBody::Cleanup(vec![removal.clone()]), true),
            (Stage::Done, OperationBody::Cleanup(vec![removal]), false),
            (Stage::Open, OperationBody::Cleanup(Vec::new()), false),
            (Stage::Open, OperationBody::Landing(Vec::new()), false),
            (Stage::Open, undo("1"), true),
            (Stage::Open, undo("2"), false),
        ] {
            assert_eq!(is_interrupted(&operation("9", stage, body), &all), expected);
        }
    }
}
