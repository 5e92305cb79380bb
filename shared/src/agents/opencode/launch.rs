//! Starting opencode. Permissions are passed in a variable for this process only; login and everything else are the user's own.

use super::{NAME, Opencode, examination::EXAMINATION, permission};
use crate::{
    Code, Error, Result,
    agents::{
        Launch, Launcher, Options, Stdin, TaskHandling, installed,
        launch::SESSION,
        options::{self, Rules},
    },
    config::{Config, keys::ALLOWED_CLI},
    model::{OnPrompt, Permission},
};

/// The options that it supports.
pub(super) const SUPPORTED: &[&str] = &[
    options::PERMISSION,
    options::ON_PROMPT,
    options::ALLOW_TOOL,
    options::DENY_TOOL,
    options::ADD_FOLDER,
    options::MODEL,
];
/// The variable with permissions in addition to the user's settings.
const VARIABLE: &str = "OPENCODE_PERMISSION";

/// Implements [`Launcher::launch`].
pub(super) fn launch(config: &Config<'_>, options: &Options) -> Result<Launch> {
    options.refuse_except(NAME, SUPPORTED)?;
    if options.on_prompt == Some(OnPrompt::Ask) {
        return Err(Error::new(
            Code::OptionUnsupported,
            format!("agent '{NAME}' does not support --on-prompt ask: it cannot wait for an answer"),
        ));
    }
    let program = installed::path(config, NAME).ok_or_else(not_installed)?;
    let permission = options.permission(config)?;
    // A question that nobody can answer ends the program, so that nothing is asked unless that is wanted.
    let on_prompt = match options.on_prompt(config)? {
        OnPrompt::Ask => OnPrompt::Deny,
        other => other,
    };
    let mut options = options.clone().with_rules(Rules::of(config)?);
    options.allow.extend(config.get(&ALLOWED_CLI)?.iter().map(|name| format!("Bash({name} *)")));
    let already = config.environment().text_variable(VARIABLE);
    Ok(Launch {
        argv: argv(program, permission, &options),
        resume_args: vec![format!("--session={SESSION}")],
        reports_session: true,
        protocol: Opencode.protocol(),
        permission: Some(permission),
        on_prompt,
        env: vec![(
            VARIABLE.to_owned(),
            permission::value(permission, on_prompt, &options, already.as_deref()),
        )],
        ..Launch::plain(vec![], Stdin::Prompt, TaskHandling::Prose)
    })
}

fn not_installed() -> Error {
    installed::missing("opencode", NAME, EXAMINATION.install, "run 'opencode auth login' once to log in")
}

/// Returns the command. Its task is its standard input.
fn argv(program: String, permission: Permission, options: &Options) -> Vec<String> {
    let mut argv = vec![program, "run".to_owned(), "--format=json".to_owned()];
    if permission == Permission::BypassPermissions {
        // What the user's settings deny stays denied.
        argv.push("--auto".to_owned());
    }
    argv.extend(options.model.iter().map(|model| format!("--model={model}")));
    argv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_becomes_an_argument() {
        let options = Options { model: Some("fake/m".to_owned()), ..Options::default() };
        for (permission, options, expected) in [
            (Permission::AcceptEdits, Options::default(), vec!["opencode", "run", "--format=json"]),
            (
                Permission::BypassPermissions,
                options,
                vec!["opencode", "run", "--format=json", "--auto", "--model=fake/m"],
            ),
        ] {
            assert_eq!(argv("opencode".to_owned(), permission, &options), expected);
        }
    }
}
