//! Shows and saves specs.

use std::path::Path;

use orchestra::{
    Code, Kind, Result,
    git::Repo,
    model::{text, via::Via},
    ops::spec::{
        self, SaveOutcome, SaveReport, SaveRequest, ShowRequest, SpecText,
        draft::{self, Draft},
    },
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, context, here, humanize, json,
    table::{self, Column, TableCell},
    text_file,
};

use super::{
    cli::{Cli, Text, Verb},
    edit,
};

/// The longest name of who saved a version, in columns.
const MAX_BY: usize = 30;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    match &cli.verb {
        None => list(terminal, cli.json),
        Some(Verb::List { json }) => list(terminal, *json),
        Some(Verb::Show { name, version, versions, json }) => {
            show(terminal, &ShowRequest { name: name.clone(), version: *version }, *versions, *json)
        }
        Some(Verb::New { name, text, json }) => match &text.from {
            Some(file) => from_file(terminal, Some(name), text, file, true, *json),
            None => in_editor(terminal, Some(name), text, true, *json),
        },
        Some(Verb::Edit { name, text, restore: Some(version), json }) => {
            let request = SaveRequest { name: name.clone(), restore: Some(*version), ..with_designer(text) };
            save(terminal, &here::repository()?, &request, *json)
        }
        Some(Verb::Edit { name, text, restore: None, json }) => match &text.from {
            Some(file) => from_file(terminal, name.as_ref(), text, file, false, *json),
            None => in_editor(terminal, name.as_ref(), text, false, *json),
        },
    }
}

fn with_designer(text: &Text) -> SaveRequest {
    SaveRequest { designer: text.designer.clone(), ..SaveRequest::default() }
}

fn list(terminal: &Terminal, as_json: bool) -> Result<Exit> {
    let report = spec::run(&context::uninterrupted(), &here::repository()?)?;
    if as_json {
        json::print_answer(terminal, wire::SPECS, &report)?;
        return Ok(Exit::Done);
    }
    report.unreadable.iter().for_each(|one| terminal.warn(&text::safe(one)));
    let now = here::environment().now().as_second();
    let row = |one: &spec::SpecObject| {
        vec![
            TableCell::new(&one.name),
            TableCell::number(one.version.to_string()),
            TableCell::number(humanize::age(now.saturating_sub(one.at.as_second()).max(0))),
            TableCell::new(who(one.by.as_deref(), one.via)),
            TableCell::new(&one.title),
        ]
    };
    let rows: Vec<Vec<TableCell>> = report.specs.iter().map(row).collect();
    if rows.is_empty() {
        terminal.eprintln("no specs");
        terminal.hint("git orchestra spec new NAME begins one, in your editor");
        return Ok(Exit::Done);
    }
    let columns = [
        Column::new("SPEC"),
        Column::new("VERSION"),
        Column::new("AGE").hidden_at(1),
        Column::new("BY").hidden_at(2),
        Column::new("TITLE").cut_at_end(),
    ];
    terminal.print(&table::draw(&columns, &rows, terminal.width(), terminal.painter()));
    report.specs.iter().for_each(|one| warn_beside(terminal, one));
    Ok(Exit::Done)
}

/// Says that a spec has versions that somebody has to merge.
fn warn_beside(terminal: &Terminal, spec: &spec::SpecObject) {
    let [first, ..] = spec.beside.as_slice() else { return };
    let count = text::count(spec.beside.len() as u64, "version");
    terminal.warn(&format!("'{}' has {count} beside the current one, such as version {first}", spec.name));
    terminal.hint(&format!("git orchestra spec edit {} merges them", spec.name));
}

fn show(terminal: &Terminal, request: &ShowRequest, versions: bool, as_json: bool) -> Result<Exit> {
    let shown = spec::show(&context::uninterrupted(), &here::repository()?, request)?;
    if as_json {
        json::print_answer(terminal, wire::SPEC, &shown)?;
    } else if versions {
        terminal.print(&versions_of(terminal, &shown));
        warn_beside(terminal, &shown.spec);
    } else {
        terminal.print(&printed(&shown.text));
        warn_beside(terminal, &shown.spec);
    }
    Ok(Exit::Done)
}

/// Returns the text as it is printed. The ends of its lines stay as they are, so that a file with it can be saved again.
fn printed(text: &str) -> String {
    let line = |line: &str| match line.strip_suffix("\r\n") {
        Some(words) => format!("{}\r\n", text::safe_block(words)),
        None => text::safe_block(line),
    };
    let lines: String = text.split_inclusive('\n').map(line).collect();
    if lines.ends_with('\n') { lines } else { lines + "\n" }
}

