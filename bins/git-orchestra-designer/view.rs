//! Runs the program of a designer in the terminal.

use orchestra::{
    Code, Error, Kind, Result,
    model::{Phase, text},
    ops::designer::{self, Ended},
    wire,
};
use orchestra_terminal::{Exit, Terminal, accepted, agents, context, here, interrupt, json, keyboard};

use super::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = accepted::with_project_settings(terminal)?;
    let request = cli.request();
    if cli.print {
        let plan = designer::prepare(&context::uninterrupted(), &repo, &request)?.plan;
        if cli.json {
            json::print_answer(terminal, wire::DESIGNER_PLAN, &plan)?;
        } else {
            terminal.print(&format!("{}\n", text::safe_block(&plan.shell_command())));
        }
        return Ok(Exit::Done);
    }
    if !terminal.can_ask() {
        return Err(Error::new(Code::ArgumentMissing, "a designer needs a terminal")
            .hint("git orchestra mcp gives its tools to a program that you start yourself")
            .hint("--print shows the command instead"));
    }
    let context = context::interruptible(terminal)?;
    let prepared = designer::prepare(&context, &repo, &request)?;
    // The program has the terminal, and with it Ctrl-C, which is not ours meanwhile.
    let ended = keyboard::keeping_modes(|| {
        interrupt::while_lent(|| prepared.until_end(&context, &here::repository()?))
    })?;
    show(terminal, &ended);
    let failed = ended.agent.phase == Phase::Failed;
    Ok(if failed { Exit::Failed(Kind::External) } else { Exit::Done })
}

fn show(terminal: &Terminal, ended: &Ended) {
    let id = &ended.agent.id;
    terminal.eprintln(&agents::line(&ended.agent, terminal.painter_err()));
    if let [first, ..] = ended.running.as_slice() {
        let count = text::count(ended.running.len() as u64, "agent");
        terminal.eprintln(&format!("{count} that it started, such as '{first}', still work"));
        terminal.hint("git orchestra status --watch");
    }
    if ended.continues {
        terminal.hint(&format!("git orchestra designer --continue={id} continues the conversation"));
    }
}
