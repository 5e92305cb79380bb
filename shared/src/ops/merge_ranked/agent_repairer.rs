//! Asks agents to resolve conflicts and to repair failed checks, in their own worktrees and sessions.

use crate::{
    Result,
    agents::{self, Words},
    config::Config,
    context::{Context, interrupted},
    git::{
        Oid,
        worktrees::{Worktree, WorktreeHead},
    },
    landing::{
        before::BeforeRepair,
        finish::{self, BranchMove, TargetMove},
        open_landings,
        repairer::{RepairError, Repairer},
    },
    model::{AgentId, Liveness, text},
    ops::{
        agent_checkout,
        merge_ranked::rollback,
        resume, status,
        waiting::{self, WaitOutcome},
    },
    store::{
        self,
        layout::{self, PrivateDir},
    },
    supervise::spec::Spec,
    trust::AcceptedRepo,
    worktree::{list, open_worktree},
};

/// Asks the agents of one landing for repairs.
pub(super) struct AgentRepairer<'a> {
    pub(super) context: &'a Context,
    pub(super) repo: &'a AcceptedRepo,
    /// The target of the landing.
    pub(super) into: &'a str,
}

impl Repairer for AgentRepairer<'_> {
    fn ask(&self, agent: &AgentId, forward_to: Option<Oid>, message: &str) -> Result<Oid, RepairError> {
        self.refuse_shared(agent)?;
        self.refuse_changes(agent)?;
        let profile = store::agent(self.repo, agent)?.profile;
        let what = "names and output of others";
        agents::check_prose(&profile, &Config::of(self.repo), what)
            .map_err(|error| cannot_ask(&error.one_line()))?;
        if let Some(commit) = forward_to {
            self.forward_branch(agent, commit)?;
        }
        let request = resume::Request {
            agents: vec![agent.to_string()],
            message: Some(Words::Composed(message.to_owned())),
            ..resume::Request::default()
        };
        resume::run(&self.context.unobserved(), self.repo, &request)
            .map_err(|error| cannot_ask(&error.one_line()))?;
        self.wait(agent)?;
        // The agent ran and may have changed the configuration, which the landing uses from here on.
        self.repo.confirm()?;
        let head = self.repo.find_ref(&layout::head_ref(agent))?;
        head.ok_or_else(|| RepairError::not_possible("its agent has no work"))
    }

    fn before(&self, id: &AgentId) -> Result<BeforeRepair> {
        let agent = store::agent(self.repo, id)?;
        let tip = self.repo.find_ref(&layout::branch_ref(&agent.branch))?;
        let head = self.repo.find_ref(&layout::head_ref(id))?;
        Ok(BeforeRepair::of(id, &agent, tip, head))
    }

    fn roll_back(&self, before: &BeforeRepair, why: &str) -> Result<(), RepairError> {
        rollback::roll_back(self.context, self.repo, before, why)
    }
}

impl AgentRepairer<'_> {
    /// Refuses an agent that another landing uses: one landing could roll back what the agent did for the other.
    fn refuse_shared(&self, id: &AgentId) -> Result<(), RepairError> {
        let branch = store::agent(self.repo, id)?.branch;
        for other in open_landings::running(self.repo)? {
            let into = other.into.as_deref().unwrap_or_default();
            if into != self.into && other.uses(id, &branch) {
                let into = text::one_line(into, 60);
                return Err(cannot_ask(&format!("another landing, into {into}, is using it")));
            }
        }
        Ok(())
    }

    /// Refuses an agent in whose worktree somebody changed something since its work was saved: that would become part of the repair, and
    /// a rollback would take it out of the worktree.
    fn refuse_changes(&self, id: &AgentId) -> Result<(), RepairError> {
        if !agent_checkout::has_changes(self.repo, id)? {
            return Ok(());
        }
        Err(cannot_ask(&format!(
            "its worktree has changes that are not in its work; git orchestra collect {id} adds them"
        )))
    }

    fn forward_branch(&self, id: &AgentId, commit: Oid) -> Result<(), RepairError> {
        let agent = status::read_agent(self.repo, id)?;
        if agent.liveness != Liveness::Ended {
            return Err(cannot_ask(&format!("it is {}", agent.phase.as_str())));
        }
        let worktree =
            list::worktree_of_agent(self.repo, id, &agent.branch)?.filter(Worktree::is_checked_out);
        let worktree = worktree.ok_or_else(|| cannot_ask("its worktree is missing"))?;
        let spec = Spec::last(self.repo, id, &PrivateDir::new(self.repo.private_dir()?).agent(id));
        let made = spec.as_ref().map(Spec::worktree_identity).unwrap_or_default();
        open_worktree::open_worktree(self.repo, &worktree, made)
            .map_err(|error| cannot_ask(&error.one_line()))?;
        let branch_ref = layout::branch_ref(&agent.branch);
        let now = self.repo.find_ref(&branch_ref)?;
        let now = now
            .filter(|_| worktree.head() == WorktreeHead::Branch(branch_ref))
            .filter(|now| self.repo.contains(commit, *now).unwrap_or(false))
            .ok_or_else(|| cannot_ask("its worktree is not at the head of its work"))?;
        let why = "orchestra merge-ranked: for its agent";
        let wanted = BranchMove { branch: &agent.branch, old: now, new: commit, why };
        match finish::move_branch(self.repo, wanted)? {
            TargetMove::Moved | TargetMove::Unchanged => Ok(()),
            TargetMove::Elsewhere(_) => Err(cannot_ask("its branch has moved")),
            TargetMove::Blocked(blocked) => Err(cannot_ask(&blocked.why)),
        }
    }

    fn wait(&self, id: &AgentId) -> Result<(), RepairError> {
        match waiting::wait(self.context, self.repo, id)? {
            WaitOutcome::Done => Ok(()),
            WaitOutcome::NotDone(why) => Err(RepairError::not_possible(format!("its agent is {why}"))),
            WaitOutcome::Interrupted => Err(interrupted(format!(
                "interrupted while '{id}' works on its branch; the agent keeps running"
            ))
            .hint("git orchestra merge-ranked --continue, after the agent has ended")
            .into()),
        }
    }
}

fn cannot_ask(why: &str) -> RepairError {
    RepairError::not_possible(format!("its agent cannot be asked: {why}"))
}
