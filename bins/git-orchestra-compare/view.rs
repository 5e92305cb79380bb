//! Prints the report of `compare`: a row for each agent, then the files with a column for each agent.

use std::collections::BTreeSet;

use orchestra::{
    Result,
    model::text,
    ops::{
        agent_object::Checked,
        compare::{self, ComparedWork, Report},
        diff::ChangedFile,
    },
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, agents, context, here, json, names,
    style::Role,
    table::{self, Column, TableCell},
};

use super::cli::Cli;

/// The most files that are listed; more are only counted.
const MAX_FILES: usize = 20;
/// The headings of the agents' columns, as many as can be compared.
const LETTERS: [&str; compare::MAX_AGENTS] = [
    "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q", "R", "S", "T", "U",
    "V", "W", "X", "Y", "Z",
];

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = accepted::repository(terminal)?;
    let mut request = cli.request();
    names::meant(terminal, &repo, &mut request.agents)?;
    if let Some(picked) = &mut request.pick {
        names::meant_one(terminal, &repo, picked)?;
    }
    let report = compare::run(&context::interruptible(terminal)?, &repo, &request)?;
    if cli.json {
        json::print_answer(terminal, wire::COMPARE, &report)?;
        return Ok(Exit::Done);
    }
    show(terminal, &report);
    told(terminal, &report);
    Ok(Exit::Done)
}

fn show(terminal: &Terminal, report: &Report) {
    let (width, painter) = (terminal.width(), terminal.painter());
    let now = here::environment().now().as_second();
    let rows: Vec<Vec<TableCell>> =
        report.agents.iter().zip(LETTERS).map(|(one, letter)| row(one, letter, now)).collect();
    let columns = [
        Column::new(""),
        Column::new("AGENT").cut_in_middle(),
        Column::new("STATE"),
        Column::new("CHECK").hidden_at(4),
        Column::new("CHANGES"),
        Column::new("COST").hidden_at(3),
        Column::new("TIME").hidden_at(1),
        Column::new("VERDICT").hidden_at(5),
        Column::new("CONFLICTS").hidden_at(2),
    ];
    terminal.print(&table::draw(&columns, &rows, width, painter));
    let files: BTreeSet<&str> =
        report.agents.iter().flat_map(|one| &one.work.files).map(|file| file.path.as_str()).collect();
    if files.is_empty() {
        return;
    }
    let rows: Vec<Vec<TableCell>> = files.iter().take(MAX_FILES).map(|file| file_row(report, file)).collect();
    let letters = LETTERS.iter().take(report.agents.len()).map(|letter| Column::new(letter));
    let columns: Vec<Column> = [Column::new("FILE").cut_at_start()].into_iter().chain(letters).collect();
    terminal.print(&format!("\n{}", table::draw(&columns, &rows, width, painter)));
    let more = files.len().saturating_sub(MAX_FILES);
    if more > 0 {
        terminal.eprintln(&format!("{} more", text::count(more as u64, "file")));
    }
}

fn row(one: &ComparedWork, letter: &str, now: i64) -> Vec<TableCell> {
    let agent = &one.work.agent;
    let (check, role) = match agent.checked {
        Checked::Unchecked => ("-", Role::Plain),
        Checked::Checked => ("passed", Role::Good),
        Checked::CheckFailed => ("failed", Role::Bad),
        Checked::FailsOnBase => ("fails on base", Role::Warn),
    };
    let verdict = match (agent.verdict, agent.verdict_current) {
        (Some(verdict), Some(false)) => format!("{} (stale)", verdict.label()),
        (Some(verdict), _) => verdict.label().to_owned(),
        (None, _) => "-".to_owned(),
    };
    vec![
        TableCell::new(letter),
        TableCell::new(agent.id.as_str()),
        TableCell::new(agent.phase.as_str()),
        TableCell::role(check, role),
        TableCell::number(changes(&one.work.files)),
        TableCell::number(agents::cost(agent)),
        TableCell::number(agents::time(agent, now)),
        TableCell::new(verdict),
        TableCell::new(conflicts(one)),
    ]
}

/// Formats the size of all changes, such as `3 files +20 -4`.
fn changes(files: &[ChangedFile]) -> String {
    if files.is_empty() {
        return "-".to_owned();
    }
    let sum = |count: fn(&ChangedFile) -> Option<u64>| files.iter().filter_map(count).sum::<u64>();
    let (added, removed) = (sum(|file| file.insertions), sum(|file| file.deletions));
    format!("{} +{added} -{removed}", text::count(files.len() as u64, "file"))
}

/// Formats the conflict with the branch that is checked out.
fn conflicts(one: &ComparedWork) -> String {
    let Some(target) = &one.work.target else { return "?".to_owned() };
    match one.work.conflicts_with.iter().find(|other| other.branch == *target) {
        Some(other) => text::count(u64::from(other.files), "file"),
        None => "none".to_owned(),
    }
}

fn file_row(report: &Report, path: &str) -> Vec<TableCell> {
    let cell = |one: &ComparedWork| {
        let Some(file) = one.work.files.iter().find(|file| file.path == path) else {
            return TableCell::number("-");
        };
        let number = |lines: Option<u64>| lines.map_or_else(|| "?".to_owned(), |lines| lines.to_string());
        TableCell::number(format!("+{} -{}", number(file.insertions), number(file.deletions)))
    };
    [TableCell::new(text::safe(path))].into_iter().chain(report.agents.iter().map(cell)).collect()
}

/// Says what the tables do not: equal work, work that cannot be compared, verdicts, and what to do next.
fn told(terminal: &Terminal, report: &Report) {
    for one in &report.agents {
        let id = &one.work.agent.id;
        if let Some(same) = &one.same_as {
            terminal.eprintln(&format!("{id} ended with the same files as {same}"));
        }
        if let Some(problem) = &one.work.problem {
            terminal.warn(&format!("'{id}': {}", text::safe(problem)));
        }
    }
    if !report.same_task {
        terminal.warn("these agents do not have the same task");
    }
    report.warnings.iter().for_each(|warning| terminal.warn(warning));
    for id in &report.without_work {
        terminal.eprintln(&format!("{id} has no work to reject"));
    }
    if let Some(picked) = &report.picked {
        let ids: Vec<&str> = report.rejected.iter().map(|id| id.as_str()).collect();
        terminal.eprintln(&format!("approved {picked}; rejected {}", or_nothing(&ids.join(", "))));
        terminal.hint_command(&[&"git", &"orchestra", &"merge-ranked", &picked.as_str()]);
        if report.operation.is_some() {
            terminal.hint("git orchestra undo withdraws these verdicts");
        }
    } else if let [one, other, ..] = report.agents.as_slice() {
        let (one, other) = (one.work.agent.id.as_str(), other.work.agent.id.as_str());
        terminal.hint_command(&[&"git", &"orchestra", &"diff", &one, &other]);
        let mut words = vec!["git", "orchestra", "compare"];
        words.extend(report.agents.iter().map(|one| one.work.agent.id.as_str()));
        terminal.hint(&format!("{} --pick AGENT", words.join(" ")));
    }
}

const fn or_nothing(text: &str) -> &str {
    if text.is_empty() { "nothing" } else { text }
}
