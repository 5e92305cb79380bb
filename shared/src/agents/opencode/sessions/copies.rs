//! Copies of what is said in opencode's conversations, a file each: what a list and a search read. The database is asked when it
//! has changed, for what is new in it. Deleting the copies costs speed only.

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
    ask::{Opencode, ask},
    question,
};
use crate::{
    conversation::{
        is_id,
        lines::{self, RawLine},
    },
    lock::Lock,
};

/// How the file begins that says which state of the database was copied.
const FORMAT: &str = "git-orchestra opencode 1";
/// Conversations asked for at once.
const AT_ONCE: usize = 500;
/// The longest that is waited for another one who asks, and that is asked on.
const PATIENCE: Duration = Duration::from_secs(20);
/// The note that it did not answer, and how long that holds.
const FAILED: &str = "failed";
const RETRY: Duration = Duration::from_secs(60);
/// How the names of copies begin that are not whole yet.
const HALF: &str = ".half-";
/// Conversations in each other, at most.
const DEEPEST: usize = 16;

/// Where the copies lie.
pub(super) struct Copies {
    folder: PathBuf,
}

/// What the database says of one conversation.
#[derive(Clone, Debug, Deserialize)]
struct Listed {
    parent: Option<String>,
    /// Milliseconds since 1970.
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

    /// The folder of those that a conversation started.
    pub(super) fn inner(&self, id: &str) -> PathBuf {
        self.folder.join(id)
    }

    /// Brings the copies up to date, if the database has changed.
    ///
    /// # Errors
    /// The program is not there, or does not answer; the copies that are there stay.
    pub(super) fn refresh(&self, database: &Path, program: io::Result<Opencode>) -> io::Result<()> {
        if self.is_of(&state(database)?) {
            return Ok(());
        }
        let program = program?;
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let lock = Lock::take(&self.folder.join("lock"), PATIENCE).map_err(io::Error::other)?;
        let Some(_lock) = lock else { return Err(io::Error::other("somebody else asks it")) };
        // Whoever had the lock may have done it, or in vain.
        let state = state(database)?;
        if self.is_of(&state) {
            return Ok(());
        }
        if let Some(why) = self.failed_before() {
            return Err(io::Error::other(why));
        }
        let left = self.bring_up_to_date(&program).inspect_err(|error| self.remember_failure(error))?;
        if left > 0 {
            return Err(io::Error::other(format!("{left} conversations are still to be read: ask again")));
        }
        // What was written to it meanwhile is asked for the next time.
        fs::write(self.state_file(), format!("{FORMAT}\n{state}"))
    }

    /// Why it failed less than a minute ago: nobody waits for the same again.
    fn failed_before(&self) -> Option<String> {
        let note = self.folder.join(FAILED);
        let age = fs::metadata(&note).ok()?.modified().ok()?.elapsed().ok()?;
        if age < RETRY { fs::read_to_string(note).ok() } else { None }
    }

    fn remember_failure(&self, error: &io::Error) {
        // Where that cannot be written, it is asked again.
        let _ = fs::write(self.folder.join(FAILED), error.to_string());
    }

    fn state_file(&self) -> PathBuf {
        self.folder.join("state")
    }

    fn is_of(&self, state: &str) -> bool {
        fs::read_to_string(self.state_file()).is_ok_and(|text| {
            text.strip_prefix(FORMAT).and_then(|rest| rest.strip_prefix('\n')) == Some(state)
        })
    }

    /// Gives how many conversations are still to be read, where there were too many.
    fn bring_up_to_date(&self, program: &Opencode) -> io::Result<usize> {
        let begun = Instant::now();
        self.sweep();
        let there = self.there();
        let newest = there.values().max().copied().unwrap_or(0);
        let answer = ask(program, &question::since(newest, AT_ONCE), &self.folder)?;
        let all = self.take_in(answer, None)?;
        self.remove(|id| !all.contains_key(id));
        let there = self.there();
        let mut old: Vec<&str> = all
            .iter()
            .filter(|(id, one)| there.get(*id) != Some(&one.updated))
            .map(|(id, _)| id.as_str())
            .collect();
        old.sort_unstable_by_key(|id| std::cmp::Reverse(all[*id].updated));
        for (done, some) in old.chunks(AT_ONCE).enumerate() {
            if begun.elapsed() > PATIENCE {
                return Ok(old.len() - done * AT_ONCE);
            }
            let answer = ask(program, &question::of(some), &self.folder)?;
            self.take_in(answer, Some(&all))?;
        }
        Ok(0)
    }

