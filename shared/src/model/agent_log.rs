//! The log of an agent.

use super::{
    Agent, AgentId, Event, Fact, Phase,
    event::Landing,
    fold::{FOLD, Fold},
    published::PullRequestState,
    subject::{Folded, Subject, SubjectId},
    verdict::Verdict,
};
use crate::Code;

impl SubjectId for AgentId {
    type Subject = Agent;
}

impl Subject for Agent {
    type Id = AgentId;
    type Fact = Fact;
    type Fold = Fold;

    const NAME: &'static str = "agent";
    const ONE: &'static str = "an agent";
    const KIND: &'static str = "agents";
    const FOLD: u32 = FOLD;
    const UNKNOWN: Code = Code::AgentUnknown;

    fn headline(before: Option<&Self>, after: &Self, events: &[Event]) -> String {
        let now = after.phase.as_str();
        match before {
            None => now.to_owned(),
            Some(before) if before.phase != after.phase => format!("{} → {now}", before.phase.as_str()),
            Some(_) => {
                let noted = events.iter().find_map(|event| event.fact.as_ref().and_then(noted));
                noted.map_or_else(|| format!("{now}, noted"), str::to_owned)
            }
        }
    }
}

impl Folded<Agent> for Fold {
    fn apply(&mut self, event: &Event) {
        Self::apply(self, event);
    }

    fn state(&self) -> &Agent {
        &self.agent
    }

    fn into_state(self) -> Agent {
        self.agent
    }

    fn with_state(mut self, agent: Agent) -> Self {
        self.agent = agent;
        self
    }

    fn lamport(&self) -> u64 {
        self.agent.lamport
    }

    fn newer(&self) -> usize {
        self.newer
    }
}

/// Describes a fact that does not change the phase.
const fn noted(fact: &Fact) -> Option<&'static str> {
    match fact {
        Fact::Stop { .. } => Some("stop requested"),
        Fact::Pause { .. } => Some("pause requested"),
        Fact::Send(message) => Some(match message.allow {
            Some(true) => "allowed",
            Some(false) => "denied",
            None => "message sent",
        }),
        Fact::Verdict(review) => Some(match review.verdict {
            Verdict::Approve => "approved",
            Verdict::Changes => "changes requested",
            Verdict::Reject => "rejected",
        }),
        Fact::Withdrawn(_) => Some("verdict withdrawn"),
        Fact::Collected(_) => Some("collected"),
        Fact::Restored {} => Some("restored"),
        Fact::Tagged(_) => Some("tagged"),
        Fact::Said(_) => Some("message written"),
        Fact::Read(_) => Some("messages read"),
        Fact::Heard(_) => Some("message heard"),
        Fact::Published(published) => Some(match published.state {
            PullRequestState::Merged => "pull request merged",
            PullRequestState::Closed => "pull request closed",
            PullRequestState::Open | PullRequestState::Other => "published",
        }),
        Fact::Landed(landed) => Some(match landed.outcome {
            Landing::Merged => "landed",
            Landing::UpToDate => "already landed",
            Landing::NothingNew => "nothing new to land",
            Landing::SetAside => "set aside",
            Landing::Failed => "failed to land",
            Landing::Undone => "landing undone",
        }),
        Fact::Phase(step) if matches!(step.phase, Phase::Starting) => Some("started again"),
        Fact::Created(_) | Fact::Phase(_) | Fact::Finished(_) => None,
    }
}
