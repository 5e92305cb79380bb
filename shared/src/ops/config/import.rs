//! `config import`: takes over the settings files of other orchestrators, as far as they have counterparts.

mod foreign;
mod teams;
mod yaml;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::{
    foreign::{ClientMode, ForeignFile, Form, PLACES},
    teams::TEAMS,
};
use super::{SetRequest, change, set};
use crate::{
    Code, Error, Kind, Result,
    config::{Settings, TableKey},
    context::Context,
    error::ErrorContext as _,
    git::{Repo, settings::read_regular},
    model::{ConfigScope, text},
};

/// Maximum size of a file, in bytes.
const MAX_BYTES: u64 = 256 << 10;
/// Maximum number of fields that are read.
const MAX_FIELDS: usize = 1000;

/// Which file to take over.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImportRequest {
    /// The file; by default, the one in the repository.
    pub file: Option<PathBuf>,
}

/// What a file of another orchestrator says.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "ConfigImport")]
pub struct Import {
    /// The file.
    pub file: String,
    /// What its fields set, without what is set already.
    pub settings: Vec<ImportedSetting>,
    /// The fields that set nothing.
    pub left_out: Vec<LeftOutField>,
    /// Whether the settings were made.
    pub done: bool,
}

/// A key that a file sets.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct ImportedSetting {
    /// The key.
    pub key: String,
    /// Its values: several only for a key that may be given several times.
    pub values: Vec<String>,
    /// The values that the repository's configuration has now, and that are replaced.
    pub before: Vec<String>,
    /// The field of the file.
    pub field: String,
}

/// A field that sets nothing.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct LeftOutField {
    /// The field.
    pub field: String,
    /// Why it sets nothing.
    pub why: String,
}

/// Reads a file, and returns what it would set.
///
/// # Errors
/// The file is missing, cannot be read, or contains something that is not understood (3); several files are there (2).
pub fn plan_import(context: &Context, repo: &Repo, request: &ImportRequest) -> Result<Import> {
    context.check()?;
    let path = match &request.file {
        Some(file) => context.environment().directory().join(file),
        None => only_file(repo)?,
    };
    let cannot = || format!("cannot read '{}'", path.display());
    let bytes = read_regular(&path, MAX_BYTES).context(Kind::Refused, cannot)?;
    read_import(&path, bytes, &Settings::read(Some(repo), context.environment())?)
}

/// Reads the content of a file, and returns what it would set over the present settings. Pure.
///
/// # Errors
/// It contains something that is not understood (3).
pub fn read_import(path: &Path, bytes: Vec<u8>, present: &Settings) -> Result<Import> {
    let shown = path.display().to_string();
    let content =
        String::from_utf8(bytes).context(Kind::Refused, || format!("'{shown}' is not UTF-8 text"))?;
    let content = parse(path, &content)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let kind = ForeignFile::of(&name, &content).ok_or_else(|| {
        Error::refused(format!("'{}' is not the settings file of a known orchestrator", text::safe(&shown)))
    })?;
    Ok(compare(shown, kind, &content, present))
}

/// Makes the settings of a plan, one key after the other. Those that were made before an interruption stay.
///
/// # Errors
/// As those of [`set`].
pub fn import(context: &Context, repo: &Repo, plan: Import) -> Result<Import> {
    change::refuse_agents(context, Some(repo))?;
    for one in &plan.settings {
        for (at, value) in one.values.iter().enumerate() {
            let (key, value) = (one.key.clone(), value.clone());
            set(context, Some(&repo.reopen()?), &SetRequest { key, value, add: at > 0, global: false })?;
        }
    }
    Ok(Import { done: true, ..plan })
}

/// Finds the only file of another orchestrator at its usual places.
fn only_file(repo: &Repo) -> Result<PathBuf> {
    let top = repo.work_dir().ok_or_else(|| Error::usage("name the file: there is no checkout to search"))?;
    let found: Vec<PathBuf> =
        PLACES.iter().map(|place| top.join(place)).filter(|path| path.is_file()).collect();
    match found.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Error::refused(format!("none of these files is here: {}", PLACES.join(", ")))
            .hint("git orchestra config import FILE")),
        several => {
            let names: Vec<String> = several.iter().map(|path| path.display().to_string()).collect();
            Err(Error::new(Code::ArgumentMissing, format!("name one of the files: {}", names.join(", "))))
        }
    }
}

fn parse(path: &Path, content: &str) -> Result<Value> {
    let unread = |line: usize, why: String| {
        Error::new(
            Code::ConfigInvalid,
            format!("'{}', line {line}: {why}", text::safe(&path.display().to_string())),
        )
        .hint("only a part of YAML is read; 'git orchestra config set' sets a key by hand")
    };
    if path.extension().is_some_and(|ending| ending == "json") {
        return serde_json::from_str(content).map_err(|error| {
            Error::new(Code::ConfigInvalid, format!("'{}': {error}", text::safe(&path.display().to_string())))
        });
    }
    yaml::parse(content).map_err(|found| unread(found.line, found.why.to_owned()))
}

