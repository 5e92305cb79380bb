//! Prints the report of `stop` and `pause`.

use orchestra::{
    Kind, Result,
    git::Repo,
    ops::{
        status,
        stop::{Report, Request, StopOutcome},
    },
    wire::Answer,
};

use crate::{Exit, Terminal, agents, errors, json, names, prompt};

/// Finds the agents that are named, or asks which agent to stop if none is. `None`: no agent runs.
///
/// # Errors
/// The user cannot be asked (2).
pub fn pick_agents(
    terminal: &Terminal,
    repo: &Repo,
    mut request: Request,
    command: &str,
) -> Result<Option<Request>> {
    if request.agents.is_empty() && !request.all {
        let all = status::run(&crate::context::uninterrupted(), repo, &status::Request::default())?.agents;
        let open: Vec<_> = all.into_iter().filter(|agent| !agent.phase.is_terminal()).collect();
        if open.is_empty() {
            terminal.eprintln("no agent is running");
            return Ok(None);
        }
        let one = format!("git orchestra {command} AGENT");
        let all = format!("git orchestra {command} --all");
        request.agents.push(prompt::pick_agent(terminal, "which agent?", &open, &[&one, &all])?);
    }
    names::meant(terminal, repo, &mut request.agents)?;
    Ok(Some(request))
}

/// Ends a command that found no agent to stop; with --json one object is still printed.
///
/// # Errors
/// As [`show`].
pub fn show_none(terminal: &Terminal, kind: Answer<Report>, as_json: bool) -> Result<Exit> {
    if as_json {
        json::print_answer(terminal, kind, &Report::default())?;
    }
    Ok(Exit::Done)
}

/// Prints the report.
///
/// # Errors
/// The report cannot be written as JSON, which is a bug.
pub fn show(terminal: &Terminal, kind: Answer<Report>, report: &Report, as_json: bool) -> Result<Exit> {
    let failed = errors::print_failures(terminal, &report.failed);
    agents::warn_unreadable(terminal, &report.unreadable);
    let unsaved: Vec<_> = report.agents.iter().filter(|stopped| stopped.agent.unsaved.is_some()).collect();
    let saved = if unsaved.is_empty() { Exit::Done } else { Exit::Failed(Kind::External) };
    let exit = failed.unwrap_or(saved);
    if as_json {
        json::print_answer(terminal, kind, report)?;
        return Ok(exit);
    }
    for warning in &report.warnings {
        terminal.warn(warning);
    }
    if report.agents.is_empty() && report.failed.is_empty() && report.unreadable.is_empty() {
        terminal.eprintln("no agent is running");
    }
    for stopped in &report.agents {
        let line = agents::line(&stopped.agent, terminal.painter());
        let note = match stopped.outcome {
            StopOutcome::Stopped | StopOutcome::Paused => "",
            StopOutcome::AlreadyEnded => " (had already ended)",
            StopOutcome::Asked => " (requested; sent with the next sync)",
        };
        terminal.print(&format!("{line}{note}\n"));
    }
    for stopped in unsaved {
        let (id, why) = (&stopped.agent.id, stopped.agent.unsaved.as_deref().unwrap_or_default());
        terminal.warn(&format!("the work of '{id}' could not be saved: {why}"));
        agents::how_to_save(&stopped.agent).iter().for_each(|hint| terminal.hint(hint));
    }
    Ok(exit)
}
