//! Runs checks of one landing side by side, each in a scratch worktree of its own, before their results are asked for. A result that is
//! never asked for changes nothing.

use std::{
    path::PathBuf,
    sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError},
    time::Duration,
};

use super::{
    check::{self, Bounds},
    options::LandOptions,
    ready::Ready,
    scratch::LazyScratch,
    verify::{self, CommitCheck, Verified},
};
use crate::{
    Result,
    context::{Cancel, Context, interrupted},
    git::{Oid, Repo},
    parallel,
    world::Environment,
};

/// The pause between two looks at whether the user interrupts.
const PAUSE: Duration = Duration::from_millis(50);
/// How long to wait for the end of a check that was cancelled: its processes are killed after a moment.
const END_TIMEOUT: Duration = Duration::from_secs(15);

/// How long to wait for the place of a check that was cancelled, before others begin.
const PLACE_TIMEOUT: Duration = Duration::from_millis(300);

/// The checks of one landing that run side by side.
#[derive(Debug)]
pub(super) struct SideChecks {
    context: Context,
    operation: String,
    /// How many may run at once; with 1, none runs here.
    most: usize,
    running: Vec<Running>,
    done: Vec<Done>,
    /// The worktrees that no check uses now, by the number of their place.
    idle: Vec<(usize, LazyScratch)>,
    unused: usize,
}

#[derive(Debug)]
struct Running {
    commit: Oid,
    place: usize,
    cancel: Cancel,
    end: Receiver<Ended>,
}

/// The end of the checks of one commit.
#[derive(Debug)]
struct Ended {
    scratch: LazyScratch,
    ran: Result<Vec<(String, Verified)>>,
}

/// The results of the checks of a commit, by their commands, until they are asked for.
#[derive(Debug)]
struct Done {
    commit: Oid,
    ran: Vec<(String, Verified)>,
}

/// What one thread needs to check one commit.
struct Work {
    context: Context,
    environment: Environment,
    common: PathBuf,
    commit: Oid,
    options: LandOptions,
    ready: Option<Ready>,
    mark: String,
    scratch: LazyScratch,
}

impl SideChecks {
    /// Returns the side checks of an operation. With `most` below 2, no check runs beside another.
    pub(super) fn of(context: &Context, operation: &str, most: usize) -> Self {
        let (context, operation) = (context.clone(), operation.to_owned());
        Self { context, operation, most, running: Vec::new(), done: Vec::new(), idle: Vec::new(), unused: 0 }
    }

    /// Returns how many checks may run at once; 0 if none runs here.
    pub(super) const fn most(&self) -> usize {
        if self.most > 1 { self.most } else { 0 }
    }

    /// Returns how many commits were checked, wholly or in part, whose results nobody asked for.
    pub(super) fn unused(&self) -> usize {
        self.unused + self.done.len()
    }

    /// Starts the checks of these commits, as far as there are places, and ends those of other ones. A check that cannot be started is
    /// left to the one who asks for its result.
    pub(super) fn want(&mut self, repo: &Repo, options: &LandOptions, ready: Option<&Ready>, wanted: &[Oid]) {
        self.collect();
        self.cancel_others(wanted);
        let Ok(common) = repo.common_dir() else { return };
        for commit in wanted {
            let is_known = self.done.iter().any(|one| one.commit == *commit)
                || self.running.iter().any(|one| one.commit == *commit);
            if is_known || self.running.len() >= self.most() {
                continue;
            }
            let Some((place, scratch)) = self.free_place() else { continue };
            let Ok(cancel) = Cancel::new() else { return };
            let is_first = wanted.first() == Some(commit);
            let context = if is_first { self.context.clone() } else { self.context.unobserved() };
            let work = Work {
                context: context.ended_by(cancel.clone()),
                environment: repo.environment().clone(),
                common: common.clone(),
                commit: *commit,
                options: options.clone(),
                ready: ready.cloned(),
                mark: check::side_mark(&self.operation, place),
                scratch,
            };
            let (sender, end) = mpsc::channel();
            let started = parallel::in_background(move || {
                // Nobody receives it if the landing ended by an error.
                let _ = sender.send(work.run());
            });
            if started.is_ok() {
                self.running.push(Running { commit: *commit, place, cancel, end });
            }
        }
    }

