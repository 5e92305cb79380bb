//! Moves a branch together with the index and files of the checkout that is on it, or switches a checkout: all of it or nothing.
//!
//! The move is recorded first. Then git's own locks are taken on index, `HEAD` and branch, and only under them is it checked that
//! everything is as expected. Git updates the files with an index of our own; it refuses to overwrite anything, ignored files
//! included. Then the new index replaces the old one, and last of all the branch, or `HEAD`, is set. Until then everything can be
//! reverted, even by another process after a kill.

mod links;
mod locks;
mod modes;
mod record;
mod refusal;
mod replaced;
mod revert;

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt,
    time::{Duration, Instant},
};

pub use self::modes::FileModes;
pub(super) use self::replaced::replaces_repository;
use self::{
    locks::Locks,
    record::{Goal, MovePlan, MoveRecord},
    refusal::{CheckoutRefusal, name_files},
};
use super::{
    branch_move::{Blocked, BranchMove, HeadPlace, HeadSwitch},
    check,
};
use crate::{
    Error, Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo, careful, checkout::paths, worktrees::Checkout},
    model::text,
    store::layout::{self, PrivateDir},
};

/// How long to wait for a git process that may be about to switch branches.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// The result of a move.
#[derive(Debug)]
pub(super) enum MoveOutcome {
    /// The branch, the index and the files are at the new commit.
    Moved,
    /// Nothing changed: the branch is at another commit, or deleted.
    Elsewhere(Option<Oid>),
    /// Nothing changed: the checkout is no longer on the branch.
    Switched,
    /// Nothing changed: something in the checkout prevents the move.
    Blocked(Blocked),
}

/// Moves a branch and the checkout that is on it.
///
/// # Errors
/// Another git process is running there (4), the checkout is not where it is registered (3), or something cannot be written.
pub(super) fn move_checkout(
    repo: &Repo,
    checkout: &Checkout,
    branch_move: BranchMove<'_>,
) -> Result<MoveOutcome> {
    try_move(repo, checkout, branch_move, branch_move.old)
}

/// Updates index and files of a checkout whose branch has moved already, if its index still matches the old commit.
///
/// # Errors
/// As [`move_checkout`].
pub(super) fn update_checkout(
    repo: &Repo,
    checkout: &Checkout,
    branch_move: BranchMove<'_>,
) -> Result<MoveOutcome> {
    try_move(repo, checkout, branch_move, branch_move.new)
}

fn try_move(
    repo: &Repo,
    checkout: &Checkout,
    branch_move: BranchMove<'_>,
    expected: Oid,
) -> Result<MoveOutcome> {
    let plan = MovePlan {
        checkout: checkout.clone(),
        branch: branch_move.branch.to_owned(),
        old: branch_move.old,
        new: branch_move.new,
        goal: Goal::Branch,
    };
    carry_out(repo, plan, branch_move.why, expected)
}

/// Switches a checkout, from a branch or a detached commit to another, all of it or nothing. The branch, on which it is before or
/// after, stays where it is.
///
/// # Errors
/// As [`move_checkout`].
pub(super) fn switch_checkout(
    repo: &Repo,
    checkout: &Checkout,
    switch: &HeadSwitch<'_>,
) -> Result<MoveOutcome> {
    let on_branch = || format!("ref: {}", layout::branch_ref(switch.branch));
    let head = |place: HeadPlace, commit: Oid| match place {
        HeadPlace::OnBranch => on_branch(),
        HeadPlace::Detached => commit.to_string(),
    };
    let plan = MovePlan {
        checkout: checkout.clone(),
        branch: switch.branch.to_owned(),
        old: switch.old,
        new: switch.new,
        goal: Goal::Head { old: head(switch.from, switch.old), new: head(switch.to, switch.new) },
    };
    let tip = match (switch.from, switch.to) {
        (HeadPlace::OnBranch, _) => Some(switch.old),
        (_, HeadPlace::OnBranch) => Some(switch.new),
        _ => repo.find_ref(&layout::branch_ref(switch.branch))?,
    };
    let Some(tip) = tip else { return Ok(MoveOutcome::Elsewhere(None)) };
    carry_out(repo, plan, switch.why, tip)
}

