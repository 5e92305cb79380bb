//! Merges and rebases with git: without a checkout where that is possible, else in the scratch worktree.

use super::scratch::Scratch;
use crate::{
    Code, Error, Result,
    git::{Git, Oid, merging::MergePlace, repo::Identity},
    model::text,
};

/// The maximum number of conflicting files that a reason names; more are counted.
const MAX_NAMED: usize = 3;
/// The maximum width of git's message about a conflict, in columns.
const MESSAGE_WIDTH: usize = 200;

/// The side whose lines are kept where both sides changed the same lines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PreferredSide {
    /// What landed so far.
    Ours,
    /// The branch.
    Theirs,
    /// Both sides, one after the other.
    Union,
}

impl PreferredSide {
    /// Returns the word that the options use for this side.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
            Self::Union => "union",
        }
    }
}

/// The result of a rebase.
#[derive(Debug)]
pub(super) enum Rebased {
    /// The newest of the rebased commits.
    Head(Oid),
    /// The files that conflict; the rebase was aborted.
    Conflict(Vec<String>),
}

/// The result of a merge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Merged {
    /// The tree of the merge.
    Clean(Oid),
    /// The merge conflicts.
    Conflict(MergeConflict),
}

/// The committer of rebased commits, and whether to sign them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Committer<'a> {
    /// The name and address of the committer.
    pub(super) identity: &'a Identity,
    /// Whether git signs the commits.
    pub(super) sign: bool,
}

/// A merge conflict.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct MergeConflict {
    /// The tree of the merge with conflict markers in its files; `None` if git did not write one.
    pub(super) tree: Option<Oid>,
    /// The files that conflict, by their names in that tree. Git names no file for some kinds of conflict.
    pub(super) files: Vec<String>,
    /// Git's message about the conflict.
    pub(super) message: Option<String>,
    /// The labels that git appends to the names of files it had to move, one for each side.
    labels: Vec<String>,
}

impl MergeConflict {
    /// Returns a conflict of which only the files are known.
    pub(super) fn of_files(files: Vec<String>) -> Self {
        Self { files, ..Self::default() }
    }

    /// Returns the same conflict, limited to some of its files.
    pub(super) fn only_in(&self, files: &[String]) -> Self {
        Self { files: files.to_vec(), ..self.clone() }
    }

    /// Returns where the conflict is, to follow "conflicts": ` in a.rs, b.rs and 3 more`, or git's message if it names no file.
    pub(super) fn place(&self) -> String {
        let mut names: Vec<&str> = self.files.iter().map(|file| self.real_name(file)).collect();
        names.dedup();
        if names.is_empty() {
            let said = self.message.as_deref().unwrap_or_default();
            let said = said.strip_prefix("CONFLICT ").unwrap_or(said);
            let said = if said.is_empty() { "in no file that git names" } else { said };
            return format!(" {}", text::one_line(said, MESSAGE_WIDTH));
        }
        format!(" in {}", name_files(&names))
    }

    /// Returns the name of a file in its branch. Where a folder has the name of a file, git writes the file as `file~label`.
    fn real_name<'a>(&self, file: &'a str) -> &'a str {
        let Some((name, behind)) = file.rsplit_once('~') else { return file };
        let is_label = |label: &String| {
            let number =
                behind.strip_prefix(label.as_str()).map(|rest| rest.strip_prefix('_').unwrap_or(rest));
            number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        if self.labels.iter().any(is_label) { name } else { file }
    }
}

