//! The refs that one side has of everything a sync exchanges: names and object ids only.

use std::collections::{BTreeMap, HashSet};

use crate::{
    Result,
    git::{Oid, Repo},
    model::{
        AgentId, Fact, LogId, WriterId,
        logs::for_log,
        subject::{FactOf, SubjectId},
    },
    store::{commit, layout},
};

/// The maximum length of a notes topic, in bytes.
const MAX_TOPIC: usize = 40;

/// The refs of this clone, or of a remote at the last fetch.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RefSnapshot {
    /// The tips of agents' logs, by agent.
    pub agents: BTreeMap<AgentId, Oid>,
    /// The tips of the logs of other subjects.
    pub logs: BTreeMap<LogId, Oid>,
    /// The commits that hold agents' work, by agent.
    pub heads: BTreeMap<AgentId, Oid>,
    /// The notes, by topic.
    pub notes: BTreeMap<String, Oid>,
    /// The archives, by writer.
    pub archives: BTreeMap<String, Oid>,
    /// The number of refs whose names are not recognized.
    pub strange: usize,
    /// The damaged refs, by name below the prefix, and what is wrong with them.
    pub broken: BTreeMap<String, String>,
}

impl RefSnapshot {
    /// Reads the refs below `prefix`, which ends in `/`.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn read(repo: &Repo, prefix: &str) -> Result<Self> {
        let mut snapshot = Self::default();
        let list = repo.ref_list(prefix)?;
        let is_partial = repo.is_partial();
        for (name, object) in list.refs {
            let name = &name[prefix.len()..];
            if is_partial || repo.has_object(object) {
                snapshot.add(name, object);
            } else {
                let why = format!("names {}, which is not in this repository", object.short());
                snapshot.broken.insert(name.to_owned(), why);
            }
        }
        for broken in list.broken {
            let name = broken.name.strip_prefix(prefix).unwrap_or(&broken.name).to_owned();
            snapshot.broken.insert(name, broken.why);
        }
        Ok(snapshot)
    }

    /// Reads the shared refs of this clone.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn ours(repo: &Repo) -> Result<Self> {
        Self::ours_again(repo, &mut HashSet::new())
    }

    /// Like [`RefSnapshot::ours`]. `logs` are commits that were found to be in the log of an agent; what is found now is added to
    /// them, so that nothing is parsed again in the next round.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn ours_again(repo: &Repo, logs: &mut HashSet<Oid>) -> Result<Self> {
        let mut snapshot = Self::read(repo, layout::SHARED)?;
        snapshot.separate_damaged(repo, logs);
        Ok(snapshot)
    }

    /// Moves refs that point to the wrong kind of object to the damaged ones.
    fn separate_damaged(&mut self, repo: &Repo, logs: &mut HashSet<Oid>) {
        let mut reader = repo.commit_reader();
        let broken = &mut self.broken;
        self.agents.retain(|id, tip| {
            if logs.contains(tip) {
                return true;
            }
            let why = match reader.message(*tip) {
                Some(message) if !commit::parse::<Fact>(message).is_foreign() => {
                    return logs.insert(*tip);
                }
                None if !repo.has_commit(*tip) => {
                    format!("names {}, which is not a commit of this repository", tip.short())
                }
                Some(_) | None => {
                    format!("names {}, which is not the event log of an agent", tip.short())
                }
            };
            broken.insert(format!("agents/{id}"), why);
            false
        });
        self.logs.retain(|log, tip| {
            let is_ours = for_log!(log, id => is_entry_of(id, reader.message(*tip)));
            if !is_ours {
                broken.insert(log.to_string(), format!("names {}, which is not an event log", tip.short()));
            }
            is_ours
        });
        let is_partial = repo.is_partial();
        self.heads.retain(|id, tip| {
            let is_whole = is_partial || repo.has_commit(*tip);
            if !is_whole {
                let why = format!("names {}, which is not a commit of this repository", tip.short());
                broken.insert(format!("heads/{id}"), why);
            }
            is_whole
        });
    }

    /// Returns all refs by their full names, except damaged ones.
    pub fn names(&self) -> BTreeMap<String, Oid> {
        let agents = self.agents.iter().map(|(id, tip)| (layout::agent_ref(id), *tip));
        let heads = self.heads.iter().map(|(id, tip)| (layout::head_ref(id), *tip));
        let notes = self.notes.iter().map(|(topic, tip)| (layout::notes_ref(topic), *tip));
        let archives = self.archives.iter().map(|(writer, tip)| (layout::archive_ref(writer), *tip));
        let logs = self.logs.iter().map(|(log, tip)| (layout::event_log_ref(log), *tip));
        agents.chain(heads).chain(notes).chain(archives).chain(logs).collect()
    }

    fn add(&mut self, name: &str, object: Oid) {
        let known = name.split_once('/').is_some_and(|(kind, rest)| match kind {
            "agents" => AgentId::parse(rest).is_ok_and(|id| self.agents.insert(id, object).is_none()),
            "heads" => AgentId::parse(rest).is_ok_and(|id| self.heads.insert(id, object).is_none()),
            "notes" => is_topic(rest) && self.notes.insert(rest.to_owned(), object).is_none(),
            "archive" => {
                WriterId::parse(rest).is_ok() && self.archives.insert(rest.to_owned(), object).is_none()
            }
            _ => LogId::parse(name).is_some_and(|log| self.logs.insert(log, object).is_none()),
        });
        self.strange += usize::from(!known);
    }
}

/// Returns whether a message is that of a commit in a log of the subject with such an id.
fn is_entry_of<I: SubjectId>(_: &I, message: Option<&str>) -> bool {
    message.is_some_and(|message| !commit::parse::<FactOf<I>>(message).is_foreign())
}

fn is_topic(name: &str) -> bool {
    (1..=MAX_TOPIC).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unrecognized_names_are_only_counted() {
        let mut snapshot = RefSnapshot::default();
        for name in ["agents/fix-00000", "heads/fix-00000", "notes/results", "archive/5t2k", "runs/5t2k"] {
            snapshot.add(name, Oid::EMPTY_TREE);
        }
        assert_eq!(snapshot.strange, 0);
        for name in
            ["agents/../x", "agents/Fix-00000", "agents/a/b", "notes/A b", "archive/x-y", "runs/x-y", "x"]
        {
            snapshot.add(name, Oid::EMPTY_TREE);
        }
        assert_eq!(
            (snapshot.strange, snapshot.agents.len(), snapshot.notes.len(), snapshot.archives.len()),
            (7, 1, 1, 1)
        );
        assert_eq!(snapshot.logs.keys().map(ToString::to_string).collect::<Vec<_>>(), ["runs/5t2k"]);
    }
}
