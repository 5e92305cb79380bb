//! What `logs` shows.

use std::{
    io::{self, Write},
    time::Duration,
};

use orchestra::{
    Result,
    git::Repo,
    model::{Liveness, text},
    ops::{
        logs::{self, Attempt, Report},
        status,
    },
    world,
};
use orchestra_terminal::{Exit, Terminal, prompt};

use crate::cli::Cli;

/// How often a live output is looked at.
const TICK: Duration = Duration::from_millis(100);
/// A line longer than this is shown in pieces, in bytes.
const LONGEST: usize = 64 * 1024;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = Repo::discover(&world::directory())?;
    let agent = match &cli.agent {
        Some(agent) => agent.clone(),
        None => {
            let all = status::run(&repo, &status::Request::default())?.agents;
            prompt::pick_agent(terminal, "whose output?", &all, "git orchestra logs AGENT")?
        }
    };
    let request = logs::Request { agent };
    let report = logs::run(&repo, &request)?;
    let mut sink = Sink { terminal, raw: cli.raw, line: Vec::new() };
    let mut at = show(&repo, &report, &mut sink, Place::default())?;
    if cli.follow {
        let request = logs::Request { agent: report.id.to_string() };
        loop {
            // Asked before the last look, so that nothing printed before the end is missed.
            let over = status::one(&repo, &report.id)?.liveness != Liveness::Live;
            at = show(&repo, &logs::run(&repo, &request)?, &mut sink, at)?;
            if over || terminal.is_closed() {
                break;
            }
            std::thread::sleep(TICK);
        }
    }
    sink.end_line();
    if report.attempts.is_empty() && !cli.follow {
        terminal.say(&format!("'{}' has printed nothing yet: it is {}", report.id, report.phase.as_str()));
    }
    Ok(Exit::Done)
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
    if report.attempts.len() > 1 && !sink.raw {
        sink.end_line();
        sink.terminal.say(&format!("── attempt {} ──", attempt.number));
    }
}

/// Shows whole lines safely, or bytes as they are.
struct Sink<'a> {
    terminal: &'a Terminal,
    raw: bool,
    line: Vec<u8>,
}

impl Sink<'_> {
    fn end_line(&mut self) {
        if !self.line.is_empty() {
            self.put(self.line.len());
            self.terminal.answer("\n");
        }
    }

    fn put(&mut self, length: usize) {
        let bytes: Vec<u8> = self.line.drain(..length).collect();
        let shown = text::safe_block(&text::plain(&String::from_utf8_lossy(&bytes)));
        self.terminal.answer(&shown);
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.raw {
            self.terminal.answer_bytes(bytes);
        } else {
            self.line.extend_from_slice(bytes);
            if let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') {
                self.put(end + 1);
            }
            if self.line.len() > LONGEST {
                self.put(self.line.len());
            }
        }
        if self.terminal.is_closed() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
