//! Whether work is provably integrated: in a branch of the user, as history or as content, and not reverted there.

use std::collections::HashMap;

use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo, command},
};

/// Maximum number of commits of the target that are searched for the same patches, newest first.
const MAX_SEARCHED_COMMITS: usize = 5_000;
/// Maximum number of files to which the search is narrowed: more do not fit on a command line.
const MAX_PATHS: usize = 200;

/// What is known about some work and one branch. Counts are of the work's own commits without merges.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct IntegrationFacts {
    /// The number of the work's commits.
    pub commits: usize,
    /// Whether its newest commit is in the branch's history.
    pub reachable: bool,
    /// Whether `merge-ranked` landed it, and the resulting commit is in the branch's history.
    pub landed: bool,
    /// Whether one commit of the branch makes the same change as all of the work.
    pub squashed: bool,
    /// The number of its commits for which a commit of the branch makes the same change.
    pub picked: usize,
    /// Whether merging it into the branch would change nothing.
    pub adds_nothing: bool,
    /// The number of files that it changes and that are in the branch as they were before.
    pub reverted_files: usize,
}

/// How work is integrated, or that it is not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Integration {
    /// There is no work.
    Nothing,
    /// As itself, in the branch's history.
    Merged,
    /// By `merge-ranked`, as other commits.
    Landed,
    /// As one commit.
    Squashed,
    /// Commit by commit: rebased or cherry-picked.
    Picked,
    /// The branch has the same content.
    SameContent,
    /// It was integrated, but this many of its files were reverted.
    Reverted(usize),
    /// Only some of its commits are integrated.
    Partly {
        /// The number of integrated commits.
        there: usize,
        /// The number of all its commits.
        of: usize,
    },
    /// It is not integrated.
    Missing,
}

impl Integration {
    /// Returns whether nothing is lost when the work is removed.
    pub const fn is_integrated(self) -> bool {
        !matches!(self, Self::Reverted(_) | Self::Partly { .. } | Self::Missing)
    }
}

/// Decides the integration from the facts.
pub const fn decide(facts: IntegrationFacts) -> Integration {
    let integration = if facts.commits == 0 {
        return Integration::Nothing;
    } else if facts.reachable {
        Integration::Merged
    } else if facts.landed {
        Integration::Landed
    } else if facts.squashed {
        Integration::Squashed
    } else if facts.picked >= facts.commits {
        Integration::Picked
    } else if facts.adds_nothing {
        Integration::SameContent
    } else if facts.picked > 0 {
        return Integration::Partly { there: facts.picked, of: facts.commits };
    } else {
        return Integration::Missing;
    };
    // Being in the history does not mean being in the files: a user who reverted the work may want it again.
    if facts.reverted_files > 0 { Integration::Reverted(facts.reverted_files) } else { integration }
}

/// Work to look for in a branch.
#[derive(Clone, Copy, Debug)]
pub struct CandidateWork {
    /// The commit that the work started from.
    pub base: Oid,
    /// The commit that holds the work.
    pub tip: Oid,
    /// The commit as which `merge-ranked` landed it, if it did.
    pub landed_as: Option<Oid>,
}

/// Determines how a piece of work is integrated into the branch at `target`.
///
/// # Errors
/// A commit cannot be read, or git fails.
pub fn find_integration(repo: &Repo, work: CandidateWork, target: Oid) -> Result<Integration> {
    let mut facts = IntegrationFacts {
        commits: count(repo.commits_between(work.base, work.tip)?),
        ..IntegrationFacts::default()
    };
    if facts.commits == 0 {
        return Ok(decide(facts));
    }
    facts.reachable = repo.contains(target, work.tip)?;
    facts.landed = work.landed_as.map_or(Ok(false), |commit| repo.contains(target, commit))?;
    if !facts.reachable && !facts.landed && repo.are_related(target, work.tip)? {
        facts.adds_nothing = adds_nothing(repo, work, target)?;
        if !facts.adds_nothing {
            find_same_patches(repo, work, target, &mut facts)?;
        }
    }
    if decide(facts).is_integrated() && !facts.adds_nothing {
        facts.reverted_files = reverted_files(repo, work, target)?;
    }
    Ok(decide(facts))
}

fn count(many: u64) -> usize {
    usize::try_from(many).unwrap_or(usize::MAX)
}

/// Returns whether a merge into the target would change nothing. The objects of the trial merge go into a temporary folder.
fn adds_nothing(repo: &Repo, work: CandidateWork, target: Oid) -> Result<bool> {
    let common = repo.common_dir()?;
    let objects_dir =
        tempfile::tempdir().context(Kind::External, || "cannot make a temporary folder".into())?;
    let output = repo
        .git_in(&common, "merge-tree")
        .allow_lazy_fetch()
        .args([
            "--write-tree",
            "--no-messages",
            "--name-only",
            "-z",
            &target.to_string(),
            &work.tip.to_string(),
        ])
        .env("GIT_OBJECT_DIRECTORY", objects_dir.path().as_os_str())
        .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", common.join("objects").as_os_str())
        .limit(command::LONG_LIMIT)
        .output()?;
    let tree = String::from_utf8_lossy(&output.stdout).split('\0').next().and_then(Oid::parse);
    Ok(output.status.success() && tree == Some(repo.tree_of(target)?))
}

