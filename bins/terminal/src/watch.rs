//! Follows agents until they end: redrawn on a terminal, where the last table stays, else a line per change. Ctrl-C leaves the agents
//! running. [`orchestra::watch`] decides when to look and what changed; this module draws it.

mod act;
mod control;
mod dialog;
mod frame;
mod keys;
mod mode;
mod reading;
#[cfg(test)]
mod samples;
mod screen;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use orchestra::{
    Result,
    context::Context,
    git::Repo,
    model::{AgentId, Liveness},
    ops::{
        agent_object::AgentObject,
        status::{self, Report, Request},
        wait_targets::{self, WaitingCommand},
    },
    watch::{Filter, Update, Watch},
};

use self::{control::Control, keys::Keys, screen::Screen};
use crate::{Terminal, agents, caps, interrupt, limits, style::Painter};

/// How often a table is redrawn while nothing changes, since the ages in it grow.
const REDRAW: Duration = Duration::from_secs(1);
/// The longest sleep while nothing is drawn and nothing changes.
const SLEEP: Duration = Duration::from_secs(3600);

/// The stream on which the state is drawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stream {
    /// Stdout: the state is the answer.
    Out,
    /// Stderr: the state accompanies the answer.
    Err,
}

/// When watching ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Until {
    /// When no agent can change any more, or after the limit.
    AllEnded {
        /// The longest time to wait; `None` waits without a limit.
        limit: Option<Duration>,
    },
    /// Only when the user interrupts it.
    Interrupted,
}

impl Until {
    /// Returns when watching that begins now ends at the latest; `None` if only agents or the user end it.
    pub(crate) fn deadline(self) -> Option<Instant> {
        match self {
            Self::AllEnded { limit } => limit.and_then(|limit| Instant::now().checked_add(limit)),
            Self::Interrupted => None,
        }
    }
}

/// The result of watching.
pub struct Watched {
    /// Why it ended.
    pub end: WatchEnd,
    /// The state of the agents at the end.
    pub report: Report,
    /// The repository, reopened: it may have been moved meanwhile.
    pub repo: Repo,
}

/// Why watching ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WatchEnd {
    /// No agent can change any more.
    AllEnded,
    /// The time limit was reached; the agents keep running.
    TimedOut,
    /// The user pressed Ctrl-C; the agents keep running.
    Interrupted,
    /// The user pressed the key that ends the watch; the agents keep running.
    Quit,
    /// Stdout was closed at the other end.
    OutputClosed,
}

/// Watches the agents of a request until `until` is reached or the context is cancelled. With `silent` nothing is drawn. If an agent
/// runs the command, one of the agents that it waits for may use the agent's slot.
///
/// # Errors
/// The refs cannot be read.
pub fn watch(
    context: &Context,
    terminal: &Terminal,
    repo: &Repo,
    request: &Request,
    stream: Stream,
    until: Until,
    silent: bool,
) -> Result<Watched> {
    // What the operation before it was doing is done, and the table is drawn past the terminal's own line.
    terminal.status_line().clear();
    let mut view = View::new(terminal, stream, silent);
    // Uncommitted changes are measured repeatedly only if they are shown.
    let shows_dirt = request.dirt && view.draws_table();
    let agents = Request { dirt: shows_dirt, ..request.clone() };
    let filter = Filter { agents, ..Filter::default() };
    let mut waiting = SlotLending::new(repo)?;
    let mut watch = Watch::new(&context.cancel, repo, filter)?;
    let mut keys = if view.draws_table() { Keys::open() } else { None };
    if let Some(keys) = &keys {
        watch.wake_on(keys.file()?);
    }
    let resizes = if view.draws_table() { Some(interrupt::resizes()?) } else { None };
    if let Some(resizes) = &resizes {
        watch.wake_on(resizes.file()?);
    }
    if stream == Stream::Out {
        let cancel = context.cancel.clone();
        terminal.on_closed(move || cancel.cancel());
    }
    let deadline = until.deadline();
    let end = loop {
        let pause = if view.draws_table() { REDRAW } else { SLEEP };
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let update = watch.next(left.map_or(pause, |left| left.min(pause)))?;
        if let Some(resizes) = &resizes {
            resizes.forget();
        }
        if update == Update::Cancelled {
            let is_unread = stream == Stream::Out && terminal.is_closed();
            break if is_unread { WatchEnd::OutputClosed } else { WatchEnd::Interrupted };
        }
        let mut wants_end = false;
        if let Some(keys) = &mut keys {
            wants_end = keys.handle(context, &mut watch, &mut view)?;
        }
        let report = &watch.snapshot().status;
        view.show(report, keys.as_mut().map(Keys::control));
        if wants_end {
            break WatchEnd::Quit;
        }
        if let Until::AllEnded { .. } = until {
            view.report_limits(report);
            if report.agents.iter().all(is_final) {
                break WatchEnd::AllEnded;
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                break WatchEnd::TimedOut;
            }
            let open = report.agents.iter().filter(|agent| !is_final(agent));
            let open: Vec<AgentId> = open.filter_map(|agent| AgentId::parse(&agent.id).ok()).collect();
            waiting.set(&mut watch, open)?;
        }
        if stream == Stream::Out && terminal.is_closed() {
            break WatchEnd::OutputClosed;
        }
    };
    drop(keys);
    view.finish(&watch.snapshot().status);
    let repo = watch.repo()?;
    let is_known = end == WatchEnd::AllEnded || end == WatchEnd::OutputClosed;
    let report = if is_known {
        watch.snapshot().status.clone()
    } else {
        // Of agents that keep running, only the answer on stdout shows figures.
        let request = Request { dirt: request.dirt && stream == Stream::Out, ..request.clone() };
        status::run(&crate::context::uninterrupted(), &repo, &request)?
    };
    Ok(Watched { end, report, repo })
}

