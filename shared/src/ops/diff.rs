//! `diff`: compares the current files of an agent with the commit that it started from, or with those of another agent.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::{
    Code, Error, Kind, Result,
    context::Context,
    error::ErrorContext as _,
    git::{Git, Oid, Repo, command},
    model::{Agent, AgentId, event::LeftOut, text},
    ops::{agent_checkout::AgentCheckout, named},
    store::{self, layout, sound, unreadable, verdicts},
    trust::AcceptedRepo,
    worktree::capture,
    world::Environment,
};

/// What to compare.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The agent, by id or unique prefix.
    pub agent: String,
    /// Another agent to compare with, instead of the commit that the agent started from.
    #[serde(default)]
    pub other: Option<String>,
    /// Compare committed work only.
    #[serde(default)]
    pub committed: bool,
    /// Compare with the work that was reviewed last, instead of the commit that the agent started from.
    #[serde(default)]
    pub since_review: bool,
    /// Only these paths; if empty, all.
    #[serde(default)]
    pub paths: Vec<String>,
}

/// The differences between two trees.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The agent.
    pub agent: String,
    /// The agent that it is compared with.
    pub other: Option<String>,
    /// The old side: the base, or the work of the agent named first.
    pub from: Oid,
    /// The new side.
    pub to: Oid,
    /// The files that differ.
    pub files: Vec<ChangedFile>,
    /// Files of the worktree that would not be captured.
    pub left_out: Vec<LeftOut>,
    /// Why the work cannot land, if git would refuse it.
    pub problem: Option<String>,
}

/// A comparison that can be shown: the two trees, and their objects.
#[derive(Debug)]
pub struct Comparison {
    /// The report, without the files that differ: only git determines these, and it takes as long as the diff itself.
    pub report: Report,
    environment: Environment,
    place: PathBuf,
    common: PathBuf,
    paths: Vec<String>,
    /// Temporary folders with the objects that only this comparison needs.
    scratch: Vec<TempDir>,
}

/// A changed file.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ChangedFile {
    /// The path; the new one if it was renamed.
    pub path: String,
    /// The number of added lines; `null` for a binary file.
    pub insertions: Option<u64>,
    /// The number of removed lines; `null` for a binary file.
    pub deletions: Option<u64>,
}

/// Compares, and writes nothing into the repository.
///
/// # Errors
/// There is no such agent, or its work is not in this clone (3).
pub fn run(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    context.check()?;
    compare(repo, request)?.into_report()
}

/// Finds the two trees to compare, so that the diff itself can be shown.
///
/// # Errors
/// As [`run`].
pub fn compare(repo: &AcceptedRepo, request: &Request) -> Result<Comparison> {
    let id = named::find_id(repo, &request.agent)?;
    let mut scratch = Vec::new();
    let one = current_work(repo, &id, request.committed, &mut scratch)?;
    let (other, from, to, left_out) = match &request.other {
        None if request.since_review => (None, reviewed_head(repo, &id)?, one.now, one.left_out),
        None => (None, one.base, one.now, one.left_out),
        Some(other) => {
            let other = named::find_id(repo, other)?;
            let two = current_work(repo, &other, request.committed, &mut scratch)?;
            for (id, work) in [(&id, &one), (&other, &two)].iter().filter(|(_, work)| work.is_kept) {
                landing_problem(repo, id, work.now)?;
            }
            (Some(other.to_string()), one.now, two.now, two.left_out)
        }
    };
    let problem = if one.is_kept { landing_problem(repo, &id, one.now)? } else { None };
    let common = repo.common_dir()?;
    let report = Report { agent: id.to_string(), other, from, to, files: Vec::new(), left_out, problem };
    Ok(Comparison {
        report,
        environment: repo.environment().clone(),
        place: repo.work_dir().unwrap_or_else(|| common.clone()),
        common,
        paths: request.paths.clone(),
        scratch,
    })
}

