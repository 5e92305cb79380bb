//! Starting the agent. Its key is never an argument: everybody on the machine can read arguments.

use super::{Api, KEY, NAME, no_key};
use crate::{
    Error, Result,
    agents::{
        Launch, Launcher, Options, Stdin, TaskHandling,
        launch::SESSION,
        options::{self, Rules},
    },
    config::{
        Config,
        keys::{AGENT_CONTEXT, AGENT_KEY_COMMAND, AGENT_MODEL, ALLOWED_CLI, ON_PROMPT, PRICE},
    },
    model::{Cost, OnPrompt, Price, text},
    process,
};

/// The program that is the agent.
const PROGRAM: &str = "git-orchestra-agent-api";

/// Returns whether there is a key, or a command for it.
pub(super) fn has_key(config: &Config<'_>) -> bool {
    config.get_or_default(&AGENT_KEY_COMMAND.of(NAME)).is_some()
        || config.environment().text_variable(KEY).is_some_and(|key| !key.trim().is_empty())
}

/// Implements [`Launcher::launch`].
pub(super) fn launch(config: &Config<'_>, options: &Options) -> Result<Launch> {
    options.refuse_except(NAME, options::ALL_BUT_MCP)?;
    let permission = match options.permission {
        Some(permission) => permission,
        None => config.permission()?,
    };
    let unless = if options.watched { OnPrompt::Ask } else { OnPrompt::Deny };
    let on_prompt = match options.on_prompt {
        Some(on_prompt) => on_prompt,
        None => config.get(&ON_PROMPT)?.unwrap_or(unless),
    };
    let options = options.clone().with_rules(Rules::of(config)?);
    // A role without a model of its own has that of the profile.
    let model = match options.model.clone() {
        Some(model) => model,
        None => config.get(&AGENT_MODEL.of(NAME))?.ok_or_else(no_model)?,
    };
    let price = config.get(&PRICE.of(&Price::key_of(&model)))?;
    if options.budget_micros.is_some() && price.is_none() {
        return Err(no_price(&model));
    }
    if !has_key(config) {
        return Err(no_key());
    }
    let mut argv = vec![process::own_program().with_file_name(PROGRAM).to_string_lossy().into_owned()];
    argv.push(format!("--permission={}", permission.as_str()));
    argv.push(format!("--model={model}"));
    argv.extend(options.allow.iter().map(|rule| format!("--allow={rule}")));
    argv.extend(config.get(&ALLOWED_CLI)?.iter().map(|name| format!("--allow=Bash({name}:*)")));
    argv.extend(options.deny.iter().map(|rule| format!("--deny={rule}")));
    argv.extend(options.add_dirs.iter().map(|dir| format!("--add-dir={}", dir.display())));
    argv.extend(options.append_system_prompt.iter().map(|text| format!("--append-system-prompt={text}")));
    argv.extend(options.max_turns.map(|turns| format!("--max-turns={turns}")));
    argv.extend(options.budget_micros.map(|micros| format!("--budget={}", Cost::from_micros(micros).text())));
    argv.push(format!("--context={}", config.get(&AGENT_CONTEXT.of(NAME))?));
    let key_command = config.get(&AGENT_KEY_COMMAND.of(NAME))?;
    argv.extend(key_command.map(|command| format!("--key-command={command}")));
    argv.extend(price.map(|price| format!("--price={}", price.text())));
    Ok(Launch {
        argv,
        new_session_args: vec![format!("--session={SESSION}")],
        resume_args: vec![format!("--resume={SESSION}")],
        protocol: Api.protocol(),
        model: Some(model),
        permission: Some(permission),
        on_prompt,
        ..Launch::plain(vec![], Stdin::Talk, TaskHandling::Prose)
    })
}

fn no_model() -> Error {
    Error::usage(format!("agent '{NAME}' needs a model"))
        .hint(AGENT_MODEL.of(NAME).hint("MODEL"))
        .hint("--model MODEL, for this agent")
}

fn no_price(model: &str) -> Error {
    let model = text::safe(model);
    Error::usage(format!("a budget needs the price of '{model}', which is not configured"))
        .hint(PRICE.of(&model).hint("3/15"))
}
