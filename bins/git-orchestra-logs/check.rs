//! Prints what the checks of a landing, or the setup of an agent, printed.

use orchestra::{
    Result,
    model::text,
    ops::check_output::{self, CheckOutput, Request, of_setup},
};
use orchestra_terminal::{Exit, Terminal, context, here, names};

use super::{cli::Cli, last_lines::LastLines};

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    let mut branch: Vec<String> = cli.agent.iter().cloned().collect();
    names::numbered_branches(&repo, &mut branch)?;
    let (context, branch) = (context::reading(terminal), branch.pop());
    let report = match &branch {
        Some(agent) if cli.setup => of_setup::find(&context, &repo, agent)?,
        _ => check_output::run(&context, &repo, &Request { branch })?,
    };
    for one in &report.outputs {
        if cli.raw {
            terminal.print_bytes(&one.output);
        } else {
            print(cli, terminal, one);
        }
    }
    Ok(Exit::Done)
}

fn print(cli: &Cli, terminal: &Terminal, one: &CheckOutput) {
    let ended = match &one.failure {
        Some(why) => text::one_line(why, 200),
        None => format!("{} passed", text::one_line(&one.check, 60)),
    };
    terminal.print(&format!("── {}: {ended} ──\n", text::one_line(&one.branch, 100)));
    let shown = text::shown_output(&one.output);
    match cli.tail {
        Some(lines) => {
            let mut last = LastLines::new(lines);
            last.add(String::from_utf8_lossy(&shown).trim_end_matches('\n'));
            terminal.print(&last.into_text());
        }
        None => {
            terminal.print_bytes(&shown);
            if !shown.is_empty() && !shown.ends_with(b"\n") {
                terminal.print("\n");
            }
        }
    }
}
