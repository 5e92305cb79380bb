//! Reads what is not in the index yet, on all cores, and adds it there.

use jiff::Timestamp;

use super::{Catalogue, SessionRow};
use crate::{
    agents,
    conversation::{
        Activity, ConversationFile, IndexRecord, Known, SessionReader, SubagentFiles,
        reading::{self, ReadDepth},
    },
    ops::sessions::active_sessions::{self, Trace},
    parallel,
    supervise::tree,
};

impl Catalogue {
    /// Reads the beginnings, or also the ends, of files that are not in the index yet, on all cores.
    pub(super) fn skim(&mut self, places: &[&ConversationFile], look: ReadDepth) {
        let is_known = |place: &ConversationFile| {
            self.index.fresh(place).is_some_and(|known| look == ReadDepth::Beginning || !known.is_begun())
        };
        let new = places.iter().filter(|place| !is_known(place));
        let new: Vec<&ConversationFile> = new.copied().collect();
        let read = parallel::map(&new, |place| {
            let program = agents::session_reader(place.program)?;
            let before = self.index.find(place).and_then(|before| before.known());
            let read = reading::skim(program, place, look);
            // Records are encoded here, since thousands of facts are too large to be moved between threads.
            Some(read.map(|skimmed| IndexRecord::of(Known::skimmed(place, skimmed, before))))
        });
        for (place, read) in new.into_iter().zip(read) {
            match read {
                Some(Ok(record)) => record.into_iter().for_each(|record| self.index.learn(record)),
                // It was deleted after it was found.
                Some(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
                Some(Err(error)) => self.found.trouble(&place.path, error.to_string()),
                None => {}
            }
        }
    }

    /// Reads every line of the rows and of their subagents, or only the new lines, on all cores.
    pub(in crate::ops::sessions) fn read_whole(&mut self, rows: &mut [SessionRow]) {
        self.read_lines(rows);
        self.read_inner(rows);
    }

    fn read_lines(&mut self, rows: &mut [SessionRow]) {
        let new: Vec<&mut SessionRow> = rows.iter_mut().filter(|row| !row.is_whole).collect();
        let places: Vec<(ConversationFile, Option<reading::TranscriptReading>)> = new
            .iter()
            .filter_map(|row| row.place.clone())
            .map(|place| {
                let known = self.index.find(&place).and_then(|known| known.known()?.reading);
                (place, known)
            })
            .collect();
        let read = parallel::map(&places, |(place, known)| {
            agents::session_reader(place.program).map(|program| reading::whole(program, place, known.clone()))
        });
        let mut read = places.into_iter().zip(read);
        for row in new.into_iter().filter(|row| row.place.is_some()) {
            match read.next() {
                Some(((place, _), Some(Ok((reading, mut facts))))) => {
                    // Lines that are not counted may still say which folder and branch it was on last.
                    let asked = facts.last_prompt.clone();
                    facts.join(std::mem::take(&mut row.facts));
                    facts.last_prompt = asked.or(facts.last_prompt);
                    (row.facts, row.is_whole) = (facts.clone(), true);
                    self.found.unread_lines(&place.path, &reading);
                    let record = IndexRecord::of(Known::read(&place, reading, facts));
                    record.into_iter().for_each(|record| self.index.learn(record));
                }
                Some((_, Some(Err(error)))) if error.kind() == std::io::ErrorKind::NotFound => {}
                Some(((place, _), Some(Err(error)))) => self.found.trouble(&place.path, error.to_string()),
                Some((_, None)) | None => {}
            }
        }
    }

    /// Reads the subagents of the rows completely, or only what is new, on all cores.
    fn read_inner(&mut self, rows: &mut [SessionRow]) {
        for row in rows.iter_mut().filter(|row| row.inner.is_none()) {
            let Some(place) = row.place.clone() else { continue };
            let Some(program) = agents::session_reader(place.program) else { continue };
            let inner = self.inner(&place);
            let known: Vec<_> = inner
                .into_iter()
                .map(|inner| {
                    let place = inner.place(program.name());
                    let known = self.index.fresh(&place).filter(|head| head.is_own_part());
                    let known = known.and_then(|head| head.known());
                    (inner, place, known)
                })
                .collect();
            let read = parallel::map(&known, |(_, inner, known)| {
                if let Some(known) = known {
                    return Ok((known.facts.clone(), known.reading.clone().unwrap_or_default(), None));
                }
                let (facts, unread) = reading::inner(program, inner, &place.path)?;
                let record = IndexRecord::of(Known::inner(inner, facts.clone(), unread.clone()));
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
                        record.into_iter().for_each(|record| self.index.learn(record));
                        all.push((inner, facts));
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                    Err(error) => self.found.trouble(&place.path, error.to_string()),
                }
                if program.subagent_files() == SubagentFiles::Nested {
                    self.inner_places.push(place);
                }
            }
            row.inner = Some(all);
        }
    }

    /// Infers which sessions are in use, for programs that do not record it.
    pub(super) fn conclude(&mut self) {
        let inferred = |reader: &&dyn SessionReader| matches!(reader.activity(), Activity::Inferred);
        for program in agents::session_readers().filter(inferred) {
            let mine = |place: &&ConversationFile| place.program == program.name();
            let mine: Vec<ConversationFile> = self.found.places.iter().filter(mine).cloned().collect();
            let works = if mine.is_empty() { Vec::new() } else { tree::at_work(program.name()) };
            if !works.is_empty() {
                self.skim(&mine.iter().collect::<Vec<_>>(), ReadDepth::Beginning);
                let traces: Vec<Trace> = mine.iter().filter_map(|place| self.trace(place)).collect();
                self.running.extend(active_sessions::concluded(&works, &traces));
            }
        }
    }

    fn trace(&self, place: &ConversationFile) -> Option<Trace> {
        let facts = self.index.find(place)?.known()?.facts;
        let folder = facts.first_cwd.as_deref()?.into();
        let began: Timestamp = facts.started_at.as_deref()?.parse().ok()?;
        let began = i64::try_from(began.as_nanosecond()).ok()?;
        Some(Trace { id: place.id.clone(), folder, began, written: place.written })
    }
}
