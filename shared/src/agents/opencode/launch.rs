//! Starting opencode. Permissions are passed in a variable for this process only; login and everything else are the user's own.

use serde_json::{Map, Value, json};

use super::{NAME, Opencode, examination::EXAMINATION, permission};
use crate::{
    Code, Error, Result,
    agents::{
        DesignerOptions, Launch, Launcher, Options, PrivateFile, Stdin, TaskHandling, installed,
        launch::{PRIVATE, SESSION},
        mcp,
        mcp_server::{McpServer, Place},
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
    options::MCP_SERVER,
];
/// The variable with settings in addition to those in the user's files.
const SETTINGS: &str = "OPENCODE_CONFIG_CONTENT";
/// The file with the instructions of a designer.
const PROMPT: &str = "designer.md";
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
    let servers = mcp::servers(config, &options)?;
    let settings = match servers.as_slice() {
        [] => None,
        servers => Some(settings(servers, config.environment().text_variable(SETTINGS).as_deref())?),
    };
    Ok(Launch {
        argv: argv(program, permission, &options),
        resume_args: vec![format!("--session={SESSION}")],
        reports_session: true,
        protocol: Opencode.protocol(),
        permission: Some(permission),
        on_prompt,
        env: [(VARIABLE.to_owned(), permission::value(permission, on_prompt, &options, already.as_deref()))]
            .into_iter()
            .chain(settings.map(|settings| (SETTINGS.to_owned(), settings)))
            .collect(),
        ..Launch::plain(vec![], Stdin::Prompt, TaskHandling::Prose)
    })
}

/// Starts it as a designer, with instructions in a file in addition to those of the user.
pub(in crate::agents) fn designer(config: &Config<'_>, options: &DesignerOptions) -> Result<Launch> {
    let program = installed::path(config, NAME).ok_or_else(not_installed)?;
    let already = |name| config.environment().text_variable(name);
    let servers = std::slice::from_ref(&options.server);
    let mut all: Value = serde_json::from_str(&settings(servers, already(SETTINGS).as_deref())?)
        .map_err(|error| Error::internal("the settings are not JSON").because(error))?;
    let mut texts = all["instructions"].as_array().cloned().unwrap_or_default();
    texts.push(format!("{PRIVATE}/{PROMPT}").into());
    all["instructions"] = texts.into();
    let mut env = vec![(SETTINGS.to_owned(), all.to_string())];
    if !options.writes {
        env.push((VARIABLE.to_owned(), permission::without_edits(already(VARIABLE).as_deref())));
    }
    let mut argv = vec![program];
    argv.extend(options.model.iter().map(|model| format!("--model={model}")));
    Ok(Launch {
        resume_args: vec![format!("--session={SESSION}")],
        reports_session: true,
        env,
        files: vec![PrivateFile { name: PROMPT.to_owned(), text: options.prompt.clone() }],
        ..Launch::plain(argv, Stdin::Empty, TaskHandling::Prose)
    })
}

/// Returns the settings with MCP servers, added to those that the variable already has. A server has all variables of the program.
fn settings(servers: &[McpServer], already: Option<&str>) -> Result<String> {
    let already = already.map(str::trim).filter(|text| !text.is_empty());
    let mut all: Value = match already.map(serde_json::from_str) {
        None => json!({}),
        Some(Ok(Value::Object(all))) if all.get("mcp").is_none_or(Value::is_object) => all.into(),
        Some(_) => {
            let what = format!("{SETTINGS} is set, and is no JSON to which they could be added");
            return Err(servers.first().map_or_else(
                || Error::internal("no servers"),
                |server| mcp::unsupported(NAME, server, &what),
            ));
        }
    };
    for McpServer { name, place } in servers {
        all["mcp"][name] = match place {
            Place::Program { command, args, .. } => {
                let command: Vec<&String> = [command].into_iter().chain(args).collect();
                json!({"type": "local", "command": command, "enabled": true})
            }
            Place::Url { url, headers } => {
                let headers: Map<String, Value> = headers
                    .iter()
                    .map(|(header, variable)| (header.clone(), format!("{{env:{variable}}}").into()))
                    .collect();
                json!({"type": "remote", "url": url, "headers": headers, "enabled": true})
            }
        };
    }
    Ok(all.to_string())
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
    fn servers_are_added_to_the_settings_that_are_there() {
        let place = Place::Program { command: "/bin/x".to_owned(), args: vec!["-v".to_owned()], env: vec![] };
        let headers = vec![("A".to_owned(), "TOKEN".to_owned())];
        let far = Place::Url { url: "https://example.org".to_owned(), headers };
        let servers =
            [McpServer { name: "one".to_owned(), place }, McpServer { name: "two".to_owned(), place: far }];
        let text = settings(&servers, Some(r#"{"theme":"x","mcp":{"own":{}}}"#)).unwrap();
        let expected = json!({"theme": "x", "mcp": {
            "own": {}, "one": {"type": "local", "command": ["/bin/x", "-v"], "enabled": true},
            "two": {"type": "remote", "url": "https://example.org", "headers": {"A": "{env:TOKEN}"}, "enabled": true},
        }});
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        assert!(settings(&servers, Some("no")).is_err() && settings(&servers, Some(r#"{"mcp":3}"#)).is_err());
    }

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
