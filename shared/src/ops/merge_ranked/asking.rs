//! Asking agents to settle conflicts and to repair what fails: in their own worktrees, in their own conversations.

use std::sync::atomic::AtomicBool;

use crate::{
    Error, Kind, Result,
    git::{Git, Oid, Repo, command},
    landing::{before::BeforeRepair, repair::Repairs},
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
    worktree::{door, list},
};

pub(super) struct Asking<'a> {
    pub(super) repo: &'a Repo,
    pub(super) interrupted: &'a AtomicBool,
}

impl Repairs for Asking<'_> {
    fn ask(
        &self,
        agent: &AgentId,
        forward_to: Option<Oid>,
        message: &str,
    ) -> Result<std::result::Result<Oid, String>> {
        if let Some(commit) = forward_to
            && let Err(why) = self.bring_forward(agent, commit)?
        {
            return Ok(Err(why));
        }
        let request = resume::Request {
            agents: vec![agent.to_string()],
            message: Some(message.to_owned()),
            ..resume::Request::default()
        };
        if let Err(error) = resume::run(self.repo, &request) {
            return Ok(Err(format!("its agent cannot be asked: {}", error.one_line())));
        }
        if let Err(why) = self.wait(agent)? {
            return Ok(Err(why));
        }
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
        let Some(worktree) =
            list::of_agent(self.repo, id, &agent.branch)?.filter(|found| found.path.exists())
        else {
            return Ok(Err("its agent cannot be asked: its worktree is gone".to_owned()));
        };
        let spec = Spec::last(self.repo, id, &Private::new(self.repo.private_dir()?).agent(id));
        if let Err(error) =
            door::enter(self.repo, &worktree, spec.as_ref().map(Spec::made).unwrap_or_default())
        {
            return Ok(Err(format!("its agent cannot be asked: {}", error.one_line())));
        }
        let output = Git::new(&worktree.path, "merge")
            .args(["--ff-only", "--quiet", &commit.to_string()])
            .limit(command::LONG)
            .output()?;
        let stands = self.repo.find_ref(&layout::branch_ref(&agent.branch))? == Some(commit);
        Ok(if output.status.success() && stands {
            Ok(())
        } else {
            Err("its agent cannot be asked: its worktree does not stand where its work does".to_owned())
        })
    }

    fn wait(&self, id: &AgentId) -> Result<std::result::Result<(), String>> {
        match rest::wait(self.repo, id, self.interrupted)? {
            Rest::Done => Ok(Ok(())),
            Rest::Otherwise(why) => Ok(Err(format!("its agent is {why}"))),
            Rest::Interrupted => Err(Error::new(
                Kind::Conflict,
                format!("interrupted while '{id}' works on its branch; it runs on"),
            )
            .hint("git orchestra merge-ranked --continue, when it has ended")),
        }
    }
}
