//! Guards the machine: waits for room before each launch, and holds the running program while the machine is short of something. What
//! is held is never ended for that: it continues by itself once there is room.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::Supervisor;
use crate::{
    Result,
    config::{Config, keys::INHIBIT_SLEEP},
    git::Repo,
    kernel::{self, KillCounters},
    supervise::{
        background,
        ending::{AttemptEnd, Measured},
        guard::{self, HeldAgents, Level, Readings, Shortage, ShownShortage, Thresholds},
        inhibitor::SleepInhibitor,
        processes,
        tree::{self, ProcessId},
    },
};

/// How often the machine is measured while a program runs.
const MEASURE_INTERVAL: Duration = Duration::from_secs(3);
/// How often it is measured while an agent waits for room.
const ROOM_INTERVAL: Duration = Duration::from_secs(2);
/// How often the tree is searched for processes that were started while it was stopped.
const MAX_STOP_ROUNDS: usize = 5;

/// What a supervisor knows of the machine.
#[derive(Debug, Default)]
pub(super) struct Guarding {
    /// What the user wanted to be free when it was last read.
    thresholds: Option<Thresholds>,
    measured: Option<Instant>,
    /// Since when the program is held; moved forward whenever that time is accounted for.
    held_since: Option<Instant>,
    /// The counters when the attempt began.
    counters: KillCounters,
    /// Keeps the machine awake while the program runs.
    inhibitor: Option<SleepInhibitor>,
}

/// Whether the program is held.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Holding {
    /// Whether it is held now.
    pub(super) is_held: bool,
    /// How long it was held since the last time that this was asked.
    pub(super) time: Duration,
}

impl Supervisor {
    /// Waits until the machine has room for another program. `status` shows why.
    pub(super) async fn wait_for_room(&mut self) -> Result<Option<AttemptEnd>> {
        let mut level = match HeldAgents::read(&self.private).held.is_empty() {
            true => Level::Start,
            // What is held continues first.
            false => Level::StartAfterWait,
        };
        let mut has_waited = false;
        let end = loop {
            let readings = self.measure();
            let shortage = match self.shortage(&readings, level) {
                None => self.take_room(&readings, level),
                found => found,
            };
            let Some(shortage) = shortage else { break Ok(None) };
            ShownShortage { shortage, held: false }.write(&self.dir);
            (level, has_waited) = (Level::StartAfterWait, true);
            let begun = Instant::now();
            let end = self.wait_once(ROOM_INTERVAL).await;
            self.begun += begun.elapsed();
            match end {
                Ok(None) => {}
                ended => break ended,
            }
        };
        if has_waited {
            ShownShortage::remove(&self.dir);
        }
        end
    }

    /// Notes that the agent starts, unless those that were started just now will take the room. Without a clock or a disk that can be
    /// written, what was measured decides.
    fn take_room(&self, readings: &Readings, level: Level) -> Option<Shortage> {
        let (thresholds, now) = (self.guarding.thresholds?, self.environment.clock().uptime()?);
        guard::take_room(&self.private, &self.id, readings, (&thresholds, level), &now).ok().flatten()
    }

    /// Takes part in guarding the machine while the program runs: measures it at intervals, and holds the program or lets it continue as
    /// was decided. Time in which it is held does not count for the time limit.
    pub(super) fn follow_guard(&mut self) -> Holding {
        let is_due = self.guarding.measured.is_none_or(|at| at.elapsed() >= MEASURE_INTERVAL);
        let mut short = None;
        if is_due {
            self.guarding.measured = Some(Instant::now());
            let readings = self.measure();
            short = self.shortage(&readings, Level::Start);
            // Without a lasting shortage nothing has to be decided.
            let worse = short.and_then(|_| self.shortage(&readings, Level::Hold)).map(|one| one.resource);
            if let Some(now) = self.environment.clock().uptime()
                && let Ok(Some(agent)) = guard::take_step(&self.private, worse, short.is_none(), &now)
                && agent != self.id
            {
                guard::wake(&self.private, &agent);
            }
        }
        let is_held = HeldAgents::read(&self.private).reason(&self.id).is_some();
        match (is_held, self.guarding.held_since) {
            (true, None) => {
                self.stop_tree();
                self.guarding.held_since = Some(Instant::now());
                let readings = self.measure();
                short = short.or(self.shortage(&readings, Level::Start));
                short = short.or(self.shortage(&readings, Level::StartAfterWait));
            }
            (true, Some(_)) if is_due => self.stop_tree(),
            (false, Some(_)) => self.continue_tree(),
            _ => {}
        }
        if let Some(shortage) = short.filter(|_| is_held) {
            ShownShortage { shortage, held: true }.write(&self.dir);
        }
        self.account_for_hold(is_held)
    }

