//! Calls the dispatcher's own commands, and prints the overview.

use orchestra::Result;
use orchestra_terminal::{Exit, Program, Terminal, catalog, pages, pages::Page, style::Role};

use crate::{
    cli::{self, BuiltIn, Cli},
    completions, demo, help, lookup, schema, setup,
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
    match &cli.command {
        None => Ok(overview(terminal)),
        Some(BuiltIn::Help { command: None }) => Ok(overview(terminal)),
        Some(BuiltIn::Help { command: Some(name) }) => help::show(terminal, name),
        Some(BuiltIn::Man { command }) => {
            terminal.print(&help::page(command.as_deref())?);
            Ok(Exit::Done)
        }
        Some(BuiltIn::Completions { shell }) => {
            terminal.print(&completions::script(*shell));
            Ok(Exit::Done)
        }
        Some(BuiltIn::Schema(options)) => schema::run(options, terminal),
        Some(BuiltIn::Setup(options)) => setup::run(options, terminal),
        Some(BuiltIn::Demo(options)) => demo::run(options, terminal),
    }
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

fn overview(terminal: &Terminal) -> Exit {
    let head = |text: &str| terminal.painter().as_role(Role::Head, text);
    let mut out = format!(
        "Run coding agents side by side in git worktrees, with all state in git refs.\n\n{} git orchestra COMMAND [ARGUMENT...]\n\n{}\n",
        head("Usage:"),
        head("Commands:")
    );
    out.push_str(&pages::command_list());
    let others = lookup::other_commands();
    if !others.is_empty() {
        out.push_str(&format!("\n{}\n", head("Other commands on PATH:")));
        for name in others {
            out.push_str(&format!("  {name}\n"));
        }
    }
    out.push_str(
        "\n'git orchestra help COMMAND' describes a command.\n'git orchestra demo' shows an example.\n",
    );
    terminal.print(&out);
    Exit::Done
}
