//! Prints the report of `undo`, or the list of operations.

use orchestra::{
    Result,
    model::text,
    ops::undo::{self, ListedOperation, Report, Stage},
    wire, world,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, here, humanize, interrupt, json,
    style::Role,
    table::{self, Text},
};

use crate::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    // Ctrl-C is caught and ignored: a change of the user's files that has begun must be completed.
    let _pressed = interrupt::flag()?;
    let report = match cli.list {
        true => undo::list(&here::repository()?)?,
        false => undo::run(&accepted::repository(terminal)?, &cli.request())?,
    };
    for warning in &report.warnings {
        terminal.warn(warning);
    }
    if cli.json {
        json::answer(terminal, wire::UNDO, &report)?;
    } else if cli.list {
        list(terminal, &report);
    } else {
        tell(terminal, &report);
    }
    Ok(Exit::Done)
}

fn list(terminal: &Terminal, report: &Report) {
    if report.operations.is_empty() {
        terminal.say("nothing to undo");
        return;
    }
    let rows = report.operations.iter().map(row).collect();
    let headings = ["OPERATION", "AGE", "COMMAND", "STATE", "WHAT"];
    terminal.answer(&table::draw(&headings, rows, terminal.width(), terminal.paint()));
}

fn row(listed: &ListedOperation) -> Vec<Text> {
    let operation = &listed.operation;
    let now = world::now().as_second();
    let (state, role) = match (operation.stage, listed.holds) {
        (Stage::Open, _) => ("open", Role::Warn),
        (Stage::Aborted, _) => ("aborted", Role::Faint),
        (Stage::Done, false) => ("undone", Role::Faint),
        (Stage::Done, true) => ("done", Role::Good),
    };
    vec![
        Text::new(text::one_line(&operation.id, 40)),
        Text::number(
            world::seconds(&operation.at).map_or_else(|| "-".to_owned(), |at| humanize::age(now - at)),
        ),
        Text::new(text::one_line(operation.command(), 40)),
        Text::role(state, role),
        Text::new(text::one_line(&operation.summary, 200)),
    ]
}

fn tell(terminal: &Terminal, report: &Report) {
    let Some(listed) = report.operations.first() else { return };
    let did = if report.undo.is_some() { "is" } else { "would be" };
    for change in listed.operation.changes() {
        let branch = text::one_line(&change.branch, 200);
        terminal.answer(&format!(
            "{branch} {did} back at {} (it was at {})\n",
            change.old.short(),
            change.new.short()
        ));
    }
    for removal in listed.operation.removals() {
        let agent = text::one_line(&removal.agent, 100);
        let place =
            removal.worktree.as_ref().map(|path| format!(", in '{}'", text::safe(&path.to_string_lossy())));
        terminal.answer(&format!("{agent} {did} back{}\n", place.unwrap_or_default()));
    }
    if let Some(id) = &report.undo {
        terminal.hint(&format!("git orchestra undo {id} reverts this undo"));
    }
}
