//! What agents added: the lines and the messages of commits that are on no branch of the user's.

use std::io::{self, Write};

use super::{Environment, Found};
use crate::{
    Result,
    git::{Git, Oid, Repo, command, remotes::Push},
    sync::side::Side,
};

/// Commits that are read in one call of git.
const AT_ONCE: usize = 100;
/// What agents' branches begin with, where the user does not say.
const PREFIX: &str = "orchestra/";

/// Looks through the work that the pushes bring.
pub(super) fn look(
    repo: &Repo,
    work: &[&Push],
    theirs: &Side,
    environment: &Environment,
    is_known: &dyn Fn(&str) -> bool,
) -> Result<Option<Found>> {
    let added = added(repo, work, theirs)?;
    for some in added.chunks(AT_ONCE) {
        let mut lines = Lines { environment, is_known, line: Vec::new(), commit: String::new(), found: None };
        let git = Git::new(&repo.common_dir()?, "show")
            .args(["--format=%x00%H%n%B", "-p", "-U0", "-m", "--first-parent", "--no-color"])
            .args(["--no-ext-diff", "--no-textconv", "--end-of-options"])
            .args(some);
        let shown = git.stream(&mut lines);
        if let Some((commit, what)) = lines.found {
            let holds = |push: &&&Push| {
                let commit = Oid::parse(&commit);
                push.new.zip(commit).is_some_and(|(new, commit)| repo.contains(new, commit).unwrap_or(false))
            };
            let name = work.iter().find(holds).map(|push| push.name.clone()).unwrap_or_default();
            let event = commit[..commit.len().min(12)].to_owned();
            return Ok(Some(Found { name, event, in_work: true, what }));
        }
        shown?;
    }
    Ok(None)
}

/// The commits that only agents have, as far as the remote does not have them.
fn added(repo: &Repo, work: &[&Push], theirs: &Side) -> Result<Vec<String>> {
    if work.is_empty() {
        return Ok(Vec::new());
    }
    let prefix = repo.config("orchestra.branchPrefix").unwrap_or_else(|| PREFIX.to_owned());
    let agents = format!("refs/heads/{prefix}");
    let branches = repo.refs_below("refs/heads/")?.into_iter().filter(|(name, _)| !name.starts_with(&agents));
    let mut orders: String = work.iter().filter_map(|push| push.new).map(|new| format!("{new}\n")).collect();
    let known = branches.chain(repo.refs_below("refs/remotes/")?).map(|(_, tip)| tip);
    let known = known.chain(theirs.heads.values().copied()).filter(|tip| repo.has_commit(*tip));
    orders.extend(known.map(|tip| format!("^{tip}\n")));
    let git = Git::new(&repo.common_dir()?, "rev-list").arg("--stdin").input(orders.into_bytes());
    Ok(git.limit(command::LONG).line()?.lines().map(str::to_owned).collect())
}

/// Reads what git shows line by line; the first find ends it.
struct Lines<'a> {
    environment: &'a Environment,
    is_known: &'a dyn Fn(&str) -> bool,
    line: Vec<u8>,
    commit: String,
    /// Commit, and what it looks like.
    found: Option<(String, String)>,
}

/// Longest line that is read whole.
const LONGEST: usize = 1024 * 1024;

impl Lines<'_> {
    fn take(&mut self) {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        if let Some(commit) = text.strip_prefix('\0') {
            commit.clone_into(&mut self.commit);
            return;
        }
        if text.starts_with(['-', '@']) || (self.is_known)(&self.commit) {
            return;
        }
        if let Some(what) = self.environment.look(&text) {
            self.found = Some((self.commit.clone(), what));
        }
    }
}

impl Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let whole = part.ends_with(b"\n");
            self.line.extend(part.strip_suffix(b"\n").unwrap_or(part));
            if whole || self.line.len() > LONGEST {
                self.take();
            }
            if self.found.is_some() {
                return Err(io::Error::other("found"));
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
