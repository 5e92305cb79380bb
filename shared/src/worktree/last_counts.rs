//! The last known numbers of uncommitted changes of live agents. A list has time to count only some of them. Each list begins where
//! the one before stopped, so that all are counted in turn, and answers for the others what was counted last, with its time.
//!
//! An entry states what was true at its time, so it never becomes wrong, only old. It holds for the attempt in which it was made. A
//! file that is lost, or is not ours, costs only figures: the snapshot of the worktree that its supervisor took remains.

use std::{collections::BTreeMap, path::Path};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    git::{Repo, careful, tree_diff},
    model::AgentId,
    private_files,
    store::layout,
    worktree::dirty::MAX_COUNT,
};

/// A number of uncommitted changes, and when they were counted.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DirtyCount {
    /// The number, at most [`MAX_COUNT`].
    pub changes: usize,
    /// When they were counted.
    pub at: Timestamp,
}

impl DirtyCount {
    /// Returns whether the number was counted between the start of an attempt and now: a clock may have been set back.
    fn is_between(&self, start: Timestamp, now: Timestamp) -> bool {
        start <= self.at && self.at <= now
    }
}

/// The last known numbers of all live agents.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct LastCounts {
    agents: BTreeMap<AgentId, Entry>,
}

/// What is known about one agent.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
struct Entry {
    /// The number of the list that tried to count it last: one more than all before.
    turn: u64,
    /// What was counted last; `None` if no list had time for it yet.
    count: Option<DirtyCount>,
}

impl LastCounts {
    /// Reads the file. One that is missing or malformed counts as empty.
    pub fn read(path: &Path) -> Self {
        careful::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Returns a number that is the lower, the longer ago the agent was tried; 0 if it never was.
    pub fn turn(&self, id: &AgentId) -> u64 {
        self.agents.get(id).map_or(0, |entry| entry.turn)
    }

    /// Returns what was counted last, since the start of an attempt.
    pub fn count(&self, id: &AgentId, start: Timestamp, now: Timestamp) -> Option<DirtyCount> {
        self.agents.get(id)?.count.filter(|count| count.is_between(start, now))
    }

    /// Returns the entries after another list: what it counted, `None` for an agent that it tried in vain, and the entries of the
    /// other agents that it knows.
    #[must_use]
    pub fn after(&self, known: &[AgentId], tried: &[(AgentId, Option<DirtyCount>)]) -> Self {
        let turn = 1 + self.agents.values().map(|entry| entry.turn).max().unwrap_or(0);
        let kept = known.iter().filter_map(|id| self.agents.get_key_value(id));
        let mut agents: BTreeMap<AgentId, Entry> =
            kept.map(|(id, entry)| (id.clone(), entry.clone())).collect();
        for (id, count) in tried {
            let entry = agents.entry(id.clone()).or_default();
            *entry = Entry { turn, count: count.or(entry.count) };
        }
        Self { agents }
    }

    /// Replaces the file. A failure is ignored, because it costs only figures.
    pub fn write(&self, path: &Path) {
        if let Ok(text) = serde_json::to_vec(self) {
            let _ = private_files::replace(path, text);
        }
    }
}

/// Returns the number of files in which the last snapshot of an agent's worktree differs from the commit that was checked out, if
/// there is one since the start of an attempt.
pub fn in_snapshot(repo: &Repo, id: &AgentId, start: Timestamp, now: Timestamp) -> Option<DirtyCount> {
    let snapshot = repo.read_commit(repo.find_ref(&layout::snapshot_ref(id)).ok()??).ok()?;
    let at = Timestamp::from_second(snapshot.seconds).ok()?;
    let parent = repo.tree_of(*snapshot.parents.first()?).ok()?;
    let changes = tree_diff::count_differences(repo, parent, snapshot.tree).ok()?.min(MAX_COUNT);
    Some(DirtyCount { changes, at }).filter(|count| count.is_between(start, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> AgentId {
        AgentId::parse(&format!("{name}-00000")).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn counted(changes: usize, second: i64) -> DirtyCount {
        DirtyCount { changes, at: at(second) }
    }

    #[test]
    fn agents_are_counted_in_turn_even_if_some_never_end() {
        let all = ["a", "b", "c", "d", "e"].map(id);
        let mut counts = LastCounts::default();
        let mut times = BTreeMap::new();
        // Each list has time for two agents; `a` always takes longer than a list may.
        for second in 0..6 {
            let mut order = all.to_vec();
            order.sort_by_key(|id| counts.turn(id));
            let tried: Vec<_> = order[..2]
                .iter()
                .map(|one| (one.clone(), (*one != id("a")).then(|| counted(1, second))))
                .collect();
            for (id, _) in &tried {
                *times.entry(id.clone()).or_insert(0) += 1;
            }
            counts = counts.after(&all, &tried);
        }
        assert!(times.len() == 5 && times.values().all(|times| (2..=3).contains(times)), "{times:?}");
        assert_eq!(counts.count(&id("a"), at(0), at(9)), None);
        assert!(all[1..].iter().all(|id| counts.count(id, at(0), at(9)).is_some()));
    }

    #[test]
    fn a_count_holds_for_its_attempt_and_never_comes_from_the_future() {
        let counts = LastCounts::default().after(&[], &[(id("a"), Some(counted(7, 100)))]);
        for (start, now, expected) in [(50, 150, true), (100, 100, true), (101, 150, false), (50, 99, false)]
        {
            let found = counts.count(&id("a"), at(start), at(now));
            assert_eq!(found, expected.then(|| counted(7, 100)), "{start} {now}");
        }
    }

    #[test]
    fn entries_of_agents_that_ended_are_dropped_and_the_others_stay() {
        let tried = |name, changes| (id(name), Some(counted(changes, 1)));
        let counts = LastCounts::default().after(&[], &[tried("a", 1), tried("b", 2), tried("c", 3)]);
        let counts = counts.after(&[id("a"), id("b")], &[(id("a"), None)]);
        let known =
            ["a", "b", "c"].map(|name| counts.count(&id(name), at(0), at(9)).map(|count| count.changes));
        assert_eq!(known, [Some(1), Some(2), None]);
        assert_eq!(["a", "b", "c"].map(|name| counts.turn(&id(name))), [2, 1, 0]);
    }

    #[test]
    fn a_file_that_is_not_ours_counts_as_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counts");
        assert_eq!(LastCounts::read(&path), LastCounts::default());
        let counts = LastCounts::default().after(&[], &[(id("a"), Some(counted(7, 100)))]);
        counts.write(&path);
        assert_eq!(LastCounts::read(&path), counts);
        for text in [
            "",
            "{}",
            "[1]",
            "{\"agents\":{\"../x\":{\"turn\":1}}}",
            "{\"agents\":{\"a-00000\":{\"turn\":-1}}}",
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(LastCounts::read(&path), LastCounts::default(), "{text}");
        }
    }
}
