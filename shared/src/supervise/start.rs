//! Starting supervisors, each with its agent's lock in hand.

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
    world::Environment,
};

/// How long supervisors may take to answer.
const READY: Duration = Duration::from_secs(30);
/// Longest diary, in bytes.
const LOG_LIMIT: u64 = 1 << 20;

/// What a supervisor says when it answers.
pub const READY_WORD: &str = "ready";

/// Each supervisor gets its agent's lock as its standard input: from here to its end the agent is never without.
///
/// # Errors
/// One of them does not answer: its agent is shown as failed, with the reason; the others go on.
pub fn supervisors(repo: &Repo, locks: Vec<(AgentId, Lock)>) -> Result<()> {
    let common = repo.common_dir()?;
    let program = process::sibling_binary(SUPERVISOR);
    let diary = open_diary(&PrivateDir::new(repo.private_dir()?))?;
    let mut started = Vec::with_capacity(locks.len());
    for (id, lock) in locks {
        let child = supervisor(repo.environment(), &program, &common, &id, &diary, &lock);
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

fn supervisor(
    environment: &Environment,
    program: &Path,
    common: &Path,
    id: &AgentId,
    diary: &File,
    lock: &Lock,
) -> Result<Child> {
    let cannot = || format!("cannot start the supervisor of '{id}' ({})", program.display());
    let inherited = lock.file().try_clone().context(Kind::External, cannot)?;
    let mut command = process::own(environment, program);
    command
        .arg(RUN)
        .arg(common)
        .arg(id.as_str())
        .current_dir(common)
        // Typed by an agent: what it spawns is not of its own tree.
        .env_remove(NONCE)
        .env_remove(AGENT)
        .stdin(inherited)
        .stdout(Stdio::piped())
        .stderr(diary.try_clone().context(Kind::External, cannot)?);
    process::spawn(&mut command).context(Code::SupervisorFailed, cannot)
}

/// The supervisor writes a word and closes its output when it has left our session.
fn wait_ready(mut child: Child, deadline: Instant) -> Result<()> {
    let (sender, receiver) = mpsc::channel();
    let pipe = child.stdout.take();
    std::thread::spawn(move || {
        let mut said = String::new();
        let _ = pipe.map(|pipe| pipe.take(64).read_to_string(&mut said));
        let _ = sender.send(said);
    });
    let said = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    // It outlives us; while we live, nobody else takes note of its end.
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

/// What a supervisor says when nobody listens; it starts anew when it is long.
fn open_diary(private: &PrivateDir) -> Result<File> {
    let path = private.supervisor_log();
    let file = private_files::open_output(&path);
    let file = file.context(Kind::External, || format!("cannot write '{}'", path.display()))?;
    if file.metadata().is_ok_and(|found| found.len() > LOG_LIMIT) {
        let _ = file.set_len(0);
    }
    Ok(file)
}
