//! Prints the report of `worktrees`.

use std::{os::unix::ffi::OsStrExt, path::Path};

use orchestra::{
    Result,
    model::text,
    ops::worktrees::{self, Report, Request, WorktreeInfo},
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, agents, context, here, humanize, json, names,
    style::role_of,
    table::{self, Column, TableCell},
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
    if cli.nul {
        for entry in &report.worktrees {
            terminal.print(&format!("{}\0", entry.path));
        }
        return Ok(Exit::Done);
    }
    if report.worktrees.is_empty() {
        if report.unreadable.is_empty() {
            terminal.eprintln("no agent has a worktree here");
        }
        return Ok(Exit::Done);
    }
    let folder = terminal.width().map(|_| here::environment().directory());
    let mut rows: Vec<Vec<TableCell>> = report.worktrees.iter().map(|entry| row(entry, folder)).collect();
    let mut columns = vec![
        Column::new("AGENT").cut_in_middle(),
        Column::new("PHASE"),
        Column::new("SIZE").hidden_at(2),
        Column::new("DIRTY").hidden_at(1),
        Column::new("STATE").cut_at_end().hidden_at(3),
        Column::new("PATH").cut_at_start(),
    ];
    let ids = report.worktrees.iter().map(|entry| entry.agent.id.as_str());
    if names::number_rows(terminal, &repo, ids) {
        names::add_numbers(&mut columns, &mut rows);
    }
    terminal.print(&table::draw(&columns, &rows, terminal.width(), terminal.painter()));
    if cli.size {
        terminal.eprintln(&total(&report));
    }
    Ok(Exit::Done)
}

/// Formats the sizes of all worktrees together, such as `3 worktrees take 1.2 GiB; their files are 1.1 GiB long`.
fn total(report: &Report) -> String {
    let sum = |of: fn(&WorktreeInfo) -> Option<u64>| report.worktrees.iter().filter_map(of).sum::<u64>();
    let count = text::count(report.worktrees.len() as u64, "worktree");
    let takes = if report.worktrees.len() == 1 { "takes" } else { "take" };
    let least = if report.worktrees.iter().any(|entry| entry.is_size_partial) { "at least " } else { "" };
    let shared = match sum(|entry| entry.shared_size) {
        0 => String::new(),
        shared => format!("; {} of that belongs to files that are elsewhere, too", humanize::size(shared)),
    };
    let disk = humanize::size(sum(|entry| entry.size));
    let apparent = humanize::size(sum(|entry| entry.apparent_size));
    format!("{count} {takes} {least}{disk}; the files are {apparent} long{shared}")
}

/// Formats a worktree; its path as seen from `folder`, if there is one, and otherwise whole.
fn row(entry: &WorktreeInfo, folder: Option<&Path>) -> Vec<TableCell> {
    let path = Path::new(&entry.path);
    let seen = folder.and_then(|folder| humanize::path_from(path, folder));
    let now = here::environment().now().as_second();
    vec![
        TableCell::new(&entry.agent.id),
        TableCell::role(agents::phase(&entry.agent), role_of(entry.agent.phase, entry.agent.liveness)),
        TableCell::number(size(entry)),
        TableCell::number(agents::dirty(&entry.agent, now)),
        TableCell::new(state(entry)),
        TableCell::new(text::safe(&seen.unwrap_or_else(|| entry.path.clone()))),
    ]
}

fn size(entry: &WorktreeInfo) -> String {
    let more = if entry.is_size_partial { "+" } else { "" };
    entry.size.map_or_else(|| "-".to_owned(), |bytes| humanize::size(bytes) + more)
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
