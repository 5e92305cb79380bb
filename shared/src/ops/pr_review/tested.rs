//! Runs the test on the merge of a pull request with its base.
//!
//! Its code is that of a stranger: everyone can open a pull request. So it runs as an agent does that runs one command: in a worktree of its
//! own, in a sandbox that reaches only the hosts that the user allowed, without the files, the tokens and the home folder of the user.
//! Only what an agent of this clone made, and what a person trusts, runs as the work of agents does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fetched::FetchedPullRequest;
use crate::{
    Code, Error, Result, agents,
    config::{
        Config,
        keys::{CHECK_TIME, MERGE_TIMEOUT, REVIEW_TEST, TEST},
    },
    context::{Context, interrupted},
    git::{Oid, Repo, merging::MergePlace, objects::Commit},
    landing::verify::{self, CommitCheck},
    model::{AgentId, SandboxLevel, text},
    ops::{
        cleanup,
        printed_text::printed_text,
        settings::Settings,
        spawn,
        waiting::{self, WaitOutcome},
    },
    trust::AcceptedRepo,
};

/// How much of the end of what it printed is kept, in bytes.
const MAX_OUTPUT: usize = 4 * 1024;

/// A test of a pull request.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct PullRequestTest {
    /// The shell command.
    pub command: String,
    /// Whether it passed on the merge of the pull request with its base.
    pub passed: bool,
    /// `passed`, or why it did not.
    pub result: String,
    /// The sandbox in which it ran.
    pub sandbox: SandboxLevel,
    /// The end of what it printed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
}

/// How the code of a pull request runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Power {
    /// Whether it runs as the work of agents does.
    pub(super) trusted: bool,
    /// The sandbox of everything else.
    pub(super) sandbox: SandboxLevel,
}

impl Power {
    /// Returns the power of a pull request: that of the user's own work if it is trusted, and else at most what is in the strictest sandbox.
    ///
    /// # Errors
    /// The sandbox in git config is none (3).
    pub(super) fn of(config: &Config<'_>, trusted: bool) -> Result<Self> {
        let configured = config.sandbox()?;
        Ok(Self { trusted, sandbox: if trusted { configured } else { configured.max(SandboxLevel::Net) } })
    }
}

/// Returns the test command: the typed one, that of reviews, or that of the project. It is never read from the pull request.
///
/// # Errors
/// A value in git config is not approved (3).
pub(super) fn command(config: &Config<'_>, typed: Option<&str>) -> Result<Option<String>> {
    match typed {
        Some(typed) => Ok(Some(typed.to_owned())),
        None => match config.get(&REVIEW_TEST)? {
            None => config.get(&TEST),
            test => Ok(test),
        },
    }
}

/// Runs a test on the merge of a pull request with its base. One that conflicts has failed.
///
/// # Errors
/// The sandbox cannot be made (3), or the user interrupts it.
pub(super) fn run(
    context: &Context,
    repo: &AcceptedRepo,
    fetched: &FetchedPullRequest,
    command: &str,
    recheck: bool,
    power: Power,
) -> Result<PullRequestTest> {
    let merged = match merge(repo, fetched)? {
        Ok(merged) => merged,
        Err(why) => {
            let (command, output) = (command.to_owned(), String::new());
            return Ok(PullRequestTest {
                command,
                passed: false,
                result: why,
                sandbox: power.sandbox,
                output,
            });
        }
    };
    if power.trusted {
        let limit = Config::of(repo).get(&CHECK_TIME)?;
        let check = CommitCheck { commit: merged, command, recheck };
        let ran = verify::verify(context, repo, check, limit)?;
        return Ok(PullRequestTest {
            command: command.to_owned(),
            passed: ran.failure.is_none(),
            result: text::one_line(&ran.label(), 200),
            sandbox: SandboxLevel::None,
            output: end_of(&String::from_utf8_lossy(&ran.output)),
        });
    }
    in_sandbox(context, repo, fetched, command, merged, power)
}

