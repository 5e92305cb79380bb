//! `run`: carries a plan out. Starts an agent for each task once what the task needs has landed, waits, lands the work that passes the
//! check, and so on until every task has ended.
//!
//! Everything that decides what is done next is in refs: an agent has tags that name its run and its task, and the log of the run has
//! the end of each task. A run whose process was killed is continued from there. What a plan or a log from elsewhere says runs
//! nothing: the plan, the check and the options with which a person started the run are in a private file of this clone.
//!
//! One clone drives a run: the one that began it, until another takes it over (`--take`). Each taking raises the epoch in the log. The clone
//! that lost the run notices before it appends or lands anything more.

mod abort;
mod agents;
mod budget;
mod change;
mod driver;
mod earlier;
pub(in crate::ops) mod edits;
mod elsewhere;
mod gates;
mod given_up;
mod land;
mod logged;
mod publish;
mod review;
mod started;
mod take;
mod taken;
mod task_state;
mod undone;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::take::{Takeover, look};
use self::{driver::Driver, started::StartedRun};
use crate::{
    Code, Error, Result,
    config::{
        Config, Settings,
        keys::{AGENT, AUTO_PR, BUILD, TEST, TICK},
    },
    context::Context,
    landing::branches,
    model::{
        AgentId,
        published::Published,
        run::{RunPhase, TaskOutcome},
        secret, text,
        verdict::Verdict,
    },
    ops::{
        caller::Caller,
        gate_object::{OpenGate, RunClone},
        merge_ranked, plan,
        pr::place::{self, PublishPlace},
        review::by_agent,
        run_list, spawn,
    },
    plan::{Plan, Task, TaskId, read::Format},
    trust::AcceptedRepo,
    world::SecretVariables,
};

/// The most parts of a file of which a warning says that they are no tasks.
const MAX_LEFT_OUT: usize = 20;

/// What to carry out, and how.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The content of the file with the plan, for a new run.
    pub plan: Option<String>,
    /// The path of that file, if its tasks can be ticked.
    pub file: Option<PathBuf>,
    /// The run to continue; an empty text is the newest one of this clone that has not ended.
    pub resume: Option<String>,
    /// The run to give up; an empty text is the newest one of this clone that has not ended.
    pub abort: Option<String>,
    /// The run to take over from another clone; an empty text is the newest unfinished one that another clone drives.
    pub take: Option<String>,
    /// Whether a run is taken over although something was heard of the other clone shortly before.
    pub yes: bool,
    /// Whether tasks are carried out that an unfinished run has as well, or that landed in an earlier run of this clone.
    pub again: bool,
    /// Whether the run begins although the check fails on the target.
    pub even_if_red: bool,
    /// The tasks to carry out; if empty, all that are not ticked.
    pub tasks: Vec<String>,
    /// The target branch; by default that of the plan, the configured one, or the branch that is checked out.
    pub into: Option<String>,
    /// The test command; by default, the configured one.
    pub check: Option<String>,
    /// The profile of the agents of tasks for which the plan names none; by default, the configured one.
    pub agent: Option<String>,
    /// The number of agents that run at once; by default, the configured one.
    pub jobs: Option<u32>,
    /// Whether a task starts only after the one before it has ended.
    pub sequential: bool,
    /// Whether a person is asked about the plan before anything is started.
    pub confirm: bool,
    /// Whether no person is asked about tasks that fail: they are recorded as failed.
    pub yolo: bool,
    /// Whether work does not land that changes other files than the `files:` of its task name.
    pub strict: bool,
    /// Whether the tasks that land are ticked in the file; by default, as configured.
    pub tick: bool,
    /// Whether the work of each task is published as a pull request instead of landing here; by default, as configured.
    pub pr: bool,
    /// The profile of the agents that review the work of each task before it lands; an empty text is that of the agents of the tasks.
    /// Without it, nothing is reviewed unless the plan says so.
    pub with_review: Option<String>,
    /// Whether to only report which tasks would be carried out.
    pub dry_run: bool,
}

