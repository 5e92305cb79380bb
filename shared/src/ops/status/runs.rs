//! The runs of plans that have not ended, as their logs and the agents of the report say. Any clone that has the logs can show them.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    git::{Oid, Repo, careful},
    model::{
        AgentId, Liveness, RunKey, Tag, WriterId,
        run::{Fold, Run, TaskOutcome},
    },
    ops::{
        agent_object::AgentObject,
        gate_object::{OpenGate, RunClone},
    },
    run,
    store::{
        chain::Chain,
        layout::{self, PrivateDir, RUNS},
        verdicts::TrustedWriters,
        writer,
    },
};

/// The most logs that are read, the newest: the ids of runs begin with the time.
const MAX_LOGS: usize = 20;

/// A run of a plan that has not ended.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct OpenRun {
    /// Its id.
    pub run: String,
    /// Its purpose, in a few words.
    pub title: String,
    /// The label of the clone that began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The clone that drives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<RunClone>,
    /// The number of its tasks; only the clone that began it knows that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<usize>,
    /// The number of tasks whose work landed, and was not undone.
    pub landed: usize,
    /// The number of tasks whose work was published as pull requests.
    #[serde(default)]
    pub published: usize,
    /// The number of tasks whose agents changed nothing.
    #[serde(default)]
    pub unchanged: usize,
    /// The number of tasks that failed.
    pub failed: usize,
    /// The number of tasks that were skipped, because they need one that did not land, or because their landing was undone.
    pub skipped: usize,
    /// Its agents that wait for a person's answer, or that were lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<AgentId>,
    /// Its gates that wait for a person's answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<OpenGate>,
}

/// Returns the runs that have not ended, oldest first. A log that cannot be read is left out: `git orchestra doctor` names it.
///
/// # Errors
/// The refs cannot be read.
pub(super) fn open(repo: &Repo, agents: &[AgentObject]) -> Result<Vec<OpenRun>> {
    open_besides(repo, agents, &mut HashSet::new())
}

/// Returns the runs that have not ended, oldest first, for a reader that looks often: the newest commits of the logs of those that have
/// ended are added to `ended`, and not read again.
///
/// # Errors
/// The refs cannot be read.
pub fn open_besides(repo: &Repo, agents: &[AgentObject], ended: &mut HashSet<Oid>) -> Result<Vec<OpenRun>> {
    let names = repo.refs_below(RUNS)?;
    let key = |(name, tip)| Some((RunKey::parse(String::as_str(&name).strip_prefix(RUNS)?).ok()?, tip));
    let mut logs: Vec<_> = names.into_iter().filter_map(key).collect();
    logs.sort_unstable();
    logs.drain(..logs.len().saturating_sub(MAX_LOGS));
    ended.retain(|known| logs.iter().any(|(_, tip)| tip == known));
    logs.retain(|(_, tip)| !ended.contains(tip));
    let trusted = TrustedWriters::of(repo);
    let own = writer::known_writer(repo);
    let read = |(key, tip)| {
        let fold = Chain::<Run>::read(repo, &[tip]).ok()?.fold();
        let is_open = fold.created && !fold.run.phase.is_end();
        if !is_open {
            ended.insert(tip);
        }
        is_open.then(|| {
            // Only the clone that drives a run knows whose answers count there.
            let is_ours = own.as_ref().is_some_and(|own| fold.is_driven_by(own));
            let is_trusted = |writer: &WriterId| !is_ours || trusted.contains(writer.as_str());
            let gates = fold.open_gates().map(|gate| OpenGate::of(gate, &is_trusted)).collect();
            let driver = fold.driver.as_ref().map(|clone| RunClone::of(clone, own.as_ref()));
            OpenRun { gates, driver, ..describe(&key, fold, task_ids(repo, &key), agents) }
        })
    };
    Ok(logs.into_iter().filter_map(read).collect())
}

/// Returns the run that has not recorded yet how the task of an agent with these tags ended: without the agent it would start the task
/// again.
pub(in crate::ops) fn that_needs_agent(repo: &Repo, tags: &[Tag]) -> Option<RunKey> {
    tags.iter().find_map(|tag| {
        let (key, place) = run::task_of_tag(tag.as_str())?;
        let fold = Chain::<Run>::of(repo, &key).ok()?.fold();
        let tasks = task_ids(repo, &key)?;
        let task = tasks.get(place)?;
        let has_ended = fold.tasks.iter().any(|end| end.task == *task);
        (!fold.run.phase.is_end() && !has_ended).then_some(key)
    })
}

/// Returns the ids of the tasks of a run that was begun in this clone, in the order of their places.
fn task_ids(repo: &Repo, key: &RunKey) -> Option<Vec<String>> {
    let folder = layout::runs_dir(&PrivateDir::new(repo.private_dir().ok()?));
    let started: serde_json::Value =
        serde_json::from_slice(&careful::read(folder.join(format!("{key}.json"))).ok()?).ok()?;
    let id = |task: &serde_json::Value| task.as_str().unwrap_or_default().to_owned();
    Some(started["tasks"].as_array()?.iter().map(id).collect())
}

/// Counts the tasks that landed by the log, and whose work is not in the target any more: `git orchestra run` skips them.
fn undone(key: &RunKey, fold: &Fold, tasks: &[String], agents: &[AgentObject]) -> usize {
    let has_landed = |task: &str| fold.tasks.iter().any(|end| end.task == task && run::has_landed_it(end));
    let is_gone = |place: usize| {
        let tag = run::task_tag(key, place);
        agents.iter().filter(|agent| agent.tags.iter().any(|one| one.as_str() == tag)).any(|agent| {
            agent.landed_in.is_none() || agent.landed_now.is_some_and(|now| !now.is_in_history())
        })
    };
    (0..).zip(tasks).filter(|(place, task)| has_landed(task) && is_gone(*place)).count()
}

fn describe(key: &RunKey, fold: Fold, tasks: Option<Vec<String>>, agents: &[AgentObject]) -> OpenRun {
    let undone = undone(key, &fold, tasks.as_deref().unwrap_or_default(), agents);
    let number = |outcome| fold.tasks.iter().filter(|end| end.outcome() == outcome).count();
    let (landed, failed, skipped) = (
        number(TaskOutcome::Landed) - undone,
        number(TaskOutcome::Failed),
        number(TaskOutcome::Skipped) + undone,
    );
    let tag = run::tag(key);
    let waits = |agent: &&AgentObject| {
        let needs_person = match agent.liveness {
            Liveness::Live => agent.waiting.is_some(),
            Liveness::Lost => true,
            _ => false,
        };
        needs_person && agent.tags.iter().any(|one| one.as_str() == tag)
    };
    OpenRun {
        run: key.to_string(),
        title: fold.run.title,
        label: fold.run.label,
        driver: None,
        tasks: tasks.map(|tasks| tasks.len()),
        landed,
        published: number(TaskOutcome::Published),
        unchanged: number(TaskOutcome::Unchanged),
        failed,
        skipped,
        gates: Vec::new(),
        waits: agents.iter().filter(waits).map(|agent| agent.id.clone()).collect(),
    }
}
