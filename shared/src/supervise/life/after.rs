//! Waits for the agents with whose work an agent starts. Meanwhile it is queued, and takes no slot.

use super::{Supervisor, TICK, tracking::RepositoryState};
use crate::{
    Result,
    git::Oid,
    model::{AgentId, CommitId},
    store::layout,
    supervise::{
        dependencies::{self, DependencyState},
        ending::AttemptEnd,
        queue,
    },
};

/// What is known of an agent that is waited for: the tip of its events, and what these said.
type Known = (Option<Oid>, DependencyState);

impl Supervisor {
    /// Waits until all agents that this one starts after are done. Returns the end if there is one meanwhile.
    pub(super) async fn wait_for_others(&mut self) -> Result<Option<AttemptEnd>> {
        let mut known: Vec<Known> = vec![(None, DependencyState::Open); self.spec.after.len()];
        let mut ticket = None;
        loop {
            self.look_at_others(&mut known);
            if let Some(why) = known.iter().find_map(|(_, state)| ended(state)) {
                return Ok(Some(AttemptEnd::Stopped(Some(why))));
            }
            let works: Vec<CommitId> = known.iter().filter_map(|(_, state)| work(state)).collect();
            if works.len() == known.len() {
                self.keep_work_of_others(works)?;
                break;
            }
            if ticket.is_none() {
                ticket = queue::step_aside(&self.private, &self.id);
            }
            // What changes meanwhile is nothing of its time: the look is taken again.
            let _ = std::fs::remove_file(self.dir.surroundings());
            if let Some(end) = self.wait_once(TICK).await? {
                return Ok(Some(end));
            }
        }
        match ticket {
            Some(ticket) => queue::rejoin(&self.private, &ticket).map(|()| None),
            None => Ok(None),
        }
    }

    /// Writes down the work that it starts with: until it does, one of the others may be resumed.
    fn keep_work_of_others(&mut self, works: Vec<CommitId>) -> Result<()> {
        if self.spec.after_work == works {
            return Ok(());
        }
        self.spec.after_work = works;
        self.spec.write(&self.dir)
    }

    /// Reads the state of those that changed. What cannot be read now may be readable at the next look.
    fn look_at_others(&mut self, known: &mut [Known]) {
        if known.is_empty() || self.update_paths() != RepositoryState::Usable {
            return;
        }
        let ids = self.spec.after.clone();
        let _ = self.in_repository(|supervisor| supervisor.try_to_look_at(&ids, known));
    }

    fn try_to_look_at(&self, ids: &[AgentId], known: &mut [Known]) -> Result<()> {
        let repo = self.repo()?;
        for (id, (known_tip, state)) in ids.iter().zip(known) {
            let tip = repo.find_ref(&layout::agent_ref(id))?;
            // Only an archived agent has none.
            if tip.is_none() || tip != *known_tip {
                *state = dependencies::state_of(&repo, id, self.spec.on_failed)?;
                *known_tip = tip;
            }
        }
        Ok(())
    }
}

fn work(state: &DependencyState) -> Option<CommitId> {
    match state {
        DependencyState::Ready(work) => Some(*work),
        DependencyState::Open | DependencyState::Ended(_) => None,
    }
}

fn ended(state: &DependencyState) -> Option<String> {
    match state {
        DependencyState::Ended(why) => Some(why.clone()),
        DependencyState::Open | DependencyState::Ready(_) => None,
    }
}
