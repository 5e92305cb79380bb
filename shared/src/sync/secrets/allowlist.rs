//! What looks like a secret and need not stay: the user says that it is none, or the remote has it already.

use memchr::memmem;

use super::scan::{Scanner, SecretHit};
use crate::{
    Result,
    config::{Config, keys::NOT_SECRET},
    git::{Oid, Repo, objects::TreeEntryKind, raw::ObjectKind, remotes::Push},
    model::{LogId, SubjectId, logs::for_log, secret::spelling},
    store::{archive, chain::Chain, layout},
};

/// Shorter beginnings of ids would say it of many.
const SHORTEST: usize = 7;
/// Commits of the remote that are asked whether they hold it.
const EDGES: usize = 64;

/// What the user excused.
#[derive(Default)]
pub(super) struct Allowlist {
    ids: Vec<String>,
    /// What stands in the events and objects of these ids.
    texts: Vec<Vec<u8>>,
}

impl Allowlist {
    /// Reads what is excused among what these pushes bring.
    ///
    /// # Errors
    /// An agent's life cannot be read.
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
        for (log, tip) in lives(repo, sends)? {
            texts.extend(for_log!(&log, id => events_of(repo, id, tip, &ids))?);
        }
        Ok(Self { ids, texts })
    }

    /// Whether this very object is excused.
    pub(super) fn object(&self, id: Oid) -> bool {
        let hex = id.to_string();
        self.ids.iter().any(|one| hex.starts_with(one.as_str()))
    }

    /// Whether it stands in something that is excused.
    pub(super) fn text(&self, text: &[u8]) -> bool {
        self.texts.iter().any(|excused| holds(excused, text))
    }
}

/// The events of a log whose ids begin with one of these.
fn events_of<I: SubjectId>(repo: &Repo, _: &I, tip: Oid, ids: &[String]) -> Result<Vec<Vec<u8>>> {
    let events = Chain::<I::Subject>::read(repo, &[tip])?.events.into_iter();
    let named = events.filter(|event| ids.iter().any(|id| event.id.hex().starts_with(id)));
    Ok(named.map(|event| event.line.into_bytes()).collect())
}

/// The logs of all subjects that pushes tell of.
fn lives(repo: &Repo, sends: &[Push]) -> Result<Vec<(LogId, Oid)>> {
    let mut tips = Vec::new();
    for push in sends {
        if layout::is_archive(&push.name) {
            let archived = push.new.map(|tip| archive::chain(repo, tip)).transpose()?.unwrap_or_default();
            tips.extend(archived.into_iter().map(|archived| (LogId::Agent(archived.id), archived.tip)));
        } else if let Some(log) = layout::owner_of(&push.name) {
            let tip = repo.find_ref(&layout::event_log_ref(&log))?.filter(|tip| repo.has_commit(*tip));
            tips.extend(tip.map(|tip| (log, tip)));
        }
    }
    tips.sort_unstable();
    tips.dedup();
    Ok(tips)
}

/// Whether a text stands in another, however it is spelled there.
pub(super) fn holds(bytes: &[u8], text: &[u8]) -> bool {
    spelling::readings(bytes).iter().any(|reading| memmem::find(reading, text).is_some())
}

/// Whether the remote has the same in the same place: then it cannot be called back, and sending it again tells nobody.
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

/// The names in a folder of a commit.
fn names(repo: &Repo, commit: Oid, path: &str) -> Option<Vec<u8>> {
    let mut tree = repo.tree_of(commit).ok()?;
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let entries = repo.entries_of(tree).ok()?;
        tree = entries.iter().find(|one| one.sort == TreeEntryKind::Tree && one.name == part.as_bytes())?.id;
    }
    let entries = repo.entries_of(tree).ok()?;
    Some(entries.iter().map(|entry| entry.name.as_slice()).collect::<Vec<_>>().join(&b'\n'))
}
