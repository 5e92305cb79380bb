//! Slot lending: an agent that runs one of our commands that waits for other agents does no work meanwhile, so one of the agents
//! it waits for may use its slot. Without this, agents that wait for the agents they spawned could hold every slot until they
//! time out.
//!
//! A waiting command holds a lock on a file of its own that lists the agents it waits for. A queued supervisor that finds its
//! agent there may take the one slot that the waiting agent lends. The kernel releases both locks when their holders die.

use std::{fs, os::unix::fs::FileExt, path::PathBuf, time::Duration};

use crate::{
    Result,
    git::{Repo, careful},
    lock::Lock,
    model::AgentId,
    store::layout::PrivateDir,
    supervise::tickets,
    world,
};

/// How long to retry if another command removes the new file before it is locked.
const RETRY_FOR: Duration = Duration::from_secs(1);
/// The maximum number of waiting commands whose files are read.
const MAX_WAITING: usize = 4096;

/// A command that waits for agents. If an agent runs it, the slot of that agent is lent to them until this is dropped.
#[derive(Debug)]
pub struct WaitingCommand {
    private: PrivateDir,
    caller: Option<AgentId>,
    awaited: Vec<AgentId>,
    file: Option<(PathBuf, Lock)>,
}

impl WaitingCommand {
    /// Returns a command of `caller`, the agent whose program calls, that does not wait for any agent yet. The variables of the caller
    /// do not say who it is: with those of another agent, that would lend its slot although it works.
    ///
    /// # Errors
    /// The private folder cannot be found.
    pub fn new(repo: &Repo, caller: Option<AgentId>) -> Result<Self> {
        let private = PrivateDir::new(repo.private_dir()?);
        // The caller may be an agent of another repository.
        let caller = caller.filter(|id| Lock::is_held(&private.agent(id).lock()));
        Ok(Self { private, caller, awaited: Vec::new(), file: None })
    }

    /// Sets the agents that the caller waits for from now on. If this cannot be written, those agents wait for an ordinary slot.
    pub fn set(&mut self, awaited: impl IntoIterator<Item = AgentId>) {
        let Some(caller) = &self.caller else { return };
        let mut awaited: Vec<AgentId> = awaited.into_iter().filter(|id| id != caller).collect();
        awaited.sort_unstable();
        if awaited != self.awaited && self.write(&awaited).is_ok() {
            tickets::wake(&self.private, &awaited);
            self.awaited = awaited;
        }
    }

    fn write(&mut self, awaited: &[AgentId]) -> Result<()> {
        let (Some(caller), false) = (&self.caller, awaited.is_empty()) else {
            self.remove();
            return Ok(());
        };
        if self.file.is_none() {
            let path = self.private.waiting().join(format!("{caller}.{}", world::random_hex::<8>()?));
            let lock = Lock::require(&path, RETRY_FOR)?;
            self.file = Some((path, lock));
        }
        if let Some((path, lock)) = &self.file {
            let text: String = awaited.iter().map(|id| format!("{id}\n")).collect();
            let written = lock.file().set_len(0).and_then(|()| lock.file().write_all_at(text.as_bytes(), 0));
            written.map_err(|e| crate::lock::lock_error(path, e))?;
        }
        Ok(())
    }

    fn remove(&mut self) {
        if let Some((path, _lock)) = self.file.take() {
            let _ = fs::remove_file(path);
        }
    }
}

impl Drop for WaitingCommand {
    fn drop(&mut self) {
        self.remove();
    }
}

/// A waiting agent, and the agents it waits for.
#[derive(Clone, Debug)]
struct WaitingAgent {
    agent: AgentId,
    awaited: Vec<AgentId>,
}

impl WaitingAgent {
    /// Returns whether an agent may take the slot of this one: of the awaited agents, it is the first in the queue.
    fn lends_to(&self, id: &AgentId, earlier: &[AgentId]) -> bool {
        let is_awaited = |id: &AgentId| *id != self.agent && self.awaited.contains(id);
        is_awaited(id) && !earlier.iter().any(is_awaited)
    }
}

