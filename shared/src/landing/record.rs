//! Telling what landed: in the lives of the agents, and as notes on the commits.

use serde_json::{Value, json};

use super::{
    branches::Branch,
    state::{State, Step},
};
use crate::{
    Result,
    git::Repo,
    model::{
        AgentId, Fact, canonical,
        event::{Landed, Landing},
        fold::Fold,
        text,
    },
    store::{append_if, layout, notes},
};

/// Writes down what became of every branch. What cannot be written is told, not fatal: the work has landed.
pub fn record(repo: &Repo, state: &State, branches: &[Branch]) -> Vec<String> {
    let mut warnings = Vec::new();
    for step in &state.steps {
        if let Err(error) = on_the_agent(repo, state, step) {
            warnings.push(format!("{}: {}", step.branch, error.one_line()));
        }
    }
    if let Err(error) = on_the_commits(repo, state, branches) {
        warnings.push(format!("no notes were written: {}", error.one_line()));
    }
    warnings
}

fn on_the_agent(repo: &Repo, state: &State, step: &Step) -> Result<()> {
    let (Some(agent), Some(outcome)) = (&step.agent, step.outcome) else { return Ok(()) };
    if matches!(outcome, Landing::UpToDate | Landing::NothingNew) {
        return Ok(());
    }
    let landed = Landed {
        outcome,
        into: state.into.clone(),
        head: step.head.to_string(),
        commit: step.commit.map(|commit| commit.to_string()),
        reason: step.why.clone(),
    };
    // Said once, also when a landing that was cut off here is gone on with.
    let news = |fold: &Fold| {
        let known = outcome == Landing::Merged && fold.agent.landed_as == landed.commit;
        (!known).then(|| vec![Fact::Landed(landed.clone())])
    };
    append_if(repo, &AgentId::parse(agent)?, news).map(|_| ())
}

fn on_the_commits(repo: &Repo, state: &State, branches: &[Branch]) -> Result<()> {
    let mut all = Vec::new();
    for step in &state.steps {
        let branch = branches.iter().find(|branch| branch.name == step.branch);
        if let (Some(commit), Some(line)) = (step.commit, canonical::write(&note(state, step, branch))) {
            all.push((commit, format!("{line}\n")));
        }
    }
    notes::write(repo, layout::RESULTS, &format!("landed in {}", text::one_line(&state.into, 100)), &all)
}

/// One object a line, as everything of ours.
fn note(state: &State, step: &Step, branch: Option<&Branch>) -> Value {
    let agent = branch.and_then(|branch| branch.agent.as_ref()).map(|(_, agent)| agent);
    let checks: Vec<&str> = state.orders.checks.iter().map(|(name, _)| name.as_str()).collect();
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
    add("agent", step.agent.clone().map(Value::from));
    add("task", agent.map(|agent| Value::from(agent.title.clone())));
    add("cost_micros", agent.and_then(|agent| agent.cost_micros).map(Value::from));
    add("session", agent.and_then(|agent| agent.session.clone()).map(Value::from));
    add("settled", (!step.settled.is_empty()).then(|| Value::from(step.settled.clone())));
    note
}
