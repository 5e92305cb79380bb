//! Reads what is not in the index yet, on all cores, and adds it there.

use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;

use super::{Catalogue, SessionRow};
use crate::{
    agents,
    context::{Context, Event},
    conversation::{
        Activity, ConversationFile, IndexEntry, IndexRecord, SessionReader, SubagentFiles,
        reading::{self, ReadDepth},
    },
    ops::sessions::active_sessions::{self, SessionTrace},
    parallel,
    supervise::tree,
};

/// Number of files whose results are held before they are added to the index, which bounds the memory.
const BATCH_SIZE: usize = 256;

/// How many files were read, of how many.
struct Progress {
    context: Context,
    done: AtomicUsize,
    of: usize,
}

impl Progress {
    fn new(context: &Context, of: usize) -> Self {
        Self { context: context.clone(), done: AtomicUsize::new(0), of }
    }

    /// Reads files on all cores, and reports the progress. After a cancellation the remaining files are not read; their results are
    /// `None`.
    fn each_file<T: Sync, R: Send>(&self, files: &[T], read: impl Fn(&T) -> R + Sync) -> Vec<Option<R>> {
        parallel::map(files, |file| {
            if self.context.cancel.is_cancelled() {
                return None;
            }
            let read = read(file);
            let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
            self.context.emit(&Event::SessionsRead { done, of: self.of });
            Some(read)
        })
    }
}

