//! Says on standard error what the command waits for, and prints the slots.

use orchestra::{
    Result,
    context::{Context, Event},
    model::text,
    ops::slot::{self, Report, Request},
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, context, here, humanize, json,
    table::{self, Column, TableCell},
};

use super::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    // In a repository that belongs to someone else, the user's own configuration applies.
    let repo = here::repository_if_any().ok().flatten();
    if cli.command.is_empty() {
        let report = slot::run(&context::uninterrupted(), repo.as_ref(), &Request {})?;
        return show(cli, terminal, &report);
    }
    let context = if cli.quiet { context::uninterrupted() } else { observed() };
    let admitted = slot::admit(&context, repo.as_ref(), &cli.command, cli.timeout)?;
    if let Some(warning) = &admitted.warning {
        terminal.warn(warning);
    }
    Err(admitted.start(&cli.command))
}

/// Returns a context whose waits are told on standard error, one line for the beginning and one for the end.
fn observed() -> Context {
    context::uninterrupted().observed_by(|event: &Event| {
        if let Some(line) = line(event) {
            Terminal::write_line(&line);
        }
    })
}

fn line(event: &Event) -> Option<String> {
    match event {
        Event::SlotAwaited { slots, used_by } if used_by.is_empty() => {
            Some(format!("waiting for {}: others came first", a_slot_of(*slots)))
        }
        Event::SlotAwaited { slots, used_by } => {
            Some(format!("waiting for {}, in use by {}", a_slot_of(*slots), used_by.join(", ")))
        }
        Event::SlotTaken { waited_seconds } => {
            let waited = i64::try_from(*waited_seconds).unwrap_or(i64::MAX);
            Some(format!("a slot is free after {}: starting", humanize::age(waited)))
        }
        _ => None,
    }
}

fn a_slot_of(slots: u32) -> String {
    if slots == 1 {
        "the slot of this machine".to_owned()
    } else {
        format!("one of {slots} slots of this machine")
    }
}

fn show(cli: &Cli, terminal: &Terminal, report: &Report) -> Result<Exit> {
    if cli.json {
        json::print_answer(terminal, wire::SLOT, report)?;
        return Ok(Exit::Done);
    }
    if !report.held.is_empty() {
        let now = here::environment().now().as_second();
        let rows: Vec<Vec<TableCell>> = report
            .held
            .iter()
            .map(|holder| {
                vec![
                    TableCell::new(text::safe(&holder.command)),
                    TableCell::number(humanize::age(now - holder.since.as_second())),
                    TableCell::number(holder.pid.to_string()),
                    TableCell::new(holder.agent.as_ref().map_or("-", |agent| agent.as_str())),
                    TableCell::new(text::safe(&holder.folder)),
                ]
            })
            .collect();
        let columns = [
            Column::new("COMMAND").cut_at_end(),
            Column::new("TIME"),
            Column::new("PID").hidden_at(1),
            Column::new("AGENT").cut_in_middle(),
            Column::new("FOLDER").cut_at_start().hidden_at(2),
        ];
        terminal.print(&table::draw(&columns, &rows, terminal.width(), terminal.painter()));
    }
    let free = (report.slots as usize).saturating_sub(report.held.len());
    let slots = text::count(u64::from(report.slots), "slot");
    terminal.eprintln(&format!("{free} of {slots} free; {} waiting", report.waiting));
    Ok(Exit::Done)
}
