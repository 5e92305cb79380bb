//! Prints the progress and the report of `run`.

use std::{cell::Cell, ffi::OsStr};

use orchestra::{
    Code, Kind, Result,
    model::{
        run::{RunPhase, TaskOutcome},
        text::{self, count},
    },
    ops::{
        configuration::AcceptedRepo,
        run::{self, Report, Request, TaskRow},
    },
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, context, here, humanize, json, prompt,
    table::{self, Column, TableCell},
    text_file,
};

use super::cli::Cli;

/// The maximum width of a text in a line of progress, in columns.
const MAX_TEXT: usize = 200;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = match cli.abort {
        Some(_) => AcceptedRepo::only_to_end(here::repository()?),
        None => accepted::with_project_settings(terminal)?,
    };
    let plan = match &cli.plan {
        Some(file) => Some(text_file::read(file, "a plan", Code::PlanInvalid)?),
        None => None,
    };
    let mut request = Request {
        plan,
        file: cli
            .plan
            .as_deref()
            .filter(|file| file.as_os_str() != "-")
            .and_then(|file| std::path::absolute(file).ok()),
        resume: cli.resume.clone(),
        abort: cli.abort.clone(),
        take: cli.take.clone(),
        yes: cli.yes,
        again: cli.again,
        even_if_red: cli.even_if_red,
        tasks: cli.tasks.clone(),
        into: cli.into.clone(),
        check: cli.check.clone(),
        agent: cli.agent.clone(),
        jobs: cli.jobs,
        sequential: cli.sequential,
        confirm: cli.confirm,
        yolo: cli.yolo,
        strict: cli.strict,
        pr: cli.pr,
        tick: cli.tick,
        with_review: cli.with_review.clone(),
        dry_run: cli.dry_run,
    };
    if cli.take.is_some() && !asked_to_take(cli, terminal, &repo, &mut request)? {
        return Ok(Exit::No);
    }
    let context = if cli.dry_run { context::uninterrupted() } else { context::interruptible(terminal)? };
    let is_hinted = Cell::new(cli.json);
    let show_row = |row: &TaskRow| {
        Terminal::write_line(&line(row));
        if row.agent.is_some() && !is_hinted.replace(true) {
            terminal.hint("'git orchestra status --watch', in another terminal, follows the agents");
        }
    };
    let report = run::run(&context, &repo, &request, &show_row)?;
    for warning in &report.warnings {
        terminal.warn(warning);
    }
    if cli.json {
        json::print_answer(terminal, wire::RUN, &report)?;
    } else {
        show(terminal, &report);
    }
    Ok(finish(terminal, &report, cli.abort.is_some()))
}

/// Says what taking the run over means, and asks where a person can answer. Returns whether to do it.
fn asked_to_take(cli: &Cli, terminal: &Terminal, repo: &AcceptedRepo, request: &mut Request) -> Result<bool> {
    let found = run::look(repo, request)?;
    let age = humanize::age(repo.now().duration_since(found.heard_at).as_secs());
    let (name, title) =
        (text::safe(&found.driver.name()).into_owned(), text::one_line(&found.title, MAX_TEXT));
    terminal.eprintln(&format!("run {}: {title}", found.run));
    terminal.eprintln(&format!("{name} drives it; what this clone knows of it is {age} old"));
    let ended = found.tasks.iter().filter(|row| row.outcome.is_some()).count();
    let of = count(found.tasks.len() as u64, "task");
    terminal.eprintln(&format!("{ended} of {of} ended"));
    for id in &found.reopened {
        terminal.eprintln(&format!(
            "task '{id}' landed there, and is not in {} here: it lands again",
            found.into
        ));
    }
    for id in &found.continued {
        terminal
            .eprintln(&format!("agent '{id}' had not ended there: it continues here from what was synced"));
    }
    if cli.yes || cli.dry_run || !terminal.can_ask() {
        return Ok(true);
    }
    request.yes = prompt::confirm(terminal, "Is that clone gone, and is the run driven here?", "")?;
    Ok(request.yes)
}

/// Describes what happened to a task.
fn line(row: &TaskRow) -> String {
    let (id, why) = (&row.id, row.reason.as_deref());
    let why = why.map_or_else(String::new, |why| format!(": {}", text::one_line(why, MAX_TEXT)));
    if let Some(gate) = row.gate {
        return format!("{id} waits at gate {gate}{why}");
    }
    if let Some(reviewer) = row.reviewer.as_ref().filter(|_| row.outcome.is_none()) {
        return match row.verdict {
            Some(verdict) => format!("{id} reviewed by {reviewer}: {}", verdict.as_str()),
            None => format!("{id} in review: {reviewer}"),
        };
    }
    match (row.outcome, &row.agent) {
        (Some(outcome), _) => format!("{id} {outcome}{why}"),
        (None, Some(agent)) => format!("{id} started: {agent}"),
        (None, None) => format!("{id} started"),
    }
}

