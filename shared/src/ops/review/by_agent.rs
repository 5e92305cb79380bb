//! `review --by`: an agent reviews the work of another, in its own worktree and with restricted permissions. The test is run here,
//! not by the agent, so that its result can be trusted.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GivenVerdict, Report, Request, Reviewer, fix, record_verdict};
use crate::{
    Code, Error, Kind, Result,
    agents::{self, Options},
    config::{
        Config,
        keys::{CHECK_TIME, REVIEW_ALLOW, REVIEW_MODEL, REVIEW_TEST, TEST},
    },
    context::{Context, interrupted},
    git::{Oid, Repo, command},
    landing::verify::{self, CommitCheck, Verified},
    model::{
        AgentId, OnPrompt, Permission,
        answer::{self, Answer},
        text,
        verdict::Verdict,
    },
    ops::{
        printed_text::printed_text,
        settings::Settings,
        spawn, status,
        waiting::{self, WaitOutcome},
    },
    store::{AgentLog, findings, layout},
    trust::AcceptedRepo,
};

/// How much of the end of the test's output is passed to the reviewer, in bytes.
const MAX_TEST_OUTPUT: usize = 4 * 1024;
/// The longest diff that is put into the task of a reviewer that cannot look at the history, in bytes. A part of one would be judged as
/// if it were all.
const MAX_DIFF: usize = 128 * 1024;

/// Which agent reviews, and how.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ByAgentRequest {
    /// The kind of agent, such as `claude`.
    pub profile: String,
    /// The test command; by default `orchestra.review.test`, otherwise `orchestra.test`.
    #[serde(default)]
    pub test: Option<String>,
    /// Whether the reviewer may repair the work.
    #[serde(default)]
    pub fix: bool,
    /// Whether the test runs even if it is known to pass for these files.
    #[serde(default)]
    pub recheck: bool,
}

/// Work that is ready to be given to a reviewer, with the result of the test.
pub(in crate::ops) struct Prepared {
    head: Oid,
    test: String,
    limit: Duration,
    tested: Verified,
    words: String,
    options: Options,
}

impl Prepared {
    /// Returns why the test failed, if it did.
    pub(in crate::ops) fn failure(&self) -> Option<&str> {
        self.tested.failure.as_deref()
    }
}

/// Starts a reviewer, waits for its answer, and records its verdict.
///
/// # Errors
/// There is no test (2), the work cannot be judged (3), the reviewer fails or answers nonsense (5); nothing is judged then.
pub fn run(context: &Context, repo: &AcceptedRepo, agent: &str, by: &ByAgentRequest) -> Result<Report> {
    let id = status::resolve(repo, agent)?;
    let prepared = prepare(context, repo, &id, by)?;
    let reviewer = begin(context, repo, &id, by, &prepared, spawn::Request::default())?;
    wait_for_reviewer(context, repo, &reviewer)?;
    finish(context, repo, &id, by, &reviewer, prepared)
}

/// Fails if this agent cannot review anything here.
///
/// # Errors
/// It would run what it reads as a script, or its program cannot be started as a reviewer (3).
pub(in crate::ops) fn check(repo: &Repo, by: &ByAgentRequest) -> Result<()> {
    let config = Config::of(repo);
    agents::check_prose(&by.profile, &config, "a review")?;
    reviewer_options(&config, by, by.test.as_deref().unwrap_or("true")).map(drop)
}

/// Runs the test on the work of an agent, and composes the task of its reviewer.
///
/// # Errors
/// There is no test (2), or the work cannot be judged (3).
pub(in crate::ops) fn prepare(
    context: &Context,
    repo: &AcceptedRepo,
    id: &AgentId,
    by: &ByAgentRequest,
) -> Result<Prepared> {
    let config = Config::of(repo);
    let test = match by.test.clone().map_or_else(|| config.get(&REVIEW_TEST), |typed| Ok(Some(typed)))? {
        None => config.get(&TEST)?,
        test => test,
    };
    let test = test.ok_or_else(|| {
        Error::new(Code::TestMissing, "no test command: an agent can only approve work that passed a test")
            .hint("--test COMMAND")
            .hint(TEST.hint("COMMAND"))
    })?;
    let log = AgentLog::of(repo, id)?;
    let (base, head) = super::reviewable_work(repo, id, &log.fold.agent)?;
    super::check_sound(repo, id, head)?;
    agents::check_prose(&by.profile, &config, "a review")?;
    if by.fix {
        fix::refuse_changes(repo, id)?;
    }
    let task = String::from_utf8_lossy(&log.prompt(repo)?.unwrap_or_default()).into_owned();
    let (options, reads_history) = reviewer_options(&config, by, &test)?;
    let changes = if reads_history { None } else { Some(changes(repo, by, base, head)?) };
    let limit = config.get(&CHECK_TIME)?;
    let check = CommitCheck { commit: head, command: &test, recheck: by.recheck };
    let tested = run_test(context, repo, check, limit)?;
    let words = prompt(&task, base, &test, &tested, by.fix, changes.as_deref());
    Ok(Prepared { head, test, limit, tested, words, options })
}

