//! MCP servers: programs and addresses with tools for agents, which the user named in git config. Secrets are in variables, of which only
//! the names are known here.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{
    Options, PrivateFile,
    launch::PRIVATE,
    mcp_server::{McpServer, Place},
};
use crate::{
    Code, Error, Result,
    config::{
        Config,
        keys::{MCP_ARG, MCP_COMMAND, MCP_ENV, MCP_HEADER, MCP_URL},
    },
    model::{nearest::nearest, quote, secret, text},
    process,
    world::Environment,
};

/// The most servers of one agent.
const MAX_SERVERS: usize = 20;
/// The longest name of a server, in bytes.
const MAX_NAME: usize = 40;

/// Returns the servers of an agent with these options.
///
/// # Errors
/// There is no such server, it cannot be started here, a variable that it needs is not set, or something that looks like a secret is in
/// git config (3).
pub(super) fn servers(config: &Config<'_>, options: &Options) -> Result<Vec<McpServer>> {
    let mut names: Vec<&String> = Vec::new();
    for name in &options.mcp {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() > MAX_SERVERS {
        return Err(Error::refused(format!("{} MCP servers; the limit is {MAX_SERVERS}", names.len())));
    }
    names.into_iter().map(|name| server(config, name)).collect()
}

/// Returns the names of the servers in git config.
pub fn configured_servers(config: &Config<'_>) -> Vec<String> {
    let mut names = [config.names(&MCP_COMMAND), config.names(&MCP_URL)].concat();
    names.sort_unstable();
    names.dedup();
    names
}

/// Checks that a server can be given to agents.
///
/// # Errors
/// The server or one of its values cannot be used (3).
pub fn check_server(config: &Config<'_>, name: &str) -> Result<()> {
    server(config, name).map(drop)
}

fn server(config: &Config<'_>, name: &str) -> Result<McpServer> {
    let shown = text::safe(name).into_owned();
    let is_name = (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !is_name {
        return Err(Error::refused(format!(
            "'{shown}' cannot be the name of an MCP server: it has letters, digits, '-' and '_' only, at most {MAX_NAME}"
        )));
    }
    let (command, url) = (config.get(&MCP_COMMAND.of(name))?, config.get(&MCP_URL.of(name))?);
    let variables = config.valid(&MCP_ENV.of(name))?;
    let headers = config.valid(&MCP_HEADER.of(name))?;
    let headers: Vec<(String, String)> = headers
        .iter()
        .filter_map(|header| header.split_once('='))
        .map(|(header, variable)| (header.to_owned(), variable.to_owned()))
        .collect();
    let args = config.valid(&MCP_ARG.of(name))?;
    let of_args = args.iter().map(|arg| (arg, MCP_ARG.of(name).name().to_owned()));
    let of_url = url.iter().map(|url| (url, MCP_URL.of(name).name().to_owned()));
    if let Some((_, key)) = of_args.chain(of_url).find(|(value, _)| secret::first_secret(value).is_some()) {
        return Err(Error::refused(format!("git config '{key}' has something that looks like a secret"))
            .hint(format!("{}, and the secret in that variable", MCP_ENV.of(name).hint("NAME")))
            .hint(format!("git orchestra config unset {}", quote::word(&key))));
    }
    for variable in variables.iter().chain(headers.iter().map(|(_, variable)| variable)) {
        if config.environment().text_variable(variable).is_none_or(|value| value.is_empty()) {
            return Err(Error::refused(format!(
                "MCP server '{shown}' needs the variable {variable}, which is not set"
            )));
        }
    }
    let place = match (command, url) {
        (Some(command), None) if headers.is_empty() => {
            let path = process::on_path(config.environment(), &command).ok_or_else(|| {
                Error::refused(format!(
                    "MCP server '{shown}' cannot be started: no program '{}' on PATH",
                    text::safe(&command)
                ))
                .hint(MCP_COMMAND.of(name).hint("PATH"))
            })?;
            Place::Program { command: path.to_string_lossy().into_owned(), args, env: variables }
        }
        (None, Some(url)) if args.is_empty() && variables.is_empty() => Place::Url { url, headers },
        (None, None) => return Err(no_server(config, name)),
        (Some(_), _) => {
            return Err(Error::refused(format!(
                "MCP server '{shown}' has a command, so that it has no address and no headers"
            ))
            .hint(format!("git orchestra config list --all, then unset those of orchestra.mcp.{shown}")));
        }
        (None, Some(_)) => {
            return Err(Error::refused(format!(
                "MCP server '{shown}' has an address, so that it has no arguments and no variables"
            ))
            .hint(MCP_HEADER.of(name).hint("Authorization=NAME")));
        }
    };
    Ok(McpServer { name: name.to_owned(), place })
}

fn no_server(config: &Config<'_>, name: &str) -> Error {
    let known = configured_servers(config);
    let near = nearest(name, known.iter().cloned().collect());
    let error = Error::refused(format!("no MCP server '{}'", text::safe(name)));
    let error =
        near.into_iter().fold(error, |error, near| error.hint(format!("--mcp {}", quote::word(&near))));
    let error = match known.as_slice() {
        [] => error,
        known => error.hint(format!("MCP servers: {}", text::safe(&known.join(", ")))),
    };
    error.hint(MCP_COMMAND.of(name).hint("PROGRAM"))
}

/// Returns the server and the tool of a rule in the words of Claude Code, `mcp__SERVER__TOOL` or, for all tools of a server,
/// `mcp__SERVER`.
pub(super) fn tool_of_rule(rule: &str) -> Option<(&str, Option<&str>)> {
    let named = rule.strip_prefix("mcp__")?;
    let (server, tool) = named.split_once("__").map_or((named, None), |(server, tool)| (server, Some(tool)));
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    };
    let tool = tool.filter(|tool| *tool != "*");
    (is_word(server) && tool.is_none_or(is_word)).then_some((server, tool))
}

/// Returns the error of a program that cannot be given a server.
pub(super) fn unsupported(agent: &str, server: &McpServer, what: &str) -> Error {
    Error::new(
        Code::OptionUnsupported,
        format!("agent '{}' cannot be given the MCP server '{}': {what}", text::safe(agent), server.name),
    )
}

/// How a program writes its list of servers.
pub(super) struct Form {
    /// Returns the reference to a variable in a value, for a name.
    pub(super) variable: fn(&str) -> String,
    /// The field for the address of a server.
    pub(super) url: &'static str,
    /// Whether each server says of which kind it is.
    pub(super) has_type: bool,
}

/// Returns the servers as JSON, by their names.
pub(super) fn as_json(servers: &[McpServer], form: &Form) -> Value {
    let mut all = Map::new();
    for McpServer { name, place } in servers {
        let refer = |pairs: Vec<(&String, &String)>| -> Map<String, Value> {
            pairs.into_iter().map(|(name, of)| (name.clone(), (form.variable)(of).into())).collect()
        };
        let (mut server, kind) = match place {
            Place::Program { command, args, env } => {
                let env = refer(env.iter().map(|name| (name, name)).collect());
                (json!({"command": command, "args": args, "env": env}), "stdio")
            }
            Place::Url { url, headers } => {
                let headers = refer(headers.iter().map(|(name, of)| (name, of)).collect());
                (json!({form.url: url, "headers": headers}), "http")
            }
        };
        if form.has_type {
            server["type"] = kind.into();
        }
        all.insert(name.clone(), server);
    }
    all.into()
}

/// Returns the servers as they are named in a message to a program, with the values of their variables, which are in no file.
pub fn with_values(servers: &[McpServer], environment: &Environment) -> Value {
    let value = |of: &String| environment.text_variable(of).unwrap_or_default();
    let one = |McpServer { name, place }: &McpServer| match place {
        Place::Program { command, args, env } => {
            let env: Vec<Value> =
                env.iter().map(|name| json!({"name": name, "value": value(name)})).collect();
            json!({"name": name, "command": command, "args": args, "env": env})
        }
        Place::Url { url, headers } => {
            let headers: Vec<Value> =
                headers.iter().map(|(name, of)| json!({"name": name, "value": value(of)})).collect();
            json!({"type": "http", "name": name, "url": url, "headers": headers})
        }
    };
    servers.iter().map(one).collect()
}

/// Returns a file with the servers in the field `mcpServers`, and its path in the agent's private folder.
pub(super) fn file(name: &str, servers: &[McpServer], form: &Form) -> (PrivateFile, String) {
    let text = json!({"mcpServers": as_json(servers, form)}).to_string();
    let mut path = PRIVATE.to_owned();
    let _ = write!(path, "/{name}");
    (PrivateFile { name: name.to_owned(), text }, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_names_a_server_or_one_of_its_tools() {
        for (rule, expected) in [
            ("mcp__notes", Some(("notes", None))),
            ("mcp__notes__*", Some(("notes", None))),
            ("mcp__notes__add_one", Some(("notes", Some("add_one")))),
            ("mcp__", None),
            ("mcp__no tes", None),
            ("mcp__notes__a*", None),
            ("Bash", None),
        ] {
            assert_eq!(tool_of_rule(rule), expected, "{rule}");
        }
    }

    #[test]
    fn values_of_variables_are_referred_to_and_not_written() {
        let servers = [
            McpServer {
                name: "notes".to_owned(),
                place: Place::Program {
                    command: "/bin/notes".to_owned(),
                    args: vec!["-v".to_owned()],
                    env: vec!["KEY".to_owned()],
                },
            },
            McpServer {
                name: "far".to_owned(),
                place: Place::Url {
                    url: "https://example.org/mcp".to_owned(),
                    headers: vec![("Authorization".to_owned(), "TOKEN".to_owned())],
                },
            },
        ];
        let form = Form { variable: |name| format!("${{{name}}}"), url: "url", has_type: true };
        let expected = json!({
            "notes": {"type": "stdio", "command": "/bin/notes", "args": ["-v"], "env": {"KEY": "${KEY}"}},
            "far": {"type": "http", "url": "https://example.org/mcp", "headers": {"Authorization": "${TOKEN}"}},
        });
        assert_eq!(as_json(&servers, &form), expected);
        let environment = Environment::new([("KEY".into(), "k1".into())], std::path::Path::new("/"));
        let told = json!([
            {"name": "notes", "command": "/bin/notes", "args": ["-v"], "env": [{"name": "KEY", "value": "k1"}]},
            {"type": "http", "name": "far", "url": "https://example.org/mcp",
                "headers": [{"name": "Authorization", "value": ""}]},
        ]);
        assert_eq!(with_values(&servers, &environment), told);
        let (file, path) = file("x.json", &servers, &form);
        assert_eq!((file.name.as_str(), path.as_str()), ("x.json", "{private}/x.json"));
        assert_eq!(serde_json::from_str::<Value>(&file.text).unwrap()["mcpServers"], expected);
    }
}
