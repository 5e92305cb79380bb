//! What is wrong with the values of the project's file. Pure.

use super::{
    SECTION,
    key::ProjectUse,
    table_key::{TableKey, suggestion},
};
use crate::{
    git::{config_entries::ConfigEntry, project_file::ProjectFile},
    model::secret,
};

/// Maximum number of flaws that are returned.
const MAX_FLAWS: usize = 100;

/// A value of the project's file that has no effect, or that no command can use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProjectFlaw {
    /// The key, as the table or, if it is not there, as git writes it.
    pub key: String,
    /// What is wrong.
    pub kind: ProjectFlawKind,
}

/// What is wrong with a value of the project's file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ProjectFlawKind {
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

/// Returns what is wrong with the values in the content of a project's file, at most 100.
///
/// # Errors
/// It cannot be parsed: the reason.
pub fn project_flaws(content: &str) -> Result<Vec<ProjectFlaw>, String> {
    let file = ProjectFile::parse(content.as_bytes().to_vec(), SECTION)?;
    Ok(file.entries.iter().filter_map(flaw).take(MAX_FLAWS).collect())
}

fn flaw(entry: &ConfigEntry) -> Option<ProjectFlaw> {
    let Some(key) = TableKey::find(&entry.name) else {
        let kind = ProjectFlawKind::Unknown { nearest: suggestion(&entry.name) };
        return Some(ProjectFlaw { key: entry.name.clone(), kind });
    };
    let kind = match (key.key().project(), key.check(&entry.value)) {
        (ProjectUse::Nothing, _) => ProjectFlawKind::Forbidden,
        (_, Ok(())) => return None,
        (_, Err(_)) => ProjectFlawKind::Invalid { problem: key.problem(&secret::redact(&entry.value, &[])) },
    };
    Some(ProjectFlaw { key: key.name().to_owned(), kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_judged_by_itself() {
        let content = "[orchestra]\n\tjobs = 7\n\tjob = 7\n\tqwxyz = 1\n\tmaxJobs = 9\n\tmaxTime = long\n\ttest =\n\
                       [orchestra \"agent.x\"]\n\tcommand = cat\n\tpromt = p\n[core]\n\tpager = evil\n";
        let found = project_flaws(content).unwrap();
        let kind = |key: &str| found.iter().find(|flaw| flaw.key == key).map(|flaw| flaw.kind.clone());
        let unknown =
            |nearest: Option<&str>| ProjectFlawKind::Unknown { nearest: nearest.map(str::to_owned) };
        assert_eq!(kind("orchestra.job"), Some(unknown(Some("orchestra.jobs"))));
        assert_eq!(kind("orchestra.qwxyz"), Some(unknown(None)));
        assert_eq!(kind("orchestra.maxJobs"), Some(ProjectFlawKind::Forbidden));
        let time = kind("orchestra.maxTime");
        assert!(matches!(time, Some(ProjectFlawKind::Invalid { problem }) if problem.contains("'long'")));
        assert_eq!(kind("orchestra.agent.x.promt"), Some(unknown(Some("orchestra.agent.x.prompt"))));
        assert_eq!(found.len(), 5);
        assert!(project_flaws("[orchestra").is_err());
    }
}
