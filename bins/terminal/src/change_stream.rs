//! Prints each change of agents as one JSON object on a line, for programs that follow them.

use std::time::{Duration, Instant};

use orchestra::{
    Result,
    context::Context,
    git::Repo,
    model::{AgentId, Liveness},
    ops::{
        status::{Report, Request},
        wait_targets,
    },
    watch::{Change, Filter, StreamedChange, Update, Watch},
    wire,
};

use crate::{
    Terminal, json,
    watch::{Until, WatchEnd, Watched},
};

/// The longest sleep while nothing changes.
const SLEEP: Duration = Duration::from_secs(3600);

/// Prints the changes of the agents of a request until `until` is reached, the context is cancelled, or nobody reads any more. The
/// first line holds all agents. If an agent runs the command, one of the agents that it waits for may use the agent's slot.
///
/// # Errors
/// The refs cannot be read.
pub fn stream(
    context: &Context,
    terminal: &Terminal,
    repo: &Repo,
    request: &Request,
    until: Until,
) -> Result<Watched> {
    terminal.begin_stream();
    let filter = Filter { agents: request.clone(), ..Filter::default() };
    let mut watch = Watch::new(&context.cancel, repo, filter)?;
    let mut waiting = wait_targets::waiting_command(repo)?;
    let cancel = context.cancel.clone();
    terminal.on_closed(move || cancel.cancel());
    let deadline = until.deadline();
    let end = loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match watch.next(left.map_or(SLEEP, |left| left.min(SLEEP)))? {
            Update::Cancelled if terminal.is_closed() => break WatchEnd::OutputClosed,
            Update::Cancelled => break WatchEnd::Interrupted,
            Update::Changed(changes) => print(terminal, changes, &watch)?,
            Update::Unchanged => {}
        }
        if let Until::AllEnded { .. } = until {
            let open = open_agents(&watch.snapshot().status);
            if open.is_empty() {
                break WatchEnd::AllEnded;
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                break WatchEnd::TimedOut;
            }
            waiting.set(open);
        }
        if terminal.is_closed() {
            break WatchEnd::OutputClosed;
        }
    };
    Ok(Watched { end, report: watch.snapshot().status.clone(), repo: watch.repo()? })
}

/// Prints changes, except that an agent printed something: `logs --follow --json` prints what.
fn print(terminal: &Terminal, changes: Vec<Change>, watch: &Watch) -> Result<()> {
    for change in changes.into_iter().filter(|change| !matches!(change, Change::LogGrew { .. })) {
        json::print_answer(terminal, wire::CHANGE, &StreamedChange::of(change, watch.snapshot()))?;
    }
    Ok(())
}

/// Returns the agents whose state can still change in this clone.
fn open_agents(report: &Report) -> Vec<AgentId> {
    let open = report.agents.iter().filter(|agent| agent.liveness == Liveness::Live);
    open.filter_map(|agent| AgentId::parse(&agent.id).ok()).collect()
}
