//! Prints the report of `tag`.

use orchestra::{
    Result,
    model::Tag,
    ops::tag::{self, TaggedAgent},
    wire,
};
use orchestra_terminal::{Exit, Terminal, context, here, json, names};

use super::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    let mut request = cli.request();
    names::meant(terminal, &repo, &mut request.agents)?;
    let report = tag::run(&context::interruptible(terminal)?, &repo, &request)?;
    if cli.json {
        json::print_answer(terminal, wire::TAG, &report)?;
    } else {
        report.agents.iter().for_each(|agent| terminal.print(&format!("{}\n", line(agent))));
    }
    Ok(Exit::Done)
}

/// Formats the tags of an agent, such as `add-tests-k3m9q: night web`.
fn line(agent: &TaggedAgent) -> String {
    let tags: Vec<&str> = agent.tags.iter().map(Tag::as_str).collect();
    let tags = if tags.is_empty() { "no tags".to_owned() } else { tags.join(" ") };
    let unchanged = if agent.changed { "" } else { " (unchanged)" };
    format!("{}: {tags}{unchanged}", agent.id)
}
