//! Prints the points of an agent, or what a rewind did.

use orchestra::{
    Result,
    model::text,
    ops::rewind::{self, ListedPoint, Rewound},
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, chosen, context, humanize, json,
    table::{self, Column, TableCell},
};

use super::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = accepted::repository(terminal)?;
    let agent = chosen::agent(terminal, &repo, cli.agent.as_ref(), "git orchestra rewind AGENT")?;
    let report = rewind::run(&context::interruptible(terminal)?, &repo, &cli.request(agent))?;
    if cli.json {
        json::print_answer(terminal, wire::REWIND, &report)?;
        return Ok(Exit::Done);
    }
    match &report.rewound {
        Some(rewound) => print_rewound(terminal, report.agent.as_str(), rewound),
        None if report.points.is_empty() => {
            terminal.eprintln(&format!("{} has no points yet: its files have not changed", report.agent));
        }
        None => terminal.print(&list(terminal, &report.points)),
    }
    Ok(Exit::Done)
}

fn print_rewound(terminal: &Terminal, id: &str, rewound: &Rewound) {
    let Rewound { to, session, had_session, profile, .. } = rewound;
    terminal.print(&format!("{id} is at point {to} again, and paused\n"));
    if session.is_some() {
        terminal.hint(&format!("git orchestra resume {id} continues its conversation from there"));
    } else if !had_session {
        terminal.hint(&format!("git orchestra resume {id} starts it again from there"));
    } else {
        let profile = text::safe(profile);
        terminal.eprintln(&format!("{id} begins a new conversation: this one cannot be cut there"));
        terminal.hint(&format!(
            "git orchestra resume {id} --agent {profile} gives it the task and a report on the work so far"
        ));
    }
    terminal.hint("git orchestra undo restores how it was");
}

fn list(terminal: &Terminal, points: &[ListedPoint]) -> String {
    let row = |point: &ListedPoint| {
        vec![
            TableCell::new(point.number.to_string()),
            TableCell::new(humanize::clock_time(point.at)),
            TableCell::new(point.kind.as_str()),
            TableCell::new(point.files_changed.map_or_else(|| "-".to_owned(), |files| files.to_string())),
            TableCell::new(text::safe(point.about.as_deref().unwrap_or_default())),
        ]
    };
    let columns = [
        Column::new("#"),
        Column::new("WHEN"),
        Column::new("POINT"),
        Column::new("FILES"),
        Column::new("ABOUT").cut_at_end(),
    ];
    let rows: Vec<Vec<TableCell>> = points.iter().map(row).collect();
    table::draw(&columns, &rows, terminal.width(), terminal.painter())
}
