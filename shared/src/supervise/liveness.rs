//! Determines whether an agent is live, lost, remote or ended.

use crate::{
    Result,
    git::{Oid, Repo},
    lock::Lock,
    model::{Agent, AgentId, Liveness},
    store::{
        AgentLog,
        layout::{self, PrivateDir},
    },
    supervise::processes::{self, Processes},
};

/// The maximum number of times that the events of an agent that seems lost are read again, because there were new ones.
const MAX_READS: usize = 16;

/// The state of an agent, and its liveness in that state. They are determined together, because an agent that ends between two
/// separate observations would seem lost.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The state after the newest event that was read.
    pub agent: Agent,
    /// The liveness that this machine found for that state.
    pub liveness: Liveness,
}

impl Observed {
    /// Determines the liveness once, which is enough for an agent that has ended.
    pub fn once(private: &PrivateDir, id: &AgentId, agent: Agent, writer: Option<&str>) -> Self {
        Self { liveness: of(private, id, &agent, writer), agent }
    }

    /// Determines the liveness, and while the agent seems lost and there are new events, reads them and determines it again: a
    /// supervisor writes the end of its agent before it releases the lock.
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
            Some(newer) if newer != tip => Ok(Some((newer, AgentLog::read(repo, id, newer)?.fold.agent))),
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
    for _ in 0..MAX_READS {
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
    if agent.phase.is_at_rest() && !(ours && agent.waits_at_rest()) {
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
    fn an_agent_that_ends_between_two_observations_is_not_lost() {
        use Liveness::{Ended, Live, Lost};
        use Phase::{Done, Queued, Running};
        // The liveness at each observation, the phases that are read again, and the expected result.
        type Row = (&'static [Liveness], &'static [Phase], (Phase, Liveness));
        let table: [Row; 5] = [
            (&[Live], &[], (Running, Live)),
            (&[Lost], &[], (Running, Lost)),
            (&[Lost, Ended], &[Done], (Done, Ended)),
            // It ended, was resumed, and ended again.
            (&[Lost, Lost, Ended], &[Queued, Done], (Done, Ended)),
            (&[Lost, Lost], &[Queued], (Queued, Lost)),
        ];
        for (looks, states, expected) in table {
            let (mut looks, mut states) = (looks.iter(), (1..).zip(states));
            let observed = settle(
                (tip(0), at(Running)),
                |_| *looks.next().expect("no further observation"),
                |_| Ok(states.next().map(|(number, phase)| (tip(number), at(*phase)))),
            );
            let observed = observed.expect("states that can be read");
            assert_eq!((observed.agent.phase, observed.liveness), expected);
            assert!(looks.next().is_none());
        }
    }

    #[test]
    fn the_number_of_reads_is_limited() {
        let mut reads = 0;
        let observed = settle(
            (tip(0), at(Phase::Running)),
            |_| Liveness::Lost,
            |_| {
                reads += 1;
                Ok(Some((tip(1), at(Phase::Running))))
            },
        );
        assert_eq!((observed.expect("a state").liveness, reads), (Liveness::Lost, MAX_READS));
    }
}
