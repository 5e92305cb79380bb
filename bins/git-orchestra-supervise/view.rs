//! Runs a supervisor, which prints one word when it is ready, or a helper, which prints the work that it
//! saved.

use orchestra::{
    Result,
    model::AgentId,
    ops::supervise::{self, Job, READY_WORD, Request, detach},
    wire,
};
use orchestra_terminal::{Exit, Terminal, json};

use crate::cli::{Cli, Verb};

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let id = AgentId::parse(&cli.agent)?;
    let request = match cli.verb {
        Verb::Run => Request::Run { lock: detach::leave_the_session()? },
        Verb::Prepare => Request::Help(Job::Prepare),
        Verb::Snapshot => Request::Help(Job::Snapshot),
        Verb::Take => Request::Help(Job::Take),
    };
    let taken = supervise::run(&cli.common_dir, &id, request, || {
        terminal.answer(&format!("{READY_WORD}\n"));
        detach::close_output();
    })?;
    if let Some(taken) = taken {
        json::answer(terminal, wire::TAKEN, &taken)?;
    }
    Ok(Exit::Done)
}
