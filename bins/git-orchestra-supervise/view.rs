//! `supervise` shows nothing but a word: that it answers.

use orchestra::{
    Result,
    model::AgentId,
    ops::{
        spawn::READY_WORD,
        supervise::{self, Request},
    },
    supervise::{detach, helper::Job},
};
use orchestra_terminal::{Exit, Terminal};

use crate::cli::{Cli, Verb};

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let id = AgentId::parse(&cli.agent)?;
    let request = match cli.verb {
        Verb::Run => Request::Run { lock: detach::leave_the_session()? },
        Verb::Prepare => Request::Help(Job::Prepare),
        Verb::Snapshot => Request::Help(Job::Snapshot),
        Verb::Take => Request::Help(Job::Take),
    };
    supervise::run(&cli.common_dir, &id, request, || {
        terminal.answer(&format!("{READY_WORD}\n"));
        detach::close_output();
    })?;
    Ok(Exit::Done)
}
