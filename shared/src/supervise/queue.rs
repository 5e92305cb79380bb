//! The queue, without a daemon: every supervisor waits for one of the slot files, the earliest ticket first. A supervisor that
//! leaves its slot wakes the next one; if it dies, the kernel frees the slot.

use std::{fs, path::PathBuf, time::Duration};

use crate::{
    Kind, Result,
    error::ErrorContext,
    lock::Lock,
    model::AgentId,
    private_files,
    store::layout::PrivateDir,
    supervise::{
        lending,
        tickets::{Ticket, waiting, wake, wake_supervisor},
    },
};

/// How long to wait for another process that is drawing tickets.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);

/// Draws tickets for agents, in order.
///
/// # Errors
/// The folder cannot be written.
pub fn draw(private: &PrivateDir, ids: &[AgentId], jobs: u32) -> Result<()> {
    let folder = private.queue();
    let cannot = || format!("cannot write '{}'", folder.display());
    private_files::create_dir(&folder).context(Kind::External, cannot)?;
    let _lock = Lock::require(&folder.join("lock"), LOCK_TIMEOUT)?;
    let first = waiting(&folder).last().map_or(1, |last| last.number + 1);
    for (number, id) in (first..).zip(ids) {
        let ticket = Ticket { number, jobs, id: id.clone() };
        private_files::touch(&folder.join(ticket.name())).context(Kind::External, cannot)?;
    }
    Ok(())
}

/// Tries to take a slot for an agent. Tickets of supervisors that died are removed.
///
/// # Errors
/// The slots' folder cannot be written.
pub fn try_enter(private: &PrivateDir, id: &AgentId) -> Result<Option<Lock>> {
    if !private.agent(id).dir().is_dir() {
        // The repository was just renamed: a slot would be created at its old path.
        return Ok(None);
    }
    let folder = private.queue();
    let all = waiting(&folder);
    let Some(mine) = all.iter().find(|ticket| ticket.id == *id) else {
        // The ticket was removed by hand: only the first slot is tried.
        return any_slot(private, 1..=1);
    };
    let mut earlier = Vec::new();
    for ticket in all.iter().filter(|ticket| *ticket < mine) {
        if Lock::is_held(&private.agent(&ticket.id).lock()) {
            earlier.push(ticket.clone());
        } else {
            let _ = fs::remove_file(folder.join(ticket.name()));
        }
    }
    let mut slot = any_slot(private, mine.slots(&earlier))?;
    if slot.is_none() {
        let earlier: Vec<AgentId> = earlier.into_iter().map(|ticket| ticket.id).collect();
        slot = lending::borrow(private, id, &earlier)?;
    }
    if slot.is_some() {
        leave(private, id);
    }
    Ok(slot)
}

/// Removes the ticket of an agent and wakes the supervisors that may be next.
pub fn leave(private: &PrivateDir, id: &AgentId) {
    let folder = private.queue();
    for ticket in waiting(&folder) {
        if ticket.id == *id {
            let _ = fs::remove_file(folder.join(ticket.name()));
        }
    }
    wake_next(private);
}

/// Wakes the first supervisor in the queue, the first one with each larger number of jobs, and those that may borrow a slot.
pub fn wake_next(private: &PrivateDir) {
    let mut jobs = 0;
    for ticket in waiting(&private.queue()) {
        if ticket.jobs > jobs {
            jobs = ticket.jobs;
            wake_supervisor(private, &ticket.id);
        }
    }
    wake(private, &lending::awaited(private));
}

/// Returns how many agents are ahead of an agent in the queue; `None` if it is not queued.
pub fn ahead(private: &PrivateDir, id: &AgentId) -> Option<usize> {
    waiting(&private.queue()).iter().position(|ticket| ticket.id == *id)
}

/// Removes the ticket of an agent that cannot run at the moment, so that those behind it go first. Returns the ticket.
pub fn step_aside(private: &PrivateDir, id: &AgentId) -> Option<Ticket> {
    let ticket = ticket_of(private, id)?;
    leave(private, id);
    Some(ticket)
}

/// Returns the ticket of an agent, if it is queued.
pub fn ticket_of(private: &PrivateDir, id: &AgentId) -> Option<Ticket> {
    waiting(&private.queue()).into_iter().find(|ticket| ticket.id == *id)
}

/// Puts a ticket back at its old position.
///
/// # Errors
/// The folder cannot be written.
pub fn rejoin(private: &PrivateDir, ticket: &Ticket) -> Result<()> {
    let path = private.queue().join(ticket.name());
    private_files::touch(&path).context(Kind::External, || format!("cannot write '{}'", path.display()))
}

fn any_slot(private: &PrivateDir, slots: std::ops::RangeInclusive<u32>) -> Result<Option<Lock>> {
    for slot in slots {
        let path: PathBuf = private.slots().join(slot.to_string());
        if let Some(lock) = Lock::take(&path, Duration::ZERO)? {
            return Ok(Some(lock));
        }
    }
    Ok(None)
}
