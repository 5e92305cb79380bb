//! The main loop of a supervisor: waits for a slot, creates the worktree, runs the program with retries, ends its process tree,
//! captures the work, and records the end.

mod after;
mod attempt;
mod caps;
mod command;
mod fallback;
mod files;
mod guarding;
mod helpers;
mod last_steps;
mod launches;
mod limited;
mod opening;
mod requests;
mod session;
mod setup;
mod team;
mod tracking;
mod until;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::sleep,
};

use self::{
    caps::Spending,
    guarding::Guarding,
    limited::{KnownLimits, Waited},
    opening::Opening,
    requests::Requests,
    tracking::{RepositoryState, TrackedFolders},
};
use crate::{
    Kind, Result,
    conversation::session_lock::SessionLock,
    error::ErrorContext,
    git::Repo,
    lock::Lock,
    model::{AgentId, ByteSize, CommitId, Fact, Phase, SessionId, event::Usage, team::PartChange},
    store::{
        append,
        layout::{AgentDir, PrivateDir},
    },
    supervise::{
        auto_sync, background,
        ending::{AttemptEnd, Cause, EndedAttempt},
        guard,
        helper::HelperTask,
        notices::{self, Notice, NoticeKind},
        ports::PortBlock,
        processes::Processes,
        prompt, queue,
        reaper::Reaper,
        rounds::{self, Rounds},
        spec::Spec,
        temporary,
        tree::{self, ProcessId},
    },
    trust::acceptance,
    worktree::{capture::CapturedWork, isolated_git_dir::FrozenConfig},
    world::{self, Environment},
};

/// How often limits and the agent's ref are checked when no signal arrives earlier.
const TICK: Duration = Duration::from_secs(1);

/// Supervises an agent until it ends. `lock` is the agent's lock; `ready` is called once the supervisor reacts to requests.
///
/// # Errors
/// The end could not be written down: the agent then shows as lost, which it is.
pub fn run_supervisor(
    environment: &Environment,
    common_dir: &Path,
    id: &AgentId,
    lock: Lock,
    ready: impl FnOnce(),
) -> Result<()> {
    tree::adopt_orphans()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context(Kind::External, || "cannot start the supervisor".into())?;
    runtime.block_on(async {
        let supervisor = Supervisor::new(environment, common_dir, id, lock)?;
        ready();
        supervisor.run().await
    })
}

/// What the end of attempts led to.
struct Conclusion {
    captured: Result<CapturedWork>,
    /// Whether a message came meanwhile, with which the agent was queued again.
    continues: bool,
}

struct Supervisor {
    /// The environment of the user who started the agent.
    environment: Environment,
    common: PathBuf,
    private: PrivateDir,
    id: AgentId,
    dir: AgentDir,
    spec: Spec,
    /// The settings for capturing the work, as they were read at the start.
    frozen: Option<FrozenConfig>,
    record: Processes,
    reaper: Reaper,
    wake: Signal,
    term: Signal,
    /// Whether the supervisor itself was asked to terminate.
    is_terminating: bool,
    requests: Requests,
    slot: Option<Lock>,
    /// The ports of the agent's own.
    ports: Option<PortBlock>,
    has_worktree: bool,
    /// The conversation, if the program has sessions: its id, and whether it existed before this attempt.
    session: Option<(SessionId, bool)>,
    /// What the last attempt used, with the session in which it did.
    used: Usage,
    /// The lock that prevents other programs of ours from resuming the session.
    held_session: Option<(SessionId, SessionLock)>,
    /// The repository and the worktree, tracked through renames.
    tracked: TrackedFolders,
    /// The worktrees next to which copies of the task were made.
    prompts: Vec<PathBuf>,
    /// The start of the first launch, shifted by the time that the agent was paused by usage limits.
    begun: Instant,
    /// How long it had run when a usage limit paused it.
    ran: Duration,
    /// When the current attempt was launched; `None` once its end is recorded.
    launched: Option<Instant>,
    limits: KnownLimits,
    guarding: Guarding,
    spending: Spending,
    /// The rounds of work and check so far.
    rounds: Rounds,
    /// The number of messages that came too late for the attempt that ended.
    late: u64,
    /// Whether its program may have done something.
    has_acted: bool,
    /// Why the fallback takes over with the launch that is recorded next.
    takes_over: Option<String>,
    /// The part of a team's work that begins with the launch that is recorded next.
    part: Option<PartChange>,
    /// The commit at which the part of the role began that works, if this supervisor began it.
    part_began: Option<CommitId>,
    /// Whether it was at rest, and nothing was done in its worktree since by any program of it: what changed there is a person's work.
    rested: bool,
    /// The place of the role that works, if the agent has a team.
    stage: usize,
    lock: Lock,
}