/// Searches the commits that the target has and the work does not for the same patches.
fn find_same_patches(
    repo: &Repo,
    work: CandidateWork,
    target: Oid,
    facts: &mut IntegrationFacts,
) -> Result<()> {
    let merge_base = repo.merge_base(target, work.tip)?;
    let files = changed_files(repo, merge_base, work.tip)?;
    let there = patch_ids(repo, &format!("{}..{target}", work.tip), &files)?;
    let whole = crate::store::verdicts::patch_id(repo, merge_base, work.tip)?;
    facts.squashed = !whole.is_empty() && there.contains_key(&whole);
    let range = format!("{target}..{}", work.tip);
    let own = patch_ids(repo, &range, &[])?;
    facts.picked = own.iter().filter(|(patch, _)| there.contains_key(*patch)).map(|(_, times)| times).sum();
    let merges =
        repo.git_in(&repo.common_dir()?, "rev-list").args(["--count", "--merges", &range, "--"]).line()?;
    // A commit that is itself in the target, or changes nothing, does not count. A merge may hold changes of its own but has no
    // patch.
    facts.commits = (own.values().sum::<usize>() + merges.parse::<usize>().unwrap_or(1)).max(1);
    Ok(())
}

/// Returns the patch ids of the commits in a range, each with the number of commits that have it.
fn patch_ids(repo: &Repo, range: &str, files: &[String]) -> Result<HashMap<String, usize>> {
    let place = repo.common_dir()?;
    let most = format!("--max-count={MAX_SEARCHED_COMMITS}");
    let mut log = repo
        .git_in(&place, "log")
        .allow_lazy_fetch()
        .args([
            "-p",
            "--no-merges",
            "--no-ext-diff",
            "--no-textconv",
            "--full-index",
            "--full-diff",
            "--no-color",
            &most,
        ])
        .args(["--format=commit %H", range, "--"])
        .env("GIT_LITERAL_PATHSPECS", "1");
    if files.len() <= MAX_PATHS {
        log = log.args(files);
    }
    let log = log.limit(command::LONG_LIMIT).run()?;
    let output =
        repo.git_in(&place, "patch-id").arg("--stable").input(log).limit(command::LONG_LIMIT).run()?;
    let mut found = HashMap::new();
    for line in String::from_utf8_lossy(&output).lines() {
        if let Some((patch, _)) = line.split_once(' ') {
            *found.entry(patch.to_owned()).or_insert(0) += 1;
        }
    }
    Ok(found)
}

fn changed_files(repo: &Repo, from: Oid, to: Oid) -> Result<Vec<String>> {
    let output = repo
        .git_in(&repo.common_dir()?, "diff-tree")
        .args(["-r", "-z", "--name-only", "--no-renames", &from.to_string(), &to.to_string()])
        .limit(command::LONG_LIMIT)
        .run()?;
    let names = output.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

/// Counts the files that the work changes and that are in the target as they were before.
fn reverted_files(repo: &Repo, work: CandidateWork, target: Oid) -> Result<usize> {
    let own_files = changed_files(repo, work.base, work.tip)?;
    let moved: std::collections::HashSet<String> =
        changed_files(repo, work.base, target)?.into_iter().collect();
    Ok(own_files.iter().filter(|file| !moved.contains(*file)).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_integration_follows_from_the_facts() {
        let none = IntegrationFacts { commits: 2, ..IntegrationFacts::default() };
        for (facts, finding) in [
            (IntegrationFacts::default(), Integration::Nothing),
            (IntegrationFacts { reachable: true, ..none }, Integration::Merged),
            (IntegrationFacts { landed: true, ..none }, Integration::Landed),
            (IntegrationFacts { squashed: true, ..none }, Integration::Squashed),
            (IntegrationFacts { picked: 2, ..none }, Integration::Picked),
            (IntegrationFacts { adds_nothing: true, ..none }, Integration::SameContent),
            (IntegrationFacts { reachable: true, reverted_files: 1, ..none }, Integration::Reverted(1)),
            (IntegrationFacts { squashed: true, reverted_files: 3, ..none }, Integration::Reverted(3)),
            (IntegrationFacts { picked: 1, ..none }, Integration::Partly { there: 1, of: 2 }),
            (none, Integration::Missing),
        ] {
            assert_eq!(decide(facts), finding, "{facts:?}");
        }
    }
}