/// Tries to take a slot that a waiting agent lends to `id`; `earlier` are the agents before it in the queue.
///
/// # Errors
/// The slots' folder cannot be written.
pub(super) fn borrow(private: &PrivateDir, id: &AgentId, earlier: &[AgentId]) -> Result<Option<Lock>> {
    for lender in lenders(private).into_iter().filter(|lender| lender.lends_to(id, earlier)) {
        if let Some(slot) = Lock::take(&private.lent_slot(&lender.agent), Duration::ZERO)? {
            return Ok(Some(slot));
        }
    }
    Ok(None)
}

/// Returns the agents that waiting agents wait for.
pub(super) fn awaited(private: &PrivateDir) -> Vec<AgentId> {
    lenders(private).into_iter().flat_map(|lender| lender.awaited).collect()
}

/// Returns the live agents of this clone that wait. Files of commands that were killed are removed.
fn lenders(private: &PrivateDir) -> Vec<WaitingAgent> {
    let mut lenders = Vec::new();
    for entry in fs::read_dir(private.waiting()).into_iter().flatten().flatten().take(MAX_WAITING) {
        let (path, name) = (entry.path(), entry.file_name());
        if !Lock::is_held(&path) {
            let _ = fs::remove_file(path);
            continue;
        }
        let agent = name.to_str().and_then(|name| AgentId::parse(name.split_once('.')?.0).ok());
        let Some(agent) = agent.filter(|agent| Lock::is_held(&private.agent(agent).lock())) else { continue };
        let text = careful::text(&path).unwrap_or_default();
        // The last line may be incomplete.
        let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        let awaited = whole.filter_map(|line| AgentId::parse(line).ok()).collect();
        lenders.push(WaitingAgent { agent, awaited });
    }
    lenders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> AgentId {
        AgentId::parse(&format!("{name}-00000")).unwrap()
    }

    #[test]
    fn a_slot_is_lent_to_the_first_of_those_that_are_awaited() {
        let ids = |names: &str| names.split_whitespace().map(id).collect::<Vec<_>>();
        for (awaited, asks, earlier, may) in [
            ("a b", "a", "", true),
            ("a b", "b", "", true),
            ("a b", "b", "a", false),
            ("a b", "b", "x y", true),
            ("a b", "x", "", false),
            ("", "a", "", false),
            // It waits for itself, or is in the queue itself.
            ("p a", "p", "", false),
            ("p a", "a", "p", true),
        ] {
            let lender = WaitingAgent { agent: id("p"), awaited: ids(awaited) };
            assert_eq!(
                lender.lends_to(&id(asks), &ids(earlier)),
                may,
                "{awaited:?} {asks:?} after {earlier:?}"
            );
        }
    }

    #[test]
    fn only_live_commands_of_live_agents_lend_slots() {
        let folder = tempfile::tempdir().unwrap();
        let private = PrivateDir::new(folder.path().to_owned());
        let live = Lock::require(&private.agent(&id("p")).lock(), Duration::ZERO).unwrap();
        let waiting = |caller: &str| WaitingCommand {
            private: private.clone(),
            caller: Some(id(caller)),
            awaited: Vec::new(),
            file: None,
        };
        let (mut one, mut of_the_dead) = (waiting("p"), waiting("q"));
        one.set([id("b"), id("a"), id("p")]);
        of_the_dead.set([id("b")]);
        fs::write(private.waiting().join("p-00000.00"), "c-00000\n").unwrap();
        assert_eq!(awaited(&private), [id("a"), id("b")]);
        assert!(borrow(&private, &id("c"), &[]).unwrap().is_none(), "the command that waits for it is gone");
        let slot = borrow(&private, &id("a"), &[]).unwrap();
        assert!(slot.is_some() && borrow(&private, &id("b"), &[]).unwrap().is_none(), "one slot an agent");
        drop(slot);
        one.set([id("b")]);
        assert!(borrow(&private, &id("a"), &[]).unwrap().is_none());
        assert!(borrow(&private, &id("b"), &[]).unwrap().is_some());
        drop(one);
        assert!(borrow(&private, &id("b"), &[]).unwrap().is_none());
        drop((live, of_the_dead));
        assert_eq!(fs::read_dir(private.waiting()).unwrap().count(), 0);
    }
}
