//! What `stop` shows.

use orchestra::{
    Result,
    git::Repo,
    ops::{
        status,
        stop::{self, Outcome},
    },
    world,
};
use orchestra_terminal::{Exit, Terminal, agents, json, prompt};

use crate::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = Repo::discover(&world::directory())?;
    let mut request = cli.request();
    if request.agents.is_empty() && !request.all {
        let all = status::run(&repo, &status::Request::default())?.agents;
        let open: Vec<_> = all.into_iter().filter(|agent| !agent.phase.is_terminal()).collect();
        if open.is_empty() {
            terminal.say("no agent runs");
            return Ok(Exit::Done);
        }
        let picked =
            prompt::pick_agent(terminal, "which agent?", &open, "git orchestra stop AGENT, or --all")?;
        request.agents.push(picked);
    }
    let report = stop::run(&repo, &request)?;
    if cli.json {
        json::answer(terminal, "stop", &report)?;
        return Ok(Exit::Done);
    }
    if report.agents.is_empty() {
        terminal.say("no agent runs");
    }
    for stopped in &report.agents {
        let line = agents::line(&stopped.agent, terminal.paint());
        match stopped.outcome {
            Outcome::Stopped => terminal.answer(&format!("{line}\n")),
            Outcome::AlreadyEnded => terminal.answer(&format!("{line} (it had ended before)\n")),
            Outcome::Asked => {
                terminal.answer(&format!("{line} (asked; the request travels with the next sync)\n"));
            }
        }
    }
    Ok(Exit::Done)
}
