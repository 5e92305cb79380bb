//! Resumes a session: this process is replaced by the session's program.

use std::{
    io::{Seek, Write},
    process::Stdio,
};

use orchestra::{
    Code, Error, Kind, Result,
    error::ErrorContext as _,
    model::text,
    ops::sessions::{
        self,
        resume::{self, Plan, PreparedSession, Request},
    },
    process,
};
use orchestra_terminal::{Exit, Terminal, accepted, context, here, prompt};

use super::{cli::ResumeArgs, meant, scope};

/// The number of sessions that the user can pick from.
const MAX_CHOICES: usize = 30;

pub(crate) fn run(terminal: &Terminal, how: &ResumeArgs) -> Result<Exit> {
    let repo = scope::repository()?.map(|repo| accepted::accept(terminal, repo)).transpose()?;
    let session = match &how.id {
        Some(id) => id.clone(),
        None => pick(terminal)?,
    };
    let request = |session: &str| Request {
        session: session.to_owned(),
        fork: how.fork,
        print: how.print,
        message: how.message.clone(),
        more: how.more.clone(),
        dry_run: how.dry_run,
    };
    // The lock on the session is held until this process has been replaced by the program.
    let prepare = |session: &str| resume::prepare(here::environment(), repo.as_ref(), &request(session));
    let PreparedSession { plan, lock: _hold } =
        meant::with_session(terminal, repo.as_deref(), &session, prepare)?;
    if how.dry_run {
        plan.steps.iter().for_each(|step| terminal.eprintln(&format!("would {step}")));
        terminal.print(&format!("{}\n", plan.shell_command()));
        return Ok(Exit::Done);
    }
    Err(exec_plan(&plan)?)
}

fn pick(terminal: &Terminal) -> Result<String> {
    let hint = "git orchestra sessions resume ID";
    if !terminal.can_ask() {
        return Err(Error::new(Code::ArgumentMissing, "no session named").hint(hint));
    }
    let repo = scope::repository()?;
    let request =
        sessions::Request { everywhere: repo.is_none(), limit: MAX_CHOICES, ..sessions::Request::default() };
    let found = sessions::run(&context::uninterrupted(), repo.as_ref(), &request)?.sessions;
    let line = |one: &sessions::Session| {
        let title = one.title.as_deref().map_or_else(String::new, |title| text::one_line(title, 60));
        format!("{}  {}  {title}", one.last_active_at.get(..16).unwrap_or_default(), one.program)
    };
    let lines: Vec<String> = found.iter().map(line).collect();
    let choices: Vec<&str> = lines.iter().map(String::as_str).collect();
    if choices.is_empty() {
        return Err(Error::new(Code::SessionUnknown, "no sessions in this repository")
            .hint("git orchestra sessions --all"));
    }
    let picked = prompt::choose(terminal, "which session?", &choices)?;
    picked
        .and_then(|at| found.get(at))
        .map(|one| one.id.clone())
        .ok_or_else(|| Error::new(Code::Declined, "no session picked"))
}

/// Replaces this process by the program of the plan; returns only an error.
fn exec_plan(plan: &Plan) -> Result<Error> {
    let cannot = || format!("cannot run '{}'", plan.argv.first().map_or("", String::as_str));
    let Some((program, arguments)) = plan.argv.split_first() else { return Err(Error::internal(cannot())) };
    let mut command = process::command(here::environment(), program);
    command.args(arguments).current_dir(&plan.folder);
    for name in &plan.unset {
        command.env_remove(name);
    }
    command.envs(plan.set.iter().map(|(name, value)| (name, value)));
    if let Some(input) = &plan.stdin {
        let mut file = tempfile::tempfile().context(Kind::External, cannot)?;
        file.write_all(input.as_bytes()).and_then(|()| file.rewind()).context(Kind::External, cannot)?;
        command.stdin(Stdio::from(file));
    }
    let error = process::exec(&mut command);
    Ok(Error::new(Code::ProgramFailed, cannot()).because(error))
}
