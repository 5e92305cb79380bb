//! `config import`: shows what the file of another orchestrator would set, and asks.

use orchestra::{
    Code, Error, Result,
    git::Repo,
    model::{quote, text},
    ops::config::{self, Import, ImportRequest},
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, context, json, prompt,
    table::{self, Column, TableCell},
};

/// Shows what the file sets, and sets it if the user agrees. With `as_json`, nobody is asked.
pub(super) fn import(
    terminal: &Terminal,
    repo: &Repo,
    request: &ImportRequest,
    agreed: bool,
    as_json: bool,
) -> Result<Exit> {
    let context = context::uninterrupted();
    let plan = config::plan_import(&context, repo, request)?;
    if as_json {
        let import = if agreed { config::import(&context, repo, plan)? } else { plan };
        json::print_answer(terminal, wire::CONFIG_IMPORT, &import)?;
        return Ok(Exit::Done);
    }
    show(terminal, &plan);
    if plan.settings.is_empty() {
        terminal.eprintln("nothing to set");
        return Ok(Exit::Done);
    }
    let count = text::count(plan.settings.len() as u64, "key");
    let question = format!("set {count} in the configuration of this repository?");
    if !agreed && !prompt::confirm(terminal, &question, "git orchestra config import --yes")? {
        return Err(Error::new(Code::Declined, "nothing was set"));
    }
    config::import(&context, repo, plan)?;
    terminal.print(&format!("set {count}\n"));
    Ok(Exit::Done)
}

fn show(terminal: &Terminal, plan: &Import) {
    let row = |one: &config::ImportedSetting| {
        let shown = |values: &[String]| {
            let words: Vec<String> = values.iter().map(quote::word).collect();
            text::one_line(&words.join(" "), usize::MAX)
        };
        let before = if one.before.is_empty() { "-".to_owned() } else { shown(&one.before) };
        vec![
            TableCell::new(text::safe(&one.key)),
            TableCell::new(shown(&one.values)),
            TableCell::new(before),
            TableCell::new(&one.field),
        ]
    };
    let rows: Vec<Vec<TableCell>> = plan.settings.iter().map(row).collect();
    if !rows.is_empty() {
        let columns = [
            Column::new("KEY"),
            Column::new("VALUE").cut_at_end(),
            Column::new("NOW").cut_at_end(),
            Column::new("FIELD").hidden_at(1),
        ];
        terminal.print(&table::draw(&columns, &rows, terminal.width(), terminal.painter()));
    }
    for left in &plan.left_out {
        terminal.eprintln(&format!("left out: {}: {}", left.field, text::safe(&left.why)));
    }
}
