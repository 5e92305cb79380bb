//! Prints the report of `blame`: the lines with those who wrote them, then the agents; or all about one line.

use orchestra::{
    Result,
    model::{Cost, text},
    ops::blame::{self, AgentHere, BlamedCommit, BlamedLine, LineAgent, Report, ToldBy},
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, caps, context, humanize, json, names,
    style::Role,
    table::{self, Column, TableCell},
};

use super::cli::Cli;

/// How wide a tab of the file is shown, in columns.
const TAB: &str = "    ";

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = accepted::repository(terminal)?;
    let mut request = cli.request();
    if let Some(revision) = &mut request.revision {
        names::numbered_branches(&repo, std::slice::from_mut(revision))?;
    }
    let report = blame::run(&context::reading(terminal), &repo, &request)?;
    if cli.json {
        json::print_answer(terminal, wire::BLAME, &report)?;
    } else if let (Some(_), Some(line)) = (cli.line, report.lines.first()) {
        show_line(cli, terminal, &report, line);
    } else {
        show(terminal, &report);
    }
    Ok(Exit::Done)
}

fn show(terminal: &Terminal, report: &Report) {
    if report.lines.is_empty() {
        terminal.eprintln(&format!("'{}' is empty", text::safe(&report.file)));
        return;
    }
    let (width, painter) = (terminal.width(), terminal.painter());
    let rows: Vec<Vec<TableCell>> = report.lines.iter().map(|line| row(report, line)).collect();
    let columns = [
        Column::new("LINE"),
        Column::new("COMMIT").hidden_at(1),
        Column::new("WHO").cut_in_middle(),
        Column::new("TEXT").cut_at_end(),
    ];
    terminal.print(&table::draw(&columns, &rows, width, painter));
    let rows = agent_rows(report);
    if rows.is_empty() {
        return;
    }
    let columns = [
        Column::new("AGENT").cut_in_middle(),
        Column::new("TASK").cut_at_end(),
        Column::new("PROGRAM").hidden_at(2),
        Column::new("COST").hidden_at(3),
        Column::new("VERDICT").hidden_at(4),
        Column::new("LINES").hidden_at(1),
    ];
    terminal.print(&format!("\n{}", table::draw(&columns, &rows, width, painter)));
}

fn row(report: &Report, line: &BlamedLine) -> Vec<TableCell> {
    let (who, role) = match report.commit_of(line) {
        Some(BlamedCommit { agent: Some(agent), .. }) => (agent.id.clone(), Role::Active),
        Some(commit) if commit.commit.is_some() => (text::safe(&commit.author).into_owned(), Role::Plain),
        _ => ("not committed".to_owned(), Role::Faint),
    };
    let commit = line.commit.map_or_else(|| "-".to_owned(), |commit| commit.short());
    vec![
        TableCell::number(line.number.to_string()),
        TableCell::role(commit, Role::Faint),
        TableCell::role(who, role),
        TableCell::new(text::safe(&line.text.replace('\t', TAB))),
    ]
}

/// Returns a row for each agent, those with the most lines first.
fn agent_rows(report: &Report) -> Vec<Vec<TableCell>> {
    let mut agents: Vec<(&LineAgent, u64)> = Vec::new();
    for commit in &report.commits {
        let Some(agent) = &commit.agent else { continue };
        match agents.iter_mut().find(|(known, _)| known.id == agent.id) {
            Some((_, lines)) => *lines += commit.lines,
            None => agents.push((agent, commit.lines)),
        }
    }
    agents.sort_by_key(|(_, lines)| std::cmp::Reverse(*lines));
    let row = |(agent, lines): (&LineAgent, u64)| {
        let text = |text: &Option<String>| text::safe(text.as_deref().unwrap_or("-")).into_owned();
        vec![
            TableCell::new(&agent.id),
            TableCell::new(text(&agent.task)),
            TableCell::new(text(&agent.program)),
            TableCell::number(cost(agent).unwrap_or_else(|| "-".to_owned())),
            TableCell::new(agent.verdict.map_or("-", |verdict| verdict.label())),
            TableCell::number(lines.to_string()),
        ]
    };
    agents.into_iter().map(row).collect()
}

fn cost(agent: &LineAgent) -> Option<String> {
    agent.cost_usd.map(Cost::micros).map(caps::dollars)
}

/// Prints everything that is known of a line, and the commands that show more.
fn show_line(cli: &Cli, terminal: &Terminal, report: &Report, line: &BlamedLine) {
    let Some(commit) = report.commit_of(line) else { return };
    let id = commit.commit.map(|id| id.to_string()).unwrap_or_default();
    let mut lines = vec![
        ("line", format!("{}:{}", report.file, line.number)),
        ("text", line.text.replace('\t', TAB)),
        ("commit", if id.is_empty() { "not committed".to_owned() } else { id.clone() }),
    ];
    if !id.is_empty() {
        lines.push(("summary", commit.summary.clone()));
        lines.push(("author", commit.author.clone()));
        lines.push(("written", commit.at.map(humanize::exact_time).unwrap_or_default()));
    }
    lines.extend(commit.agent.iter().flat_map(agent_lines));
    let mut text = String::new();
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        let name = terminal.painter().as_role(Role::Head, &format!("{name:<9}"));
        text.push_str(&format!("{name} {}\n", text::safe(value)));
    }
    terminal.print(&text);
    if let Some(agent) = &commit.agent {
        hints(terminal, agent);
    }
    if !id.is_empty() {
        terminal.hint_command(&[&"git", &"show", &&id[..10.min(id.len())], &"--", &cli.file]);
    }
}

fn agent_lines(agent: &LineAgent) -> Vec<(&'static str, String)> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let by = agent.verdict_by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
    let landed = agent.landed_as.map_or_else(String::new, |commit| format!("as {}", commit.short()));
    let landed = match &agent.landed_in {
        Some(branch) => format!("in {branch} {landed}"),
        None => landed,
    };
    let told = match agent.told_by {
        ToldBy::Note => "a note on the commit",
        ToldBy::Message => "the message of the commit",
        ToldBy::Branch => "the agent's branch",
    };
    let here = match agent.here {
        AgentHere::Listed => "",
        AgentHere::Archived => " (archived)",
        AgentHere::Missing => " (its log is not in this clone)",
    };
    vec![
        ("agent", format!("{}{here}", agent.id)),
        ("task", text(&agent.task)),
        ("program", text(&agent.program)),
        ("model", text(&agent.model)),
        ("cost", cost(agent).unwrap_or_default()),
        ("verdict", agent.verdict.map_or_else(String::new, |verdict| format!("{}{by}", verdict.label()))),
        ("landed", landed.trim_end().to_owned()),
        ("session", text(&agent.session)),
        ("known by", told.to_owned()),
    ]
}

/// Prints how to read the conversation in which the agent wrote the line.
fn hints(terminal: &Terminal, agent: &LineAgent) {
    match agent.here {
        AgentHere::Listed => terminal.hint_command(&[&"git", &"orchestra", &"logs", &agent.id]),
        AgentHere::Archived => terminal.hint_command(&[&"git", &"orchestra", &"status", &agent.id]),
        AgentHere::Missing => terminal.hint("git orchestra sync"),
    }
    if let Some(session) = &agent.session {
        terminal.hint_command(&[&"git", &"orchestra", &"sessions", &"show", session]);
    }
}
