//! Waits for the agents with whose work an agent starts. Meanwhile it is queued, and takes no slot.

use super::{Supervisor, TICK, tracking::RepositoryState};
use crate::{
    Result,
    git::Oid,
    model::AgentId,
    store::layout,
    supervise::{dependencies, ending::AttemptEnd, queue},
};

/// What is known of an agent that is waited for, and the tip of its events when that was read.
#[derive(Default)]
pub(super) struct KnownDependency {
    tip: Option<Oid>,
    is_done: bool,
}

impl Supervisor {
    /// Waits until all agents that this one starts after are done. Returns the end if one is requested meanwhile.
    pub(super) async fn wait_for_others(&mut self) -> Result<Option<AttemptEnd>> {
        let mut known: Vec<KnownDependency> =
            self.spec.after.iter().map(|_| KnownDependency::default()).collect();
        let mut ticket = None;
        while !self.are_others_done(&mut known) {
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

    /// Returns whether all of them are done. What cannot be read now may be readable at the next look.
    fn are_others_done(&mut self, known: &mut [KnownDependency]) -> bool {
        if known.is_empty() {
            return true;
        }
        if self.update_paths() != RepositoryState::Usable {
            return false;
        }
        let ids = self.spec.after.clone();
        let looked = self.in_repository(|supervisor| supervisor.look_at_others(&ids, known));
        looked.is_ok() && known.iter().all(|one| one.is_done)
    }

    fn look_at_others(&self, ids: &[AgentId], known: &mut [KnownDependency]) -> Result<()> {
        let repo = self.repo()?;
        for (id, known) in ids.iter().zip(known) {
            let tip = repo.find_ref(&layout::agent_ref(id))?;
            // Only an archived agent has none.
            if tip.is_none() || tip != known.tip {
                known.is_done = dependencies::finished_work(&repo, id)?.is_some();
                known.tip = tip;
            }
        }
        Ok(())
    }
}
