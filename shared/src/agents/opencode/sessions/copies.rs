//! Copies of the messages of opencode's sessions, one file each, for lists and searches. If the database has changed, it is queried
//! for what is new. Deleting the copies costs only time.

use std::{
    collections::HashMap,
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use serde::Deserialize;
use tempfile::{Builder, NamedTempFile};

use super::{
    command::{Opencode, run},
    queries,
};
use crate::{
    conversation::{
        is_id,
        lines::{self, RawLine},
    },
    lock::Lock,
    private_files,
};

/// The first line of the file that records which state of the database was copied.
const FORMAT: &str = "git-orchestra opencode 1";
/// Number of sessions in one query.
const BATCH: usize = 500;
/// How long to wait for another process that queries, and after which no further query is started.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// The file that records a failed query.
const FAILED: &str = "failed";
/// How long after a failure no query is started.
const RETRY: Duration = Duration::from_secs(60);
/// The prefix of the names of incomplete copies.
const INCOMPLETE: &str = ".half-";
/// Maximum depth of subagents that start subagents.
const MAX_DEPTH: usize = 16;

/// The folder of the copies.
pub(super) struct Copies {
    folder: PathBuf,
}

/// The entry of one session in the database.
#[derive(Clone, Debug, Deserialize)]
struct Listed {
    parent: Option<String>,
    /// When it was last changed, in milliseconds since 1970.
    updated: i64,
}

type All = HashMap<String, Listed>;

impl Copies {
    pub(super) const fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the folder of a session's subagents.
    pub(super) fn inner(&self, id: &str) -> PathBuf {
        self.folder.join(id)
    }

    /// Updates the copies if the database has changed.
    ///
    /// # Errors
    /// The program is not there, or does not answer; the copies that are there stay.
    pub(super) fn refresh(&self, database: &Path, program: io::Result<Opencode>) -> io::Result<()> {
        if self.is_current(&state(database)?) {
            return Ok(());
        }
        let program = program?;
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let lock = Lock::take(&self.folder.join("lock"), TIME_LIMIT).map_err(io::Error::other)?;
        let Some(_lock) = lock else { return Err(io::Error::other("another process is reading it")) };
        // The process that held the lock may have updated the copies, or failed.
        let state = state(database)?;
        if self.is_current(&state) {
            return Ok(());
        }
        if let Some(why) = self.failed_before() {
            return Err(io::Error::other(why));
        }
        let left = self.update(&program).inspect_err(|error| self.remember_failure(error))?;
        if left > 0 {
            return Err(io::Error::other(format!("{left} sessions are not read yet: run the command again")));
        }
        // Changes since `state` was determined are copied next time.
        private_files::replace(&self.state_file(), format!("{FORMAT}\n{state}"))
    }

    /// Returns the error of a failure less than a minute ago, so that nobody waits for the same failure again.
    fn failed_before(&self) -> Option<String> {
        let note = self.folder.join(FAILED);
        let age = fs::metadata(&note).ok()?.modified().ok()?.elapsed().ok()?;
        if age < RETRY { fs::read_to_string(note).ok() } else { None }
    }

    fn remember_failure(&self, error: &io::Error) {
        // If this cannot be written, the next command queries again.
        let _ = private_files::replace(&self.folder.join(FAILED), error.to_string());
    }

    fn state_file(&self) -> PathBuf {
        self.folder.join("state")
    }

    fn is_current(&self, state: &str) -> bool {
        fs::read_to_string(self.state_file()).is_ok_and(|text| {
            text.strip_prefix(FORMAT).and_then(|rest| rest.strip_prefix('\n')) == Some(state)
        })
    }

    /// Updates the copies; returns how many sessions are left to be read because there was no time for them.
    fn update(&self, program: &Opencode) -> io::Result<usize> {
        let begun = Instant::now();
        self.remove_incomplete();
        let there = self.there();
        let newest = there.values().max().copied().unwrap_or(0);
        let answer = run(program, &queries::since(newest, BATCH), &self.folder)?;
        let all = self.write_copies(answer, None)?;
        self.remove(|id| !all.contains_key(id));
        let there = self.there();
        let mut old: Vec<&str> = all
            .iter()
            .filter(|(id, one)| there.get(*id) != Some(&one.updated))
            .map(|(id, _)| id.as_str())
            .collect();
        old.sort_unstable_by_key(|id| std::cmp::Reverse(all[*id].updated));
        for (done, some) in old.chunks(BATCH).enumerate() {
            if begun.elapsed() > TIME_LIMIT {
                return Ok(old.len() - done * BATCH);
            }
            let answer = run(program, &queries::of(some), &self.folder)?;
            self.write_copies(answer, Some(&all))?;
        }
        Ok(0)
    }

    /// Writes the copies from the result of a query; returns all sessions of the database.
    fn write_copies(&self, answer: File, known: Option<&All>) -> io::Result<All> {
        let mut all = known.cloned().unwrap_or_default();
        let (mut open, mut failed, mut is_whole): (Option<Copy>, io::Result<()>, bool) =
            (None, Ok(()), false);
        lines::read(answer, |line| {
            let RawLine::Whole(line) = line else { return true };
            match queries::parse(line) {
                Some(queries::ResultLine::Listed { id, about }) => {
                    all.extend(serde_json::from_slice(about).ok().map(|about| (id.to_owned(), about)));
                }
                Some(queries::ResultLine::Line { id, line }) => {
                    failed = self.add(&mut open, &all, id, line);
                }
                Some(queries::ResultLine::End) => is_whole = true,
                None => {}
            }
            failed.is_ok()
        })?;
        failed?;
        if !is_whole {
            // The copy that was being written is incomplete, and is discarded.
            return Err(io::Error::other("the output of opencode is incomplete"));
        }
        open.map_or(Ok(()), Copy::close)?;
        Ok(all)
    }

    /// Adds a line to the copy that is being written, or begins the next copy.
    fn add(&self, open: &mut Option<Copy>, all: &All, id: &str, line: &[u8]) -> io::Result<()> {
        if open.as_ref().is_none_or(|copy| copy.id != id) {
            open.take().map_or(Ok(()), Copy::close)?;
            *open = all.get(id).map(|about| self.begin(id, about, all)).transpose()?;
        }
        open.as_mut().map_or(Ok(()), |copy| copy.write(line))
    }

    fn begin(&self, id: &str, about: &Listed, all: &All) -> io::Result<Copy> {
        let folder = outermost(id, all).map_or_else(|| self.folder.clone(), |root| self.inner(root));
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let file = io::BufWriter::new(Builder::new().prefix(INCOMPLETE).tempfile_in(&folder)?);
        Ok(Copy { id: id.to_owned(), updated: about.updated, path: folder.join(format!("{id}.jsonl")), file })
    }

    /// Returns the existing copies, each with the time of its session's last change.
    fn there(&self) -> HashMap<String, i64> {
        self.files().into_iter().filter_map(|(id, path)| Some((id, modified(&path)?))).collect()
    }

    /// Removes incomplete copies of a process that was killed. Only the holder of the lock writes copies.
    fn remove_incomplete(&self) {
        for folder in self.folders() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().starts_with(INCOMPLETE) {
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
    }

    fn remove(&self, is_gone: impl Fn(&str) -> bool) {
        for (_, path) in self.files().into_iter().filter(|(id, _)| is_gone(id)) {
            // A copy that remains costs only space.
            let _ = fs::remove_file(path);
        }
    }

    fn files(&self) -> Vec<(String, PathBuf)> {
        let mut files = Vec::new();
        for folder in self.folders() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                let id = name.strip_suffix(".jsonl").filter(|id| is_id(id));
                files.extend(id.map(|id| (id.to_owned(), entry.path())));
            }
        }
        files
    }

    /// Returns the folder of the sessions, and those of their subagents.
    fn folders(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let inner = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        std::iter::once(self.folder.clone()).chain(inner.map(|entry| entry.path())).collect()
    }
}