/// Reads the answer of a reviewer that has ended, and records its verdict on the work that it was given.
///
/// # Errors
/// It answered nonsense (5), or the work has changed meanwhile (4); nothing is judged then.
pub(in crate::ops) fn finish(
    context: &Context,
    repo: &AcceptedRepo,
    id: &AgentId,
    by: &ByAgentRequest,
    reviewer: &AgentId,
    prepared: Prepared,
) -> Result<Report> {
    let Prepared { head, test, limit, mut tested, .. } = prepared;
    // The reviewer ran and may have changed the configuration, which is used from here on.
    repo.confirm()?;
    let mut answer = Answer::last_in(&printed_text(context, repo, reviewer)?).ok_or_else(|| {
        Error::new(
            Code::ReviewerFailed,
            format!("the reviewer '{reviewer}' gave no valid answer; no verdict was recorded"),
        )
        .hint(format!("git orchestra logs {reviewer}"))
    })?;
    let mut report = Report::empty();
    let mut judged = head;
    if let Some(repaired) = repair_of_reviewer(repo, reviewer, head)?.filter(|_| by.fix) {
        let check = CommitCheck { commit: repaired, command: &test, recheck: by.recheck };
        let again = run_test(context, repo, check, limit)?;
        if again.failure.is_none() {
            fix::adopt_repair(context, repo, id, (head, repaired), "orchestra review: repaired")?;
            (judged, tested, report.repaired) = (repaired, again, Some(repaired));
        } else {
            answer.verdict = Verdict::Changes;
            answer.summary.push_str(&format!(
                "\nIts repair was discarded, because the test failed: {}.",
                again.label()
            ));
        }
    }
    let give = verdict_from_answer(repo, judged, answer, tested.failure.as_deref());
    let reviewer_info = Reviewer {
        by: format!("agent {}", text::one_line(&by.profile, 60)),
        reviewer: reviewer.clone(),
        check: text::one_line(&format!("{test}: {}", tested.label()), 200),
    };
    record_verdict(context, repo, id, &give, &mut report, Some(reviewer_info))?;
    report.work = super::run(context, repo, &Request { agent: Some(id.to_string()), give: None })?.work;
    Ok(report)
}

/// Runs the test on a commit, unless it is known to pass.
fn run_test(context: &Context, repo: &Repo, what: CommitCheck<'_>, limit: Duration) -> Result<Verified> {
    verify::verify(context, repo, what, limit).map_err(|error| match error.kind() {
        Kind::Interrupted => interrupted("interrupted; no verdict was recorded"),
        _ => error,
    })
}

/// Returns the reviewer's own work on top of the reviewed work, if there is any.
fn repair_of_reviewer(repo: &Repo, reviewer: &AgentId, head: Oid) -> Result<Option<Oid>> {
    let left = repo.find_ref(&layout::head_ref(reviewer))?;
    Ok(left.filter(|left| *left != head && repo.contains(*left, head).unwrap_or(false)))
}

/// Returns the options of a reviewer, which may read files and run the test, and whether it looks at the history by itself.
///
/// # Errors
/// Its program cannot be started with them.
pub(in crate::ops) fn reviewer_options(
    config: &Config<'_>,
    by: &ByAgentRequest,
    test: &str,
) -> Result<(Options, bool)> {
    let asked = Options {
        permission: Some(if by.fix { Permission::AcceptEdits } else { config.review_permission()? }),
        on_prompt: Some(OnPrompt::Deny),
        allow: config.get(&REVIEW_ALLOW)?.into_iter().chain([format!("Bash({test})")]).collect(),
        model: config.get(&REVIEW_MODEL)?,
        restricted: true,
        ..Options::default()
    };
    let (options, reads_history) = agents::for_review(&by.profile, config, asked);
    // A program without permission modes has none of these options.
    let options = if options.permission.is_some() { options } else { Options::default() };
    agents::launch(&by.profile, config, &options)?;
    Ok((options, reads_history))
}

