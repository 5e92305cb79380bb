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
    profile::Speech,
    supervise::lending::Waiting,
};
use orchestra_terminal::{Exit, Terminal, here, paint::Role, prompt};

use crate::{cli::Cli, said::Conversation};

/// How often a live output is looked at.
const TICK: Duration = Duration::from_millis(100);
/// A line longer than this is shown in pieces, in bytes.
const LONGEST: usize = 64 * 1024;
/// A line of a conversation longer than this is only counted, in bytes.
const LONGEST_SAID: usize = 4 << 20;
/// The most shown of what a program complained of, in bytes.
const COMPLAINTS: usize = 4096;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    let agent = match &cli.agent {
        Some(agent) => agent.clone(),
        None => {
            let all = status::run(&repo, &status::Request::default())?.agents;
            prompt::pick_agent(terminal, "whose output?", &all, "git orchestra logs AGENT")?
        }
    };
    let request = logs::Request { agent };
    let report = logs::run(&repo, &request)?;
    let request = logs::Request { agent: report.id.to_string() };
    let manner = match (cli.raw, report.speech.is_understood()) {
        (true, _) => Manner::Raw,
        (false, true) => Manner::Conversation(report.speech),
        (false, false) => Manner::Text,
    };
    let mut sink =
        Sink { terminal, manner, line: Vec::new(), skipped: 0, conversation: Conversation::default() };
    let mut at = show(&repo, &report, &mut sink, Place::default())?;
    if cli.follow {
        let mut waiting = Waiting::new(&repo)?;
        waiting.set([report.id.clone()]);
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
    complaints(&repo, &logs::run(&repo, &request)?, &mut sink)?;
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
    if report.attempts.len() > 1 && sink.manner != Manner::Raw {
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
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Manner {
    /// The bytes as they are.
    Raw,
    /// Whole lines, safely.
    Text,
    /// As what was said.
    Conversation(Speech),
}

struct Sink<'a> {
    terminal: &'a Terminal,
    manner: Manner,
    line: Vec<u8>,
    /// Bytes of a line that is too long for a conversation, beyond those that are held.
    skipped: usize,
    conversation: Conversation,
}

impl Sink<'_> {
    fn end_line(&mut self) {
        if self.line.is_empty() {
            return;
        }
        match self.manner {
            Manner::Conversation(speech) => self.said(speech),
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

    fn speech(&mut self, speech: Speech, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.hold(&bytes[..end]);
            self.said(speech);
            bytes = &bytes[end + 1..];
        }
        self.hold(bytes);
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.line.len() <= LONGEST_SAID {
            self.line.extend_from_slice(bytes);
        } else {
            self.skipped += bytes.len();
        }
    }

    fn said(&mut self, speech: Speech) {
        let line = std::mem::take(&mut self.line);
        let skipped = std::mem::take(&mut self.skipped);
        if skipped > 0 {
            let length = line.len() + skipped;
            self.terminal.answer(&format!("  · a line of {length} bytes; --raw shows it\n"));
            return;
        }
        for said in speech.read(&line) {
            if let Some(shown) = self.conversation.show(&said, self.terminal.paint()) {
                self.terminal.answer(&format!("{shown}\n"));
            }
        }
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.manner {
            Manner::Raw => self.terminal.answer_bytes(bytes),
            Manner::Text => self.text(bytes),
            Manner::Conversation(speech) => self.speech(speech, bytes),
        }
        if self.terminal.is_closed() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
