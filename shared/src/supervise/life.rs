//! The life of one supervisor: wait for a slot, make the worktree, run the program, end its tree, take the work, say so.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::process::{Signal as Number, kill_process_group};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::sleep,
};

use crate::{
    Error, Kind, Result,
    error::Context,
    git::{Repo, refs::RefWatch},
    lock::Lock,
    model::{AgentId, Fact, Phase},
    store::{
        Chain, append, append_if,
        layout::{self, AgentDir, Private},
    },
    supervise::{
        ending::End,
        guard,
        helper::{self, Helper, Job},
        launch::{self, Program},
        processes::{self, Processes},
        queue,
        reaper::Reaper,
        spec::Spec,
        tree::{self, ProcessId},
    },
    worktree::take::Taken,
    world,
};

/// How often the limits and the agent's ref are looked at, when nothing wakes us earlier.
const TICK: Duration = Duration::from_secs(1);
/// How often the worktree of a running agent is kept.
const SNAPSHOT: Duration = Duration::from_secs(60);
/// How long what the program left running may tidy up after its end.
const AFTERMATH: Duration = Duration::from_secs(2);
/// How long to go on trying to write the end down, on a full disk for instance.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// Supervises the agent to its end. `lock` is the agent's lock; `ready` is called as soon as the supervisor answers.
///
/// # Errors
/// The end could not be written down: the agent then shows as lost, which it is.
pub fn live(common_dir: &Path, id: &AgentId, lock: Lock, ready: impl FnOnce()) -> Result<()> {
    tree::adopt_orphans()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context(Kind::External, || "cannot start the supervisor".into())?;
    runtime.block_on(async {
        let supervisor = Supervisor::new(common_dir, id, lock)?;
        ready();
        supervisor.run().await
    })
}

struct Supervisor {
    common: PathBuf,
    private: Private,
    id: AgentId,
    dir: AgentDir,
    spec: Spec,
    record: Processes,
    reaper: Reaper,
    wake: Signal,
    term: Signal,
    watch: RefWatch,
    slot: Option<Lock>,
    has_worktree: bool,
    lock: Lock,
}