impl Catalogue {
    /// Reads the beginnings, or also the ends, of files that are not in the index yet, on all cores.
    pub(super) fn skim(&mut self, places: &[&ConversationFile], look: ReadDepth) {
        let is_known = |place: &ConversationFile| {
            self.index.fresh(place).is_some_and(|known| look == ReadDepth::Beginning || !known.is_begun())
        };
        let new = places.iter().filter(|place| !is_known(place));
        let new: Vec<&ConversationFile> = new.copied().collect();
        let read = Progress::new(&self.context, new.len()).each_file(&new, |place| {
            let program = agents::session_reader(place.program)?;
            let before = self.index.find(place).and_then(|before| before.reading());
            let read = reading::skim(program, place, look);
            // Records are encoded here, since thousands of facts are too large to be moved between threads.
            Some(read.map(|skimmed| IndexRecord::of(IndexEntry::skimmed(place, skimmed, before))))
        });
        for (place, read) in new.into_iter().zip(read) {
            match read.flatten() {
                Some(Ok(record)) => record.into_iter().for_each(|record| self.index.insert(record)),
                // It was deleted after it was found.
                Some(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
                Some(Err(error)) => self.found.add_failure(&place.path, error.to_string()),
                None => {}
            }
        }
    }

    /// Reads every line of the rows and of their subagents, or only the new lines, on all cores.
    pub(in crate::ops::sessions) fn read_whole(&mut self, rows: &mut [SessionRow]) {
        self.read_lines(rows);
        self.read_subagents(rows);
    }

    fn read_lines(&mut self, rows: &mut [SessionRow]) {
        let mut new: Vec<&mut SessionRow> =
            rows.iter_mut().filter(|row| !row.is_whole && row.place.is_some()).collect();
        let progress = Progress::new(&self.context, new.len());
        for some in new.chunks_mut(BATCH_SIZE) {
            self.read_lines_of(some, &progress);
        }
    }

    fn read_lines_of(&mut self, rows: &mut [&mut SessionRow], progress: &Progress) {
        let places: Vec<ConversationFile> = rows.iter().filter_map(|row| row.place.clone()).collect();
        let read = progress.each_file(&places, |place| {
            let known = self.index.find(place).and_then(|known| known.reading());
            agents::session_reader(place.program).map(|program| reading::read_all(program, place, known))
        });
        for ((row, place), read) in rows.iter_mut().zip(places).zip(read) {
            match read.flatten() {
                Some(Ok((reading, mut facts))) => {
                    // Lines that are not counted may still say which folder and branch it was on last.
                    let asked = facts.last_prompt.clone();
                    facts.join(std::mem::take(&mut row.facts));
                    facts.last_prompt = asked.or(facts.last_prompt);
                    (row.facts, row.is_whole) = (facts.clone(), true);
                    self.found.unread_lines(&place.path, &reading);
                    let record = IndexRecord::of(IndexEntry::read(&place, reading, facts));
                    record.into_iter().for_each(|record| self.index.insert(record));
                }
                Some(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
                Some(Err(error)) => self.found.add_failure(&place.path, error.to_string()),
                None => {}
            }
        }
    }

    /// Reads the subagents of the rows completely, or only what is new, on all cores.
    fn read_subagents(&mut self, rows: &mut [SessionRow]) {
        for row in rows.iter_mut().filter(|row| row.inner.is_none()) {
            if self.context.cancel.is_cancelled() {
                return;
            }
            let Some(place) = row.place.clone() else { continue };
            let Some(program) = agents::session_reader(place.program) else { continue };
            let inner = self.inner(&place);
            let known: Vec<_> = inner
                .into_iter()
                .map(|inner| {
                    let place = inner.place(program.name());
                    let known = self.index.fresh(&place).filter(|head| head.is_own_part());
                    let known = known.and_then(|head| Some((head.facts()?, head.reading())));
                    (inner, place, known)
                })
                .collect();
            let read = parallel::map(&known, |(_, inner, known)| {
                if let Some((facts, reading)) = known {
                    return Ok((facts.clone(), reading.clone().unwrap_or_default(), None));
                }
                let (facts, unread) = reading::own_part(program, inner, &place.path)?;
                let record = IndexRecord::of(IndexEntry::inner(inner, facts.clone(), unread.clone()));
                Ok::<_, std::io::Error>((facts, unread, record))
            });
            let mut all = Vec::new();
            for ((mut inner, place, _), read) in known.into_iter().zip(read) {
                match read {
                    Ok((facts, unread, record)) => {
                        self.found.unread_lines(&place.path, &unread);
                        let asked = facts.first_typed().cloned();
                        inner.about = match program.subagent_files() {
                            // The first entry of its file may belong to the session that started it.
                            SubagentFiles::AmongSessions => asked.or(inner.about),
                            SubagentFiles::Nested => inner.about.or(asked),
                        };
                        record.into_iter().for_each(|record| self.index.insert(record));
                        all.push((inner, facts));
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                    Err(error) => self.found.add_failure(&place.path, error.to_string()),
                }
                if program.subagent_files() == SubagentFiles::Nested {
                    self.inner_places.push(place);
                }
            }
            row.inner = Some(all);
        }
    }

    /// Infers which sessions are in use, for programs that do not record it.
    pub(super) fn infer_active(&mut self) {
        let inferred = |reader: &&dyn SessionReader| matches!(reader.activity(), Activity::Inferred);
        for program in agents::session_readers().filter(inferred) {
            let mine = |place: &&ConversationFile| place.program == program.name();
            let mine: Vec<ConversationFile> = self.found.places.iter().filter(mine).cloned().collect();
            let processes =
                if mine.is_empty() { Vec::new() } else { tree::processes_running(program.name()) };
            if !processes.is_empty() {
                self.skim(&mine.iter().collect::<Vec<_>>(), ReadDepth::Beginning);
                let traces: Vec<SessionTrace> = mine.iter().filter_map(|place| self.trace(place)).collect();
                self.running.extend(active_sessions::inferred(&processes, &traces));
            }
        }
    }

    fn trace(&self, place: &ConversationFile) -> Option<SessionTrace> {
        let facts = self.index.find(place)?.facts()?;
        let folder = facts.first_cwd.as_deref()?.into();
        let began: Timestamp = facts.started_at.as_deref()?.parse().ok()?;
        let began = i64::try_from(began.as_nanosecond()).ok()?;
        Some(SessionTrace { id: place.id.clone(), folder, began, written: place.written })
    }
}
