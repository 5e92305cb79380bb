//! A disposable file with what was read of transcripts, by path, size and time: a list then looks at the files and reads
//! only what is new in them. Deleting it costs speed only.

use std::{
    collections::HashMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    Facts, Place,
    reading::{self, Reading},
};

/// What the file begins with; an older one is read anew.
const MAGIC: &str = "git-orchestra conversations 2";
/// A file larger than this, in bytes, is not ours.
const LARGEST: u64 = 256 << 20;

/// What is known of one file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Known {
    path: PathBuf,
    size: u64,
    written: i64,
    /// What its lines say; what is counted holds only where [`Known::is_whole`].
    pub facts: Facts,
    /// Every line was read.
    pub is_whole: bool,
    /// Where to read on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// The common git directory of its folder, seen when the folder was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<PathBuf>,
}

impl Known {
    /// After a look at the beginning and the end; what was read whole before is read on from there.
    pub fn skimmed(place: &Place, facts: Facts, before: Option<&Self>) -> Self {
        Self { facts, reading: before.and_then(|before| before.reading.clone()), ..Self::of(place) }
    }

    /// After every line was read.
    pub fn read(place: &Place, reading: Reading, facts: Facts) -> Self {
        Self { facts, reading: Some(reading), is_whole: true, ..Self::of(place) }
    }

    fn of(place: &Place) -> Self {
        Self { path: place.path.clone(), size: place.size, written: place.written, ..Self::default() }
    }
}

/// The file in memory.
#[derive(Debug, Default)]
pub struct Index {
    known: HashMap<PathBuf, Known>,
    changed: bool,
}

impl Index {
    /// Reads the file; an absent, foreign or older one is empty.
    pub fn read(path: &Path) -> Self {
        let mut index = Self::default();
        if fs::metadata(path).map_or(true, |found| found.len() > LARGEST) {
            return index;
        }
        let bytes = fs::read(path).unwrap_or_default();
        let Some(bytes) = bytes.strip_prefix(MAGIC.as_bytes()) else { return index };
        let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        let known = reading::on_all_cores(&lines, |line| serde_json::from_slice::<Known>(line).ok());
        index.known = known.into_iter().flatten().map(|known| (known.path.clone(), known)).collect();
        index
    }

    /// What is known of a file, whatever became of it since.
    pub fn find(&self, place: &Place) -> Option<&Known> {
        self.known.get(&place.path)
    }

    /// What is known of a file that is still as it was.
    pub fn fresh(&self, place: &Place) -> Option<&Known> {
        self.find(place).filter(|known| (known.size, known.written) == (place.size, place.written))
    }

    /// Remembers.
    pub fn learn(&mut self, mut known: Known) {
        self.changed = true;
        let before = self.known.get(&known.path).and_then(|before| before.repository.clone());
        known.repository = known.repository.or(before);
        self.known.insert(known.path.clone(), known);
    }

    /// Remembers to which repository a conversation belongs: its folder may be gone one day.
    pub fn belongs(&mut self, place: &Place, repository: &Path) {
        if let Some(known) = self.known.get_mut(&place.path)
            && known.repository.as_deref() != Some(repository)
        {
            known.repository = Some(repository.to_owned());
            self.changed = true;
        }
    }

    /// Replaces the file, whole or not at all, with what is known of `places`. A failure costs speed only.
    pub fn write<'a>(&self, path: &Path, places: impl Iterator<Item = &'a Place>) {
        let Some(folder) = path.parent().filter(|_| self.changed) else { return };
        let mut out = Vec::with_capacity(self.known.len() * 512);
        out.extend_from_slice(MAGIC.as_bytes());
        for known in places.filter_map(|place| self.find(place)) {
            out.push(b'\n');
            if serde_json::to_writer(&mut out, known).is_err() {
                return;
            }
        }
        if !folder.is_dir() && fs::create_dir_all(folder).is_err() {
            return;
        }
        let Ok(mut file) = tempfile::NamedTempFile::new_in(folder) else { return };
        if file.write_all(&out).is_ok() {
            let _ = file.persist(path);
        }
    }
}
