//! Prints the report of `cleanup`.

use orchestra::{
    Result,
    config::keys::UNDO_EXPIRE,
    git::Repo,
    ops::cleanup::{self, CleanedAgent, CleanupOutcome, Report},
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, agents, context, here, humanize, json, names,
    style::Role,
    table::{self, Column, TableCell},
};

use super::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    if cli.empty_trash {
        cleanup::empty_trash(&repo)?;
        return Ok(Exit::Done);
    }
    if cli.remove_builds {
        cleanup::remove_builds(&context::uninterrupted(), &repo)?;
        return Ok(Exit::Done);
    }
    let repo = accepted::accept(terminal, repo)?;
    let mut request = cli.request();
    names::meant(terminal, &repo, &mut request.agents)?;
    names::meant(terminal, &repo, &mut request.discard)?;
    let report = cleanup::run(&context::interruptible(terminal)?, &repo, &request)?;
    for warning in &report.warnings {
        terminal.warn(warning);
    }
    if cli.json {
        json::print_answer(terminal, wire::CLEANUP, &report)?;
    } else {
        // Asking about some agents leaves the numbers as they are.
        let repo = Some(&*repo).filter(|_| cli.agents.is_empty() && cli.discard.is_empty());
        print_report(terminal, repo, &report);
    }
    if let Some(failure) = report.failure() {
        return Err(failure);
    }
    // An agent that was named and is kept makes the answer no; without names, keeping agents is normal.
    let named = !cli.agents.is_empty() || !cli.discard.is_empty();
    let kept = report.agents.iter().any(|entry| entry.outcome == CleanupOutcome::Kept);
    Ok(if named && kept { Exit::No } else { Exit::Done })
}

/// Prints the report, with numbers that later commands accept if all agents of `repo` are meant.
fn print_report(terminal: &Terminal, repo: Option<&Repo>, report: &Report) {
    agents::warn_unreadable(terminal, &report.unreadable);
    if report.agents.is_empty() {
        if report.unreadable.is_empty() {
            terminal.eprintln("no agents");
        }
        return;
    }
    let mut rows: Vec<Vec<TableCell>> = report.agents.iter().map(row).collect();
    let mut columns = vec![
        Column::new("AGENT").cut_in_middle(),
        Column::new("OUTCOME"),
        Column::new("SIZE").hidden_at(1),
        Column::new("WHY").wrapped(),
    ];
    let ids = report.agents.iter().map(|entry| entry.agent.id.as_str());
    if repo.is_some_and(|repo| names::number_rows(terminal, repo, ids)) {
        names::add_numbers(&mut columns, &mut rows);
    }
    terminal.print(&table::draw(&columns, &rows, terminal.width(), terminal.painter()));
    let removed = report.agents.iter().filter(|entry| entry.outcome == CleanupOutcome::Removed).count();
    if let Some(operation) = &report.operation {
        let agents = agents::count(removed);
        let size = humanize::size(report.bytes);
        terminal.print(&format!("removed {agents}; freeing {size} in the background\n"));
        terminal.hint(&format!("git orchestra undo {operation} restores everything"));
    } else if let Some(entry) = report.agents.iter().find(|entry| !entry.hints.is_empty()) {
        entry.hints.iter().for_each(|hint| terminal.hint(hint));
    }
    if report.forgotten > 0 {
        let key = UNDO_EXPIRE.name();
        terminal.eprintln(&format!(
            "deleted {} older operations, which can no longer be undone ({key})",
            report.forgotten
        ));
    }
}

fn row(entry: &CleanedAgent) -> Vec<TableCell> {
    let outcome = match entry.outcome {
        CleanupOutcome::Removed => TableCell::role("removed", Role::Good),
        CleanupOutcome::Planned => TableCell::role("would be removed", Role::Good),
        CleanupOutcome::Kept => TableCell::role("kept", Role::Faint),
    };
    vec![
        TableCell::new(&entry.agent.id),
        outcome,
        TableCell::number(entry.bytes.map_or_else(|| "-".to_owned(), humanize::size)),
        TableCell::new(&entry.why),
    ]
}
