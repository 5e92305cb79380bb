//! One attempt: runs the program, reads its output and answers its questions, until it ends or must be ended.

mod exchange;
mod holding;
mod snapshots;

use std::{
    collections::{HashMap, VecDeque},
    fs,
    path::Path,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{Supervisor, TICK, opening::Opening, tracking::RepositoryState};
use crate::{
    Result,
    agents::{
        self, Connection, Exchange, Question, Standing, Stdin, StreamEvent, StreamSummary,
        limit::ReportedLimit,
    },
    config::keys::MAX_OUTPUT,
    git::careful,
    model::{Fact, Phase, SessionId, event::PhaseChange, said::HeardHow, text},
    private_files,
    supervise::{
        ending::{AttemptEnd, Cause, EndedAttempt},
        guard, hosts,
        idle::IdleDetector,
        launch::{self, Beginning, RunningProgram},
        output_times::OutputTimes,
        program_output::{LineSpan, ProgramOutput},
        sent_messages,
        stuck::StuckDetector,
    },
};

/// How often the output of a program with a structured protocol is read.
const READ_INTERVAL: Duration = Duration::from_millis(250);
/// How many times in a row reading output and requests may fail before that ends the agent.
const MAX_FAILED_READS: u32 = 3;
/// The minimum interval between writes of the summary that `status` reads.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(1);
/// How long after a turn to wait for the program to accept a message before its input is closed, which makes it read the rest.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a program may stay after its last turn once its input is closed.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a program that is to end may take to leave its turn: what it has said and spent by then is in its session and its output.
const INTERRUPT_TIMEOUT: Duration = Duration::from_secs(2);
/// How much of the end of a file is read for its last lines, in bytes.
const TAIL: u64 = 8 * 1024;
/// The maximum width of the last line of standard error, in columns.
const ERROR_WIDTH: usize = 160;

/// The state of the running attempt.
struct RunningAttempt {
    program: RunningProgram,
    output: ProgramOutput,
    times: OutputTimes,
    summary: StreamSummary,
    idle: IdleDetector,
    /// The open questions by id, with their lines in the output.
    asked: HashMap<String, LineSpan>,
    /// The question that the recorded phase `waiting` is for.
    waits_for: Option<Question>,
    /// The messages that were sent and not accepted yet.
    unheard: VecDeque<String>,
    /// The number of messages that were sent.
    said: usize,
    /// The number of messages that the program reads when it starts.
    in_prompt: usize,
    /// The id of the session that the program has chosen, until it is recorded.
    reported: Option<SessionId>,
    /// The length of the output in bytes, if it is not structured.
    length: u64,
    turn_over: Option<Instant>,
    /// When its input was closed after its last turn.
    closed: Option<Instant>,
    /// When its turn was interrupted, because it is to end.
    interrupted: Option<Instant>,
    /// When the summary was last written, and whether it has changed since.
    shown: Option<Instant>,
    unshown: bool,
    last_snapshot: Instant,
    /// Whether a turn began after another one had ended, and no snapshot was taken since.
    turn_began: bool,
    stuck: StuckDetector,
    checked: Option<Instant>,
    /// How the program ended, while the rest of its output is still to be read.
    ended: Option<AttemptEnd>,
}

impl Supervisor {
    /// Runs the program once. Returns how it ended, and the messages it did not accept.
    pub(super) async fn attempt(
        &mut self,
        opening: Opening,
        messages: Vec<String>,
    ) -> Result<(EndedAttempt, Vec<String>)> {
        let number = self.record.attempt;
        self.reset_limits();
        self.begin_measuring();
        // The events contain the summary of an earlier attempt.
        let _ = fs::remove_file(self.dir.stream_summary());
        let (opening, messages) = match self.reads(&opening) {
            true => (self.opening(opening, &messages)?, messages),
            false => (None, Vec::new()),
        };
        let opened = opening.iter().len();
        let words: Vec<String> = opening.into_iter().chain(messages).collect();
        let is_prompt = self.spec.launch.stdin != Stdin::Talk && (self.has_prompt() || !words.is_empty());
        let prompt = is_prompt.then(|| self.spec.launch.protocol.prompt(words.join("\n\n")));
        let program = self.in_repository(|supervisor| supervisor.launch(prompt.as_deref()))?;
        self.reaper.expect(program.process.pid);
        self.record.program = Some(program.process);
        self.record.write(&self.lock)?;
        match self.append_facts(&[Fact::Phase(PhaseChange::new(number, Phase::Running))]) {
            // The program may already have broken the repository's configuration.
            Err(error) if self.can_open() => return Err(error),
            _ => {}
        }
        let mut attempt = RunningAttempt {
            program,
            output: ProgramOutput::new(self.dir.output(number), self.connect(opened > 0)),
            times: OutputTimes::default(),
            summary: self.new_summary(),
            idle: IdleDetector::new(self.spec.limits.idle_timeout),
            asked: HashMap::new(),
            waits_for: None,
            unheard: VecDeque::new(),
            said: 0,
            in_prompt: 0,
            reported: None,
            length: 0,
            turn_over: None,
            closed: None,
            interrupted: None,
            shown: None,
            unshown: false,
            last_snapshot: Instant::now(),
            turn_began: false,
            stuck: self.new_stuck_detector(),
            checked: None,
            ended: None,
        };
        send_outgoing(&mut attempt);
        if prompt.is_some() {
            self.note_sent(0, &words.join("\n\n"));
            attempt.said = words.len();
            // A program that cannot be resumed reads its prompt only, as a task; plain output does not say that it was read.
            if self.has_messages() && self.spec.launch.protocol.is_structured() {
                attempt.in_prompt = words.len();
                attempt.unheard = words.into();
            } else {
                self.record_heard(HeardHow::Launch, &words);
            }
        } else {
            words.into_iter().for_each(|words| self.send_prose(&mut attempt, words));
        }
        let end = self.supervise_program(&mut attempt).await?;
        let read = |supervisor: &mut Self| {
            supervisor.read_output(&mut attempt, true)?;
            supervisor.record_reported_session(&mut attempt)
        };
        match self.in_repository(read) {
            Err(error) if !matches!(end, AttemptEnd::Failed(_)) => return Err(error),
            _ => {}
        }
        self.settle(&mut attempt.summary);
        self.keep_late_messages(&mut attempt);
        let limit = self.limit_in_output(&attempt.summary, &end);
        // The opening is not repeated: the next attempt has its own.
        let accepted = attempt.said - attempt.unheard.len();
        let unheard: Vec<String> =
            attempt.unheard.into_iter().skip(opened.saturating_sub(accepted)).collect();
        let is_structured = self.spec.launch.protocol.is_structured();
        if attempt.summary.usage.session.is_some() {
            self.used.clone_from(&attempt.summary.usage);
        }
        let errors = if is_structured { self.dir.errors(number) } else { self.dir.output(number) };
        let last_words = last_line(&errors);
        let ended = EndedAttempt {
            cause: Cause::of(&end, self.measured(), last_words.as_deref()),
            exit_failure: match end {
                AttemptEnd::Exit(code) => self.spec.launch.protocol.exit_failure(code),
                _ => None,
            },
            last_words: last_words.filter(|_| is_structured),
            limit,
            end,
            summary: is_structured.then_some(attempt.summary),
            unheard: unheard.len(),
            is_reviewer: self.spec.judges,
            refused_hosts: hosts::take_refused(&self.dir),
            check: None,
            remark: None,
            summary_of_review: None,
        };
        Ok((ended, unheard))
    }

    /// Returns the usage limit that the output mentions. Plain output is searched only at its end, and only if the program failed.
    fn limit_in_output(&self, summary: &StreamSummary, end: &AttemptEnd) -> Option<ReportedLimit> {
        if self.spec.launch.protocol.is_structured() {
            return summary.limit.clone();
        }
        if !matches!(end, AttemptEnd::Exit(code) if *code != 0) {
            return None;
        }
        let output = tail(&self.dir.output(self.record.attempt))?;
        agents::usage_limit_in_output(&self.spec.profile, &output)
    }

    fn connect(&self, opens_with_task: bool) -> Box<dyn Exchange> {
        let launch = &self.spec.launch;
        if let Some(patterns) = &launch.patterns {
            return patterns.open();
        }
        let servers = agents::with_values(&launch.servers, &self.environment);
        launch.protocol.connect(&Connection {
            servers: &servers,
            folder: &self.spec.worktree,
            session: self.session(),
            opens_with_task,
            permission: launch.permission,
            model: launch.model.as_deref(),
            in_sandbox: self.spec.sandbox.is_some(),
        })
    }

    fn launch(&mut self, prompt: Option<&str>) -> Result<RunningProgram> {
        if !self.prompts.contains(&self.spec.worktree) {
            self.prompts.push(self.spec.worktree.clone());
        }
        let money_left = self.money_left();
        launch::start(
            &self.environment,
            &self.id,
            &self.dir,
            &self.common,
            &self.spec,
            &self.record,
            Beginning { session: self.session(), words: prompt, money_left },
        )
    }

    async fn supervise_program(&mut self, attempt: &mut RunningAttempt) -> Result<AttemptEnd> {
        let mut failures = 0;
        loop {
            let standing = self.update_paths();
            let is_held = standing == RepositoryState::Usable && self.hold_if_short(attempt);
            let looked = match standing {
                RepositoryState::Lost(why) => return Ok(AttemptEnd::Failed(why)),
                // The program keeps running; its output is read when the repository is back.
                RepositoryState::Away => Ok(None),
                RepositoryState::Usable if is_held => self.poll_held(attempt),
                RepositoryState::Usable => self.poll(attempt),
            };
            match looked {
                Ok(Some(end)) => return Ok(end),
                Ok(None) => failures = 0,
                // The repository may be renamed at this moment, and found again at the next try.
                Err(_) if failures < MAX_FAILED_READS => failures += 1,
                Err(error) => return Err(error),
            }
            if !is_held && let Some(end) = self.limit_reached(attempt) {
                return Ok(end);
            }
            if !is_held && standing == RepositoryState::Usable {
                self.take_snapshot(attempt).await;
                self.sum_others().await;
                if let Some(end) = self.cap_reached(&attempt.summary, attempt.waits_for.is_some())? {
                    return Ok(end);
                }
            }
            self.record_processes();
            let tick = if self.spec.launch.protocol.is_structured() { READ_INTERVAL } else { TICK };
            let left = self.spec.limits.max_time.saturating_sub(self.begun.elapsed());
            let left = attempt.idle.left().map_or(left, |idle| left.min(idle.max(READ_INTERVAL)));
            tokio::select! {
                () = self.reaper.any() => {}
                _ = self.wake.recv() => {}
                _ = self.term.recv() => return Ok(self.terminate()),
                () = sleep(tick.min(left)) => {}
            }
        }
    }

    /// Reads the program's output and people's requests. Returns the end of the attempt, if it has one.
    fn poll(&mut self, attempt: &mut RunningAttempt) -> Result<Option<AttemptEnd>> {
        let pid = attempt.program.process.pid;
        if let Some(end) = attempt.ended.take().or_else(|| self.reaper.ended(pid)) {
            attempt.ended = Some(end);
        }
        if self.read_output(attempt, false)? {
            attempt.idle.record_activity();
        }
        send_outgoing(attempt);
        self.record_reported_session(attempt)?;
        if let Some(end) = attempt.ended.take() {
            return Ok(Some(end));
        }
        match self.end_asked()? {
            Some(end) => Ok(has_left_its_turn(attempt).then_some(end)),
            None => self.exchange_messages(attempt),
        }
    }

    /// Reads new output. Returns whether there was any.
    fn read_output(&mut self, attempt: &mut RunningAttempt, over: bool) -> Result<bool> {
        if !self.spec.launch.protocol.is_structured() && self.spec.launch.patterns.is_none() {
            let length = fs::metadata(self.dir.output(self.record.attempt)).map_or(0, |found| found.len());
            let grew = length > attempt.length;
            attempt.length = length;
            self.note_time(&mut attempt.times, length, over);
            return Ok(grew);
        }
        attempt.output.move_to(self.dir.output(self.record.attempt));
        let (summary, asked, unheard) = (&mut attempt.summary, &mut attempt.asked, &mut attempt.unheard);
        let (in_prompt, reported) = (&mut attempt.in_prompt, &mut attempt.reported);
        let (stuck, turn_began) = (&mut attempt.stuck, &mut attempt.turn_began);
        let mut accepted: Vec<(u64, String)> = Vec::new();
        let (mut heard, mut started_with) = (Vec::new(), Vec::new());
        let new = attempt.output.read_output(over, |event, span| {
            snapshots::count(event, summary.last_turn.is_some(), stuck, turn_began);
            summary.observe(event);
            match event {
                StreamEvent::SessionStarted { session, .. } => {
                    *reported = SessionId::short_or_none(Some(&session.as_str().into()));
                    started_with.extend(unheard.drain(..std::mem::take(in_prompt).min(unheard.len())));
                }
                StreamEvent::QuestionAsked(question) => drop(asked.insert(question.id.clone(), span)),
                StreamEvent::MessageAccepted(words) => {
                    heard.extend(unheard.pop_front());
                    accepted.push((span.start(), words.clone()));
                }
                _ => {}
            }
        })?;
        accepted.iter().for_each(|(at, words)| self.note_sent(*at, words));
        self.record_heard(HeardHow::Launch, &started_with);
        self.record_heard(HeardHow::Input, &heard);
        self.note_time(&mut attempt.times, attempt.output.length(), over);
        self.count(&mut attempt.summary);
        let StreamSummary { answered, usage, .. } = &attempt.summary;
        self.observe_limits(*answered, usage.model.as_deref());
        attempt.unshown |= new;
        if attempt.unshown && (over || attempt.shown.is_none_or(|at| at.elapsed() >= SUMMARY_INTERVAL)) {
            self.write_summary(attempt);
        }
        Ok(new)
    }

    /// Records the session that the program reports, if it chooses it itself.
    fn record_reported_session(&mut self, attempt: &mut RunningAttempt) -> Result<()> {
        if attempt.waits_for.is_none()
            && let Some(session) = attempt.reported.take_if(|_| self.spec.launch.reports_session)
        {
            self.record_session(&session).inspect_err(|_| attempt.reported = Some(session))?;
        }
        Ok(())
    }

    /// Notes a message for the log, if the output does not repeat it.
    fn note_sent(&self, at: u64, words: &str) {
        let protocol = self.spec.launch.protocol;
        if protocol.is_structured() && !protocol.repeats_messages() {
            sent_messages::note(&self.dir.sent(self.record.attempt), at, words);
        }
    }

    fn note_time(&self, times: &mut OutputTimes, length: u64, over: bool) {
        let now = self.environment.clock().milliseconds();
        times.note(&self.dir.times(self.record.attempt), now, length, over);
    }

    /// Writes the summary for `status`. Errors are ignored: `status` then shows an older one.
    fn write_summary(&self, attempt: &mut RunningAttempt) {
        attempt.shown = Some(Instant::now());
        attempt.unshown = false;
        if let Ok(text) = serde_json::to_vec(&attempt.summary) {
            let _ = private_files::replace(&self.dir.stream_summary(), text);
        }
    }

    /// Answers questions, sends messages to the program, and closes its input when everything was accepted.
    fn exchange_messages(&mut self, attempt: &mut RunningAttempt) -> Result<Option<AttemptEnd>> {
        while let Some(message) = self.next_message() {
            self.send_message(attempt, message)?;
            self.message_passed_on();
        }
        if let Some(end) = self.wait_for_answers(attempt)? {
            return Ok(Some(end));
        }
        let standing = attempt.output.exchange().standing();
        attempt.turn_over = match attempt.summary.last_turn {
            Some(_) if standing != Standing::Busy => attempt.turn_over.or_else(|| Some(Instant::now())),
            _ => None,
        };
        let has_waited = attempt.turn_over.is_some_and(|since| since.elapsed() >= ACCEPT_TIMEOUT);
        let hears_no_more = attempt.unheard.is_empty() || has_waited || standing == Standing::Over;
        if attempt.turn_over.is_some() && hears_no_more && attempt.program.stdin.take().is_some() {
            attempt.closed = Some(Instant::now());
        }
        let stays = attempt.closed.is_some_and(|since| since.elapsed() >= LEAVE_TIMEOUT);
        Ok((stays && self.spec.launch.protocol.outlives_input()).then_some(AttemptEnd::Stayed))
    }

    fn limit_reached(&self, attempt: &mut RunningAttempt) -> Option<AttemptEnd> {
        let limits = &self.spec.limits;
        if self.begun.elapsed() >= limits.max_time {
            return Some(AttemptEnd::TimedOut(limits.max_time.as_secs()));
        }
        if attempt.checked.is_some_and(|at| at.elapsed() < TICK) {
            return None;
        }
        attempt.checked = Some(Instant::now());
        let size = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
        let number = self.record.attempt;
        let limit = limits.max_output.as_bytes();
        if size(&self.dir.output(number)) + size(&self.dir.errors(number)) > limit {
            let key = MAX_OUTPUT.name();
            return Some(AttemptEnd::Failed(format!("printed more than {limit} bytes ({key})")));
        }
        if guard::is_full(&self.spec.worktree) || guard::is_full(&self.common) {
            return Some(AttemptEnd::Failed(Cause::DiskFull.as_str().to_owned()));
        }
        let transcript = || self.conversation(&self.session.as_ref()?.0);
        let idle = attempt.idle.is_over(&self.spec.worktree, transcript)?;
        Some(AttemptEnd::Idle(idle.as_secs()))
    }
}

/// Interrupts the turn of a program that is to end, if its protocol can. Returns whether the program is in no turn any more, or does not
/// leave it in time.
fn has_left_its_turn(attempt: &mut RunningAttempt) -> bool {
    if let Some(since) = attempt.interrupted {
        return attempt.summary.last_turn.is_some() || since.elapsed() >= INTERRUPT_TIMEOUT;
    }
    let is_in_turn = attempt.summary.begun && attempt.summary.last_turn.is_none();
    let stdin = attempt.program.stdin.as_ref().filter(|_| is_in_turn);
    match stdin.and_then(|stdin| Some((stdin, attempt.output.exchange().interrupt()?))) {
        Some((stdin, bytes)) => {
            stdin.send(bytes);
            attempt.interrupted = Some(Instant::now());
            false
        }
        None => true,
    }
}

/// Sends what the protocol itself has to say.
fn send_outgoing(attempt: &mut RunningAttempt) {
    let bytes = attempt.output.exchange().outgoing();
    if let Some(stdin) = attempt.program.stdin.as_ref().filter(|_| !bytes.is_empty()) {
        stdin.send(bytes);
    }
}

/// Returns the last visible line of a file, safe to show.
fn last_line(path: &Path) -> Option<String> {
    text::last_line(&String::from_utf8_lossy(&careful::tail(path, TAIL).ok()?), ERROR_WIDTH)
}

/// Returns the end of a file, without terminal control sequences.
pub(super) fn tail(path: &Path) -> Option<String> {
    Some(text::rendered_output(&String::from_utf8_lossy(&careful::tail(path, TAIL).ok()?)))
}
