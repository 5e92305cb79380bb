//! Prints the report of `undo`, or the list of operations.

use orchestra::{
    Result,
    model::{text, via::Via},
    ops::undo::{self, ListedOperation, Report, Stage},
    wire, world,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, context, here, humanize, json,
    style::Role,
    table::{self, Column, TableCell},
};

use super::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let context = context::interruptible(terminal)?;
    let report = match cli.list {
        true => undo::list(&here::repository()?)?,
        false => undo::run(&context, &accepted::repository(terminal)?, &cli.request())?,
    };
    for warning in &report.warnings {
        terminal.warn(warning);
    }
    if cli.json {
        json::print_answer(terminal, wire::UNDO, &report)?;
    } else if cli.list {
        list(terminal, &report);
    } else {
        print_report(terminal, &report);
    }
    Ok(Exit::Done)
}

fn list(terminal: &Terminal, report: &Report) {
    if report.operations.is_empty() {
        terminal.eprintln("nothing to undo");
        return;
    }
    let rows: Vec<Vec<TableCell>> =
        report.operations.iter().map(|one| row(one, is_undone(one, report))).collect();
    let columns = [
        Column::new("OPERATION"),
        Column::new("AGE").hidden_at(2),
        Column::new("COMMAND").hidden_at(1),
        Column::new("STATE"),
        Column::new("WHAT").cut_at_end(),
    ];
    terminal.print(&table::draw(&columns, &rows, terminal.width(), terminal.painter()));
}

/// Returns whether an undo of the operation is in effect. An operation that was interrupted can be undone as well.
fn is_undone(listed: &ListedOperation, report: &Report) -> bool {
    let id = listed.operation.id.as_str();
    report.operations.iter().any(|other| other.holds && other.operation.undoes() == Some(id))
}

fn row(listed: &ListedOperation, is_undone: bool) -> Vec<TableCell> {
    let operation = &listed.operation;
    let now = here::environment().now().as_second();
    let (state, role) = match (operation.stage, listed.holds) {
        _ if is_undone => ("undone", Role::Faint),
        (Stage::Open, _) => ("open", Role::Warn),
        (Stage::Aborted, _) => ("aborted", Role::Faint),
        (Stage::Done, false) => ("undone", Role::Faint),
        (Stage::Done, true) => ("done", Role::Good),
    };
    vec![
        TableCell::new(text::one_line(&operation.id, 40)),
        TableCell::number(
            world::parse_unix_seconds(&operation.at)
                .map_or_else(|| "-".to_owned(), |at| humanize::age(now - at)),
        ),
        TableCell::new(text::one_line(operation.command(), 40)),
        TableCell::role(state, role),
        TableCell::new(format!("{}{}", text::one_line(&operation.summary, 200), Via::after(operation.via))),
    ]
}

fn print_report(terminal: &Terminal, report: &Report) {
    let Some(listed) = report.operations.first() else { return };
    let verb = if report.undo.is_some() { "is" } else { "would be" };
    for change in listed.operation.changes() {
        let branch = text::one_line(&change.branch, 200);
        terminal.print(&format!(
            "{branch} {verb} back at {} (was {})\n",
            change.old.short(),
            change.new.short()
        ));
    }
    for removal in listed.operation.removals() {
        let agent = text::one_line(&removal.agent, 100);
        let place =
            removal.worktree.as_ref().map(|path| format!(", in '{}'", text::safe(&path.to_string_lossy())));
        terminal.print(&format!("{agent} {verb} back{}\n", place.unwrap_or_default()));
    }
    for quarantined in listed.operation.quarantined() {
        terminal.print(&format!("{} {verb} back\n", text::safe(&quarantined.name)));
    }
    for agent in listed.operation.reviewed() {
        terminal.print(&format!("the verdict on {} {verb} as it was before\n", text::one_line(agent, 100)));
    }
    if let Some(id) = &report.undo {
        terminal.hint(&format!("git orchestra undo {id} reverts this undo"));
    }
}
