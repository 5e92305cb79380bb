//! Finding the program of a profile in the user's configuration. A custom command takes precedence over a known program.

use std::{collections::BTreeSet, ops::Deref};

use super::{
    AgentProgram, Launch, Options, Protocol, TaskHandling,
    custom::{Speaks, UserCommand},
    launch::PROMPT_FILE,
    options,
    profile::ProfileOptions,
    registry,
};
use crate::{
    Code, Error, Kind, Result,
    config::{
        Config,
        keys::{AGENT_ACP, AGENT_COMMAND, AGENT_ENV, AGENT_PROGRAM, AGENT_PROMPT, AGENT_READS_PROSE, MCP},
    },
    model::{nearest::nearest, quote, text},
};

/// The program of a profile.
pub(super) enum Configured {
    Known(&'static dyn AgentProgram),
    OfUser(UserCommand),
}

impl Deref for Configured {
    type Target = dyn AgentProgram;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Known(program) => *program,
            Self::OfUser(command) => command,
        }
    }
}

/// Returns the program of the profile `name`, if there is one.
pub(super) fn configured(name: &str, config: &Config<'_>) -> Option<Configured> {
    let known = registry::program(name);
    for (key, speaks) in [(&AGENT_COMMAND, Speaks::Text), (&AGENT_ACP, Speaks::Acp)] {
        if let Some(command) = config.get_or_default(&key.of(name)) {
            return Some(Configured::OfUser(UserCommand::new(name, command, speaks, known)));
        }
    }
    known.or_else(|| program_of_role(name, config)).map(Configured::Known)
}