impl Supervisor {
    fn new(environment: &Environment, common_dir: &Path, id: &AgentId, lock: Lock) -> Result<Self> {
        let private = PrivateDir::new(common_dir.join("orchestra"));
        let dir = private.agent(id);
        let spec = Spec::read(&dir)?;
        let listen = |kind| signal(kind).context(Kind::External, || "cannot listen for signals".into());
        let record = Processes {
            boot: tree::boot_id(),
            nonce: world::random_hex::<16>()?,
            attempt: 0,
            supervisor: ProcessId::me(),
            program: None,
            known: Vec::new(),
        };
        let supervisor = Self {
            environment: environment.clone(),
            common: common_dir.to_owned(),
            reaper: Reaper::new()?,
            wake: listen(SignalKind::user_defined1())?,
            term: listen(SignalKind::terminate())?,
            requests: Requests::since(environment, spec.since, &spec.launch),
            is_terminating: false,
            slot: None,
            ports: None,
            has_worktree: spec.resumed,
            session: None,
            used: Usage::default(),
            held_session: None,
            tracked: TrackedFolders::new(common_dir)?,
            prompts: Vec::new(),
            begun: Instant::now(),
            ran: Duration::ZERO,
            launched: None,
            limits: KnownLimits::new(&spec.program_environment(environment, id), &private, &spec),
            guarding: Guarding::default(),
            spending: Spending::default(),
            has_acted: false,
            takes_over: None,
            part: None,
            part_began: None,
            rested: spec.rested,
            stage: 0,
            rounds: Rounds::default(),
            late: 0,
            id: id.clone(),
            frozen: FrozenConfig::load(&private.frozen().join(&spec.frozen)).ok(),
            private,
            dir,
            spec,
            record,
            lock,
        };
        supervisor.record.write(&supervisor.lock)?;
        Ok(supervisor)
    }

    async fn run(mut self) -> Result<()> {
        auto_sync::schedule(&self.environment, &self.spec.limits);
        let mut ended = self.run_attempts().await;
        let captured = loop {
            let Some(Conclusion { captured, continues }) = self.conclude(&ended).await? else {
                // Without the repository nothing can be saved or recorded. The files of the worktree stay; if the repository
                // comes back, the agent shows as lost.
                return Ok(());
            };
            if continues {
                self.in_repository(Self::enter_queue)?;
                ended = self.run_attempts().await;
                continue;
            }
            let waited = match &ended.end {
                end if end.resumes() => self.wait_for_reset().await,
                AttemptEnd::Capped(cap) => {
                    let cap = cap.clone();
                    self.pause_below(&cap);
                    self.wait_for_raise(&cap).await
                }
                _ => break captured,
            };
            ended = match waited {
                Waited::Over => {
                    self.rested = captured.is_ok_and(|work| work.unsaved.is_none());
                    self.in_repository(Self::queue_again)?;
                    self.run_attempts().await
                }
                Waited::Ended(end) => end.into(),
                Waited::Terminated => return Ok(()),
            };
        };
        if let Some(folder) = &self.spec.preparation.temporary {
            temporary::remove_if_empty(folder);
        }
        if self.spec.preparation.removes_builds && self.has_worktree {
            background::remove_builds(&self.environment, &self.common);
        }
        let is_stored = self.has_worktree || self.store_spec().is_ok();
        // Once the output is stored, the folder is not needed. The lock is released when this process ends.
        if is_stored && captured.is_ok_and(|captured| captured.unsaved.is_none()) {
            let _ = std::fs::remove_dir_all(self.dir.dir());
        }
        Ok(())
    }

