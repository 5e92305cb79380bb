//! Trial merges of file contents: only text up to a maximum size. Everything else is left to git.

use std::{collections::HashMap, rc::Rc};

use super::{
    changes::DivergedFile,
    text::{MergeSide, conflicts},
    trial_conflict::TrialConflict,
};
use crate::{git::Repo, model::conflict::ConflictKinds};

/// How many bytes of a file git searches for a NUL to decide whether it is text.
const TEXT_PROBE_BYTES: usize = 8000;
/// Maximum size of a file that is merged here, in bytes.
const MAX_FILE_BYTES: usize = 8 << 20;
/// Maximum size of the compared texts that are cached for the next pairs, in bytes.
const MAX_CACHE_BYTES: usize = 64 << 20;

/// The compared texts of one thread: a branch's version of a file is merged with the versions of many others.
#[derive(Default)]
pub(super) struct Merger {
    sides: HashMap<(gix::ObjectId, gix::ObjectId), Option<Rc<MergeSide>>>,
    memory_bytes: usize,
}

impl Merger {
    /// Returns the conflict in files that both branches changed, if there is one; the outer `None`: git must judge.
    pub(super) fn contents(&mut self, repo: &Repo, files: &[DivergedFile]) -> Option<Option<TrialConflict>> {
        let mut trial_conflict: Option<TrialConflict> = None;
        for file in files {
            let ours = self.side(repo, file.base, file.ours)?;
            let theirs = self.side(repo, file.base, file.theirs)?;
            let hunks = conflicts(&ours, &theirs);
            if hunks > 0 {
                trial_conflict.get_or_insert(TrialConflict::NONE).add(hunks, ConflictKinds::CONTENT);
            }
        }
        Some(trial_conflict)
    }

    fn side(&mut self, repo: &Repo, base: gix::ObjectId, version: gix::ObjectId) -> Option<Rc<MergeSide>> {
        if let Some(known) = self.sides.get(&(base, version)) {
            return known.clone();
        }
        if self.memory_bytes > MAX_CACHE_BYTES {
            self.sides.clear();
            self.memory_bytes = 0;
        }
        let compared = text(repo, base)
            .zip(text(repo, version))
            .and_then(|(base, version)| MergeSide::of(&base, version))
            .map(Rc::new);
        self.memory_bytes += compared.as_ref().map_or(0, |side| side.memory_bytes());
        self.sides.insert((base, version), compared.clone());
        compared
    }
}

/// Returns a file if it is text and not too large.
fn text(repo: &Repo, id: gix::ObjectId) -> Option<Vec<u8>> {
    let size = repo.gix.find_header(id).ok()?.size();
    if usize::try_from(size).ok()? > MAX_FILE_BYTES {
        return None;
    }
    let text = repo.gix.find_blob(id).ok()?.detach().data;
    let is_binary = text.iter().take(TEXT_PROBE_BYTES).any(|byte| *byte == 0);
    (!is_binary).then_some(text)
}
