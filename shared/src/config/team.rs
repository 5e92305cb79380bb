//! What the team's file may do. It sets the keys that can only narrow or measure, and proposes the others of which a team decides:
//! those hold after a person approved exactly this content. Every other key is the user's own.

use super::{Config, SECTION, TableKey, key::TeamUse, keys};
use crate::{
    Code, Error, Result,
    git::{
        config_entries::ConfigEntry,
        team_file::{TEAM_FILE, TeamFile},
    },
    model::{quote, text},
};

/// Says in an error where a value is set.
pub(super) const PLACE: &str = "it is set in '.gitorchestra', which is committed";

/// The values of the team's file, by their effect.
#[derive(Default)]
pub(super) struct TeamValues {
    /// Those that apply: git's configuration does not have their keys.
    pub(super) applied: Vec<ConfigEntry>,
    /// Those that a person has to approve first, without those whose key git's configuration has.
    pub(super) proposed: Vec<ConfigEntry>,
    /// Those that have no effect, because only the user may set the key.
    pub(super) forbidden: Vec<ConfigEntry>,
    /// Those whose names the table does not have.
    pub(super) unknown: Vec<ConfigEntry>,
}

/// What a person has to approve before it holds.
pub struct Proposal {
    /// The whole content of the file.
    pub content: String,
    /// The SHA-256 of the content.
    pub digest: String,
    /// Whether this content is approved.
    pub is_approved: bool,
    /// The keys that it proposes and that git's configuration does not have.
    pub keys: Vec<String>,
}

impl Config<'_> {
    /// Returns what the team's file proposes; `None` if it does not exist.
    ///
    /// # Errors
    /// The file cannot be read or parsed (3).
    pub fn proposal(&self) -> Result<Option<Proposal>> {
        let Some(file) = self.repo.team_file(SECTION)? else { return Ok(None) };
        let mut keys = Vec::new();
        for key in file.entries.iter().filter_map(|entry| TableKey::find(&entry.name)) {
            let name = key.name().to_owned();
            if key.key().team() == TeamUse::Proposes && !self.is_own(&key) && !keys.contains(&name) {
                keys.push(name);
            }
        }
        let is_approved = self.has_approved(&file);
        Ok(Some(Proposal { content: file.content.clone(), digest: file.digest.clone(), is_approved, keys }))
    }

    /// Returns the values that the team's file has for a key, which apply if git's configuration does not have it.
    ///
    /// # Errors
    /// The file cannot be used, or the key is proposed and nobody approved the file (3).
    pub(super) fn team_values<'name>(
        &self,
        names: impl Iterator<Item = &'name str>,
        team: TeamUse,
    ) -> Result<Vec<String>> {
        if team == TeamUse::Nothing {
            return Ok(Vec::new());
        }
        let Some(file) = self.repo.team_file(SECTION)? else { return Ok(Vec::new()) };
        let names: Vec<String> = names.map(super::normalized).collect();
        let of_key: Vec<&ConfigEntry> =
            file.entries.iter().filter(|entry| names.contains(&entry.name)).collect();
        match of_key.first() {
            Some(first) if team == TeamUse::Proposes && !self.has_approved(&file) => {
                Err(unapproved(&first.name, &file.digest))
            }
            _ => Ok(of_key.into_iter().map(|entry| entry.value.clone()).collect()),
        }
    }

    /// Returns the subsections of the team's file: `agent.claude` of `orchestra.agent.claude.model`.
    pub(super) fn team_sections(&self) -> Vec<String> {
        let Ok(Some(file)) = self.repo.team_file(SECTION) else { return Vec::new() };
        let subsection = |entry: &ConfigEntry| {
            let (subsection, _) = entry.name.strip_prefix(SECTION)?.strip_prefix('.')?.rsplit_once('.')?;
            Some(subsection.to_owned())
        };
        file.entries.iter().filter_map(subsection).collect()
    }

    /// Sorts the values of the team's file by their effect.
    ///
    /// # Errors
    /// The file cannot be read or parsed (3).
    pub(super) fn team_by_effect(&self) -> Result<TeamValues> {
        let Some(file) = self.repo.team_file(SECTION)? else { return Ok(TeamValues::default()) };
        let is_approved = self.has_approved(&file);
        let mut values = TeamValues::default();
        for entry in file.entries.iter().cloned() {
            let known = TableKey::find(&entry.name).map(|key| (self.is_own(&key), key.key().team()));
            let group = match known {
                None => &mut values.unknown,
                Some((_, TeamUse::Nothing)) => &mut values.forbidden,
                Some((true, _)) => continue,
                Some((false, TeamUse::Proposes)) if !is_approved => &mut values.proposed,
                Some((false, _)) => &mut values.applied,
            };
            group.push(entry);
        }
        Ok(values)
    }

    fn is_own(&self, key: &TableKey) -> bool {
        self.has_own(key.names_in_git().iter().map(String::as_str))
    }

    /// The approval is in the repository's own configuration, where `trust` finds a change that an agent made.
    fn has_approved(&self, file: &TeamFile) -> bool {
        self.repo.config(keys::APPROVED.name()).is_some_and(|digest| digest.trim() == file.digest)
    }
}

fn unapproved(name: &str, digest: &str) -> Error {
    let name = TableKey::find(name).map_or_else(|| name.to_owned(), |key| key.name().to_owned());
    let name = text::safe(&name);
    Error::new(
        Code::ProposalUnapproved,
        format!("'{TEAM_FILE}' proposes {name}, and nobody approved that here"),
    )
    .hint("git orchestra config approve shows the file and asks")
    .hint(format!("git orchestra config approve --hash={digest}, where there is no terminal"))
    .hint(format!("git orchestra config set {} … takes precedence over the file", quote::word(&*name)))
}