/// Returns the known program that a profile with a name of the user runs.
fn program_of_role(name: &str, config: &Config<'_>) -> Option<&'static dyn AgentProgram> {
    let named = config.get_or_default(&AGENT_PROGRAM.of(name))?;
    registry::startable().any(|(known, _)| known == named).then(|| registry::program(&named))?
}

/// Determines how an agent of the profile `name` is started with these options.
///
/// # Errors
/// There is no such profile, its program is not on this machine, or it does not support an option (2). The error names the profiles
/// that are ready.
pub fn launch(name: &str, config: &Config<'_>, options: &Options) -> Result<Launch> {
    launch_or(name, config, options, &|error| error.hint(ready_here(config)))
}

/// As [`launch`], where `with_ready` names the profiles that are ready in an error. Finding those launches all roles, and must not ask
/// for them again.
fn launch_or(
    name: &str,
    config: &Config<'_>,
    options: &Options,
    with_ready: &dyn Fn(Error) -> Error,
) -> Result<Launch> {
    // What nobody approved must not look as if it were missing.
    config.get(&AGENT_COMMAND.of(name))?;
    config.get(&AGENT_ACP.of(name))?;
    config.get(&AGENT_PROGRAM.of(name))?;
    let program = configured(name, config);
    let launcher = program.as_deref().and_then(AgentProgram::launcher);
    let launcher = launcher.ok_or_else(|| no_such_program(name, config, with_ready))?;
    let own = ProfileOptions::of(name, config)?;
    let unsupported = own.unsupported(launcher.supported());
    let typed = options.permission;
    let mut options = own.with(options.clone());
    if launcher.supported().contains(&options::PERMISSION) {
        options.lower(typed, config)?;
    } else {
        options.check_most(name, None)?;
    }
    // Those of all agents are no wish for this one, which may not be able to have any.
    if launcher.supported().contains(&options::MCP_SERVER) && !options.restricted {
        options.mcp.extend(config.valid(&MCP)?);
    }
    let launch = launcher.launch(config, &options).map_err(|error| match program {
        Some(Configured::Known(_)) if error.kind() != Kind::Usage => with_ready(error),
        _ if error.code == Code::OptionUnsupported => unsupported.unwrap_or(error),
        _ => error,
    })?;
    options.check_most(name, launch.permission)?;
    let env = launch.env.into_iter().chain(variables(name, config)?).collect();
    Ok(Launch { model: options.model.or(launch.model), env, ..launch })
}

/// Returns the variables that the user sets for a profile.
///
/// # Errors
/// One of them is invalid (3).
pub fn variables(name: &str, config: &Config<'_>) -> Result<Vec<(String, String)>> {
    let all = config.valid(&AGENT_ENV.of(name))?;
    let pairs = all.iter().filter_map(|one| one.split_once('='));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

fn no_such_program(name: &str, config: &Config<'_>, with_ready: &dyn Fn(Error) -> Error) -> Error {
    let key = AGENT_PROGRAM.of(name);
    if let Ok(Some(named)) = config.get(&key) {
        let known: BTreeSet<String> = registry::startable().map(|(known, _)| known.to_owned()).collect();
        let all: Vec<&str> = known.iter().map(String::as_str).collect();
        let all = match all.as_slice() {
            [most @ .., last] if !most.is_empty() => format!("{} or {last}", most.join(", ")),
            few => few.concat(),
        };
        let near = nearest(&named, known);
        return config.refused(&key, &format!("which is not {all}"), near.as_deref());
    }
    let command =
        quote::command(&[&"git", &"config", &AGENT_COMMAND.of(name).name(), &format!("… {PROMPT_FILE} …")]);
    let error = Error::new(Code::ProfileUnknown, format!("no agent program '{}'", text::safe(name)));
    with_ready(error).hint(format!("{command} makes a profile of any program"))
}

fn ready_here(config: &Config<'_>) -> String {
    format!("ready here: {}", ready(config).join(", "))
}

/// Returns the protocol of the profile `name`, whether or not it can be started here.
pub fn protocol_of(name: &str, config: &Config<'_>) -> Protocol {
    let program = configured(name, config);
    let launcher = program.as_deref().and_then(AgentProgram::launcher);
    launcher.map_or(Protocol::PLAIN, |launcher| launcher.protocol())
}

/// Returns the profiles that can be started on this machine: first the known programs, then the custom commands and the roles.
pub fn ready(config: &Config<'_>) -> Vec<String> {
    let own = [config.names(&AGENT_COMMAND), config.names(&AGENT_ACP)].concat();
    let known = registry::startable()
        .filter(|(name, launcher)| launcher.is_installed(config) || own.iter().any(|own| own == name));
    let mut names: Vec<String> = known.map(|(name, _)| name.to_owned()).collect();
    for name in own.into_iter().chain(roles(config)) {
        if !names.contains(&name) && launch_or(&name, config, &Options::default(), &|error| error).is_ok() {
            names.push(name);
        }
    }
    names
}

/// Returns how the profile `name` treats its task, whether or not it can be started here.
///
/// # Errors
/// `orchestra.agent.<name>.reads` is neither `prose` nor `script`.
fn reads(name: &str, config: &Config<'_>) -> Result<TaskHandling> {
    let program = configured(name, config);
    let launcher = program.as_deref().and_then(AgentProgram::launcher);
    launcher.map_or(Ok(TaskHandling::Script), |launcher| launcher.reads(config))
}

/// Fails if text that the user did not type must not be given to agents of the profile `name`. `what` names that text.
///
/// # Errors
/// The agent may execute its task as a script (3).
pub fn check_prose(name: &str, config: &Config<'_>, what: &str) -> Result<()> {
    if reads(name, config)? == TaskHandling::Prose {
        return Ok(());
    }
    let shown = text::safe(name);
    let refused = Error::new(
        Code::TaskIsScript,
        format!("{what} cannot be given to agent '{shown}': it would run it as a script"),
    );
    if config.get(&AGENT_COMMAND.of(name))?.is_none() {
        return Err(refused);
    }
    let key = AGENT_READS_PROSE.of(name);
    let command = quote::command(&[&"git", &"config", &key.name(), &"prose"]);
    Err(refused.hint(format!("if it reads its task as text: {command}")))
}

/// Returns the name of the program that agents of the profile `name` run. It is another name only for a role: a profile of the user
/// that runs a known program.
pub fn program_of(name: &str, config: &Config<'_>) -> String {
    configured(name, config).map_or_else(|| name.to_owned(), |program| program.name().to_owned())
}

/// Returns the command with which a person continues the conversation of an agent of the profile `name` in a terminal, if its sessions
/// cannot be listed; see [`super::Launcher::interactive_argv`].
pub fn interactive_argv(
    name: &str,
    config: &Config<'_>,
    launch: &Launch,
    session: Option<&str>,
) -> Option<Vec<String>> {
    configured(name, config)?.launcher()?.interactive_argv(launch, session)
}

/// Returns these options of a reviewing agent as the profile `name` supports them, and whether it looks at the history by itself. What
/// a program cannot be allowed in advance is denied.
pub fn for_review(name: &str, config: &Config<'_>, options: Options) -> (Options, bool) {
    let program = configured(name, config);
    let Some(launcher) = program.as_deref().and_then(AgentProgram::launcher) else { return (options, true) };
    let supported = launcher.supported();
    let supports = |option: &str| supported.contains(&option);
    let permission = options.permission.map(|permission| launcher.review_permission(permission));
    let allow = if supports(options::ALLOW_TOOL) { options.allow } else { Vec::new() };
    let model = options.model.filter(|_| supports(options::MODEL));
    let permission = permission.filter(|_| supports(options::PERMISSION));
    (Options { permission, allow, model, ..options }, launcher.reads_history())
}

/// Returns the text that the user configured to be put before the tasks of a profile.
///
/// # Errors
/// The profile would run it as a script (3).
pub fn prompt_of(name: &str, config: &Config<'_>) -> Result<Option<String>> {
    let key = AGENT_PROMPT.of(name);
    let prompt = config.get(&key)?;
    if prompt.is_some() {
        check_prose(name, config, &format!("'{}'", text::safe(key.name())))?;
    }
    Ok(prompt)
}

/// Returns the roles of the user: profiles that run a known program under another name.
fn roles(config: &Config<'_>) -> Vec<String> {
    let mut names = config.names(&AGENT_PROGRAM);
    names.retain(|name| configured(name, config).is_some_and(|program| program.name() != name));
    names
}
