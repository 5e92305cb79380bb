//! Following agents to their end: drawn anew on a terminal, a line a change elsewhere. Ctrl-C leaves the agents running.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use orchestra::{
    Error, Kind, Result,
    error::Context,
    git::{Repo, refs::RefWatch},
    model::{AgentId, Liveness, text},
    ops::{
        agent_object::AgentObject,
        status::{self, Report, Request},
    },
    store::layout,
    supervise::lending::Waiting,
};

use crate::{Terminal, agents};

/// How often the refs are looked at; reading one costs microseconds.
const TICK: Duration = Duration::from_millis(25);
/// How often everything is read anew, for ages, activity and the dead.
const REDRAW: u32 = 40;

/// Waiting agents for which the screen says what to type.
const HINTS: usize = 3;

/// Where the pictures go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stream {
    /// They are the answer.
    Out,
    /// They accompany the answer.
    Err,
}

/// When watching ends by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Until {
    /// When none of the agents can change any more, or after so long at the latest.
    AllEnded {
        /// The longest to wait; `None`: as long as it takes.
        limit: Option<Duration>,
    },
    /// Never.
    Interrupted,
}

/// What watching came to.
#[derive(Debug)]
pub enum Watched {
    /// No agent can change any more.
    Ended(Report),
    /// The time is over; the agents keep running.
    Late(Report),
    /// Ctrl-C; the agents run on.
    Interrupted(Report),
    /// Nobody reads the answer any more.
    Unread,
}

/// Watches the agents of a request. With `silent` nothing is drawn. If an agent runs the command, one of those whose end is
/// waited for may run in its place.
///
/// # Errors
/// The refs cannot be read.
pub fn watch(
    terminal: &Terminal,
    repo: &Repo,
    request: &Request,
    stream: Stream,
    until: Until,
    silent: bool,
) -> Result<Watched> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context(Kind::External, || "cannot watch".into())?;
    runtime.block_on(async {
        let mut view = View::new(terminal, stream, silent);
        let mut refs = Refs::new(repo)?;
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        let mut unreadable = false;
        let mut waiting = Waiting::new(repo)?;
        let deadline = match until {
            Until::AllEnded { limit: Some(limit) } => Instant::now().checked_add(limit),
            _ => None,
        };
        let is_late = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        loop {
            // Ours was opened before; the supervisors open it anew, and cannot tell anything where that fails.
            match Repo::open(&refs.common) {
                Err(error) if unreadable => return Err(not_readable(error)),
                opened => unreadable = opened.is_err(),
            }
            let report = status::run(repo, request)?;
            view.show(&report);
            view.say_what_is_waited_for(&report, until);
            if let Until::AllEnded { .. } = until {
                if report.agents.iter().all(is_settled) {
                    return Ok(Watched::Ended(report));
                }
                if is_late() {
                    return Ok(Watched::Late(report));
                }
                let open = report.agents.iter().filter(|agent| !is_settled(agent));
                waiting.set(open.map(|agent| agent.id.clone()));
            }
            let unread = || stream == Stream::Out && terminal.is_closed();
            if unread() {
                return Ok(Watched::Unread);
            }
            refs.note(&report);
            let wait = async {
                for _ in 0..REDRAW {
                    tokio::time::sleep(TICK).await;
                    if refs.changed() || unread() || is_late() {
                        break;
                    }
                }
            };
            tokio::select! {
                () = wait => {}
                pressed = &mut interrupted => {
                    pressed.map_err(|e| Error::new(Kind::External, "cannot listen for Ctrl-C").because(e))?;
                    return Ok(Watched::Interrupted(status::run(repo, request)?));
                }
            }
        }
    })
}

/// Neither at this look nor at the one before.
fn not_readable(error: Error) -> Error {
    error
        .hint("the agents keep running; what they did is saved as soon as the repository can be read again")
        .hint("git orchestra status --watch, when it is repaired")
}

/// An agent of which nothing more is heard here.
fn is_settled(agent: &AgentObject) -> bool {
    agent.liveness != Liveness::Live
}

/// The refs of the watched agents, looked at without opening the repository.
struct Refs {
    common: std::path::PathBuf,
    watched: Vec<(String, RefWatch)>,
}

