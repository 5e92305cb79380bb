//! Prints an agent's output, and follows it until the agent ends.

use std::{
    io::{self, Write},
    time::Duration,
};

use orchestra::{
    Result,
    context::Cancel,
    git::Repo,
    model::{AgentId, Liveness, text},
    ops::{
        logs::{
            self, Attempt, Position, Protocol, Report, StreamedEntry,
            log_reader::{LogEntry, LogReader},
            times::OutputTimes,
        },
        status, wait_targets,
    },
    watch::{Filter, Update, Watch},
    wire,
    world::Timestamp,
};
use orchestra_terminal::{Exit, Terminal, chosen, context, here, humanize, style::Role, times};

use super::{check, cli::Cli, entries, last_lines::LastLines};

/// The shortest pause between two reads of growing output.
const GROWTH_PAUSE: Duration = Duration::from_millis(50);
/// The longest sleep while nothing changes.
const SLEEP: Duration = Duration::from_secs(3600);
/// The length at which a line is printed in pieces, in bytes.
const MAX_LINE: usize = 64 * 1024;
/// How much of the program's standard error is shown, in bytes.
const MAX_STDERR: usize = 4096;
/// What stands for a time that is not known, as wide as a time.
const NO_TIME: &str = "              -";
/// The width of a time, in columns.
const NO_TIME_WIDTH: usize = NO_TIME.len();

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    if cli.check || cli.setup {
        return check::run(cli, terminal);
    }
    let since = cli.since.as_deref().map(times::parse).transpose()?;
    let repo = here::repository()?;
    let agent = chosen::agent(terminal, &repo, cli.agent.as_ref(), "git orchestra logs AGENT")?;
    if cli.json {
        terminal.begin_stream();
    }
    let request = logs::Request { agent, attempt: cli.attempt };
    let report = logs::run(&context::uninterrupted(), &repo, &request)?;
    let request = logs::Request { agent: report.id.to_string(), ..request };
    let reader = || LogReader::new(report.protocol).in_folder(report.folder.as_deref());
    let mode = if cli.raw {
        OutputMode::Raw
    } else if cli.json {
        OutputMode::Entries(reader(), Drawing::Json(report.id.clone()))
    } else if report.protocol.is_structured() || cli.times || since.is_some() {
        OutputMode::Entries(reader(), Drawing::Conversation)
    } else {
        OutputMode::Text
    };
    let has_entries = matches!(mode, OutputMode::Entries(..));
    let last = cli.tail.filter(|_| has_entries).map(LastLines::new);
    let printer = EntryPrinter { terminal, attempt: 0, times: cli.times, since, last };
    let wants_times = cli.times || since.is_some() || cli.json;
    let clock = wants_times.then(AttemptClock::default);
    let protocol = report.protocol;
    let mut sink = OutputWriter { terminal, mode, protocol, clock, line: Vec::new(), printer };
    let start = match cli.tail.filter(|_| !has_entries) {
        Some(lines) => start_of_tail(&repo, &report, &request, &mut sink, lines)?,
        None => Position::default(),
    };
    let at = show(&repo, &report, &mut sink, start)?;
    sink.show_last();
    let mut repo = repo;
    if cli.follow {
        repo = follow(repo, &report, &request, &mut sink, at)?;
    }
    sink.end_line();
    warn_without_times(cli, &report, &sink);
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
fn follow(
    repo: Repo,
    report: &Report,
    request: &logs::Request,
    sink: &mut OutputWriter<'_>,
    from: Position,
) -> Result<Repo> {
    let mut waiting = wait_targets::waiting_command(&repo)?;
    waiting.set([report.id.clone()]);
    let agents = status::Request { agents: vec![request.agent.clone()], ..status::Request::default() };
    let filter = Filter { agents, ..Filter::default() };
    let cancel = Cancel::new()?;
    let mut watch = Watch::new(&cancel, &repo, filter)?.with_output_pause(GROWTH_PAUSE);
    sink.terminal.on_closed(move || cancel.cancel());
    let (mut repo, mut at) = (repo, from);
    loop {
        let update = watch.next(SLEEP)?;
        // Checked before the output is read, so that nothing printed before the end is missed.
        let ended = watch.snapshot().agent(&report.id).is_none_or(|agent| agent.liveness != Liveness::Live);
        repo = watch.repo().unwrap_or(repo);
        at = show(&repo, &logs::run(&context::uninterrupted(), &repo, request)?, sink, at)?;
        if ended || update == Update::Cancelled || sink.terminal.is_closed() {
            return Ok(repo);
        }
    }
}

