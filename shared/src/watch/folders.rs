//! Which folders are watched, and which events in them matter. Pure.

use std::path::{Path, PathBuf};

use super::{noticed::Noticed, schedule::Urgency};
use crate::{
    model::AgentId,
    store::layout::{self, PrivateDir},
};

/// The most agents whose folders are watched. The output of others is noticed when everything is read without an event.
const MAX_AGENTS: usize = 2000;

/// A folder to watch, with its path below the common git directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct WatchedFolder {
    pub(super) path: PathBuf,
    pub(super) kind: FolderKind,
}

/// What a watched folder holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FolderKind {
    /// The common git directory, with git's own files, few of which matter.
    Repository,
    /// Loose refs.
    Refs,
    /// Loose refs, each named by its agent.
    AgentRefs,
    /// The private files of this machine.
    Private,
    /// The folders of the agents that have not ended.
    Agents,
    /// The folder of one agent that has not ended, with its lock and its output.
    Agent,
}

/// What happened to a file in a folder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FileEvent {
    /// A file was created, removed, or replaced.
    Name,
    /// Bytes were written.
    Bytes,
    /// A process that could write to the file closed it, or died.
    Closed,
}

impl FolderKind {
    /// Returns what may have changed after an event.
    pub(super) fn noticed(self, name: &str, event: FileEvent) -> Noticed {
        match (self.urgency(name, event), AgentId::parse(name)) {
            (None, _) => Noticed::default(),
            (Some(_), Ok(id)) if self == Self::AgentRefs => Noticed::agent(id),
            (Some(urgency), _) => Noticed::anything(urgency),
        }
    }

    /// Returns how soon to read after an event, or `None` if it does not matter.
    fn urgency(self, name: &str, event: FileEvent) -> Option<Urgency> {
        // Every writer of a ref makes a lock first; only the rename that follows counts.
        if name.ends_with(".lock") {
            return None;
        }
        let state = |matters: bool| matters.then_some(Urgency::State);
        match self {
            Self::Repository => state(matches!(name, "packed-refs" | "config" | "refs" | "orchestra")),
            Self::Refs | Self::AgentRefs | Self::Agents => Some(Urgency::State),
            Self::Private => state(name == "agents"),
            Self::Agent => match name {
                // The supervisor keeps it open as long as it lives.
                "lock" => state(event != FileEvent::Bytes),
                "limit.json" | "cap.json" => Some(Urgency::State),
                "tally.json" => Some(Urgency::Output),
                _ if layout::is_output_name(name) => Some(Urgency::Output),
                _ => None,
            },
        }
    }
}

/// Returns the folders to watch. `open` are the agents that have not ended, each with its branch.
pub(super) fn all<'a>(
    common: &Path,
    private: &PrivateDir,
    open: impl Iterator<Item = (AgentId, &'a str)>,
) -> Vec<WatchedFolder> {
    let mut folders = vec![WatchedFolder { path: PathBuf::new(), kind: FolderKind::Repository }];
    let refs = ["refs", layout::SHARED, layout::PRIVATE, layout::BRANCHES];
    let more =
        [layout::ARCHIVE, layout::NOTES_PREFIX, layout::OPERATIONS, layout::SURROUNDINGS, layout::RUNS];
    folders.extend(refs.into_iter().chain(more).map(refs_below));
    let of_agents = |prefix| WatchedFolder { kind: FolderKind::AgentRefs, ..refs_below(prefix) };
    folders.extend([layout::AGENTS, layout::HEADS].map(of_agents));
    let below = |path: PathBuf, kind| {
        let path = path.strip_prefix(common).map_or_else(|_| path.clone(), Path::to_owned);
        WatchedFolder { path, kind }
    };
    folders.push(below(private.dir().to_owned(), FolderKind::Private));
    folders.push(below(private.agents_dir(), FolderKind::Agents));
    for (id, branch) in open.take(MAX_AGENTS) {
        folders.push(below(private.agent(&id).dir().to_owned(), FolderKind::Agent));
        let branch = layout::branch_ref(branch);
        let folder = branch.rsplit_once('/').map_or("refs", |(folder, _)| folder);
        let place = refs_below(folder);
        if !folders.contains(&place) {
            folders.push(place);
        }
    }
    folders
}

