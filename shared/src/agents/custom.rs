//! A custom command as an agent program: `git config orchestra.agent.NAME.command '…'`. By itself it has no sessions; the user may say how
//! it continues one, where it keeps it, and how it shows that it waits.

use super::{
    AgentProgram, Launch, Launcher, Options, OutputPatterns, Protocol, Stdin, TaskHandling,
    launch::{PROMPT_FILE, SESSION},
    limit::ReportedLimit,
};
use crate::{
    Code, Error, Result,
    config::{
        Config,
        keys::{
            AGENT_COMMAND, AGENT_CONVERSATION, AGENT_READS_PROSE, AGENT_RESUME, AGENT_SESSION,
            AGENT_STDIN_HELD, AGENT_WAITING, ON_PROMPT,
        },
    },
    conversation::SessionReader,
    model::{OnPrompt, quote, text},
    process,
    world::Environment,
};

/// A command in the user's configuration. If it has the name of a known program, it is assumed to run that program, with the same
/// account, sessions, and messages about usage limits.
pub(super) struct CustomCommand {
    name: String,
    command: String,
    /// The known program of that name.
    known: Option<&'static dyn AgentProgram>,
}

impl CustomCommand {
    pub(super) fn new(name: &str, command: String, known: Option<&'static dyn AgentProgram>) -> Self {
        Self { name: name.to_owned(), command, known }
    }
}

impl AgentProgram for CustomCommand {
    fn name(&self) -> &str {
        &self.name
    }

    fn launcher(&self) -> Option<&dyn Launcher> {
        Some(self)
    }

    fn session_reader(&self) -> Option<&'static dyn SessionReader> {
        self.known?.session_reader()
    }

    fn account_variables(&self) -> &'static [&'static str] {
        self.known.map_or(&[], |program| program.account_variables())
    }

    fn usage_limit_in(&self, line: &str) -> Option<ReportedLimit> {
        self.known?.usage_limit_in(line)
    }
}

impl Launcher for CustomCommand {
    fn is_installed(&self, config: &Config<'_>) -> bool {
        missing_program(config.environment(), &self.command).is_none()
    }

    fn reads(&self, config: &Config<'_>) -> Result<TaskHandling> {
        Ok(if config.get(&AGENT_READS_PROSE.of(&self.name))? {
            TaskHandling::Prose
        } else {
            TaskHandling::Script
        })
    }

    fn protocol(&self) -> Protocol {
        Protocol::PLAIN
    }

    fn supported(&self) -> &'static [&'static str] {
        &[]
    }

    fn launch(&self, config: &Config<'_>, options: &Options) -> Result<Launch> {
        options.refuse_for(&self.name)?;
        let (reads, name) = (self.reads(config)?, &self.name);
        let is_held = config.get(&AGENT_STDIN_HELD.of(name))?;
        let launch = command_launch(config.environment(), name, &self.command, is_held, reads)?;
        let waiting = config.get(&AGENT_WAITING.of(name))?;
        let on_prompt = match waiting {
            Some(_) => config.get(&ON_PROMPT)?.unwrap_or(OnPrompt::Ask),
            None => launch.on_prompt,
        };
        let launch = match config.get(&AGENT_RESUME.of(name))? {
            Some(resume) => with_sessions(launch, name, &resume),
            None => launch,
        };
        let session = config.get(&AGENT_SESSION.of(name))?.filter(|_| launch.has_sessions());
        let reports_session = session.is_some();
        let patterns = OutputPatterns { session, waiting };
        Ok(Launch {
            on_prompt,
            reports_session,
            patterns: Some(patterns).filter(|patterns| *patterns != OutputPatterns::default()),
            conversation: config.get(&AGENT_CONVERSATION.of(name))?,
            ..launch
        })
    }
}

/// Makes a launch that can resume. The command of a new session and the one that resumes become further arguments.
fn with_sessions(launch: Launch, name: &str, resume: &str) -> Launch {
    let Launch { mut argv, .. } = launch;
    let arguments = |script: String| {
        let fixed = ["-c", &script, name, PROMPT_FILE, SESSION];
        fixed.map(str::to_owned).into()
    };
    let script = argv.get(2).cloned().unwrap_or_default();
    argv.truncate(1);
    Launch { argv, new_session_args: arguments(script), resume_args: arguments(script_of(resume)), ..launch }
}

