//! Whether the configuration may be used: decided once, where a command starts that may run what it names.

use std::{ops::Deref, path::Path};

use super::{
    configuration::{ConfigChange, ConfigSnapshot},
    record::AcceptanceRecord,
};
use crate::{
    Code, Error, Kind, Result,
    error::Context,
    git::Repo,
    model::{AgentId, text},
    private_files,
    store::layout::{self, PrivateDir},
    world::Environment,
};

/// A repository whose configuration may be used: whatever may run what it names asks for this.
pub struct AcceptedRepo(Repo);

impl Deref for AcceptedRepo {
    type Target = Repo;

    fn deref(&self) -> &Repo {
        &self.0
    }
}

/// What a look at the configuration came to.
pub enum ConfigCheck {
    /// It may be used.
    Accepted(AcceptedRepo),
    /// It changed while agents ran, and nobody accepted that.
    Pending(Pending),
}

/// A change that nobody accepted yet.
pub struct Pending {
    repo: Repo,
    now: ConfigSnapshot,
    changes: Vec<ConfigChange>,
}

impl AcceptedRepo {
    /// The repository, for a command that has no person to ask.
    ///
    /// # Errors
    /// The configuration changed while agents ran, and nobody accepted that (3).
    pub fn of(repo: Repo) -> Result<Self> {
        match check(repo)? {
            ConfigCheck::Accepted(repo) => Ok(repo),
            ConfigCheck::Pending(pending) => Err(pending.refusal()),
        }
    }

    /// Looks again: agents may have run since.
    ///
    /// # Errors
    /// As [`AcceptedRepo::of`].
    pub fn confirm(&self) -> Result<()> {
        let now = ConfigSnapshot::of(&self.0);
        let changes = pending(&self.0, &now)?;
        if changes.is_empty() { Ok(()) } else { Err(refusal(&changes, &now)) }
    }

    /// Writes down what holds now, where nothing is written yet: before anything of an agent is there, by which others see that
    /// agents ran.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn remember(&self) -> Result<()> {
        let private = PrivateDir::new(self.0.private_dir()?);
        if AcceptanceRecord::read(&private).is_some() {
            return Ok(());
        }
        let now = ConfigSnapshot::of(&self.0);
        AcceptanceRecord::change(&private, |record| {
            record.get_or_insert_with(|| AcceptanceRecord::accepting(&now));
        })
    }

    /// Agents are about to run, their locks held: from here to their ends what changes is in doubt.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn begin(&self, ids: &[AgentId]) -> Result<()> {
        let private = PrivateDir::new(self.0.private_dir()?);
        let cannot = || format!("cannot close '{}' to other users", private.dir().display());
        private_files::close(private.dir()).context(Kind::External, cannot)?;
        let now = ConfigSnapshot::of(&self.0);
        AcceptanceRecord::change(&private, |record| {
            record.get_or_insert_with(|| AcceptanceRecord::accepting(&now)).begin(&now, ids, &private);
        })
    }

    /// A command of ours set a key of the configuration, on a person's word.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn take_own_change(&self, key: &str) -> Result<()> {
        let private = PrivateDir::new(self.0.private_dir()?);
        if AcceptanceRecord::read(&private).is_none() {
            return Ok(());
        }
        let now = ConfigSnapshot::of(&self.0);
        AcceptanceRecord::change(&private, |record| {
            if let Some(record) = record {
                record.take(&now, &key.to_ascii_lowercase());
            }
        })
    }
}

impl Pending {
    /// What changed, key by key.
    pub fn changes(&self) -> &[ConfigChange] {
        &self.changes
    }

    /// Names what [`Pending::changes`] shows, and nothing else: to be typed where nobody can be asked.
    pub fn fingerprint(&self) -> String {
        self.now.fingerprint()
    }

