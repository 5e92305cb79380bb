//! All conversations: those that lie in the home folder, and those that are kept in the repository.

use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
};

use jiff::Timestamp;

use super::{
    Request,
    holders::{self, Held},
    living::{self, Trace},
    scope::{Repositories, Scope},
    session::{Session, SubAgent},
};
use crate::{
    Error, Result,
    config::Config,
    conversation::{
        self, Facts, Found, Index, Inner, Installed, Known, PROGRAMS, Place, Program, Record, Trouble,
        reading::{self, Look},
    },
    git::{Repo, above},
    model::text,
    store::{
        layout::Private,
        transcripts::{self, Kept},
    },
    supervise::tree,
};

/// One conversation.
#[derive(Clone, Debug)]
pub struct Row {
    /// The program's own id.
    pub id: String,
    /// The name of its program.
    pub program: String,
    /// The file, where it is still there.
    pub place: Option<Place>,
    /// What its lines say.
    pub facts: Facts,
    /// Every line was read.
    pub is_whole: bool,
    /// When it was last written, in nanoseconds since 1970.
    pub written: i64,
    repository: Option<PathBuf>,
}

/// Everything that was found, and what is known of it.
pub struct Catalogue {
    found: Found,
    index: Index,
    index_path: Option<PathBuf>,
    scope: Option<Scope>,
    repositories: Repositories,
    kept: HashMap<String, Kept>,
    agents: HashMap<String, Held>,
    running: HashMap<String, i32>,
    /// Sub-agents that lie among conversations, once somebody asked.
    beside: Option<HashMap<String, Vec<Inner>>>,
}