fn carry_out(repo: &Repo, plan: MovePlan, why: &str, expected: Oid) -> Result<MoveOutcome> {
    plan.checkout.verify()?;
    let record = MoveRecord::begin(repo, plan)?;
    let mut attempt = MoveAttempt { repo, record: &record, why, expected, is_consistent: true };
    let outcome = attempt.run();
    // A record whose move was not reverted, or whose locks are left, is kept for the next command.
    if attempt.is_consistent && !locks::are_left(&record) {
        record.remove();
    }
    outcome
}

/// Waits, up to [`MAX_WAIT`], for git processes that hold the index of a checkout: they may be about to switch branches.
///
/// # Errors
/// The checkouts cannot be listed.
pub(super) fn wait_for_switches(repo: &Repo) -> Result<()> {
    let mut locks = vec![repo.common_dir()?.join("index.lock")];
    locks.extend(repo.worktrees()?.into_iter().map(|worktree| worktree.git_dir.join("index.lock")));
    let begun = Instant::now();
    let mut waited = false;
    while begun.elapsed() < MAX_WAIT && locks.iter().any(|lock| lock.exists()) {
        waited = true;
        std::thread::sleep(Duration::from_millis(2));
    }
    if waited {
        // Git unlocks the index before it writes HEAD.
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Removes the locks of every move that was complete when a kill interrupted it. Runs no git.
///
/// # Errors
/// The repository cannot be read.
pub(super) fn release_completed_moves(repo: &Repo) -> Result<()> {
    let folder = PrivateDir::new(repo.private_dir()?).moves();
    let common = repo.common_dir()?;
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        let Some(record) = MoveRecord::open(repo.environment(), &common, &entry.path())? else { continue };
        let index = record.plan.checkout.git_dir.join("index");
        if links::is_same(&index, &record.new_index()) && record.plan.has_moved(repo)? {
            locks::release_all(&record);
            if !locks::are_left(&record) {
                record.remove();
            }
        }
    }
    Ok(())
}

/// Returns the number of moves that a kill interrupted. Nothing is changed.
pub(super) fn count_interrupted(repo: &Repo) -> Result<usize> {
    let records = fs::read_dir(PrivateDir::new(repo.private_dir()?).moves());
    let records = records.into_iter().flatten().flatten().map(|entry| entry.path());
    Ok(records.filter(|record| record.is_dir() && !MoveRecord::is_in_use(record)).count())
}

/// Reverts every move that a kill interrupted. Returns warnings for the user.
///
/// # Errors
/// Another git process is using that checkout (4), or something cannot be written.
pub(super) fn recover(repo: &Repo) -> Result<Vec<String>> {
    let folder = PrivateDir::new(repo.private_dir()?).moves();
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let common = repo.common_dir()?;
    let mut warnings = Vec::new();
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        let Some(record) = MoveRecord::open(repo.environment(), &common, &entry.path())? else { continue };
        check::end_leftover_processes(&record.id())?;
        let checkout = &record.plan.checkout;
        if !checkout.git_dir.join("HEAD").exists() {
            // The worktree was removed, so no files are left to revert.
            locks::release_all(&record);
            record.remove();
            continue;
        }
        let place = checkout.path.display();
        if let Err(error) = checkout.verify() {
            let why = error.one_line();
            warnings.push(format!(
                "a move of the files in '{place}' was interrupted and is not reverted yet: {why}"
            ));
            continue;
        }
        let locks = Locks::take(&record)?;
        let left = revert::revert(repo, &record, &locks)?;
        if !left.is_empty() {
            let files = name_files(&left);
            warnings.push(format!("a move of the files in '{place}' was interrupted; not reverted: {files}"));
        }
        drop(locks);
        let branch_move = BranchMove {
            branch: &record.plan.branch,
            old: record.plan.old,
            new: record.plan.new,
            why: "orchestra: finish an interrupted move",
        };
        let checkout = record.plan.checkout.clone();
        let is_of_branch = record.plan.goal == Goal::Branch;
        if is_of_branch && record.plan.has_moved(repo)? && record.plan.is_on_branch() {
            update_checkout(repo, &checkout, branch_move)?;
        }
        record.remove();
    }
    // This fails, as intended, while the folder holds the record of another move.
    let _ = fs::remove_dir(&folder);
    Ok(warnings)
}