    /// A person accepts what they were shown.
    ///
    /// # Errors
    /// An agent asks (3), or the record cannot be written.
    pub fn accept(self) -> Result<AcceptedRepo> {
        if self.repo.environment().is_agent() {
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

    /// Why a command does not go on, where nobody can be asked.
    pub fn refusal(&self) -> Error {
        refusal(&self.changes, &self.now)
    }
}

/// Looks at the configuration.
///
/// # Errors
/// The repository cannot be read, or its configuration cannot be used by anybody (3).
pub fn check(repo: Repo) -> Result<ConfigCheck> {
    if let Some(why) = repo.trouble() {
        return Err(unusable(&repo, why));
    }
    if is_untouched(&repo)? {
        return Ok(ConfigCheck::Accepted(AcceptedRepo(repo)));
    }
    let now = ConfigSnapshot::of(&repo);
    let changes = pending(&repo, &now)?;
    Ok(if changes.is_empty() {
        ConfigCheck::Accepted(AcceptedRepo(repo))
    } else {
        ConfigCheck::Pending(Pending { repo, now, changes })
    })
}

/// Whether the configuration may be used, for who does without it otherwise.
pub fn is_accepted(repo: &Repo) -> bool {
    let look = || -> Result<bool> {
        if repo.trouble().is_some() {
            return Ok(false);
        }
        if is_untouched(repo)? {
            return Ok(true);
        }
        Ok(pending(repo, &ConfigSnapshot::of(repo))?.is_empty())
    };
    look().unwrap_or(false)
}

/// An agent ended, with everything that it started: what is there now is what it may have changed.
///
/// # Errors
/// The record cannot be written; the agent then counts as running.
pub fn end(environment: &Environment, common_dir: &Path, id: &AgentId) -> Result<()> {
    let private = PrivateDir::new(common_dir.join("orchestra"));
    let now = ConfigSnapshot::at(environment, common_dir);
    AcceptanceRecord::change(&private, |record| {
        if let Some(record) = record {
            record.end(&now, id);
        }
    })
}

fn pending(repo: &Repo, now: &ConfigSnapshot) -> Result<Vec<ConfigChange>> {
    if is_untouched(repo)? {
        return Ok(Vec::new());
    }
    Ok(match AcceptanceRecord::read(&PrivateDir::new(repo.private_dir()?)) {
        Some(record) => record.pending(now),
        // Agents ran, and what there was before is not known any more.
        None => ConfigSnapshot::default().changes(now),
    })
}

/// Whether no agent ever ran in this clone, as far as it knows: then everything is the user's own.
fn is_untouched(repo: &Repo) -> Result<bool> {
    let private = PrivateDir::new(repo.private_dir()?);
    let agents_ran =
        || -> Result<bool> { Ok(!private.agents().is_empty() || repo.has_refs_below(layout::LOGS)?) };
    Ok(AcceptanceRecord::read(&private).is_none() && !agents_ran()?)
}

/// The configuration is such that git would not use it either.
fn unusable(repo: &Repo, why: &str) -> Error {
    let error = Error::new(
        Code::ConfigInvalid,
        format!("the configuration of this repository cannot be used: {why}"),
    )
    .hint("'git config --edit' repairs it; status, logs, collect, stop and pause work meanwhile");
    match pending(repo, &ConfigSnapshot::of(repo)) {
        Ok(changes) if !changes.is_empty() => {
            let keys: Vec<&str> = changes.iter().map(|one| one.key.as_str()).collect();
            error.hint(format!("changed while agents ran: {}", keys.join(", ")))
        }
        _ => error,
    }
}

fn refusal(changes: &[ConfigChange], now: &ConfigSnapshot) -> Error {
    let keys: Vec<&str> = changes.iter().map(|one| one.key.as_str()).collect();
    let what = text::count(changes.len() as u64, "key");
    Error::new(
        Code::ConfigUntrusted,
        format!("{what} of the configuration changed while agents ran: {}", keys.join(", ")),
    )
    .hint(format!("git orchestra init --accept={} uses it from now on", now.fingerprint()))
    .hint("'git config --edit' takes out what you do not want")
}
