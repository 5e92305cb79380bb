//! Which conversations are asked for.

use std::{collections::BTreeSet, path::PathBuf};

use super::{Catalogue, Row, kept_row};
use crate::{
    conversation::{Known, Place, reading::Look},
    ops::sessions::Request,
};

impl Catalogue {
    /// The conversations that fit, newest first, at most as many as are wanted, and how many fit.
    pub(in crate::ops::sessions) fn rows(&mut self, wanted: &Request) -> (Vec<Row>, usize) {
        self.conclude();
        let most = if wanted.limit == 0 { usize::MAX } else { wanted.limit };
        // Thousands: they are lent, not copied, and given back below.
        let found = std::mem::take(&mut self.found.places);
        let (shown, mut all, there) = self.chosen(&found, wanted, most);
        let mut rows: Vec<Row> = shown.into_iter().filter_map(|place| self.row(place)).collect();
        let gone: Vec<Row> = self.kept_alone(&there, wanted).collect();
        self.found.places = found;
        all += gone.len();
        rows.extend(gone);
        rows.sort_by(|a, b| (b.written, &a.id).cmp(&(a.written, &b.id)));
        rows.truncate(most);
        (rows, all)
    }

    /// The newest files that fit, how many fit, and which kept conversations are still there. Ends are read only of what is shown,
    /// and where the beginning does not tell.
    fn chosen<'a>(
        &mut self,
        found: &'a [Place],
        wanted: &Request,
        most: usize,
    ) -> (Vec<&'a Place>, usize, BTreeSet<&'a str>) {
        let fits = |place: &&Place| wanted.fits(place.program, place.written);
        let mut places: Vec<&Place> = found.iter().filter(fits).collect();
        places.sort_unstable_by(|a, b| (b.written, &a.id).cmp(&(a.written, &b.id)));
        self.skim(&places, Look::Beginning);
        let unclear = |place: &&Place| self.is_unclear(place, wanted);
        let unclear: Vec<&Place> = places.iter().copied().filter(unclear).collect();
        self.skim(&unclear, Look::Ends);
        let (mut shown, mut all, mut there) = (Vec::new(), 0, BTreeSet::new());
        for place in places {
            if self.is_within(place) {
                there.extend(self.kept.contains_key(&place.id).then_some(place.id.as_str()));
                if self.is_wanted(place, wanted) {
                    all += 1;
                    // Rows are large: those beyond the limit are only counted.
                    shown.extend((all <= most).then_some(place));
                }
            }
        }
        self.skim(&shown, Look::Ends);
        (shown, all, there)
    }

    /// Those that fit of which only what is kept is left.
    fn kept_alone(&self, there: &BTreeSet<&str>, wanted: &Request) -> impl Iterator<Item = Row> {
        let gone = self.kept.values().filter(|kept| !there.contains(kept.about.id.as_str()));
        gone.filter_map(kept_row)
            .filter(|row| wanted.fits(&row.program, row.written))
            .filter(|row| wanted.branch.is_none() || row.facts.branch == wanted.branch)
            .filter(|row| !wanted.live || self.is_live(&row.id))
    }

    /// Whether the beginning of a file does not tell if it is asked for.
    fn is_unclear(&mut self, place: &Place, wanted: &Request) -> bool {
        let is_begun = self.index.fresh(place).is_some_and(|known| known.is_begun());
        is_begun && (wanted.branch.is_some() || !self.is_within(place))
    }

    /// Whether a file is a conversation within the scope.
    pub(super) fn is_within(&mut self, place: &Place) -> bool {
        let Some(known) = self.index.find(place).filter(|known| known.is_shown()) else { return false };
        let Some(scope) = &self.scope else { return true };
        let mut ours = self.agents.contains_key(&place.id) || self.kept.contains_key(&place.id);
        for folder in [known.cwd(), known.first_cwd()].into_iter().flatten() {
            let there = self.repositories.of(folder);
            ours = ours || scope.holds(folder.as_ref(), there, known.repository());
        }
        if ours {
            self.index.belongs(place, scope.common());
        }
        ours
    }

    fn is_wanted(&self, place: &Place, wanted: &Request) -> bool {
        let branch = || self.index.find(place).and_then(|known| known.branch());
        (wanted.branch.is_none() || branch() == wanted.branch.as_deref())
            && (!wanted.live || self.is_live(&place.id))
    }

    /// The row of a file, if that is known.
    pub(super) fn row(&mut self, place: &Place) -> Option<Row> {
        let Known { facts, is_whole, reading, repository: before, .. } = self.index.find(place)?.known()?;
        let is_whole = is_whole && self.index.fresh(place).is_some();
        let passed_over = reading.map_or(0, |read| read.passed_over);
        if is_whole && passed_over > 0 {
            self.found.passed_over(&place.path, passed_over);
        }
        let now = facts.cwd.as_deref().and_then(|cwd| self.repositories.of(cwd)).map(PathBuf::from);
        let repository =
            now.or(before).or_else(|| self.scope.as_ref().map(|scope| scope.common().to_owned()));
        let (id, program, written) = (place.id.clone(), place.program.to_owned(), place.written);
        Some(Row { id, program, place: Some(place.clone()), facts, is_whole, written, repository })
    }
}

impl Request {
    /// As far as it can be told without reading.
    fn fits(&self, program: &str, written: i64) -> bool {
        self.since.is_none_or(|since| written / 1_000_000_000 >= since)
            && self.program.as_deref().is_none_or(|wanted| wanted == program)
    }
}
