//! `ui`: who may have the whole screen of a terminal, what the user chose for it, and the profiles of new agents. The program draws; this decides.

use crate::{
    Code, Error, Result, agents,
    config::{
        Config,
        keys::{AGENT, AGENT_MODEL, AGENT_PROGRAM, UI_KEY, UI_MOUSE},
    },
    git::Repo,
};

/// A key that the user chose for something that the window does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChosenKey {
    /// The name of what it does, such as `stop`.
    pub name: String,
    /// The character.
    pub key: char,
}

/// Checks that a person is at the terminal: an agent would answer its own questions through the window.
///
/// # Errors
/// The caller is the program of an agent (3).
pub fn check_caller(repo: &Repo) -> Result<()> {
    if repo.is_called_by_agent() {
        return Err(Error::new(Code::NotForAgents, "an agent cannot use the window of a person")
            .hint_command(&[&"git", &"orchestra", &"status"]));
    }
    Ok(())
}

/// Returns the keys that the user chose for what these names stand for.
///
/// # Errors
/// A value is not one character, a name is not among `names`, or two of them have one key (3).
pub fn chosen_keys(repo: &Repo, names: &[&str]) -> Result<Vec<ChosenKey>> {
    let config = Config::of(repo);
    let wrong = |name: &str, why: String| {
        Error::new(Code::ConfigInvalid, format!("{} {why}", UI_KEY.of(name).name()))
    };
    if let Some(other) = config.names(&UI_KEY).iter().find(|name| !names.contains(&name.as_str())) {
        return Err(wrong(other, format!("is not a key of the window; these are: {}", names.join(", "))));
    }
    let mut chosen: Vec<ChosenKey> = Vec::new();
    for name in names {
        let Some(key) = config.get(&UI_KEY.of(name))? else { continue };
        if let Some(other) = chosen.iter().find(|one| one.key == key) {
            return Err(wrong(name, format!("has the same value as {}", UI_KEY.of(&other.name).name())));
        }
        chosen.push(ChosenKey { name: (*name).to_owned(), key });
    }
    Ok(chosen)
}

/// Returns the command that gives what a name stands for a key, for a hint.
pub fn key_hint(name: &str) -> String {
    UI_KEY.of(name).hint("KEY")
}

/// Whether the user wants the mouse in the window.
///
/// # Errors
/// The value is neither true nor false (3).
pub fn uses_mouse(repo: &Repo) -> Result<bool> {
    Config::of(repo).get(&UI_MOUSE)
}

/// A profile with which an agent can be started here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProfileChoice {
    /// Its name.
    pub name: String,
    /// The program that it runs, if the configuration names one.
    pub program: Option<String>,
    /// Its model, if the configuration names one.
    pub model: Option<String>,
    /// Whether agents have it if no other is chosen.
    pub is_default: bool,
}

/// Returns the profiles that can be started here.
pub fn profiles(repo: &Repo) -> Vec<ProfileChoice> {
    let config = Config::of(repo);
    let default = config.get_or_default(&AGENT);
    let choice = |name: String| ProfileChoice {
        program: config.get_or_default(&AGENT_PROGRAM.of(&name)),
        model: config.get_or_default(&AGENT_MODEL.of(&name)),
        is_default: name == default,
        name,
    };
    agents::ready(&config).into_iter().map(choice).collect()
}
