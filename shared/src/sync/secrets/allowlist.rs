//! What looks like a secret but may be sent: the user allowed it, or the remote already has it.

use memchr::memmem;

use super::scan::{Scanner, SecretHit};
use crate::{
    Result,
    config::{Config, keys::NOT_SECRET},
    git::{Oid, Repo, objects::TreeEntryKind, raw::ObjectKind, remotes::Push},
    model::{AgentId, secret::spelling},
    store::{Chain, archive, layout},
};

/// The shortest prefix of an id that counts; shorter ones would match many objects.
const SHORTEST: usize = 7;
/// The maximum number of the remote's commits that are searched for the same text.
const EDGES: usize = 64;

/// What the user allowed (`orchestra.secretAllow`).
#[derive(Default)]
pub(super) struct Allowlist {
    ids: Vec<String>,
    /// The texts of the events, and the hits in the objects, with these ids.
    texts: Vec<Vec<u8>>,
}

impl Allowlist {
    /// Reads the ids that the user allowed, and the texts they stand for in what these pushes send.
    ///
    /// # Errors
    /// An agent's events cannot be read.
    pub(super) fn read(repo: &Repo, scanner: &mut Scanner<'_>, sends: &[Push]) -> Result<Self> {
        let mut ids = Config::of(repo).all(&NOT_SECRET);
        ids.retain(|id| id.len() >= SHORTEST);
        let mut texts = Vec::new();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        for object in ids.iter().filter_map(|id| scanner.reader().find(id)).collect::<Vec<_>>() {
            texts.extend(scanner.scan(object).unwrap_or_default().into_iter().map(|hit| hit.text));
        }
        for tip in lives(repo, sends)? {
            for event in Chain::read(repo, &[tip])?.events {
                if ids.iter().any(|id| event.id.hex().starts_with(id)) {
                    texts.push(event.line.into_bytes());
                }
            }
        }
        Ok(Self { ids, texts })
    }

    /// Returns whether this object is allowed by its own id.
    pub(super) fn object(&self, id: Oid) -> bool {
        let hex = id.to_string();
        self.ids.iter().any(|one| hex.starts_with(one.as_str()))
    }

    /// Returns whether a text occurs in something that is allowed.
    pub(super) fn text(&self, text: &[u8]) -> bool {
        self.texts.iter().any(|excused| holds(excused, text))
    }
}

/// Returns the tips of the event logs of all agents in these pushes.
fn lives(repo: &Repo, sends: &[Push]) -> Result<Vec<Oid>> {
    let mut tips = Vec::new();
    for push in sends {
        if layout::is_archive(&push.name) {
            let archived = push.new.map(|tip| archive::chain(repo, tip)).transpose()?.unwrap_or_default();
            tips.extend(archived.into_iter().map(|archived| archived.tip));
        } else if let Some(agent) = layout::agent_of(&push.name) {
            tips.extend(life(repo, &agent)?);
        }
    }
    tips.sort_unstable();
    tips.dedup();
    Ok(tips)
}

fn life(repo: &Repo, agent: &AgentId) -> Result<Option<Oid>> {
    Ok(repo.find_ref(&layout::agent_ref(agent))?.filter(|tip| repo.has_commit(*tip)))
}

/// Returns whether a text occurs in another, in any encoding.
pub(super) fn holds(bytes: &[u8], text: &[u8]) -> bool {
    spelling::readings(bytes).iter().any(|reading| memmem::find(reading, text).is_some())
}

/// Returns whether the remote has the same text at the same path. Then it cannot be revoked, and sending it again reveals nothing.
pub(super) fn is_there_already(repo: &Repo, edges: &[Oid], path: &[u8], hit: &SecretHit) -> bool {
    let Ok(path) = std::str::from_utf8(path) else { return false };
    edges.iter().take(EDGES).any(|edge| {
        let there = match hit.kind {
            ObjectKind::Blob if !path.is_empty() => repo.read_blob_of(*edge, path).ok().flatten(),
            ObjectKind::Tree => names(repo, *edge, path),
            _ => None,
        };
        there.is_some_and(|there| holds(&there, &hit.text))
    })
}

/// Returns the names in a folder of a commit, one a line.
fn names(repo: &Repo, commit: Oid, path: &str) -> Option<Vec<u8>> {
    let mut tree = repo.tree_of(commit).ok()?;
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let entries = repo.entries_of(tree).ok()?;
        tree = entries.iter().find(|one| one.sort == TreeEntryKind::Tree && one.name == part.as_bytes())?.id;
    }
    let entries = repo.entries_of(tree).ok()?;
    Some(entries.iter().map(|entry| entry.name.as_slice()).collect::<Vec<_>>().join(&b'\n'))
}
