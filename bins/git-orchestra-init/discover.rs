//! `init --discover`: shows what the project's files propose, and asks before it is set.

use orchestra::{
    Code, Error, Result,
    git::Repo,
    model::{quote, text},
    ops::discover::{self, Discovered, Discovery},
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, context, json, prompt,
    table::{self, Column, TableCell},
};

/// The number of alternatives of a purpose that are shown; --json has all.
const MAX_ALTERNATIVES: usize = 2;

/// Shows the proposals, and sets them if the user agrees. With `as_json`, nobody is asked.
pub(super) fn run(terminal: &Terminal, repo: &Repo, agreed: bool, as_json: bool) -> Result<Exit> {
    let context = context::uninterrupted();
    let plan = discover::plan(&context, repo)?;
    if as_json {
        let discovery = if agreed { discover::set(&context, repo, plan)? } else { plan };
        json::print_answer(terminal, wire::DISCOVERY, &discovery)?;
        return Ok(Exit::Done);
    }
    show(terminal, &plan);
    let count = plan.to_set().count();
    if count == 0 {
        terminal.eprintln("nothing to set");
        return Ok(Exit::Done);
    }
    let keys = text::count(count as u64, "key");
    for (key, value) in plan.to_set() {
        terminal.print(&format!("{}\n", quote::command(&[&"git", &"config", &key, &value])));
    }
    let question = format!("set {keys} in the configuration of this repository?");
    if !agreed && !prompt::confirm(terminal, &question, "git orchestra init --discover --yes")? {
        return Err(Error::new(Code::Declined, "nothing was set"));
    }
    discover::set(&context, repo, plan)?;
    terminal.print(&format!("set {keys}\n"));
    Ok(Exit::Done)
}

fn show(terminal: &Terminal, plan: &Discovery) {
    let mut rows: Vec<Vec<TableCell>> = Vec::new();
    let mut before: Option<(&Discovered, usize)> = None;
    for one in &plan.proposals {
        let at = before.filter(|(last, _)| last.purpose == one.purpose).map_or(0, |(_, at)| at + 1);
        before = Some((one, at));
        if at <= MAX_ALTERNATIVES {
            let purpose = if at == 0 { one.purpose.as_str() } else { "  or" };
            let place = one.line.map_or_else(|| one.file.clone(), |line| format!("{}:{line}", one.file));
            let cells = [purpose, &text::safe(&one.value), &text::safe(&place)];
            rows.push(cells.map(TableCell::new).into());
        }
    }
    if !rows.is_empty() {
        let columns = [Column::new("FOR"), Column::new("VALUE").cut_at_end(), Column::new("FROM")];
        terminal.print(&table::draw(&columns, &rows, terminal.width(), terminal.painter()));
    }
    if !plan.key_files.is_empty() {
        terminal.print(&format!("key files: {}\n", plan.key_files.join(", ")));
    }
    for one in &plan.proposals {
        if let (Some(key), Some(kept)) = (&one.key, &one.kept) {
            terminal.eprintln(&format!("{key} keeps its value: {}", text::one_line(kept, 200)));
        }
    }
}
