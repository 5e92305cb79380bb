//! While the program of a designer runs, and its end.

use std::{
    process::Child,
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use super::{Conversation, Designer, Running, session};
use crate::{
    Code, Error, Kind, Result,
    backoff::Backoff,
    config::{Config, keys::GRACE},
    context::Context,
    error::ErrorContext as _,
    git::Repo,
    model::{
        AgentId, Fact, Phase, SessionId,
        event::{Finished, PhaseChange},
        fold::StopMode,
    },
    ops::{agent_object::AgentObject, collect, status},
    parallel, process,
    store::{AgentLog, append},
    supervise::{
        processes::{self, Processes},
        tree::ProcessId,
    },
    trust::acceptance,
};

/// How a designer ended.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "DesignerEnd")]
pub struct Ended {
    /// The designer, after its end.
    pub agent: AgentObject,
    /// Its agents that still run.
    pub running: Vec<AgentId>,
    /// Whether its conversation is known, so that it can continue.
    pub continues: bool,
}

/// Why the program ends.
#[derive(Clone, Debug)]
enum Why {
    /// By itself.
    Exited,
    /// Somebody stopped or paused the designer, for this reason.
    Asked(StopMode, Option<String>),
    /// The terminal was closed, or this process was asked to end.
    Interrupted,
}

/// Makes sure that the signal with which other commands wake supervisors does not end this process.
pub(super) fn catch_wake() -> Result<()> {
    let cannot = || "cannot listen for signals".to_owned();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context(Kind::External, cannot)?;
    let _entered = runtime.enter();
    // The handler stays when this ends.
    signal(SignalKind::user_defined1()).context(Kind::External, cannot).map(drop)
}

impl Designer {
    /// Runs the program to its end, and records that. While it runs, it has the terminal.
    ///
    /// # Errors
    /// The program cannot be started (the designer is recorded as failed), or its end cannot be recorded.
    pub fn until_end(self, context: &Context, repo: &Repo) -> Result<Ended> {
        let id = self.plan.agent.clone();
        let Some(mut running) = self.running else { return Err(Error::internal("a dry run starts nothing")) };
        let began = (repo.now().as_second(), Instant::now());
        let program = self.plan.argv.first().cloned().unwrap_or_default();
        let child = process::spawn(&mut running.command)
            .context(Code::ProgramFailed, || format!("cannot start '{program}'"));
        let ended = child.and_then(|child| running.wait(context, repo, &id, child));
        let finished = finished(&running.record, &ended, began.1.elapsed());
        let session = match &running.conversation {
            Conversation::New(None) => session::begun_since(repo, &running.program, began.0),
            Conversation::New(_) | Conversation::Known { .. } => None,
        };
        let known = session.map(|session| {
            let session = Some(SessionId::from(session.as_str()));
            Fact::Phase(PhaseChange { session, ..PhaseChange::new(running.record.attempt, Phase::Running) })
        });
        let facts: Vec<Fact> = known.into_iter().chain([Fact::Finished(finished)]).collect();
        append(repo, &id, &facts)?;
        let Running { conversation, dir, lock, has_worktree, .. } = running;
        acceptance::agent_ended(repo.environment(), &repo.common_dir()?, &id)?;
        drop(conversation);
        dir.remove_unless_it_holds_output();
        drop(lock);
        ended?;
        if has_worktree {
            collect::capture_again(&context.uncancellable(), repo, &id)?;
        }
        report(context, repo, &id)
    }
}

impl Running {
    /// Waits for the end of the program, and brings it about if that is asked for.
    fn wait(
        &mut self,
        context: &Context,
        repo: &Repo,
        id: &AgentId,
        mut child: Child,
    ) -> Result<(Why, Option<i32>)> {
        let cannot = || "cannot wait for the program".to_owned();
        self.record.program = i32::try_from(child.id()).ok().and_then(ProcessId::of);
        // Without it, only the mark in its environment leads to the program if this process dies.
        let _ = self.record.write(&self.lock);
        let grace = Config::of(repo).get_or_default(&GRACE);
        let mut backoff = Backoff::millis(20, 250);
        let mut why = Why::Exited;
        loop {
            if let Some(status) = child.try_wait().context(Kind::External, cannot)? {
                return Ok((why, exit_code(status)));
            }
            why = match asked(repo, id) {
                Some((mode, reason)) => Why::Asked(mode, reason),
                None if context.cancel.is_cancelled() => Why::Interrupted,
                None => {
                    context.cancel.wait(backoff.pause());
                    continue;
                }
            };
            let marked = self.record.clone();
            let find = || alive(&marked);
            // The program itself is reaped here, or it would seem to live.
            let (ended, status) = parallel::both(|| processes::end_all(find, grace), || child.wait());
            let ended = ended.context(Kind::Internal, cannot)?;
            ended?;
            return Ok((why, exit_code(status.context(Kind::External, cannot)?)));
        }
    }
}

/// Returns the program and what it started, as far as its mark says. Agents that it started do not have the mark.
fn alive(record: &Processes) -> Vec<ProcessId> {
    let marked = crate::supervise::tree::with_variable(processes::NONCE, &record.nonce);
    let program = record.program.into_iter().filter(ProcessId::is_alive);
    let all = program.chain(marked).filter(|process| *process != record.supervisor);
    let mut all: Vec<ProcessId> = all.collect();
    all.dedup();
    all
}

/// Returns whether somebody stopped or paused the designer since it was started. What cannot be read was not asked.
fn asked(repo: &Repo, id: &AgentId) -> Option<(StopMode, Option<String>)> {
    AgentLog::of(repo, id).ok()?.fold.asked
}

fn exit_code(status: std::process::ExitStatus) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal))
}

