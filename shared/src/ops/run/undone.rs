//! Work of a run that landed, and is not in the target any more: the landing was undone, or the branch was reset. As long as the run has
//! not ended, and in one that was given up, its task counts as skipped, and what started from that work lands only if a person says so.

use std::collections::{BTreeMap, HashSet};

use super::TaskRow;
use crate::{
    Result,
    git::{Oid, Repo},
    model::{
        Agent, AgentId, IdOrText,
        run::{Fold, RunPhase},
    },
    plan::TaskId,
    run::{self, TaskState},
    store::layout,
};

/// What is said of a task whose landing was undone.
pub(super) const REASON: &str = "its landing was undone";

/// Work that is not in the target any more.
pub(super) struct UndoneWork {
    task: TaskId,
    head: Oid,
}

/// Finds the tasks of a run that has not ended, or was given up, whose work landed and is not in the target any more, by their places.
///
/// # Errors
/// The history of the target cannot be read.
pub(super) fn find(
    repo: &Repo,
    into: &str,
    log: &Fold,
    rows: &[TaskRow],
    agents: &BTreeMap<usize, (AgentId, Agent)>,
) -> Result<BTreeMap<usize, UndoneWork>> {
    let landed = landed(log, rows, agents);
    let tip = repo.find_ref(&layout::branch_ref(into))?;
    let is_open = matches!(log.run.phase, RunPhase::Running | RunPhase::Stopped);
    let Some(tip) = tip.filter(|_| !landed.is_empty() && is_open) else {
        return Ok(BTreeMap::new());
    };
    let all = landed.iter().flat_map(|(_, heads)| heads.iter().copied());
    let sought: HashSet<Oid> = all.filter(|head| repo.has_commit(*head)).collect();
    // A history that is too long to be read says nothing.
    let Some(there) = repo.which_are_in_newer(tip, sought.clone())? else { return Ok(BTreeMap::new()) };
    let is_gone = |heads: &[Oid]| {
        heads.iter().any(|head| sought.contains(head)) && !heads.iter().any(|head| there.contains(head))
    };
    let gone = landed.into_iter().filter(|(_, heads)| is_gone(heads));
    let work = |(place, heads): (usize, Vec<Oid>)| {
        let head = heads.first().copied()?;
        Some((place, UndoneWork { task: rows.get(place)?.id.clone(), head }))
    };
    Ok(gone.filter_map(work).collect())
}

/// Returns the tasks whose work landed, each with the commit that holds it and the one that landed it.
pub(super) fn landed(
    log: &Fold,
    rows: &[TaskRow],
    agents: &BTreeMap<usize, (AgentId, Agent)>,
) -> Vec<(usize, Vec<Oid>)> {
    let of_row = |(place, row): (usize, &TaskRow)| {
        let end = log.tasks.iter().find(|end| end.task == row.id.as_str())?;
        let agent = &agents.get(&place)?.1;
        let by_us = run::has_landed_it(end);
        let head = agent.landed_head.as_ref().and_then(IdOrText::commit).or_else(|| agent.head_commit());
        let landed_as = agent.landed_as.as_ref().and_then(IdOrText::commit);
        let heads: Vec<Oid> = head.into_iter().chain(landed_as).collect();
        (by_us && !heads.is_empty()).then_some((place, heads))
    };
    (0..).zip(rows).filter_map(of_row).collect()
}

/// Returns the state of a task whose work contains undone work; `None` if it contains none.
///
/// # Errors
/// The history of the work cannot be read.
pub(super) fn state(
    repo: &Repo,
    agent: &Agent,
    undone: &BTreeMap<usize, UndoneWork>,
) -> Result<Option<TaskState>> {
    let Some(head) = agent.head_commit().filter(|head| repo.has_commit(*head)) else { return Ok(None) };
    let mut names = Vec::new();
    for work in undone.values() {
        if repo.contains(head, work.head)? {
            names.push(format!("'{}'", work.task));
        }
    }
    Ok((!names.is_empty()).then(|| TaskState::FromUndone(sentence(&names))))
}

fn sentence(names: &[String]) -> String {
    let what = if names.len() == 1 { "whose landing was undone" } else { "whose landings were undone" };
    format!("starts from {}, {what}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_names_all_of_them() {
        assert_eq!(sentence(&["'a'".into()]), "starts from 'a', whose landing was undone");
        assert_eq!(
            sentence(&["'a'".into(), "'b'".into()]),
            "starts from 'a', 'b', whose landings were undone"
        );
    }
}
