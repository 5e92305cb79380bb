//! What `spawn` shows.

use orchestra::{
    Result,
    git::Repo,
    model::Phase,
    ops::{
        spawn::{self, Report},
        status,
    },
    world,
};
use orchestra_terminal::{
    Exit, Terminal, agents, json,
    table::{self, Text},
    watch::{self, Stream, Until, Watched},
};

use crate::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let request = cli.request()?;
    let repo = Repo::discover(&world::directory())?;
    let report = spawn::run(&repo, &request)?;
    for warning in &report.warnings {
        terminal.warn(warning);
    }
    if request.dry_run {
        return planned(cli, terminal, &report);
    }
    let mine = status::Request { run: Some(report.run.clone()), dirt: true, ..status::Request::default() };
    if cli.detach {
        return detached(cli, terminal, &report, &status::run(&repo, &mine)?);
    }
    match watch::watch(terminal, &repo, &mine, Stream::Err, Until::AllEnded, cli.json)? {
        Watched::Ended(state) => ended(cli, terminal, &state),
        Watched::Interrupted(state) => {
            terminal.say(&format!("\nthe agents run on: {}", agents::summary(&state.agents)));
            terminal.hint("'git orchestra status --watch' shows them, 'git orchestra stop --all' ends them");
            Ok(Exit::Interrupted)
        }
        Watched::Unread => Ok(Exit::Done),
    }
}

fn planned(cli: &Cli, terminal: &Terminal, report: &Report) -> Result<Exit> {
    if cli.json {
        json::answer(terminal, "spawn-plan", report)?;
        return Ok(Exit::Done);
    }
    let rows = report
        .agents
        .iter()
        .map(|agent| {
            vec![
                Text::new(&agent.id),
                Text::new(&agent.profile),
                Text::new(&agent.branch),
                Text::new(&agent.title),
            ]
        })
        .collect();
    terminal.answer(&table::draw(
        &["AGENT", "PROGRAM", "BRANCH", "TASK"],
        rows,
        terminal.width(),
        terminal.paint(),
    ));
    terminal.say(&format!(
        "would start {} from {}, {} at once; names end in new letters each time",
        count(report.agents.len()),
        report.agents.first().map_or("", |agent| &agent.base[..10]),
        report.jobs
    ));
    Ok(Exit::Done)
}

fn detached(cli: &Cli, terminal: &Terminal, report: &Report, state: &status::Report) -> Result<Exit> {
    if cli.json {
        json::answer(terminal, "spawn", state)?;
        return Ok(Exit::Done);
    }
    for agent in &report.agents {
        terminal.answer(&format!("{}\n", agent.id));
    }
    terminal.say(&format!("started {}, {} at once", count(report.agents.len()), report.jobs));
    terminal.hint("'git orchestra status --watch' follows them");
    Ok(Exit::Done)
}

fn ended(cli: &Cli, terminal: &Terminal, state: &status::Report) -> Result<Exit> {
    let all_done = state.agents.iter().all(|agent| agent.phase == Phase::Done);
    if cli.json {
        json::answer(terminal, "spawn", state)?;
    } else {
        if terminal.stderr_size().is_none() || terminal.width().is_none() {
            terminal.answer(&agents::draw(&state.agents, terminal.width(), terminal.paint()));
        }
        agents::warn(terminal, &state.agents);
        if let Some(failed) = state.agents.iter().find(|agent| agent.phase == Phase::Failed) {
            terminal.hint(&format!("'git orchestra logs {}' shows what it printed", failed.id));
        }
    }
    Ok(if all_done { Exit::Done } else { Exit::No })
}

fn count(agents: usize) -> String {
    if agents == 1 { "1 agent".to_owned() } else { format!("{agents} agents") }
}