/// One attempt at a move.
struct MoveAttempt<'a> {
    repo: &'a Repo,
    record: &'a MoveRecord,
    why: &'a str,
    /// The commit the branch must point to when the locks are taken.
    expected: Oid,
    /// Whether the checkout is in a consistent state: nothing needs to be reverted.
    is_consistent: bool,
}

impl MoveAttempt<'_> {
    fn run(&mut self) -> Result<MoveOutcome> {
        let locks = Locks::take(self.record)?;
        if let Some(outcome) = self.find_blocker()? {
            return Ok(outcome);
        }
        self.keep_filtered_files()?;
        self.record.keep_modes(self.repo)?;
        self.is_consistent = false;
        let done = match self.update_files() {
            Ok(FilesOutcome::Updated) => {
                self.restore_modes().and_then(|()| self.install(&locks)).map(|()| MoveOutcome::Moved)
            }
            Ok(FilesOutcome::Refused(blocked)) => {
                self.is_consistent = true;
                return Ok(MoveOutcome::Blocked(blocked));
            }
            Ok(FilesOutcome::Failed(blocked)) => Ok(MoveOutcome::Blocked(blocked)),
            Err(error) => Err(error),
        };
        let plan = &self.record.plan;
        let may_have_moved = plan.goal != Goal::Branch || self.expected == plan.old;
        if matches!(done, Ok(MoveOutcome::Moved)) || may_have_moved && plan.has_moved(self.repo)? {
            self.is_consistent = true;
            return Ok(MoveOutcome::Moved);
        }
        revert::revert(self.repo, self.record, &locks)?;
        self.is_consistent = true;
        done
    }

    /// Returns what prevents the move, if anything. Runs under the locks.
    fn find_blocker(&self) -> Result<Option<MoveOutcome>> {
        let plan = &self.record.plan;
        let MovePlan { checkout, branch, old, .. } = plan;
        let branch_ref = layout::branch_ref(branch);
        if let Some(operation) = checkout.operation() {
            return Ok(Some(MoveOutcome::Blocked(Blocked::by_operation(checkout, branch, operation))));
        }
        let is_there = match plan.goal {
            Goal::Branch => plan.is_on_branch(),
            Goal::Head { .. } => plan.is_unmoved(self.repo)?,
        };
        if !is_there {
            return Ok(Some(MoveOutcome::Switched));
        }
        let now = self.repo.find_ref(&branch_ref)?;
        if now != Some(self.expected) {
            return Ok(Some(MoveOutcome::Elsewhere(now)));
        }
        let place = checkout.path.display();
        if !checkout.git_dir.join("index").exists() {
            let why = self.cannot_move(&format!("the files of '{place}' were never checked out"));
            return Ok(Some(MoveOutcome::Blocked(Blocked::new(why, "git checkout, in that folder"))));
        }
        self.record.keep_index()?;
        self.record.prepare_git_dir()?;
        let staged = self.record.staged()?;
        if staged.is_empty() {
            return Ok(self.find_replaced_link()?.map(MoveOutcome::Blocked));
        }
        if plan.goal == Goal::Branch && self.expected != *old {
            // The checkout already has the files of the moved branch, or has changed since.
            return Ok(Some(MoveOutcome::Elsewhere(now)));
        }
        let names: Vec<String> =
            staged.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect();
        let why = self
            .cannot_move(&format!("staged changes in '{place}' are not committed: {}", name_files(&names)));
        Ok(Some(MoveOutcome::Blocked(Blocked::new(why, "commit or unstage them"))))
    }

    /// Returns which repository in the checkout keeps the move from being made: files would be put in its place.
    fn find_replaced_link(&self) -> Result<Option<Blocked>> {
        let found = replaced::with_files(self.record)?;
        Ok(found.map(|folder| Blocked::new(self.cannot_move(&folder.what()), folder.way_out())))
    }

    /// Lets git update the files. It checks all of them before it changes the first.
    fn update_files(&self) -> Result<FilesOutcome> {
        let new = self.record.plan.new;
        let ran = self
            .record
            .git("checkout")
            .args(["--quiet", "--detach", "--no-overwrite-ignore", &new.to_string(), "--"])
            .env(check::NONCE, self.record.id())
            .ignore_ctrl_c()
            .output();
        let output = match ran {
            Ok(output) if output.status.success() && output.stderr.trim().is_empty() => {
                return Ok(FilesOutcome::Updated);
            }
            // Git only warns about a file that it could not write or remove.
            Ok(output) if output.status.success() => return self.check_files(&output.stderr),
            Ok(output) => output,
            Err(error) => {
                check::end_leftover_processes(&self.record.id())?;
                return Err(error);
            }
        };
        if let Some(refusal) = CheckoutRefusal::read(&output.stderr) {
            return Ok(FilesOutcome::Refused(self.refused(&refusal)));
        }
        let said = text::safe_block(output.stderr.trim());
        let first = said.lines().next().unwrap_or_default();
        let first = first.trim_start_matches("error: ").trim_start_matches("fatal: ");
        let what = if first.is_empty() {
            format!("git checkout failed ({})", output.status)
        } else {
            first.to_owned()
        };
        let hint = "fix that, then try again";
        Ok(FilesOutcome::Failed(Blocked::new(self.cannot_move(&what), hint)))
    }

    /// Gives the files that git made again the permissions that they had, and the new index the file times of now.
    fn restore_modes(&self) -> Result<()> {
        if self.record.restore_modes() {
            // Its exit code is ignored: it fails if any file differs.
            self.record.git("update-index").args(["-q", "--refresh"]).output()?;
        }
        Ok(())
    }

    /// Keeps the files that git will replace or remove, if a filter may be needed to make them again.
    fn keep_filtered_files(&self) -> Result<()> {
        if !self.repo.has_filters() {
            return Ok(());
        }
        let cannot = || format!("cannot keep the files of '{}'", self.record.plan.checkout.path.display());
        for path in self.changed_paths("MTD")? {
            self.record.keep_file(&path).context(Kind::External, cannot)?;
        }
        Ok(())
    }

    /// Returns the paths that the move changes in certain ways, as letters of git's `--diff-filter`.
    fn changed_paths(&self, kinds: &str) -> Result<Vec<Vec<u8>>> {
        let MovePlan { old, new, .. } = &self.record.plan;
        let kinds = format!("--diff-filter={kinds}");
        let command = self.record.git("diff-tree").args(["-r", "-z", "--name-only", "--no-renames", &kinds]);
        Ok(paths(&command.args([&old.to_string(), &new.to_string(), "--"]).run()?))
    }

    /// Checks whether git wrote and removed all files, after it said something and that it succeeded.
    fn check_files(&self, said: &str) -> Result<FilesOutcome> {
        if said.lines().any(|line| line.starts_with("error: ")) {
            let written: HashSet<Vec<u8>> = self.changed_paths("AMT")?.into_iter().collect();
            // Its exit code is ignored: it fails if any file differs.
            self.record.git("update-index").args(["-q", "--refresh"]).output()?;
            let differing = self.record.git("diff-files").args(["--name-only", "-z"]).run()?;
            let left: Vec<Vec<u8>> =
                paths(&differing).into_iter().filter(|path| written.contains(path)).collect();
            if !left.is_empty() {
                return Ok(self.failed("write", &left));
            }
        }
        self.check_removals()
    }

    fn failed(&self, verb: &str, files: &[Vec<u8>]) -> FilesOutcome {
        let names: Vec<String> =
            files.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect();
        let why = self.cannot_move(&format!("git could not {verb} {}", name_files(&names)));
        FilesOutcome::Failed(Blocked::new(why, "fix that, then try again"))
    }

    fn check_removals(&self) -> Result<FilesOutcome> {
        let checkout = &self.record.plan.checkout;
        let is_there = |path: &Vec<u8>| {
            let found = fs::symlink_metadata(checkout.path.join(OsStr::from_bytes(path)));
            found.is_ok_and(|found| !found.is_dir())
        };
        let left: Vec<Vec<u8>> = self.changed_paths("D")?.into_iter().filter(is_there).collect();
        Ok(if left.is_empty() { FilesOutcome::Updated } else { self.failed("remove", &left) })
    }

    /// Replaces the index, then sets the branch. With the latter, the move is complete.
    fn install(&self, locks: &Locks) -> Result<()> {
        let MovePlan { checkout, branch, old, new, goal } = &self.record.plan;
        let index = self.record.git_dir().join("index");
        record::replace_with_link(&index, &self.record.new_index())
            .context(Kind::External, || format!("cannot keep '{}'", index.display()))?;
        let branch_log = self.record.common.join("logs").join(layout::branch_ref(branch));
        let branch_log = (*goal == Goal::Branch && self.expected == *old).then_some(branch_log);
        for log in branch_log.into_iter().chain([checkout.git_dir.join("logs/HEAD")]) {
            self.repo.write_reflog(&log, Some(*old), *new, self.why)?;
        }
        locks.replace_index(&index)?;
        locks.commit(goal)
    }

    fn refused(&self, refusal: &CheckoutRefusal) -> Blocked {
        let place = self.record.plan.checkout.path.display();
        if !refusal.changed.is_empty() {
            let files = name_files(&refusal.changed);
            let why = self.cannot_move(&format!("changes in '{place}' are not committed: {files}"));
            let folder = &self.record.plan.checkout.path;
            let listed = self.record.git("ls-files").args(["-v", "-z", "--"]).args(&refusal.changed).run();
            let MovePlan { old, new, .. } = self.record.plan;
            let back = self.repo.contains(old, new).unwrap_or(false);
            return Blocked::new(why, refusal::way_out(folder, &listed.unwrap_or_default(), back));
        }
        let files = name_files(&refusal.untracked);
        let why = self.cannot_move(&format!("untracked files in '{place}' are in the way: {files}"));
        Blocked::new(why, "move or rename them")
    }

    fn cannot_move(&self, why: &str) -> String {
        let MovePlan { checkout, branch, goal, .. } = &self.record.plan;
        match goal {
            Goal::Branch => format!("{} cannot be moved: {why}", text::safe(branch)),
            Goal::Head { .. } => format!("'{}' cannot be switched: {why}", checkout.path.display()),
        }
    }
}

/// The result of letting git update the files.
enum FilesOutcome {
    /// All files are at the new commit.
    Updated,
    /// Git refused; no file was changed.
    Refused(Blocked),
    /// Git failed; some files may have been changed.
    Failed(Blocked),
}

/// Fails if a branch is a symbolic ref: moving it would turn it into an ordinary branch.
///
/// # Errors
/// The branch is a symbolic ref (3).
pub(super) fn refuse_symbolic(common: &std::path::Path, branch: &str) -> Result<()> {
    let file = common.join(layout::branch_ref(branch));
    let Some(target) =
        careful::text(file).ok().and_then(|text| Some(text.strip_prefix("ref: ")?.trim().to_owned()))
    else {
        return Ok(());
    };
    let (branch, target) = (text::safe(branch), text::safe(&target).into_owned());
    Err(Error::refused(format!("branch {branch} is a symbolic ref to {target}"))
        .hint(format!("name {} instead", layout::branch_of(&target).unwrap_or(&target))))
}
