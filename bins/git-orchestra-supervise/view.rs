//! Runs a supervisor, which prints one word when it is ready, or a helper, which prints the work that it
//! saved.

use orchestra::{
    Result,
    model::AgentId,
    ops::{
        notices,
        supervise::{self, HelperTask, PathRules, READY_WORD, Request, TaskAnswer, detach},
    },
    wire,
};
use orchestra_terminal::{Exit, Terminal, context, json};

use super::cli::{Cli, Verb};

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let id = || AgentId::parse(&cli.agent);
    let request = match cli.verb {
        Verb::Notify => {
            let context = context::uninterrupted();
            return notices::deliver(&context, &cli.common_dir, std::io::stdin()).map(|()| Exit::Done);
        }
        Verb::Run => Request::Run { lock: detach::start_new_session()? },
        Verb::Prepare => Request::Help(HelperTask::Prepare),
        Verb::Snapshot => Request::Help(HelperTask::Snapshot),
        Verb::Turn => Request::Help(HelperTask::Turn),
        Verb::Sum => Request::Help(HelperTask::Sum),
        Verb::Take => Request::Help(HelperTask::Capture),
        Verb::CheckBase => Request::Help(HelperTask::CheckBase),
        Verb::Connect => {
            let (hosts, command) = (cli.allow.clone(), &cli.command);
            let context = context::uninterrupted();
            return supervise::connect(&context, &cli.common_dir, &id()?, hosts, command).map(Exit::Program);
        }
        Verb::Enter => {
            return supervise::enter(&context::uninterrupted(), &cli.command).map(|()| Exit::Done);
        }
        Verb::Confine => {
            let rules = PathRules { read: cli.read.clone(), write: cli.write.clone() };
            let context = context::uninterrupted();
            return supervise::confine(&context, &cli.common_dir, &id()?, &rules, &cli.command)
                .map(|()| Exit::Done);
        }
        Verb::HandOver => Request::Help(HelperTask::HandOver),
    };
    let taken = supervise::run(&context::uninterrupted(), &cli.common_dir, &id()?, request, || {
        terminal.print(&format!("{READY_WORD}\n"));
        detach::close_output();
    })?;
    match taken {
        Some(TaskAnswer::Captured(taken)) => json::print_answer(terminal, wire::TAKEN, &*taken)?,
        Some(TaskAnswer::Sum(sum)) => json::print_answer(terminal, wire::SUM, &sum)?,
        None => {}
    }
    Ok(Exit::Done)
}
