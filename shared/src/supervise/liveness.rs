//! Determines whether an agent is live, lost, remote or ended.

use crate::{
    Result,
    git::{Oid, Repo},
    lock::Lock,
    model::{Agent, AgentId, Liveness},
    store::{
        Chain,
        layout::{self, PrivateDir},
    },
    supervise::processes::{self, Processes},
};

/// How often the events of an agent that seems lost are read again. Each time, another event has arrived meanwhile.
const MOST_READS: usize = 16;

/// An agent as its events describe it, and what the machine said of it at that event: one answer, since two separate looks
/// would show an agent that ends between them as lost.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The state after the newest event that was read.
    pub agent: Agent,
    /// What the machine said of that state.
    pub liveness: Liveness,
}

impl Observed {
    /// Looks at the machine once: enough for an agent that has ended.
    pub fn once(private: &PrivateDir, id: &AgentId, agent: Agent, writer: Option<&str>) -> Self {
        Self { liveness: of(private, id, &agent, writer), agent }
    }

    /// Looks at the machine, and reads the events again as long as they explain why an agent seems lost: a supervisor writes the
    /// end of its agent before it releases the lock.
    ///
    /// # Errors
    /// The newer events cannot be read.
    pub fn settled(
        repo: &Repo,
        private: &PrivateDir,
        id: &AgentId,
        read: (Oid, Agent),
        writer: Option<&str>,
    ) -> Result<Self> {
        let look = |agent: &Agent| of(private, id, agent, writer);
        let read_again = |tip: Oid| match repo.find_ref(&layout::agent_ref(id))? {
            Some(newer) if newer != tip => Ok(Some((newer, Chain::read(repo, &[newer])?.fold().agent))),
            _ => Ok(None),
        };
        settle(read, look, read_again)
    }
}

fn settle(
    (mut tip, mut agent): (Oid, Agent),
    mut look: impl FnMut(&Agent) -> Liveness,
    mut read_again: impl FnMut(Oid) -> Result<Option<(Oid, Agent)>>,
) -> Result<Observed> {
    let mut liveness = look(&agent);
    for _ in 0..MOST_READS {
        if liveness != Liveness::Lost {
            break;
        }
        let Some(newer) = read_again(tip)? else { break };
        (tip, agent) = newer;
        liveness = look(&agent);
    }
    Ok(Observed { agent, liveness })
}

/// Returns the liveness of an agent, derived from its phase, its writer, and its lock at this moment.
pub fn of(private: &PrivateDir, id: &AgentId, agent: &Agent, writer: Option<&str>) -> Liveness {
    let ours = writer == Some(agent.writer.as_str());
    if agent.phase.is_at_rest() && !(ours && agent.waits_for_limit()) {
        Liveness::Ended
    } else if !ours {
        Liveness::Remote
    } else if Lock::is_held(&private.agent(id).lock()) || has_live_supervisor(private, id) {
        Liveness::Live
    } else {
        Liveness::Lost
    }
}

/// Returns whether the agent's lock was removed while its supervisor lives; the supervisor recreates it within a second.
fn has_live_supervisor(private: &PrivateDir, id: &AgentId) -> bool {
    !Processes::is_recorded(&private.agent(id)) && processes::supervisor_of(private, id).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Phase;

    fn at(phase: Phase) -> Agent {
        Agent { phase, ..Agent::default() }
    }

    fn tip(number: u8) -> Oid {
        Oid::from_bytes([number; 20])
    }

    #[test]
    fn an_agent_that_ends_between_two_looks_is_not_lost() {
        use Liveness::{Ended, Live, Lost};
        use Phase::{Done, Queued, Running};
        // What the machine says at each look, the states that are read again, and what is observed.
        type Row = (&'static [Liveness], &'static [Phase], (Phase, Liveness));
        let table: [Row; 5] = [
            (&[Live], &[], (Running, Live)),
            (&[Lost], &[], (Running, Lost)),
            (&[Lost, Ended], &[Done], (Done, Ended)),
            // It ended, was resumed, and ended once more.
            (&[Lost, Lost, Ended], &[Queued, Done], (Done, Ended)),
            (&[Lost, Lost], &[Queued], (Queued, Lost)),
        ];
        for (looks, states, expected) in table {
            let (mut looks, mut states) = (looks.iter(), (1..).zip(states));
            let observed = settle(
                (tip(0), at(Running)),
                |_| *looks.next().expect("no look more than needed"),
                |_| Ok(states.next().map(|(number, phase)| (tip(number), at(*phase)))),
            );
            let observed = observed.expect("states that can be read");
            assert_eq!((observed.agent.phase, observed.liveness), expected);
            assert!(looks.next().is_none());
        }
    }

    #[test]
    fn events_are_not_read_again_without_end() {
        let mut reads = 0;
        let observed = settle(
            (tip(0), at(Phase::Running)),
            |_| Liveness::Lost,
            |_| {
                reads += 1;
                Ok(Some((tip(1), at(Phase::Running))))
            },
        );
        assert_eq!((observed.expect("a state").liveness, reads), (Liveness::Lost, MOST_READS));
    }
}
