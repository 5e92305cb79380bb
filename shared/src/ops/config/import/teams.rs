//! The teams in the file of agent-orchestra: each becomes a team whose roles are the profiles of its members. A team of which anything
//! that matters has no counterpart is left out as a whole: with a role less it would be another team.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Import, LeftOutField, add,
    foreign::{ClientMode, MODE},
    shown,
};
use crate::{
    config::{Settings, TableKey},
    model::team::MAX_ROLES,
};

/// The field with all teams.
pub(super) const TEAMS: &str = "teams";
/// The fields that may have the list of a team's members.
const MEMBERS: [&str; 4] = ["teammates", "members", "roles", "agents"];
/// The fields that may have the prompt of a member, the first of which counts.
const PROMPTS: [&str; 3] = ["system_prompt", "prompt", "role"];
/// The other fields of a member that have a counterpart.
const OTHERS: [&str; 4] = ["name", "timeout_seconds", "model", MODE];

/// A key, without `orchestra.`, and its values.
type Pair = (String, Vec<String>);

/// Adds what the teams of a file set.
pub(super) fn add_teams(import: &mut Import, content: &Value, present: &Settings) {
    let Some(teams) = content.get(TEAMS).filter(|teams| !teams.is_null()) else { return };
    let Some(teams) = teams.as_object() else {
        return leave_out(import, TEAMS, "its value is of another type than expected");
    };
    // What the file says of each key, also where that is set already.
    let mut said: BTreeMap<String, Vec<String>> =
        import.settings.iter().map(|one| (one.key.clone(), one.values.clone())).collect();
    for (name, team) in teams {
        let field = format!("{TEAMS}.{name}");
        let (pairs, others) = match read_team(name, team) {
            Ok(read) => read,
            Err(why) => {
                leave_out(import, &field, &why);
                continue;
            }
        };
        let keys = pairs.into_iter().map(|(key, values)| {
            let found = TableKey::find(&key).ok_or("a name in it cannot be that of a team or profile")?;
            match values.iter().all(|value| found.check(value).is_ok()) {
                true => Ok((found, values)),
                false => Err("it has a value that cannot be used"),
            }
        });
        match keys.collect::<Result<Vec<(TableKey, Vec<String>)>, &str>>() {
            Ok(keys) if keys.iter().any(|(key, values)| is_other(&said, key, values)) => {
                let why = "a member has the name of another one in this file, and differs from it";
                leave_out(import, &field, why);
            }
            Ok(keys) => {
                for (key, values) in keys {
                    said.insert(key.name().to_owned(), values.clone());
                    add(import, &key, values, present, &field);
                }
            }
            Err(why) => leave_out(import, &field, why),
        }
        for other in others {
            leave_out(import, &format!("{field}.{other}"), "it has no counterpart");
        }
    }
}

fn leave_out(import: &mut Import, field: &str, why: &str) {
    import.left_out.push(LeftOutField { field: shown(field), why: why.to_owned() });
}

/// Returns whether the file said something else of a key before.
fn is_other(said: &BTreeMap<String, Vec<String>>, key: &TableKey, values: &[String]) -> bool {
    said.get(key.name()).is_some_and(|known| known != values)
}

/// Returns the keys that a team sets, and its fields that set nothing.
fn read_team(name: &str, team: &Value) -> Result<(Vec<Pair>, Vec<String>), String> {
    let fields = team.as_object().ok_or("its value is of another type than expected")?;
    let list = MEMBERS.into_iter().find(|field| fields.contains_key(*field)).ok_or("it names no members")?;
    let members = team[list].as_array().ok_or("its members are no list, so that they have no order")?;
    if members.is_empty() || members.len() > MAX_ROLES {
        return Err(format!("it has {} members; a team has 1 to {MAX_ROLES} roles", members.len()));
    }
    let mut others: Vec<String> = fields.keys().filter(|field| *field != list).cloned().collect();
    let (mut names, mut pairs) = (Vec::new(), Vec::new());
    for (at, member) in members.iter().enumerate() {
        let (name, more) = read_member(member, &mut pairs)?;
        others.extend(more.into_iter().map(|field| format!("{list}.{}.{field}", at + 1)));
        names.push(name);
    }
    pairs.push((format!("team.{name}.role"), names));
    Ok((pairs, others))
}

/// Reads a member, which is the name of a profile, or a profile with a name. Returns the name, and the fields that set nothing.
fn read_member(member: &Value, pairs: &mut Vec<Pair>) -> Result<(String, Vec<String>), String> {
    if let Some(name) = member.as_str() {
        return Ok((profile_name(name), Vec::new()));
    }
    let fields = member.as_object().ok_or("a member is neither a name nor a list of fields")?;
    let name = profile_name(fields.get("name").and_then(Value::as_str).ok_or("a member has no name")?);
    let text = |field: &str| fields.get(field).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let mut set = |key: &str, value: String| pairs.push((format!("agent.{name}.{key}"), vec![value]));
    let mode = match fields.get(MODE) {
        None => ClientMode::default(),
        Some(word) => {
            word.as_str().and_then(ClientMode::parse).ok_or("a member has a client mode that is not known")?
        }
    };
    set("program", mode.program().to_owned());
    if let Some(fallback) = mode.fallback() {
        set("fallback", fallback.to_owned());
    }
    let prompt = PROMPTS.into_iter().find(|field| text(field).is_some());
    if let Some(told) = prompt.and_then(text) {
        set("prompt", told.to_owned());
    }
    if let Some(model) = text("model") {
        set("model", model.to_owned());
    }
    if let Some(limit) = fields.get("timeout_seconds") {
        set(
            "maxTime",
            format!("{}s", limit.as_u64().ok_or("the time limit of a member is not a number of seconds")?),
        );
    }
    let sets = |field: &String| OTHERS.contains(&field.as_str()) || prompt == Some(field.as_str());
    let others = fields.iter().filter(|(field, value)| !sets(field) && !value.is_null());
    Ok((name, others.map(|(field, _)| field.clone()).collect()))
}

/// Returns the name of a profile for that of a member: `code-reviewer` for `Code Reviewer`.
fn profile_name(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join("-").to_lowercase()
}
