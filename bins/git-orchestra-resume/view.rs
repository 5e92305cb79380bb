//! Prints the plan of `resume`, or follows the agents that it resumed.

use orchestra::{
    Result,
    model::{Liveness, Permission},
    ops::{
        resume::{self, Report},
        status,
    },
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, agents, errors,
    follow::{FollowOptions, follow},
    json, prompt,
    table::{self, Text},
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
    let failed = errors::tell_failures(terminal, &report.failed);
    agents::warn_unreadable(terminal, &report.unreadable);
    if request.dry_run && (cli.json || !report.planned.is_empty()) {
        planned(cli, terminal, report)?;
        return Ok(failed.unwrap_or(Exit::Done));
    }
    if report.agents.is_empty() {
        if failed.is_none() && report.unreadable.is_empty() {
            terminal.say("no agent is paused or lost");
        }
        if cli.json {
            let none = status::Report { unreadable: report.unreadable, ..status::Report::default() };
            json::answer(terminal, wire::RESUME, &none)?;
        }
        return Ok(failed.unwrap_or(Exit::Done));
    }
    let mine = status::Request { agents: report.agents, dirt: true, ..status::Request::default() };
    let how = FollowOptions { kind: wire::RESUME, did: "resumed", detach: cli.detach, json: cli.json };
    let exit = follow(terminal, &repo, &mine, how)?;
    Ok(failed.filter(|_| exit == Exit::Done).unwrap_or(exit))
}

fn planned(cli: &Cli, terminal: &Terminal, report: Report) -> Result<()> {
    let plan = report.into_plan();
    if cli.json {
        return json::answer(terminal, wire::RESUME_PLAN, &plan);
    }
    let row = |agent: &resume::PlannedResume| {
        vec![
            Text::new(&agent.id),
            Text::new(agent.phase.as_str()),
            Text::new(&agent.profile),
            Text::new(agent.permission.map_or("-", Permission::as_str)),
            Text::new(agent.jobs.to_string()),
            Text::new(&agent.title),
        ]
    };
    terminal.answer(&table::draw(
        &["AGENT", "PHASE", "PROGRAM", "PERMISSION", "JOBS", "TASK"],
        plan.agents.iter().map(row).collect(),
        terminal.width(),
        terminal.paint(),
    ));
    terminal.say(&format!("would resume {}", agents::count(plan.agents.len())));
    Ok(())
}