impl Catalogue {
    /// Looks for the conversation that `typed` means, wherever it was.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn of_typed(repo: Option<&Repo>, typed: &str) -> Result<Self> {
        Self::look(repo, true, installed(repo), |program| program.answers_to(typed))
    }

    /// Looks for the conversations of a program, or of all. With `everywhere` the repository is no limit.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn read(repo: Option<&Repo>, everywhere: bool, wanted: Option<&str>) -> Result<Self> {
        Self::look(repo, everywhere, installed(repo), |program| {
            wanted.is_none_or(|name| program.name() == name)
        })
    }

    /// As [`Catalogue::read`], but no program is asked: what is remembered of its answers must do.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn remembered(repo: &Repo) -> Result<Self> {
        Self::look(Some(repo), false, Installed::nothing(), |_| true)
    }

    /// Looks at what programs keep, without reading it.
    fn look(
        repo: Option<&Repo>,
        everywhere: bool,
        installed: Installed,
        is_asked: impl Fn(&dyn Program) -> bool,
    ) -> Result<Self> {
        let asked: Vec<&'static dyn Program> =
            PROGRAMS.iter().copied().filter(|program| is_asked(*program)).collect();
        // Files are looked at while the repository is.
        std::thread::scope(|scope| {
            let finding = scope.spawn(move || {
                let mut found = Found::new(installed);
                asked.into_iter().for_each(|program| program.find(&mut found));
                found
            });
            let known = Self::known(repo, everywhere)?;
            let found = finding.join().map_err(|_| Error::internal("the search for conversations broke"))?;
            Ok(Self { running: living::noted(&found.places), found, ..known })
        })
    }

    /// What the repository knows, before anything is found.
    fn known(repo: Option<&Repo>, everywhere: bool) -> Result<Self> {
        let private = repo.map(|repo| repo.private_dir().map(Private::new)).transpose()?;
        let index_path = private.map(|private| private.conversations());
        let kept = repo.map(transcripts::all).transpose()?.unwrap_or_default();
        Ok(Self {
            found: Found::default(),
            index: index_path.as_deref().map(Index::read).unwrap_or_default(),
            index_path,
            scope: repo.filter(|_| !everywhere).map(Scope::of).transpose()?,
            repositories: Repositories::default(),
            kept: kept.into_iter().map(|kept| (kept.about.id.clone(), kept)).collect(),
            agents: repo.map(holders::all).transpose()?.unwrap_or_default(),
            running: HashMap::new(),
            beside: None,
        })
    }

    /// The conversations that fit, newest first, at most as many as are wanted, and how many fit. The ends are read only of
    /// those, and where the beginning does not tell.
    pub(super) fn rows(&mut self, wanted: &Request) -> (Vec<Row>, usize) {
        self.conclude();
        let recent = |written: i64| wanted.since.is_none_or(|since| written / 1_000_000_000 >= since);
        let of_program = |name: &str| wanted.program.as_deref().is_none_or(|program| program == name);
        let fits = |place: &&Place| recent(place.written) && of_program(place.program);
        // Thousands: they are lent, not copied, and given back below.
        let found = std::mem::take(&mut self.found.places);
        let mut places: Vec<&Place> = found.iter().filter(fits).collect();
        places.sort_unstable_by(|a, b| (b.written, &a.id).cmp(&(a.written, &b.id)));
        self.skim(&places, Look::Beginning);
        let unclear = |place: &&Place| self.is_unclear(place, wanted);
        let unclear: Vec<&Place> = places.iter().copied().filter(unclear).collect();
        self.skim(&unclear, Look::Ends);
        let most = if wanted.limit == 0 { usize::MAX } else { wanted.limit };
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
        let mut rows: Vec<Row> = shown.into_iter().filter_map(|place| self.row(place)).collect();
        let gone = self.kept.values().filter(|kept| !there.contains(kept.about.id.as_str()));
        let gone = gone.filter_map(kept_row);
        let gone = gone
            .filter(|row| recent(row.written) && of_program(&row.program))
            .filter(|row| wanted.branch.is_none() || row.facts.branch == wanted.branch)
            .filter(|row| !wanted.live || self.is_live(&row.id));
        let gone: Vec<Row> = gone.collect();
        all += gone.len();
        rows.extend(gone);
        self.found.places = found;
        rows.sort_by(|a, b| (b.written, &a.id).cmp(&(a.written, &b.id)));
        rows.truncate(most);
        (rows, all)
    }

    /// Whether the beginning of a file does not tell if it is asked for.
    fn is_unclear(&mut self, place: &Place, wanted: &Request) -> bool {
        let is_begun = self.index.fresh(place).is_some_and(|known| known.is_begun());
        is_begun && (wanted.branch.is_some() || !self.is_within(place))
    }

    /// Reads the beginnings, and the ends, that are not known yet, on all cores.
    fn skim(&mut self, places: &[&Place], look: Look) {
        let is_known = |place: &Place| {
            self.index.fresh(place).is_some_and(|known| look == Look::Beginning || !known.is_begun())
        };
        let new = places.iter().filter(|place| !is_known(place));
        let new: Vec<&Place> = new.copied().collect();
        let read = reading::on_all_cores(&new, |place| {
            let program = conversation::program(place.program)?;
            let before = self.index.find(place).and_then(|before| before.known());
            let read = reading::skim(program, place, look);
            // Made ready to be written here: thousands of facts are too large to be handed around.
            Some(read.map(|(facts, is_all)| {
                let known = if is_all { Known::skimmed } else { Known::begun };
                Record::of(known(place, facts, before))
            }))
        });
        for (place, read) in new.into_iter().zip(read) {
            match read {
                Some(Ok(record)) => record.into_iter().for_each(|record| self.index.learn(record)),
                // Gone between two looks.
                Some(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
                Some(Err(error)) => self.found.trouble(&place.path, error.to_string()),
                None => {}
            }
        }
    }

    /// Concludes which conversations the programs are in that do not say so.
    fn conclude(&mut self) {
        for program in PROGRAMS.iter().filter(|program| program.is_silent()) {
            let mine = |place: &&Place| place.program == program.name();
            let mine: Vec<Place> = self.found.places.iter().filter(mine).cloned().collect();
            let works = if mine.is_empty() { Vec::new() } else { tree::at_work(program.name()) };
            if !works.is_empty() {
                self.skim(&mine.iter().collect::<Vec<_>>(), Look::Beginning);
                let traces: Vec<Trace> = mine.iter().filter_map(|place| self.trace(place)).collect();
                self.running.extend(living::concluded(&works, &traces));
            }
        }
    }

    fn trace(&self, place: &Place) -> Option<Trace> {
        let facts = self.index.find(place)?.known()?.facts;
        let folder = facts.first_cwd.as_deref()?.into();
        let began: Timestamp = facts.started_at.as_deref()?.parse().ok()?;
        let began = i64::try_from(began.as_nanosecond()).ok()?;
        Some(Trace { id: place.id.clone(), folder, began, written: place.written })
    }

    /// Whether a file is a conversation within the scope.
    fn is_within(&mut self, place: &Place) -> bool {
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
    fn row(&mut self, place: &Place) -> Option<Row> {
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

    /// Reads every line of the rows, or those that are new since they were read last, on all cores.
    pub(super) fn read_whole(&mut self, rows: &mut [Row]) {
        let new: Vec<&mut Row> = rows.iter_mut().filter(|row| !row.is_whole).collect();
        let places: Vec<(Place, Option<reading::Reading>)> = new
            .iter()
            .filter_map(|row| row.place.clone())
            .map(|place| {
                let known = self.index.find(&place).and_then(|known| known.known()?.reading);
                (place, known)
            })
            .collect();
        let read = reading::on_all_cores(&places, |(place, known)| {
            conversation::program(place.program).map(|program| reading::whole(program, place, known.clone()))
        });
        let mut read = places.into_iter().zip(read);
        for row in new.into_iter().filter(|row| row.place.is_some()) {
            match read.next() {
                Some(((place, _), Some(Ok((reading, mut facts))))) => {
                    // Lines that count nothing may still say where it was last.
                    let asked = facts.last_prompt.clone();
                    facts.join(std::mem::take(&mut row.facts));
                    facts.last_prompt = asked.or(facts.last_prompt);
                    (row.facts, row.is_whole) = (facts.clone(), true);
                    if reading.passed_over > 0 {
                        self.found.passed_over(&place.path, reading.passed_over);
                    }
                    let record = Record::of(Known::read(&place, reading, facts));
                    record.into_iter().for_each(|record| self.index.learn(record));
                }
                Some((_, Some(Err(error)))) if error.kind() == std::io::ErrorKind::NotFound => {}
                Some(((place, _), Some(Err(error)))) => self.found.trouble(&place.path, error.to_string()),
                Some((_, None)) | None => {}
            }
        }
    }

    /// The row as it is reported.
    pub(super) fn session(&mut self, row: &Row) -> Session {
        let mut session = Session::of(&row.id, &row.program, &row.facts, row.is_whole);
        session.last_active_at = time(row.written);
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
            session.subagents = self.inner(place).into_iter().map(SubAgent::from).collect();
        }
        session
    }

    /// What a conversation started.
    pub(super) fn inner(&mut self, place: &Place) -> Vec<Inner> {
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
            if let Some(parent) = facts.parent {
                let Place { id, path, size, .. } = place;
                let inner = Inner { id, kind: facts.kind, about: facts.first_prompt, path, size };
                all.entry(parent).or_default().push(inner);
            }
        }
        all.values_mut().for_each(|some| some.sort_by(|a, b| a.path.cmp(&b.path)));
        all
    }

    /// Adds what could not be read.
    pub(super) fn trouble(&mut self, row: &Row, error: &std::io::Error) {
        let path = row.place.as_ref().map(|place| place.path.clone()).unwrap_or_default();
        self.found.trouble(&path, error.to_string());
    }

    /// Remembers what was read; gives what could not be.
    pub(super) fn close(self) -> Vec<Trouble> {
        if let Some(path) = &self.index_path {
            self.index.write(path, self.found.places.iter());
        }
        self.found.troubles
    }

    /// The conversation that `typed` means: its id or an agent's, or the only one that begins so.
    ///
    /// # Errors
    /// None or several match (3); the error names the candidates.
    pub fn resolve(&self, typed: &str) -> Result<String> {
        let shown = text::safe(typed);
        let places = self.found.places.iter().map(|place| place.id.as_str());
        let known: BTreeSet<&str> = places.chain(self.kept.keys().map(String::as_str)).collect();
        let agents = self.agents.iter().filter(|(session, _)| known.contains(session.as_str()));
        let names = agents.map(|(session, held)| (held.agent.as_str(), session.as_str()));
        let names: Vec<(&str, &str)> = known.iter().map(|id| (*id, *id)).chain(names).collect();
        if let Some((_, id)) = names.iter().find(|(name, _)| *name == typed) {
            return Ok((*id).to_owned());
        }
        let begins = |(name, _): &&(&str, &str)| !typed.is_empty() && name.starts_with(typed);
        match names.iter().filter(begins).collect::<Vec<_>>().as_slice() {
            [(_, id)] => Ok((*id).to_owned()),
            [] => Err(Error::refused(format!("no conversation '{shown}'"))
                .hint("git orchestra sessions --all lists those of this machine")),
            several => {
                let some: Vec<&str> = several.iter().take(8).map(|(name, _)| *name).collect();
                let more = several.len() - some.len();
                let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
                Err(Error::refused(format!("'{shown}' means {} conversations", several.len()))
                    .hint(format!("type more of one of: {}{tail}", some.join(", "))))
            }
        }
    }

    /// The conversation of that id, every line of it read: the file that was written last, else what is kept.
    ///
    /// # Errors
    /// There is none, or it cannot be read (3).
    pub fn one(&mut self, id: &str) -> Result<Row> {
        let places = self.found.places.iter().filter(|place| place.id == id);
        let mut places: Vec<Place> = places.cloned().collect();
        places.sort_by_key(|place| std::cmp::Reverse(place.written));
        self.conclude();
        self.skim(&places.iter().collect::<Vec<_>>(), Look::Ends);
        let found = places.iter().find(|place| self.is_within(place));
        if let Some(row) = found.and_then(|place| self.row(place)) {
            let mut rows = [row];
            self.read_whole(&mut rows);
            let [row] = rows;
            return Ok(row);
        }
        let kept = self.kept.get(id).and_then(kept_row);
        kept.ok_or_else(|| Error::refused(format!("there is nothing to read in conversation '{id}'")))
    }

    /// The programs that may be asked.
    pub const fn installed(&self) -> &Installed {
        &self.found.installed
    }

    /// What is kept of a conversation.
    pub fn kept(&self, id: &str) -> Option<&Kept> {
        self.kept.get(id)
    }

    /// Whether a program is in it: it says so itself, or it is of an agent that runs.
    fn is_live(&self, id: &str) -> bool {
        self.running.contains_key(id) || self.agents.get(id).is_some_and(|held| held.is_live)
    }

    fn pid_of(&self, id: &str) -> Option<i32> {
        self.running.get(id).copied().or_else(|| self.agents.get(id)?.pid)
    }
}

/// The programs that the user named, else those on PATH.
fn installed(repo: Option<&Repo>) -> Installed {
    repo.map_or_else(Installed::default, |repo| Installed::of(|name| Config::of(repo).agent_program(name)))
}

/// A row of which only the kept transcript is left.
fn kept_row(kept: &Kept) -> Option<Row> {
    let about = &kept.about;
    let facts: Facts = serde_json::from_value(about.facts.clone()).ok()?;
    let (id, program, written) = (about.id.clone(), about.program.clone(), about.written);
    Some(Row { id, program, place: None, facts, is_whole: true, written, repository: None })
}

fn time(nanoseconds: i64) -> String {
    Timestamp::from_nanosecond(i128::from(nanoseconds) / 1_000_000 * 1_000_000)
        .map_or_else(|_| String::new(), |at| at.to_string())
}
