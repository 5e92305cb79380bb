//! Locks that killed programs left.

use super::finding::{Finding, Group, Remedy};
use crate::{
    Result,
    git::{
        Repo,
        lock_files::{LockFiles, OtherLock},
    },
    model::quote,
};

/// Maximum number of locked files that are named.
const MAX_NAMED: usize = 3;

/// Checks the locks on refs, indexes, and other files of git.
///
/// # Errors
/// The common git directory cannot be found.
pub(super) fn check(repo: &Repo) -> Result<Vec<Finding>> {
    Ok(of_locks(&repo.lock_files()?))
}

fn of_locks(locks: &LockFiles) -> Vec<Finding> {
    let mut findings: Vec<Finding> = locks
        .dead
        .iter()
        .map(|dead| {
            let named: Vec<&str> = dead.files.iter().take(MAX_NAMED).map(String::as_str).collect();
            let more = if dead.files.len() > MAX_NAMED { " …" } else { "" };
            let what = format!("a killed command left a lock on {}{more}", named.join(", "));
            let finding = Finding::warning(Group::Repository, "lock-ours", what)
                .because("git cannot change what is locked")
                .fixed_by(Remedy::Recover);
            match named.first() {
                Some(first) => finding.about(first),
                None => finding,
            }
        })
        .collect();
    findings.extend(locks.others.iter().map(of_other));
    if findings.is_empty() {
        findings.push(Finding::ok(Group::Repository, "locks", "no stale locks"));
    }
    findings
}

fn of_other(lock: &OtherLock) -> Finding {
    let locked = &lock.locked;
    let remove = quote::command(&[&"rm", &lock.path]);
    if !lock.is_abandoned {
        return Finding::note(
            Group::Repository,
            "lock-git",
            format!("{locked} is locked, perhaps by a git that runs now"),
        )
        .about(locked)
        .fix(format!("if no git runs here: {remove}"));
    }
    let finding =
        Finding::warning(Group::Repository, "lock-git", format!("a killed git left a lock on {locked}"))
            .about(locked)
            .because("git cannot change what is locked; no process that runs now can have made the lock");
    if lock.is_removable { finding.fixed_by(Remedy::RemoveLock(locked.clone())) } else { finding.fix(remove) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::doctor::finding::Severity;

    #[test]
    fn only_abandoned_locks_of_ours_are_fixable() {
        let other = |is_abandoned, is_removable| OtherLock {
            path: "/r/x.lock".into(),
            locked: "x".into(),
            is_removable,
            is_abandoned,
        };
        for (others, severity, fixable) in [
            (vec![], Severity::Ok, false),
            (vec![other(true, false)], Severity::Warning, false),
            (vec![other(true, true)], Severity::Warning, true),
            (vec![other(false, true)], Severity::Note, false),
        ] {
            let found = of_locks(&LockFiles { dead: Vec::new(), others });
            assert_eq!((found.len(), found[0].severity, found[0].fixable), (1, severity, fixable));
        }
    }
}
