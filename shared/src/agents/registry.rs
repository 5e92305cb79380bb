//! Looking up what is registered in [`PROGRAMS`].

use std::{iter, path::PathBuf};

use super::{AgentProgram, Launcher, PROGRAMS, Protocol, SessionFiles, limit::Reached};
use crate::{conversation::SessionReader, world::Environment};

/// Lines at the end of an output in which a complaint is looked for: a trace of calls may follow it.
const LAST_LINES: usize = 60;

/// The program of that name.
pub fn program(name: &str) -> Option<&'static dyn AgentProgram> {
    PROGRAMS.iter().copied().find(|program| program.name() == name)
}

/// The programs that can be started as agents, if they are installed.
pub(super) fn startable() -> impl Iterator<Item = (&'static str, &'static dyn Launcher)> {
    PROGRAMS.iter().filter_map(|program| Some((program.name(), program.launcher()?)))
}

/// Every protocol that some program speaks.
pub(super) fn protocols() -> impl Iterator<Item = Protocol> {
    iter::once(Protocol::PLAIN).chain(startable().map(|(_, launcher)| launcher.protocol()))
}

/// The readers of every program whose sessions can be read.
pub fn session_readers() -> impl Iterator<Item = &'static dyn SessionReader> {
    PROGRAMS.iter().filter_map(|program| program.session_reader())
}

/// The reader of the sessions of the program of that name.
pub fn session_reader(name: &str) -> Option<&'static dyn SessionReader> {
    program(name)?.session_reader()
}

/// The files of the sessions that agents of that name resume.
pub fn session_files(name: &str) -> Option<&'static dyn SessionFiles> {
    program(name)?.launcher()?.session_files()
}

/// The folders with sessions that environment variables name and that are missing, each with its variable.
pub fn missing_session_folders(environment: &Environment) -> Vec<(&'static str, PathBuf)> {
    let named = session_readers().filter_map(|reader| reader.named_folders(environment));
    let all = named.flat_map(|(variable, folders)| folders.into_iter().map(move |folder| (variable, folder)));
    all.filter(|(_, folder)| !folder.is_dir()).collect()
}

/// The command with which a person resumes the session of an agent without git orchestra.
pub fn manual_resume_command(name: &str, session: &str) -> Option<String> {
    program(name)?.launcher()?.manual_resume_command(session)
}

/// The usage limit of which the end of the output of a failed program speaks. A program is known by its name, also where the
/// command is the user's own; of others nothing is guessed.
pub fn usage_limit_in_output(name: &str, output: &str) -> Option<Reached> {
    let program = program(name)?;
    let lines = output.lines().rev().filter(|line| !line.trim().is_empty());
    lines.take(LAST_LINES).find_map(|line| program.usage_limit_in(line))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_program_has_a_name_and_a_role() {
        let names: HashSet<&str> = PROGRAMS.iter().map(|program| program.name()).collect();
        assert_eq!(names.len(), PROGRAMS.len());
        for program in PROGRAMS {
            let reader = program.session_reader();
            assert!(program.launcher().is_some() || reader.is_some(), "{} has no role", program.name());
            assert!(reader.is_none_or(|reader| reader.name() == program.name()), "{}", program.name());
        }
    }

    #[test]
    fn only_the_end_of_a_known_program_is_read() {
        let limit = "You've hit your usage limit. Try again later.\n";
        assert!(usage_limit_in_output("codex", &format!("{limit}\n\n")).is_some());
        assert!(usage_limit_in_output("codex", &format!("{limit}{}", "more\n".repeat(LAST_LINES))).is_none());
        assert!(usage_limit_in_output("mine", limit).is_none());
        assert!(usage_limit_in_output("sh", limit).is_none());
    }
}
