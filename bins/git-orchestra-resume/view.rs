//! What `resume` shows.

use orchestra::{
    Result,
    model::Liveness,
    ops::{resume, status},
};
use orchestra_terminal::{
    Exit, Terminal, accepted, agents, faults,
    follow::{How, follow},
    json, prompt,
};

use crate::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = accepted::repository(terminal)?;
    let mut request = cli.request(terminal);
    if request.agents.is_empty() && !request.all {
        let all = status::run(&repo, &status::Request::default())?.agents;
        let resting: Vec<_> =
            all.into_iter().filter(|a| matches!(a.liveness, Liveness::Ended | Liveness::Lost)).collect();
        let hint = "git orchestra resume AGENT, or --all";
        request.agents.push(prompt::pick_agent(terminal, "which agent?", &resting, hint)?);
    }
    let report = resume::run(&repo, &request)?;
    for warning in &report.warnings {
        terminal.warn(warning);
    }
    let failed = faults::tell_failures(terminal, &report.failed);
    agents::warn_unreadable(terminal, &report.unreadable);
    if report.agents.is_empty() {
        if failed.is_none() && report.unreadable.is_empty() {
            terminal.say("no agent is paused or lost");
        }
        if cli.json {
            let none = status::Report { agents: Vec::new(), hidden: 0, unreadable: report.unreadable };
            json::answer(terminal, "resume", &none)?;
        }
        return Ok(failed.unwrap_or(Exit::Done));
    }
    let mine = status::Request { agents: report.agents, dirt: true, ..status::Request::default() };
    let how = How { kind: "resume", did: "resumed", detach: cli.detach, json: cli.json };
    let exit = follow(terminal, &repo, &mine, how)?;
    Ok(failed.filter(|_| exit == Exit::Done).unwrap_or(exit))
}
