//! Starting Codex as a server that speaks its protocol on its standard streams. Unlike `codex exec` it can ask, accepts messages at any
//! time, and reports denials. Settings are passed for this process only; login and everything else are the user's own.

use serde_json::Value;

use super::{Codex, EXAMINATION, NAME, sessions::NO_SERVER};
use crate::{
    Error, Result,
    agents::{
        DesignerOptions, Launch, Launcher, Options, Stdin, TaskHandling, installed,
        launch::SESSION,
        mcp,
        mcp_server::{McpServer, Place},
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
    options::MCP_SERVER,
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
    let servers = mcp::servers(config, options)?;
    let rules = Rules::of(config)?;
    rules.refuse_denials(NAME)?;
    // What is allowed without asking cannot be passed on, so that it is asked for.
    let options = options.clone().with_rules(Rules { allow: vec![], ..rules });
    Ok(Launch {
        argv: [argv(program, &options), mcp_settings(&servers)].concat(),
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

/// Starts it as a designer. It has no background server, which would outlive the designer.
pub(in crate::agents) fn designer(config: &Config<'_>, options: &DesignerOptions) -> Result<Launch> {
    let program = installed::path(config, NAME).ok_or_else(not_installed)?;
    let settings = Options { append_system_prompt: Some(options.prompt.clone()), ..Options::default() };
    let mut argv = [argv(program, &settings), mcp_settings(std::slice::from_ref(&options.server))].concat();
    if !options.writes {
        argv.push("--sandbox=read-only".to_owned());
    }
    argv.extend(options.model.iter().map(|model| format!("--model={model}")));
    Ok(Launch {
        new_session_args: vec![NO_SERVER.to_owned()],
        resume_args: ["resume", NO_SERVER, SESSION].map(str::to_owned).into(),
        reports_session: true,
        unset: SESSION_VARIABLES.iter().map(|&name| name.to_owned()).collect(),
        ..Launch::plain(argv, Stdin::Empty, TaskHandling::Prose)
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

/// Returns the settings with MCP servers. They name variables, whose values the program reads itself.
fn mcp_settings(servers: &[McpServer]) -> Vec<String> {
    let mut argv = Vec::new();
    for McpServer { name, place } in servers {
        let mut set = |setting: &str, value: Value| {
            argv.extend(["-c".to_owned(), format!("mcp_servers.{name}.{setting}={value}")]);
        };
        match place {
            Place::Program { command, args, env } => {
                set("command", command.as_str().into());
                if !args.is_empty() {
                    set("args", args.as_slice().into());
                }
                if !env.is_empty() {
                    set("env_vars", env.as_slice().into());
                }
            }
            Place::Url { url, headers } => {
                set("url", url.as_str().into());
                for (header, variable) in headers {
                    set(&format!("env_http_headers.{header}"), variable.as_str().into());
                }
            }
        }
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
    fn servers_become_settings_without_a_secret() {
        let words = |all: &[&str]| -> Vec<String> { all.iter().map(|&one| one.to_owned()).collect() };
        let place = Place::Program {
            command: "/bin/a b".to_owned(),
            args: words(&["-x", "\"q\""]),
            env: words(&["KEY"]),
        };
        let headers = vec![("X-Key".to_owned(), "TOKEN".to_owned())];
        let url = Place::Url { url: "https://example.org".to_owned(), headers };
        let servers =
            [McpServer { name: "one".to_owned(), place }, McpServer { name: "two".to_owned(), place: url }];
        assert_eq!(
            mcp_settings(&servers).iter().filter(|word| *word != "-c").collect::<Vec<_>>(),
            [
                r#"mcp_servers.one.command="/bin/a b""#,
                r#"mcp_servers.one.args=["-x","\"q\""]"#,
                r#"mcp_servers.one.env_vars=["KEY"]"#,
                r#"mcp_servers.two.url="https://example.org""#,
                r#"mcp_servers.two.env_http_headers.X-Key="TOKEN""#,
            ]
        );
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