/// Lists file names, such as `a.rs, b.rs and 3 more`.
pub(super) fn name_files(files: &[&str]) -> String {
    let names: Vec<String> = files.iter().take(MAX_NAMED).map(|file| text::one_line(file, 60)).collect();
    let more = files.len().saturating_sub(MAX_NAMED);
    let named = names.join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

/// Merges two commits without a checkout.
pub(super) fn merge(place: &MergePlace, ours: Oid, theirs: Oid) -> Result<Merged> {
    let answer = place.merge(ours, theirs)?;
    Ok(match answer.conflict {
        None => Merged::Clean(answer.tree),
        Some(conflict) => Merged::Conflict(MergeConflict {
            tree: Some(answer.tree),
            files: conflict.files,
            message: conflict.message,
            labels: vec![ours.to_string(), theirs.to_string()],
        }),
    })
}

impl Scratch {
    /// Merges in the worktree and prefers one side where both changed the same lines. Some files may still conflict.
    pub(super) fn merge_for(&self, side: PreferredSide, ours: Oid, theirs: Oid) -> Result<Merged> {
        self.reset(ours)?;
        let git = match side {
            PreferredSide::Ours => self.merging("merge")?.arg("-Xours"),
            PreferredSide::Theirs => self.merging("merge")?.arg("-Xtheirs"),
            PreferredSide::Union => self.merging("merge")?.setting("merge.default=union"),
        };
        self.run_merge(git, theirs)
    }

    /// Merges in the worktree and leaves the conflicts in its files and index.
    pub(super) fn merge_with_conflicts(&self, ours: Oid, theirs: Oid) -> Result<Merged> {
        self.reset(ours)?;
        self.run_merge(self.merging("merge")?, theirs)
    }

    fn run_merge(&self, git: Git, theirs: Oid) -> Result<Merged> {
        let output = git.args(["--quiet", "--no-commit", "--no-ff", &theirs.to_string()]).output()?;
        let files = self.unmerged()?;
        if output.status.success() && files.is_empty() {
            return Ok(Merged::Clean(self.write_tree()?));
        }
        // Exit code 1 means a conflict, perhaps one for which git names no file; any other code is a failure.
        if files.is_empty() && output.status.code() != Some(1) {
            return Err(failed("git merge", &output.stderr));
        }
        let said = String::from_utf8_lossy(&output.stdout);
        let message = said.lines().find(|line| line.starts_with("CONFLICT ")).map(str::to_owned);
        let labels = vec!["HEAD".to_owned(), theirs.to_string()];
        Ok(Merged::Conflict(MergeConflict { tree: None, files, message, labels }))
    }

    /// Rebases the commits from `base` to `tip` onto `onto`.
    pub(super) fn rebase(
        &self,
        side: Option<PreferredSide>,
        onto: Oid,
        base: Oid,
        tip: Oid,
        by: Committer<'_>,
    ) -> Result<Rebased> {
        self.reset(onto)?;
        let git = match side {
            None => self.merging("rebase")?,
            Some(PreferredSide::Ours) => self.merging("rebase")?.arg("-Xours"),
            Some(PreferredSide::Theirs) => self.merging("rebase")?.arg("-Xtheirs"),
            Some(PreferredSide::Union) => self.merging("rebase")?.setting("merge.default=union"),
        };
        let output = git
            .arg(if by.sign { "--gpg-sign" } else { "--no-gpg-sign" })
            .args(["--quiet", "--empty=drop", "--no-autostash", "--onto"])
            .args([onto.to_string(), base.to_string(), tip.to_string()])
            .env("GIT_EDITOR", "true")
            .env("GIT_COMMITTER_NAME", by.identity.name.as_str())
            .env("GIT_COMMITTER_EMAIL", by.identity.email.as_str())
            .output()?;
        let head = || self.git("rev-parse")?.arg("HEAD").line();
        if output.status.success() {
            let head = head()?;
            return Oid::parse(&head)
                .map(Rebased::Head)
                .ok_or_else(|| Error::internal("git rebase left no commit"));
        }
        let files = self.unmerged()?;
        if files.is_empty() {
            return Err(failed("git rebase", &output.stderr));
        }
        self.git("rebase")?.arg("--abort").run()?;
        Ok(Rebased::Conflict(files))
    }

    /// Returns the files that are unmerged in the index.
    fn unmerged(&self) -> Result<Vec<String>> {
        let said = self.git("diff")?.args(["--name-only", "--diff-filter=U", "-z"]).run()?;
        let names = String::from_utf8_lossy(&said);
        Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    /// Writes the index as a tree.
    pub(super) fn write_tree(&self) -> Result<Oid> {
        let said = self.git("write-tree")?.line()?;
        Oid::parse(&said).ok_or_else(|| Error::internal("git write-tree named no tree"))
    }

    /// Returns a git command in the worktree, with the settings given on the command line.
    fn merging(&self, verb: &str) -> Result<Git> {
        Ok(self.git(verb)?.command_line_settings())
    }
}

fn failed(what: &str, said: &str) -> Error {
    let said = text::safe_block(said.trim());
    Error::new(Code::GitFailed, format!("{what} failed")).because(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conflict(files: &[&str], message: &str) -> MergeConflict {
        MergeConflict {
            files: files.iter().map(ToString::to_string).collect(),
            message: Some(message.to_owned()),
            labels: vec!["1".repeat(40), "2".repeat(40)],
            ..MergeConflict::default()
        }
    }

    #[test]
    fn conflicting_files_are_named_by_their_real_names() {
        let (ours, theirs) = ("1".repeat(40), "2".repeat(40));
        for (files, place) in [
            (vec!["0\u{1b}.rs"], " in 0\\e.rs"),
            (vec!["a", "b", "c", "d", "e"], " in a, b, c and 2 more"),
            (vec![&*format!("dir~{ours}")], " in dir"),
            (vec!["dir", &*format!("dir~{theirs}_0")], " in dir"),
            (vec!["dir~HEAD", "x~"], " in dir~HEAD, x~"),
        ] {
            assert_eq!(conflict(&files, "").place(), place);
        }
        let split = "CONFLICT (directory rename split): Unclear where to rename z to";
        assert_eq!(conflict(&[], split).place(), " (directory rename split): Unclear where to rename z to");
        assert_eq!(conflict(&[], "").place(), " in no file that git names");
    }
}
