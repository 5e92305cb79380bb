//! Trial merges of files that both branches touched: texts up to a maximum size, and files that were deleted and certainly not renamed.
//! Everything else is left to git.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::{
    changes::{CommonFiles, DeletedFile},
    similarity::Pieces,
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

/// Maximum number of added files that are compared with a deleted one.
const MAX_ADDITIONS: usize = 200;

/// The compared texts of one thread: a branch's version of a file is merged with the versions of many others.
#[derive(Default)]
pub(super) struct Merger {
    sides: HashMap<(gix::ObjectId, gix::ObjectId), Option<Rc<MergeSide>>>,
    memory_bytes: usize,
    pieces: HashMap<gix::ObjectId, Option<Rc<Pieces>>>,
    pieces_bytes: usize,
}

impl Merger {
    /// Returns the conflict in files that both branches changed, if there is one; the outer `None`: git must judge.
    pub(super) fn merge(&mut self, repo: &Repo, files: &CommonFiles) -> Option<Option<TrialConflict>> {
        let mut trial_conflict: Option<TrialConflict> = None;
        for file in &files.deleted {
            if !self.is_gone(repo, file) {
                return None;
            }
            if file.is_conflict {
                trial_conflict.get_or_insert(TrialConflict::NONE).add(1, ConflictKinds::MODIFY_DELETE);
            }
        }
        for file in &files.diverged {
            let ours = self.side(repo, file.base, file.ours)?;
            let theirs = self.side(repo, file.base, file.theirs)?;
            let hunks = conflicts(&ours, &theirs);
            if hunks > 0 {
                trial_conflict.get_or_insert(TrialConflict::NONE).add(hunks, ConflictKinds::CONTENT);
            }
        }
        Some(trial_conflict)
    }

    /// Returns whether git certainly takes none of the added files for the deleted one.
    fn is_gone(&mut self, repo: &Repo, file: &DeletedFile) -> bool {
        let additions: HashSet<gix::ObjectId> =
            file.additions.iter().flat_map(|all| all.iter().copied()).collect();
        if additions.is_empty() {
            return true;
        }
        if additions.len() > MAX_ADDITIONS || additions.contains(&file.base) {
            return false;
        }
        let Some(base) = self.pieces(repo, file.base) else { return false };
        additions
            .into_iter()
            .all(|added| self.pieces(repo, added).is_some_and(|added| base.is_unlike(&added)))
    }

    fn pieces(&mut self, repo: &Repo, id: gix::ObjectId) -> Option<Rc<Pieces>> {
        if let Some(known) = self.pieces.get(&id) {
            return known.clone();
        }
        if self.pieces_bytes > MAX_CACHE_BYTES {
            self.pieces.clear();
            self.pieces_bytes = 0;
        }
        let cut = content(repo, id).and_then(|content| Pieces::of(&content)).map(Rc::new);
        self.pieces_bytes += cut.as_ref().map_or(0, |pieces| pieces.memory_bytes());
        self.pieces.insert(id, cut.clone());
        cut
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
    content(repo, id).filter(|text| !text.iter().take(TEXT_PROBE_BYTES).any(|byte| *byte == 0))
}

/// Returns a file if it is not too large.
fn content(repo: &Repo, id: gix::ObjectId) -> Option<Vec<u8>> {
    let size = repo.gix.find_header(id).ok()?.size();
    if usize::try_from(size).ok()? > MAX_FILE_BYTES {
        return None;
    }
    Some(repo.gix.find_blob(id).ok()?.detach().data)
}