/// A run, as far as it came.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "RunReport")]
pub struct Report {
    /// The id of the run; absent for a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The target branch.
    pub into: String,
    /// The phase of the run: `running` if a person has to help an agent or answer at a gate before it can continue.
    pub phase: RunPhase,
    /// The clone that drives it; absent for a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<RunClone>,
    /// The tasks, in the order of the plan.
    pub tasks: Vec<TaskRow>,
    /// The gates that wait for a person's answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<OpenGate>,
    /// Where the work of its tasks is published, if it is not landed here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publishes_to: Option<PublishPlace>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// Whether this was a dry run, which changed nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// A task of a run.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct TaskRow {
    /// Its id in the plan.
    pub id: TaskId,
    /// What to do, on one line.
    pub title: String,
    /// The tasks that it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<TaskId>,
    /// Its agent, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// How it ended, once it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<TaskOutcome>,
    /// Why it ended so, or what its agent waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The agent that reviews its work, or did last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<AgentId>,
    /// The verdict that holds for its work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The number of the gate at which it waits for a person's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<u64>,
    /// The pull request of its work, as it was when it was looked at last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<Published>,
}

/// Begins or continues a run, and returns when it has ended or needs a person; or gives a run up. `show` is called with each task that
/// starts or ends.
///
/// # Errors
/// The plan has flaws or no check is known (2); there is no such run, the check fails on the target, an earlier run has the same tasks, or
/// something blocks the landing, a setting is invalid, or an agent with limits calls (3); another process or another clone drives the run (4); the user interrupted it, which
/// leaves the agents running (130).
pub fn run(
    context: &Context,
    repo: &AcceptedRepo,
    request: &Request,
    show: &dyn Fn(&TaskRow),
) -> Result<Report> {
    context.check()?;
    if let Some(typed) = &request.abort {
        return abort::run(context, repo, &started::find(repo, typed)?, show);
    }
    if !request.dry_run {
        // Its checks are commands, and it lands work: neither is for an agent that may not do everything.
        Caller::of(repo).check_unlimited("carry out a plan")?;
    }
    if request.take.is_some() {
        return take::run(context, repo, request, show);
    }
    if let Some(typed) = &request.resume {
        check_settings(repo)?;
        let mut driver = Driver::open(context, repo, started::find(repo, typed)?, show)?;
        driver.change(request)?;
        driver.require_target()?;
        if driver.started.publish && !driver.log()?.run.phase.is_end() {
            driver.place = Some(place::look(context, repo, &driver.started.into)?);
        }
        return driver.drive();
    }
    if request.pr && request.tick {
        return Err(Error::usage(
            "a task is ticked by the commit that lands it, and a pull request lands none",
        )
        .hint("leave out --tick or --pr"));
    }
    let text = request
        .plan
        .as_deref()
        .ok_or_else(|| Error::new(Code::ArgumentMissing, "no plan was given, and no run to continue"))?;
    let read = plan::run(context, &plan::Request { text: text.to_owned(), ..plan::Request::default() })?;
    if let Some(flaw) = read.flaws.first() {
        let more = read.flaws.len() - 1;
        let more = if more == 0 { String::new() } else { format!(" ({more} more)") };
        return Err(Error::new(Code::PlanInvalid, format!("the plan has a flaw: {}{more}", flaw.message))
            .hint("git orchestra plan --check FILE names all flaws"));
    }
    let named = request.into.as_deref().or(read.into.as_deref());
    let into = branches::target(repo, named)?.branch;
    let publish = request.pr || Config::of(repo).get(&AUTO_PR)?;
    let (list, unticked) = if publish { (None, None) } else { list(repo, request, &into, read.format)? };
    let title = read.title.or_else(|| read.tasks.first().map(Task::text)).unwrap_or_default();
    let started = StartedRun {
        plan: read.markdown,
        title: secret::title(&title, &SecretVariables::of(repo.environment()).values()),
        into,
        check: request.check.clone(),
        agent: request.agent.clone(),
        jobs: request.jobs,
        sequential: request.sequential,
        confirm: request.confirm,
        yolo: request.yolo,
        strict: request.strict,
        publish,
        list,
        review: reviewing(repo, request, read.review.as_ref())?,
        tasks: chosen(&read.tasks, &request.tasks)?,
    };
    if !request.dry_run {
        check_settings(repo)?;
        require_check(repo, request)?;
    }
    // Before anything starts, and also if nothing will: whether the forge takes the work.
    let publishes_to = publish.then(|| place::look(context, repo, &started.into)).transpose()?;
    let mut warnings = check_tasks(context, repo, &started)?;
    warnings.extend(unticked.clone());
    let left_out = read.left_out.iter().take(MAX_LEFT_OUT);
    let left_out = left_out.map(|one| format!("left out of the plan: {} ({})", one.what, one.why));
    let earlier = if request.again { None } else { earlier::find(repo, &started)? };
    if request.dry_run {
        warnings.extend(left_out.chain(earlier.map(|earlier| earlier.sentence())));
        let tasks = rows(&started.plan()?, &started.tasks);
        let (into, phase) = (started.into, RunPhase::Running);
        let (run, driver, gates) = (None, None, Vec::new());
        return Ok(Report { run, into, phase, driver, tasks, gates, publishes_to, warnings, dry_run: true });
    }
    if let Some(earlier) = earlier {
        return Err(earlier.error());
    }
    if !request.even_if_red {
        refuse_red_target(context, repo, &started)?;
    }
    let key = earlier::begin(context, repo, &started, request.again)?;
    let mut driver = Driver::open(context, repo, key, show)?;
    driver.warnings.extend(left_out.chain(unticked));
    driver.place = publishes_to;
    driver.drive()
}

