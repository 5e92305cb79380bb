//! What this machine knows of an agent at present: its processes, its place in the queue, and what its program has said so far.

use std::path::Path;

use super::{AgentObject, CapObject, LimitObject, ShortageObject};
use crate::{
    agents::{self, StreamSummary},
    config::Config,
    git::{Repo, careful},
    model::{AgentId, Cap, Limit, Liveness, Phase, event::Usage, text},
    store::layout::{self, AgentDir, PrivateDir},
    supervise::{
        guard::ShownShortage,
        processes::{self, Processes},
        program_output, queue, tree,
    },
};

/// The longest activity that is shown, in columns.
const MAX_ACTIVITY_WIDTH: usize = 120;
/// How much of the end of an output is searched for the last line, in bytes.
const TAIL_BYTES: u64 = 4096;

impl AgentObject {
    /// Adds what this machine knows, if the agent has not ended.
    pub(super) fn with_machine_state(mut self, repo: &Repo, private: &PrivateDir) -> Self {
        if matches!(self.liveness, Liveness::Live | Liveness::Lost) {
            let id = self.id.clone();
            self.read_machine_state(repo, private, &id);
        }
        self
    }

    /// Adds what the current attempt has reported so far to the sums of earlier attempts.
    fn add_current_attempt(&mut self, summary: StreamSummary) {
        let Usage { model, cost, input_tokens, output_tokens, turns, denials, .. } = summary.usage;
        let live = summary.live.tokens;
        let with = |known: Option<u64>, live: u64| match known {
            Some(known) => Some(known.saturating_add(live)),
            None => Some(live).filter(|live| *live > 0),
        };
        self.cost_usd = self.cost_usd.max(cost).max(summary.total.cost);
        self.input_tokens = self.input_tokens.max(with(input_tokens, live.all_input()));
        self.output_tokens = self.output_tokens.max(with(output_tokens, live.output));
        self.turns = Some(self.turns.unwrap_or(0) + turns).filter(|turns| *turns > 0);
        self.denials = Some(self.denials.unwrap_or(0) + denials);
        self.model = model.or_else(|| self.model.take());
        self.permission_mode = summary.mode.or_else(|| self.permission_mode.take());
        self.limit = summary.limit.map(|limit| limit.for_event().into()).or_else(|| self.limit.take());
        self.activity = summary.activity;
    }

    fn read_machine_state(&mut self, repo: &Repo, private: &PrivateDir, id: &AgentId) {
        let dir = private.agent(id);
        let record = Processes::read(&dir);
        if self.liveness == Liveness::Live {
            self.supervisor_pid = record.as_ref().map(|record| record.supervisor.pid);
            self.memory_bytes = record
                .as_ref()
                .filter(|record| record.program.is_some())
                .map(|record| tree::memory_below(record.supervisor.pid));
            self.pid = record.and_then(|record| record.program).map(|program| program.pid);
            self.shortage = ShownShortage::read(&dir).map(ShortageObject::from);
            if self.phase == Phase::Queued {
                self.queue_position = queue::ahead(private, id);
                self.limit = pending_limit(&dir).map(LimitObject::from).or_else(|| self.limit.take());
                self.cap = pending_cap(&dir.cap()).or_else(|| self.cap.take());
            }
        } else {
            let left = processes::leftovers_of(repo, private, id);
            if ShownShortage::read(&dir).is_some_and(|shown| shown.held) {
                // Nobody else lets them continue, now that their supervisor has died.
                processes::continue_stopped(&left);
            }
            self.orphans = left.iter().map(|process| process.pid).collect();
        }
        // Once the attempt has ended, its events contain the summary, while the file is there for a moment more.
        let reported = if self.phase.is_at_rest() { None } else { program_output::summary(&dir) };
        match reported {
            Some(summary) => self.add_current_attempt(summary),
            // A structured stream is not shown as it is.
            None if agents::protocol_of(&self.profile, &Config::of(repo)).is_structured() => {}
            // Only a check gives the phase a reason.
            None if self.phase == Phase::Running && self.reason.is_some() => {}
            None => self.activity = last_line(&dir.output(self.attempt)),
        }
        // A check that waits for its turn, or runs on the base, has no process of the agent either.
        let is_saving = self.phase == Phase::Running && self.pid.is_none() && self.reason.is_none();
        if self.liveness == Liveness::Live && is_saving {
            self.activity = Some("its program has ended; its work is being saved".to_owned());
        }
        let tip = repo.find_ref(&layout::branch_ref(&self.branch)).ok().flatten();
        if let (Some(tip), Some(base)) = (tip, self.base.commit()) {
            self.commits = repo.commits_between(base, tip).ok();
            self.head = Some(tip.into());
        }
    }
}

/// Reads the usage limit that keeps an agent in the queue, which its supervisor recorded.
pub(in crate::ops) fn pending_limit(dir: &AgentDir) -> Option<Limit> {
    let limit: Limit = serde_json::from_slice(&careful::read(dir.limit()).ok()?).ok()?;
    Some(Limit { resumes: true, ..limit.with_safe_kind() })
}

/// Reads the cap that keeps an agent in the queue, which its supervisor recorded.
fn pending_cap(path: &Path) -> Option<CapObject> {
    serde_json::from_slice::<Cap>(&careful::read(path).ok()?).ok().map(CapObject::from)
}

/// Returns the last line of an output, shortened.
fn last_line(output: &Path) -> Option<String> {
    text::last_line(&String::from_utf8_lossy(&careful::tail(output, TAIL_BYTES).ok()?), MAX_ACTIVITY_WIDTH)
}
