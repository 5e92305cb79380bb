//! Moving a branch, once: the target to where everything stands that proved good, or back.

use crate::{
    Kind, Result,
    git::{Git, Oid, Repo, command, refs::Edit, worktrees::Checkout},
    model::{quote, text},
    store::layout,
};

/// What came of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Moved {
    /// It stands there now; where it is checked out, so do the files.
    Yes,
    /// There is nothing to move.
    NotNeeded,
    /// Somebody moved it meanwhile, to this commit, or removed it.
    Elsewhere(Option<Oid>),
    /// It cannot be moved as things stand.
    Blocked(Blocked),
}

/// Why the target cannot be moved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Blocked {
    /// A sentence.
    pub why: String,
    /// What to type.
    pub hints: Vec<String>,
}

impl Blocked {
    fn new(why: String, hint: String) -> Self {
        Self { why, hints: vec![hint] }
    }
}

/// A branch that is to move, by compare-and-swap.
#[derive(Clone, Copy, Debug)]
pub struct Move<'a> {
    /// Without `refs/heads/`.
    pub branch: &'a str,
    /// Where it must stand.
    pub old: Oid,
    /// Where it shall stand.
    pub new: Oid,
    /// For its reflog.
    pub why: &'a str,
}

/// Moves a branch, forward or back; where it is checked out and clean, its files go along.
///
/// # Errors
/// The ref cannot be written, or git fails.
pub fn move_branch(repo: &Repo, wanted: Move<'_>) -> Result<Moved> {
    let branch_ref = layout::branch_ref(wanted.branch);
    let now = repo.find_ref(&branch_ref)?;
    if now == Some(wanted.new) {
        return Ok(if wanted.new == wanted.old { Moved::NotNeeded } else { Moved::Yes });
    }
    if now != Some(wanted.old) {
        return Ok(Moved::Elsewhere(now));
    }
    let checkouts = repo.checkouts_of(&branch_ref)?;
    let Some(checkout) = checkouts.first() else { return by_ref(repo, wanted, &branch_ref) };
    if let Some(blocked) = why_blocked(&checkouts, wanted.branch)? {
        return Ok(Moved::Blocked(blocked));
    }
    let git = if repo.contains(wanted.new, wanted.old)? {
        Git::new(&checkout.path, "merge").args(["--ff-only", "--quiet"])
    } else {
        // Refuses, as a merge does, where it would overwrite something.
        Git::new(&checkout.path, "reset").args(["--keep", "--quiet"])
    };
    let git = git.arg(wanted.new.to_string()).env("GIT_REFLOG_ACTION", wanted.why);
    let output = git.undisturbed().limit(command::LONG).output()?;
    let now = repo.find_ref(&branch_ref)?;
    if now == Some(wanted.new) {
        return Ok(Moved::Yes);
    }
    if now != Some(wanted.old) {
        return Ok(Moved::Elsewhere(now));
    }
    let said = text::safe_block(output.stderr.trim());
    let first = said.lines().next().unwrap_or("git failed").trim_start_matches("error: ").to_owned();
    let why = format!("'{}' cannot be moved: {first}", checkout.path.display());
    let hints = said.lines().skip(1).map(|line| line.trim().to_owned()).filter(|line| !line.is_empty());
    Ok(Moved::Blocked(Blocked { why, hints: hints.take(10).collect() }))
}

/// Where nobody has it checked out.
fn by_ref(repo: &Repo, wanted: Move<'_>, branch_ref: &str) -> Result<Moved> {
    let edit = [Edit { name: branch_ref.to_owned(), old: Some(wanted.old), new: wanted.new }];
    let mut moved = repo.edit_refs(&edit, wanted.why);
    // Killed here before, we left our own lock: nobody else would write that value.
    if moved.is_err() && repo.take_lock_away(branch_ref, Some(wanted.new)) {
        moved = repo.edit_refs(&edit, wanted.why);
    }
    match moved {
        Ok(()) => Ok(Moved::Yes),
        Err(error) if error.kind == Kind::Conflict => match repo.find_ref(branch_ref)? {
            now if now == Some(wanted.old) => Err(error),
            now => Ok(Moved::Elsewhere(now)),
        },
        Err(error) => Err(error),
    }
}

/// What would keep a branch from being moved now, if anything.
///
/// # Errors
/// Git fails.
pub fn blocked_now(repo: &Repo, branch: &str) -> Result<Option<Blocked>> {
    why_blocked(&repo.checkouts_of(&layout::branch_ref(branch))?, branch)
}

fn why_blocked(checkouts: &[Checkout], branch: &str) -> Result<Option<Blocked>> {
    let branch = text::safe(branch);
    if checkouts.len() > 1 {
        let paths: Vec<String> = checkouts.iter().map(|one| format!("'{}'", one.path.display())).collect();
        let why = format!("{branch} is checked out in several places: {}", paths.join(", "));
        return Ok(Some(Blocked::new(why, "check out another branch in all but one of them".to_owned())));
    }
    let Some(checkout) = checkouts.first() else { return Ok(None) };
    let place = checkout.path.display();
    if let Some(operation) = checkout.operation() {
        let why = format!("a {operation} of {branch} is under way in '{place}'");
        let command = quote::command(&[&"git", &"-C", &checkout.path, &operation, &"--continue"]);
        return Ok(Some(Blocked::new(why, format!("{command}, or --abort"))));
    }
    let said = Git::new(&checkout.path, "status")
        .args(["--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=all"])
        .limit(command::LONG)
        .run()?;
    let dirty = said.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()).count();
    if dirty == 0 {
        return Ok(None);
    }
    let files = text::count(dirty as u64, "file");
    let why = format!("{branch} is checked out in '{place}', where {files} changed and not committed");
    let command = quote::command(&[&"git", &"-C", &checkout.path, &"commit", &"--all"]);
    Ok(Some(Blocked::new(why, format!("commit them: {command}"))))
}
