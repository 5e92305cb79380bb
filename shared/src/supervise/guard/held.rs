//! Which agents of the repository are held because the machine is short of something. One supervisor at a time decides, under a lock,
//! and at most once in [`INTERVAL`], so that the effect of a step is seen before the next one; each holds only its own agent.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::judge::{Candidate, Resource, Step, next_step};
use crate::{
    Kind, Result,
    error::ErrorContext,
    git::careful,
    lock::Lock,
    model::AgentId,
    private_files,
    store::layout::PrivateDir,
    supervise::{
        processes::{self, Processes},
        tree,
    },
};

/// The least time between two steps.
const INTERVAL: Duration = Duration::from_secs(5);
/// The maximum number of agents that are measured for one decision.
const MAX_CANDIDATES: usize = 1000;

/// An agent that is held.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct HeldAgent {
    /// The agent.
    pub agent: AgentId,
    /// What there was too little of.
    pub resource: Resource,
}

/// The file with the agents that are held. There is none if no agent is.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct HeldAgents {
    /// The boot of the machine at the last step.
    boot: String,
    /// When the last step was taken, in seconds since that boot.
    acted_seconds: u64,
    /// The agents, in the order in which they were held.
    pub held: Vec<HeldAgent>,
}

impl HeldAgents {
    /// Reads the file. An unreadable one counts as missing: then everything continues.
    pub fn read(private: &PrivateDir) -> Self {
        let text = careful::read(private.held_agents()).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Returns why an agent is held.
    pub fn reason(&self, id: &AgentId) -> Option<Resource> {
        self.held.iter().find(|held| held.agent == *id).map(|held| held.resource)
    }

    /// Returns whether a step may be taken `now`, which is the boot and the seconds since then.
    fn is_due(&self, now: &(String, u64)) -> bool {
        self.boot != now.0 || now.1.saturating_sub(self.acted_seconds) >= INTERVAL.as_secs()
    }

    fn write(&self, private: &PrivateDir) -> Result<()> {
        let path = private.held_agents();
        if self.held.is_empty() && self.boot.is_empty() {
            let _ = std::fs::remove_file(&path);
            return Ok(());
        }
        let cannot = || format!("cannot write '{}'", path.display());
        let text = serde_json::to_vec(self).context(Kind::Internal, cannot)?;
        private_files::replace(&path, text).context(Kind::External, cannot)
    }
}

/// Takes the next step, if one is due and no other supervisor takes one. `worse` is what there is too little of, `has_room` whether
/// held agents may continue, `now` the boot and the seconds since then. Returns the agent whose supervisor has to act.
///
/// # Errors
/// The files cannot be written.
pub fn take_step(
    private: &PrivateDir,
    worse: Option<Resource>,
    has_room: bool,
    now: &(String, u64),
) -> Result<Option<AgentId>> {
    if worse.is_none() && !private.held_agents().exists() {
        return Ok(None);
    }
    let Some(_lock) = Lock::take(&private.held_agents_lock(), Duration::ZERO)? else { return Ok(None) };
    let mut record = HeldAgents::read(private);
    let candidates = candidates(private);
    let before = record.held.len();
    record.held.retain(|held| candidates.iter().any(|one| one.id == held.agent));
    let held: Vec<(AgentId, Resource)> =
        record.held.iter().map(|held| (held.agent.clone(), held.resource)).collect();
    let step = if record.is_due(now) { next_step(worse, has_room, &candidates, &held) } else { None };
    let changed = match step {
        Some(Step::Hold(id)) => {
            let resource = worse.unwrap_or(Resource::Memory);
            record.held.push(HeldAgent { agent: id.clone(), resource });
            Some(id)
        }
        Some(Step::Release(id)) => {
            record.held.retain(|held| held.agent != id);
            Some(id)
        }
        None => None,
    };
    if changed.is_some() {
        (record.boot, record.acted_seconds) = now.clone();
    } else if record.held.is_empty() && record.is_due(now) {
        record = HeldAgents::default();
    } else if record.held.len() == before {
        return Ok(None);
    }
    record.write(private)?;
    Ok(changed)
}

/// Returns the agents of the repository whose programs run under a live supervisor.
pub(super) fn candidates(private: &PrivateDir) -> Vec<Candidate<AgentId>> {
    let of = |id: AgentId| {
        let record = Processes::read(&private.agent(&id))?;
        let program = record.program.filter(tree::ProcessId::is_alive)?;
        record.supervisor.is_alive().then(|| Candidate {
            memory: tree::memory_below(record.supervisor.pid),
            started: program.start,
            id,
        })
    };
    private.agents().into_iter().filter_map(of).take(MAX_CANDIDATES).collect()
}

/// Wakes the supervisor of an agent.
pub fn wake(private: &PrivateDir, id: &AgentId) {
    if let Some(record) = Processes::read(&private.agent(id)) {
        processes::signal(record.supervisor, rustix::process::Signal::USR1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_taken_at_intervals_on_one_boot() {
        let record = HeldAgents { boot: "b".to_owned(), acted_seconds: 100, held: Vec::new() };
        for (boot, seconds, due) in
            [("b", 100, false), ("b", 104, false), ("b", 105, true), ("c", 3, true), ("b", 50, false)]
        {
            assert_eq!(record.is_due(&(boot.to_owned(), seconds)), due, "{boot} {seconds}");
        }
        assert!(HeldAgents::default().is_due(&("b".to_owned(), 0)));
    }

    #[test]
    fn an_agent_that_does_not_run_is_not_held() {
        let folder = tempfile::tempdir().expect("a folder");
        let private = crate::store::layout::PrivateDir::new(folder.path().to_owned());
        let now = ("b".to_owned(), 7);
        let gone = HeldAgent { agent: AgentId::parse("a-00000").expect("an id"), resource: Resource::Memory };
        let record = HeldAgents { boot: "b".to_owned(), acted_seconds: 7, held: vec![gone.clone()] };
        record.write(&private).expect("a file");
        assert_eq!(HeldAgents::read(&private).reason(&gone.agent), Some(Resource::Memory));
        assert_eq!(take_step(&private, Some(Resource::Memory), false, &now).expect("a step"), None);
        assert_eq!(HeldAgents::read(&private).held, []);
        let later = ("b".to_owned(), 17);
        assert_eq!(take_step(&private, None, true, &later).expect("a step"), None);
        assert!(!private.held_agents().exists(), "nothing is left once nothing is held");
        std::fs::write(private.held_agents(), "{nonsense").expect("a file");
        assert_eq!(HeldAgents::read(&private), HeldAgents::default());
    }
}