/// Returns why work cannot land, if git would refuse it.
///
/// # Errors
/// It cannot be compared either (3).
fn landing_problem(repo: &Repo, id: &AgentId, work: Oid) -> Result<Option<String>> {
    match sound::flaw_of(repo, work)? {
        Some(unsound) if unsound.can_be_read => Ok(Some(unsound.why)),
        Some(unsound) => Err(Error::new(
            Code::WorkUnusable,
            format!("the work of '{id}' cannot be compared: {}", unsound.why),
        )),
        None => Ok(None),
    }
}

/// Returns the head that was reviewed last.
fn reviewed_head(repo: &Repo, id: &AgentId) -> Result<Oid> {
    let verdict = verdicts::effective(repo, id, &store::any_agent(repo, id)?)?;
    let head = verdict.and_then(|verdict| verdict.head.commit());
    head.filter(|head| repo.read_commit(*head).is_ok()).ok_or_else(|| {
        Error::new(Code::NotReviewed, format!("the work of '{id}' has no verdict yet"))
            .hint(format!("git orchestra review {id}"))
    })
}

struct ComparedWork {
    base: Oid,
    now: Oid,
    left_out: Vec<LeftOut>,
    /// Whether `now` is an object of the repository, and not of the temporary capture of a worktree.
    is_kept: bool,
}

/// Returns an agent's current work: the files of its worktree if it has one here, otherwise its head.
fn current_work(
    repo: &Repo,
    id: &AgentId,
    committed: bool,
    scratch: &mut Vec<TempDir>,
) -> Result<ComparedWork> {
    let agent = store::any_agent(repo, id)?;
    let missing = || Error::new(Code::WorkMissing, format!("the work of agent '{id}' is not in this clone"));
    let base = agent.base.commit().filter(|base| repo.read_commit(*base).is_ok()).ok_or_else(missing)?;
    if !committed && let Some((now, left_out)) = worktree_contents(repo, id, &agent, base, scratch)? {
        return Ok(ComparedWork { base, now, left_out, is_kept: false });
    }
    let branch = repo.find_ref(&layout::branch_ref(&agent.branch))?;
    // While it runs, its branch is ahead of the captured work.
    let head = unreadable::work_tip(repo, id, &agent)?;
    let now = if agent.phase.is_at_rest() { head.or(branch) } else { branch.or(head) };
    let now = match now {
        Some(now) => Some(now),
        None => named::find_archived(repo, id.as_str())?.and_then(|archived| archived.work),
    };
    Ok(ComparedWork { base, now: now.ok_or_else(missing)?, left_out: Vec::new(), is_kept: true })
}

fn worktree_contents(
    repo: &Repo,
    id: &AgentId,
    agent: &Agent,
    base: Oid,
    scratch: &mut Vec<TempDir>,
) -> Result<Option<(Oid, Vec<LeftOut>)>> {
    let Some(checkout) = AgentCheckout::of(repo, id, agent)? else { return Ok(None) };
    let task = checkout.task(id, agent, base);
    let objects = checkout.folder.path().join("objects");
    std::fs::create_dir_all(&objects).context(Kind::External, || "cannot make a temporary folder".into())?;
    let isolated = checkout.isolated.clone().with_objects_in(objects);
    let captured = capture::preview(repo, &task, &checkout.place(&isolated))?;
    scratch.push(checkout.folder);
    Ok(captured.map(|captured| (captured.tree, captured.left_out)))
}

impl Comparison {
    /// Returns a `git diff` that runs in the user's terminal. Its arguments are not complete without [`Comparison::with_trees`].
    pub fn git_diff(&self) -> Git {
        self.with_objects(Git::interactive(&self.environment, &self.place, "diff"))
    }

    /// Appends the two trees and the paths as the last arguments.
    #[must_use]
    pub fn with_trees(&self, git: Git) -> Git {
        let Report { from, to, .. } = &self.report;
        git.args([from.to_string(), to.to_string()]).arg("--").args(&self.paths)
    }

