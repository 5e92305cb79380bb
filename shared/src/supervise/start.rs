//! Starts supervisors, each with its agent's lock.

use std::{
    fs::File,
    io::Read,
    path::Path,
    process::{Child, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use crate::{
    Code, Error, Kind, Result,
    error::Context,
    git::Repo,
    lock::Lock,
    model::{AgentId, Fact, Phase, event::Finished},
    private_files, process,
    store::{self, layout::PrivateDir},
    supervise::processes::{AGENT, NONCE, RUN, SUPERVISOR},
};

/// How long to wait until supervisors report that they are ready.
const READY: Duration = Duration::from_secs(30);
/// The maximum size of the supervisors' log, in bytes.
const LOG_LIMIT: u64 = 1 << 20;

/// What a supervisor prints when it is ready.
pub const READY_WORD: &str = "ready";

/// Starts supervisors. Each inherits its agent's lock as standard input, so that the lock is held without interruption.
///
/// # Errors
/// A supervisor does not become ready: its agent is recorded as failed with the reason, and the others continue.
pub fn supervisors(repo: &Repo, locks: Vec<(AgentId, Lock)>) -> Result<()> {
    let common = repo.common_dir()?;
    let program = process::sibling_binary(SUPERVISOR);
    let diary = open_diary(&PrivateDir::new(repo.private_dir()?))?;
    let mut started = Vec::with_capacity(locks.len());
    for (id, lock) in locks {
        let child = supervisor(&program, &common, &id, &diary, &lock);
        started.push((id, lock, child));
    }
    let deadline = Instant::now() + READY;
    let mut failure = None;
    for (id, lock, child) in started {
        let answered = child.and_then(|child| wait_ready(child, deadline));
        if let Err(error) = answered {
            tell_failure(repo, &id, &error);
            failure = Some(error);
        }
        drop(lock);
    }
    failure.map_or(Ok(()), Err)
}

fn supervisor(program: &Path, common: &Path, id: &AgentId, diary: &File, lock: &Lock) -> Result<Child> {
    let cannot = || format!("cannot start the supervisor of '{id}' ({})", program.display());
    let inherited = lock.file().try_clone().context(Kind::External, cannot)?;
    let mut command = process::own(program);
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
        .stderr(diary.try_clone().context(Kind::External, cannot)?);
    process::spawn(&mut command).context(Code::SupervisorFailed, cannot)
}

/// Waits until a supervisor has left our session, which it reports by writing a word and closing its output.
fn wait_ready(mut child: Child, deadline: Instant) -> Result<()> {
    let (sender, receiver) = mpsc::channel();
    let pipe = child.stdout.take();
    std::thread::spawn(move || {
        let mut said = String::new();
        let _ = pipe.map(|pipe| pipe.take(64).read_to_string(&mut said));
        let _ = sender.send(said);
    });
    let said = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    // The supervisor outlives this process; until then, this thread reaps it.
    std::thread::spawn(move || child.wait());
    match said {
        Ok(word) if word.trim() == READY_WORD => Ok(()),
        _ => Err(Error::new(Code::SupervisorFailed, "a supervisor did not start")
            .hint("'git orchestra status' shows the agent; '.git/orchestra/diary' may say why")),
    }
}

fn tell_failure(repo: &Repo, id: &AgentId, error: &Error) {
    let reason = Some(error.one_line());
    // If this fails too, the agent shows as lost, which it is.
    let _ = store::append_if(repo, id, |fold| {
        let ended = Finished::empty(fold.agent.attempt, Phase::Failed);
        Some(vec![Fact::Finished(Finished { reason: reason.clone(), ..ended })])
    });
}

/// Opens the log for standard error of supervisors. It is emptied when it has become too long.
fn open_diary(private: &PrivateDir) -> Result<File> {
    let path = private.supervisor_log();
    let file = private_files::open_output(&path);
    let file = file.context(Kind::External, || format!("cannot write '{}'", path.display()))?;
    if file.metadata().is_ok_and(|found| found.len() > LOG_LIMIT) {
        let _ = file.set_len(0);
    }
    Ok(file)
}
