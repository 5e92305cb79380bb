//! One merge: with git, outside of any checkout where that is possible, in the scratch worktree where it is not.

use serde::{Deserialize, Serialize};

use super::scratch::Scratch;
use crate::{
    Error, Kind, Result,
    git::{Git, Oid, command, repo::Identity},
    model::text,
};

/// How a branch becomes part of the target.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// By a merge commit.
    #[default]
    Merge,
    /// As one commit.
    Squash,
    /// Its commits are applied anew, one after the other.
    Rebase,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Merge, Self::Squash, Self::Rebase];

    /// As it is typed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }

    /// Reads it back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// Whose lines hold where both sides changed the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Side {
    /// What landed before.
    Ours,
    /// What the branch brings.
    Theirs,
    /// Both, one after the other.
    Union,
}

/// What became of a merge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Merged {
    /// The tree of the merge.
    Clean(Oid),
    /// These files conflict; the tree holds them with marks where they do.
    Conflict { tree: Oid, files: Vec<String> },
}

/// Who commits what is rebased, and whether with a signature.
#[derive(Clone, Copy, Debug)]
pub(super) struct Committer<'a> {
    /// Who.
    pub(super) identity: &'a Identity,
    /// Whether git is to sign.
    pub(super) sign: bool,
}

/// The command of [`merge`].
pub(super) const MERGE: &str = "merge-tree";

/// Merges two commits without any checkout, by a [`MERGE`] that runs in a folder of the repository; attributes are read there.
pub(super) fn merge(git: Git, ours: Oid, theirs: Oid) -> Result<Merged> {
    let output = git
        .args(["--write-tree", "-z", "--name-only", "--no-messages"])
        .args([ours.to_string(), theirs.to_string()])
        .limit(command::LONG)
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let mut words = said.split('\0').filter(|word| !word.is_empty());
    let tree = words.next().and_then(Oid::parse);
    match (output.status.code(), tree) {
        (Some(0), Some(tree)) => Ok(Merged::Clean(tree)),
        (Some(1), Some(tree)) => {
            let mut files: Vec<String> = words.map(str::to_owned).collect();
            files.dedup();
            Ok(Merged::Conflict { tree, files })
        }
        _ => Err(failed("git merge-tree", &output.stderr)),
    }
}

impl Scratch {
    /// Merges in the worktree, where one side holds; `None`: some files conflict even so, and are named.
    pub(super) fn merge_for(&self, side: Side, ours: Oid, theirs: Oid) -> Result<Merged> {
        self.reset(ours)?;
        let mut git = match side {
            Side::Ours => self.git("merge")?.arg("-Xours"),
            Side::Theirs => self.git("merge")?.arg("-Xtheirs"),
            Side::Union => self.git_with("merge.default=union", "merge")?,
        };
        git = git.args(["--quiet", "--no-commit", "--no-ff", &theirs.to_string()]);
        let output = git.output()?;
        let files = self.unmerged()?;
        if files.is_empty() && !output.status.success() {
            return Err(failed("git merge", &output.stderr));
        }
        let merged = if files.is_empty() {
            Merged::Clean(self.write_tree()?)
        } else {
            Merged::Conflict { tree: Oid::EMPTY_TREE, files }
        };
        Ok(merged)
    }

    /// Merges in the worktree, and leaves its conflicts there.
    pub(super) fn merge_with_conflicts(&self, ours: Oid, theirs: Oid) -> Result<Merged> {
        self.reset(ours)?;
        let output =
            self.git("merge")?.args(["--quiet", "--no-commit", "--no-ff", &theirs.to_string()]).output()?;
        let files = self.unmerged()?;
        if files.is_empty() && !output.status.success() {
            return Err(failed("git merge", &output.stderr));
        }
        Ok(Merged::Conflict { tree: Oid::EMPTY_TREE, files })
    }

    /// Applies the commits of a branch anew on top of `onto`; gives the newest.
    pub(super) fn rebase(
        &self,
        side: Option<Side>,
        onto: Oid,
        base: Oid,
        tip: Oid,
        by: Committer<'_>,
    ) -> Result<std::result::Result<Oid, Vec<String>>> {
        self.reset(onto)?;
        let git = match side {
            None => self.git("rebase")?,
            Some(Side::Ours) => self.git("rebase")?.arg("-Xours"),
            Some(Side::Theirs) => self.git("rebase")?.arg("-Xtheirs"),
            Some(Side::Union) => self.git_with("merge.default=union", "rebase")?,
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
            return Oid::parse(&head).map(Ok).ok_or_else(|| Error::internal("git rebase left no commit"));
        }
        let files = self.unmerged()?;
        if files.is_empty() {
            return Err(failed("git rebase", &output.stderr));
        }
        self.git("rebase")?.arg("--abort").run()?;
        Ok(Err(files))
    }

    /// Files that a merge could not settle.
    fn unmerged(&self) -> Result<Vec<String>> {
        let said = self.git("diff")?.args(["--name-only", "--diff-filter=U", "-z"]).run()?;
        let names = String::from_utf8_lossy(&said);
        Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    /// What is staged, as a tree.
    pub(super) fn write_tree(&self) -> Result<Oid> {
        let said = self.git("write-tree")?.line()?;
        Oid::parse(&said).ok_or_else(|| Error::internal("git write-tree named no tree"))
    }

    fn git_with(&self, setting: &str, verb: &str) -> Result<Git> {
        Ok(self.git(verb)?.setting(setting))
    }
}

fn failed(what: &str, said: &str) -> Error {
    let said = text::safe_block(said.trim());
    Error::new(Kind::External, format!("{what} failed")).because(said)
}