impl Supervisor {
    fn new(common_dir: &Path, id: &AgentId, lock: Lock) -> Result<Self> {
        let private = Private::new(common_dir.join("orchestra"));
        let dir = private.agent(id);
        let spec = Spec::read(&dir)?;
        let listen = |kind| signal(kind).context(Kind::External, || "cannot listen for signals".into());
        let record = Processes {
            boot: tree::boot_id(),
            nonce: world::random_hex::<16>()?,
            attempt: 0,
            supervisor: ProcessId::me(),
            program: None,
        };
        let supervisor = Self {
            common: common_dir.to_owned(),
            reaper: Reaper::new()?,
            wake: listen(SignalKind::user_defined1())?,
            term: listen(SignalKind::terminate())?,
            watch: RefWatch::default(),
            slot: None,
            has_worktree: false,
            id: id.clone(),
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
        let end = match self.attempt().await {
            Ok(end) => end,
            Err(error) => End::Broken(error.one_line()),
        };
        let left = self.end_tree(&end);
        self.slot = None;
        queue::leave(&self.private, &self.id);
        let taken = self.take().await;
        let taken = left.and(taken);
        self.tell_end(&end, taken.as_ref()).await?;
        // With the output stored, nothing in the folder matters any more. The lock goes with us.
        if taken.is_ok() {
            let _ = std::fs::remove_dir_all(self.dir.dir());
        }
        Ok(())
    }

    /// From the queue to the end of the program.
    async fn attempt(&mut self) -> Result<End> {
        if let Some(end) = self.wait_for_slot().await? {
            return Ok(end);
        }
        self.launch()?;
        guard::check_space(&self.common, 0)?;
        self.help(Job::Prepare).await?;
        self.has_worktree = true;
        if let Some(end) = self.stop_asked()? {
            return Ok(end);
        }
        let program = launch::start(&self.id, &self.dir, &self.spec, &self.record)?;
        self.record.program = Some(program.process);
        self.record.write(&self.lock)?;
        self.say(&[Fact::Phase { attempt: self.record.attempt, phase: Phase::Running, reason: None }])?;
        self.watch_over(&program).await
    }

    async fn wait_for_slot(&mut self) -> Result<Option<End>> {
        loop {
            if let Some(slot) = queue::try_enter(&self.private, &self.id)? {
                self.slot = Some(slot);
                return Ok(None);
            }
            tokio::select! {
                _ = self.wake.recv() => {}
                _ = self.term.recv() => return Ok(Some(self.told_to_end())),
                () = sleep(TICK) => {}
            }
            if let Some(end) = self.stop_asked()? {
                return Ok(Some(end));
            }
        }
    }

    /// A launch is one more than the highest so far.
    fn launch(&mut self) -> Result<()> {
        let repo = Repo::open(&self.common)?;
        let fold = append_if(&repo, &self.id, |fold| {
            Some(vec![Fact::Phase { attempt: fold.agent.attempt + 1, phase: Phase::Starting, reason: None }])
        })?;
        self.record.attempt = fold.agent.attempt;
        self.record.write(&self.lock)
    }

    async fn watch_over(&mut self, program: &Program) -> Result<End> {
        let begun = Instant::now();
        let mut kept = Instant::now();
        loop {
            if let Some(end) = self.reaper.ended(program.process.pid) {
                return Ok(end);
            }
            if let Some(end) = self.limit_reached(begun)? {
                return Ok(end);
            }
            if kept.elapsed() >= SNAPSHOT {
                self.keep_snapshot().await;
                kept = Instant::now();
            }
            tokio::select! {
                () = self.reaper.any() => {}
                _ = self.wake.recv() => {}
                _ = self.term.recv() => return Ok(self.told_to_end()),
                () = sleep(TICK.min(self.spec.max_time().saturating_sub(begun.elapsed()))) => {}
            }
        }
    }

    fn limit_reached(&mut self, begun: Instant) -> Result<Option<End>> {
        if let Some(end) = self.stop_asked()? {
            return Ok(Some(end));
        }
        if begun.elapsed() >= self.spec.max_time() {
            return Ok(Some(End::TooLong(self.spec.max_time)));
        }
        let output = std::fs::metadata(self.dir.output(self.record.attempt)).map_or(0, |found| found.len());
        if output > self.spec.max_output {
            let limit = self.spec.max_output;
            return Ok(Some(End::Broken(format!("printed more than {limit} bytes (orchestra.maxOutput)"))));
        }
        if guard::is_full(&self.spec.worktree) || guard::is_full(&self.common) {
            return Ok(Some(End::Broken("the disk is full".to_owned())));
        }
        Ok(None)
    }

    /// A request to stop that is newer than this launch.
    fn stop_asked(&mut self) -> Result<Option<End>> {
        let name = layout::agent_ref(&self.id);
        if !self.watch.changed(&self.common, &name) {
            return Ok(None);
        }
        let repo = Repo::open(&self.common)?;
        let chain = Chain::of_agent(&repo, &self.id)?;
        let newer = chain.events.into_iter().filter(|event| event.lamport > self.spec.since);
        Ok(newer
            .filter_map(|event| match event.fact {
                Some(Fact::Stop { reason }) => Some(End::Stopped(reason)),
                _ => None,
            })
            .next())
    }

    fn told_to_end(&self) -> End {
        End::Stopped(Some("its supervisor was told to end (SIGTERM)".to_owned()))
    }

    /// A snapshot that fails is no reason to end an agent; the next one comes in a minute.
    async fn keep_snapshot(&mut self) {
        let _ = self.help(Job::Snapshot).await;
    }

    /// Lets a helper do a job.
    async fn help(&mut self, job: Job) -> Result<Helper> {
        let helper = Helper::start(&self.common, &self.id, &self.record.nonce, job)?;
        match self.reaper.wait(helper.pid, helper::LIMIT).await {
            Some(End::Exit(0)) => Ok(helper),
            Some(_) if guard::is_full(&self.common) => Err(Error::new(Kind::External, "the disk is full")),
            Some(_) => Err(Error::new(Kind::External, helper.last_words())),
            None => Err(Error::new(Kind::Timeout, format!("'{}' took too long", job.as_str()))),
        }
    }

    /// Ends everything that the agent started: the group first, then whatever descends from us or bears the nonce.
    fn end_tree(&mut self, end: &End) -> Result<()> {
        let me = self.record.supervisor.pid;
        let grace = if matches!(end, End::Exit(_) | End::Signal(_)) { AFTERMATH } else { self.spec.grace() };
        if let Some(program) = self.record.program
            && program.is_alive()
            && let Some(group) = rustix::process::Pid::from_raw(program.pid)
        {
            let _ = kill_process_group(group, Number::TERM);
        }
        let private = &self.private;
        let left = processes::end_all(|| tree::descendants(me, &processes::supervisors(private)), grace);
        self.record.program = None;
        left
    }

    /// Takes the work, unless there never was a worktree.
    async fn take(&mut self) -> Result<Taken> {
        if !self.has_worktree {
            return Ok(Taken::nothing(&self.spec.base));
        }
        self.help(Job::Take).await?.taken()
    }

    /// Nothing is acknowledged before it is on the disk; a full disk may have space again in a minute.
    async fn tell_end(&self, end: &End, taken: Result<&Taken, &Error>) -> Result<()> {
        let fact = Fact::Finished(end.fact(self.record.attempt, taken));
        let begun = Instant::now();
        let mut pause = Duration::from_millis(200);
        loop {
            match self.say(std::slice::from_ref(&fact)) {
                Err(_) if begun.elapsed() < PATIENCE => {
                    guard::release(&self.private);
                    sleep(pause).await;
                }
                other => return other,
            }
            pause = (pause * 2).min(Duration::from_secs(30));
        }
    }

    fn say(&self, facts: &[Fact]) -> Result<()> {
        let repo = Repo::open(&self.common)?;
        append(&repo, &self.id, facts).map(|_| ())
    }
}