    /// Ends the agent's processes, captures the work, and records the end. Returns `None` if the repository stays away.
    async fn conclude(&mut self, ended: &EndedAttempt) -> Result<Option<Conclusion>> {
        let _ = self.update_paths();
        let left = self.end_tree(&ended.end);
        for worktree in self.prompts.iter().chain([&self.spec.worktree]) {
            prompt::remove(worktree, &self.id);
        }
        self.slot = None;
        queue::leave(&self.private, &self.id);
        if !self.wait_for_the_repository().await {
            return Ok(None);
        }
        let captured = self.take_work().await;
        let continues = self.continues_with_a_message(ended);
        if !ended.end.waits() && !continues {
            // A command that removes the worktree must not find it in use by this process.
            self.tracked.worktree = None;
            // If this cannot be written, the agent counts as running, and the user is asked about changes to the
            // configuration.
            let _ = acceptance::agent_ended(&self.environment, &self.common, &self.id);
        }
        let captured = left.and(captured);
        self.record_end(ended, captured.as_ref(), continues).await?;
        // The agent's events contain the summary now.
        let _ = std::fs::remove_file(self.dir.stream_summary());
        Ok(Some(Conclusion { captured, continues }))
    }

    async fn run_attempts(&mut self) -> EndedAttempt {
        match self.try_run_attempts().await {
            Ok(ended) => ended,
            Err(error) => {
                let why = error.one_line();
                let cause = Cause::in_text(&why).map(|cause| format!("{}: ", cause.as_str()));
                AttemptEnd::Failed(cause.unwrap_or_default() + &why).into()
            }
        }
    }

    /// Runs from the queue to the end of the last attempt.
    async fn try_run_attempts(&mut self) -> Result<EndedAttempt> {
        if let Some(end) = self.wait_for_slot().await? {
            return Ok(end.into());
        }
        // With a slot, so that the order of the queue remains, and only as many measure as may run.
        if let Some(end) = self.wait_for_room().await? {
            return Ok(end.into());
        }
        let now = Instant::now();
        self.begun = now.checked_sub(self.ran).unwrap_or(now);
        let hands_over = self.in_repository(Self::has_ended_part)?;
        let (why, mut messages) = match hands_over {
            true => (None, self.in_repository(Self::messages_before_part)?),
            false => self.in_repository(Self::first_launch)?,
        };
        self.in_repository(|supervisor| guard::check_space(&supervisor.common, ByteSize::default()))?;
        if let Err(error) = self.run_helper(HelperTask::Prepare).await {
            if !self.spec.resumed {
                self.remove_incomplete_worktree();
            }
            return Err(error);
        }
        self.has_worktree = true;
        self.spec = Spec::read(&self.dir).unwrap_or_else(|_| self.spec.clone());
        self.track_worktree();
        if let Some(end) = self.end_asked()? {
            return Ok(end.into());
        }
        if !hands_over {
            self.begin_where_left().await?;
        }
        if hands_over && let Some(ended) = self.next_part(None).await? {
            return Ok(ended);
        }
        if let Some(end) = self.make_ready().await? {
            return Ok(end.into());
        }
        let mut opening = Opening::Task(why);
        let mut retries = 0;
        loop {
            let (ended, mut unheard) = self.attempt(opening, messages).await?;
            self.has_acted |= ended.summary.as_ref().is_none_or(|summary| summary.called_tool);
            let ended = self.pause_if_limited(ended);
            let ended = self.pause_if_capped(ended);
            let (ended, report) = self.check_work(ended, &mut unheard).await?;
            let conclusion = ended.conclusion();
            let is_done = conclusion.phase == Phase::Done || ended.check.is_some();
            let is_sent = is_done && !unheard.is_empty() && self.spec.launch.has_sessions();
            let continues = is_sent || report.is_some();
            let again = conclusion.is_transient && retries < self.spec.limits.retries;
            if !continues && !again || self.begun.elapsed() >= self.spec.limits.max_time {
                if !self.fall_back_after(&ended).await?
                    && let Some(ended) = self.next_part(Some(ended)).await?
                {
                    return Ok(ended);
                }
                (opening, messages, retries) = (Opening::Task(None), unheard, 0);
                continue;
            }
            if let Some(cap) = self.reached_cap() {
                return Ok(EndedAttempt { end: AttemptEnd::Capped(cap), ..ended });
            }
            self.end_tree(&ended.end)?;
            let reason = conclusion.reason.unwrap_or_default();
            let delay = if again {
                retries += 1;
                let delay = self.spec.limits.retry_delay(retries);
                let (most, seconds) = (self.spec.limits.retries, delay.as_secs());
                self.next_launch(&ended, &format!("retry {retries} of {most} in {seconds} s: {reason}"))?;
                delay
            } else {
                let failed = ended.check.as_ref().filter(|_| report.is_some()).map(rounds::next_round);
                self.next_launch(&ended, failed.as_deref().unwrap_or("resumed with a message"))?;
                Duration::ZERO
            };
            let mut end = self.wait_or_end(delay).await?;
            if end.is_none() {
                end = self.wait_for_room().await?;
            }
            if let Some(end) = end {
                return Ok(EndedAttempt { end, check: None, ..ended });
            }
            opening = report.map_or_else(|| Opening::Task(again.then_some(reason)), Opening::Report);
            messages = unheard;
        }
    }

