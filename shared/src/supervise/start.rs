//! Starts supervisors, each with its agent's lock.

use std::{
    fs::File,
    io::Read,
    path::Path,
    process::{Child, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    time::Instant,
};

use crate::{
    Code, Error, Kind, Result,
    backoff::Backoff,
    context::{Cancel, Context, Event, interrupted},
    error::ErrorContext as _,
    git::Repo,
    lock::Lock,
    model::{AgentId, Fact, Phase, event::Finished},
    private_files, process,
    store::{self, layout::PrivateDir},
    supervise::processes::{AGENT, NONCE, RUN, SUPERVISOR},
    world::Environment,
};

/// The maximum size of the supervisors' log, in bytes.
const LOG_LIMIT: u64 = 1 << 20;

/// What a supervisor prints when it is ready.
pub const READY_WORD: &str = "ready";

/// Starts supervisors. Each inherits its agent's lock as standard input, so that the lock is held without interruption.
///
/// # Errors
/// A supervisor does not report that it is ready: its agent is recorded as failed, with the reason, and the others run. The user
/// interrupts the wait for the reports (130): the agents run unless the signal also ended their supervisors.
pub fn start_supervisors(context: &Context, repo: &Repo, locks: Vec<(AgentId, Lock)>) -> Result<()> {
    let common = repo.common_dir()?;
    let log = open_log(&PrivateDir::new(repo.private_dir()?))?;
    let mut started = Vec::with_capacity(locks.len());
    for (id, lock) in locks {
        let child = spawn_supervisor(repo.environment(), &common, &id, &log, &lock);
        started.push((id, lock, child));
    }
    let deadline = Instant::now() + context.limits().supervisor_start;
    let mut failure = None;
    let of = started.len();
    for (done, (id, lock, child)) in (1..).zip(started) {
        match child.and_then(|child| wait_ready(&context.cancel, child, deadline)) {
            Ok(()) => context.emit(&Event::AgentStarted { agent: id, done, of }),
            Err(error) => {
                // After an interruption the supervisor still starts.
                if error.kind() != Kind::Interrupted {
                    record_failure(repo, &id, &error);
                }
                failure = Some(error);
            }
        }
        drop(lock);
    }
    match failure {
        // Ctrl-C may also have ended a supervisor that was still in our session.
        Some(_) if context.cancel.is_cancelled() => Err(interrupted("interrupted while agents started")
            .hint("git orchestra status shows which are running")),
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn spawn_supervisor(
    environment: &Environment,
    common: &Path,
    id: &AgentId,
    log: &File,
    lock: &Lock,
) -> Result<Child> {
    let cannot = || format!("cannot start the supervisor of '{id}'");
    let inherited = lock.file().try_clone().context(Kind::External, cannot)?;
    let mut command = process::background_command(environment, SUPERVISOR);
    command
        .arg(RUN)
        .arg(common)
        .arg(id.as_str())
        .current_dir(common)
        // If an agent runs this command, the new agent must not count as part of its process tree.
        .env_remove(NONCE)
        .env_remove(AGENT)
        .stdin(inherited)
        .stdout(Stdio::piped())
        .stderr(log.try_clone().context(Kind::External, cannot)?);
    process::spawn(&mut command).context(Code::SupervisorFailed, cannot)
}

/// Waits until a supervisor has left our session, which it reports by writing a word and closing its output.
fn wait_ready(cancel: &Cancel, mut child: Child, deadline: Instant) -> Result<()> {
    let (sender, receiver) = mpsc::channel();
    let pipe = child.stdout.take();
    let read = std::thread::Builder::new().spawn(move || {
        let mut said = String::new();
        let _ = pipe.map(|pipe| pipe.take(64).read_to_string(&mut said));
        let _ = sender.send(said);
    });
    read.context(Code::SupervisorFailed, || "cannot wait for a supervisor".to_owned())?;
    let mut backoff = Backoff::millis(1, 50);
    let said = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(backoff.pause().min(left)) {
            Err(RecvTimeoutError::Timeout) if !left.is_zero() && !cancel.is_cancelled() => {}
            said => break said,
        }
    };
    // The supervisor outlives this process; until then, this thread reaps it.
    let _ = std::thread::Builder::new().spawn(move || child.wait());
    match said {
        Ok(word) if word.trim() == READY_WORD => Ok(()),
        Err(RecvTimeoutError::Timeout) if cancel.is_cancelled() => Err(interrupted("interrupted")),
        _ => Err(Error::new(Code::SupervisorFailed, "a supervisor did not start")
            .hint("'git orchestra status' shows the agent; '.git/orchestra/diary' may say why")),
    }
}

fn record_failure(repo: &Repo, id: &AgentId, error: &Error) {
    let reason = Some(error.one_line());
    // If this fails too, the agent shows as lost, which it is.
    let _ = store::append_if(repo, id, |fold| {
        let ended = Finished::empty(fold.agent.attempt, Phase::Failed);
        Some(vec![Fact::Finished(Finished { reason: reason.clone(), ..ended })])
    });
}

/// Opens the log for standard error of supervisors. It is emptied when it has become too long.
fn open_log(private: &PrivateDir) -> Result<File> {
    let path = private.supervisor_log();
    let file = private_files::open_output(&path);
    let file = file.context(Kind::External, || format!("cannot write '{}'", path.display()))?;
    if file.metadata().is_ok_and(|found| found.len() > LOG_LIMIT) {
        let _ = file.set_len(0);
    }
    Ok(file)
}
