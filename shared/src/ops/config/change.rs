//! Changing a key in git's configuration, by `git config`, which has the locks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    check_readable,
    setting_object::{SettingObject, without_secrets},
};
use crate::{
    Code, Error, Result,
    config::{Edit, Settings, TableKey},
    context::Context,
    git::Repo,
    model::{ConfigScope, quote, text},
    trust::acceptance::{self, ConfigCheck},
};

/// The longest value, in bytes.
const MAX_VALUE: usize = 64 << 10;

/// A key to set.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SetRequest {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// Whether to keep the values that the key has, if it may be given several times.
    pub add: bool,
    /// Whether to set it for all repositories of the user.
    pub global: bool,
}

/// A key to unset.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct UnsetRequest {
    /// The key.
    pub key: String,
    /// The value to remove; by default, all values of the key.
    pub value: Option<String>,
    /// Whether to unset it for all repositories of the user.
    pub global: bool,
}

/// What changed.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "ConfigKeyChange")]
pub struct Change {
    /// The scope that was changed: `local` or `global`.
    pub scope: ConfigScope,
    /// The values that the scope had.
    pub before: Vec<String>,
    /// The values that the scope has now.
    pub after: Vec<String>,
    /// What applies now.
    pub setting: SettingObject,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// Sets a key, or adds a value to it. Nothing remains of a change that was interrupted.
///
/// # Errors
/// There is no such key, or the value is not of its type (2); an agent called it (3); another program has the configuration locked
/// (4); it cannot be written (5); `global` is not set and no repository was found (128).
pub fn set(context: &Context, repo: Option<&Repo>, request: &SetRequest) -> Result<Change> {
    let key = TableKey::require(&request.key)?;
    key.check(&request.value)?;
    if request.value.len() > MAX_VALUE || request.value.contains('\0') {
        let why = format!("a value has at most {MAX_VALUE} bytes, and no NUL");
        return Err(Error::new(Code::ValueInvalid, format!("'{}': {why}", key.name())));
    }
    if request.add && !key.key().is_repeated() {
        return Err(Error::usage(format!("'{}' has one value: --add does not apply", key.name()))
            .hint_command(&[&"git", &"orchestra", &"config", &"set", &key.name(), &request.value]));
    }
    let place = Place::of(context, repo, request.global)?;
    let value = request.value.as_str();
    place.change(&key, if request.add { Edit::Add(value) } else { Edit::Set(value) })
}

/// Unsets a key, under any of its names. It is no error if it is not set.
///
/// # Errors
/// The same as those of [`set`].
pub fn unset(context: &Context, repo: Option<&Repo>, request: &UnsetRequest) -> Result<Change> {
    let key = TableKey::require(&request.key)?;
    let place = Place::of(context, repo, request.global)?;
    place.change(&key, request.value.as_deref().map_or(Edit::Unset, Edit::Remove))
}

/// The configuration that is changed.
struct Place<'a> {
    context: &'a Context,
    repo: Option<&'a Repo>,
    scope: ConfigScope,
}

impl<'a> Place<'a> {
    fn of(context: &'a Context, repo: Option<&'a Repo>, is_global: bool) -> Result<Self> {
        context.check()?;
        refuse_agents(context, repo)?;
        let scope = if is_global { ConfigScope::Global } else { ConfigScope::Local };
        if let Some(repo) = repo {
            check_readable(repo)?;
        } else if !is_global {
            return Err(Error::new(Code::NotARepository, "not in a git repository")
                .hint("--global sets it for all of your repositories"));
        }
        Ok(Self { context, repo, scope })
    }

    fn change(&self, key: &TableKey, edit: Edit<'_>) -> Result<Change> {
        let environment = self.context.environment();
        let before = Settings::read(self.repo, environment)?.in_scope(key, self.scope);
        match (self.repo, self.scope) {
            (Some(repo), ConfigScope::Local) => change_accepted(repo, key, edit)?,
            _ => edit.for_user(environment, key)?,
        }
        let repo = self.repo.map(Repo::reopen).transpose()?;
        let now = Settings::read(repo.as_ref(), environment)?;
        let (after, setting) = (now.in_scope(key, self.scope), SettingObject::of(&now.of(key)));
        let warnings = self.overridden(key, &after, &setting).into_iter().collect();
        let shown = |values: Vec<String>| values.iter().map(|value| without_secrets(value)).collect();
        Ok(Change { scope: self.scope, before: shown(before), after: shown(after), setting, warnings })
    }

    /// Returns a warning if another scope takes precedence over what was set.
    fn overridden(&self, key: &TableKey, after: &[String], setting: &SettingObject) -> Option<String> {
        let other = setting.values.last().filter(|value| value.scope != self.scope)?;
        if after.is_empty() || setting.repeated {
            return None;
        }
        let place = other
            .file
            .as_ref()
            .map_or_else(|| "the environment".to_owned(), |file| format!("'{}'", text::safe(file)));
        Some(format!(
            "{place} takes precedence here, and sets {} to {}",
            key.name(),
            text::safe(&quote::word(&other.value))
        ))
    }
}

/// Fails if an agent calls: the configuration decides what agents may do.
pub(super) fn refuse_agents(context: &Context, repo: Option<&Repo>) -> Result<()> {
    let environment = context.environment();
    let is_agent = match repo {
        Some(repo) => repo.is_called_by_agent(),
        None => environment.is_agent() || !environment.supervisors_above().is_empty(),
    };
    if !is_agent {
        return Ok(());
    }
    Err(Error::new(Code::NotForAgents, "an agent cannot change the configuration")
        .hint("type it in a shell of your own"))
}

/// Changes the repository's configuration, and accepts the change of this key, which a person made. If other changes wait to be
/// accepted, this one is shown with them.
pub(super) fn change_accepted(repo: &Repo, key: &TableKey, edit: Edit<'_>) -> Result<()> {
    let check = acceptance::check(repo.reopen()?)?;
    edit.in_repository(repo, key)?;
    match check {
        ConfigCheck::Accepted(accepted) => {
            key.names_in_git().iter().try_for_each(|name| accepted.accept_own_change(name))
        }
        ConfigCheck::Pending(_) => Ok(()),
    }
}