/// Decides what is recorded as the end.
fn finished(record: &Processes, ended: &Result<(Why, Option<i32>)>, ran: Duration) -> Finished {
    let (phase, reason, exit) = match ended {
        Err(error) => (Phase::Failed, Some(error.one_line()), None),
        Ok((Why::Asked(StopMode::Stop, reason), exit)) => (Phase::Stopped, reason.clone(), *exit),
        Ok((Why::Asked(StopMode::Pause, reason), exit)) => (Phase::Paused, reason.clone(), *exit),
        Ok((Why::Interrupted, exit)) => (Phase::Stopped, Some("its terminal was closed".to_owned()), *exit),
        // A person who leaves by Ctrl-C has not failed.
        Ok((Why::Exited, Some(0 | 130))) => (Phase::Done, None, Some(0)),
        Ok((Why::Exited, exit)) => {
            let code = exit.map_or_else(|| "unknown".to_owned(), |code| code.to_string());
            (Phase::Failed, Some(format!("exit code {code}")), *exit)
        }
    };
    let finished = Finished::empty(record.attempt, phase);
    Finished { reason, exit, ran_seconds: Some(ran.as_secs()), ..finished }
}

fn report(context: &Context, repo: &Repo, id: &AgentId) -> Result<Ended> {
    let request = status::Request { started_by: Some(id.clone()), ..status::Request::default() };
    let children = status::run(&context.uncancellable(), repo, &request)?.agents;
    let running = children.into_iter().filter(|child| !child.phase.is_at_rest()).map(|child| child.id);
    let agent = status::read_agent(repo, id)?;
    Ok(Ended {
        running: running.filter(|child| child != id).collect(),
        continues: agent.session.is_some(),
        agent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_says_why() {
        let record = Processes {
            boot: String::new(),
            nonce: "x".to_owned(),
            attempt: 2,
            supervisor: ProcessId { pid: 1, start: 1 },
            program: None,
            known: Vec::new(),
        };
        let stop = |reason: Option<&str>| Why::Asked(StopMode::Stop, reason.map(str::to_owned));
        for (why, exit, phase, reason) in [
            (Why::Exited, Some(0), Phase::Done, None),
            (Why::Exited, Some(130), Phase::Done, None),
            (Why::Exited, Some(7), Phase::Failed, Some("exit code 7")),
            (Why::Exited, Some(139), Phase::Failed, Some("exit code 139")),
            (stop(Some("enough")), Some(143), Phase::Stopped, Some("enough")),
            (Why::Asked(StopMode::Pause, None), Some(0), Phase::Paused, None),
            (Why::Interrupted, Some(129), Phase::Stopped, Some("its terminal was closed")),
        ] {
            let end = finished(&record, &Ok((why.clone(), exit)), Duration::from_secs(3));
            assert_eq!((end.phase, end.reason.as_deref()), (phase, reason), "{why:?} {exit:?}");
            assert_eq!((end.attempt, end.ran_seconds), (2, Some(3)));
        }
        let failed = finished(&record, &Err(Error::refused("no such file")), Duration::ZERO);
        assert_eq!(failed.phase, Phase::Failed);
    }
}