/// Finds where the last lines begin, and prints which attempt they are of.
fn start_of_tail(
    repo: &Repo,
    report: &Report,
    request: &logs::Request,
    sink: &mut OutputWriter<'_>,
    lines: u32,
) -> Result<Position> {
    let start = match report.last_lines(repo, lines.into()) {
        // The file vanished: its content has been stored in git.
        Err(_) if report.attempts.iter().any(Attempt::is_live) => {
            logs::run(&context::uninterrupted(), repo, request)?.last_lines(repo, lines.into())?
        }
        found => found?,
    };
    if let Some(attempt) = report.attempts.iter().find(|attempt| attempt.number == start.attempt) {
        print_attempt_heading(report, attempt, sink);
    }
    Ok(start)
}

fn show(repo: &Repo, report: &Report, sink: &mut OutputWriter<'_>, from: Position) -> Result<Position> {
    let mut at = from;
    for attempt in report.attempts.iter().filter(|attempt| attempt.number >= from.attempt) {
        if attempt.number > at.attempt {
            sink.end_line();
            at = Position { attempt: attempt.number, bytes: 0 };
            print_attempt_heading(report, attempt, sink);
        }
        sink.begin(report, attempt, at.bytes == 0);
        if let OutputMode::Entries(reader, _) = &mut sink.mode {
            // Its file may vanish when the attempt ends; the next read finds the messages in git.
            reader.set_sent(attempt.sent(repo).unwrap_or_default());
        }
        if let Some(clock) = &mut sink.clock {
            clock.begin(repo, attempt, at);
        }
        let copied = match sink.mode {
            OutputMode::Raw if at.bytes == 0 => attempt.copy_to_stdout(repo, sink),
            _ => attempt.copy(repo, at.bytes, sink),
        };
        match copied {
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
    if report.attempts.len() > 1
        && !matches!(sink.mode, OutputMode::Raw | OutputMode::Entries(_, Drawing::Json(_)))
    {
        let role = attempt.role.as_ref().map_or_else(String::new, |role| format!(": {role}"));
        sink.terminal.eprintln(&format!("── attempt {}{role} ──", attempt.number));
    }
}

/// Says of which attempts the times are not known.
fn warn_without_times(cli: &Cli, report: &Report, sink: &OutputWriter<'_>) {
    let unknown =
        sink.clock.iter().flat_map(|clock| &clock.unknown).filter(|_| cli.times || cli.since.is_some());
    for attempt in unknown {
        let all = if cli.since.is_some() { "; all of it is shown" } else { "" };
        let warning = format!(
            "the times of attempt {attempt} of '{}' are not known: older versions did not record them{all}",
            report.id
        );
        sink.terminal.warn(&warning);
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
    /// As entries, each drawn alone.
    Entries(LogReader, Drawing),
}

/// How an entry is drawn.
#[derive(Debug)]
enum Drawing {
    /// As a part of a conversation.
    Conversation,
    /// As a JSON object, with the id of the agent.
    Json(AgentId),
}

struct OutputWriter<'a> {
    terminal: &'a Terminal,
    mode: OutputMode,
    /// The protocol of the output that is written.
    protocol: Protocol,
    /// The times of the output, if they are wanted.
    clock: Option<AttemptClock>,
    /// The bytes of a line that is not complete yet.
    line: Vec<u8>,
    printer: EntryPrinter<'a>,
}

/// Prints entries.
struct EntryPrinter<'a> {
    terminal: &'a Terminal,
    /// The number of the attempt whose output is written.
    attempt: u32,
    /// Whether each entry is shown with its time.
    times: bool,
    /// The second since 1970 from which on entries are shown.
    since: Option<i64>,
    /// The lines of the conversation that are printed later, if only the last ones are.
    last: Option<LastLines>,
}

/// The times of the output of one attempt, and how far it was read.
#[derive(Default)]
struct AttemptClock {
    /// The attempt of the times.
    attempt: u32,
    times: OutputTimes,
    /// The offset of what is read next.
    offset: u64,
    /// The attempts whose times are not known.
    unknown: Vec<u32>,
}

impl AttemptClock {
    /// Prepares for the output of an attempt from a position on.
    fn begin(&mut self, repo: &Repo, attempt: &Attempt, at: Position) {
        if self.attempt != attempt.number {
            (self.attempt, self.times) = (attempt.number, OutputTimes::default());
        }
        self.offset = at.bytes;
        // Its file may vanish when the attempt ends; the next read finds the times in git.
        let _ = self.times.update(repo, attempt);
        self.unknown.retain(|number| *number != attempt.number);
        if !self.times.is_known() {
            self.unknown.push(attempt.number);
        }
    }

    /// Counts what is read next, and returns the time of its last byte.
    fn advance(&mut self, bytes: usize) -> Option<Timestamp> {
        self.offset += bytes as u64;
        self.now()
    }

    /// Returns the time of the byte that was read last.
    fn now(&self) -> Option<Timestamp> {
        self.times.of_byte(self.offset.checked_sub(1)?)
    }
}

impl OutputWriter<'_> {
    /// Begins the output of an attempt, which another program may have written than the one before.
    fn begin(&mut self, report: &Report, attempt: &Attempt, is_new: bool) {
        self.printer.attempt = attempt.number;
        if self.protocol == attempt.protocol {
            match &mut self.mode {
                OutputMode::Entries(reader, _) if is_new => reader.begin_attempt(),
                _ => {}
            }
            return;
        }
        self.protocol = attempt.protocol;
        let mode = std::mem::replace(&mut self.mode, OutputMode::Raw);
        let reader = LogReader::new(attempt.protocol).in_folder(report.folder.as_deref());
        self.mode = match mode {
            OutputMode::Raw => OutputMode::Raw,
            OutputMode::Entries(_, drawing @ Drawing::Json(_)) => OutputMode::Entries(reader, drawing),
            _ if attempt.protocol.is_structured() || self.printer.times || self.printer.since.is_some() => {
                OutputMode::Entries(reader, Drawing::Conversation)
            }
            _ => OutputMode::Text,
        };
    }

    fn end_line(&mut self) {
        match &mut self.mode {
            OutputMode::Entries(reader, drawing) => {
                let at = self.clock.as_ref().and_then(AttemptClock::now);
                reader.finish(|entry| self.printer.print(drawing, at, entry));
            }
            OutputMode::Raw | OutputMode::Text if self.line.is_empty() => {}
            OutputMode::Raw | OutputMode::Text => {
                self.print_line();
                self.terminal.print("\n");
            }
        }
    }

    /// Prints the lines that were held back; from here on, each line is printed at once.
    fn show_last(&mut self) {
        if let Some(last) = self.printer.last.take() {
            self.terminal.print(&last.into_text());
        }
    }

    /// Reads entries, each complete line alone, as it has a time of its own.
    fn entries(&mut self, bytes: &[u8]) {
        let OutputMode::Entries(reader, drawing) = &mut self.mode else { return };
        let Some(clock) = &mut self.clock else {
            return reader.read(bytes, |entry| self.printer.print(drawing, None, entry));
        };
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let at = clock.advance(line.len());
            reader.read(line, |entry| self.printer.print(drawing, at, entry));
        }
    }

    /// Prints what there is of the incomplete line.
    fn print_line(&mut self) {
        self.terminal.print_bytes(&text::shown_output(&self.line));
        self.line.clear();
    }

    fn text(&mut self, bytes: &[u8]) {
        let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n').map(|end| end + 1) else {
            return self.begin_line(bytes);
        };
        let mut whole = &bytes[..end];
        if !self.line.is_empty() {
            let first = whole.iter().position(|byte| *byte == b'\n').map_or(end, |first| first + 1);
            self.line.extend_from_slice(&whole[..first]);
            self.print_line();
            whole = &whole[first..];
        }
        if !whole.is_empty() {
            self.terminal.print_bytes(&text::shown_output(whole));
        }
        self.begin_line(&bytes[end..]);
    }

    /// Adds to the incomplete line, and prints it once it is long.
    fn begin_line(&mut self, bytes: &[u8]) {
        self.line.extend_from_slice(bytes);
        if self.line.len() > MAX_LINE {
            self.print_line();
        }
    }
}

