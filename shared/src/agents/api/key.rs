//! The key of the service: what the user's command prints, else what the environment has.

use super::KEY;
use crate::{
    Code, Error, Result,
    secret_command::{first_line, is_secret, of_shell},
    world::Environment,
};

/// Returns the key. What the command prints is shown nowhere, not even in errors.
///
/// # Errors
/// The command fails, takes too long, or prints no key; or there is neither a command nor a variable.
pub(super) fn find(environment: &Environment, command: Option<&str>) -> Result<String> {
    match command.filter(|command| !command.trim().is_empty()) {
        Some(command) => from_command(environment, command),
        None => {
            let key = environment.text_variable(KEY).filter(|key| is_secret(key.trim()));
            key.map(|key| key.trim().to_owned()).ok_or_else(super::no_key)
        }
    }
}

fn from_command(environment: &Environment, command: &str) -> Result<String> {
    first_line(&mut of_shell(environment, command)).map_err(|why| {
        Error::new(Code::CredentialMissing, format!("the command for the key of agent 'api' {why}"))
            .hint("run the command of orchestra.agent.api.keyCommand by hand: its first line is the key")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_goes_before_the_variable() {
        let environment = Environment::of_this_process().with(KEY, "of-the-variable");
        for (command, expected) in [
            (None, Some("of-the-variable")),
            (Some(" "), Some("of-the-variable")),
            (Some("echo of-the-command; echo more"), Some("of-the-command")),
            (Some("echo '  padded '"), Some("padded")),
            (Some("true"), None),
            (Some("echo a key with spaces"), None),
            (Some("echo fails; exit 3"), None),
        ] {
            let found = find(&environment, command);
            if let Err(error) = &found {
                assert!(!error.one_line().contains("fails;") && !error.one_line().contains("with spaces"));
            }
            assert_eq!(found.ok().as_deref(), expected, "{command:?}");
        }
        assert!(find(&environment.without(KEY), None).is_err());
    }
}
