//! Prints the report of `worktrees`.

use std::os::unix::ffi::OsStrExt;

use orchestra::{
    Result,
    model::text,
    ops::worktrees::{self, Request, WorktreeInfo},
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, agents, context, here, humanize, json, names,
    style::role_of,
    table::{self, TableCell},
};

use super::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    if let Some(agent) = &cli.path {
        let mut agent = agent.clone();
        names::meant_one(terminal, &repo, &mut agent)?;
        let path = worktrees::path(&repo, &agent)?;
        terminal.print_bytes(path.as_os_str().as_bytes());
        terminal.print("\n");
        return Ok(Exit::Done);
    }
    let report = worktrees::run(&context::uninterrupted(), &repo, &Request { size: cli.size })?;
    if cli.json {
        json::print_answer(terminal, wire::WORKTREES, &report)?;
        return Ok(Exit::Done);
    }
    agents::warn_unreadable(terminal, &report.unreadable);
    if report.worktrees.is_empty() {
        if report.unreadable.is_empty() {
            terminal.eprintln("no agent has a worktree here");
        }
        return Ok(Exit::Done);
    }
    let mut rows: Vec<_> = report.worktrees.iter().map(row).collect();
    let mut headings = vec!["AGENT", "PHASE", "SIZE", "DIRTY", "STATE", "PATH"];
    let ids = report.worktrees.iter().map(|entry| entry.agent.id.as_str());
    if names::number_rows(terminal, &repo, ids) {
        headings.insert(0, "#");
        rows.iter_mut().enumerate().for_each(|(at, row)| row.insert(0, table::row_number(at)));
    }
    terminal.print(&table::draw(&headings, rows, None, terminal.painter()));
    Ok(Exit::Done)
}

fn row(entry: &WorktreeInfo) -> Vec<TableCell> {
    let now = here::environment().now().as_second();
    vec![
        TableCell::new(&entry.agent.id),
        TableCell::role(agents::phase(&entry.agent), role_of(entry.agent.phase, entry.agent.liveness)),
        TableCell::number(entry.size.map_or_else(|| "-".to_owned(), humanize::size)),
        TableCell::number(agents::dirty(&entry.agent, now)),
        TableCell::new(state(entry)),
        TableCell::new(text::safe(&entry.path)),
    ]
}

/// Formats the state of a worktree. Uncommitted changes are not measured after an agent has ended, but the
/// files that were left out of its work are known.
fn state(entry: &WorktreeInfo) -> String {
    let place = entry.agent.worktree_state.and_then(agents::worktree_state).map(str::to_owned);
    let work = match (&entry.operation, &entry.locked) {
        (Some(operation), _) => Some(format!("{operation} in progress")),
        (None, Some(reason)) => Some(format!("locked: {}", text::one_line(reason, 40))),
        (None, None) => None,
    };
    let left = (entry.agent.left_out > 0).then(|| format!("{} left out", entry.agent.left_out));
    let parts: Vec<String> = [place, work, left].into_iter().flatten().collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join("; ") }
}
