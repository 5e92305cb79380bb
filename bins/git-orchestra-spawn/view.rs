//! Prints the plan of `spawn`, or follows the agents that it started.

use orchestra::{
    Code, Error, Result,
    model::{AgentId, Permission, text},
    ops::{
        config,
        configuration::AcceptedRepo,
        spawn::{self, BaseChanges, PlannedAgent, Report, Request},
        status,
    },
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, agents, context,
    follow::{FollowOptions, follow},
    json, names, prompt,
    table::{self, Column, TableCell},
};

use super::cli::Cli;

/// The question below the offered rules.
const OFFER: &str = "allow them to all agents of this repository?";

/// The question after the name of an agent that has the task already.
const AGAIN: &str = "start another agent for it?";

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let mut request = cli.request(terminal)?;
    let repo = accepted::with_project_settings(terminal)?;
    names::meant(terminal, &repo, &mut request.after)?;
    let context = context::interruptible(terminal)?;
    let repo = offer_rules(cli, terminal, repo, &request)?;
    let report = match spawn::run(&context, &repo, &request) {
        Err(error) if error.code == Code::TaskTaken && terminal.can_ask() && !cli.json => {
            spawn::run(&context, &repo, &again(terminal, error, request.clone())?)?
        }
        result => result?,
    };
    for warning in &report.warnings {
        terminal.warn(warning);
    }
    if request.dry_run {
        return planned(cli, terminal, &report);
    }
    let agents = report.agents.into_iter().map(|agent| agent.id.to_string()).collect();
    let mine = status::Request { agents, dirt: true, ..status::Request::default() };
    let how = FollowOptions { kind: wire::SPAWN, verb: "started", detach: cli.detach, json: cli.json };
    follow(&context, terminal, &repo, &mine, how)
}

/// Asks whether to start another agent on a task that one has already.
fn again(terminal: &Terminal, error: Error, request: Request) -> Result<Request> {
    terminal.warn(&error.message);
    if prompt::confirm(terminal, AGAIN, "--again")? {
        Ok(Request { again: true, ..request })
    } else {
        Err(error)
    }
}

/// Asks the user once, before the first agents start, whether agents may run the commands that the project itself names.
fn offer_rules(
    cli: &Cli,
    terminal: &Terminal,
    repo: AcceptedRepo,
    request: &Request,
) -> Result<AcceptedRepo> {
    if cli.json || !terminal.can_ask() {
        return Ok(repo);
    }
    let context = context::reading(terminal);
    let rules = config::offered_rules(&context, &repo, request)?;
    if rules.is_empty() {
        return Ok(repo);
    }
    terminal.eprintln("agents ask before they run a command; this project names these:");
    for rule in &rules {
        terminal.eprintln(&format!("  {rule}"));
    }
    let agrees = prompt::confirm(terminal, OFFER, "")?;
    config::answer_offer(&context, &repo, &rules, agrees)?;
    terminal.hint(if agrees {
        "'git orchestra config unset orchestra.allow' removes them"
    } else {
        "'git orchestra config set --add orchestra.allow RULE' allows one later"
    });
    accepted::repository(terminal)
}

/// Formats a base with changes, such as `main + 5 changed files`.
fn from_changes(changes: &BaseChanges) -> String {
    let on = changes.branch.as_ref().map_or_else(|| changes.on.short(), ToString::to_string);
    format!("{} + {}", text::safe(&on), text::count(changes.files, "changed file"))
}

/// Formats what an agent starts from: a commit, or the work of other agents.
fn from(agent: &PlannedAgent) -> String {
    if agent.after.is_empty() {
        return agent.base.short();
    }
    let names: Vec<&str> = agent.after.iter().map(AgentId::as_str).collect();
    format!("the work of {}", names.join(" and "))
}

fn planned(cli: &Cli, terminal: &Terminal, report: &Report) -> Result<Exit> {
    if cli.json {
        json::print_answer(terminal, wire::SPAWN_PLAN, report)?;
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<TableCell>> = report
        .agents
        .iter()
        .map(|agent| {
            vec![
                TableCell::new(&agent.id),
                TableCell::new(agent.team.as_ref().or(agent.role.as_ref()).unwrap_or(&agent.profile)),
                TableCell::new(agent.permission.map_or("-", Permission::as_str)),
                TableCell::new(&agent.branch),
                TableCell::new(&agent.title),
            ]
        })
        .collect();
    terminal.print(&table::draw(
        &[
            Column::new("AGENT").cut_in_middle(),
            Column::new("PROGRAM").hidden_at(3),
            Column::new("PERMISSION").hidden_at(2),
            Column::new("BRANCH").cut_in_middle().hidden_at(1),
            Column::new("TASK").cut_at_end(),
        ],
        &rows,
        terminal.width(),
        terminal.painter(),
    ));
    let base = report.agents.first().map(from).unwrap_or_default();
    terminal.eprintln(&format!(
        "would start {} from {}, {} at once; the end of each name is random",
        agents::count(report.agents.len()),
        report.changes.as_ref().map_or(base, from_changes),
        report.jobs
    ));
    Ok(Exit::Done)
}
