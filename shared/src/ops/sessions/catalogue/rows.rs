//! Selects the sessions of a request.

use std::{
    cmp::Reverse,
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{Catalogue, SessionRow, kept_row, subagent_of};
use crate::{
    conversation::{ConversationFile, reading::ReadDepth},
    ops::sessions::Request,
};

/// The number of files whose ends are read at a time.
const BATCH_SIZE: usize = 256;
/// Nanoseconds per second.
const NANOS_PER_SECOND: i64 = 1_000_000_000;

impl Catalogue {
    /// Returns the sessions that match, newest first and up to the limit, and how many match in all.
    pub(in crate::ops::sessions) fn rows(&mut self, wanted: &Request) -> (Vec<SessionRow>, usize) {
        self.infer_active();
        self.find_orphans(|place| wanted.may_match(place.program, place.written));
        let most = if wanted.limit == 0 { usize::MAX } else { wanted.limit };
        // There may be thousands: they are moved out instead of copied, and moved back below.
        let found = std::mem::take(&mut self.found.places);
        let (shown, mut all, there) = self.select(&found, wanted, most);
        let mut rows: Vec<SessionRow> = shown.into_iter().filter_map(|place| self.row(place)).collect();
        let gone: Vec<SessionRow> = self.kept_only(&there, wanted).collect();
        self.found.places = found;
        all += gone.len();
        rows.extend(gone);
        rows.sort_by_cached_key(|row| (Reverse(row.active()), row.id.clone()));
        rows.truncate(most);
        (rows, all)
    }

    /// Returns the newest files that match, how many match, and which kept sessions still have a file. The end of a file is read only if
    /// the file is shown, or if its beginning does not decide.
    fn select<'a>(
        &mut self,
        found: &'a [ConversationFile],
        wanted: &Request,
        most: usize,
    ) -> (Vec<&'a ConversationFile>, usize, BTreeSet<&'a str>) {
        let fits = |place: &&ConversationFile| wanted.may_match(place.program, place.written);
        let mut places: Vec<&ConversationFile> = found.iter().filter(fits).collect();
        places.sort_unstable_by(|a, b| (b.written, &a.id).cmp(&(a.written, &b.id)));
        self.skim(&places, ReadDepth::Beginning);
        let unclear = |place: &&ConversationFile| self.is_unclear(place, wanted);
        let unclear: Vec<&ConversationFile> = places.iter().copied().filter(unclear).collect();
        self.skim(&unclear, ReadDepth::Ends);
        let (mut fitting, mut there) = (Vec::new(), BTreeSet::new());
        for place in places {
            if self.is_in_scope(place) {
                there.extend(self.kept.contains_key(&place.id).then_some(place.id.as_str()));
                if self.is_wanted(place, wanted) {
                    fitting.push(place);
                }
            } else {
                self.report_unread(place);
            }
        }
        let (shown, all) = self.newest(fitting, wanted, most);
        (shown, all, there)
    }

    /// Returns the files with the most recent messages, at most `most`, and how many match. `places` are sorted by the time at which
    /// they were written, newest first. No message is newer than that, so the ends of few files need to be read; of all only if they are
    /// copies with meaningless times.
    fn newest<'a>(
        &mut self,
        places: Vec<&'a ConversationFile>,
        wanted: &Request,
        most: usize,
    ) -> (Vec<&'a ConversationFile>, usize) {
        if wanted.since.is_none() && most >= places.len() {
            self.skim(&places, ReadDepth::Ends);
            let all = places.len();
            return (places, all);
        }
        let mut newest: Vec<(Reverse<i64>, &ConversationFile)> = Vec::new();
        let mut all = places.len();
        for some in places.chunks(most.clamp(1, BATCH_SIZE)) {
            let last = newest.get(most - 1).map(|(active, _)| active.0);
            if wanted.since.is_none() && last.is_some_and(|last| last >= some[0].written) {
                break;
            }
            self.skim(some, ReadDepth::Ends);
            for place in some {
                let active = self.index.find(place).map_or(place.written, |known| known.active());
                if wanted.since.is_none_or(|since| active / NANOS_PER_SECOND >= since) {
                    newest.push((Reverse(active), place));
                } else {
                    all -= 1;
                }
            }
            newest.sort_by(|a, b| (a.0, &a.1.id).cmp(&(b.0, &b.1.id)));
        }
        newest.truncate(most);
        (newest.into_iter().map(|(_, place)| place).collect(), all)
    }

    /// Returns the matching sessions of which only the kept copy is left.
    fn kept_only(&self, there: &BTreeSet<&str>, wanted: &Request) -> impl Iterator<Item = SessionRow> {
        let gone = self.kept.values().filter(|kept| !there.contains(kept.about.id.as_str()));
        gone.filter_map(kept_row)
            .filter(|row| wanted.may_match(&row.program, row.active()))
            .filter(|row| wanted.branch.is_none() || row.facts.branch == wanted.branch)
            .filter(|row| !wanted.live || self.is_live(&row.id))
    }

    /// Returns whether the beginning of a file does not decide if it matches.
    fn is_unclear(&mut self, place: &ConversationFile, wanted: &Request) -> bool {
        let is_begun = self.index.fresh(place).is_some_and(|known| known.is_begun());
        is_begun && (wanted.branch.is_some() || !self.is_in_scope(place))
    }

    /// Returns whether a file is a session within the scope.
    pub(super) fn is_in_scope(&mut self, place: &ConversationFile) -> bool {
        let is_orphan = self.found.orphans.contains(&place.path);
        let Some(known) = self.index.find(place).filter(|known| known.is_shown() || is_orphan) else {
            return false;
        };
        let Some(scope) = &self.scope else { return true };
        let mut ours = self.agents.contains_key(&place.id) || self.kept.contains_key(&place.id);
        for folder in [known.cwd(), known.first_cwd()].into_iter().flatten() {
            let there = self.repositories.of(folder);
            ours = ours || scope.contains(folder.as_ref(), there, known.repository());
        }
        if ours {
            self.index.set_repository(place, scope.common());
        }
        ours
    }

    /// Reports the unread lines of a file that is not listed because of them, unless it belongs to another repository.
    pub(super) fn report_unread(&mut self, place: &ConversationFile) {
        let Some(known) = self.index.fresh(place).filter(|known| known.is_unread()) else { return };
        let is_ours = match (&self.scope, known.cwd()) {
            (Some(scope), Some(folder)) => {
                scope.contains(folder.as_ref(), self.repositories.of(folder), known.repository())
            }
            _ => true,
        };
        if let Some(reading) = known.reading().filter(|_| is_ours) {
            self.found.unread_lines(&place.path, &reading);
        }
    }

    fn is_wanted(&self, place: &ConversationFile, wanted: &Request) -> bool {
        let branch = || self.index.find(place).and_then(|known| known.branch());
        (wanted.branch.is_none() || branch() == wanted.branch.as_deref())
            && (!wanted.live || self.is_live(&place.id))
    }

    /// Returns the row of a file, if the file is in the index.
    pub(super) fn row(&mut self, place: &ConversationFile) -> Option<SessionRow> {
        let known = self.index.find(place)?;
        let (mut facts, before) = (known.facts()?, known.repository().map(Path::to_owned));
        let is_whole = known.is_whole() && !known.is_own_part() && self.index.fresh(place).is_some();
        if is_whole
            && known.is_partial()
            && let Some(reading) = known.reading()
        {
            self.found.unread_lines(&place.path, &reading);
        }
        if let Some(title) = self.found.titles.get(&place.id).filter(|title| !title.trim().is_empty()) {
            facts.title = Some(title.clone());
        }
        let now = facts.cwd.as_deref().and_then(|cwd| self.repositories.of(cwd)).map(PathBuf::from);
        let repository =
            now.or(before).or_else(|| self.scope.as_ref().map(|scope| scope.common().to_owned()));
        let (id, program, written) = (place.id.clone(), place.program.to_owned(), place.written);
        let (place, subagent_of) = (Some(place.clone()), subagent_of(&place.id, &facts));
        Some(SessionRow {
            id,
            program,
            place,
            facts,
            is_whole,
            written,
            inner: None,
            subagent_of,
            repository,
        })
    }
}

impl Request {
    /// Returns whether a file may match, as far as that can be decided without reading it.
    fn may_match(&self, program: &str, written: i64) -> bool {
        self.since.is_none_or(|since| written / NANOS_PER_SECOND >= since)
            && self.program.as_deref().is_none_or(|wanted| wanted == program)
    }
}
