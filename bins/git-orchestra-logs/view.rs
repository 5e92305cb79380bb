//! What `logs` shows.

use std::{
    io::{self, Write},
    time::Duration,
};

use orchestra::{
    Result,
    context::{Cancel, Context},
    git::Repo,
    model::{Liveness, text},
    ops::{
        logs::{
            self, Attempt, Report,
            story::{LogEntry, Story},
        },
        status,
        wait_targets::Waiting,
    },
    watch::{Filter, Update, Watch},
};
use orchestra_terminal::{Exit, Terminal, here, prompt, style::Role};

use crate::{cli::Cli, entries};

/// How soon output that grew is shown, at the earliest after that of the last look.
const GROWTH_PAUSE: Duration = Duration::from_millis(50);
/// How long to sleep where nothing changes.
const SLEEP: Duration = Duration::from_secs(3600);
/// A line longer than this is shown in pieces, in bytes.
const LONGEST: usize = 64 * 1024;
/// The most shown of what a program complained of, in bytes.
const COMPLAINTS: usize = 4096;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    let agent = match &cli.agent {
        Some(agent) => agent.clone(),
        None => {
            let all = status::run(&Context::default(), &repo, &status::Request::default())?.agents;
            prompt::pick_agent(terminal, "whose output?", &all, "git orchestra logs AGENT")?
        }
    };
    let request = logs::Request { agent };
    let report = logs::run(&Context::default(), &repo, &request)?;
    let request = logs::Request { agent: report.id.to_string() };
    let manner = match (cli.raw, report.protocol.is_structured()) {
        (true, _) => Manner::Raw,
        (false, true) => Manner::Story(Story::new(report.protocol)),
        (false, false) => Manner::Text,
    };
    let mut sink = Sink { terminal, manner, line: Vec::new() };
    let at = show(&repo, &report, &mut sink, Place::default())?;
    let mut repo = repo;
    if cli.follow {
        repo = follow(repo, &report, &mut sink, at)?;
    }
    sink.end_line();
    complaints(&repo, &logs::run(&Context::default(), &repo, &request)?, &mut sink)?;
    if report.attempts.is_empty() && !cli.follow {
        terminal.say(&format!("'{}' has printed nothing yet: it is {}", report.id, report.phase.as_str()));
    }
    Ok(Exit::Done)
}

/// Shows what is printed until the agent ends, or nobody reads it any more. Gives the repository where it is by then.
fn follow(repo: Repo, report: &Report, sink: &mut Sink<'_>, from: Place) -> Result<Repo> {
    let request = logs::Request { agent: report.id.to_string() };
    let mut waiting = Waiting::new(&repo)?;
    waiting.set([report.id.clone()]);
    let agents = status::Request { agents: vec![request.agent.clone()], ..status::Request::default() };
    let filter = Filter { agents, landing: false };
    let cancel = Cancel::new()?;
    let mut watch = Watch::new(&cancel, &repo, filter)?.with_growth_pause(GROWTH_PAUSE);
    sink.terminal.on_closed(move || cancel.cancel());
    let (mut repo, mut at) = (repo, from);
    loop {
        let update = watch.next(SLEEP)?;
        // Asked before the last look, so that nothing printed before the end is missed.
        let over = watch.snapshot().agent(&report.id).is_none_or(|agent| agent.liveness != Liveness::Live);
        repo = watch.repo().unwrap_or(repo);
        at = show(&repo, &logs::run(&Context::default(), &repo, &request)?, sink, at)?;
        if over || update == Update::Cancelled || sink.terminal.is_closed() {
            return Ok(repo);
        }
    }
}

/// Up to where the output has been shown.
#[derive(Clone, Copy, Default)]
struct Place {
    attempt: u32,
    bytes: u64,
}

fn show(repo: &Repo, report: &Report, sink: &mut Sink<'_>, from: Place) -> Result<Place> {
    let mut at = from;
    for attempt in report.attempts.iter().filter(|attempt| attempt.number >= from.attempt) {
        if attempt.number > at.attempt {
            sink.end_line();
            at = Place { attempt: attempt.number, bytes: 0 };
            headline(report, attempt, sink);
        }
        match attempt.copy(repo, at.bytes, sink) {
            Ok(bytes) => at.bytes = bytes,
            // The file is gone between two looks: it has been stored, and the next look finds it there.
            Err(_) if sink.terminal.is_closed() => break,
            Err(_) if attempt.is_live() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(at)
}

/// Only where there is more than one attempt does it matter which this is.
fn headline(report: &Report, attempt: &Attempt, sink: &mut Sink<'_>) {
    if report.attempts.len() > 1 && !matches!(sink.manner, Manner::Raw) {
        sink.terminal.say(&format!("── attempt {} ──", attempt.number));
    }
}

/// What the last attempt complained of, on standard error: where all went well it is of no interest.
fn complaints(repo: &Repo, report: &Report, sink: &mut Sink<'_>) -> Result<()> {
    let Some(last) = report.attempts.last() else { return Ok(()) };
    let mut said = Vec::new();
    last.copy_errors(repo, 0, &mut said)?;
    let said = text::plain(&String::from_utf8_lossy(&said[said.len().saturating_sub(COMPLAINTS)..]));
    for line in said.lines().filter(|line| !line.trim().is_empty()) {
        sink.terminal.note("it complained", Role::Warn, &text::one_line(line, 400));
    }
    Ok(())
}

/// How output is shown.
#[derive(Debug)]
enum Manner {
    /// The bytes as they are.
    Raw,
    /// Whole lines, safely.
    Text,
    /// As who said what.
    Story(Story),
}

struct Sink<'a> {
    terminal: &'a Terminal,
    manner: Manner,
    /// The beginning of a line of text.
    line: Vec<u8>,
}

impl Sink<'_> {
    fn end_line(&mut self) {
        match &mut self.manner {
            Manner::Story(story) => story.finish(|entry| answer(self.terminal, &entry)),
            Manner::Raw | Manner::Text if self.line.is_empty() => {}
            Manner::Raw | Manner::Text => {
                self.put(self.line.len());
                self.terminal.answer("\n");
            }
        }
    }

    fn put(&mut self, length: usize) {
        let bytes: Vec<u8> = self.line.drain(..length).collect();
        let shown = text::safe_block(&text::plain(&String::from_utf8_lossy(&bytes)));
        self.terminal.answer(&shown);
    }

    fn text(&mut self, bytes: &[u8]) {
        self.line.extend_from_slice(bytes);
        if let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') {
            self.put(end + 1);
        }
        if self.line.len() > LONGEST {
            self.put(self.line.len());
        }
    }
}

fn answer(terminal: &Terminal, entry: &LogEntry) {
    if let Some(drawn) = entries::draw(entry, terminal.paint()) {
        terminal.answer(&format!("{drawn}\n"));
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.manner {
            Manner::Raw => self.terminal.answer_bytes(bytes),
            Manner::Text => self.text(bytes),
            Manner::Story(story) => story.read(bytes, |entry| answer(self.terminal, &entry)),
        }
        if self.terminal.is_closed() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