    fn with_objects(&self, git: Git) -> Git {
        if self.scratch.is_empty() {
            return git;
        }
        let folders: Vec<PathBuf> = self.scratch.iter().map(|folder| folder.path().join("objects")).collect();
        let all =
            folders.iter().map(|folder| folder.to_string_lossy().into_owned()).collect::<Vec<_>>().join(":");
        git.env("GIT_OBJECT_DIRECTORY", self.common.join("objects").as_os_str())
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", all)
    }

    /// Returns the diff as text, for an editor.
    ///
    /// # Errors
    /// Git fails.
    pub fn text(&self) -> Result<String> {
        let git = self.with_objects(Git::new(&self.environment, &self.place, "diff").allow_lazy_fetch());
        let git = git.args([
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            "--no-relative",
            "--src-prefix=a/",
            "--dst-prefix=b/",
        ]);
        let output = self.with_trees(git).limit(command::LONG_LIMIT).run()?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }

    /// Returns the report with the files that differ.
    ///
    /// # Errors
    /// Git fails.
    pub fn into_report(self) -> Result<Report> {
        let files = self.changed_files().map_err(|error| self.unusable_work().unwrap_or(error))?;
        Ok(Report { files, ..self.report })
    }

    /// Returns the error for a `git diff` that exited with a code.
    pub fn failure(&self, code: i32) -> Error {
        let failed = || Error::new(Code::GitFailed, format!("git diff failed ({code})"));
        self.unusable_work().unwrap_or_else(failed)
    }

    /// Returns the error for work that git cannot compare, if it is known why.
    fn unusable_work(&self) -> Option<Error> {
        let Report { agent, problem, .. } = &self.report;
        let why = problem.as_ref()?;
        Some(Error::new(Code::WorkUnusable, format!("the work of '{agent}' cannot be compared: {why}")))
    }

    fn changed_files(&self) -> Result<Vec<ChangedFile>> {
        let git = self.with_objects(Git::new(&self.environment, &self.place, "diff").allow_lazy_fetch());
        let git = git.args(["--numstat", "-z", "--no-ext-diff", "--no-textconv", "-M", "--no-relative"]);
        let output = self.with_trees(git).limit(command::LONG_LIMIT).run()?;
        Ok(parse_numstat(&String::from_utf8_lossy(&output)))
    }
}

/// Returns the files that differ between two commits, whosever they are.
///
/// # Errors
/// Git fails.
pub(in crate::ops) fn between(repo: &Repo, base: Oid, head: Oid) -> Result<Vec<ChangedFile>> {
    let git = repo.git_in(&repo.common_dir()?, "diff-tree");
    let git = git.args(["-r", "--numstat", "-z", "--no-ext-diff", "--no-textconv", "-M"]);
    let output = git.args([base.to_string(), head.to_string()]).limit(command::LONG_LIMIT).run()?;
    Ok(parse_numstat(&String::from_utf8_lossy(&output)))
}

/// Parses `added TAB removed TAB path NUL`. A renamed file has an empty path, followed by both names.
fn parse_numstat(output: &str) -> Vec<ChangedFile> {
    let mut files = Vec::new();
    let mut words = output.split('\0');
    while let Some(word) = words.next() {
        let mut parts = word.splitn(3, '\t');
        let (Some(added), Some(removed), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let path = if path.is_empty() { words.nth(1).unwrap_or_default() } else { path };
        files.push(ChangedFile {
            path: text::one_line(path, 400),
            insertions: added.parse().ok(),
            deletions: removed.parse().ok(),
        });
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numstat_lines_of_every_kind_are_parsed() {
        let file =
            |path: &str, insertions, deletions| ChangedFile { path: path.into(), insertions, deletions };
        assert_eq!(
            parse_numstat("1\t2\ta b.rs\0-\t-\tbin\x000\t0\t\0old\0new\x003\t0\tlast\0"),
            [
                file("a b.rs", Some(1), Some(2)),
                file("bin", None, None),
                file("new", Some(0), Some(0)),
                file("last", Some(3), Some(0)),
            ]
        );
        assert_eq!(parse_numstat(""), []);
    }
}
