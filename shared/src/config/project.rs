//! What the project's file may do. It sets the keys that can only narrow or measure, and proposes the others of which a project decides:
//! those hold after a person approved exactly this content. Every other key is the user's own.

use super::{
    Config, SECTION, TableKey,
    key::{Key, ProjectUse},
    keys,
};
use crate::{
    Code, Error, Result,
    git::{
        config_entries::ConfigEntry,
        project_file::{PROJECT_FILE, ProjectFile},
    },
    model::{quote, text},
};

/// Says in an error where a value is set.
pub(super) const PLACE: &str = "it is set in '.gitorchestra', which is committed";

/// The values of the project's file, by their effect.
#[derive(Default)]
pub(super) struct ProjectValues {
    /// Those that apply: git's configuration does not have their keys.
    pub(super) applied: Vec<ConfigEntry>,
    /// Those that a person has to approve first, without those whose key git's configuration has.
    pub(super) proposed: Vec<ConfigEntry>,
    /// Those that have no effect, because only the user may set the key.
    pub(super) forbidden: Vec<ConfigEntry>,
    /// Those whose names the table does not have.
    pub(super) unknown: Vec<ConfigEntry>,
    /// Whether a person declined what this content proposes.
    pub(super) is_declined: bool,
}

/// What a person has to approve before it holds.
pub struct Proposal {
    /// The whole content of the file.
    pub content: String,
    /// The SHA-256 of the content.
    pub digest: String,
    /// What a person decided about this content.
    pub decision: Decision,
    /// The keys that it proposes and that git's configuration does not have.
    pub keys: Vec<String>,
}

/// What a person decided about one content of the file. It is the last decision of this clone alone, and another content has none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// Nothing yet.
    Open,
    /// Nothing yet, but another content was approved.
    Changed,
    /// What it proposes holds.
    Approved,
    /// What it proposes does not hold, and nobody is asked again.
    Declined,
}

impl Decision {
    /// Returns whether nobody decided about this content yet.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Changed)
    }

    /// `declined` takes precedence: a change of the decision that was interrupted must not leave more than there was.
    fn of(digest: &str, approved: Option<&str>, declined: Option<&str>) -> Self {
        let is_this = |recorded: Option<&str>| recorded.is_some_and(|recorded| recorded.trim() == digest);
        match (is_this(declined), is_this(approved)) {
            (true, _) => Self::Declined,
            (false, true) => Self::Approved,
            (false, false) if approved.is_some_and(|other| !other.trim().is_empty()) => Self::Changed,
            (false, false) => Self::Open,
        }
    }
}

