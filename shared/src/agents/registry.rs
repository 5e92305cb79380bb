//! Looking up programs in [`PROGRAMS`].

use std::{iter, path::PathBuf};

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{AgentProgram, Launcher, PROGRAMS, Protocol, SessionFiles, acp, limit::ReportedLimit};
use crate::{conversation::SessionReader, world::Environment};

/// Number of lines at the end of an output that are searched for a usage limit, because a stack trace may follow its message.
const LAST_LINES: usize = 60;

/// Returns the program of that name.
pub fn program(name: &str) -> Option<&'static dyn AgentProgram> {
    all().find(|program| program.name() == name)
}

/// Returns all known programs, in the order in which they are listed: those with an adapter of their own first.
pub fn all() -> impl Iterator<Item = &'static dyn AgentProgram> {
    PROGRAMS.iter().copied().chain(acp::NATIVE.iter().map(|native| native as &dyn AgentProgram))
}

/// Returns the programs that can be started as agents, whether or not they are installed.
pub(super) fn startable() -> impl Iterator<Item = (&'static str, &'static dyn Launcher)> {
    all().filter_map(|program| Some((program.name(), program.launcher()?)))
}

/// Returns the protocols of all programs.
pub(super) fn protocols() -> impl Iterator<Item = Protocol> {
    iter::once(Protocol::PLAIN).chain(startable().map(|(_, launcher)| launcher.protocol()))
}

/// Reads the name of a protocol, as state files hold it.
impl<'de> Deserialize<'de> for Protocol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        protocols()
            .find(|protocol| protocol.name() == name)
            .ok_or_else(|| D::Error::custom(format!("there is no protocol '{name}'")))
    }
}

/// Returns the session readers of all programs that have one, each once: a program may have the sessions of another one.
pub fn session_readers() -> impl Iterator<Item = &'static dyn SessionReader> {
    PROGRAMS
        .iter()
        .filter_map(|program| program.session_reader().filter(|reader| reader.name() == program.name()))
}

/// Returns the session reader of the program of that name.
pub fn session_reader(name: &str) -> Option<&'static dyn SessionReader> {
    program(name)?.session_reader()
}

/// Returns access to the session files of the program of that name.
pub fn session_files(name: &str) -> Option<&'static dyn SessionFiles> {
    program(name)?.launcher()?.session_files()
}

/// Returns the missing session folders that environment variables name, each with its variable.
pub fn missing_session_folders(environment: &Environment) -> Vec<(&'static str, PathBuf)> {
    let named = session_readers().filter_map(|reader| reader.named_folders(environment));
    let all = named.flat_map(|(variable, folders)| folders.into_iter().map(move |folder| (variable, folder)));
    all.filter(|(_, folder)| !folder.is_dir()).collect()
}

/// Returns the command with which a person resumes a session without git orchestra.
pub fn manual_resume_command(name: &str, session: &str) -> Option<String> {
    program(name)?.launcher()?.manual_resume_command(session)
}

/// Finds a usage limit in the last lines of the output of a failed program. A custom command counts as the known program of the same
/// name; the output of any other program is not interpreted.
pub fn usage_limit_in_output(name: &str, output: &str) -> Option<ReportedLimit> {
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
        let names: HashSet<&str> = all().map(|program| program.name()).collect();
        assert_eq!(names.len(), all().count());
        for program in all() {
            let reader = program.session_reader();
            assert!(program.launcher().is_some() || reader.is_some(), "{} has no role", program.name());
            let is_known = |name: &str| session_readers().any(|known| known.name() == name);
            assert!(reader.is_none_or(|reader| is_known(reader.name())), "{}", program.name());
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