/// Merges a pull request into its base, for its test alone: no ref names the result. Attributes are those of the base. Returns why it
/// cannot be merged otherwise.
fn merge(repo: &Repo, fetched: &FetchedPullRequest) -> Result<Result<Oid, String>> {
    let FetchedPullRequest { into, head, pull_request, .. } = fetched;
    if repo.contains(*head, *into)? {
        return Ok(Ok(*head));
    }
    let place = MergePlace::of_commit(repo, *into, Config::of(repo).get(&MERGE_TIMEOUT)?)?;
    let merged = place.merge(*into, *head)?;
    if let Some(conflict) = merged.conflict {
        let files = text::count(u64::from(conflict.count), "file");
        return Ok(Err(format!("it conflicts with '{}' in {files}", text::safe(&pull_request.base))));
    }
    let message = format!("Merge {} for its test", pull_request.number);
    let seconds = repo.commit_time(*into).max(repo.commit_time(*head));
    let commit = Commit::by(&repo.identity_or_none(), seconds, merged.tree, vec![*into, *head], message);
    repo.write_commit(&commit).map(Ok)
}

fn in_sandbox(
    context: &Context,
    repo: &AcceptedRepo,
    fetched: &FetchedPullRequest,
    command: &str,
    merged: Oid,
    power: Power,
) -> Result<PullRequestTest> {
    let limit = Config::of(repo).get(&CHECK_TIME)?;
    let number = fetched.pull_request.number;
    let settings = Settings {
        max_time: Some(limit),
        retries: Some(0),
        sandbox: Some(power.sandbox),
        foreign_files: true,
        ..Settings::default()
    };
    let request = spawn::Request {
        tasks: vec![command.to_owned()],
        agents: vec![agents::SHELL.to_owned()],
        base: Some(merged.to_string()),
        name: Some(format!("test-{number}")),
        of_pull_request: Some(format!("pull request {number}")),
        settings,
        again: true,
        ..spawn::Request::default()
    };
    let planned = spawn::run(context, repo, &request).map_err(|error| without_sandbox(error, number))?;
    let planned = planned.agents.into_iter().next();
    let id = planned.map(|planned| planned.id).ok_or_else(|| Error::internal("no test was started"))?;
    let ended = waiting::wait(context, repo, &id)?;
    let output = printed_text(context, repo, &id).map(|said| end_of(&said)).unwrap_or_default();
    let result = match ended {
        WaitOutcome::Done => Ok(()),
        WaitOutcome::NotDone(why) => Err(text::one_line(&why, 200)),
        WaitOutcome::Interrupted => {
            return Err(interrupted(format!(
                "interrupted; the test '{id}' keeps running, and no verdict was recorded"
            ))
            .hint(format!("git orchestra stop {id}")));
        }
    };
    remove(context, repo, &id);
    Ok(PullRequestTest {
        command: command.to_owned(),
        passed: result.is_ok(),
        result: result.err().unwrap_or_else(|| "passed".to_owned()),
        sandbox: power.sandbox,
        output,
    })
}

/// Removes the worktree of a test, with all files in it. If that fails, `cleanup` finds it.
fn remove(context: &Context, repo: &AcceptedRepo, id: &AgentId) {
    let request = cleanup::Request {
        agents: vec![id.to_string()],
        discard: vec![id.to_string()],
        force: true,
        ..cleanup::Request::default()
    };
    let _ = cleanup::run(&context.unobserved(), repo, &request);
}

fn without_sandbox(error: Error, number: u64) -> Error {
    if error.code == Code::SandboxUnavailable {
        return error.hint(format!(
            "if you have read its code: git orchestra review --pr {number} --trust runs it without a sandbox"
        ));
    }
    error
}

fn end_of(output: &str) -> String {
    let mut from = output.len().saturating_sub(MAX_OUTPUT);
    while !output.is_char_boundary(from) {
        from += 1;
    }
    text::rendered_output(&output[from..])
}
