//! Conversations as they are reported.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{Catalogue, Row};
use crate::{
    conversation::{self, Inner, Known, Place, reading::Look},
    git::above,
    ops::sessions::session::{Session, SubAgent},
};

impl Catalogue {
    /// The row as it is reported.
    pub(in crate::ops::sessions) fn session(&mut self, row: &Row) -> Session {
        let mut session = Session::of(row);
        session.last_active_at = row.facts.last_at.clone().unwrap_or_else(|| time(row.written));
        session.repository =
            row.repository.as_deref().map(|common| above::home(common).to_string_lossy().into_owned());
        session.pid = self.pid_of(&row.id);
        session.live = self.is_live(&row.id);
        session.agent = self.agents.get(&row.id).map(|held| held.agent.to_string());
        if let Some(kept) = self.kept.get(&row.id) {
            session.kept = true;
            session.size = kept.about.size;
            session.agent = session.agent.or_else(|| kept.about.agent.clone());
        }
        if let Some(place) = &row.place {
            (session.size, session.path) = (place.size, Some(place.path.clone()));
            session.subagents = match &row.inner {
                Some(read) => {
                    read.iter().map(|(inner, facts)| SubAgent::read(inner.clone(), facts)).collect()
                }
                None => self.inner(place).into_iter().map(SubAgent::from).collect(),
            };
        }
        session
    }

    /// What a conversation started.
    pub(in crate::ops::sessions) fn inner(&mut self, place: &Place) -> Vec<Inner> {
        match conversation::program(place.program) {
            Some(program) if program.inner_beside() => {
                if self.beside.is_none() {
                    self.beside = Some(self.find_beside());
                }
                self.beside.as_ref().and_then(|all| all.get(&place.id)).cloned().unwrap_or_default()
            }
            Some(program) => program.inner(place, &mut self.found),
            None => Vec::new(),
        }
    }

    /// The sub-agents that lie among conversations, by whose they are.
    fn find_beside(&mut self) -> HashMap<String, Vec<Inner>> {
        let is_beside = |place: &&Place| {
            conversation::program(place.program).is_some_and(|program| program.inner_beside())
        };
        let places: Vec<Place> = self.found.places.iter().filter(is_beside).cloned().collect();
        self.skim(&places.iter().collect::<Vec<_>>(), Look::Beginning);
        let mut all: HashMap<String, Vec<Inner>> = HashMap::new();
        for place in places {
            let known = self.index.find(&place).filter(|known| !known.is_shown());
            let Some(Known { facts, .. }) = known.and_then(|known| known.known()) else { continue };
            let about = facts.first_typed().cloned();
            if let Some(parent) = facts.parent {
                let Place { id, path, size, written, .. } = place;
                let inner = Inner { id, kind: facts.kind, about, path, size, written };
                all.entry(parent).or_default().push(inner);
            }
        }
        all.values_mut().for_each(|some| some.sort_by(|a, b| a.path.cmp(&b.path)));
        all
    }
}

fn time(nanoseconds: i64) -> String {
    Timestamp::from_nanosecond(i128::from(nanoseconds) / 1_000_000 * 1_000_000)
        .map_or_else(|_| String::new(), |at| at.to_string())
}
