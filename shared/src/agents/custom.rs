//! A command of the user as an agent program. `git config orchestra.agent.NAME.command '…'` prints text; by itself it has no sessions, but
//! the user may say how it continues one, where it keeps it, and how it shows that it waits. `orchestra.agent.NAME.acp` speaks the
//! Agent Client Protocol, which has all of that.

use super::{
    AgentProgram, Launch, Launcher, Options, OutputPatterns, Protocol, Stdin, TaskHandling, acp,
    launch::{PROMPT_FILE, SESSION},
    limit::ReportedLimit,
};
use crate::{
    Code, Error, Result,
    config::{
        Config,
        keys::{
            AGENT_ACP, AGENT_COMMAND, AGENT_CONVERSATION, AGENT_READS_PROSE, AGENT_RESUME, AGENT_SESSION,
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
pub(super) struct UserCommand {
    name: String,
    command: String,
    speaks: Speaks,
    /// The known program of that name.
    known: Option<&'static dyn AgentProgram>,
}

/// What a command of the user prints and reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Speaks {
    /// Text for people: `orchestra.agent.<name>.command`.
    Text,
    /// The Agent Client Protocol: `orchestra.agent.<name>.acp`.
    Acp,
}

impl UserCommand {
    pub(super) fn new(
        name: &str,
        command: String,
        speaks: Speaks,
        known: Option<&'static dyn AgentProgram>,
    ) -> Self {
        Self { name: name.to_owned(), command, speaks, known }
    }

    /// Fails if its program is not on PATH.
    fn check_program(&self, config: &Config<'_>) -> Result<()> {
        let Some(program) = missing_program(config.environment(), &self.command) else { return Ok(()) };
        let key = match self.speaks {
            Speaks::Text => AGENT_COMMAND.of(&self.name),
            Speaks::Acp => AGENT_ACP.of(&self.name),
        };
        let (name, program) = (text::safe(&self.name), text::safe(program));
        let message = format!("the program '{program}' of agent '{name}' is not on PATH");
        let shows = quote::command(&[&"git", &"config", &key.name()]);
        Err(Error::new(Code::ProgramMissing, message).hint(format!("{shows} shows what would run")))
    }

    fn launch_of_text(&self, config: &Config<'_>, options: &Options) -> Result<Launch> {
        options.refuse_for(&self.name)?;
        let (reads, name) = (self.reads(config)?, &self.name);
        let is_held = config.get(&AGENT_STDIN_HELD.of(name))?;
        self.check_program(config)?;
        let launch = command_launch(name, &self.command, is_held, reads);
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

impl AgentProgram for UserCommand {
    fn name(&self) -> &str {
        &self.name
    }

    fn launcher(&self) -> Option<&dyn Launcher> {
        Some(self)
    }

    fn session_reader(&self) -> Option<&'static dyn SessionReader> {
        self.known?.session_reader()
    }

    fn hosts(&self) -> &'static [&'static str] {
        self.known.map_or(&[], |program| program.hosts())
    }

    fn account_variables(&self) -> &'static [&'static str] {
        self.known.map_or(&[], |program| program.account_variables())
    }

    fn usage_limit_in(&self, line: &str) -> Option<ReportedLimit> {
        self.known?.usage_limit_in(line)
    }
}

impl Launcher for UserCommand {
    fn is_installed(&self, config: &Config<'_>) -> bool {
        missing_program(config.environment(), &self.command).is_none()
    }

    fn reads(&self, config: &Config<'_>) -> Result<TaskHandling> {
        let is_prose = self.speaks == Speaks::Acp || config.get(&AGENT_READS_PROSE.of(&self.name))?;
        Ok(if is_prose { TaskHandling::Prose } else { TaskHandling::Script })
    }

    fn protocol(&self) -> Protocol {
        match self.speaks {
            Speaks::Text => Protocol::PLAIN,
            Speaks::Acp => acp::PROTOCOL,
        }
    }

    fn supported(&self) -> &'static [&'static str] {
        match self.speaks {
            Speaks::Text => &[],
            Speaks::Acp => acp::SUPPORTED,
        }
    }

    /// What a command of the user may do without asking is not known here: it is left to look at the work itself.
    fn reads_history(&self) -> bool {
        self.speaks == Speaks::Text
    }

    fn launch(&self, config: &Config<'_>, options: &Options) -> Result<Launch> {
        if self.speaks == Speaks::Text {
            return self.launch_of_text(config, options);
        }
        self.check_program(config)?;
        let argv = ["/bin/sh", "-c", &self.command, &self.name].map(str::to_owned);
        acp::launch(&self.name, argv.into(), config, options)
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
fn command_launch(name: &str, command: &str, is_held: bool, reads: TaskHandling) -> Launch {
    let in_file = command.contains(PROMPT_FILE);
    let script = script_of(command);
    let stdin = match (is_held, in_file) {
        (true, _) => Stdin::Held,
        (false, true) => Stdin::Empty,
        (false, false) => Stdin::Prompt,
    };
    let argv = ["/bin/sh", "-c", &script, name, PROMPT_FILE];
    Launch::plain(argv.map(str::to_owned).into(), stdin, reads)
}

/// Returns the program that a command names, if it is not on PATH.
fn missing_program<'a>(environment: &Environment, command: &'a str) -> Option<&'a str> {
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

    fn command(name: &str, command: &str, is_held: bool, reads: TaskHandling) -> Launch {
        command_launch(name, command, is_held, reads)
    }

    #[test]
    fn the_file_name_is_never_shell() {
        let launch = command("x", "cat {prompt_file} '{prompt_file}' | sh", false, TaskHandling::Script);
        assert_eq!(launch.stdin, Stdin::Empty);
        assert_eq!(
            launch.argv_for(Path::new("/a b/$(id)"), Session::New("s")),
            ["/bin/sh", "-c", "cat \"$1\" \"$1\" | sh", "x", "/a b/$(id)"]
        );
        assert_eq!(command("x", "cat", false, TaskHandling::Script).stdin, Stdin::Prompt);
        assert_eq!(command("x", "cat", true, TaskHandling::Script).stdin, Stdin::Held);
    }

    #[test]
    fn a_session_is_an_argument_of_both_commands() {
        let plain = command("x", "cat {session} '{prompt_file}'", false, TaskHandling::Prose);
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
        let environment = Environment::of_this_process();
        let missing = "no-such-program-here";
        for (command, expected) in [
            ("no-such-program-here --flag", Some(missing)),
            ("X=1 no-such-program-here", None),
            ("exec no-such-program-here", None),
            ("sh -c true", None),
        ] {
            assert_eq!(missing_program(&environment, command), expected, "{command}");
        }
    }
}
