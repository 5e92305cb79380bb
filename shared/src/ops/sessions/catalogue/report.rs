//! Turns rows into the sessions of reports, and finds their subagents.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::{Catalogue, SessionRow};
use crate::{
    agents,
    conversation::{ConversationFile, Subagent, SubagentFiles, reading::ReadDepth},
    git::common_dir,
    ops::sessions::{
        agent_sessions::SessionAgent,
        session::{Session, SubagentInfo, on_one_line},
    },
};

impl Catalogue {
    /// Returns the session of a row, for reports.
    pub(in crate::ops::sessions) fn session(&mut self, row: &SessionRow) -> Session {
        let mut session = Session::of(row);
        session.last_active_at =
            row.facts.last_said(row.written).map_or_else(|| rfc3339(row.written), |(at, _)| at.to_owned());
        session.subagent_of.clone_from(&row.subagent_of);
        session.repository = row
            .repository
            .as_deref()
            .map(|common| common_dir::display_folder(common).to_string_lossy().into_owned());
        session.pid = self.pid_of(&row.id);
        session.live = self.is_live(&row.id);
        if let Some(held) = self.agents.get(&row.id) {
            session.agent = Some(held.agent.to_string());
            session.parent = self.session_of_parent(held);
            // The program's own title may be made from a prompt of ours.
            session.title = row.facts.title.as_ref().or(Some(&held.title)).map(|title| on_one_line(title));
        }
        if let Some(kept) = self.kept.get(&row.id) {
            session.kept = true;
            session.size = kept.about.size;
            if session.agent.is_none() && kept.about.agent.is_some() {
                session.agent.clone_from(&kept.about.agent);
                session.title =
                    row.facts.title.as_ref().or(row.facts.first_typed()).map(|title| on_one_line(title));
            }
        }
        session.subagents = match (&row.inner, &row.place) {
            (Some(read), _) => {
                read.iter().map(|(inner, facts)| SubagentInfo::read(inner.clone(), facts)).collect()
            }
            (None, Some(place)) => self.inner(place).into_iter().map(SubagentInfo::from).collect(),
            (None, None) => Vec::new(),
        };
        if let Some(place) = &row.place {
            (session.size, session.path) = (place.size, Some(place.path.clone()));
            let copies = self.copies.get(&row.id).into_iter().flatten();
            session.other_files = copies.filter(|path| **path != place.path).cloned().collect();
        }
        session
    }

    /// Returns the session of the agent that started another one; the last by its id, if that one had several.
    fn session_of_parent(&self, held: &SessionAgent) -> Option<String> {
        let parent = held.parent.as_ref()?;
        let of_parent = self.agents.iter().filter(|(_, other)| other.agent == *parent);
        of_parent.map(|(session, _)| session).max().cloned()
    }

    /// Returns the subagents of a session.
    pub(in crate::ops::sessions) fn inner(&mut self, place: &ConversationFile) -> Vec<Subagent> {
        match agents::session_reader(place.program) {
            Some(program) if program.subagent_files() == SubagentFiles::AmongSessions => {
                if self.among_sessions.is_none() {
                    self.among_sessions = Some(self.find_among_sessions());
                }
                self.among_sessions.as_ref().and_then(|all| all.get(&place.id)).cloned().unwrap_or_default()
            }
            Some(program) => program.subagents(self.context.environment(), place, &mut self.found),
            None => Vec::new(),
        }
    }

    /// Finds orphaned subagents, whose session no longer exists, if their files are in the folders of sessions and one may be wanted.
    pub(super) fn find_orphans(&mut self, is_wanted: impl Fn(&ConversationFile) -> bool) {
        let mut places = self.found.places.iter().filter(|place| may_be_among_sessions(place));
        if self.among_sessions.is_none() && places.any(is_wanted) {
            self.among_sessions = Some(self.find_among_sessions());
        }
    }

    /// Returns the subagents whose files are in the folders of sessions, by the outermost session that started them. The others are
    /// recorded as orphans.
    fn find_among_sessions(&mut self) -> HashMap<String, Vec<Subagent>> {
        let places: Vec<ConversationFile> =
            self.found.places.iter().filter(|place| may_be_among_sessions(place)).cloned().collect();
        self.skim(&places.iter().collect::<Vec<_>>(), ReadDepth::Beginning);
        let (mut shown, mut all_inner) = (HashSet::new(), Vec::new());
        for place in places {
            let Some(known) = self.index.find(&place) else { continue };
            if known.is_shown() {
                shown.insert(place.id);
            } else if let Some(facts) = known.facts().filter(|_| known.is_inner()) {
                all_inner.push((place, facts));
            }
        }
        let parents: HashMap<String, String> = all_inner
            .iter()
            .filter_map(|(place, facts)| Some((place.id.clone(), facts.parent.clone()?)))
            .collect();
        let mut all: HashMap<String, Vec<Subagent>> = HashMap::new();
        for (place, facts) in all_inner {
            match outermost(&place.id, &parents).filter(|root| shown.contains(*root)) {
                Some(root) => {
                    let about = facts.first_typed().cloned();
                    let ConversationFile { id, path, size, written, .. } = place;
                    let inner = Subagent { id, kind: facts.kind, about, path, size, written };
                    all.entry(root.to_owned()).or_default().push(inner);
                }
                None => {
                    self.found.orphans.insert(place.path);
                }
            }
        }
        all.values_mut().for_each(|some| some.sort_by(|a, b| a.path.cmp(&b.path)));
        all
    }
}

/// Returns whether the program of a file keeps the files of subagents in the folders of sessions.
fn may_be_among_sessions(place: &ConversationFile) -> bool {
    agents::session_reader(place.program)
        .is_some_and(|program| program.subagent_files() == SubagentFiles::AmongSessions)
}

/// Returns the outermost session of a chain of subagents; `None` if the chain is a circle.
fn outermost<'a>(id: &str, parents: &'a HashMap<String, String>) -> Option<&'a str> {
    let mut outer = parents.get(id)?;
    for _ in 0..parents.len() {
        match parents.get(outer) {
            Some(next) => outer = next,
            None => return Some(outer),
        }
    }
    None
}

fn rfc3339(nanoseconds: i64) -> String {
    Timestamp::from_nanosecond(i128::from(nanoseconds) / 1_000_000 * 1_000_000)
        .map_or_else(|_| String::new(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_subagents_belong_to_the_outermost_session() {
        let parents = [
            ("child", "root"),
            ("grandchild", "child"),
            ("a", "b"),
            ("b", "a"),
            ("self", "self"),
            ("in", "a"),
        ];
        let parents: HashMap<String, String> =
            parents.iter().map(|(id, parent)| ((*id).to_owned(), (*parent).to_owned())).collect();
        for (id, root) in [
            ("child", Some("root")),
            ("grandchild", Some("root")),
            ("root", None),
            ("a", None),
            ("in", None),
            ("self", None),
        ] {
            assert_eq!(outermost(id, &parents), root, "{id}");
        }
    }
}
