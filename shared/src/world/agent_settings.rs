//! The settings of git that variables give, in the calls of agents. Pure.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
};

/// Variables by name.
pub(super) type Variables = BTreeMap<OsString, OsString>;

/// How the variables begin that give git settings, or say where its configuration is.
const BEGIN: &str = "GIT_CONFIG";
/// Those that name files. A supervisor passes them on to the program of its agent, unlike the others.
const FILES: &[&str] = &["GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM"];

/// Returns whether a variable gives git settings.
pub(super) fn is_setting(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(BEGIN.as_bytes())
}

/// Returns the variables of a call with the settings that a person gave; `None` if they are those of the call. `of_person` are the
/// variables of a supervisor above the caller, if there is one and they can be read. Where no supervisor is seen, as in some sandboxes,
/// the program of an agent (`is_agent`) gives no settings.
pub(super) fn replaced(
    variables: &Variables,
    of_person: Option<&Option<Variables>>,
    is_agent: bool,
) -> Option<Variables> {
    let keeps_files = !matches!(of_person, Some(Some(_)));
    if of_person.is_none() && !is_agent {
        return None;
    }
    let is_file = |name: &OsStr| FILES.iter().any(|file| name == *file);
    let mut new = variables.clone();
    new.retain(|name, _| !is_setting(name) || keeps_files && is_file(name));
    if let Some(Some(of_person)) = of_person {
        let settings = of_person.iter().filter(|(name, _)| is_setting(name));
        new.extend(settings.map(|(name, value)| (name.clone(), value.clone())));
    }
    (new != *variables).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(all: &str) -> Variables {
        let pairs = all.split_whitespace().filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn an_agent_gives_no_settings_by_its_variables() {
        let counted = "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=orchestra.maxDepth GIT_CONFIG_VALUE_0=99 A=b";
        for (call, person, is_agent, expected) in [
            // A person.
            (counted, None, false, counted),
            (counted, Some(Some("A=c")), true, "A=b"),
            (counted, Some(Some("GIT_CONFIG_COUNT=0")), false, "GIT_CONFIG_COUNT=0 A=b"),
            ("GIT_CONFIG_GLOBAL=/x", Some(Some("GIT_CONFIG_GLOBAL=/home")), true, "GIT_CONFIG_GLOBAL=/home"),
            ("GIT_CONFIG_GLOBAL=/x", Some(Some("")), true, ""),
            ("GIT_CONFIG_PARAMETERS='a.b'='c' X=y", Some(Some("")), true, "X=y"),
            // The supervisor is not seen, or its variables are not readable.
            ("GIT_CONFIG_GLOBAL=/x GIT_CONFIG_COUNT=1", None, true, "GIT_CONFIG_GLOBAL=/x"),
            ("GIT_CONFIG_GLOBAL=/x GIT_CONFIG_COUNT=1", Some(None), true, "GIT_CONFIG_GLOBAL=/x"),
        ] {
            let call = variables(call);
            let person = person.map(|person| person.map(variables));
            let found = replaced(&call, person.as_ref(), is_agent).unwrap_or_else(|| call.clone());
            assert_eq!(found, variables(expected), "{call:?} {person:?}");
        }
    }
}
