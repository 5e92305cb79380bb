//! Prints an agent's output, and follows it until the agent ends.

use std::{
    io::{self, Write},
    time::Duration,
};

use orchestra::{
    Result,
    context::Cancel,
    git::Repo,
    model::{Liveness, text},
    ops::{
        logs::{
            self, Attempt, Report,
            log_reader::{LogEntry, LogReader},
        },
        status,
        wait_targets::WaitingCommand,
    },
    watch::{Filter, Update, Watch},
};
use orchestra_terminal::{Exit, Terminal, context, here, prompt, style::Role};

use super::{cli::Cli, entries};

/// The shortest pause between two reads of growing output.
const GROWTH_PAUSE: Duration = Duration::from_millis(50);
/// The longest sleep while nothing changes.
const SLEEP: Duration = Duration::from_secs(3600);
/// The length at which a line is printed in pieces, in bytes.
const MAX_LINE: usize = 64 * 1024;
/// How much of the program's standard error is shown, in bytes.
const MAX_STDERR: usize = 4096;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    let agent = match &cli.agent {
        Some(agent) => agent.clone(),
        None => {
            let all = status::run(&context::uninterrupted(), &repo, &status::Request::default())?.agents;
            prompt::pick_agent(terminal, "which agent?", &all, "git orchestra logs AGENT")?
        }
    };
    let request = logs::Request { agent };
    let report = logs::run(&context::uninterrupted(), &repo, &request)?;
    let request = logs::Request { agent: report.id.to_string() };
    let mode = match (cli.raw, report.protocol.is_structured()) {
        (true, _) => OutputMode::Raw,
        (false, true) => OutputMode::Story(LogReader::new(report.protocol)),
        (false, false) => OutputMode::Text,
    };
    let mut sink = OutputWriter { terminal, mode, line: Vec::new() };
    let at = show(&repo, &report, &mut sink, Position::default())?;
    let mut repo = repo;
    if cli.follow {
        repo = follow(repo, &report, &mut sink, at)?;
    }
    sink.end_line();
    print_stderr(&repo, &logs::run(&context::uninterrupted(), &repo, &request)?, &mut sink)?;
    if report.attempts.is_empty() && !cli.follow {
        terminal.eprintln(&format!(
            "'{}' has printed nothing yet: it is {}",
            report.id,
            report.phase.as_str()
        ));
    }
    Ok(Exit::Done)
}

/// Prints output until the agent ends or stdout is closed. Returns the repository, which may have been
/// moved meanwhile.
fn follow(repo: Repo, report: &Report, sink: &mut OutputWriter<'_>, from: Position) -> Result<Repo> {
    let request = logs::Request { agent: report.id.to_string() };
    let mut waiting = WaitingCommand::new(&repo)?;
    waiting.set([report.id.clone()]);
    let agents = status::Request { agents: vec![request.agent.clone()], ..status::Request::default() };
    let filter = Filter { agents, landing: false };
    let cancel = Cancel::new()?;
    let mut watch = Watch::new(&cancel, &repo, filter)?.with_output_pause(GROWTH_PAUSE);
    sink.terminal.on_closed(move || cancel.cancel());
    let (mut repo, mut at) = (repo, from);
    loop {
        let update = watch.next(SLEEP)?;
        // Checked before the output is read, so that nothing printed before the end is missed.
        let ended = watch.snapshot().agent(&report.id).is_none_or(|agent| agent.liveness != Liveness::Live);
        repo = watch.repo().unwrap_or(repo);
        at = show(&repo, &logs::run(&context::uninterrupted(), &repo, &request)?, sink, at)?;
        if ended || update == Update::Cancelled || sink.terminal.is_closed() {
            return Ok(repo);
        }
    }
}

/// The position up to which output has been printed.
#[derive(Clone, Copy, Default)]
struct Position {
    attempt: u32,
    bytes: u64,
}

fn show(repo: &Repo, report: &Report, sink: &mut OutputWriter<'_>, from: Position) -> Result<Position> {
    let mut at = from;
    for attempt in report.attempts.iter().filter(|attempt| attempt.number >= from.attempt) {
        if attempt.number > at.attempt {
            sink.end_line();
            at = Position { attempt: attempt.number, bytes: 0 };
            print_attempt_heading(report, attempt, sink);
        }
        match attempt.copy(repo, at.bytes, sink) {
            Ok(bytes) => at.bytes = bytes,
            // The file vanished between two reads: its content has been stored in git, where the next read
            // finds it.
            Err(_) if sink.terminal.is_closed() => break,
            Err(_) if attempt.is_live() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(at)
}

/// Prints which attempt follows, if there is more than one.
fn print_attempt_heading(report: &Report, attempt: &Attempt, sink: &mut OutputWriter<'_>) {
    if report.attempts.len() > 1 && !matches!(sink.mode, OutputMode::Raw) {
        sink.terminal.eprintln(&format!("── attempt {} ──", attempt.number));
    }
}

/// Prints the end of the last attempt's standard error.
fn print_stderr(repo: &Repo, report: &Report, sink: &mut OutputWriter<'_>) -> Result<()> {
    let Some(last) = report.attempts.last() else { return Ok(()) };
    let mut said = Vec::new();
    last.copy_errors(repo, 0, &mut said)?;
    let said =
        text::rendered_output(&String::from_utf8_lossy(&said[said.len().saturating_sub(MAX_STDERR)..]));
    for line in said.lines().filter(|line| !line.trim().is_empty()) {
        sink.terminal.labelled("stderr", Role::Warn, &text::one_line(line, 400));
    }
    Ok(())
}

/// How output is printed.
#[derive(Debug)]
enum OutputMode {
    /// The bytes, unchanged.
    Raw,
    /// Whole lines, with control sequences made visible.
    Text,
    /// Formatted as a conversation.
    Story(LogReader),
}

struct OutputWriter<'a> {
    terminal: &'a Terminal,
    mode: OutputMode,
    /// The bytes of a line that is not complete yet.
    line: Vec<u8>,
}

impl OutputWriter<'_> {
    fn end_line(&mut self) {
        match &mut self.mode {
            OutputMode::Story(story) => story.finish(|entry| print_entry(self.terminal, &entry)),
            OutputMode::Raw | OutputMode::Text if self.line.is_empty() => {}
            OutputMode::Raw | OutputMode::Text => {
                self.put(self.line.len());
                self.terminal.print("\n");
            }
        }
    }

    fn put(&mut self, length: usize) {
        let bytes: Vec<u8> = self.line.drain(..length).collect();
        let shown = text::safe_block(&text::rendered_output(&String::from_utf8_lossy(&bytes)));
        self.terminal.print(&shown);
    }

    fn text(&mut self, bytes: &[u8]) {
        self.line.extend_from_slice(bytes);
        if let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') {
            self.put(end + 1);
        }
        if self.line.len() > MAX_LINE {
            self.put(self.line.len());
        }
    }
}

fn print_entry(terminal: &Terminal, entry: &LogEntry) {
    if let Some(drawn) = entries::draw(entry, terminal.painter()) {
        terminal.print(&format!("{drawn}\n"));
    }
}

impl Write for OutputWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.mode {
            OutputMode::Raw => self.terminal.print_bytes(bytes),
            OutputMode::Text => self.text(bytes),
            OutputMode::Story(story) => story.read(bytes, |entry| print_entry(self.terminal, &entry)),
        }
        if self.terminal.is_closed() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
