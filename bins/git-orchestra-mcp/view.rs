//! Serves a client on standard input and output, or prints how to register the command.

use orchestra::{
    Result,
    ops::mcp::{self, WriteClass},
};
use orchestra_terminal::{Exit, Terminal, here};

use super::cli::{Cli, Client};

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    if let Some(client) = cli.print {
        terminal.print(&registration(client, &cli.write));
        if cli.write.is_empty() {
            terminal.hint("so it only reads; --write=spawn,send,control lets the program direct agents");
        }
        return Ok(Exit::Done);
    }
    if terminal.can_ask() {
        terminal.hint(
            "an agent program starts this and talks to it; --print PROGRAM shows how, and Ctrl-D ends it",
        );
    }
    terminal.begin_stream();
    mcp::serve(here::environment(), &cli.request(), std::io::stdin(), &mut terminal.writer())?;
    Ok(Exit::Done)
}

/// Returns what registers the command in a program: a command, or a part of its settings.
fn registration(client: Client, write: &[WriteClass]) -> String {
    let words: Vec<&str> = write.iter().map(|class| class.as_str()).collect();
    let option = (!words.is_empty()).then(|| format!("--write={}", words.join(",")));
    let command: Vec<&str> = ["git", "orchestra", "mcp"].into_iter().chain(option.as_deref()).collect();
    let quoted =
        |words: &[&str]| words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
    match client {
        Client::Claude => format!("claude mcp add orchestra -- {}\n", command.join(" ")),
        Client::Codex => format!("codex mcp add orchestra -- {}\n", command.join(" ")),
        Client::Gemini => format!(
            "in ~/.gemini/settings.json:\n{{\"mcpServers\": {{\"orchestra\": {{\"command\": \"git\", \"args\": [{}]}}}}}}\n",
            quoted(&command[1..])
        ),
        Client::Opencode => format!(
            "in ~/.config/opencode/opencode.json:\n{{\"mcp\": {{\"orchestra\": {{\"type\": \"local\", \"command\": [{}]}}}}}}\n",
            quoted(&command)
        ),
    }
}
