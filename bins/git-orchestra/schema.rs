//! Prints the JSON Schemas of answers and requests.

use std::slice;

use orchestra::{
    Error, Result,
    model::{nearest::nearest, text},
    wire::{self, MessageType, Schemas},
};
use orchestra_terminal::{
    Exit, Terminal, json, table,
    table::{Column, TableCell},
};

use crate::cli::Schema;

pub(crate) fn run(options: &Schema, terminal: &Terminal) -> Result<Exit> {
    let all = if options.request { wire::REQUESTS } else { wire::KINDS };
    let one = options.kind.as_ref().map(|name| find(name, all, options.request)).transpose()?;
    match one {
        _ if options.json => json::print_answer(terminal, wire::SCHEMA, &report(one, options.request))?,
        Some(one) => print(terminal, one)?,
        None => list(terminal, all),
    }
    Ok(Exit::Done)
}

/// Returns the schema that was named, else those of all requests, else all schemas.
fn report(one: Option<&MessageType>, is_request: bool) -> Schemas {
    match (one.map(slice::from_ref), is_request) {
        (Some(one), false) => Schemas::of(one, &[]),
        (Some(one), true) => Schemas::of(&[], one),
        (None, false) => Schemas::of(wire::KINDS, wire::REQUESTS),
        (None, true) => Schemas::of(&[], wire::REQUESTS),
    }
}

fn print(terminal: &Terminal, one: &MessageType) -> Result<()> {
    let schema = serde_json::to_string_pretty(&one.schema());
    let schema = schema.map_err(|error| Error::internal("cannot write JSON").because(error))?;
    terminal.print(&format!("{schema}\n"));
    Ok(())
}

fn list(terminal: &Terminal, all: &[MessageType]) {
    let rows: Vec<Vec<TableCell>> =
        all.iter().map(|one| vec![TableCell::new(one.name), TableCell::new(one.about())]).collect();
    let columns = [Column::new("KIND"), Column::new("DESCRIPTION").wrapped()];
    terminal.print(&table::draw(&columns, &rows, terminal.width(), terminal.painter()));
}

fn find<'a>(name: &str, all: &'a [MessageType], is_request: bool) -> Result<&'a MessageType> {
    all.iter().find(|one| one.name == name).ok_or_else(|| {
        let what = if is_request { "request" } else { "kind of answer" };
        let error = Error::usage(format!("there is no {what} '{}'", text::safe(name)));
        let option = if is_request { " --request" } else { "" };
        let error = match nearest(name, all.iter().map(|one| one.name.to_owned()).collect()) {
            Some(nearest) => error.hint(format!("did you mean 'git orchestra schema{option} {nearest}'?")),
            None => error,
        };
        error.hint(format!("'git orchestra schema{option}' lists all"))
    })
}
