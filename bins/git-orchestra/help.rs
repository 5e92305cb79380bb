//! Shows man pages and long help of every command of the suite.

use std::{ffi::OsStr, fmt::Write as _, io::IsTerminal};

use clap::CommandFactory;
use orchestra::{Code, Error, Kind, Result, error::ErrorContext, process};
use orchestra_terminal::{Exit, Terminal, concepts::CONCEPTS, here, pager::Pager, pages, run, style::Role};

use crate::{
    cli::{self, Cli},
    commands::{self, PREFIX},
    guides::{self, Guide},
    lookup,
    overview::overview,
};

/// Shows the man page of a command if this is a terminal and `man` finds it; else the command's long help. The name can also be that of
/// a page that belongs to no command.
pub(crate) fn show(terminal: &Terminal, name: &str) -> Result<Exit> {
    if let Some(guide) = guides::find(name) {
        return Ok(show_guide(terminal, guide));
    }
    let topic = format!("{PREFIX}{name}");
    if show_installed_page(&topic) {
        return Ok(Exit::Done);
    }
    if let Some(command) = built_in(name) {
        let mut command = pages::complete_help(command, &pages::Page::default());
        Pager::start(terminal).show(&command.render_long_help().to_string());
        return Ok(Exit::Done);
    }
    if let Some(command) = commands::find(name) {
        let help = (command.definition)().render_long_help();
        Pager::start(terminal).show(&help.to_string());
        return Ok(Exit::Done);
    }
    let program = lookup::on_path(name).ok_or_else(|| lookup::unknown_command(name))?;
    let status = process::status(process::sibling_command(&program).arg("--help")).map_err(|e| {
        Error::new(Code::ProgramFailed, format!("cannot run '{}'", program.display())).because(e)
    })?;
    Ok(if status.success() { Exit::Done } else { Exit::No })
}

fn show_guide(terminal: &Terminal, guide: &Guide) -> Exit {
    if !show_installed_page(guide.page) {
        Pager::start(terminal).show(&guide.plain());
    }
    Exit::Done
}

/// Shows the man page of the suite if this is a terminal and `man` finds it; else the commands, the concepts and the examples.
pub(crate) fn show_suite(terminal: &Terminal) -> Result<Exit> {
    if !show_installed_page("git-orchestra") {
        Pager::start(terminal).show(&suite_help(terminal));
    }
    Ok(Exit::Done)
}

fn suite_help(terminal: &Terminal) -> String {
    let head = |text: &str| terminal.painter().as_role(Role::Head, text);
    let mut out = overview(terminal);
    let _ = write!(out, "\n{}\n", head("Concepts"));
    for (word, meaning) in CONCEPTS {
        let _ = writeln!(out, "  {word:12}  {meaning}");
    }
    let _ = write!(out, "\n{}\n", head("Examples"));
    for (typed, does) in cli::PAGE.examples {
        let _ = writeln!(out, "  {does}:\n      {typed}");
    }
    out
}

/// Lets `man` show an installed page, on a terminal only. Returns whether it did.
fn show_installed_page(topic: &str) -> bool {
    std::io::stdout().is_terminal() && has_man_page(topic) && man_shows(topic.as_ref())
}

fn man_shows(topic: &OsStr) -> bool {
    process::status(process::command(here::environment(), "man").arg(topic))
        .is_ok_and(|status| status.success())
}

/// Shows the man page of a command: on a terminal as `man` formats it, installed or not; elsewhere as roff.
pub(crate) fn show_page(terminal: &Terminal, name: Option<&str>) -> Result<Exit> {
    let text = page(name)?;
    if !std::io::stdout().is_terminal() {
        terminal.print(&text);
        return Ok(Exit::Done);
    }
    let folder =
        tempfile::tempdir().context(Kind::External, || "cannot make a temporary directory".to_owned())?;
    let file = folder.path().join(match (name, name.and_then(guides::find)) {
        (_, Some(guide)) => guide.file(),
        (Some(name), None) => format!("{PREFIX}{name}.1"),
        (None, None) => "git-orchestra.1".to_owned(),
    });
    let written = std::fs::write(&file, text);
    written.context(Kind::External, || format!("cannot write '{}'", file.display()))?;
    match (man_shows(file.as_os_str()), name) {
        (true, _) => Ok(Exit::Done),
        // There is no `man`.
        (false, Some(name)) => show(terminal, name),
        (false, None) => show_suite(terminal),
    }
}

fn has_man_page(topic: &str) -> bool {
    let asked = process::output(
        process::command(here::environment(), "man").args(["-w", topic]).stdin(std::process::Stdio::null()),
    );
    asked.is_ok_and(|output| output.status.success())
}

/// Returns the definition of a command that the dispatcher implements, with its full name.
fn built_in(name: &str) -> Option<clap::Command> {
    let all = Cli::command();
    let found = all.get_subcommands().find(|command| command.get_name() == name)?;
    Some(found.clone().name(format!("{PREFIX}{name}")))
}

/// Returns a man page of the suite.
pub(crate) fn page(name: Option<&str>) -> Result<String> {
    let Some(name) = name else { return Ok(run::man_page::<Cli>()) };
    if let Some(guide) = guides::find(name) {
        return Ok(guide.roff());
    }
    if let Some(command) = built_in(name) {
        let page = pages::Page::default();
        return Ok(pages::man(pages::complete_help(command, &page), &page));
    }
    let command = commands::find(name).ok_or_else(|| lookup::unknown_command(name))?;
    Ok((command.man_page)())
}
