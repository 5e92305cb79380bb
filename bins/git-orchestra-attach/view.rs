//! Runs the agent's program in the terminal, between the two halves of `attach`.

use orchestra::{
    Code, Error, Result,
    error::ErrorContext as _,
    ops::{
        attach::{self, Attached},
        resume,
    },
    process, wire,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, agents, chosen, context, here, interrupt, json, keyboard,
};

use super::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = accepted::with_project_settings(terminal)?;
    let agent = chosen::agent(terminal, &repo, cli.agent.as_ref(), "git orchestra attach AGENT")?;
    let request = cli.request(agent);
    if cli.print {
        let plan = attach::prepare(&context::uninterrupted(), &repo, &request)?.plan;
        if cli.json {
            json::print_answer(terminal, wire::ATTACH_PLAN, &plan)?;
        } else {
            terminal.print(&format!("{}\n", plan.shell_command()));
        }
        return Ok(Exit::Done);
    }
    if !terminal.can_ask() {
        return Err(Error::new(Code::ArgumentMissing, "attach needs a terminal")
            .hint("--print shows the command instead"));
    }
    let context = context::interruptible(terminal)?;
    let mut attached = attach::prepare(&context, &repo, &request)?;
    let (id, continues) = (attached.plan.agent.clone(), attached.plan.continues);
    if let Some(why) = &attached.plan.shell {
        terminal.eprintln(&format!("{why}: this is your shell, in the worktree of '{id}'"));
    }
    let ran = run_program(&mut attached);
    // Whatever happened, the work is saved.
    let now = attach::detach(&context::uninterrupted(), &here::repository()?, attached)?;
    ran?;
    if !continues || cli.no_resume {
        terminal.eprintln(&agents::line(&now, terminal.painter_err()));
        terminal.hint(&format!("git orchestra resume {id} continues it"));
        return Ok(Exit::Done);
    }
    // What the program changed in the configuration is shown before it is used.
    let repo = accepted::with_project_settings(terminal)?;
    let report = resume::run(&context, &repo, &attach::resume_request(&repo, &id)?)?;
    report.warnings.iter().for_each(|warning| terminal.warn(warning));
    terminal.eprintln(&format!("'{id}' continues"));
    terminal.hint(&format!("git orchestra status --watch {id}"));
    Ok(Exit::Done)
}

/// Runs the program to its end. Ctrl-C is the program's meanwhile, and the terminal gets its own modes back.
fn run_program(attached: &mut Attached) -> Result<()> {
    let program = attached.plan.argv.first().cloned().unwrap_or_default();
    let cannot = || format!("cannot run '{program}'");
    let Some(mut command) = attached.command.take() else { return Err(Error::internal(cannot())) };
    keyboard::keeping_modes(|| {
        interrupt::while_lent(|| {
            let mut child = process::spawn(&mut command.0).context(Code::ProgramFailed, cannot)?;
            // Without it, only the record of this process says that a person is attached.
            let _ = attached.started(child.id());
            child.wait().context(Code::ProgramFailed, cannot).map(drop)
        })
    })
}
