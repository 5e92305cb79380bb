//! Whether the configuration may be used: decided once, where a command starts that may run what the configuration names.

use std::{ops::Deref, path::Path};

use super::{
    configuration::{ConfigChange, ConfigSnapshot},
    record::AcceptanceRecord,
};
use crate::{
    Code, Error, Kind, Result, config,
    error::ErrorContext,
    git::Repo,
    model::{AgentId, text},
    private_files,
    store::layout::{self, PrivateDir},
    world::Environment,
};

/// A repository whose configuration may be used. Functions that may run what it names require this type.
pub struct AcceptedRepo(Repo);

impl Deref for AcceptedRepo {
    type Target = Repo;

    fn deref(&self) -> &Repo {
        &self.0
    }
}

/// The result of checking the configuration.
pub enum ConfigCheck {
    /// It may be used.
    Accepted(AcceptedRepo),
    /// It changed while agents ran, and nobody accepted that.
    Pending(PendingChanges),
}

/// Changes that nobody has accepted yet.
pub struct PendingChanges {
    repo: Repo,
    now: ConfigSnapshot,
    changes: Vec<ConfigChange>,
}

impl AcceptedRepo {
    /// Checks the configuration for a command that cannot ask the user.
    ///
    /// # Errors
    /// The configuration changed while agents ran, and nobody accepted that (3).
    pub fn of(repo: Repo) -> Result<Self> {
        match check(repo)? {
            ConfigCheck::Accepted(repo) => Ok(repo),
            ConfigCheck::Pending(pending) => Err(pending.refusal()),
        }
    }

    /// Returns a repository for a command that only ends what runs: it starts no program that the configuration names, and sends nothing.
    /// What an agent wrote into the configuration must not keep a person from ending it.
    pub const fn only_to_end(repo: Repo) -> Self {
        Self(repo)
    }

    /// Checks again: agents may have run since.
    ///
    /// # Errors
    /// As [`AcceptedRepo::of`].
    pub fn confirm(&self) -> Result<()> {
        let now = ConfigSnapshot::of(&self.0);
        let changes = pending_changes(&self.0, &now)?;
        if changes.is_empty() { Ok(()) } else { Err(untrusted_error(&changes, &now)) }
    }

    /// Records the current configuration as accepted, if there is no record. Must run before anything of an agent exists from
    /// which others conclude that agents ran.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn record_baseline(&self) -> Result<()> {
        let private = PrivateDir::new(self.0.private_dir()?);
        if AcceptanceRecord::read(&private).is_some() {
            return Ok(());
        }
        let now = ConfigSnapshot::of(&self.0);
        AcceptanceRecord::change(&private, |record| {
            record.get_or_insert_with(|| AcceptanceRecord::with_baseline(&now));
        })
    }

    /// Records that agents are about to run, while their locks are held: from now until they end, every change is pending.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn begin(&self, ids: &[AgentId]) -> Result<()> {
        let private = PrivateDir::new(self.0.private_dir()?);
        let cannot = || format!("cannot restrict '{}' to its owner", private.dir().display());
        private_files::restrict(private.dir()).context(Kind::External, cannot)?;
        let now = ConfigSnapshot::of(&self.0);
        AcceptanceRecord::change(&private, |record| {
            record.get_or_insert_with(|| AcceptanceRecord::with_baseline(&now)).begin(&now, ids, &private);
        })
    }

    /// Accepts a config key that one of our own commands set on the user's request.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn accept_own_change(&self, key: &str) -> Result<()> {
        let private = PrivateDir::new(self.0.private_dir()?);
        if AcceptanceRecord::read(&private).is_none() {
            return Ok(());
        }
        let now = ConfigSnapshot::of(&self.0);
        AcceptanceRecord::change(&private, |record| {
            if let Some(record) = record {
                record.copy_key(&now, &config::normalized(key));
            }
        })
    }
}

impl PendingChanges {
    /// Returns what changed, key by key.
    pub fn changes(&self) -> &[ConfigChange] {
        &self.changes
    }

    /// Returns the fingerprint of what [`PendingChanges::changes`] shows: to be typed where the user cannot be asked.
    pub fn fingerprint(&self) -> String {
        self.now.fingerprint()
    }