/// A copy that is being written.
struct Copy {
    id: String,
    updated: i64,
    path: PathBuf,
    file: io::BufWriter<NamedTempFile>,
}

impl Copy {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        self.file.write_all(line)?;
        self.file.write_all(b"\n")
    }

    /// Moves the copy to its final path, with the time of the session's last change.
    fn close(self) -> io::Result<()> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        let since = Duration::from_millis(u64::try_from(self.updated).unwrap_or(0));
        file.as_file().set_modified(SystemTime::UNIX_EPOCH + since)?;
        file.persist(&self.path).map_err(|error| error.error).map(|_| ())
    }
}

/// Returns the outermost session that, through others, started a subagent; `None` if it is not a subagent.
fn outermost<'a>(id: &str, all: &'a All) -> Option<&'a str> {
    let mut outer = all.get(id)?.parent.as_deref().filter(|parent| is_id(parent))?;
    for _ in 0..MAX_DEPTH {
        match all.get(outer).and_then(|one| one.parent.as_deref()).filter(|parent| is_id(parent)) {
            Some(next) => outer = next,
            None => break,
        }
    }
    Some(outer)
}

/// Returns a text that identifies the state of the database. Writers change its write-ahead log first; readers do not change it.
fn state(database: &Path) -> io::Result<String> {
    let file = fs::metadata(database)?;
    let log = fs::metadata(format!("{}-wal", database.display())).ok().filter(|log| log.len() > 0);
    let log = log.map(|log| (log.len(), log.mtime(), log.mtime_nsec()));
    let own = log.is_none().then(|| (file.mtime(), file.mtime_nsec()));
    Ok(format!("{} {} {log:?} {own:?}", database.display(), file.len()))
}

/// Returns the modification time of a file, in milliseconds since 1970.
fn modified(path: &Path) -> Option<i64> {
    let there = fs::metadata(path).ok()?;
    Some(there.mtime().saturating_mul(1000).saturating_add(there.mtime_nsec() / 1_000_000))
}
