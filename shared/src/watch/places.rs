//! Which folders are watched, and which events in them matter. Pure.

use std::path::{Path, PathBuf};

use super::pace::Urgency;
use crate::{
    model::AgentId,
    store::layout::{self, PrivateDir},
};

/// The most agents whose folders are watched. The output of others is noticed when everything is read without an event.
const MOST_AGENTS: usize = 2000;

/// A folder to watch, with its path below the common git directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) kind: Folder,
}

/// What a watched folder holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Folder {
    /// The common git directory, with git's own files, few of which matter.
    Repository,
    /// Loose refs.
    Refs,
    /// The private files of this machine.
    Private,
    /// The folders of the agents that have not ended.
    Agents,
    /// The folder of one agent that has not ended, with its lock and its output.
    Agent,
}

/// What happened to a file in a folder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Event {
    /// A file was created, removed, or replaced.
    Name,
    /// Bytes were written.
    Bytes,
    /// A process that could write to the file closed it, or died.
    Closed,
}

impl Folder {
    /// Returns how soon to read after an event, or `None` if it does not matter.
    pub(super) fn sync_pending(self, name: &str, event: Event) -> Option<Urgency> {
        // Every writer of a ref makes a lock first; only the rename that follows counts.
        if name.ends_with(".lock") {
            return None;
        }
        let state = |matters: bool| matters.then_some(Urgency::State);
        match self {
            Self::Repository => state(matches!(name, "packed-refs" | "config" | "refs" | "orchestra")),
            Self::Refs | Self::Agents => Some(Urgency::State),
            Self::Private => state(name == "agents"),
            Self::Agent => match name {
                // The supervisor keeps it open as long as it lives.
                "lock" => state(event != Event::Bytes),
                "limit.json" => Some(Urgency::State),
                "tally.json" => Some(Urgency::Growth),
                _ if layout::is_output_name(name) => Some(Urgency::Growth),
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
