//! What can make a sandbox on this machine. It is tried and not guessed: a program, a kernel setting, or the container around this
//! process may each forbid it.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use super::{
    landlock,
    mounts::{COMMON, OWN_NETWORK},
    network,
};
use crate::{
    Code, Error, Result,
    backoff::Backoff,
    context::Cancel,
    model::{SandboxEngine, SandboxLevel, text},
    process,
    world::Environment,
};

/// The program that makes sandboxes.
pub const BUBBLEWRAP: &str = "bwrap";
/// How it is named to people.
const NAME: &str = "bubblewrap";
/// Why Landlock does not enforce which hosts are reached.
const NO_NETWORK: &str = "it has no rules for names, UDP or hosts, so it cannot enforce 'net'";
/// How long it may take to make an empty sandbox.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(20);
/// How much of its message is read, in bytes.
const MAX_MESSAGE: u64 = 8 << 10;
/// Maximum width of its message, in columns.
const WIDTH: usize = 200;

/// Returns what holds an agent at a level, such as `files by bubblewrap`; `None` if nothing does.
pub fn description(level: SandboxLevel, engine: SandboxEngine) -> Option<String> {
    let lacks = match engine {
        SandboxEngine::Landlock if !landlock::holds_signals() => ", without signals",
        _ => "",
    };
    level.is_some().then(|| format!("{level} by {engine}{lacks}"))
}

/// Chooses what enforces the sandbox of a level on this machine: the engine that is wanted, or else the first that works.
///
/// # Errors
/// None can (3). The message says why.
pub fn choose(
    environment: &Environment,
    level: SandboxLevel,
    wanted: Option<SandboxEngine>,
) -> Result<SandboxEngine> {
    if !level.is_some() {
        return Ok(SandboxEngine::default());
    }
    if level.has_network_rules()
        && let Err(variable) = network::check_machine_proxy(environment)
    {
        return Err(Error::new(
            Code::SandboxUnavailable,
            format!("cannot run agents in the sandbox '{level}' behind the proxy of {variable}"),
        )
        .because("it has no address of the form http://[user:password@]host:port".to_owned())
        .hint("--sandbox files leaves them the network of this machine")
        .hint(format!("env -u {variable} git orchestra …, if the hosts can be reached without it")));
    }
    let mut obstacles = Vec::new();
    for engine in
        SandboxEngine::ALL.into_iter().filter(|engine| wanted.is_none_or(|wanted| wanted == *engine))
    {
        match trial(environment, level, engine) {
            Ok(()) => return Ok(engine),
            Err(why) => obstacles.push(why),
        }
    }
    Err(refusal(level, wanted, &obstacles))
}

/// Says why no sandbox of a level can be made.
fn refusal(level: SandboxLevel, wanted: Option<SandboxEngine>, obstacles: &[Obstacle]) -> Error {
    let why: Vec<String> = obstacles.iter().map(Obstacle::to_string).collect();
    let error =
        Error::new(Code::SandboxUnavailable, format!("cannot run agents in the sandbox '{level}' here"))
            .because(why.join("; "));
    let lacks_bubblewrap = obstacles.contains(&Obstacle::Missing);
    let error = match wanted {
        Some(_) if !lacks_bubblewrap => error.hint("git config orchestra.sandboxEngine auto"),
        _ if lacks_bubblewrap => error.hint("install bubblewrap, for instance: sudo apt install bubblewrap"),
        _ => error.hint("git orchestra doctor says what this machine allows"),
    };
    error.hint("--sandbox none starts them without one: a worktree prevents accidents, but is not a boundary")
}

/// Why an engine cannot make a sandbox.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Obstacle {
    /// Bubblewrap is not installed.
    Missing,
    /// Bubblewrap fails, with its message.
    Fails(String),
    /// Landlock cannot be used, with the cause.
    Landlock(&'static str),
}

impl std::fmt::Display for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => write!(f, "{NAME} ('{BUBBLEWRAP}') is not on PATH"),
            Self::Fails(said) => write!(f, "{NAME} fails: {said}"),
            Self::Landlock(why) => write!(f, "{}: {why}", landlock::NAME),
        }
    }
}