/// Returns what changed, for a reviewer that cannot look at the history.
///
/// # Errors
/// It is too long, or git fails.
pub(in crate::ops) fn changes(repo: &Repo, by: &ByAgentRequest, base: Oid, head: Oid) -> Result<String> {
    let diff = repo.git("diff")?.args(["--no-ext-diff", "--no-textconv", "--no-color"]);
    let diff = diff.args([base.to_string(), head.to_string()]).limit(command::SHORT_LIMIT).run()?;
    if diff.len() <= MAX_DIFF {
        return Ok(text::rendered_output(&String::from_utf8_lossy(&diff)));
    }
    let profile = text::safe(&by.profile);
    Err(Error::new(
        Code::Refused,
        format!(
            "agent '{profile}' cannot review this work: it cannot be allowed to run git, and the diff has more than {} KiB",
            MAX_DIFF / 1024
        ),
    )
    .hint("'git orchestra man spawn' says which programs look at the history themselves"))
}

/// Starts a reviewer in its own worktree, at the head of the work. `like` has its tags and the number of agents that run at once.
///
/// # Errors
/// As [`spawn::run`].
pub(in crate::ops) fn begin(
    context: &Context,
    repo: &AcceptedRepo,
    of: &AgentId,
    by: &ByAgentRequest,
    prepared: &Prepared,
    like: spawn::Request,
) -> Result<AgentId> {
    let settings = Settings { options: prepared.options.clone(), ..like.settings };
    let request = spawn::Request {
        tasks: vec![prepared.words.clone()],
        agents: vec![by.profile.clone()],
        base: Some(prepared.head.to_string()),
        name: Some("review".to_owned()),
        reviews: Some(of.clone()),
        settings,
        ..like
    };
    let planned = spawn::run(context, repo, &request)?.agents.into_iter().next();
    planned.map(|planned| planned.id).ok_or_else(|| Error::internal("no reviewer was started"))
}

pub(in crate::ops) fn wait_for_reviewer(context: &Context, repo: &Repo, id: &AgentId) -> Result<()> {
    match waiting::wait(context, repo, id)? {
        WaitOutcome::Done => Ok(()),
        WaitOutcome::NotDone(why) => Err(Error::new(
            Code::ReviewerFailed,
            format!("the reviewer '{id}' is {why}; no verdict was recorded"),
        )
        .hint(format!("git orchestra logs {id}"))),
        WaitOutcome::Interrupted => Err(interrupted(format!(
            "interrupted; the reviewer '{id}' keeps running, and no verdict was recorded"
        ))
        .hint(format!("git orchestra stop {id}"))),
    }
}

/// Turns the answer into a verdict. A failed test turns approval into requested changes. A finding on an existing line becomes a
/// comment; any other is added to the text.
pub(in crate::ops) fn verdict_from_answer(
    repo: &Repo,
    head: Oid,
    answer: Answer,
    failure: Option<&str>,
) -> GivenVerdict {
    let mut said: Vec<String> = Vec::new();
    let mut verdict = answer.verdict;
    if let Some(failure) = failure.filter(|_| verdict == Verdict::Approve) {
        verdict = Verdict::Changes;
        said.push(format!("The test does not pass: {failure}."));
    }
    said.extend(Some(answer.summary).filter(|summary| !summary.trim().is_empty()));
    let (comments, others) = findings::as_comments(repo, head, answer.findings);
    said.extend(others);
    if verdict == Verdict::Changes && said.is_empty() && comments.is_empty() {
        said.push("The reviewer did not say which.".to_owned());
    }
    let text = Some(said.join("\n")).filter(|text| !text.is_empty());
    // A person reads the review first, and then decides whether to resume the agent.
    GivenVerdict {
        verdict,
        text,
        comments,
        base: None,
        head: Some(head.to_string()),
        keep: true,
        operation: None,
    }
}

fn prompt(task: &str, base: Oid, test: &str, tested: &Verified, fix: bool, changes: Option<&str>) -> String {
    let tail = &tested.output[tested.output.len().saturating_sub(MAX_TEST_OUTPUT)..];
    let tail = text::rendered_output(&String::from_utf8_lossy(tail));
    let output = match &tested.known {
        Some(_) => "It did not run again, because it passed on the same files.".to_owned(),
        None => format!("The end of its output:\n\n{tail}"),
    };
    let may = if fix {
        "Where you are sure, fix what you find in the files themselves, and commit nothing. Your verdict is on the work with your fixes."
    } else {
        "Change nothing."
    };
    let shown = changes.map_or_else(String::new, |changes| {
        let lines: String = changes.lines().map(|line| format!("| {line}\n")).collect();
        format!("The changes, each line after '| ':\n\n{lines}\n")
    });
    format!(
        "Review the work in this worktree: what changed since commit {base} ('git diff {base} HEAD' shows it). {may}\n\n{shown}\
         The task was:\n\n{task}\n\n\
         The result of the test '{test}': {}. {output}\n\n\
         Does the work do what the task asks, and do it right? Look for bugs, missing cases and tests, and security problems. Answer with {}",
        tested.label(),
        answer::REQUEST,
    )
}