fn show(terminal: &Terminal, report: &Report) {
    let has_ended = report.phase.is_end();
    let words = |row: &TaskRow| match (row.outcome, &row.agent) {
        (Some(outcome), _) => outcome.as_str(),
        (None, _) if row.gate.is_some() && !has_ended => "at gate",
        (None, Some(_)) if has_ended => "left",
        (None, Some(_)) if row.reviewer.is_some() && row.verdict.is_none() => "in review",
        (None, Some(_)) => "open",
        (None, None) => "not started",
    };
    let row = |row: &TaskRow| {
        let after: Vec<String> = row.after.iter().map(ToString::to_string).collect();
        vec![
            TableCell::new(row.id.to_string()),
            TableCell::new(words(row)),
            TableCell::new(row.agent.as_ref().map_or("-", |agent| agent.as_str())),
            TableCell::new(if after.is_empty() { "-".to_owned() } else { after.join(", ") }),
            TableCell::new(text::one_line(row.reason.as_deref().unwrap_or(&row.title), MAX_TEXT)),
        ]
    };
    let rows: Vec<Vec<TableCell>> = report.tasks.iter().map(row).collect();
    let columns = [
        Column::new("TASK").cut_in_middle(),
        Column::new("STATE"),
        Column::new("AGENT").cut_in_middle(),
        Column::new("AFTER").cut_at_end().hidden_at(1),
        Column::new("TITLE OR REASON").cut_at_end(),
    ];
    terminal.print(&table::draw(&columns, &rows, terminal.width(), terminal.painter()));
}

/// What helps an agent that has no process any more.
const RESUME: &str = "resume";

/// Returns the command that helps an agent which needs a person, and its options, by what a report says of it.
fn help(reason: &str) -> &'static [&'static str] {
    if reason.starts_with("lost in another clone") {
        &[RESUME, "--take-over"]
    } else if reason.starts_with("lost") || reason.starts_with("paused") {
        &[RESUME]
    } else {
        &["status"]
    }
}

/// Prints how the run ended and what to type next, and returns the exit status.
fn finish(terminal: &Terminal, report: &Report, is_given_up: bool) -> Exit {
    if let Some(place) = report.publishes_to.as_ref().filter(|_| report.dry_run) {
        let (repo, host, into) = (text::safe(&place.repo), text::safe(&place.host), text::safe(&report.into));
        terminal
            .eprintln(&format!("the work would be published to {repo} on {host}, to be merged into {into}"));
    }
    if report.dry_run {
        return Exit::Done;
    }
    let number = |outcome| report.tasks.iter().filter(|row| row.outcome == Some(outcome)).count();
    let (landed, unchanged) = (number(TaskOutcome::Landed), number(TaskOutcome::Unchanged));
    let published = number(TaskOutcome::Published);
    let also =
        [(published, "published"), (unchanged, "unchanged")].into_iter().filter(|(number, _)| *number > 0);
    let also: String = also.map(|(number, how)| format!(", {number} {how}")).collect();
    let of = count(report.tasks.len() as u64, "task");
    let into = text::one_line(&report.into, MAX_TEXT);
    let key = report.run.clone().unwrap_or_default();
    if report.phase == RunPhase::Running {
        terminal.eprintln(&format!("run {key} waits for a person: {landed} of {of} landed in {into}{also}"));
        let needy = |row: &&TaskRow| row.outcome.is_none() && row.gate.is_none() && row.reason.is_some();
        for gate in &report.gates {
            let task = gate.task.as_ref().map_or_else(String::new, |task| format!(", task {task}"));
            let says = text::one_line(gate.says.as_deref().unwrap_or("-"), MAX_TEXT);
            let options = gate.options.join(", ");
            let default =
                gate.deadline.zip(gate.default.as_ref()).map_or_else(String::new, |(deadline, default)| {
                    format!("; {} at {}", text::safe(default), humanize::clock_time(deadline))
                });
            terminal.eprintln(&format!("gate {}{task}: {says}; answers: {options}{default}", gate.gate));
        }
        if let Some((gate, option)) = report.gates.iter().find_map(|one| Some((one, one.options.first()?))) {
            let gate = gate.gate.to_string();
            terminal.hint_command(&[&"git", &"orchestra", &"decide", &key, &gate, option]);
        }
        for row in report.tasks.iter().filter(needy) {
            if let Some(agent) = &row.agent {
                let help = help(row.reason.as_deref().unwrap_or_default()).iter();
                let mut words: Vec<&dyn AsRef<OsStr>> = vec![&"git", &"orchestra"];
                words.extend(help.map(|word| word as &dyn AsRef<OsStr>));
                words.push(agent);
                terminal.hint_command(&words);
            }
        }
        if report
            .tasks
            .iter()
            .any(|row| needy(&row) && help(row.reason.as_deref().unwrap_or_default()).contains(&RESUME))
        {
            terminal.hint("git orchestra stop AGENT leaves its task out");
        }
        terminal.hint_command(&[&"git", &"orchestra", &"run", &"--continue", &key]);
        return Exit::Failed(Kind::Refused);
    }
    if is_given_up {
        terminal.eprintln(&format!(
            "run {key} is given up: {landed} of {of} landed in {into}{also}; the work of its agents is kept"
        ));
        return Exit::Done;
    }
    terminal.eprintln(&format!("run {key} ended: {}; {landed} of {of} landed in {into}{also}", report.phase));
    if report.phase == RunPhase::Done { Exit::Done } else { Exit::No }
}
