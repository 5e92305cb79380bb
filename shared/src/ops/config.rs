//! `config`: shows the keys of git orchestra with the values that apply, and changes them in git's configuration.

mod approve;
mod change;
mod import;
mod offer;
mod project_rules;
mod setting_object;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    approve::{Approval, DecisionRequest, Decline, approve, decline, no_file, proposal},
    change::{Change, SetRequest, UnsetRequest, set, unset},
    import::{Import, ImportRequest, ImportedSetting, LeftOutField, import, plan_import, read_import},
    offer::{answer_offer, offered_rules},
    setting_object::{SettingObject, ValueObject},
};
pub use crate::config::{Decision, Proposal};
use crate::{
    Code, Error, Result,
    config::{Settings, TableKey, suggestion},
    context::Context,
    git::Repo,
    model::ConfigScope,
};

/// Maximum number of unknown keys in a report.
const MAX_UNKNOWN: usize = 100;

/// Which settings to show.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The key; if none is named, every key that is set.
    pub key: Option<String>,
    /// Whether to include the keys whose default applies.
    pub all: bool,
}

/// Settings, and what is wrong with the configuration.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "ConfigReport")]
pub struct Report {
    /// The settings: those with a fixed name in the order of the manual, then those of profiles, by name.
    pub settings: Vec<SettingObject>,
    /// The names that git's configuration has and git orchestra does not know, at most 100.
    pub unknown: Vec<UnknownKey>,
    /// The names in `.gitorchestra` that only the user's own configuration can set, at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forbidden: Vec<String>,
    /// The keys that `.gitorchestra` proposes, and that hold after an approval.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proposed: Vec<String>,
    /// Whether a person declined what this content of `.gitorchestra` proposes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub declined: bool,
    /// Why `.gitorchestra` cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_problem: Option<String>,
}

/// A name that git's configuration has and git orchestra does not know.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct UnknownKey {
    /// The name.
    pub key: String,
    /// The scope in which it is set.
    pub scope: ConfigScope,
    /// The file in which it is set.
    pub file: Option<String>,
    /// The name that may have been meant.
    pub nearest: Option<String>,
}

/// Shows settings. Without a repository, those of the user and the machine.
///
/// # Errors
/// There is no such key (2), or git's configuration cannot be read (3).
pub fn run(context: &Context, repo: Option<&Repo>, request: &Request) -> Result<Report> {
    context.check()?;
    if let Some(repo) = repo {
        check_readable(repo)?;
    }
    let settings = Settings::read(repo, context.environment())?;
    if let Some(typed) = &request.key {
        let setting = settings.of(&TableKey::require(typed)?);
        return Ok(Report {
            settings: vec![SettingObject::of(&setting)],
            unknown: Vec::new(),
            forbidden: Vec::new(),
            proposed: settings.proposed().into_iter().filter(|name| name == setting.key.name()).collect(),
            declined: settings.is_declined(),
            team_problem: settings.project_problem().map(str::to_owned),
        });
    }
    let shown = settings.all().into_iter().filter(|setting| request.all || !setting.values.is_empty());
    let unknown = settings.unknown().take(MAX_UNKNOWN).map(|entry| UnknownKey {
        key: entry.name.clone(),
        scope: entry.scope,
        file: entry.file.as_ref().map(|file| file.to_string_lossy().into_owned()),
        nearest: suggestion(&entry.name),
    });
    Ok(Report {
        settings: shown.map(|setting| SettingObject::of(&setting)).collect(),
        unknown: unknown.collect(),
        forbidden: settings.forbidden().into_iter().take(MAX_UNKNOWN).collect(),
        proposed: settings.proposed(),
        declined: settings.is_declined(),
        team_problem: settings.project_problem().map(str::to_owned),
    })
}

/// Fails if git itself cannot use the repository's configuration.
fn check_readable(repo: &Repo) -> Result<()> {
    match repo.config_error() {
        None => Ok(()),
        Some(why) => Err(Error::new(
            Code::ConfigInvalid,
            format!("the configuration of this repository cannot be used: {why}"),
        )
        .hint(repo.edit_config_command())),
    }
}
