//! The checkout of the person who tries work: what keeps it from being switched, and the switch.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

use crate::{
    Code, Error, Result,
    git::{
        Git, Repo, checkout, command,
        worktrees::{Checkout, Worktree},
    },
    landing::{
        finish::{self, HeadSwitch, TargetMove},
        follow::{self, CheckoutStep, OnBranch},
    },
    model::text,
};

/// The most files that are named.
const MAX_FILES: usize = 3;

/// The checkout from which the repository was found.
pub(super) struct PersonsCheckout<'repo> {
    repo: &'repo Repo,
    checkout: Checkout,
}

impl<'repo> PersonsCheckout<'repo> {
    /// Finds it.
    ///
    /// # Errors
    /// There is none, or an operation is in progress in it (3).
    pub(super) fn of(repo: &'repo Repo) -> Result<Self> {
        let Some(Worktree { git_dir, path, .. }) = repo.own_checkout() else {
            return Err(Error::refused("there is no checkout in which work could be tried")
                .hint("run the command in a checkout"));
        };
        let checkout = Checkout { git_dir, path };
        match checkout.operation() {
            Some(operation) => Err(Error::new(
                Code::CheckoutUnfinished,
                format!("a {operation} is in progress in '{}'", checkout.path.display()),
            )
            .hint("finish or abort it first: git status")),
            None => Ok(Self { repo, checkout }),
        }
    }

    fn git(&self, verb: &str) -> Git {
        self.checkout.git(self.repo.environment(), verb).limit(command::LONG_LIMIT)
    }

    /// Refuses if a file that git knows has changes, or the index has.
    ///
    /// # Errors
    /// It has (3).
    pub(super) fn refuse_changes(&self) -> Result<()> {
        let changed =
            self.git("status").args(["--porcelain=v2", "-z", "--untracked-files=no", "--no-renames"]);
        let changed = checkout::paths(&changed.run()?);
        let changed: Vec<&[u8]> = changed.iter().filter_map(|entry| changed_path(entry)).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let what = format!("your checkout has changes: {}", named(&changed));
        Err(Error::new(Code::CheckoutBlocked, what)
            .hint("commit them, or put them aside with git stash, and try again"))
    }

    /// Moves the submodules that stood where the old commit says. Returns a warning for each that is not where the new one says.
    pub(super) fn follow(&self, switch: &HeadSwitch<'_>, on_branch: OnBranch) -> Vec<String> {
        let step = CheckoutStep { old: switch.old, new: switch.new, on_branch };
        follow::follow(self.repo, &self.checkout.path, step)
    }

    /// Switches to another commit, all of it or nothing. Returns the number of files that differ.
    ///
    /// # Errors
    /// A file that is not in git is in the way, or something changed meanwhile (3); git fails, or uses the checkout (4).
    pub(super) fn switch(&self, switch: &HeadSwitch<'_>) -> Result<usize> {
        let differ = |filter: &[&str]| {
            let git = self.git("diff-tree").args(["-r", "-z", "--name-only", "--no-renames"]).args(filter);
            git.args([switch.old.to_string(), switch.new.to_string()])
                .run()
                .map(|output| checkout::paths(&output))
        };
        // Git itself would overwrite ignored files.
        let added = differ(&["--diff-filter=A"])?;
        let is_there =
            |path: &&Vec<u8>| self.checkout.path.join(OsStr::from_bytes(path)).symlink_metadata().is_ok();
        let in_the_way: Vec<&[u8]> = added.iter().filter(is_there).map(Vec::as_slice).collect();
        if !in_the_way.is_empty() {
            let what = format!("files that are not in git are in the way: {}", named(&in_the_way));
            return Err(Error::new(Code::CheckoutBlocked, what).hint("move them away, and try again"));
        }
        let files = differ(&[])?.len();
        match finish::switch(self.repo, &self.checkout, switch)? {
            TargetMove::Moved | TargetMove::Unchanged => Ok(files),
            TargetMove::Elsewhere(_) => {
                let branch = text::safe(switch.branch);
                Err(Error::new(Code::BranchMoved, format!("the branch {branch} moved meanwhile"))
                    .hint("try again"))
            }
            TargetMove::Blocked(blocked) => Err(blocked
                .hints
                .into_iter()
                .fold(Error::new(Code::CheckoutBlocked, blocked.why), Error::hint)),
        }
    }
}

/// Returns the path of an entry of `git status --porcelain=v2`, unless it is a submodule that differs from the index: a switch leaves
/// it as it is.
fn changed_path(entry: &[u8]) -> Option<&[u8]> {
    // `1 XY SUB`, three modes and two ids; of a conflict, four modes and three ids.
    let fields = match entry.first()? {
        b'1' => 9,
        b'u' => 11,
        _ => return None,
    };
    let mut parts = entry.splitn(fields, |byte| *byte == b' ').skip(1);
    let (letters, kind) = (parts.next()?, parts.next()?);
    let is_staged = letters.first() != Some(&b'.');
    if kind.first() == Some(&b'S') && !is_staged { None } else { parts.last() }
}

fn named(paths: &[&[u8]]) -> String {
    let mut names: Vec<String> = paths
        .iter()
        .take(MAX_FILES)
        .map(|path| text::one_line(&String::from_utf8_lossy(path), 100))
        .collect();
    let more = paths.len().saturating_sub(MAX_FILES);
    names.extend((more > 0).then(|| text::count(more as u64, "more file")));
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submodule_that_differs_from_the_index_is_no_change() {
        let (modes, ids) = ("100644 100644 100644", "1111 2222");
        for (entry, path) in [
            (format!("1 .M N... {modes} {ids} a b.txt"), Some("a b.txt")),
            (format!("1 M. N... {modes} {ids} a.txt"), Some("a.txt")),
            (format!("1 .M SC.. {modes} {ids} sub"), None),
            (format!("1 .M S.MU {modes} {ids} sub"), None),
            (format!("1 M. SC.. {modes} {ids} sub"), Some("sub")),
            (format!("u UU N... {modes} 100644 {ids} 3333 c.txt"), Some("c.txt")),
            ("? new".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(changed_path(entry.as_bytes()), path.map(str::as_bytes), "{entry}");
        }
    }
}
