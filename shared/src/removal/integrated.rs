//! Whether work is provably elsewhere: in a branch of the user's, as history or as content, and not taken back there.

use std::collections::HashMap;

use crate::{
    Kind, Result,
    error::Context,
    git::{Oid, Repo, command},
};

/// The most commits of the target that are searched for the same patches: the newest.
const SEARCHED: usize = 5_000;
/// Above so many files the search is not narrowed to them: the command line would not take them.
const NARROW: usize = 200;

/// What is known of one piece of work and one branch. Counts are of the work's own commits, merges aside.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct IntegrationFacts {
    /// The work's commits.
    pub commits: usize,
    /// Its newest commit is in the branch's history.
    pub reachable: bool,
    /// It landed through us, and the commit that brought it is in the branch's history.
    pub landed: bool,
    /// One commit of the branch makes the same change as all of it.
    pub squashed: bool,
    /// So many of its commits have one in the branch that makes the same change.
    pub picked: usize,
    /// Merged into the branch, it would change nothing.
    pub adds_nothing: bool,
    /// Files that it changes and that stand in the branch as they were before.
    pub files_back: usize,
}

/// How it is elsewhere, or that it is not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Integration {
    /// There is no work.
    Nothing,
    /// In the branch's history.
    Merged,
    /// Landed by `merge-ranked`, as other commits.
    Landed,
    /// As one commit.
    Squashed,
    /// Commit by commit: rebased or picked.
    Picked,
    /// The branch has the same content.
    Same,
    /// It was there, and was taken back, in so many files.
    TakenBack(usize),
    /// Some of its commits are there.
    Partly {
        /// So many,
        there: usize,
        /// of so many.
        of: usize,
    },
    /// It is not there.
    Missing,
}

impl Integration {
    /// Whether nothing is lost without it.
    pub const fn is_elsewhere(self) -> bool {
        !matches!(self, Self::TakenBack(_) | Self::Partly { .. } | Self::Missing)
    }
}

/// What follows from the facts.
pub const fn find(facts: IntegrationFacts) -> Integration {
    let proof = if facts.commits == 0 {
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
        Integration::Same
    } else if facts.picked > 0 {
        return Integration::Partly { there: facts.picked, of: facts.commits };
    } else {
        return Integration::Missing;
    };
    // In the history is not in the files: whoever took it back may want it again.
    if facts.files_back > 0 { Integration::TakenBack(facts.files_back) } else { proof }
}

/// A piece of work.
#[derive(Clone, Copy, Debug)]
pub struct CandidateWork {
    /// Where it began.
    pub base: Oid,
    /// The commit that holds it.
    pub tip: Oid,
    /// As which commit it landed through us, if it did.
    pub landed_as: Option<Oid>,
}

/// Looks for a piece of work in the branch at `target`.
///
/// # Errors
/// A commit cannot be read, or git fails.
pub fn look(repo: &Repo, work: CandidateWork, target: Oid) -> Result<Integration> {
    let mut facts = IntegrationFacts {
        commits: count(repo.commits_between(work.base, work.tip)?),
        ..IntegrationFacts::default()
    };
    if facts.commits == 0 {
        return Ok(find(facts));
    }
    facts.reachable = repo.contains(target, work.tip)?;
    facts.landed = work.landed_as.map_or(Ok(false), |commit| repo.contains(target, commit))?;
    if !facts.reachable && !facts.landed && repo.are_related(target, work.tip)? {
        facts.adds_nothing = adds_nothing(repo, work, target)?;
        if !facts.adds_nothing {
            search(repo, work, target, &mut facts)?;
        }
    }
    if find(facts).is_elsewhere() && !facts.adds_nothing {
        facts.files_back = files_back(repo, work, target)?;
    }
    Ok(find(facts))
}

fn count(many: u64) -> usize {
    usize::try_from(many).unwrap_or(usize::MAX)
}