/// Sorts the fields of a file into what they set and what is left out.
fn compare(file: String, kind: ForeignFile, content: &Value, present: &Settings) -> Import {
    let mut fields = Vec::new();
    collect("", content, &mut fields);
    let mut import = Import { file, settings: Vec::new(), left_out: Vec::new(), done: false };
    let is_of_team = |field: &str| field == TEAMS || field.starts_with(&format!("{TEAMS}."));
    for (field, value) in fields {
        if kind == ForeignFile::AgentOrchestra && is_of_team(&field) {
            continue;
        }
        if let Some(agent) = kind.agent_of_mode(&field) {
            add_mode(&mut import, agent, value, present, &field);
            continue;
        }
        let key_and_values =
            kind.target(&field).map(|target| (TableKey::find(&target.key), values(value, target.form)));
        let why = match key_and_values {
            None => ForeignFile::why_not(&field).unwrap_or("it has no counterpart").to_owned(),
            Some((None, _)) => "its name cannot be that of a profile".to_owned(),
            Some((_, None)) => "its value is of another type than expected".to_owned(),
            Some((Some(key), Some(values))) => match values.iter().find_map(|value| key.check(value).err()) {
                Some(error) => error.message,
                None => {
                    if kind == ForeignFile::AgentOrchestra {
                        add_program(&mut import, &key, content, present, &field);
                    }
                    add(&mut import, &key, values, present, &field);
                    continue;
                }
            },
        };
        import.left_out.push(LeftOutField { field: shown(&field), why });
    }
    if kind == ForeignFile::AgentOrchestra {
        teams::add_teams(&mut import, content, present);
    }
    import
}

/// Adds a key with its values, unless the repository's configuration has exactly these, or a field before had it.
fn add(import: &mut Import, key: &TableKey, values: Vec<String>, present: &Settings, field: &str) {
    let before = present.in_scope(key, ConfigScope::Local);
    let is_new = before != values && !import.settings.iter().any(|one| one.key == key.name());
    if is_new && !values.is_empty() {
        import.settings.push(ImportedSetting {
            key: key.name().to_owned(),
            values,
            before,
            field: shown(field),
        });
    }
}

/// Adds the program of a role, once: its other keys mean nothing without it.
fn add_program(import: &mut Import, key: &TableKey, content: &Value, present: &Settings, field: &str) {
    let Some((profile, _)) = key.name().rsplit_once('.') else { return };
    let mode = ClientMode::of_field(content, field).unwrap_or_default();
    if let Some(program) = TableKey::find(&format!("{profile}.program")) {
        add(import, &program, vec![mode.program().to_owned()], present, field);
    }
}

/// Adds what the client mode of a role sets: its program, and the one that takes over from it.
fn add_mode(import: &mut Import, agent: &str, value: &Value, present: &Settings, field: &str) {
    let keys = |key: &str| TableKey::find(&format!("agent.{agent}.{key}"));
    let found = value.as_str().and_then(ClientMode::parse).zip(keys("program")).zip(keys("fallback"));
    let Some(((mode, program), fallback)) = found else {
        let why = "its value is no known client mode, or its name cannot be that of a profile".to_owned();
        import.left_out.push(LeftOutField { field: shown(field), why });
        return;
    };
    add(import, &program, vec![mode.program().to_owned()], present, field);
    add(import, &fallback, mode.fallback().into_iter().map(str::to_owned).collect(), present, field);
}

/// Collects the fields that have a value, with their names joined by dots.
fn collect<'a>(name: &str, value: &'a Value, fields: &mut Vec<(String, &'a Value)>) {
    if fields.len() == MAX_FIELDS {
        return;
    }
    match value {
        Value::Null => {}
        Value::Array(items) if items.is_empty() => {}
        Value::String(text) if text.trim().is_empty() => {}
        Value::Object(map) => {
            for (key, value) in map {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                collect(&name, value, fields);
            }
        }
        _ => fields.push((name.to_owned(), value)),
    }
}

/// Returns the values of a key for the value of a field; `None` if it is of the wrong type.
fn values(value: &Value, form: Form) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let all = |value: &Value| value.as_array()?.iter().map(one).collect::<Option<Vec<String>>>();
    Some(match form {
        Form::Text => vec![one(value)?],
        Form::Seconds => vec![format!("{}s", value.as_u64()?)],
        Form::Prefix => vec![format!("{}/", one(value)?.trim_end_matches('/'))],
        Form::Joined => vec![all(value)?.join(",")],
        Form::Each => all(value)?,
    })
}

fn shown(field: &str) -> String {
    text::one_line(field, 200)
}
