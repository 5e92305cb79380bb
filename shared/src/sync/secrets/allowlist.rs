//! What looks like a secret but may be sent: the user allowed it, or the remote already has it.

use memchr::memmem;

use super::{hit::SecretHit, scan::Scanner};
use crate::{
    Result,
    config::{Config, keys::NOT_SECRET},
    git::{Oid, Repo, objects::TreeEntryKind, raw::ObjectKind, remotes::RefPush},
    model::{LogId, SubjectId, facts::EventFact, logs::for_log, secret::decoding, subject::FactOf},
    store::{archive, chain::Chain, layout},
};

/// The shortest prefix of an id that counts; shorter ones would match many objects.
const MIN_PREFIX: usize = 7;
/// The maximum number of the remote's commits that are searched for the same text.
const MAX_EDGES: usize = 64;

/// What the user allowed (`orchestra.notSecret`).
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
    pub(super) fn read(repo: &Repo, scanner: &mut Scanner<'_>, sends: &[RefPush]) -> Result<Self> {
        let mut ids = Config::of(repo).all(&NOT_SECRET);
        ids.retain(|id| id.len() >= MIN_PREFIX);
        let mut texts = Vec::new();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        for object in ids.iter().filter_map(|id| scanner.reader().find(id)).collect::<Vec<_>>() {
            texts.extend(scanner.scan(object).unwrap_or_default().into_iter().map(|hit| hit.text));
        }
        for (log, tip) in event_logs(repo, sends)? {
            texts.extend(for_log!(&log, id => events_of(repo, id, tip, &ids))?);
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
        self.texts.iter().any(|allowed| contains_text(allowed, text))
    }
}

/// Returns the lines and the long texts of the events in a log whose ids begin with one of `ids`.
fn events_of<I: SubjectId>(repo: &Repo, _: &I, tip: Oid, ids: &[String]) -> Result<Vec<Vec<u8>>> {
    let chain = Chain::<I::Subject>::read(repo, &[tip])?;
    let mut texts = Vec::new();
    for event in chain.events.iter().filter(|event| ids.iter().any(|id| event.id.hex().starts_with(id))) {
        texts.push(event.line.clone().into_bytes());
        for name in <FactOf<I> as EventFact>::LONG_TEXTS {
            texts.extend(chain.long_text(repo, event.id, name)?);
        }
    }
    Ok(texts)
}

/// Returns the logs that the pushes send, and those of the subjects whose other refs they send.
fn event_logs(repo: &Repo, sends: &[RefPush]) -> Result<Vec<(LogId, Oid)>> {
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

/// Returns whether a text occurs in another, in any encoding.
pub(super) fn contains_text(bytes: &[u8], text: &[u8]) -> bool {
    decoding::decodings(bytes).iter().any(|reading| memmem::find(reading, text).is_some())
}

/// Returns whether the remote has the same text at the same path. Then it cannot be revoked, and sending it again reveals nothing.
pub(super) fn remote_has(repo: &Repo, edges: &[Oid], path: &[u8], hit: &SecretHit) -> bool {
    let Ok(path) = std::str::from_utf8(path) else { return false };
    edges.iter().take(MAX_EDGES).any(|edge| {
        let there = match hit.kind {
            ObjectKind::Blob if !path.is_empty() => repo.read_blob_of(*edge, path).ok().flatten(),
            ObjectKind::Tree => names_in_folder(repo, *edge, path),
            _ => None,
        };
        there.is_some_and(|there| contains_text(&there, &hit.text))
    })
}

/// Returns the names in a folder of a commit, one a line.
fn names_in_folder(repo: &Repo, commit: Oid, path: &str) -> Option<Vec<u8>> {
    let mut tree = repo.tree_of(commit).ok()?;
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let entries = repo.entries_of(tree).ok()?;
        tree = entries.iter().find(|one| one.kind == TreeEntryKind::Tree && one.name == part.as_bytes())?.id;
    }
    let entries = repo.entries_of(tree).ok()?;
    Some(entries.iter().map(|entry| entry.name.as_slice()).collect::<Vec<_>>().join(&b'\n'))
}