impl EntryPrinter<'_> {
    /// Prints an entry, or keeps it if only the last ones are printed. An entry whose time is not known is not taken for an old one.
    fn print(&mut self, drawing: &Drawing, at: Option<Timestamp>, entry: LogEntry) {
        if self.since.zip(at).is_some_and(|(since, at)| at.as_second() < since) {
            return;
        }
        let drawn = match drawing {
            Drawing::Conversation => {
                let drawn = entries::draw(&entry, self.terminal.painter());
                drawn.map(|drawn| if self.times { self.with_time(at, &drawn) } else { drawn })
            }
            Drawing::Json(agent) => {
                let (agent, attempt) = (agent.clone(), self.attempt);
                wire::LOG.text(&StreamedEntry { agent, attempt, at, entry }).ok()
            }
        };
        match (drawn, &mut self.last) {
            (None, _) => {}
            (Some(drawn), Some(last)) => last.add(&drawn),
            (Some(drawn), None) => self.terminal.print(&format!("{drawn}\n")),
        }
    }

    /// Puts a time before the first line of an entry, and its other lines below that one.
    fn with_time(&self, at: Option<Timestamp>, drawn: &str) -> String {
        let time = at.map_or_else(|| NO_TIME.to_owned(), humanize::exact_time);
        let below = format!("\n{:NO_TIME_WIDTH$} ", "");
        format!("{} {}", self.terminal.painter().as_role(Role::Faint, &time), drawn.replace('\n', &below))
    }
}

impl Write for OutputWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.mode {
            OutputMode::Raw => self.terminal.print_bytes(bytes),
            OutputMode::Text => self.text(bytes),
            OutputMode::Entries(..) => self.entries(bytes),
        }
        if self.terminal.is_closed() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