    /// Adds the time in which the program was held to what does not count.
    fn account_for_hold(&mut self, is_held: bool) -> Holding {
        let now = Instant::now();
        let time =
            self.guarding.held_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.guarding.held_since = is_held.then_some(now);
        self.begun += time;
        Holding { is_held, time }
    }

    /// Lets the machine sleep, and forgets that the program is held, once it has ended.
    pub(super) fn end_guarding(&mut self) {
        self.guarding.inhibitor = None;
        if self.guarding.held_since.take().is_some() {
            ShownShortage::remove(&self.dir);
            if let Some(now) = self.environment.clock().uptime() {
                // Removes the agent from those that are held; if that fails, the next supervisor does it.
                let _ = guard::take_step(&self.private, None, false, &now);
            }
        }
    }

    fn continue_tree(&self) {
        ShownShortage::remove(&self.dir);
        for process in self.tree() {
            processes::signal(process, Signal::CONT);
        }
    }

    /// Stops everything that the agent started, also what is started meanwhile.
    fn stop_tree(&self) {
        for _ in 0..MAX_STOP_ROUNDS {
            let running: Vec<ProcessId> =
                self.tree().into_iter().filter(|process| !tree::is_stopped(*process)).collect();
            if running.is_empty() {
                return;
            }
            running.into_iter().for_each(|process| processes::signal(process, Signal::STOP));
        }
    }

    fn tree(&self) -> Vec<ProcessId> {
        let spared = [processes::supervisors(&self.private), background::running_jobs()].concat();
        tree::descendants(self.record.supervisor.pid, &spared)
    }

    fn measure(&self) -> Readings {
        guard::measure(&self.environment, &self.common, &self.spec.worktree)
    }

    /// Returns what there is too little of. If there is, what the user wants to be free is read again: it may have been changed so that
    /// the agent can continue.
    fn shortage(&mut self, readings: &Readings, level: Level) -> Option<Shortage> {
        let judge = |thresholds: &Thresholds| guard::shortage(readings, thresholds, level);
        if let Some(thresholds) = &self.guarding.thresholds {
            judge(thresholds)?;
        }
        if let Ok(repo) = Repo::open(&self.environment, &self.common) {
            self.guarding.thresholds = Some(Thresholds::of(&repo));
        }
        self.guarding.thresholds.as_ref().and_then(judge)
    }

    /// Notes the counters of the kernel at the start of an attempt, and keeps the machine awake, if the user wants that.
    pub(super) fn begin_measuring(&mut self) {
        self.guarding.counters = kernel::kill_counters();
        let is_wanted = Repo::open(&self.environment, &self.common)
            .is_ok_and(|repo| Config::of(&repo).get_or_default(&INHIBIT_SLEEP));
        if is_wanted {
            self.guarding.inhibitor = SleepInhibitor::take(&self.environment, &self.id);
        }
    }

    /// Returns what was measured since [`Self::begin_measuring`].
    pub(super) fn measured(&self) -> Measured {
        let counted = kernel::kill_counters().since(self.guarding.counters);
        Measured {
            disk_full: guard::is_full(&self.spec.worktree) || guard::is_full(&self.common),
            out_of_memory: counted.out_of_memory > 0,
            refused_processes: counted.refused_processes > 0,
        }
    }
}
