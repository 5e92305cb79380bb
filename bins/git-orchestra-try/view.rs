//! Says what the checkout shows now.

use orchestra::{Result, model::text, ops::r#try, wire};
use orchestra_terminal::{Exit, Terminal, accepted, context, json, names};

use super::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = accepted::repository(terminal)?;
    let mut request = cli.request();
    if let Some(agent) = &mut request.agent {
        names::meant_one(terminal, &repo, agent)?;
    }
    let report = r#try::run(&context::interruptible(terminal)?, &repo, &request)?;
    report.warnings.iter().for_each(|warning| terminal.warn(warning));
    if cli.json {
        json::print_answer(terminal, wire::TRY, &report)?;
        return Ok(Exit::Done);
    }
    let (branch, files) = (text::safe(&report.branch), text::count(report.files as u64, "file"));
    if report.back {
        let moved = if report.branch_moved { ", which has moved meanwhile" } else { "" };
        terminal.print(&format!("back on {branch}{moved}: {files} changed in your checkout\n"));
    } else {
        let agent = &report.agent;
        terminal.print(&format!("your checkout shows {branch} with the work of {agent}: {files} changed\n"));
        terminal.hint("git orchestra try --back");
    }
    Ok(Exit::Done)
}
