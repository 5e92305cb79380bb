//! What is wrong with the values of the team's file. Pure.

use super::{
    SECTION,
    key::TeamUse,
    table_key::{TableKey, suggestion},
};
use crate::{
    git::{config_entries::ConfigEntry, team_file::TeamFile},
    model::secret,
};

/// Maximum number of flaws that are returned.
const MAX_FLAWS: usize = 100;

/// A value of the team's file that has no effect, or that no command can use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TeamFlaw {
    /// The key, as the table or, if it is not there, as git writes it.
    pub key: String,
    /// What is wrong.
    pub kind: TeamFlawKind,
}

/// What is wrong with a value of the team's file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TeamFlawKind {
    /// The table has no such key.
    Unknown {
        /// The key that may have been meant.
        nearest: Option<String>,
    },
    /// Only the user's own configuration can set the key.
    Forbidden,
    /// The value is not of the key's type.
    Invalid {
        /// A sentence with the value, in which secrets are replaced.
        problem: String,
    },
}

/// Returns what is wrong with the values in the content of a team's file, at most 100.
///
/// # Errors
/// It cannot be parsed: the reason.
pub fn team_flaws(content: &str) -> Result<Vec<TeamFlaw>, String> {
    let file = TeamFile::parse(content.as_bytes().to_vec(), SECTION)?;
    Ok(file.entries.iter().filter_map(flaw).take(MAX_FLAWS).collect())
}

fn flaw(entry: &ConfigEntry) -> Option<TeamFlaw> {
    let Some(key) = TableKey::find(&entry.name) else {
        let kind = TeamFlawKind::Unknown { nearest: suggestion(&entry.name) };
        return Some(TeamFlaw { key: entry.name.clone(), kind });
    };
    let kind = match (key.key().team(), key.check(&entry.value)) {
        (TeamUse::Nothing, _) => TeamFlawKind::Forbidden,
        (_, Ok(())) => return None,
        (_, Err(_)) => TeamFlawKind::Invalid { problem: key.problem(&secret::redact(&entry.value, &[])) },
    };
    Some(TeamFlaw { key: key.name().to_owned(), kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_judged_by_itself() {
        let content = "[orchestra]\n\tjobs = 7\n\tjob = 7\n\tqwxyz = 1\n\tmaxJobs = 9\n\tmaxTime = long\n\ttest =\n\
                       [orchestra \"agent.x\"]\n\tcommand = cat\n\tpromt = p\n[core]\n\tpager = evil\n";
        let found = team_flaws(content).unwrap();
        let kind = |key: &str| found.iter().find(|flaw| flaw.key == key).map(|flaw| flaw.kind.clone());
        let unknown = |nearest: Option<&str>| TeamFlawKind::Unknown { nearest: nearest.map(str::to_owned) };
        assert_eq!(kind("orchestra.job"), Some(unknown(Some("orchestra.jobs"))));
        assert_eq!(kind("orchestra.qwxyz"), Some(unknown(None)));
        assert_eq!(kind("orchestra.maxJobs"), Some(TeamFlawKind::Forbidden));
        let time = kind("orchestra.maxTime");
        assert!(matches!(time, Some(TeamFlawKind::Invalid { problem }) if problem.contains("'long'")));
        assert_eq!(kind("orchestra.agent.x.promt"), Some(unknown(Some("orchestra.agent.x.prompt"))));
        assert_eq!(found.len(), 5);
        assert!(team_flaws("[orchestra").is_err());
    }
}
