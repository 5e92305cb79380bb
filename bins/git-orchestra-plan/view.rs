//! Prints a plan, its flaws, or its levels.

use std::path::Path;

use orchestra::{
    Code, Error, Kind, Result,
    model::text::{self, count},
    ops::{
        issue_tasks,
        plan::{self, ByAgent, Report, Request},
    },
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, context, json,
    table::{self, Column, TableCell},
    text_file,
};

use super::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let (place, report) = match (&cli.issues, &cli.agent, cli.source()) {
        (Some(label), _, _) => (format!("the issues with '{label}'"), of_issues(terminal, label)?),
        (None, Some(profile), Some(source)) => by_agent(cli, terminal, source, profile)?,
        (None, None, Some(source)) => {
            let text = text_file::read(source, "tasks", Code::PlanInvalid)?;
            let request = Request { text, tag: cli.tag.clone(), optional: cli.optional };
            (source.display().to_string(), plan::run(&context::uninterrupted(), &request)?)
        }
        (None, _, None) => return Err(Error::usage("no file given")),
    };
    if cli.json {
        json::print_answer(terminal, wire::PLAN, &report)?;
        return Ok(if report.flaws.is_empty() { Exit::Done } else { Exit::Failed(Kind::Usage) });
    }
    for one in &report.left_out {
        terminal.warn(&format!("left out: {} ({})", text::safe(&one.what), text::safe(&one.why)));
    }
    if !report.flaws.is_empty() {
        return Ok(show_flaws(terminal, &place, &report));
    }
    let (tasks, levels) = (report.tasks.len() as u64, report.levels.len() as u64);
    if cli.check {
        let done = report.tasks.iter().filter(|task| task.done).count();
        let says = format!("{}, {done} done; {}", count(tasks, "task"), count(levels, "level"));
        terminal.print(&format!("{says}\n"));
    } else if cli.graph {
        show_levels(terminal, &report);
    } else if let Some(output) = &cli.output {
        let same = cli.agent.is_none()
            && cli.source().is_some_and(|source| {
                std::fs::canonicalize(output)
                    .is_ok_and(|one| std::fs::canonicalize(source).is_ok_and(|two| one == two))
            });
        plan::write(output, &report.markdown, cli.force || same)?;
        terminal.eprintln(&format!("wrote {} to '{}'", count(tasks, "task"), output.display()));
        terminal.hint_command(&[&"git", &"orchestra", &"plan", &"--graph", output]);
    } else {
        terminal.print(&report.markdown);
    }
    Ok(Exit::Done)
}

/// Makes a plan of the issues with a label.
fn of_issues(terminal: &Terminal, label: &str) -> Result<Report> {
    let (context, repo) = (context::interruptible(terminal)?, accepted::repository(terminal)?);
    let text = issue_tasks::plan(&context, &repo, label)?;
    plan::run(&context, &Request { text, ..Request::default() })
}

/// Has an agent make a plan of the text in a file. Returns how flaws of the plan are placed, and the plan.
fn by_agent(cli: &Cli, terminal: &Terminal, source: &Path, profile: &str) -> Result<(String, Report)> {
    if let Some(output) = &cli.output {
        plan::check_free(output, cli.force)?;
    }
    let prose = text_file::read(source, "the text", Code::PlanInvalid)?;
    let repo = accepted::with_project_settings(terminal)?;
    let asked = ByAgent { prose, profile: profile.to_owned(), max_time: cli.max_time };
    let report = plan::run_by_agent(&context::interruptible(terminal)?, &repo, &asked)?;
    let planner = report.planners.last().map(ToString::to_string).unwrap_or_default();
    Ok((format!("the answer of agent '{planner}'"), report))
}

fn show_flaws(terminal: &Terminal, source: &str, report: &Report) -> Exit {
    for flaw in &report.flaws {
        let place = match flaw.line {
            0 => source.to_owned(),
            line => format!("{source}:{line}"),
        };
        terminal.eprintln(&format!("{}: {}", text::safe(&place), flaw.message));
    }
    if let Some(planner) = report.planners.last() {
        terminal.hint_command(&[&"git", &"orchestra", &"logs", planner]);
    }
    Exit::Failed(Kind::Usage)
}

fn show_levels(terminal: &Terminal, report: &Report) {
    if report.levels.is_empty() {
        terminal.eprintln("every task is done");
        return;
    }
    let mut rows = Vec::new();
    for (number, level) in (1..).zip(&report.levels) {
        for task in level.iter().filter_map(|id| report.tasks.iter().find(|task| task.id == *id)) {
            let after: Vec<String> = task.after.iter().map(ToString::to_string).collect();
            rows.push(vec![
                TableCell::number(number.to_string()),
                TableCell::new(task.id.to_string()),
                TableCell::new(if after.is_empty() { "-".to_owned() } else { after.join(", ") }),
                TableCell::new(task.title.as_str()),
            ]);
        }
    }
    let columns = [
        Column::new("LEVEL"),
        Column::new("TASK").cut_in_middle(),
        Column::new("AFTER").cut_at_end(),
        Column::new("TITLE").cut_at_end(),
    ];
    terminal.print(&table::draw(&columns, &rows, terminal.width(), terminal.painter()));
}
