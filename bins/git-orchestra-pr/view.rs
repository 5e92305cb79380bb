//! Prints the report of `pr`.

use orchestra::{
    Result,
    model::text::safe,
    ops::pr::{self, ForgeChecks, PullRequestRow, PullRequestStep, Report},
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, context, json, names,
    table::{self, Column, TableCell},
};

use super::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = accepted::repository(terminal)?;
    let mut request = cli.request();
    names::meant(terminal, &repo, &mut request.agents)?;
    let report = pr::run(&context::interruptible(terminal)?, &repo, &request)?;
    if cli.json {
        json::print_answer(terminal, wire::PR, &report)?;
    } else if request.agents.is_empty() {
        print_list(terminal, &report);
    } else {
        report
            .pull_requests
            .iter()
            .for_each(|row| terminal.print(&format!("{}\n", line(row, report.dry_run))));
    }
    Ok(Exit::Done)
}

fn print_list(terminal: &Terminal, report: &Report) {
    if report.pull_requests.is_empty() {
        terminal.eprintln(&format!(
            "{} on {} has no open pull request",
            safe(&report.repo),
            safe(&report.host)
        ));
        return;
    }
    let columns = [
        Column::new("NUMBER"),
        Column::new("AGENT").cut_in_middle().hidden_at(1),
        Column::new("STATE").cut_at_end(),
        Column::new("INTO").cut_at_end().hidden_at(3),
        Column::new("AUTHOR").cut_at_end().hidden_at(2),
        Column::new("TITLE").cut_at_end(),
    ];
    let rows: Vec<Vec<TableCell>> = report.pull_requests.iter().filter_map(listed).collect();
    terminal.print(&table::draw(&columns, &rows, terminal.width(), terminal.painter()));
}

fn listed(row: &PullRequestRow) -> Option<Vec<TableCell>> {
    let one = row.pull_request.as_ref()?;
    let draft = if one.draft { "draft: " } else { "" };
    let agent = row.agent.as_ref().map(ToString::to_string);
    Some(vec![
        TableCell::number(one.number.to_string()),
        TableCell::new(agent.unwrap_or_else(|| "-".to_owned())),
        TableCell::new(if row.head_moved { "pushed to" } else { one.state.as_str() }),
        TableCell::new(safe(&one.base)),
        TableCell::new(safe(&one.author)),
        TableCell::new(format!("{draft}{}", safe(&one.title))),
    ])
}

/// Formats what was done, such as `add-tests-k3m9q: opened 12 https://github.com/team/app/pull/12`.
fn line(row: &PullRequestRow, is_dry_run: bool) -> String {
    let agent = row.agent.as_ref().map(ToString::to_string).unwrap_or_default();
    let done = match (row.done, is_dry_run) {
        (PullRequestStep::Opened, false) => "opened",
        (PullRequestStep::Opened, true) => "would be opened",
        (PullRequestStep::Updated, false) => "pushed to",
        (PullRequestStep::Updated, true) => "would be pushed to",
        (PullRequestStep::Merged, false) => "merged",
        (PullRequestStep::Merged, true) => "would merge",
        (PullRequestStep::Closed, false) => "closed",
        (PullRequestStep::Closed, true) => "would close",
        (PullRequestStep::Unchanged, _) => "unchanged",
        (PullRequestStep::Listed, _) => "open",
    };
    let which = row
        .pull_request
        .as_ref()
        .map(|one| format!(" {} {}", one.number, safe(&one.url)))
        .unwrap_or_default();
    let checks = match row.checks {
        Some(ForgeChecks::Failed) => " (checks failed)",
        Some(ForgeChecks::Running) => " (checks running)",
        Some(ForgeChecks::Passed) => " (checks passed)",
        Some(ForgeChecks::None) | None => "",
    };
    format!("{agent}: {done}{which}{checks}")
}
