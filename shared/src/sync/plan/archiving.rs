//! Removing the refs of agents that an archive contains.

use super::{AgentChange, Planner};
use crate::{
    Result,
    git::{
        Oid,
        remotes::{PushRule, RefPush},
    },
    model::{AgentId, LogId},
    store::layout,
    sync::archives,
};

impl Planner<'_> {
    /// Plans to delete the refs of an agent on both sides if its whole event log is in an archive. Returns whether that is so.
    pub(super) fn archive_agent(
        &mut self,
        id: &AgentId,
        ours: Option<Oid>,
        theirs: Option<Oid>,
    ) -> Result<bool> {
        let held = |tip: Option<Oid>| match tip {
            Some(tip) if !self.repo.has_commit(tip) => Ok(false),
            Some(tip) => archives::contain(self.repo, &self.archived_tips, id, tip),
            None => Ok(true),
        };
        if self.private.agent(id).dir().is_dir() || !held(ours)? || !held(theirs)? {
            return Ok(false);
        }
        let work = self.sides.ours.heads.get(id).copied();
        if let Some(work) = work {
            self.keep_unless_archived(id, work)?;
        }
        for (name, tip) in [(layout::agent_ref(id), ours), (layout::head_ref(id), work)] {
            self.plan.deletes.extend(tip.map(|tip| (name, tip)));
        }
        if ours.is_some() {
            self.change(LogId::Agent(id.clone()), AgentChange::Archived);
        }
        // It is deleted at the remote only once the archive is there.
        let archived_there =
            self.after.archives.iter().all(|one| self.sides.theirs.archives.get(one.0) == Some(one.1));
        let work = self.sides.theirs.heads.get(id).copied();
        for (name, tip) in [(layout::agent_ref(id), theirs), (layout::head_ref(id), work)] {
            if let Some(tip) = tip.filter(|_| archived_there) {
                self.plan.sends.push(RefPush { name, new: None, rule: PushRule::Lease(Some(tip)) });
            }
        }
        Ok(true)
    }

    /// Keeps the work of an archived agent if no archive contains it: it may have been archived without work, or with older work.
    fn keep_unless_archived(&mut self, id: &AgentId, work: Oid) -> Result<()> {
        if self
            .archived_tips
            .get(id)
            .into_iter()
            .flatten()
            .any(|archived_tips| archived_tips.work == Some(work))
        {
            return Ok(());
        }
        for archive in self.after.archives.values() {
            if !self.repo.has_commit(work) || self.repo.contains(*archive, work)? {
                return Ok(());
            }
        }
        let name = layout::replaced_head_ref(id, &work.to_string());
        if self.repo.find_ref(&name)?.is_none() {
            self.edit(name, None, work);
        }
        Ok(())
    }
}
