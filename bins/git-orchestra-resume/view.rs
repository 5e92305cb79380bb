//! Prints the plan of `resume`, or follows the agents that it resumed.

use orchestra::{
    Result,
    git::Repo,
    model::{Liveness, Permission},
    ops::{
        resume::{self, Report},
        status,
    },
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, agents, context, errors,
    follow::{FollowOptions, follow},
    json, names, prompt,
    table::{self, Column, TableCell},
};

use super::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = accepted::with_project_settings(terminal)?;
    let mut request = cli.request(terminal);
    if request.agents.is_empty() && !request.all {
        let all = status::run(&context::uninterrupted(), &repo, &status::Request::default())?.agents;
        let resting: Vec<_> =
            all.into_iter().filter(|a| matches!(a.liveness, Liveness::Ended | Liveness::Lost)).collect();
        let hints = ["git orchestra resume AGENT", "git orchestra resume --all"];
        request.agents.push(prompt::pick_agent(terminal, "which agent?", &resting, &hints)?);
    }
    names::meant(terminal, &repo, &mut request.agents)?;
    let context = context::interruptible(terminal)?;
    let report = resume::run(&context, &repo, &request)?;
    for warning in &report.warnings {
        terminal.warn(warning);
    }
    let failed = errors::print_failures(terminal, &report.failed);
    agents::warn_unreadable(terminal, &report.unreadable);
    if request.dry_run && (cli.json || !report.planned.is_empty()) {
        planned(cli, terminal, &repo, report)?;
        return Ok(failed.unwrap_or(Exit::Done));
    }
    if report.agents.is_empty() {
        if failed.is_none() && report.unreadable.is_empty() {
            terminal.eprintln("no agent is paused or lost");
        }
        if cli.json {
            let none = status::Report { unreadable: report.unreadable, ..status::Report::default() };
            json::print_answer(terminal, wire::RESUME, &none)?;
        }
        return Ok(failed.unwrap_or(Exit::Done));
    }
    let mine = status::Request { agents: report.agents, dirt: true, ..status::Request::default() };
    let how = FollowOptions { kind: wire::RESUME, verb: "resumed", detach: cli.detach, json: cli.json };
    let exit = follow(&context, terminal, &repo, &mine, how)?;
    Ok(failed.filter(|_| exit == Exit::Done).unwrap_or(exit))
}

fn planned(cli: &Cli, terminal: &Terminal, repo: &Repo, report: Report) -> Result<()> {
    let plan = report.into_plan();
    if cli.json {
        return json::print_answer(terminal, wire::RESUME_PLAN, &plan);
    }
    let row = |agent: &resume::PlannedResume| {
        vec![
            TableCell::new(&agent.id),
            TableCell::new(agent.phase.as_str()),
            TableCell::new(agent.role.as_ref().unwrap_or(&agent.profile)),
            TableCell::new(agent.permission.map_or("-", Permission::as_str)),
            TableCell::new(agent.jobs.to_string()),
            TableCell::new(&agent.title),
        ]
    };
    let mut rows: Vec<Vec<TableCell>> = plan.agents.iter().map(row).collect();
    let mut columns = vec![
        Column::new("AGENT").cut_in_middle(),
        Column::new("PHASE"),
        Column::new("PROGRAM").hidden_at(3),
        Column::new("PERMISSION").hidden_at(2),
        Column::new("JOBS").hidden_at(1),
        Column::new("TASK").cut_at_end(),
    ];
    // Asking about some agents leaves the numbers as they are.
    let ids = plan.agents.iter().map(|agent| agent.id.as_str());
    if cli.agents.is_empty() && names::number_rows(terminal, repo, ids) {
        names::add_numbers(&mut columns, &mut rows);
    }
    terminal.print(&table::draw(&columns, &rows, terminal.width(), terminal.painter()));
    terminal.eprintln(&format!("would resume {}", agents::count(plan.agents.len())));
    Ok(())
}
