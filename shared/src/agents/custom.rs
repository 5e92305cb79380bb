//! A custom command as an agent program: `git config orchestra.agent.NAME.command '…'`.

use super::{
    AgentProgram, Launch, Launcher, Options, Protocol, Stdin, TaskHandling, launch::PROMPT_FILE,
    limit::ReportedLimit,
};
use crate::{
    Code, Error, Result,
    config::{
        Config,
        keys::{AGENT_COMMAND, AGENT_READS_PROSE, AGENT_STDIN_HELD},
    },
    conversation::SessionReader,
    model::{quote, text},
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

    fn launch(&self, config: &Config<'_>, options: &Options) -> Result<Launch> {
        options.refuse_for(&self.name)?;
        let reads = self.reads(config)?;
        command_launch(
            config.environment(),
            &self.name,
            &self.command,
            config.get(&AGENT_STDIN_HELD.of(&self.name))?,
            reads,
        )
    }
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
    let script = command.replace(&format!("'{PROMPT_FILE}'"), "\"$1\"").replace(PROMPT_FILE, "\"$1\"");
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
    fn a_missing_program_is_named() {
        let error = command("x", "no-such-program-here --flag", false, TaskHandling::Script).unwrap_err();
        assert!(error.message.contains("'no-such-program-here'"), "{error}");
        assert!(command("x", "X=1 no-such-program-here", false, TaskHandling::Script).is_ok());
    }
}