/// Returns the list in which tasks are ticked, if they are to be; or a warning if only the configuration wants it and it cannot be done.
///
/// # Errors
/// The user wants it, and it cannot be done (3).
fn list(
    repo: &AcceptedRepo,
    request: &Request,
    into: &str,
    format: Format,
) -> Result<(Option<String>, Option<String>)> {
    if !request.tick && !Config::of(repo).get(&TICK)? {
        return Ok((None, None));
    }
    match run_list::tickable(repo, into, request.file.as_deref(), format) {
        Ok(list) => Ok((Some(list), None)),
        Err(error) if request.tick => Err(error),
        Err(error) => Ok((None, Some(error.message))),
    }
}

/// Checks the settings. A run takes hours, and reads most of them only in its course: at a gate, or when it lands.
fn check_settings(repo: &AcceptedRepo) -> Result<()> {
    Settings::read(Some(repo), repo.environment())?.check()
}

/// Returns the profile of the agents that review all work, if any do.
///
/// # Errors
/// Such an agent cannot review anything here (3).
fn reviewing(repo: &AcceptedRepo, request: &Request, planned: Option<&String>) -> Result<Option<String>> {
    let Some(typed) = request.with_review.as_ref().or(planned) else { return Ok(None) };
    let profile = match request.agent.as_ref().filter(|_| typed.is_empty()) {
        Some(agent) => agent.clone(),
        None if typed.is_empty() => Config::of(repo).get(&AGENT)?,
        None => typed.clone(),
    };
    let by = review::reviews_by(&profile, request.check.clone());
    by_agent::check(repo, &by)
        .map_err(|error| error.hint("--with-review=AGENT names the agent that reviews"))?;
    Ok(Some(profile))
}

/// Nothing lands untested.
fn require_check(repo: &AcceptedRepo, request: &Request) -> Result<()> {
    let config = Config::of(repo);
    if request.check.is_some() || config.get(&TEST)?.is_some() || config.get(&BUILD)?.is_some() {
        return Ok(());
    }
    Err(Error::new(Code::TestMissing, "a run lands only what passes a check, and none is configured")
        .hint("name one with --check")
        .hint("set it for good: git config orchestra.test 'make test'"))
}

