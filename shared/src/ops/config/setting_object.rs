//! A setting as it is reported: its values with their origins, its default, and what it is for. Secrets are left out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    config::Setting,
    git::config_entries::ConfigEntry,
    model::{ConfigScope, secret},
};

/// A key, and the values that apply.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "Setting")]
pub struct SettingObject {
    /// The name in git config.
    pub key: String,
    /// The value that applies, or the default; `null` if there is neither, or if the key may be given several times.
    pub value: Option<String>,
    /// The values in git's configuration that apply; empty if the default applies.
    pub values: Vec<ValueObject>,
    /// The default, if there is one.
    pub default: Option<String>,
    /// Whether the key may be given several times.
    pub repeated: bool,
    /// What the value is for.
    pub purpose: String,
}

/// A value in git's configuration.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "SettingValue")]
pub struct ValueObject {
    /// The value; what looks like a secret in it is replaced.
    pub value: String,
    /// The scope in which it is set.
    pub scope: ConfigScope,
    /// The file in which it is set; `null` if it is from the environment.
    pub file: Option<String>,
    /// Whether something that looks like a secret was replaced.
    pub hidden: bool,
    /// Why the value cannot be used, if so.
    pub problem: Option<String>,
}

impl SettingObject {
    /// Describes a setting.
    pub(in crate::ops) fn of(setting: &Setting) -> Self {
        let key = setting.key.key();
        let default = Some(setting.key.default_text()).filter(|text| !text.is_empty());
        let values: Vec<ValueObject> =
            setting.values.iter().map(|entry| ValueObject::of(setting, entry)).collect();
        let value = match values.last() {
            _ if key.is_repeated() => None,
            Some(last) => Some(last.value.clone()),
            None => default.clone(),
        };
        Self {
            key: setting.key.name().to_owned(),
            value,
            values,
            default,
            repeated: key.is_repeated(),
            purpose: setting.key.purpose(),
        }
    }
}

impl ValueObject {
    fn of(setting: &Setting, entry: &ConfigEntry) -> Self {
        let shown = without_secrets(&entry.value);
        let is_valid = setting.key.key().rewritten(&entry.value).is_some();
        Self {
            hidden: shown != entry.value,
            problem: (!is_valid).then(|| setting.key.problem(&shown)),
            value: shown,
            scope: entry.scope,
            file: entry.file.as_ref().map(|file| file.to_string_lossy().into_owned()),
        }
    }
}

/// Returns a value with a mark in place of everything that looks like a secret, such as the password in a URL.
pub(super) fn without_secrets(value: &str) -> String {
    secret::redact_words(value, &[])
}
