//! Finds the check that failed with a branch in an earlier landing and has not passed since. For an agent's work, its events say so
//! in every clone. For any other branch, and for commands that events do not contain, the landings of this clone do.

use super::{
    branches::Branch,
    state::{RunCheck, State, Step},
};
use crate::{
    Result,
    git::{Oid, Repo},
    model::{
        WriterId,
        event::{Check, Landing},
        landing::{FailedCheck, check_id},
        text,
    },
    store::operations::{self, Journal, Operation, OperationBody, Stage},
};

/// The maximum number of earlier landings that are searched, newest first.
const MAX_LANDINGS: usize = 100;
/// The maximum width of a command in columns.
const COMMAND_WIDTH: usize = 200;

/// Fills in the check that failed with the current commit of each branch.
///
/// # Errors
/// The operations cannot be listed; a single one that cannot be read is skipped.
pub fn fill_in_failed_checks(repo: &Repo, branches: &mut [Branch]) -> Result<()> {
    for branch in branches.iter_mut() {
        branch.failed = from_events(branch);
    }
    let lacks = |branch: &Branch| match &branch.failed {
        Some(failed) => failed.check.command.is_none(),
        None => branch.agent.is_none(),
    };
    if !branches.iter().any(lacks) {
        return Ok(());
    }
    let landings = earlier_landings(repo)?;
    for branch in branches.iter_mut() {
        match &mut branch.failed {
            Some(failed) => {
                let command = || command_of(&landings, &failed.check.id);
                failed.check.command = failed.check.command.take().or_else(command);
            }
            None if branch.agent.is_none() => {
                branch.failed = from_landings(&landings, &branch.name, branch.tip);
            }
            None => {}
        }
    }
    Ok(())
}

fn from_events(branch: &Branch) -> Option<FailedCheck> {
    let (_, agent) = branch.agent.as_ref()?;
    agent.failed_check.clone().filter(|failed| failed.head == branch.tip)
}

/// Returns the states of earlier landings, newest first. What failed in a landing that was undone is left out: it failed on top of
/// what the undo took away.
fn earlier_landings(repo: &Repo) -> Result<Vec<State>> {
    let all = operations::all(repo)?;
    let is_landing = |one: &&Operation| matches!(one.body, OperationBody::Landing(_));
    let mut landings: Vec<&Operation> = all.iter().filter(is_landing).collect();
    landings.sort_by(|a, b| b.id.cmp(&a.id));
    let load = |one: &&Operation| {
        let mut state = Journal::open(repo, &one.id).and_then(|journal| State::load(repo, &journal)).ok()?;
        if one.stage == Stage::Done && !operations::is_in_effect(one, &all) {
            state.steps.retain(|step| step.outcome != Some(Landing::Failed));
        }
        Some(state)
    };
    Ok(landings.iter().take(MAX_LANDINGS).filter_map(load).collect())
}

/// Returns the latest failure with exactly this commit, unless the check has passed with it since.
fn from_landings(landings: &[State], name: &str, tip: Oid) -> Option<FailedCheck> {
    let mut passed: Vec<String> = Vec::new();
    for landing in landings {
        for step in steps_of(landing).filter(|step| step.branch == name && step.head == tip) {
            match (step.outcome, &step.failed_check) {
                (Some(Landing::Merged), _) => {
                    passed.extend(landing.options.checks.iter().map(|(_, command)| check_id(command)));
                }
                (Some(Landing::Failed), Some(check)) if !passed.contains(&check_id(&check.command)) => {
                    return Some(failure(landing, step, check));
                }
                _ => {}
            }
        }
    }
    None
}

/// Returns the steps of a landing, newest first, followed by those it stopped at.
fn steps_of(landing: &State) -> impl Iterator<Item = &Step> {
    landing.steps.iter().rev().chain(landing.stopped_at.iter().rev())
}

fn failure(landing: &State, step: &Step, check: &RunCheck) -> FailedCheck {
    let shown = text::one_line(&check.command, COMMAND_WIDTH);
    FailedCheck {
        check: Check { name: check.name.clone(), id: check_id(&check.command), command: Some(shown) },
        head: step.head.into(),
        into: landing.into.as_str().into(),
        why: step.why.clone().unwrap_or_default(),
        writer: WriterId::default(),
    }
}

fn command_of(landings: &[State], id: &str) -> Option<String> {
    let mut checks = landings.iter().flat_map(|landing| &landing.options.checks);
    let (_, command) = checks.find(|(_, command)| check_id(command) == id)?;
    Some(text::one_line(command, COMMAND_WIDTH))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::landing::{LandOptions, branches::LandingTarget};

    fn step(outcome: Landing, tip: Oid, failed: Option<&str>) -> Step {
        let check = failed.map(|command| RunCheck { name: "test".into(), command: command.into() });
        let branch = Branch {
            name: "b".into(),
            tip,
            agent: None,
            problem: None,
            snapshot: None,
            part: None,
            failed: None,
        };
        let why = failed.map(|_| "test fails: exit code 1".into());
        Step { outcome: Some(outcome), why, failed_check: check, ..Step::of(&branch, 1) }
    }

    fn landing(check: &str, steps: Vec<Step>, stopped_at: Vec<Step>) -> State {
        let target = LandingTarget { branch: "main".into(), tip: Oid::EMPTY_TREE };
        let checks = vec![("test".into(), check.into())];
        let options = LandOptions { checks, ..LandOptions::default() };
        State { steps, stopped_at, ..State::new(&target, options, Vec::new()) }
    }

    #[test]
    fn the_latest_result_of_a_check_counts() {
        let tip = Oid::EMPTY_TREE;
        let other = Oid::parse(&"1".repeat(40)).expect("an id");
        let failed = || landing("make", vec![step(Landing::Failed, tip, Some("make"))], Vec::new());
        let passed = |check| landing(check, vec![step(Landing::Merged, tip, None)], Vec::new());
        let aside = || landing("make", vec![step(Landing::SetAside, tip, None)], Vec::new());
        let stopped = landing("make", Vec::new(), vec![step(Landing::Failed, tip, Some("make"))]);
        let moved = landing("make", vec![step(Landing::Failed, other, Some("make"))], Vec::new());
        // The newest landing first.
        for (landings, fails) in [
            (vec![], false),
            (vec![failed()], true),
            (vec![stopped], true),
            (vec![moved], false),
            (vec![aside(), failed()], true),
            (vec![passed("make"), failed()], false),
            (vec![passed("true"), failed()], true),
            (vec![failed(), passed("make")], true),
        ] {
            assert_eq!(from_landings(&landings, "b", tip).is_some(), fails, "{landings:?}");
            assert_eq!(from_landings(&landings, "c", tip), None);
        }
    }
}