/// Returns a command as a script. What is put into it are arguments, never parts of the script.
fn script_of(command: &str) -> String {
    let placeholders = [(PROMPT_FILE, "\"$1\""), (SESSION, "\"$2\"")];
    placeholders.iter().fold(command.to_owned(), |script, (placeholder, argument)| {
        script.replace(&format!("'{placeholder}'"), argument).replace(placeholder, argument)
    })
}

/// Makes the launch of a command in a shell. The name of the task's file is passed as `$1`, never as part of the script.
fn command_launch(
    environment: &Environment,
    name: &str,
    command: &str,
    is_held: bool,
    reads: TaskHandling,
) -> Result<Launch> {
    if let Some(program) = missing_program(environment, command) {
        let key = AGENT_COMMAND.of(name);
        let (name, program) = (text::safe(name), text::safe(program));
        return Err(Error::new(
            Code::ProgramMissing,
            format!("the program '{program}' of agent '{name}' is not on PATH"),
        )
        .hint(format!("{} shows what would run", quote::command(&[&"git", &"config", &key.name()]))));
    }
    let in_file = command.contains(PROMPT_FILE);
    let script = script_of(command);
    let stdin = match (is_held, in_file) {
        (true, _) => Stdin::Held,
        (false, true) => Stdin::Empty,
        (false, false) => Stdin::Prompt,
    };
    let argv = ["/bin/sh", "-c", &script, name, PROMPT_FILE];
    Ok(Launch::plain(argv.map(str::to_owned).into(), stdin, reads))
}

/// Returns the program that a command names, if it is not on PATH.
pub(super) fn missing_program<'a>(environment: &Environment, command: &'a str) -> Option<&'a str> {
    program_of(command).filter(|program| process::on_path(environment, program).is_none())
}

/// Returns the first word of a command, if it is clearly the name of a program and not shell syntax.
fn program_of(command: &str) -> Option<&str> {
    let word = command.split_whitespace().next()?;
    let plain = word.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._+-".contains(&b));
    let builtin =
        matches!(word, "exec" | "cd" | "export" | "set" | "if" | "for" | "while" | "test" | "." | ":");
    (plain && !builtin).then_some(word)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{super::Session, *};

    fn command(name: &str, command: &str, is_held: bool, reads: TaskHandling) -> Result<Launch> {
        command_launch(&Environment::of_this_process(), name, command, is_held, reads)
    }

    #[test]
    fn the_file_name_is_never_shell() {
        let launch =
            command("x", "cat {prompt_file} '{prompt_file}' | sh", false, TaskHandling::Script).unwrap();
        assert_eq!(launch.stdin, Stdin::Empty);
        assert_eq!(
            launch.argv_for(Path::new("/a b/$(id)"), Session::New("s")),
            ["/bin/sh", "-c", "cat \"$1\" \"$1\" | sh", "x", "/a b/$(id)"]
        );
        assert_eq!(command("x", "cat", false, TaskHandling::Script).unwrap().stdin, Stdin::Prompt);
        assert_eq!(command("x", "cat", true, TaskHandling::Script).unwrap().stdin, Stdin::Held);
    }

    #[test]
    fn a_session_is_an_argument_of_both_commands() {
        let plain = command("x", "cat {session} '{prompt_file}'", false, TaskHandling::Prose).unwrap();
        let launch = with_sessions(plain, "x", "again --id={session}");
        let argv = |session| launch.argv_for(Path::new("/a b"), session);
        let new = "cat \"$2\" \"$1\"";
        assert_eq!(argv(Session::New("s-1")), ["/bin/sh", "-c", new, "x", "/a b", "s-1"]);
        assert_eq!(argv(Session::Unnamed), ["/bin/sh", "-c", new, "x", "/a b", ""]);
        let again = ["/bin/sh", "-c", "again --id=\"$2\"", "x", "/a b", "$(id)"];
        assert_eq!(argv(Session::Known("$(id)")), again);
        assert!(launch.has_sessions());
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = command("x", "no-such-program-here --flag", false, TaskHandling::Script).unwrap_err();
        assert!(error.message.contains("'no-such-program-here'"), "{error}");
        assert!(command("x", "X=1 no-such-program-here", false, TaskHandling::Script).is_ok());
    }
}
