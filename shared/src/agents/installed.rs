//! Finding an installed program, and what to say if there is none.

use crate::{
    Code, Error,
    config::{Config, keys::AGENT_PROGRAM},
    process,
};

/// Returns the path of the program of the profile `name`: where git config says that it is, or on PATH.
pub(super) fn path(config: &Config<'_>, name: &str) -> Option<String> {
    let named = config.get_or_default(&AGENT_PROGRAM.of(name));
    let path = process::on_path(config.environment(), named.as_deref().unwrap_or(name))?;
    Some(path.to_string_lossy().into_owned())
}

/// Returns the error of a program that is not installed, with the commands that install it and log in.
pub(super) fn missing(title: &str, name: &str, install: &str, log_in: &str) -> Error {
    Error::new(Code::ProgramMissing, format!("{title} is not installed: no program '{name}' on PATH"))
        .hint(format!("{install}, then {log_in}"))
        .hint(format!("{}, if it is elsewhere", AGENT_PROGRAM.of(name).hint("PATH")))
}
