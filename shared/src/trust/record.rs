//! What was accepted, and what was found when agents ended: one file on this machine. A change made while an agent ran is pending
//! until a person accepts it; what the user changes while no agent runs is accepted.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::configuration::{ConfigChange, ConfigSnapshot};
use crate::{
    Kind, Result, error::ErrorContext, git::settings, lock::Lock, model::AgentId, private_files,
    store::layout::PrivateDir,
};

/// Maximum time to wait for another command that holds the record.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum size of a record that is read, in bytes.
const MAX_RECORD_BYTES: u64 = 64 << 20;

/// The record. While agents run, every difference from `accepted` is pending; afterwards, only what also differed when the last
/// one ended.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct AcceptanceRecord {
    /// What a person accepted, or what was configured while no agent ran.
    accepted: ConfigSnapshot,
    /// What was configured when the last agent ended.
    seen: ConfigSnapshot,
    /// Agents that run, or whose end was not observed.
    open: BTreeSet<String>,
}

impl AcceptanceRecord {
    /// Reads the record. `None`: it is missing or malformed, which has the same meaning.
    pub(super) fn read(private: &PrivateDir) -> Option<Self> {
        let text = settings::read_regular(&private.accepted(), MAX_RECORD_BYTES).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Changes the record under its lock.
    pub(super) fn change(private: &PrivateDir, change: impl FnOnce(&mut Option<Self>)) -> Result<()> {
        let _lock = Lock::require(&private.accepted_lock(), LOCK_TIMEOUT)?;
        let mut record = Self::read(private);
        change(&mut record);
        record.map_or(Ok(()), |record| record.write(&private.accepted()))
    }

    fn write(&self, path: &Path) -> Result<()> {
        let cannot = || format!("cannot write '{}'", path.display());
        let text = serde_json::to_vec(self).context(Kind::Internal, cannot)?;
        private_files::replace_durably(path, &text).context(Kind::External, cannot)
    }

    /// Creates a record with nothing pending.
    pub(super) fn with_baseline(now: &ConfigSnapshot) -> Self {
        Self { accepted: now.clone(), seen: now.clone(), open: BTreeSet::new() }
    }

    /// Returns the pending changes, given the current configuration.
    pub(super) fn pending(&self, now: &ConfigSnapshot) -> Vec<ConfigChange> {
        let is_running = !self.open.is_empty();
        let unaccepted: BTreeMap<String, ConfigChange> =
            self.accepted.changes(now).into_iter().map(|one| (one.key.clone(), one)).collect();
        if is_running {
            return unaccepted.into_values().collect();
        }
        let changed_by_end: BTreeSet<String> =
            self.accepted.changes(&self.seen).into_iter().map(|one| one.key).collect();
        unaccepted.into_values().filter(|one| changed_by_end.contains(&one.key)).collect()
    }

    /// Records that agents start. If none ran before, the current configuration is the user's own.
    pub(super) fn begin(&mut self, now: &ConfigSnapshot, ids: &[AgentId], private: &PrivateDir) {
        self.remove_dead_agents(private);
        if self.open.is_empty() {
            *self = Self::with_baseline(now);
        }
        self.open.extend(ids.iter().map(ToString::to_string));
    }

    /// Records that an agent ended with all its processes.
    pub(super) fn end(&mut self, now: &ConfigSnapshot, id: &AgentId) {
        if self.open.remove(id.as_str()) {
            self.seen = now.clone();
        }
    }

    /// Records that a person accepts the changes they were shown.
    pub(super) fn accept(&mut self, shown: &ConfigSnapshot, private: &PrivateDir) {
        self.accepted = shown.clone();
        self.seen = shown.clone();
        self.remove_dead_agents(private);
    }

    /// Records that one of our own commands set a key on the user's request.
    pub(super) fn copy_key(&mut self, now: &ConfigSnapshot, key: &str) {
        self.accepted.copy_key(now, key);
        self.seen.copy_key(now, key);
    }

    /// Removes the agents whose supervisor is gone. Must only be called when nothing is pending.
    fn remove_dead_agents(&mut self, private: &PrivateDir) {
        let is_running =
            |id: &String| AgentId::parse(id).is_ok_and(|id| Lock::is_held(&private.agent(&id).lock()));
        self.open.retain(is_running);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(entries: &[(&str, &str)]) -> ConfigSnapshot {
        let mut snapshot = ConfigSnapshot::default();
        for (key, value) in entries {
            snapshot.add((*key).to_owned(), (*value).to_owned());
        }
        snapshot
    }

    /// Returns the pending keys, given what was accepted, what was found when the last agent ended, and what is configured now.
    fn pending_keys(
        accepted: &ConfigSnapshot,
        seen: &ConfigSnapshot,
        now: &ConfigSnapshot,
        is_running: bool,
    ) -> Vec<String> {
        let open = is_running.then(|| "agent-abcde".to_owned()).into_iter().collect();
        let record = AcceptanceRecord { accepted: accepted.clone(), seen: seen.clone(), open };
        record.pending(now).into_iter().map(|one| one.key).collect()
    }

    #[test]
    fn changes_are_pending_by_when_they_were_made() {
        let mine = snapshot(&[("core.pager", "less")]);
        let evil = snapshot(&[("core.pager", "evil"), ("merge.e.driver", "evil")]);
        let mixed = snapshot(&[("core.pager", "evil"), ("orchestra.test", "mine")]);
        let more = snapshot(&[("core.pager", "less"), ("orchestra.test", "mine")]);
        let both = vec!["core.pager".to_owned(), "merge.e.driver".to_owned()];
        let none: Vec<String> = Vec::new();
        // Nothing changed; the user changed something while no agent ran.
        assert_eq!(pending_keys(&mine, &mine, &mine, false), none);
        assert_eq!(pending_keys(&mine, &mine, &evil, false), none);
        // Changed while an agent ran: pending until accepted, whether or not agents run now.
        assert_eq!(pending_keys(&mine, &mine, &evil, true), both);
        assert_eq!(pending_keys(&mine, &evil, &evil, false), both);
        assert_eq!(pending_keys(&mine, &evil, &evil, true), both);
        // Restored by the user, in whole or in part; what they changed themselves afterwards is not pending.
        assert_eq!(pending_keys(&mine, &evil, &mine, false), none);
        assert_eq!(pending_keys(&mine, &evil, &mixed, false), ["core.pager"]);
        assert_eq!(pending_keys(&mine, &evil, &more, false), none);
        // Another value under a pending key is pending as well.
        let third = snapshot(&[("core.pager", "third")]);
        assert_eq!(pending_keys(&mine, &evil, &third, false), ["core.pager"]);
    }
}