/// Tries whether an engine can make a sandbox of a level.
///
/// # Errors
/// Why it cannot.
pub fn trial(environment: &Environment, level: SandboxLevel, engine: SandboxEngine) -> Result<(), Obstacle> {
    match engine {
        SandboxEngine::Bubblewrap => try_bubblewrap(environment, level),
        SandboxEngine::Landlock if level.has_network_rules() => Err(Obstacle::Landlock(NO_NETWORK)),
        SandboxEngine::Landlock => landlock::obstacle().map_or(Ok(()), |why| Err(Obstacle::Landlock(why))),
    }
}

/// Makes an empty sandbox of a level.
///
/// # Errors
/// Why it cannot be made.
fn try_bubblewrap(environment: &Environment, level: SandboxLevel) -> Result<(), Obstacle> {
    let program = path(environment).ok_or(Obstacle::Missing)?;
    let fails =
        |what: &str| Obstacle::Fails(text::one_line(what.trim().trim_start_matches("bwrap: "), WIDTH));
    let mut command = process::command(environment, program);
    let network = level.has_network_rules().then_some(OWN_NETWORK);
    command.args(COMMON).args(network).args(["--", "/bin/sh", "-c", ":"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = process::spawn(&mut command).map_err(|error| fails(&error.to_string()))?;
    let deadline = Instant::now() + TRIAL_TIMEOUT;
    let ended = process::wait_until(&mut child, deadline, Backoff::millis(1, 50), &Cancel::default());
    match ended {
        Ok(Some(status)) if status.success() => Ok(()),
        Ok(Some(status)) => {
            let mut said = String::new();
            let _ = child.stderr.take().map(|pipe| pipe.take(MAX_MESSAGE).read_to_string(&mut said));
            Err(fails(if said.trim().is_empty() { format!("{status}") } else { said }.as_str()))
        }
        Ok(None) => {
            process::kill_tree(&mut child);
            Err(fails("it does not end"))
        }
        Err(error) => Err(fails(&error.to_string())),
    }
}

/// Returns the path of the program that makes sandboxes.
pub(super) fn path(environment: &Environment) -> Option<PathBuf> {
    let folders = environment.variable("PATH")?;
    let absolute = std::env::split_paths(&folders).filter(|folder| Path::is_absolute(folder));
    absolute.map(|folder| folder.join(BUBBLEWRAP)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_the_program_is_told_from_one_that_forbids_it() {
        let folder = tempfile::tempdir().unwrap();
        let variables = [("PATH".into(), folder.path().into())];
        let environment = Environment::new(variables, folder.path());
        let bubblewrap = Some(SandboxEngine::Bubblewrap);
        let tried = trial(&environment, SandboxLevel::Files, SandboxEngine::Bubblewrap);
        assert_eq!(tried, Err(Obstacle::Missing));
        assert!(choose(&environment, SandboxLevel::None, bubblewrap).is_ok());
        let program = folder.path().join(BUBBLEWRAP);
        std::fs::write(
            &program,
            "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n",
        )
        .unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let error = choose(&environment, SandboxLevel::Files, bubblewrap).unwrap_err();
        assert_eq!(error.code, Code::SandboxUnavailable);
        assert!(error.one_line().contains("No permissions to create new namespace"), "{}", error.one_line());
    }
    #[test]
    fn landlock_takes_over_for_files_alone() {
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment::new([("PATH".into(), folder.path().into())], folder.path());
        let expected = if landlock::obstacle().is_none() { Some(SandboxEngine::Landlock) } else { None };
        for wanted in [None, Some(SandboxEngine::Landlock)] {
            assert_eq!(choose(&environment, SandboxLevel::Files, wanted).ok(), expected, "{wanted:?}");
            let error = choose(&environment, SandboxLevel::Net, wanted).unwrap_err();
            assert_eq!(error.code, Code::SandboxUnavailable);
            assert!(error.one_line().contains("cannot enforce 'net'"), "{}", error.one_line());
        }
    }
}
