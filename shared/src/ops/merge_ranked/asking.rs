//! Asking agents to settle conflicts and to repair what fails: in their own worktrees, in their own conversations.

use std::sync::atomic::AtomicBool;

use crate::{
    Error, Kind, Result,
    agents::{self, Words},
    config::Config,
    git::{Oid, worktrees::Head},
    landing::{
        before::BeforeRepair,
        finish::{self, Move, Moved},
        repair::Repairs,
    },
    model::{AgentId, Liveness},
    ops::{
        merge_ranked::rolling_back,
        rest::{self, Rest},
        resume, status,
    },
    store::{
        Chain,
        layout::{self, Private},
    },
    supervise::spec::Spec,
    trust::AcceptedRepo,
    worktree::{door, list},
};

pub(super) struct Asking<'a> {
    pub(super) repo: &'a AcceptedRepo,
    pub(super) interrupted: &'a AtomicBool,
}

impl Repairs for Asking<'_> {
    fn ask(
        &self,
        agent: &AgentId,
        forward_to: Option<Oid>,
        message: &str,
    ) -> Result<std::result::Result<Oid, String>> {
        let profile = Chain::of_agent(self.repo, agent)?.fold().agent.profile;
        let what = "the names and the output of others";
        if let Err(refused) = agents::check_prose(&profile, &Config::of(self.repo), what) {
            return Ok(Err(format!("its agent cannot be asked: {}", refused.one_line())));
        }
        if let Some(commit) = forward_to
            && let Err(why) = self.bring_forward(agent, commit)?
        {
            return Ok(Err(why));
        }
        let request = resume::Request {
            agents: vec![agent.to_string()],
            message: Some(Words::Composed(message.to_owned())),
            ..resume::Request::default()
        };
        if let Err(error) = resume::run(self.repo, &request) {
            return Ok(Err(format!("its agent cannot be asked: {}", error.one_line())));
        }
        if let Err(why) = self.wait(agent)? {
            return Ok(Err(why));
        }
        // It ran meanwhile, and the landing goes on with what the configuration names.
        self.repo.confirm()?;
        match self.repo.find_ref(&layout::head_ref(agent))? {
            Some(head) => Ok(Ok(head)),
            None => Ok(Err("its agent left no work".to_owned())),
        }
    }

    fn before(&self, id: &AgentId) -> Result<BeforeRepair> {
        let agent = Chain::of_agent(self.repo, id)?.fold().agent;
        let tip = self.repo.find_ref(&layout::branch_ref(&agent.branch))?;
        let head = self.repo.find_ref(&layout::head_ref(id))?;
        Ok(BeforeRepair::of(id, &agent, tip, head))
    }

    fn roll_back(&self, before: &BeforeRepair, why: &str) -> Result<std::result::Result<(), String>> {
        rolling_back::roll_back(self.repo, before, why)
    }
}

impl Asking<'_> {
    fn bring_forward(&self, id: &AgentId, commit: Oid) -> Result<std::result::Result<(), String>> {
        let agent = status::one(self.repo, id)?;
        if agent.liveness != Liveness::Ended {
            return Ok(Err(format!("its agent cannot be asked: it is {}", agent.phase.as_str())));
        }
        let cannot = |why: &str| Ok(Err(format!("its agent cannot be asked: {why}")));
        let Some(worktree) =
            list::of_agent(self.repo, id, &agent.branch)?.filter(|found| found.path.exists())
        else {
            return cannot("its worktree is gone");
        };
        let spec = Spec::last(self.repo, id, &Private::new(self.repo.private_dir()?).agent(id));
        let made = spec.as_ref().map(Spec::made).unwrap_or_default();
        if let Err(error) = door::enter(self.repo, &worktree, made) {
            return cannot(&error.one_line());
        }
        let branch_ref = layout::branch_ref(&agent.branch);
        let now = self.repo.find_ref(&branch_ref)?;
        let now = now.filter(|_| worktree.head() == Head::Branch(branch_ref));
        let Some(now) = now.filter(|now| self.repo.contains(commit, *now).unwrap_or(false)) else {
            return cannot("its worktree does not stand where its work does");
        };
        let why = "orchestra merge-ranked: for its agent";
        let wanted = Move { branch: &agent.branch, old: now, new: commit, why };
        match finish::move_branch(self.repo, wanted)? {
            Moved::Yes | Moved::NotNeeded => Ok(Ok(())),
            Moved::Elsewhere(_) => cannot("its branch moved meanwhile"),
            Moved::Blocked(blocked) => cannot(&blocked.why),
        }
    }

    fn wait(&self, id: &AgentId) -> Result<std::result::Result<(), String>> {
        match rest::wait(self.repo, id, self.interrupted)? {
            Rest::Done => Ok(Ok(())),
            Rest::Otherwise(why) => Ok(Err(format!("its agent is {why}"))),
            Rest::Interrupted => Err(Error::new(
                Kind::Interrupted,
                format!("interrupted while '{id}' works on its branch; it runs on"),
            )
            .hint("git orchestra merge-ranked --continue, when it has ended")),
        }
    }
}
