//! Starting Codex as a server that speaks its protocol on its standard streams. Unlike `codex exec` it can ask, accepts messages at any
//! time, and reports denials. Settings are passed for this process only; login and everything else are the user's own.

use super::{Codex, EXAMINATION, NAME};
use crate::{
    Error, Result,
    agents::{
        Launch, Launcher, Options, Stdin, TaskHandling, installed,
        options::{self, Rules},
    },
    config::Config,
    model::Permission,
};

/// The options that it supports. It has no permission rules that could be passed, and no limits on turns and cost.
pub(super) const SUPPORTED: &[&str] = &[
    options::PERMISSION,
    options::ON_PROMPT,
    options::ADD_FOLDER,
    options::MODEL,
    options::APPEND_SYSTEM_PROMPT,
];

/// The variables that a session sets for the processes that it starts. Codex that sees them assumes to run inside a session.
pub(super) const SESSION_VARIABLES: &[&str] = &[
    "CODEX_CI",
    "CODEX_SANDBOX",
    "CODEX_SANDBOX_NETWORK_DISABLED",
    "CODEX_SESSION_ID",
    "CODEX_THREAD_ID",
    "CODEX_TOOL_CALL_ID",
];

/// What the program may do, in its own words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Mode {
    /// What a command may change.
    pub(super) sandbox: &'static str,
    /// When it asks.
    pub(super) approvals: &'static str,
}

/// Returns the program's words for a permission mode. A program that may ask does so even if every question is denied: a denial that was
/// never asked for is not in its output.
pub(super) const fn mode(permission: Permission) -> Mode {
    let (sandbox, approvals) = match permission {
        Permission::Plan | Permission::DontAsk => ("read-only", "never"),
        Permission::Default => ("read-only", "on-request"),
        Permission::AcceptEdits => ("workspace-write", "on-request"),
        Permission::BypassPermissions => ("danger-full-access", "never"),
    };
    Mode { sandbox, approvals }
}

/// Implements [`Launcher::launch`].
pub(super) fn launch(config: &Config<'_>, options: &Options) -> Result<Launch> {
    options.refuse_except(NAME, SUPPORTED)?;
    let program = installed::path(config, NAME).ok_or_else(not_installed)?;
    let rules = Rules::of(config)?;
    rules.refuse_denials(NAME)?;
    // What is allowed without asking cannot be passed on, so that it is asked for.
    let options = options.clone().with_rules(Rules { allow: vec![], ..rules });
    Ok(Launch {
        argv: argv(program, &options),
        new_session_args: vec!["app-server".to_owned()],
        resume_args: vec!["app-server".to_owned()],
        reports_session: true,
        protocol: Codex.protocol(),
        permission: Some(options.permission(config)?),
        on_prompt: options.on_prompt(config)?,
        unset: SESSION_VARIABLES.iter().map(|&name| name.to_owned()).collect(),
        ..Launch::plain(vec![], Stdin::Talk, TaskHandling::Prose)
    })
}

fn not_installed() -> Error {
    installed::missing("Codex", NAME, EXAMINATION.install, "run 'codex login' once to log in")
}

/// Returns the program with the settings that its protocol does not carry. The value of a setting is TOML, in which strings and lists
/// are written as in JSON.
fn argv(program: String, options: &Options) -> Vec<String> {
    let mut argv = vec![program];
    let mut set = |setting: &str, value: serde_json::Value| {
        argv.extend(["-c".to_owned(), format!("{setting}={value}")]);
    };
    if !options.add_dirs.is_empty() {
        let dirs: Vec<String> = options.add_dirs.iter().map(|dir| dir.display().to_string()).collect();
        set("sandbox_workspace_write.writable_roots", dirs.into());
    }
    if let Some(text) = &options.append_system_prompt {
        set("developer_instructions", text.as_str().into());
    }
    argv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_becomes_a_setting() {
        let none = Options::default;
        for (options, expected) in [
            (none(), vec!["codex"]),
            (
                Options { add_dirs: vec!["/a b".into(), "/c".into()], ..none() },
                vec!["codex", "-c", r#"sandbox_workspace_write.writable_roots=["/a b","/c"]"#],
            ),
            (
                Options { append_system_prompt: Some("Say \"hi\".\n".to_owned()), ..none() },
                vec!["codex", "-c", r#"developer_instructions="Say \"hi\".\n""#],
            ),
            // These are part of the protocol.
            (
                Options { model: Some("m".to_owned()), permission: Some(Permission::Plan), ..none() },
                vec!["codex"],
            ),
        ] {
            assert_eq!(argv("codex".to_owned(), &options), expected);
        }
    }

    #[test]
    fn only_a_mode_that_may_ask_does() {
        for (permission, sandbox, approvals) in [
            (Permission::Plan, "read-only", "never"),
            (Permission::Default, "read-only", "on-request"),
            (Permission::DontAsk, "read-only", "never"),
            (Permission::AcceptEdits, "workspace-write", "on-request"),
            (Permission::BypassPermissions, "danger-full-access", "never"),
        ] {
            assert_eq!(mode(permission), Mode { sandbox, approvals });
        }
    }
}
