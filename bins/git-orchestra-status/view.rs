//! What `status` shows.

use orchestra::{
    Result,
    git::Repo,
    model::Phase,
    ops::status::{self, Report},
    world,
};
use orchestra_terminal::{
    Exit, Terminal, agents, json,
    watch::{self, Stream, Until, Watched},
};

use crate::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = Repo::discover(&world::directory())?;
    let request = cli.request();
    if cli.watch || cli.wait {
        let until = if cli.wait { Until::AllEnded } else { Until::Interrupted };
        let silent = !cli.watch;
        return match watch::watch(terminal, &repo, &request, Stream::Out, until, silent)? {
            Watched::Ended(report) => waited(cli, terminal, &report),
            Watched::Interrupted(_) => Ok(Exit::Interrupted),
        };
    }
    let report = status::run(&repo, &request)?;
    show(cli, terminal, &report)?;
    Ok(Exit::Done)
}

fn waited(cli: &Cli, terminal: &Terminal, report: &Report) -> Result<Exit> {
    if !cli.watch {
        show(cli, terminal, report)?;
    }
    let all_done = report.agents.iter().all(|agent| agent.phase == Phase::Done);
    Ok(if all_done { Exit::Done } else { Exit::No })
}

fn show(cli: &Cli, terminal: &Terminal, report: &Report) -> Result<()> {
    if cli.json {
        return json::answer(terminal, "status", report);
    }
    if report.agents.is_empty() && report.unreadable.is_empty() {
        terminal.say("no agents yet");
        terminal.hint("git orchestra spawn \"what to do\"");
        return Ok(());
    }
    terminal.answer(&agents::draw(&report.agents, terminal.width(), terminal.paint()));
    if report.hidden > 0 {
        terminal.say(&format!("{} older ended agents are not shown; --all shows them", report.hidden));
    }
    agents::warn(terminal, &report.agents);
    for unreadable in &report.unreadable {
        terminal.warn(&format!("agent '{}' cannot be read: {}", unreadable.id, unreadable.why));
    }
    Ok(())
}