    /// Records that a person accepts the changes they were shown.
    ///
    /// # Errors
    /// An agent called it (3), or the record cannot be written.
    pub fn accept(self) -> Result<AcceptedRepo> {
        if self.repo.is_called_by_agent() {
            return Err(Error::new(
                Code::NotForAgents,
                "an agent cannot accept a change of the configuration",
            )
            .hint(format!("git orchestra init --accept={}, in a shell of your own", self.fingerprint())));
        }
        let private = PrivateDir::new(self.repo.private_dir()?);
        AcceptanceRecord::change(&private, |record| {
            record.get_or_insert_with(AcceptanceRecord::default).accept(&self.now, &private);
        })?;
        Ok(AcceptedRepo(self.repo))
    }

    /// Returns the error of a command that cannot ask the user.
    pub fn refusal(&self) -> Error {
        untrusted_error(&self.changes, &self.now)
    }
}

/// Checks the configuration.
///
/// # Errors
/// The repository cannot be read, or git itself cannot use its configuration (3).
pub fn check(repo: Repo) -> Result<ConfigCheck> {
    if let Some(why) = repo.config_error() {
        return Err(unusable_error(&repo, why));
    }
    if is_untouched(&repo)? {
        return Ok(ConfigCheck::Accepted(AcceptedRepo(repo)));
    }
    let now = ConfigSnapshot::of(&repo);
    let changes = pending_changes(&repo, &now)?;
    Ok(if changes.is_empty() {
        ConfigCheck::Accepted(AcceptedRepo(repo))
    } else {
        ConfigCheck::Pending(PendingChanges { repo, now, changes })
    })
}

/// Returns whether the configuration may be used, for callers that can do without it.
pub fn is_accepted(repo: &Repo) -> bool {
    let has_no_changes = || -> Result<bool> {
        if repo.config_error().is_some() {
            return Ok(false);
        }
        if is_untouched(repo)? {
            return Ok(true);
        }
        Ok(pending_changes(repo, &ConfigSnapshot::of(repo))?.is_empty())
    };
    has_no_changes().unwrap_or(false)
}

/// Records that an agent and all its processes ended: what is configured now may have been changed by it.
///
/// # Errors
/// The record cannot be written; the agent then counts as running.
pub fn agent_ended(environment: &Environment, common_dir: &Path, id: &AgentId) -> Result<()> {
    let private = PrivateDir::new(common_dir.join("orchestra"));
    let now = ConfigSnapshot::at(environment, common_dir);
    AcceptanceRecord::change(&private, |record| {
        if let Some(record) = record {
            record.end(&now, id);
        }
    })
}

fn pending_changes(repo: &Repo, now: &ConfigSnapshot) -> Result<Vec<ConfigChange>> {
    if is_untouched(repo)? {
        return Ok(Vec::new());
    }
    Ok(match AcceptanceRecord::read(&PrivateDir::new(repo.private_dir()?)) {
        Some(record) => record.pending(now),
        // Agents ran, and the configuration from before is unknown.
        None => ConfigSnapshot::default().changes(now),
    })
}

/// Returns whether, as far as this clone knows, no agent ever ran here: then everything is the user's own.
fn is_untouched(repo: &Repo) -> Result<bool> {
    let private = PrivateDir::new(repo.private_dir()?);
    let agents_ran =
        || -> Result<bool> { Ok(!private.agents().is_empty() || repo.has_refs_below(layout::LOGS)?) };
    Ok(AcceptanceRecord::read(&private).is_none() && !agents_ran()?)
}

/// Returns the error of a configuration that git itself cannot use.
fn unusable_error(repo: &Repo, why: &str) -> Error {
    let error = Error::new(
        Code::ConfigInvalid,
        format!("the configuration of this repository cannot be used: {why}"),
    )
    .hint(format!("{}; status, logs, collect, stop and pause work meanwhile", repo.edit_config_command()));
    match pending_changes(repo, &ConfigSnapshot::of(repo)) {
        Ok(changes) if !changes.is_empty() => {
            let keys: Vec<&str> = changes.iter().map(|one| one.key.as_str()).collect();
            error.hint(format!("changed while agents ran: {}", keys.join(", ")))
        }
        _ => error,
    }
}

fn untrusted_error(changes: &[ConfigChange], now: &ConfigSnapshot) -> Error {
    let keys: Vec<&str> = changes.iter().map(|one| one.key.as_str()).collect();
    let what = text::count(changes.len() as u64, "key");
    Error::new(
        Code::ConfigUntrusted,
        format!("{what} of the configuration changed while agents ran: {}", keys.join(", ")),
    )
    .hint(format!("git orchestra init --accept={} uses it from now on", now.fingerprint()))
    .hint("'git config --edit' removes what you do not want")
}