    async fn wait_for_slot(&mut self) -> Result<Option<AttemptEnd>> {
        self.in_repository(Self::read_spending)?;
        loop {
            // While the repository is away or being moved, limits cannot be read, so no slot is taken.
            let moves = self.tracked.moves();
            if let Some(end) = self.end_if_lost() {
                return Ok(Some(end));
            }
            if let Some(end) = self.wait_for_others().await? {
                return Ok(Some(end));
            }
            if let Some(end) = self.wait_for_limit().await? {
                return Ok(Some(end));
            }
            if let Some(end) = self.wait_for_caps().await? {
                return Ok(Some(end));
            }
            let ticket = queue::ticket_of(&self.private, &self.id);
            match queue::try_enter(&self.private, &self.id) {
                // If the repository was just renamed, the slot would be a new file at the old path.
                Ok(Some(slot))
                    if self.update_paths() == RepositoryState::Usable && self.tracked.moves() == moves =>
                {
                    self.slot = Some(slot);
                    // An agent that left the slot has just used something.
                    if !self.is_capped_now().await {
                        return Ok(None);
                    }
                    self.slot = None;
                    if let Some(ticket) = ticket {
                        queue::rejoin(&self.private, &ticket)?;
                    }
                    continue;
                }
                Err(error)
                    if self.update_paths() == RepositoryState::Usable && self.tracked.moves() == moves =>
                {
                    return Err(error);
                }
                _ => {}
            }
            // What changes while it waits is nothing of its time: the look is taken again.
            let _ = std::fs::remove_file(self.dir.surroundings());
            if let Some(end) = self.wait_once(TICK).await? {
                return Ok(Some(end));
            }
        }
    }

    /// Waits for a time. Returns the end if one is requested meanwhile.
    async fn wait_or_end(&mut self, time: Duration) -> Result<Option<AttemptEnd>> {
        let begun = Instant::now();
        while begun.elapsed() < time {
            if let Some(end) = self.wait_once(TICK.min(time.saturating_sub(begun.elapsed()))).await? {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    async fn wait_once(&mut self, time: Duration) -> Result<Option<AttemptEnd>> {
        tokio::select! {
            _ = self.wake.recv() => {}
            _ = self.term.recv() => return Ok(Some(self.terminate())),
            () = sleep(time) => {}
        }
        match self.update_paths() {
            RepositoryState::Usable => self.in_repository(Self::end_asked),
            RepositoryState::Away => Ok(None),
            RepositoryState::Lost(why) => Ok(Some(AttemptEnd::Failed(why))),
        }
    }

    fn can_open(&self) -> bool {
        Repo::open(&self.environment, &self.common).is_ok()
    }

    /// Opens the repository. Commits are made as the user who started the agent.
    fn repo(&self) -> Result<Repo> {
        Ok(Repo::open(&self.environment, &self.common)?.with_identity(self.spec.identity.as_ref()))
    }

    fn append_facts(&mut self, facts: &[Fact]) -> Result<()> {
        self.in_repository(|supervisor| {
            let repo = supervisor.repo()?;
            append(&repo, &supervisor.id, facts)?;
            supervisor.requests.remember_tip(&repo, &supervisor.id);
            Ok(())
        })?;
        auto_sync::sync_once(&self.environment, &self.spec.limits);
        Ok(())
    }

    /// Tells the user what happened, as the configuration said when the agent was started.
    fn tell(&self, kind: NoticeKind, reason: Option<&str>) {
        let notice = Notice::new(kind, self.spec.notify.clone(), reason).about(&self.id);
        notices::start(&self.environment, &self.common, &notice);
    }
}
