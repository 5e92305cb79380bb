//! Disposable files with folds of long logs, one file for each log, so that one more event costs the same however many came before.
//! Deleting them costs only time.
//!
//! An entry is the fold of everything that is reachable from its tip. That never changes, because the tip's id is a hash of it. So an
//! entry is true wherever the log's ref points now; it is only used if the log continues from its tip. A file is ignored if its digest
//! is wrong, or if another version of this program or of the fold wrote it.

use std::{
    fs,
    marker::PhantomData,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Result,
    git::{Oid, Repo, careful},
    model::{
        subject::{Folded, Subject},
        trailers,
    },
    private_files,
    store::layout::PrivateDir,
};

/// The maximum number of files for the logs of one kind. If there are more, the half that was written longest ago is removed.
const MAX_FILES: usize = 1024;

/// The maximum size of a file, in bytes. Most have a thousand.
const MAX_BYTES: u64 = 4 << 20;

/// A fold, and the commits that it is of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct KeptFold<F> {
    /// The newest commit.
    pub(super) tip: Oid,
    /// The first commit.
    pub(super) root: Option<Oid>,
    /// The number of all commits.
    pub(super) commits: usize,
    /// The number of malformed events.
    pub(super) set_aside: usize,
    /// The fold of all their events.
    pub(super) fold: F,
}

/// An entry as JSON. The state is written as trailers, and the fold contains the rest.
#[derive(Deserialize, Serialize)]
struct Entry<F> {
    tip: Oid,
    root: Option<Oid>,
    commits: usize,
    set_aside: usize,
    state: String,
    fold: F,
}

/// The file of one log.
pub(super) struct FoldCache<S> {
    path: PathBuf,
    subject: PhantomData<S>,
}

impl<S: Subject> FoldCache<S> {
    /// Returns the file of a log, whether it exists or not.
    ///
    /// # Errors
    /// The common git directory cannot be found.
    pub(super) fn of(repo: &Repo, id: &S::Id) -> Result<Self> {
        let path = PrivateDir::new(repo.private_dir()?).fold(S::KIND, id);
        Ok(Self { path, subject: PhantomData })
    }

    /// Reads the entry, if there is a usable one.
    pub(super) fn read(&self) -> Option<KeptFold<S::Fold>> {
        let file = careful::open_regular(&self.path).ok()?;
        let bytes = careful::read_up_to(file, MAX_BYTES).ok()??;
        parse::<S>(std::str::from_utf8(&bytes).ok()?)
    }

    /// Replaces the entry. A failure is ignored, because it costs only time.
    pub(super) fn write(&self, kept: &KeptFold<S::Fold>) {
        let Some(text) = format::<S>(kept) else { return };
        // What would not be read as it was is not kept.
        if text.len() as u64 > MAX_BYTES || parse::<S>(&text).as_ref() != Some(kept) {
            return;
        }
        let Some(folder) = self.path.parent() else { return };
        if !self.path.exists() {
            if private_files::create_dir(folder).is_err() {
                return;
            }
            make_room(folder);
        }
        let _ = private_files::replace(&self.path, text);
    }
}

/// Returns the first line of a file, with the digest of everything after it.
fn first_line<S: Subject>(json: &str) -> String {
    let digest = faster_hex::hex_string(&Sha256::digest(json.as_bytes()));
    let (kind, fold, version) = (S::KIND, S::FOLD, env!("CARGO_PKG_VERSION"));
    format!("git-orchestra fold 1 of {kind} {fold} {version} {digest}")
}

fn format<S: Subject>(kept: &KeptFold<S::Fold>) -> Option<String> {
    let mut state = String::new();
    kept.fold.state().write(&mut state);
    let KeptFold { tip, root, commits, set_aside, fold } = kept;
    let entry = Entry { tip: *tip, root: *root, commits: *commits, set_aside: *set_aside, state, fold };
    let json = serde_json::to_string(&entry).ok()?;
    Some(format!("{}\n{json}", first_line::<S>(&json)))
}

fn parse<S: Subject>(text: &str) -> Option<KeptFold<S::Fold>> {
    let (first, json) = text.split_once('\n')?;
    if first != first_line::<S>(json) {
        return None;
    }
    let Entry { tip, root, commits, set_aside, state, fold } =
        serde_json::from_str::<Entry<S::Fold>>(json).ok()?;
    let fold = fold.with_state(trailers::state(&state)?);
    Some(KeptFold { tip, root, commits, set_aside, fold })
}

/// Removes the files that were written longest ago, if there are too many: logs are removed too, and their files are not.
fn make_room(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let all: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    if all.len() < MAX_FILES {
        return;
    }
    let written = |path: &PathBuf| {
        fs::metadata(path).and_then(|found| found.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
    };
    let mut by_age: Vec<(SystemTime, PathBuf)> = all.into_iter().map(|path| (written(&path), path)).collect();
    by_age.sort_unstable();
    for (_, path) in &by_age[..by_age.len() / 2] {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Agent, Event, fold, run::Run};

    fn kept(events: &[Event]) -> KeptFold<fold::Fold> {
        let (tip, root, fold) = (Oid::EMPTY_TREE, Some(Oid::NULL), fold::fold(events));
        KeptFold { tip, root, commits: events.len(), set_aside: 1, fold }
    }

    proptest! {
        /// A fold that was kept is read as it was, and continues to the fold of all events.
        #[test]
        fn a_kept_fold_is_continued(events in fold::tests_support::events(), cut in 0u64..30) {
            let (before, after): (Vec<Event>, Vec<Event>) =
                events.iter().cloned().partition(|event| event.lamport <= cut);
            let kept = kept(&before);
            let mut read = parse::<Agent>(&format::<Agent>(&kept).unwrap()).unwrap();
            prop_assert_eq!(&read, &kept);
            for event in crate::model::event::in_order(&after) {
                Folded::apply(&mut read.fold, event);
            }
            prop_assert_eq!(read.fold, fold::fold(&events));
        }
    }

    #[test]
    fn a_changed_file_is_ignored() {
        let text = format::<Agent>(&kept(&[])).unwrap();
        assert!(parse::<Agent>(&text).is_some());
        assert!(parse::<Run>(&text).is_none(), "the fold of another subject");
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(parse::<Agent>(&changed).is_none(), "{changed}");
            assert!(parse::<Agent>(&text[..at]).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn the_oldest_files_make_room() {
        let folder = tempfile::tempdir().unwrap();
        for at in 0..MAX_FILES {
            let file = fs::File::create(folder.path().join(format!("{at:04}"))).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(at as u64)).unwrap();
        }
        make_room(folder.path());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), MAX_FILES / 2);
        assert!(folder.path().join(format!("{:04}", MAX_FILES - 1)).exists());
        make_room(folder.path());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), MAX_FILES / 2);
    }
}