/// Whether a merge into the target would change nothing. What the trial makes goes into a temporary folder.
fn adds_nothing(repo: &Repo, work: CandidateWork, target: Oid) -> Result<bool> {
    let common = repo.common_dir()?;
    let made = tempfile::tempdir().context(Kind::External, || "cannot make a temporary folder".into())?;
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
        .env("GIT_OBJECT_DIRECTORY", made.path().as_os_str())
        .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", common.join("objects").as_os_str())
        .limit(command::LONG_LIMIT)
        .output()?;
    let tree = String::from_utf8_lossy(&output.stdout).split('\0').next().and_then(Oid::parse);
    Ok(output.status.success() && tree == Some(repo.tree_of(target)?))
}

/// Looks for the same patches among the commits that the target has and the work has not.
fn search(repo: &Repo, work: CandidateWork, target: Oid, facts: &mut IntegrationFacts) -> Result<()> {
    let apart = repo.merge_base(target, work.tip)?;
    let files = changed(repo, apart, work.tip)?;
    let there = patches(repo, &format!("{}..{target}", work.tip), &files)?;
    let whole = crate::store::verdicts::patch_id(repo, apart, work.tip)?;
    facts.squashed = !whole.is_empty() && there.contains_key(&whole);
    let range = format!("{target}..{}", work.tip);
    let own = patches(repo, &range, &[])?;
    facts.picked = own.iter().filter(|(patch, _)| there.contains_key(*patch)).map(|(_, times)| times).sum();
    let merges =
        repo.git_in(&repo.common_dir()?, "rev-list").args(["--count", "--merges", &range, "--"]).line()?;
    // What is in the target itself, or changes nothing, is not missing; a merge may hold changes of its own, and has no patch.
    facts.commits = (own.values().sum::<usize>() + merges.parse::<usize>().unwrap_or(1)).max(1);
    Ok(())
}

/// The patches of the commits in a range, each with how often it is made.
fn patches(repo: &Repo, range: &str, files: &[String]) -> Result<HashMap<String, usize>> {
    let place = repo.common_dir()?;
    let most = format!("--max-count={SEARCHED}");
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
    if files.len() <= NARROW {
        log = log.args(files);
    }
    let log = log.limit(command::LONG_LIMIT).run()?;
    let said = repo.git_in(&place, "patch-id").arg("--stable").input(log).limit(command::LONG_LIMIT).run()?;
    let mut found = HashMap::new();
    for line in String::from_utf8_lossy(&said).lines() {
        if let Some((patch, _)) = line.split_once(' ') {
            *found.entry(patch.to_owned()).or_insert(0) += 1;
        }
    }
    Ok(found)
}

fn changed(repo: &Repo, from: Oid, to: Oid) -> Result<Vec<String>> {
    let said = repo
        .git_in(&repo.common_dir()?, "diff-tree")
        .args(["-r", "-z", "--name-only", "--no-renames", &from.to_string(), &to.to_string()])
        .limit(command::LONG_LIMIT)
        .run()?;
    let names = said.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

/// Files that the work changes and that are in the target just as they were before it.
fn files_back(repo: &Repo, work: CandidateWork, target: Oid) -> Result<usize> {
    let mine = changed(repo, work.base, work.tip)?;
    let moved: std::collections::HashSet<String> = changed(repo, work.base, target)?.into_iter().collect();
    Ok(mine.iter().filter(|file| !moved.contains(*file)).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_what_is_known() {
        let none = IntegrationFacts { commits: 2, ..IntegrationFacts::default() };
        for (facts, finding) in [
            (IntegrationFacts::default(), Integration::Nothing),
            (IntegrationFacts { reachable: true, ..none }, Integration::Merged),
            (IntegrationFacts { landed: true, ..none }, Integration::Landed),
            (IntegrationFacts { squashed: true, ..none }, Integration::Squashed),
            (IntegrationFacts { picked: 2, ..none }, Integration::Picked),
            (IntegrationFacts { adds_nothing: true, ..none }, Integration::Same),
            (IntegrationFacts { reachable: true, files_back: 1, ..none }, Integration::TakenBack(1)),
            (IntegrationFacts { squashed: true, files_back: 3, ..none }, Integration::TakenBack(3)),
            (IntegrationFacts { picked: 1, ..none }, Integration::Partly { there: 1, of: 2 }),
            (none, Integration::Missing),
        ] {
            assert_eq!(find(facts), finding, "{facts:?}");
        }
    }
}
