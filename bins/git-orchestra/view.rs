//! Calls the dispatcher's own commands.

use orchestra::Result;
use orchestra_terminal::{Exit, Program, Terminal, catalog, pages::Page};

use crate::{
    cli::{self, BuiltIn, Cli},
    completions, demo, for_agents, help, lookup,
    overview::overview,
    schema, setup,
};

impl Program for Cli {
    const PAGE: Page = cli::PAGE;

    fn run(&self, terminal: &Terminal) -> Result<Exit> {
        run(self, terminal)
    }
}

fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    if cli.list {
        return Ok(list(terminal));
    }
    if cli.overview {
        return Ok(print(terminal, &overview(terminal)));
    }
    if cli.help {
        return help::show_suite(terminal);
    }
    match &cli.command {
        Some(BuiltIn::Help { for_agents: true, .. }) => Ok(print(terminal, &for_agents::page())),
        None | Some(BuiltIn::Help { command: None, .. }) => Ok(print(terminal, &overview(terminal))),
        Some(BuiltIn::Help { command: Some(name), .. }) => help::show(terminal, name),
        Some(BuiltIn::Man { command }) => help::show_page(terminal, command.as_deref()),
        Some(BuiltIn::Completions { shell }) => {
            terminal.print(&completions::script(*shell));
            Ok(Exit::Done)
        }
        Some(BuiltIn::Schema(options)) => schema::run(options, terminal),
        Some(BuiltIn::Setup(options)) => setup::run(options, terminal),
        Some(BuiltIn::Demo(options)) => demo::run(options, terminal),
    }
}

fn print(terminal: &Terminal, text: &str) -> Exit {
    terminal.print(text);
    Exit::Done
}

fn list(terminal: &Terminal) -> Exit {
    for entry in catalog::COMMANDS {
        terminal.print(&format!("{}\n", entry.name));
    }
    for name in lookup::other_commands() {
        terminal.print(&format!("{name}\n"));
    }
    Exit::Done
}