    /// Returns the result of a check of a commit that runs or ran here, and waits for it. `None` if it did not, or could not: then the
    /// caller runs it.
    ///
    /// # Errors
    /// The user interrupts the landing.
    pub(super) fn take(&mut self, commit: Oid, command: &str) -> Result<Option<Verified>> {
        loop {
            self.collect();
            if let Some(at) = self.done.iter().position(|one| one.commit == commit) {
                let known = &mut self.done[at].ran;
                let found = known.iter().position(|(ran, _)| ran == command).map(|at| known.remove(at).1);
                if known.is_empty() || found.is_none() {
                    self.done.remove(at);
                }
                return Ok(found);
            }
            let is_awaited = |one: &Running| one.commit == commit && !one.cancel.is_cancelled();
            let Some(at) = self.running.iter().position(is_awaited) else { return Ok(None) };
            match self.running[at].end.recv_timeout(PAUSE) {
                Err(RecvTimeoutError::Timeout) => {}
                ended => {
                    let running = self.running.remove(at);
                    self.keep(&running, ended.ok());
                }
            }
            if self.context.cancel.is_cancelled() {
                return Err(interrupted("interrupted during a check"));
            }
        }
    }

    /// Ends the checks that still run, records the passes that nobody asked for, and removes the worktrees.
    pub(super) fn end(&mut self, repo: &Repo) {
        self.running.iter().for_each(|one| one.cancel.cancel());
        for running in std::mem::take(&mut self.running) {
            let ended = running.end.recv_timeout(END_TIMEOUT).ok();
            self.keep(&running, ended);
        }
        self.unused = self.unused();
        for (_, ran) in self.done.drain(..).flat_map(|done| done.ran) {
            if ran.failure.is_none() {
                ran.record(repo, None);
            }
        }
        for (_, mut scratch) in self.idle.drain(..) {
            // A scratch worktree that cannot be removed must not fail the landing; the next command removes it.
            let _ = scratch.remove(repo);
        }
    }

    /// Cancels the checks of all other commits, and waits a moment for their places.
    fn cancel_others(&mut self, wanted: &[Oid]) {
        let is_other = |one: &Running| !wanted.contains(&one.commit);
        self.running.iter().filter(|one| is_other(one)).for_each(|one| one.cancel.cancel());
        for running in std::mem::take(&mut self.running) {
            if !is_other(&running) {
                self.running.push(running);
                continue;
            }
            match running.end.recv_timeout(PLACE_TIMEOUT) {
                Err(RecvTimeoutError::Timeout) => self.running.push(running),
                ended => self.keep(&running, ended.ok()),
            }
        }
    }

    /// Keeps the results of the checks that have ended.
    fn collect(&mut self) {
        for running in std::mem::take(&mut self.running) {
            match running.end.try_recv() {
                Ok(ended) => self.keep(&running, Some(ended)),
                Err(TryRecvError::Disconnected) => self.keep(&running, None),
                Err(TryRecvError::Empty) => self.running.push(running),
            }
        }
    }

    fn keep(&mut self, running: &Running, ended: Option<Ended>) {
        let Some(Ended { scratch, ran }) = ended else { return };
        self.idle.push((running.place, scratch));
        match ran {
            Ok(ran) if !ran.is_empty() => self.done.push(Done { commit: running.commit, ran }),
            Ok(_) => {}
            Err(_) => self.unused += 1,
        }
    }

    /// Returns a place that no check uses, with its worktree: preferably one that exists, with what builds left in it.
    fn free_place(&mut self) -> Option<(usize, LazyScratch)> {
        if let Some(idle) = self.idle.pop() {
            return Some(idle);
        }
        let is_free = |place: &usize| self.running.iter().all(|one| one.place != *place);
        let place = (1..=self.most).find(is_free)?;
        Some((place, LazyScratch::of(&self.context, &check::side_mark(&self.operation, place))))
    }
}

impl Work {
    fn run(mut self) -> Ended {
        let ran = self.checks();
        Ended { scratch: self.scratch, ran }
    }

    /// Runs the checks in their order until one fails.
    fn checks(&mut self) -> Result<Vec<(String, Verified)>> {
        let repo = Repo::open(&self.environment, &self.common)?;
        let limit = self.options.check_timeout;
        let bounds =
            Bounds { environment: &self.environment, limit, cancel: &self.context.cancel, nonce: &self.mark };
        let mut all = Vec::new();
        for (_, command) in &self.options.checks {
            let what = CommitCheck { commit: self.commit, command, recheck: self.options.recheck };
            let ready = self.ready.as_ref();
            let ran = verify::check_commit(&self.context, &repo, &mut self.scratch, what, ready, bounds)?;
            let has_failed = ran.failure.is_some();
            all.push((command.clone(), ran));
            if has_failed {
                break;
            }
        }
        Ok(all)
    }
}
