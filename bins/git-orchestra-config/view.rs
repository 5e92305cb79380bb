//! Prints the settings, and what a change of one did.

use orchestra::{
    Code, Result,
    config::short_name,
    git::Repo,
    model::{quote, text},
    ops::config::{self, Change, Report, Request, SettingObject, ValueObject},
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, context, here, json,
    style::Role,
    table::{self, Column, TableCell},
};

use super::{
    approve,
    cli::{Cli, List, Verb},
    import,
};

/// The number of unknown keys that are named; more are only counted.
const MAX_NAMED: usize = 20;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = match here::repository() {
        Err(error) if error.code == Code::NotARepository => None,
        found => Some(found?),
    };
    let (repo, context) = (repo.as_ref(), context::uninterrupted());
    match &cli.verb {
        None => list(terminal, repo, &cli.list),
        Some(Verb::List(options)) => list(terminal, repo, options),
        Some(Verb::Get { key, json }) => get(terminal, repo, key, *json),
        Some(Verb::Set { key, value, add, global, json }) => {
            let change = config::set(&context, repo, &Verb::set_request(key, value, *add, *global))?;
            show_change(terminal, &change, *json)
        }
        Some(Verb::Approve { hash, json }) => {
            let Some(repo) = repo else {
                return Err(here::repository().err().unwrap_or_else(config::no_file));
            };
            approve::approve(terminal, repo, hash.as_deref(), *json)
        }
        Some(Verb::Decline { hash, json }) => {
            let Some(repo) = repo else {
                return Err(here::repository().err().unwrap_or_else(config::no_file));
            };
            approve::decline(terminal, repo, hash.as_deref(), *json)
        }
        Some(Verb::Import { file, yes, json }) => {
            let Some(repo) = repo else {
                return Err(here::repository().err().unwrap_or_else(config::no_file));
            };
            import::import(terminal, repo, &Verb::import_request(file.as_deref()), *yes, *json)
        }
        Some(Verb::Unset { key, value, global, json }) => {
            let change = config::unset(&context, repo, &Verb::unset_request(key, value.as_ref(), *global))?;
            show_change(terminal, &change, *json)
        }
    }
}

fn list(terminal: &Terminal, repo: Option<&Repo>, options: &List) -> Result<Exit> {
    let report = config::run(&context::uninterrupted(), repo, &options.request())?;
    if options.json {
        json::print_answer(terminal, wire::CONFIG, &report)?;
        return Ok(Exit::Done);
    }
    warn(terminal, &report);
    if report.settings.is_empty() {
        terminal.eprintln("no key is set: every default applies");
        terminal.hint("git orchestra config list --all");
        return Ok(Exit::Done);
    }
    let width = terminal.width();
    let rows = report.settings.iter().flat_map(|one| rows(one, options.show_origin));
    let columns = [
        Column::new("KEY"),
        Column::new("VALUE").cut_at_end(),
        Column::new("ORIGIN"),
        Column::new("PURPOSE").hidden_at(1).cut_at_end(),
    ];
    terminal.print(&table::draw(&columns, &rows.collect::<Vec<_>>(), width, terminal.painter()));
    Ok(Exit::Done)
}

/// Returns the rows of a setting: one for each value, or one with its default.
fn rows(setting: &SettingObject, with_file: bool) -> Vec<Vec<TableCell>> {
    let name = short_name(&setting.key);
    let purpose = setting.purpose.split([';', ':']).next().unwrap_or_default();
    let row = |value: &str, origin: String, role: Role, purpose: &str| {
        vec![
            TableCell::new(text::safe(name)),
            TableCell::role(text::one_line(value, usize::MAX), role),
            TableCell::role(origin, Role::Faint),
            TableCell::role(text::safe(purpose), Role::Faint),
        ]
    };
    if setting.values.is_empty() {
        let default = setting.default.as_deref().unwrap_or("-");
        return vec![row(default, "default".to_owned(), Role::Faint, purpose)];
    }
    let of_value = |(at, one): (usize, &ValueObject)| {
        let role = if one.problem.is_some() { Role::Bad } else { Role::Plain };
        row(&one.value, origin(one, with_file), role, if at == 0 { purpose } else { "" })
    };
    setting.values.iter().enumerate().map(of_value).collect()
}

fn origin(value: &ValueObject, with_file: bool) -> String {
    match value.file.as_deref().filter(|_| with_file) {
        Some(file) => format!("{} {}", value.scope.shown(), shown_path(file)),
        None => value.scope.shown().to_owned(),
    }
}

