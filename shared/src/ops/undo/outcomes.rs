//! Records in the events of agents that a landing was undone, or that the undo was.

use crate::{
    Result,
    git::Repo,
    landing::{State, record, state::Step},
    model::{
        Agent, AgentId, Event, Fact, IdOrText, WriterId,
        event::{Landed, Landing, in_order},
        fold,
    },
    store::{
        chain::Chain,
        operations::{Journal, Operation, OperationBody},
        writer,
    },
};

/// Records the undo in the events of the agents whose work the landing merged, set aside, or saw fail. Returns warnings for the user.
pub(super) fn record(repo: &Repo, operation: &Operation, all: &[Operation]) -> Vec<String> {
    let (mut root, mut undone) = (operation, true);
    // An undo of an undo restores what the landing brought.
    while let Some(before) =
        root.undoes().and_then(|id| all.iter().find(|one| one.id == id && one.id < root.id))
    {
        (root, undone) = (before, !undone);
    }
    if !matches!(root.body, OperationBody::Landing(_)) {
        return Vec::new();
    }
    let state = Journal::open(repo, &root.id).and_then(|journal| State::load(repo, &journal));
    let state = match state {
        Ok(state) => state,
        Err(error) => return vec![error.one_line()],
    };
    let mut warnings = Vec::new();
    for step in &state.steps {
        let Some(id) = &step.agent else { continue };
        if let Err(error) = record_step(repo, id, &root.id, &state, step, undone) {
            warnings.push(format!("{id}: {}", error.one_line()));
        }
    }
    warnings
}

fn record_step(
    repo: &Repo,
    id: &AgentId,
    landing: &str,
    state: &State,
    step: &Step,
    undone: bool,
) -> Result<()> {
    let facts = match step.outcome {
        Some(Landing::Merged) => vec![merged(landing, state, step, undone)],
        Some(Landing::Failed | Landing::SetAside) => {
            let chain = Chain::<Agent>::of(repo, id)?;
            let writer = writer::writer(repo)?;
            if undone {
                holds_no_longer(&chain.events, landing, &writer)
            } else {
                again(&chain.events, landing)
            }
        }
        _ => return Ok(()),
    };
    facts.iter().try_for_each(|landed| record::record_landing(repo, id, landed))
}

fn merged(landing: &str, state: &State, step: &Step, undone: bool) -> Landed {
    Landed {
        outcome: if undone { Landing::Undone } else { Landing::Merged },
        into: state.into.as_str().into(),
        head: step.head.into(),
        commit: step.commit.map(IdOrText::from),
        reason: Some("by undo".to_owned()),
        check: None,
        passed: if undone { Vec::new() } else { record::passed(&state.options) },
        operation: Some(landing.to_owned()),
        undone: None,
    }
}

/// Returns the events by which what a landing said about an agent's work holds no longer: the undo, and what earlier landings had
/// said, which holds again. Returns none if the landing had nothing new to say, or a later one said something else.
fn holds_no_longer(events: &[Event], landing: &str, writer: &WriterId) -> Vec<Landed> {
    let is_ours = |event: &&Event| said(event).is_some_and(|landed| is_of(landed, landing));
    let Some(last) = in_order(events).into_iter().rfind(|event| said(event).is_some()) else {
        return Vec::new();
    };
    let Some(landed) = Some(last).filter(is_ours).filter(|event| event.writer == *writer).and_then(said)
    else {
        return Vec::new();
    };
    let others: Vec<&Event> = in_order(events).into_iter().filter(|event| !is_ours(event)).collect();
    let before = fold::fold(others.iter().copied()).agent;
    let last_of = |outcome| {
        let all = others.iter().rev().filter_map(|event| said(event));
        all.into_iter().find(|landed| landed.outcome == outcome).cloned()
    };
    let undone = Landed {
        outcome: Landing::Undone,
        undone: Some(landed.outcome),
        reason: Some("by undo".to_owned()),
        check: None,
        ..landed.clone()
    };
    let failed = before.failed_check.and_then(|_| last_of(Landing::Failed));
    let aside = before.set_aside.and_then(|_| last_of(Landing::SetAside));
    [undone].into_iter().chain(failed).chain(aside).collect()
}

/// Returns what a landing said about an agent's work, to be recorded again.
fn again(events: &[Event], landing: &str) -> Vec<Landed> {
    let mut of_landing =
        in_order(events).into_iter().filter_map(said).filter(|landed| is_of(landed, landing));
    of_landing.next_back().cloned().into_iter().collect()
}

/// Returns what an event says about work that did not land.
fn said(event: &Event) -> Option<&Landed> {
    match &event.fact {
        Some(Fact::Landed(landed)) if matches!(landed.outcome, Landing::Failed | Landing::SetAside) => {
            Some(landed)
        }
        _ => None,
    }
}

fn is_of(landed: &Landed, landing: &str) -> bool {
    landed.operation.as_deref() == Some(landing)
}