/// Whether an agent's state can no longer change in this clone.
fn is_final(agent: &AgentObject) -> bool {
    agent.liveness != Liveness::Live
}

/// The slot that the calling agent lends, in the repository where it is now.
struct SlotLending {
    common: std::path::PathBuf,
    waiting: WaitingCommand,
}

impl SlotLending {
    fn new(repo: &Repo) -> Result<Self> {
        Ok(Self { common: repo.common_dir()?, waiting: wait_targets::waiting_command(repo)? })
    }

    fn set(&mut self, watch: &mut Watch, open: Vec<AgentId>) -> Result<()> {
        if watch.common_dir() != self.common {
            *self = Self::new(&watch.repo()?)?;
        }
        self.waiting.set(open);
        Ok(())
    }
}

struct View<'a> {
    terminal: &'a Terminal,
    stream: Stream,
    silent: bool,
    /// The table on the terminal, once it is drawn.
    screen: Option<Screen>,
    reported: HashMap<AgentId, (String, Option<String>)>,
    /// The limits that were reported as waited for.
    limits: HashSet<String>,
}

impl<'a> View<'a> {
    fn new(terminal: &'a Terminal, stream: Stream, silent: bool) -> Self {
        Self { terminal, stream, silent, screen: None, reported: HashMap::new(), limits: HashSet::new() }
    }

    fn size(&self) -> Option<(usize, usize)> {
        match self.stream {
            Stream::Out => self.terminal.stdout_size(),
            Stream::Err => self.terminal.stderr_size(),
        }
    }

    fn draws_table(&self) -> bool {
        !self.silent && self.size().is_some()
    }

    fn show(&mut self, report: &Report, control: Option<&mut Control>) {
        if self.silent {
            return;
        }
        match self.size() {
            Some((rows, columns)) => self.redraw(report, rows, columns, control),
            None => self.say_changes(report),
        }
    }

    fn painter(&self) -> &'a Painter {
        match self.stream {
            Stream::Out => self.terminal.painter(),
            Stream::Err => self.terminal.painter_err(),
        }
    }

    fn redraw(&mut self, report: &Report, rows: usize, columns: usize, control: Option<&mut Control>) {
        let frame = frame::compose(&report.agents, rows, columns, self.painter(), control.as_deref());
        self.screen.get_or_insert_with(|| Screen::new(self.stream)).show(frame.lines, (rows, columns));
        if let Some(control) = control {
            control.reading = frame.reading;
        }
    }

    /// Returns to the first screen, and leaves the table of all agents there.
    fn finish(&mut self, report: &Report) {
        let Some(screen) = self.screen.take() else { return };
        drop(screen);
        let columns = self.size().map_or(usize::MAX, |(_, columns)| columns);
        let lines = frame::compose_whole(&report.agents, columns, self.painter()).join("\n");
        match self.stream {
            Stream::Out => self.terminal.print(&format!("{lines}\n")),
            Stream::Err => self.terminal.eprintln(&lines),
        }
    }

    fn say_changes(&mut self, report: &Report) {
        let painter = self.painter();
        let mut lines = String::new();
        for agent in &report.agents {
            let now = (agents::phase(agent), limits::limited(agent).or_else(|| caps::held(agent)));
            let now = (now.0, now.1.or_else(|| agent.reason.clone()));
            if self.reported.get(&agent.id) != Some(&now) {
                lines.push_str(&agents::line(agent, painter));
                lines.push('\n');
                self.reported.insert(agent.id.clone(), now);
            }
        }
        if !lines.is_empty() {
            self.put(&lines);
        }
    }

    /// Tells a silent watcher which usage limits all remaining agents wait for.
    fn report_limits(&mut self, report: &Report) {
        if !self.silent {
            return;
        }
        let mut limits: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for agent in report.agents.iter().filter(|agent| !is_final(agent)) {
            let limit = limits::limited(agent).or_else(|| caps::held(agent));
            let Some(limit) = limit else { return };
            limits.entry(limit).or_default().push(&agent.id);
        }
        for (limit, ids) in limits {
            if self.limits.insert(limit.clone()) {
                self.terminal.eprintln(&format!("waiting for {}: {limit}", agents::list_of(&ids, "agent")));
            }
        }
    }

    fn put(&self, text: &str) {
        match self.stream {
            Stream::Out => self.terminal.print(text),
            Stream::Err => self.terminal.eprintln(text.trim_end_matches('\n')),
        }
    }
}
