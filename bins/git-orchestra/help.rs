//! Shows man pages and long help of every command of the suite.

use std::io::IsTerminal;

use clap::CommandFactory;
use orchestra::{Code, Error, Result, process};
use orchestra_terminal::{CommandLine, Exit, Terminal, here, pages, run};

use crate::{
    cli::Cli,
    commands::{self, PREFIX},
    lookup,
};

/// Shows the man page if this is a terminal and `man` finds it; else the command's long help.
pub(crate) fn show(terminal: &Terminal, name: &str) -> Result<Exit> {
    let topic = format!("{PREFIX}{name}");
    if std::io::stdout().is_terminal() && has_man_page(&topic) {
        let status = process::status(process::command(here::environment(), "man").arg(&topic));
        if status.is_ok_and(|status| status.success()) {
            return Ok(Exit::Done);
        }
    }
    if let Some(command) = built_in(name) {
        let mut command = pages::complete_help(command, &pages::Page::default());
        terminal.print(&command.render_long_help().to_string());
        return Ok(Exit::Done);
    }
    if let Some(command) = commands::find(name) {
        (command.run)(&CommandLine { program: topic, arguments: vec!["--help".into()] });
        return Ok(Exit::Done);
    }
    let program = lookup::on_path(name).ok_or_else(|| lookup::unknown_command(name))?;
    let status = process::status(process::sibling_command(&program).arg("--help")).map_err(|e| {
        Error::new(Code::ProgramFailed, format!("cannot run '{}'", program.display())).because(e)
    })?;
    Ok(if status.success() { Exit::Done } else { Exit::No })
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

/// Returns the man page of a command of the suite.
pub(crate) fn page(name: Option<&str>) -> Result<String> {
    let Some(name) = name else { return Ok(run::man_page::<Cli>()) };
    if let Some(command) = built_in(name) {
        let page = pages::Page { configuration: false, ..pages::Page::default() };
        return Ok(pages::man(pages::complete_help(command, &page), &page));
    }
    let command = commands::find(name).ok_or_else(|| lookup::unknown_command(name))?;
    Ok((command.man_page)())
}
