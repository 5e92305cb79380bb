//! The agents of a run: those of its tasks, and those that review their work. Tags say what each is for.

use std::collections::BTreeMap;

use crate::{
    Result,
    git::Repo,
    model::{Agent, AgentId, RunKey, Tag, run::Fold},
    ops::agent_object::AgentObject,
    run::{self, gates::GatedWork},
    store::Listing,
};

/// The agents of a run, by the places of their tasks.
#[derive(Default)]
pub(super) struct RunAgents {
    /// The agent of each task.
    pub(super) tasks: BTreeMap<usize, (AgentId, Agent)>,
    /// The reviewers of the work of each task.
    pub(super) reviewers: BTreeMap<usize, Vec<Reviewer>>,
}

/// An agent that reviews the work of a task, or did.
pub(super) struct Reviewer {
    pub(super) id: AgentId,
    pub(super) agent: Agent,
    /// The attempt of the agent of the task whose work it reviews.
    pub(super) attempt: u32,
    /// The gate at which a person asked for this review; 0 if nobody did.
    pub(super) gate: u64,
}

/// The work of an agent that is done, and those who review it.
pub(super) struct ToReview<'a> {
    pub(super) id: &'a AgentId,
    pub(super) agent: &'a Agent,
    pub(super) work: &'a GatedWork,
    pub(super) reviewers: &'a [Reviewer],
    pub(super) objects: &'a [AgentObject],
    pub(super) log: &'a Fold,
}

/// What a tag says that an agent of a run is for.
#[derive(Debug, Eq, PartialEq)]
enum Purpose {
    /// The task at this place.
    Task(usize),
    /// The review of its work.
    Review { place: usize, attempt: u32, gate: u64 },
}

/// Returns the tag of a reviewer.
///
/// # Errors
/// It would be too long.
pub(super) fn reviewer_tag(key: &RunKey, place: usize, attempt: u32, gate: u64) -> Result<Tag> {
    format!("{}/r{attempt}-{gate}", run::task_tag(key, place)).parse()
}

fn purpose(key: &RunKey, tag: &str) -> Option<Purpose> {
    let rest = tag.strip_prefix(&run::tag(key))?.strip_prefix('/')?;
    let place = |number: &str| number.parse::<usize>().ok()?.checked_sub(1);
    let Some((number, review)) = rest.split_once("/r") else { return place(rest).map(Purpose::Task) };
    let (attempt, gate) = review.split_once('-')?;
    Some(Purpose::Review { place: place(number)?, attempt: attempt.parse().ok()?, gate: gate.parse().ok()? })
}

/// Returns the agents of a run with so many tasks. The tags were written in the event that made the agent, so that there is never a
/// second one for a task.
///
/// # Errors
/// The refs, or one of the agents, cannot be read.
pub(super) fn of_run(repo: &Repo, key: &RunKey, tasks: usize) -> Result<RunAgents> {
    let listing = Listing::read(repo)?;
    let mut agents = RunAgents::default();
    for row in &listing.rows {
        let tags = listing.trailer(row, "Tags").unwrap_or_default();
        if !tags.contains(key.as_str()) {
            continue;
        }
        match tags.split(' ').find_map(|tag| purpose(key, tag)) {
            Some(Purpose::Task(place)) if place < tasks => {
                let agent = listing.agent(repo, row)?;
                agents.tasks.entry(place).or_insert_with(|| (row.id.clone(), agent));
            }
            Some(Purpose::Review { place, attempt, gate }) if place < tasks => {
                let (id, agent) = (row.id.clone(), listing.agent(repo, row)?);
                agents.reviewers.entry(place).or_default().push(Reviewer { id, agent, attempt, gate });
            }
            _ => {}
        }
    }
    Ok(agents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_say_what_an_agent_is_for() {
        let key = RunKey::parse("019aa0a0a0a012345").unwrap();
        let tag = reviewer_tag(&key, 999, 99, 999).unwrap();
        assert_eq!(purpose(&key, tag.as_str()), Some(Purpose::Review { place: 999, attempt: 99, gate: 999 }));
        assert_eq!(purpose(&key, &run::task_tag(&key, 2)), Some(Purpose::Task(2)));
        let tag = run::tag(&key);
        for other in
            [tag.clone(), format!("{tag}/0"), format!("{tag}/x"), format!("{tag}/1/r1"), "web".into()]
        {
            assert_eq!(purpose(&key, &other), None, "{other}");
        }
    }
}