fn versions_of(terminal: &Terminal, shown: &SpecText) -> String {
    let now = here::environment().now().as_second();
    let state = |number: u64| {
        if number == shown.spec.version {
            "current"
        } else if shown.spec.beside.contains(&number) {
            "beside"
        } else {
            ""
        }
    };
    let rows: Vec<Vec<TableCell>> = shown
        .versions
        .iter()
        .map(|one| {
            vec![
                TableCell::number(one.version.to_string()),
                TableCell::number(one.base.map_or_else(|| "-".to_owned(), |base| base.to_string())),
                TableCell::number(humanize::age(now.saturating_sub(one.at.as_second()).max(0))),
                TableCell::new(state(one.version)),
                TableCell::new(who(one.by.as_deref(), one.via)),
            ]
        })
        .collect();
    let columns = [
        Column::new("VERSION"),
        Column::new("OF"),
        Column::new("AGE"),
        Column::new("STATE"),
        Column::new("BY").cut_at_end(),
    ];
    table::draw(&columns, &rows, terminal.width(), terminal.painter())
}

fn from_file(
    terminal: &Terminal,
    name: Option<&String>,
    text: &Text,
    file: &Path,
    new: bool,
    as_json: bool,
) -> Result<Exit> {
    let repo = here::repository()?;
    let read = text_file::read(file, "the spec", Code::TaskInvalid)?;
    let (base, merges) = if new { (None, Vec::new()) } else { draft::versions_of(&repo, file) };
    let request = SaveRequest { name: name.cloned(), new, text: read, base, merges, ..with_designer(text) };
    let exit = save(terminal, &repo, &request, as_json)?;
    draft::forget(&repo, file);
    Ok(exit)
}

fn in_editor(
    terminal: &Terminal,
    name: Option<&String>,
    text: &Text,
    new: bool,
    as_json: bool,
) -> Result<Exit> {
    let repo = accepted::repository(terminal)?;
    let draft = match name.filter(|_| new) {
        Some(name) => Draft::new(&repo, name)?,
        None => Draft::of(&repo, name.map(String::as_str))?,
    };
    for file in draft::interrupted(&repo, draft.name.as_str())? {
        let shown = file.to_string_lossy().into_owned();
        terminal.warn(&format!(
            "an edit of '{}' was not saved; its text is in '{}'",
            draft.name,
            text::safe(&shown)
        ));
        terminal.hint(&format!("git orchestra spec edit {} --from FILE saves it", draft.name));
    }
    let Some(request) = edit::edited(terminal, &draft)? else {
        draft.remove();
        terminal.eprintln("nothing changed");
        return Ok(Exit::Done);
    };
    let request = SaveRequest { designer: text.designer.clone(), ..request };
    let exit = save(terminal, &repo, &request, as_json).map_err(|error| edit::kept(error, &draft))?;
    draft.remove();
    Ok(exit)
}

fn save(terminal: &Terminal, repo: &Repo, request: &SaveRequest, as_json: bool) -> Result<Exit> {
    let report = spec::save(&context::uninterrupted(), repo, request)?;
    if as_json {
        json::print_answer(terminal, wire::SPEC_SAVE, &report)?;
    } else {
        tell(terminal, &report);
    }
    Ok(if report.outcome == SaveOutcome::Beside { Exit::Failed(Kind::Conflict) } else { Exit::Done })
}

fn tell(terminal: &Terminal, report: &SaveReport) {
    let (name, version) = (&report.spec.name, report.number);
    match report.outcome {
        SaveOutcome::Saved => terminal.eprintln(&format!("{name}: version {version}")),
        SaveOutcome::Merged => {
            terminal.eprintln(&format!("{name}: version {version}, merged with what was saved meanwhile"));
        }
        SaveOutcome::Unchanged => terminal.eprintln(&format!("{name}: nothing changed")),
        SaveOutcome::Beside => {
            let current = report.spec.version;
            terminal.warn(&format!(
                "somebody saved version {current} of '{name}' meanwhile, and it conflicts with your text, which is kept as version {version}"
            ));
            terminal.hint(&format!("git orchestra spec edit {name} opens both, to be merged"));
        }
    }
    if let Some(designer) = &report.told {
        terminal.eprintln(&format!("{designer} hears what changed"));
    }
}

#[cfg(test)]
mod tests {
    use super::printed;

    #[test]
    fn the_ends_of_lines_are_printed_as_they_are() {
        for (text, expected) in [
            ("one\r\ntwo\r\n", "one\r\ntwo\r\n"),
            ("one\ntwo", "one\ntwo\n"),
            ("one\r\n\r\n\ntwo\n", "one\r\n\r\n\ntwo\n"),
            ("", "\n"),
        ] {
            assert_eq!(printed(text), expected, "{text:?}");
        }
        let hostile = printed("a\u{1b}[2Jb\rc\r\n");
        assert!(!hostile.contains('\u{1b}') && hostile.matches('\r').count() == 1, "{hostile:?}");
    }
}

/// Says who saved a version, and through which window.
fn who(by: Option<&str>, via: Option<Via>) -> String {
    format!("{}{}", text::one_line(by.unwrap_or("-"), MAX_BY), Via::after(via))
}
