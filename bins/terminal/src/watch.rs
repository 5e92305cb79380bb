//! Following agents to their end: drawn anew on a terminal, a line a change elsewhere. Ctrl-C leaves the agents running. When to look
//! and what changed is known by [`orchestra::watch`]; this draws it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use orchestra::{
    Result,
    context::Context,
    git::Repo,
    model::{AgentId, Liveness, text},
    ops::{
        agent_object::AgentObject,
        status::{self, Report, Request},
        wait_targets::Waiting,
    },
    watch::{Filter, Update, Watch},
};

use crate::{Terminal, agents};

/// How often a table is drawn anew where nothing changes: the ages in it grow.
const REDRAW: Duration = Duration::from_secs(1);
/// How long to sleep where nothing is drawn and nothing changes.
const SLEEP: Duration = Duration::from_secs(3600);

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

/// The state when watching ended.
pub struct Watched {
    /// Why it ended.
    pub end: End,
    /// The agents at the end.
    pub report: Report,
    /// The repository as it is found now: it may have been renamed meanwhile.
    pub repo: Repo,
}

/// Why watching ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// No agent can change any more.
    AllEnded,
    /// The time is over; the agents keep running.
    Late,
    /// Ctrl-C; the agents keep running.
    Interrupted,
    /// Nobody reads the answer any more.
    Unread,
}

/// Watches the agents of a request until the context is cancelled. With `silent` nothing is drawn. If an agent runs the command, one
/// of those whose end is waited for may run in its place.
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
    let mut view = View::new(terminal, stream, silent);
    // Uncommitted work is measured again and again only where it is seen.
    let shows_dirt = request.dirt && view.draws_a_table();
    let filter = Filter { agents: Request { dirt: shows_dirt, ..request.clone() }, landing: false };
    let mut waiting = Lending::new(repo)?;
    let mut watch = Watch::new(&context.cancel, repo, filter)?;
    if stream == Stream::Out {
        let cancel = context.cancel.clone();
        terminal.on_closed(move || cancel.cancel());
    }
    let deadline = match until {
        Until::AllEnded { limit: Some(limit) } => Instant::now().checked_add(limit),
        _ => None,
    };
    let end = loop {
        let pause = if view.draws_a_table() { REDRAW } else { SLEEP };
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let update = watch.next(left.map_or(pause, |left| left.min(pause)))?;
        if update == Update::Cancelled {
            let is_unread = stream == Stream::Out && terminal.is_closed();
            break if is_unread { End::Unread } else { End::Interrupted };
        }
        let report = &watch.snapshot().status;
        view.show(report);
        if let Until::AllEnded { .. } = until {
            view.say_what_is_waited_for(report);
            if report.agents.iter().all(is_settled) {
                break End::AllEnded;
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                break End::Late;
            }
            let open = report.agents.iter().filter(|agent| !is_settled(agent));
            let open: Vec<AgentId> = open.filter_map(|agent| AgentId::parse(&agent.id).ok()).collect();
            waiting.set(&mut watch, open)?;
        }
        if stream == Stream::Out && terminal.is_closed() {
            break End::Unread;
        }
    };
    let repo = watch.repo()?;
    let is_known = end == End::AllEnded || end == End::Unread;
    let report = if is_known {
        watch.snapshot().status.clone()
    } else {
        status::run(&Context::default(), &repo, request)?
    };
    Ok(Watched { end, report, repo })
}

/// An agent of which nothing more is heard here.
fn is_settled(agent: &AgentObject) -> bool {
    agent.liveness != Liveness::Live
}

/// The slot that the calling agent lends meanwhile, in the repository as it is found now.
struct Lending {
    common: std::path::PathBuf,
    waiting: Waiting,
}

impl Lending {
    fn new(repo: &Repo) -> Result<Self> {
        Ok(Self { common: repo.common_dir()?, waiting: Waiting::new(repo)? })
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
    /// The picture on the screen.
    drawn: String,
    said: HashMap<AgentId, (String, Option<String>)>,
    /// The limits that are waited for, as they were told.
    limits: HashSet<String>,
}

impl<'a> View<'a> {
    fn new(terminal: &'a Terminal, stream: Stream, silent: bool) -> Self {
        Self { terminal, stream, silent, drawn: String::new(), said: HashMap::new(), limits: HashSet::new() }
    }

    fn size(&self) -> Option<(usize, usize)> {
        match self.stream {
            Stream::Out => self.terminal.stdout_size(),
            Stream::Err => self.terminal.stderr_size(),
        }
    }

    fn draws_a_table(&self) -> bool {
        !self.silent && self.size().is_some()
    }

    fn show(&mut self, report: &Report) {
        if self.silent {
            return;
        }
        match self.size() {
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
        if text == self.drawn {
            return;
        }
        let lines = self.drawn.lines().count();
        let back = if lines > 0 { format!("\u{1b}[{lines}A\u{1b}[J") } else { String::new() };
        self.put(&format!("{back}{text}"));
        self.drawn = text;
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
    fn say_what_is_waited_for(&mut self, report: &Report) {
        if !self.silent {
            return;
        }
        let mut limits: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for agent in report.agents.iter().filter(|agent| !is_settled(agent)) {
            let Some(limit) = agents::limited(agent) else { return };
            limits.entry(limit).or_default().push(&agent.id);
        }
        for (limit, ids) in limits {
            if self.limits.insert(limit.clone()) {
                self.terminal.say(&format!("waiting for {}: {limit}", agents::listed(&ids, "agent")));
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
