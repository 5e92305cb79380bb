//! Which agents a list shows, and how it is read again after the refs of a few of them moved, without the others.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{MAX_ENDED, Request, observe, report_on};
use crate::{
    Result,
    git::{Oid, Repo},
    model::AgentId,
    ops::agent_object::AgentObject,
    store::{Listing, layout::PrivateDir, list::ListRow},
};

/// What decides which agents a list shows, as it was when everything was read.
#[derive(Debug)]
pub struct Standing {
    /// Of each agent that can be read: when it was queued, in seconds since 1970, and whether it has ended.
    rows: BTreeMap<AgentId, (i64, bool)>,
    shown: BTreeSet<AgentId>,
    hidden: usize,
}

/// The agents that were read again.
#[derive(Debug)]
pub struct Reread {
    /// Those that the list shows, in no order.
    pub agents: Vec<AgentObject>,
    /// The newest event commit of each.
    pub tips: HashMap<AgentId, Oid>,
    /// Those that the list no longer shows.
    pub left: Vec<AgentId>,
    /// The number of older, ended agents that are not in the list.
    pub hidden: usize,
}

impl Standing {
    /// Keeps what decides which agents a list shows. `None` if a change of one agent may show or hide another one in ways that only a look
    /// at everything finds.
    pub(super) fn of(
        request: &Request,
        rows: &[ListRow],
        shown: BTreeSet<AgentId>,
        hidden: usize,
    ) -> Option<Self> {
        if request.since.is_some() || request.started_by.is_some() {
            return None;
        }
        let row = |row: &ListRow| {
            let header = &row.entry.header;
            (row.id.clone(), (header.queued_at, header.phase.is_terminal()))
        };
        Some(Self { rows: rows.iter().map(row).collect(), shown, hidden })
    }

    /// Reads the agents again whose refs moved, and those that come into the list thereby. `None` if only a look at everything tells what
    /// the list shows now; after that or an error, the standing is of no use.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn reread(
        &mut self,
        repo: &Repo,
        request: &Request,
        moved: &BTreeSet<AgentId>,
    ) -> Result<Option<Reread>> {
        let is_of_names = !request.agents.is_empty();
        let mut ids: Vec<AgentId> =
            moved.iter().filter(|id| !is_of_names || self.shown.contains(*id)).cloned().collect();
        let mut reread =
            Reread { agents: Vec::new(), tips: HashMap::new(), left: Vec::new(), hidden: self.hidden };
        if ids.is_empty() {
            return Ok(Some(reread));
        }
        let Some(mut listing) = Listing::of(repo, &ids)? else { return Ok(None) };
        for row in &listing.rows {
            let header = &row.entry.header;
            self.rows.insert(row.id.clone(), (header.queued_at, header.phase.is_terminal()));
        }
        if !is_of_names {
            let (shown, hidden) = self.selected(request);
            reread.left = self.shown.difference(&shown).cloned().collect();
            let entering: Vec<AgentId> =
                shown.difference(&self.shown).filter(|id| !moved.contains(*id)).cloned().collect();
            if !entering.is_empty() {
                ids.extend(entering);
                let Some(more) = Listing::of(repo, &ids)? else { return Ok(None) };
                listing = more;
            }
            (self.shown, self.hidden, reread.hidden) = (shown, hidden, hidden);
        }
        let rows: Vec<&ListRow> = listing.rows.iter().filter(|row| self.shown.contains(&row.id)).collect();
        let private = PrivateDir::new(repo.private_dir()?);
        let read =
            |row| listing.agent(repo, row).and_then(|agent| observe(repo, &private, &listing, row, agent));
        let mut observed = rows.iter().map(|row| (*row, read(*row)));
        let request = Request { run: request.run.clone(), ..Request::default() };
        let (report, _) =
            report_on(repo, rows.len(), &mut observed, Vec::new(), &request, std::time::Duration::ZERO)?;
        // Where landed work is now is looked for in the history of its branch, for a number of agents that all of them share.
        if !report.unreadable.is_empty() || report.agents.iter().any(|agent| agent.merged == Some(true)) {
            return Ok(None);
        }
        reread.tips = rows.iter().map(|row| (row.id.clone(), row.tip)).collect();
        reread.agents = report.agents;
        Ok(Some(reread))
    }

    /// Returns the agents that a list of all shows, and the number of those that it leaves out.
    fn selected(&self, request: &Request) -> (BTreeSet<AgentId>, usize) {
        if request.all || request.run.is_some() {
            return (self.rows.keys().cloned().collect(), 0);
        }
        let (mut ended, open): (Vec<_>, Vec<_>) =
            self.rows.iter().partition(|(_, (_, has_ended))| *has_ended);
        let hidden = keep_newest(&mut ended, |(id, (queued_at, _))| (*queued_at, *id));
        (open.into_iter().chain(ended).map(|(id, _)| id.clone()).collect(), hidden)
    }
}

/// Leaves the newest of the agents that ended, and returns the number of the others. `key` is when an agent was queued, and its id.
pub(super) fn keep_newest<T>(ended: &mut Vec<T>, key: impl Fn(&T) -> (i64, &AgentId)) -> usize {
    let hidden = ended.len().saturating_sub(MAX_ENDED);
    if hidden > 0 {
        ended.select_nth_unstable_by(hidden, |a, b| key(a).cmp(&key(b)));
        ended.drain(..hidden);
    }
    hidden
}