fn refs_below(prefix: &str) -> WatchedFolder {
    WatchedFolder { path: PathBuf::from(prefix.trim_end_matches('/')), kind: FolderKind::Refs }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_visible_changes_matter() {
        const STATE: Option<Urgency> = Some(Urgency::State);
        const GROWTH: Option<Urgency> = Some(Urgency::Output);
        for (folder, name, event, expected) in [
            (FolderKind::Repository, "packed-refs", FileEvent::Name, STATE),
            (FolderKind::Repository, "packed-refs.lock", FileEvent::Name, None),
            (FolderKind::Repository, "index", FileEvent::Name, None),
            (FolderKind::Repository, "HEAD", FileEvent::Name, None),
            (FolderKind::Repository, "orchestra", FileEvent::Name, STATE),
            (FolderKind::Repository, "config", FileEvent::Name, STATE),
            (FolderKind::Refs, "a-00000", FileEvent::Name, STATE),
            (FolderKind::Refs, "a-00000.lock", FileEvent::Name, None),
            (FolderKind::AgentRefs, "a-00000", FileEvent::Name, STATE),
            (FolderKind::AgentRefs, "a-00000.lock", FileEvent::Name, None),
            (FolderKind::Private, "agents", FileEvent::Name, STATE),
            (FolderKind::Private, "cache", FileEvent::Name, None),
            (FolderKind::Agents, "a-00000", FileEvent::Name, STATE),
            (FolderKind::Agent, "lock", FileEvent::Closed, STATE),
            (FolderKind::Agent, "lock", FileEvent::Bytes, None),
            (FolderKind::Agent, "1.out", FileEvent::Bytes, GROWTH),
            (FolderKind::Agent, "1.err", FileEvent::Bytes, GROWTH),
            (FolderKind::Agent, "tally.json", FileEvent::Name, GROWTH),
            (FolderKind::Agent, "limit.json", FileEvent::Name, STATE),
            (FolderKind::Agent, "index", FileEvent::Name, None),
            (FolderKind::Agent, "tally.json.new", FileEvent::Bytes, None),
        ] {
            assert_eq!(folder.urgency(name, event), expected, "{folder:?} {name} {event:?}");
        }
    }

    #[test]
    fn a_ref_that_is_named_by_its_agent_is_of_that_agent_alone() {
        let id = AgentId::parse("a-00000").unwrap();
        let noticed = |folder: FolderKind, name: &str| folder.noticed(name, FileEvent::Name);
        assert_eq!(noticed(FolderKind::AgentRefs, "a-00000"), Noticed::agent(id));
        assert_eq!(noticed(FolderKind::AgentRefs, "a-00000.lock"), Noticed::default());
        for (folder, name) in [(FolderKind::AgentRefs, "Made up"), (FolderKind::Refs, "a-00000")] {
            assert_eq!(noticed(folder, name), Noticed::anything(Urgency::State), "{folder:?} {name}");
        }
    }

    #[test]
    fn folders_are_named_below_the_repository_and_once_each() {
        let common = Path::new("/repo/.git");
        let private = PrivateDir::new(common.join("orchestra"));
        let id = |text: &str| AgentId::parse(text).unwrap();
        let open = [(id("a-00000"), "orchestra/a-00000"), (id("b-00000"), "orchestra/b-00000")];
        let folders = all(common, &private, open.into_iter());
        let paths: Vec<&str> = folders.iter().filter_map(|place| place.path.to_str()).collect();
        for path in ["", "refs", "orchestra/agents", "orchestra/agents/b-00000", "refs/heads/orchestra"] {
            assert_eq!(paths.iter().filter(|known| **known == path).count(), 1, "{path} in {paths:?}");
        }
        assert!(folders.iter().all(|place| place.path.is_relative()));
    }
}
