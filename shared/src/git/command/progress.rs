//! Running a git that communicates with a remote: its progress is reported, and it can be interrupted.

use std::{
    io::{Read, Seek},
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use super::{Git, Output, WAIT_FOR_END};
use crate::{
    Code, Error, Kind, Result,
    context::{Cancel, Context, Event, interrupted},
    error::ErrorContext as _,
    git::{careful, obstacle::ObstacleWatch},
    model::text,
    process,
};

/// How many bytes at the end of git's messages are searched for its progress, and how many columns of it are shown.
const PROGRESS_BYTES: u64 = 400;
const PROGRESS_COLUMNS: usize = 400;
/// The shortest and the longest pause between two checks of a git that communicates with a remote.
const MIN_POLL: Duration = Duration::from_micros(200);
const MAX_POLL: Duration = Duration::from_millis(100);

/// How long a git that is asked to end may take to remove its temporary files and locks.
const END_GRACE: Duration = Duration::from_secs(5);
/// Ctrl-C reaches git as well, perhaps so much earlier than it cancels the operation.
const CTRL_C_DELAY: Duration = Duration::from_millis(50);

/// Maximum time without any message of a git that communicates with a remote: it reports its progress continuously.
const SILENCE_LIMIT: Duration = Duration::from_secs(5 * 60);

impl Git {
    /// Runs the command with its answer in a file, so that a process that a transport leaves running (a shared ssh connection)
    /// does not delay the caller. Reports git's progress to the observer of `context`. When the context is cancelled, git is asked to end, so that it removes its
    /// temporary files and locks.
    ///
    /// # Errors
    /// It cannot be started, takes too long, waits for something in the place of a file (3), or is interrupted (130).
    pub fn run_with_progress(self, context: &Context) -> Result<Output> {
        self.traced(|git| git.run_with_progress_untraced(context), |output| output.status.to_string())
    }

    fn run_with_progress_untraced(mut self, context: &Context) -> Result<Output> {
        let cannot = || "cannot make a temporary file".to_owned();
        let mut messages = tempfile::NamedTempFile::new().context(Kind::External, cannot)?;
        let mut answer = tempfile::tempfile().context(Kind::External, cannot)?;
        let stderr_file = messages.reopen().context(Kind::External, cannot)?;
        let out = answer.try_clone().context(Kind::External, cannot)?;
        self.command.stdin(Stdio::null()).stdout(out).stderr(stderr_file);
        let mut child = process::spawn_untraced(&mut self.command).map_err(|e| {
            Error::new(Code::GitMissing, "cannot run 'git'").because(e).hint("is git installed and on PATH?")
        })?;
        let mut obstacle = ObstacleWatch::begin(self.location);
        let started = Instant::now();
        let deadline = started + self.limit;
        let (mut seen_length, mut last) = (0, started);
        let status = loop {
            if let Some(status) =
                child.try_wait().context(Kind::External, || format!("cannot wait for {}", self.what))?
            {
                break status;
            }
            let length = messages.as_file().metadata().map_or(seen_length, |found| found.len());
            if length != seen_length {
                (seen_length, last) = (length, Instant::now());
            }
            if let Some(error) = obstacle.check(&self.what) {
                process::kill_tree(&mut child);
                return Err(error);
            }
            if Instant::now() > deadline || last.elapsed() > SILENCE_LIMIT {
                process::kill_tree(&mut child);
                let why =
                    if Instant::now() > deadline { "took too long" } else { "was silent for 5 minutes" };
                return Err(Error::new(Code::GitTimeout, format!("{} {why}", self.what)));
            }
            // A slow command may be noticed late, a quick one must not.
            if context.cancel.wait((started.elapsed() / 16).clamp(MIN_POLL, MAX_POLL)) {
                end(&mut child);
                return Err(interrupted(format!("interrupted while {} runs", self.what)));
            }
            if started.elapsed() > Duration::from_secs(1) {
                context.emit(&Event::GitProgress { line: last_line(messages.path()) });
            }
        };
        if !status.success() && context.cancel.pipe().is_some() && context.cancel.wait(CTRL_C_DELAY) {
            return Err(interrupted(format!("interrupted while {} runs", self.what)));
        }
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let read = answer.rewind().and_then(|()| answer.read_to_end(&mut stdout));
        read.and_then(|_| messages.read_to_end(&mut stderr)).context(Kind::External, cannot)?;
        Ok(Output { status, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() })
    }
}

/// Asks a git and its transport to end, and kills them if git does not.
fn end(child: &mut Child) {
    process::terminate_tree(child);
    let _ = process::wait_until(child, Instant::now() + END_GRACE, WAIT_FOR_END, &Cancel::never());
    process::kill_tree(child);
}

/// Returns the last line that git printed: its progress.
fn last_line(file: &Path) -> String {
    let messages = careful::tail(file, PROGRESS_BYTES).unwrap_or_default();
    text::last_line(&String::from_utf8_lossy(&messages), PROGRESS_COLUMNS).unwrap_or_default()
}