impl Refs {
    fn new(repo: &Repo) -> Result<Self> {
        Ok(Self { common: repo.common_dir()?, watched: Vec::new() })
    }

    fn note(&mut self, report: &Report) {
        let open = report.agents.iter().filter(|agent| agent.liveness == Liveness::Live);
        let names = open.map(|agent| layout::agent_ref(&agent.id));
        self.watched = names.map(|name| (name, RefWatch::default())).collect();
        self.changed();
    }

    fn changed(&mut self) -> bool {
        let mut changed = false;
        for (name, watch) in &mut self.watched {
            changed |= watch.changed(&self.common, name) && self.common.join(&name).exists();
        }
        changed
    }
}

struct View<'a> {
    terminal: &'a Terminal,
    stream: Stream,
    silent: bool,
    drawn: usize,
    said: HashMap<AgentId, (String, Option<String>)>,
    /// The limits that are waited for, as they were told.
    limits: HashSet<String>,
}

impl<'a> View<'a> {
    fn new(terminal: &'a Terminal, stream: Stream, silent: bool) -> Self {
        Self { terminal, stream, silent, drawn: 0, said: HashMap::new(), limits: HashSet::new() }
    }

    fn show(&mut self, report: &Report) {
        if self.silent {
            return;
        }
        let size = match self.stream {
            Stream::Out => self.terminal.stdout_size(),
            Stream::Err => self.terminal.stderr_size(),
        };
        match size {
            Some((rows, columns)) => self.redraw(report, rows, columns),
            None => self.say_changes(report),
        }
    }

    fn redraw(&mut self, report: &Report, rows: usize, columns: usize) {
        let paint = match self.stream {
            Stream::Out => self.terminal.paint(),
            Stream::Err => self.terminal.paint_err(),
        };
        // What runs stands last in a list that is too long for the screen.
        let room = rows.saturating_sub(3 + HINTS).max(1);
        let mut shown: Vec<AgentObject> = report.agents.clone();
        if shown.len() > room {
            shown.sort_by_key(|agent| !agent.phase.is_terminal());
            shown.drain(..shown.len() - room);
        }
        let mut text = agents::draw(&shown, Some(columns), paint);
        text.push_str(&agents::summary(&report.agents));
        text.push('\n');
        for waiting in report.agents.iter().filter(|agent| agent.waiting.is_some()).take(room.min(HINTS)) {
            text.push_str(&text::cut(&format!("in another terminal: {}", agents::answer(waiting)), columns));
            text.push('\n');
        }
        let back = if self.drawn > 0 { format!("\u{1b}[{}A\u{1b}[J", self.drawn) } else { String::new() };
        self.drawn = text.lines().count();
        self.put(&format!("{back}{text}"));
    }

    fn say_changes(&mut self, report: &Report) {
        let paint = match self.stream {
            Stream::Out => self.terminal.paint(),
            Stream::Err => self.terminal.paint_err(),
        };
        let mut lines = String::new();
        for agent in &report.agents {
            let now = (agents::phase(agent), agents::limited(agent).or_else(|| agent.reason.clone()));
            if self.said.get(&agent.id) != Some(&now) {
                lines.push_str(&agents::line(agent, paint));
                lines.push('\n');
                self.said.insert(agent.id.clone(), now);
            }
        }
        if !lines.is_empty() {
            self.put(&lines);
        }
    }

    /// Who waits and sees nothing is told where all that is left to wait for are usage limits.
    fn say_what_is_waited_for(&mut self, report: &Report, until: Until) {
        let mut limits: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for agent in report.agents.iter().filter(|agent| !is_settled(agent)) {
            let Some(limit) = agents::limited(agent) else { return };
            limits.entry(limit).or_default().push(&agent.id);
        }
        for (limit, ids) in limits.iter().filter(|_| self.silent && matches!(until, Until::AllEnded { .. })) {
            if self.limits.insert(limit.clone()) {
                self.terminal.say(&format!("waiting for {}: {limit}", agents::listed(ids, "agent")));
            }
        }
    }

    fn put(&self, text: &str) {
        match self.stream {
            Stream::Out => self.terminal.answer(text),
            Stream::Err => self.terminal.say(text.trim_end_matches('\n')),
        }
    }
}