/// Shortens a path by the home folder and the current one.
fn shown_path(path: &str) -> String {
    let here = here::environment().directory().to_string_lossy();
    let home = here::environment().home().map(|home| home.to_string_lossy().into_owned());
    let below = |folder: &str| Some(path.strip_prefix(folder)?.strip_prefix('/')?.to_owned());
    let short = below(&here).or_else(|| Some(format!("~/{}", below(home.as_deref()?)?)));
    text::safe(&short.unwrap_or_else(|| path.to_owned())).into_owned()
}

/// Warns of names that are unknown and of values that cannot be used.
fn warn(terminal: &Terminal, report: &Report) {
    for one in report.unknown.iter().take(MAX_NAMED) {
        let place = one.file.as_deref().map_or_else(|| "the environment".to_owned(), shown_path);
        let near = one.nearest.as_ref().map(|name| format!("; did you mean '{}'?", text::safe(name)));
        let name = text::one_line(&one.key, 100);
        terminal.warn(&format!("{place} sets the unknown key '{name}'{}", near.unwrap_or_default()));
    }
    if report.unknown.len() > MAX_NAMED {
        terminal.warn(&format!("{} more unknown keys", report.unknown.len() - MAX_NAMED));
    }
    for name in &report.forbidden {
        let name = text::one_line(name, 100);
        terminal.warn(&format!(".gitorchestra sets '{name}', which only your own configuration can set"));
    }
    if let Some(problem) = &report.team_problem {
        terminal.warn(&text::safe(problem));
    }
    if !report.proposed.is_empty() {
        let declined = if report.declined { ", which you declined" } else { "" };
        let keys = report.proposed.join(" and ");
        terminal.warn(&format!(".gitorchestra proposes {}{declined}", text::safe(&keys)));
        terminal.hint("git orchestra config approve shows the file and asks");
    }
    for one in report.settings.iter().flat_map(|setting| &setting.values) {
        if let Some(problem) = &one.problem {
            let place = one.file.as_deref().map_or_else(|| "the environment".to_owned(), shown_path);
            terminal.warn(&format!("{place}: {problem}"));
        }
    }
}

fn get(terminal: &Terminal, repo: Option<&Repo>, key: &str, as_json: bool) -> Result<Exit> {
    let request = Request { key: Some(key.to_owned()), all: false };
    let report = config::run(&context::uninterrupted(), repo, &request)?;
    if as_json {
        json::print_answer(terminal, wire::CONFIG, &report)?;
    } else {
        warn(terminal, &report);
    }
    let Some(setting) = report.settings.first() else { return Ok(Exit::No) };
    let values: Vec<&str> = match &setting.value {
        Some(value) => vec![value],
        None => setting.values.iter().map(|one| one.value.as_str()).collect(),
    };
    if !as_json {
        for value in &values {
            terminal.print(&format!("{}\n", text::safe(value)));
        }
        if setting.values.iter().any(|one| one.hidden) {
            terminal.warn("what looks like a secret in the value is not shown");
            terminal.hint_command(&[&"git", &"config", &"--get-all", &setting.key]);
        }
    }
    Ok(if values.is_empty() { Exit::No } else { Exit::Done })
}

/// Prints what a change did. The answer is no if nothing was there to remove.
fn show_change(terminal: &Terminal, change: &Change, as_json: bool) -> Result<Exit> {
    let is_done = !change.after.is_empty() || change.before != change.after;
    let exit = if is_done { Exit::Done } else { Exit::No };
    if as_json {
        json::print_answer(terminal, wire::CONFIG_CHANGE, change)?;
        return Ok(exit);
    }
    for warning in &change.warnings {
        terminal.warn(warning);
    }
    let (key, scope) = (text::safe(&change.setting.key), change.scope);
    if is_done {
        let values = |values: &[String]| match values {
            [] => "not set".to_owned(),
            values => {
                values.iter().map(|one| text::one_line(&quote::word(one), 200)).collect::<Vec<_>>().join(", ")
            }
        };
        let (before, after) = (values(&change.before), values(&change.after));
        terminal.print(&format!("{key} ({scope}): {before} → {after}\n"));
    } else {
        terminal.eprintln(&format!("{key} is not set in the {scope} configuration"));
    }
    if change.after.is_empty() {
        say_what_applies(terminal, &change.setting);
    }
    Ok(exit)
}

/// Says what applies after a key was removed.
fn say_what_applies(terminal: &Terminal, setting: &SettingObject) {
    let applies = match (setting.values.last(), &setting.default) {
        (Some(value), _) => format!("{} (from {})", text::one_line(&value.value, 200), origin(value, true)),
        (None, Some(default)) => format!("{default} (the default)"),
        (None, None) => return,
    };
    terminal.eprintln(&format!("it is now {applies}"));
}
