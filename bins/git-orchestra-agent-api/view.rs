//! Connects the agent to the standard streams of this process.

use std::io;

use orchestra::{Result, ops::agent_api};
use orchestra_terminal::{Exit, context};

use super::cli::Cli;

pub(crate) fn run(cli: &Cli) -> Result<Exit> {
    let mut output = io::stdout().lock();
    let is_ok = agent_api::run(&context::uninterrupted(), &cli.request(), io::stdin(), &mut output)?;
    Ok(if is_ok { Exit::Done } else { Exit::No })
}
