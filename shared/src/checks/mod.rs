//! Checks: commands of the user that build or test files. One that passed is known to pass for the same files, the same command and the
//! same environment, so that it does not run again.
//!
//! Only passes are used again. A failure may come from the machine (a full disk, a service that was down, a test that fails now and then),
//! and to use it again would set work aside for a reason that no longer holds. The exception is the question whether a check fails on the
//! base as well, where it only explains a failure that happened.
//!
//! | module | knows |
//! |---|---|
//! | `environment` | what, besides the files and the command, decides the outcome of a check |

mod environment;

use std::time::Duration;

use crate::{
    Result,
    config::{
        Config,
        keys::{CHECK_AGE, COUNT_WORKTREE_CHECKS},
    },
    git::{Oid, Repo},
    model::{
        check_result::{CheckKey, CheckResult, Counting},
        duration, landing,
    },
    store::{check_results, writer},
    world::Environment,
};

/// A check that is known to pass.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownPass {
    /// The result of the run.
    pub result: CheckResult,
    /// How long ago that was.
    pub age: Duration,
}

impl KnownPass {
    /// Describes it for people: `passed (known, 3m ago)`, with `flaky` if it has failed on the same files as well.
    pub fn label(&self) -> String {
        let seconds = i64::try_from(self.age.as_secs()).unwrap_or(i64::MAX);
        let flaky = if self.result.flaky { ", flaky" } else { "" };
        format!("passed (known, {} ago{flaky})", duration::age(seconds))
    }
}

/// Returns what a command proves about a tree, if it runs in this environment now. To be called before it runs.
///
/// # Errors
/// The common git directory cannot be found.
pub fn key(repo: &Repo, environment: &Environment, tree: Oid, command: &str) -> Result<CheckKey> {
    let place = writer::place(repo)?;
    Ok(CheckKey {
        tree: tree.to_string(),
        command_id: landing::check_id(command),
        environment: environment::fingerprint(environment, &place, command),
    })
}

/// Returns the pass of a check that is known, and recent enough to be used. `None` also if the results cannot be read: then the check runs.
///
/// # Errors
/// A value in git config is invalid (3).
pub fn known_pass(repo: &Repo, key: &CheckKey, counting: Counting) -> Result<Option<KnownPass>> {
    let Some(result) = latest(repo, key, counting)?.filter(|result| result.failure.is_none()) else {
        return Ok(None);
    };
    let age = result.age(repo.now()).unwrap_or_default();
    Ok(Some(KnownPass { result, age }))
}

/// Returns the newest result of a check that is recent enough, a failure as well. `None` also if the results cannot be read.
///
/// # Errors
/// A value in git config is invalid (3).
pub fn latest(repo: &Repo, key: &CheckKey, counting: Counting) -> Result<Option<CheckResult>> {
    let max_age = Config::of(repo).get(&CHECK_AGE)?;
    if max_age.is_zero() {
        return Ok(None);
    }
    let Ok(results) = check_results::of_tree(repo, &key.tree) else { return Ok(None) };
    Ok(results.latest(key, counting, max_age, repo.now()).cloned())
}

/// Returns which results count for landings and reviews: those of fresh checkouts, unless the user wants all.
///
/// # Errors
/// The value in git config is invalid (3).
pub fn counting_for_landing(repo: &Repo) -> Result<Counting> {
    let all = Config::of(repo).get(&COUNT_WORKTREE_CHECKS)?;
    Ok(if all { Counting::Anywhere } else { Counting::Fresh })
}

/// How a check ran.
#[derive(Clone, Debug)]
pub struct Run {
    /// Why it failed; `None` if it passed.
    pub failure: Option<String>,
    /// Whether nothing but the files of the tree was there when it began.
    pub fresh: bool,
    /// How long it ran.
    pub took: Duration,
    /// Where its output is, as `git show` takes it, if it is kept.
    pub output: Option<String>,
}

/// Records how a check ran. If that fails, the check runs again the next time: it must not fail for that.
pub fn record(repo: &Repo, key: &CheckKey, run: Run) {
    let Run { failure, fresh, took, output } = run;
    let (at, seconds) = (repo.now(), took.as_secs());
    let result = CheckResult { key: key.clone(), fresh, failure, at, seconds, output, flaky: false };
    let _ = check_results::add(repo, &result);
}
