//! Prints the sums by day, project and model.

use orchestra::{
    Result,
    model::text,
    ops::sessions::stats::{self, Sum},
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, context, json,
    table::{self, Column, TableCell},
};

use super::{cli::SessionFilter, formats, scope};

pub(crate) fn run(terminal: &Terminal, which: &SessionFilter, as_json: bool) -> Result<Exit> {
    let repo = scope::repository_for(which)?;
    let report = stats::run(&context::interruptible(terminal)?, repo.as_ref(), &which.request(0)?)?;
    formats::print_read_failures(terminal, &report.troubles, which.verbose);
    if as_json {
        json::print_answer(terminal, wire::STATS, &report)?;
        return Ok(Exit::Done);
    }
    if report.total.sessions == 0 {
        formats::print_none(terminal, which.all);
        return Ok(Exit::Done);
    }
    let groups = [("DAY", &report.days), ("PROJECT", &report.projects), ("MODEL", &report.models)];
    for (heading, sums) in groups {
        terminal.print(&draw(heading, sums, terminal));
        terminal.print("\n");
    }
    terminal.print(&draw("TOTAL", std::slice::from_ref(&report.total), terminal));
    Ok(Exit::Done)
}

fn draw(heading: &'static str, sums: &[Sum], terminal: &Terminal) -> String {
    let number =
        |number: Option<u64>| TableCell::number(number.map_or_else(|| "-".to_owned(), |n| n.to_string()));
    let row = |sum: &Sum| {
        vec![
            number(Some(sum.sessions)),
            number(Some(sum.messages)),
            number(sum.input_tokens),
            number(sum.output_tokens),
            TableCell::number(sum.cost_usd.map_or_else(|| "-".to_owned(), formats::dollars)),
            TableCell::new(
                sum.name.as_deref().map_or_else(|| "-".to_owned(), |name| text::one_line(name, 80)),
            ),
        ]
    };
    let columns = [
        Column::new("SESSIONS").hidden_at(5),
        Column::new("MESSAGES").hidden_at(1),
        Column::new("READ").hidden_at(2),
        Column::new("WRITTEN").hidden_at(3),
        Column::new("COST").hidden_at(4),
        Column::new(heading).cut_at_end(),
    ];
    let rows: Vec<Vec<TableCell>> = sums.iter().map(row).collect();
    table::draw(&columns, &rows, terminal.width(), terminal.painter())
}
