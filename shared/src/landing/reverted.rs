//! Work that is in the history of a branch, and that somebody reverted there. Merging it again changes nothing: git takes it for there.

use crate::{
    git::{Oid, Repo},
    model::text,
};

/// The most commits that are searched for the revert, newest first, and the most commits of the work.
const MAX_COMMITS: usize = 1000;
/// What git writes into the message of a revert, before the commit.
const REVERTS: &str = "This reverts commit ";

/// Work in the history of a branch.
#[derive(Clone, Copy, Debug)]
pub struct LandedWork {
    /// The commit that the work started from.
    pub base: Oid,
    /// The commit that holds the work.
    pub tip: Oid,
    /// The commit as which it landed, if that is another one.
    pub landed_as: Option<Oid>,
}

/// Work that was reverted, wholly or in part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reverted {
    work: (Oid, Oid),
    /// The number of its files that are as they were before it.
    files: usize,
    /// The one commit that says that it reverts the work.
    by: Option<Oid>,
}

impl Reverted {
    /// Finds out whether work was reverted in the branch at `target`. What cannot be read says nothing.
    pub fn find(repo: &Repo, work: LandedWork, target: Oid) -> Option<Self> {
        let LandedWork { base, tip, landed_as } = work;
        let (_, files) = repo.reverted_files(base, tip, target).ok()?;
        (files > 0).then(|| Self { work: (base, tip), files, by: revert_of(repo, work, landed_as, target) })
    }

    /// Returns what happened to the work, such as `was in main, but 1 file was reverted since`.
    pub fn sentence(&self, branch: &str) -> String {
        let branch = text::one_line(branch, 100);
        let files = text::count(self.files as u64, "file");
        let were = if self.files == 1 { "was" } else { "were" };
        let by = self.by.map_or_else(String::new, |by| format!(", by {}", by.short()));
        format!("was in {branch}, but {files} {were} reverted since{by}")
    }

    /// Returns what brings the work back, with the command to type.
    pub fn way_back(&self) -> String {
        let (base, tip) = self.work;
        self.by.map_or_else(
            || format!("'git cherry-pick {}..{}' makes its changes again", base.short(), tip.short()),
            |by| format!("'git revert {}' brings it back", by.short()),
        )
    }
}

/// Returns the commit that reverts the work, if exactly one says so.
fn revert_of(repo: &Repo, work: LandedWork, landed_as: Option<Oid>, target: Oid) -> Option<Oid> {
    let mut own = repo.commits_since(work.base, work.tip, MAX_COMMITS).ok()?;
    own.extend(landed_as);
    let since = repo.commits_since(landed_as.unwrap_or(work.tip), target, MAX_COMMITS).ok()?;
    let mut reader = repo.commit_reader();
    let mut found = since.into_iter().filter(|commit| {
        reader.message(*commit).and_then(reverted_commit).is_some_and(|reverted| own.contains(&reverted))
    });
    found.next().filter(|_| found.next().is_none())
}

/// Returns the commit that a commit with this message reverts.
fn reverted_commit(message: &str) -> Option<Oid> {
    let line = message.lines().find_map(|line| line.strip_prefix(REVERTS))?;
    Oid::parse(line.get(..40)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_a_revert_names_the_commit() {
        let id = "1".repeat(40);
        for (message, found) in [
            (format!("Revert \"a\"\n\nThis reverts commit {id}.\n"), true),
            (format!("Revert \"a\"\n\nThis reverts commit {id}, reversing\nchanges made to {id}.\n"), true),
            (format!("about {id}\n"), false),
            ("This reverts commit abc.\n".to_owned(), false),
        ] {
            assert_eq!(reverted_commit(&message), Oid::parse(&id).filter(|_| found), "{message}");
        }
    }

    #[test]
    fn the_sentences_say_what_to_type() {
        let one = Reverted { work: (Oid::NULL, Oid::EMPTY_TREE), files: 1, by: Some(Oid::EMPTY_TREE) };
        assert_eq!(one.sentence("main"), "was in main, but 1 file was reverted since, by 4b825dc642");
        assert_eq!(one.way_back(), "'git revert 4b825dc642' brings it back");
        let two = Reverted { files: 2, by: None, ..one };
        assert_eq!(two.sentence("main"), "was in main, but 2 files were reverted since");
        assert_eq!(two.way_back(), "'git cherry-pick 0000000000..4b825dc642' makes its changes again");
    }
}
