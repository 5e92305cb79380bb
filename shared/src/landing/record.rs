//! Records what landed: in the agents' events, and as notes on the commits.

use serde_json::{Value, json};

use super::{
    branches::Branch,
    options::LandOptions,
    state::{State, Step},
};
use crate::{
    Result,
    git::{Oid, Repo},
    model::{
        AgentId, Fact, IdOrText, canonical,
        event::{Check, Landed, Landing},
        fold::{self, Fold},
        landing::check_id,
        text,
    },
    store::{append_if, layout, notes, writer},
};

/// The most commits of one agent that get a note; the newest.
const MAX_PARTS: usize = 1_000;

/// Records the outcome of every branch in the landing `operation`. Returns a warning for whatever cannot be written: the work has landed nevertheless.
pub fn record(repo: &Repo, operation: &str, state: &State, branches: &[Branch]) -> Vec<String> {
    let mut warnings = record_on_agents(repo, state, &state.steps, Some(operation));
    if let Err(error) = write_notes(repo, state, branches) {
        warnings.push(format!("cannot write notes: {}", error.one_line()));
    }
    warnings
}

/// Records which checks failed in a landing that was not finished. Returns a warning for whatever cannot be written.
pub fn record_failures(repo: &Repo, state: &State) -> Vec<String> {
    let failed = |step: &&Step| step.outcome == Some(Landing::Failed);
    let all: Vec<Step> = state.steps.iter().chain(&state.stopped_at).filter(failed).cloned().collect();
    record_on_agents(repo, state, &all, None)
}

fn record_on_agents(repo: &Repo, state: &State, steps: &[Step], operation: Option<&str>) -> Vec<String> {
    let mut warnings = Vec::new();
    for step in steps {
        if let Err(error) = record_on_agent(repo, state, step, operation) {
            warnings.push(format!("{}: {}", step.branch, error.one_line()));
        }
    }
    warnings
}

fn record_on_agent(repo: &Repo, state: &State, step: &Step, operation: Option<&str>) -> Result<()> {
    let (Some(agent), Some(landed)) = (&step.agent, landed_event(state, step)) else { return Ok(()) };
    record_landing(repo, agent, &Landed { operation: operation.map(str::to_owned), ..landed })
}

/// Records what a landing did with an agent's work, unless its events already say so, as they do when a landing that was
/// interrupted at this point is continued.
///
/// # Errors
/// As [`append_if`].
pub fn record_landing(repo: &Repo, id: &AgentId, landed: &Landed) -> Result<()> {
    let (by, fact) = (writer::writer(repo)?, Fact::Landed(landed.clone()));
    let event_if_new =
        |fold: &Fold| fold::is_worth_recording(&fold.agent, &fact, &by).then(|| vec![fact.clone()]);
    append_if(repo, id, event_if_new).map(|_| ())
}

/// Returns the event that a step adds to its agent; `None` if other events already say the same.
fn landed_event(state: &State, step: &Step) -> Option<Landed> {
    let outcome = step.outcome.filter(|outcome| *outcome != Landing::UpToDate && !step.kept_back)?;
    Some(Landed {
        outcome,
        into: state.into.as_str().into(),
        head: step.head.into(),
        commit: step.commit.map(IdOrText::from),
        reason: step.why.clone(),
        check: step.failed_check.as_ref().map(|check| Check::for_event(&check.name, &check.command)),
        passed: if outcome == Landing::Merged { passed(&state.options) } else { Vec::new() },
        operation: None,
        undone: None,
    })
}

/// Returns the ids of the checks that every landed branch has passed.
pub fn passed(options: &LandOptions) -> Vec<String> {
    options.checks.iter().map(|(_, command)| check_id(command)).collect()
}

fn write_notes(repo: &Repo, state: &State, branches: &[Branch]) -> Result<()> {
    let known = repo.find_ref(layout::RESULTS)?;
    let mut all = Vec::new();
    let mut before = state.base;
    for step in &state.steps {
        let branch = branches.iter().find(|branch| branch.name == step.branch);
        if let (Some(commit), Some(line)) = (step.commit, canonical::write(&note(state, step, branch))) {
            if let Some(agent) = &step.agent {
                all.extend(notes_on_parts(repo, known, agent, before, commit)?);
            }
            all.push((commit, format!("{line}\n")));
            before = commit;
        }
    }
    notes::write(repo, layout::RESULTS, &format!("landed in {}", text::one_line(&state.into, 100)), &all)
}

/// Returns the notes on the commits of an agent that a landing brings into the target besides its own: whose they are, and which
/// commit says more. What other notes on them say is kept.
fn notes_on_parts(
    repo: &Repo,
    known: Option<Oid>,
    agent: &AgentId,
    before: Oid,
    landed: Oid,
) -> Result<Vec<(Oid, String)>> {
    let part = json!({"v": 1, "t": "part", "agent": agent.as_str(), "landed": landed.to_string()});
    let Some(line) = canonical::write(&part) else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for commit in repo.commits_beyond(landed, &[before], MAX_PARTS)? {
        let found = known.map(|known| notes::read_one(repo, known, commit)).transpose()?.flatten();
        let found = String::from_utf8_lossy(&found.unwrap_or_default()).into_owned();
        if commit != landed && !found.lines().any(|known| known == line) {
            all.push((commit, format!("{found}{line}\n")));
        }
    }
    Ok(all)
}

/// Returns the note on the commit of a step.
fn note(state: &State, step: &Step, branch: Option<&Branch>) -> Value {
    let agent = branch.and_then(|branch| branch.agent.as_ref()).map(|(_, agent)| agent);
    let checks: Vec<&str> = state.options.checks.iter().map(|(name, _)| name.as_str()).collect();
    let mut note = json!({
        "v": 1,
        "t": "landed",
        "branch": step.branch,
        "head": step.head.to_string(),
        "into": state.into,
        "passed": checks,
    });
    let mut add = |key: &str, value: Option<Value>| {
        if let (Some(map), Some(value)) = (note.as_object_mut(), value) {
            map.insert(key.to_owned(), value);
        }
    };
    add("agent", step.agent.as_deref().map(Value::from));
    add("task", agent.map(|agent| Value::from(agent.title.clone())));
    add("profile", agent.map(|agent| Value::from(agent.role.as_ref().unwrap_or(&agent.profile).as_str())));
    add("model", agent.and_then(|agent| agent.model.as_deref()).map(Value::from));
    add("cost_micros", agent.and_then(|agent| agent.cost).map(|cost| Value::from(cost.micros())));
    add("session", agent.and_then(|agent| agent.session.as_deref()).map(Value::from));
    add("settled", (!step.settled.is_empty()).then(|| Value::from(step.settled.clone())));
    add("flaky", (!step.flaky.is_empty()).then(|| Value::from(step.flaky.clone())));
    note
}