impl Config<'_> {
    /// Returns what the project's file proposes; `None` if it does not exist.
    ///
    /// # Errors
    /// The file cannot be read or parsed (3).
    pub fn proposal(&self) -> Result<Option<Proposal>> {
        let Some(file) = self.repo.project_file(SECTION)? else { return Ok(None) };
        let mut keys = Vec::new();
        for key in file.entries.iter().filter_map(|entry| TableKey::find(&entry.name)) {
            let name = key.name().to_owned();
            if key.key().project() == ProjectUse::Proposes && !self.is_own(&key) && !keys.contains(&name) {
                keys.push(name);
            }
        }
        let decision = self.decision(&file);
        Ok(Some(Proposal { content: file.content.clone(), digest: file.digest.clone(), decision, keys }))
    }

    /// Returns the values that the project's file has for a key, which apply if git's configuration does not have it.
    ///
    /// # Errors
    /// The file cannot be used, or the key is proposed and nobody approved the file (3).
    pub(super) fn project_values<'name>(
        &self,
        names: impl Iterator<Item = &'name str>,
        project: ProjectUse,
    ) -> Result<Vec<String>> {
        if project == ProjectUse::Nothing {
            return Ok(Vec::new());
        }
        let Some(file) = self.repo.project_file(SECTION)? else { return Ok(Vec::new()) };
        let names: Vec<String> = names.map(super::normalized).collect();
        let of_key: Vec<&ConfigEntry> =
            file.entries.iter().filter(|entry| names.contains(&entry.name)).collect();
        let decision = self.decision(&file);
        match of_key.first() {
            Some(first) if project == ProjectUse::Proposes && decision != Decision::Approved => {
                Err(unapproved(&first.name, &file.digest, decision))
            }
            _ => Ok(of_key.into_iter().map(|entry| entry.value.clone()).collect()),
        }
    }

    /// Returns the subsections of the project's file: `agent.claude` of `orchestra.agent.claude.model`.
    pub(super) fn project_sections(&self) -> Vec<String> {
        let Ok(Some(file)) = self.repo.project_file(SECTION) else { return Vec::new() };
        let subsection = |entry: &ConfigEntry| {
            let (subsection, _) = entry.name.strip_prefix(SECTION)?.strip_prefix('.')?.rsplit_once('.')?;
            Some(subsection.to_owned())
        };
        file.entries.iter().filter_map(subsection).collect()
    }

    /// Sorts the values of the project's file by their effect.
    ///
    /// # Errors
    /// The file cannot be read or parsed (3).
    pub(super) fn project_by_effect(&self) -> Result<ProjectValues> {
        let Some(file) = self.repo.project_file(SECTION)? else { return Ok(ProjectValues::default()) };
        let decision = self.decision(&file);
        let mut values =
            ProjectValues { is_declined: decision == Decision::Declined, ..ProjectValues::default() };
        for entry in file.entries.iter().cloned() {
            let known = TableKey::find(&entry.name).map(|key| (self.is_own(&key), key.key().project()));
            let group = match known {
                None => &mut values.unknown,
                Some((_, ProjectUse::Nothing)) => &mut values.forbidden,
                Some((true, _)) => continue,
                Some((false, ProjectUse::Proposes)) if decision != Decision::Approved => &mut values.proposed,
                Some((false, _)) => &mut values.applied,
            };
            group.push(entry);
        }
        Ok(values)
    }

    fn is_own(&self, key: &TableKey) -> bool {
        self.has_own(key.names_in_git().iter().map(String::as_str))
    }

    /// The decision is in the repository's own configuration, where `trust` finds a change that an agent made.
    fn decision(&self, file: &ProjectFile) -> Decision {
        let recorded = |key: &Key<Option<String>>| self.repo.config(key.name());
        Decision::of(&file.digest, recorded(&keys::APPROVED).as_deref(), recorded(&keys::DECLINED).as_deref())
    }
}

fn unapproved(name: &str, digest: &str, decision: Decision) -> Error {
    let name = TableKey::find(name).map_or_else(|| name.to_owned(), |key| key.name().to_owned());
    let name = text::safe(&name);
    let decided = match decision {
        Decision::Declined => "and that was declined here",
        Decision::Changed => "and it changed after it was approved here",
        Decision::Open | Decision::Approved => "and nobody approved that here",
    };
    Error::new(Code::ProposalUnapproved, format!("'{PROJECT_FILE}' proposes {name}, {decided}"))
        .hint("git orchestra config approve shows the file and asks")
        .hint(format!("git orchestra config approve --hash={digest}, where there is no terminal"))
        .hint(format!("git orchestra config set {} … takes precedence over the file", quote::word(&*name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_about_one_content_and_a_refusal_takes_precedence() {
        for (approved, declined, expected) in [
            (None, None, Decision::Open),
            (Some(""), Some("c"), Decision::Open),
            (Some("b"), Some("c"), Decision::Changed),
            (Some("a\n"), None, Decision::Approved),
            (Some("a"), Some("b"), Decision::Approved),
            (None, Some("a"), Decision::Declined),
            (Some("a"), Some("a"), Decision::Declined),
        ] {
            assert_eq!(Decision::of("a", approved, declined), expected, "{approved:?}, {declined:?}");
        }
    }
}