/// Work cannot pass a check that fails without it, unless it is there to mend that.
fn refuse_red_target(context: &Context, repo: &AcceptedRepo, started: &StartedRun) -> Result<()> {
    let request = merge_ranked::Request {
        into: Some(started.into.clone()),
        test: started.check.clone(),
        ..merge_ranked::Request::default()
    };
    let Some(fails) = merge_ranked::failing_on_target(context, repo, &request)? else { return Ok(()) };
    let what = format!("{}, before anything is started", fails.sentence(&started.into));
    Err(Error::new(Code::CheckFailsOnTarget, what)
        .hint("mend it first, or --even-if-red starts the run nevertheless, for a plan that mends it"))
}

/// Returns the ids of the tasks to carry out: those that were named, or all that are not ticked.
fn chosen(tasks: &[Task], named: &[String]) -> Result<Vec<TaskId>> {
    let mut wanted = Vec::new();
    for typed in named {
        let found = tasks.iter().find(|task| task.id.as_str() == typed.to_ascii_lowercase());
        let found =
            found.ok_or_else(|| Error::usage(format!("the plan has no task '{}'", text::safe(typed))))?;
        if found.done {
            return Err(Error::usage(format!("task '{}' is ticked: it is done", found.id)));
        }
        wanted.push(&found.id);
    }
    let is_chosen = |task: &&Task| !task.done && (named.is_empty() || wanted.contains(&&task.id));
    let all: Vec<&Task> = tasks.iter().filter(is_chosen).collect();
    for task in &all {
        let open = |id: &&TaskId| !tasks.iter().any(|one| one.id == **id && one.done);
        if let Some(need) = task.after.iter().filter(open).find(|id| !all.iter().any(|one| one.id == **id)) {
            return Err(Error::usage(format!("task '{}' needs '{need}', which is not named", task.id)).hint(
                format!("name it as well, or tick it in the plan if it is done: --tasks {need},{}", task.id),
            ));
        }
    }
    Ok(all.into_iter().map(|task| task.id.clone()).collect())
}

/// Returns the tasks of a run, as they are before it begins.
fn rows(plan: &Plan, chosen: &[TaskId]) -> Vec<TaskRow> {
    let is_chosen = |id: &TaskId| chosen.contains(id);
    let row = |task: &Task| TaskRow {
        id: task.id.clone(),
        title: secret::redact_words(&task.title, &[]),
        after: task.after.iter().filter(|id| is_chosen(id)).cloned().collect(),
        agent: None,
        outcome: None,
        reason: None,
        reviewer: None,
        verdict: None,
        gate: None,
        pull_request: None,
    };
    plan.tasks.iter().filter(|task| is_chosen(&task.id)).map(row).collect()
}

/// Checks that an agent can be started for each task, before any is. Returns the warnings about that.
fn check_tasks(context: &Context, repo: &AcceptedRepo, started: &StartedRun) -> Result<Vec<String>> {
    let plan = started.plan()?;
    let mut warnings = Vec::new();
    for task in plan.tasks.iter().filter(|task| started.tasks.contains(&task.id)) {
        let request = spawn::Request { dry_run: true, ..driver::order(started, task) };
        let planned = spawn::run(context, repo, &request);
        let planned = planned.map_err(|error| error.hint(format!("it is task {} of the plan", task.id)))?;
        for warning in planned.warnings {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_task_brings_no_unnamed_one() {
        let text = "- [x] `old` Old\n- [ ] `a` One (after: old)\n- [ ] `b` Two (after: a)\n- [ ] `c` Three\n";
        let context = Context::of(&crate::world::Environment::of_this_process());
        let request = plan::Request { text: text.to_owned(), ..plan::Request::default() };
        let tasks = plan::run(&context, &request).unwrap().tasks;
        let ids = |named: &[&str]| {
            let named: Vec<String> = named.iter().map(|one| (*one).to_owned()).collect();
            let ids = chosen(&tasks, &named).map_err(|error| error.one_line());
            ids.map(|ids| ids.iter().map(TaskId::to_string).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(ids(&[]).unwrap(), "a b c");
        assert_eq!(ids(&["B", "a"]).unwrap(), "a b");
        assert!(ids(&["b"]).unwrap_err().contains("needs 'a', which is not named"));
        assert!(ids(&["old"]).unwrap_err().contains("ticked"));
        assert!(ids(&["z"]).unwrap_err().contains("no task 'z'"));
    }
}
