//! Trial merges of file contents: only text up to a maximum size. Everything else is left to git.

use std::{collections::HashMap, rc::Rc};

use super::{
    changes::DivergedFile,
    clash::TrialConflict,
    text::{Side, conflicts},
};
use crate::{git::Repo, model::conflict::Kinds};

/// How many bytes of a file git searches for a NUL to decide whether it is text.
const LOOKED_AT: usize = 8000;
/// Maximum size of a file that is merged here, in bytes.
const LARGE: usize = 8 << 20;
/// Maximum size of the compared texts that are cached for the next pairs, in bytes.
const KEPT: usize = 64 << 20;

/// The compared texts of one thread: a branch's version of a file is merged with the versions of many others.
#[derive(Default)]
pub(super) struct Merger {
    sides: HashMap<(gix::ObjectId, gix::ObjectId), Option<Rc<Side>>>,
    weight: usize,
}

impl Merger {
    /// Returns the conflict in files that both branches changed, if there is one; the outer `None`: git must judge.
    pub(super) fn contents(&mut self, repo: &Repo, files: &[DivergedFile]) -> Option<Option<TrialConflict>> {
        let mut clash: Option<TrialConflict> = None;
        for file in files {
            let ours = self.side(repo, file.base, file.ours)?;
            let theirs = self.side(repo, file.base, file.theirs)?;
            let hunks = conflicts(&ours, &theirs);
            if hunks > 0 {
                clash.get_or_insert(TrialConflict::NONE).add(hunks, Kinds::CONTENT);
            }
        }
        Some(clash)
    }

    fn side(&mut self, repo: &Repo, base: gix::ObjectId, version: gix::ObjectId) -> Option<Rc<Side>> {
        if let Some(known) = self.sides.get(&(base, version)) {
            return known.clone();
        }
        if self.weight > KEPT {
            self.sides.clear();
            self.weight = 0;
        }
        let compared = text(repo, base)
            .zip(text(repo, version))
            .and_then(|(base, version)| Side::of(&base, version))
            .map(Rc::new);
        self.weight += compared.as_ref().map_or(0, |side| side.weight());
        self.sides.insert((base, version), compared.clone());
        compared
    }
}

/// Returns a file if it is text and not too large.
fn text(repo: &Repo, id: gix::ObjectId) -> Option<Vec<u8>> {
    let size = repo.gix.find_header(id).ok()?.size();
    if usize::try_from(size).ok()? > LARGE {
        return None;
    }
    let text = repo.gix.find_blob(id).ok()?.detach().data;
    let is_binary = text.iter().take(LOOKED_AT).any(|byte| *byte == 0);
    (!is_binary).then_some(text)
}
