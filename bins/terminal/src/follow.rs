//! Follows the agents that a command has started: prints their ids, or their progress until they end.

use orchestra::{
    Result,
    context::Context,
    git::Repo,
    model::Phase,
    ops::status::{self, Report, Request},
    wire::Answer,
};

use crate::{
    Exit, Terminal, agents, here, json, limits, outcome,
    watch::{self, Stream, Until, WatchEnd},
};

/// How the started agents are shown.
#[derive(Clone, Copy, Debug)]
pub struct FollowOptions {
    /// The kind of the JSON answer.
    pub kind: Answer<Report>,
    /// The verb of the command in the past tense: `started`, `resumed`.
    pub verb: &'static str,
    /// Whether to print the ids and return at once.
    pub detach: bool,
    /// Whether to print one JSON object.
    pub json: bool,
}

/// Shows the agents of a request, at once or until all have ended. Ctrl-C ends only the watching.
///
/// # Errors
/// The refs cannot be read.
pub fn follow(
    context: &Context,
    terminal: &Terminal,
    repo: &Repo,
    mine: &Request,
    how: FollowOptions,
) -> Result<Exit> {
    if how.detach {
        // They have just started, and nobody sees their figures.
        let mine = Request { dirt: false, ..mine.clone() };
        return detached(terminal, &status::run(&crate::context::uninterrupted(), repo, &mine)?, how);
    }
    let until = Until::AllEnded { limit: None };
    let watched = watch::watch(context, terminal, repo, mine, Stream::Err, until, how.json)?;
    let state = watched.report;
    match watched.end {
        WatchEnd::AllEnded | WatchEnd::TimedOut => ended(terminal, &state, how),
        WatchEnd::Interrupted | WatchEnd::Quit => {
            // The window that a key ended has just shown the summary.
            match watched.end {
                WatchEnd::Quit => terminal.eprintln("the agents keep running"),
                _ => terminal
                    .eprintln(&format!("\nthe agents keep running: {}", agents::summary(&state.agents))),
            }
            for agent in &state.agents {
                if let Some(limit) = limits::limited(agent) {
                    terminal.eprintln(&format!("'{}': {limit}", agent.id));
                }
            }
            terminal
                .hint("'git orchestra status --watch' follows them, 'git orchestra stop --all' stops them");
            Ok(if watched.end == WatchEnd::Quit { Exit::Done } else { Exit::Interrupted })
        }
        WatchEnd::OutputClosed => Ok(Exit::Done),
    }
}

fn detached(terminal: &Terminal, state: &Report, how: FollowOptions) -> Result<Exit> {
    if how.json {
        json::print_answer(terminal, how.kind, state)?;
        return Ok(Exit::Done);
    }
    for agent in &state.agents {
        terminal.print(&format!("{}\n", agent.id));
    }
    terminal.eprintln(&format!("{} {}", how.verb, agents::count(state.agents.len())));
    match here::environment().agent() {
        // Otherwise the calling agent would hold the slot that they wait for.
        Some(_) => terminal
            .hint("'git orchestra status --wait' waits for them, and lends this agent's slot to one of them"),
        None => terminal.hint("'git orchestra status --watch' follows them"),
    }
    Ok(Exit::Done)
}

fn ended(terminal: &Terminal, state: &Report, how: FollowOptions) -> Result<Exit> {
    let all_done = state.agents.iter().all(|agent| agent.phase == Phase::Done);
    if how.json {
        json::print_answer(terminal, how.kind, state)?;
    } else {
        if terminal.stderr_size().is_none() || terminal.width().is_none() {
            terminal.print(&agents::draw(&state.agents, terminal.width(), terminal.painter()));
        }
        agents::warn(terminal, &state.agents);
        state.agents.iter().filter_map(agents::how_to_save).for_each(|hint| terminal.hint(&hint));
        outcome::print(terminal, &state.agents);
    }
    Ok(if all_done { Exit::Done } else { Exit::No })
}
