//! Which folders are watched, and which events in them mean that there is something to read. Pure.

use std::path::{Path, PathBuf};

use super::pace::Urgency;
use crate::{
    model::AgentId,
    store::layout::{self, PrivateDir},
};

/// Agents whose output is watched file by file; more are read by the floor.
const MOST_AGENTS: usize = 2000;

/// A folder to watch, by its path below the common git directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) kind: Folder,
}

/// What a folder holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Folder {
    /// The common git directory: git's own files, of which few matter.
    Repository,
    /// Loose refs.
    Refs,
    /// What is private to this machine.
    Private,
    /// One folder for each agent that has not ended.
    Agents,
    /// The folder of an agent that has not ended: its lock and its output.
    Agent,
}

/// What happened to a file in a folder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Event {
    /// A name appeared, vanished, or names another file now.
    Name,
    /// Bytes were written.
    Bytes,
    /// Whoever could write the file closed it; also when its process died.
    Closed,
}

impl Folder {
    /// Whether an event means that there is something to read, and how soon.
    pub(super) fn sync_pending(self, name: &str, event: Event) -> Option<Urgency> {
        // Every writer of a ref makes a lock first; what counts is the rename that follows.
        if name.ends_with(".lock") {
            return None;
        }
        let state = |matters: bool| matters.then_some(Urgency::State);
        match self {
            Self::Repository => state(matches!(name, "packed-refs" | "config" | "refs" | "orchestra")),
            Self::Refs | Self::Agents => Some(Urgency::State),
            Self::Private => state(name == "agents"),
            Self::Agent => match name {
                // The supervisor holds it open as long as it lives.
                "lock" => state(event != Event::Bytes),
                "limit.json" => Some(Urgency::State),
                "tally.json" => Some(Urgency::Growth),
                _ if layout::is_output_name(name) => Some(Urgency::Growth),
                _ => None,
            },
        }
    }
}

/// The folders to watch for agents that have not ended, each with the branch that it works on.
pub(super) fn all<'a>(
    common: &Path,
    private: &PrivateDir,
    open: impl Iterator<Item = (AgentId, &'a str)>,
) -> Vec<Place> {
    let mut places = vec![Place { path: PathBuf::new(), kind: Folder::Repository }];
    let refs = ["refs", layout::SHARED, layout::PRIVATE, layout::BRANCHES, layout::AGENTS, layout::HEADS];
    let more = [layout::ARCHIVE, layout::NOTES_BELOW, layout::OPERATIONS, layout::SURROUNDINGS];
    places.extend(refs.into_iter().chain(more).map(refs_below));
    let below = |path: PathBuf, kind| {
        let path = path.strip_prefix(common).map_or_else(|_| path.clone(), Path::to_owned);
        Place { path, kind }
    };
    places.push(below(private.dir().to_owned(), Folder::Private));
    places.push(below(private.agents_dir(), Folder::Agents));
    for (id, branch) in open.take(MOST_AGENTS) {
        places.push(below(private.agent(&id).dir().to_owned(), Folder::Agent));
        let branch = layout::branch_ref(branch);
        let folder = branch.rsplit_once('/').map_or("refs", |(folder, _)| folder);
        let place = refs_below(folder);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

fn refs_below(prefix: &str) -> Place {
    Place { path: PathBuf::from(prefix.trim_end_matches('/')), kind: Folder::Refs }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_seen_is_news() {
        const STATE: Option<Urgency> = Some(Urgency::State);
        const GROWTH: Option<Urgency> = Some(Urgency::Growth);
        for (folder, name, event, expected) in [
            (Folder::Repository, "packed-refs", Event::Name, STATE),
            (Folder::Repository, "packed-refs.lock", Event::Name, None),
            (Folder::Repository, "index", Event::Name, None),
            (Folder::Repository, "HEAD", Event::Name, None),
            (Folder::Repository, "orchestra", Event::Name, STATE),
            (Folder::Repository, "config", Event::Name, STATE),
            (Folder::Refs, "a-00000", Event::Name, STATE),
            (Folder::Refs, "a-00000.lock", Event::Name, None),
            (Folder::Private, "agents", Event::Name, STATE),
            (Folder::Private, "cache", Event::Name, None),
            (Folder::Agents, "a-00000", Event::Name, STATE),
            (Folder::Agent, "lock", Event::Closed, STATE),
            (Folder::Agent, "lock", Event::Bytes, None),
            (Folder::Agent, "1.out", Event::Bytes, GROWTH),
            (Folder::Agent, "1.err", Event::Bytes, GROWTH),
            (Folder::Agent, "tally.json", Event::Name, GROWTH),
            (Folder::Agent, "limit.json", Event::Name, STATE),
            (Folder::Agent, "index", Event::Name, None),
            (Folder::Agent, "tally.json.new", Event::Bytes, None),
        ] {
            assert_eq!(folder.sync_pending(name, event), expected, "{folder:?} {name} {event:?}");
        }
    }

    #[test]
    fn folders_are_named_below_the_repository_and_once_each() {
        let common = Path::new("/repo/.git");
        let private = PrivateDir::new(common.join("orchestra"));
        let id = |text: &str| AgentId::parse(text).unwrap();
        let open = [(id("a-00000"), "orchestra/a-00000"), (id("b-00000"), "orchestra/b-00000")];
        let places = all(common, &private, open.into_iter());
        let paths: Vec<&str> = places.iter().filter_map(|place| place.path.to_str()).collect();
        for path in ["", "refs", "orchestra/agents", "orchestra/agents/b-00000", "refs/heads/orchestra"] {
            assert_eq!(paths.iter().filter(|known| **known == path).count(), 1, "{path} in {paths:?}");
        }
        assert!(places.iter().all(|place| place.path.is_relative()));
    }
}