    /// Writes the copies that an answer brings; gives all conversations of the database.
    fn take_in(&self, answer: File, known: Option<&All>) -> io::Result<All> {
        let mut all = known.cloned().unwrap_or_default();
        let (mut open, mut failed, mut is_whole): (Option<Copy>, io::Result<()>, bool) =
            (None, Ok(()), false);
        lines::read(answer, |line| {
            let RawLine::Whole(line) = line else { return true };
            match question::parse(line) {
                Some(question::Answer::Listed { id, about }) => {
                    all.extend(serde_json::from_slice(about).ok().map(|about| (id.to_owned(), about)));
                }
                Some(question::Answer::Said { id, line }) => {
                    failed = self.add(&mut open, &all, id, line);
                }
                Some(question::Answer::End) => is_whole = true,
                None => {}
            }
            failed.is_ok()
        })?;
        failed?;
        if !is_whole {
            // What was being written is a part only, and stays out of its place.
            return Err(io::Error::other("the answer of opencode is cut off"));
        }
        open.map_or(Ok(()), Copy::close)?;
        Ok(all)
    }

    /// Adds a line to the copy that is being written, or begins the next.
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
        let file = io::BufWriter::new(Builder::new().prefix(HALF).tempfile_in(&folder)?);
        Ok(Copy { id: id.to_owned(), updated: about.updated, path: folder.join(format!("{id}.jsonl")), file })
    }

    /// The copies that are there, and of which moment each is.
    fn there(&self) -> HashMap<String, i64> {
        self.files().into_iter().filter_map(|(id, path)| Some((id, modified(&path)?))).collect()
    }

    /// Removes what one left half-written who was killed: whoever has the lock is the only writer.
    fn sweep(&self) {
        for folder in self.folders() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().starts_with(HALF) {
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
    }

    fn remove(&self, is_gone: impl Fn(&str) -> bool) {
        for (_, path) in self.files().into_iter().filter(|(id, _)| is_gone(id)) {
            // What stays costs nothing but its place.
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

    /// That of the conversations, and those of what they started.
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

    /// Puts it in its place, with the time of the conversation.
    fn close(self) -> io::Result<()> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        let since = Duration::from_millis(u64::try_from(self.updated).unwrap_or(0));
        file.as_file().set_modified(SystemTime::UNIX_EPOCH + since)?;
        file.persist(&self.path).map_err(|error| error.error).map(|_| ())
    }
}

/// The conversation that started the one that started this one, and so on; none where nobody did.
fn outermost<'a>(id: &str, all: &'a All) -> Option<&'a str> {
    let mut outer = all.get(id)?.parent.as_deref().filter(|parent| is_id(parent))?;
    for _ in 0..DEEPEST {
        match all.get(outer).and_then(|one| one.parent.as_deref()).filter(|parent| is_id(parent)) {
            Some(next) => outer = next,
            None => break,
        }
    }
    Some(outer)
}

/// Tells one state of a database from another: whoever writes to it writes to its log first, which reading leaves alone.
fn state(database: &Path) -> io::Result<String> {
    let file = fs::metadata(database)?;
    let log = fs::metadata(format!("{}-wal", database.display())).ok().filter(|log| log.len() > 0);
    let log = log.map(|log| (log.len(), log.mtime(), log.mtime_nsec()));
    let own = log.is_none().then(|| (file.mtime(), file.mtime_nsec()));
    Ok(format!("{} {} {log:?} {own:?}", database.display(), file.len()))
}

/// Milliseconds since 1970.
fn modified(path: &Path) -> Option<i64> {
    let there = fs::metadata(path).ok()?;
    Some(there.mtime().saturating_mul(1000).saturating_add(there.mtime_nsec() / 1_000_000))
}
