//! Runs a check, a shell command of the user, in the scratch worktree. Its time and output are limited, and all processes that it
//! started are ended with it.

use std::{
    collections::VecDeque,
    io::{self, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    Code, Error, Kind, Result,
    backoff::Backoff,
    context::{Cancel, interrupted},
    error::ErrorContext,
    parallel, process,
    supervise::{processes, tree},
    trace,
    world::Environment,
};

/// How much of the beginning of the output is kept, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// How much of the end of the output is kept, in bytes.
const MAX_TAIL: usize = 448 * 1024;
/// The environment variable that marks every process that a landing starts.
pub(super) const NONCE: &str = "ORCHESTRA_LANDING";
/// What separates the operation from the place in the mark of a check that runs beside another.
const SIDE: char = '.';
/// The time between asking a process to end and killing it.
const GRACE: Duration = Duration::from_secs(2);
/// How long to wait for the end of the output after the command has ended.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(2);

/// The result of a check that ran to its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CheckRun {
    /// Why the check failed, such as `exit code 3`; `None` if it passed.
    pub failure: Option<String>,
    /// The output: all of it, or its beginning and end.
    pub output: Vec<u8>,
}

impl CheckRun {
    /// Returns `passed`, or why the check failed.
    pub fn label(&self) -> &str {
        self.failure.as_deref().unwrap_or("passed")
    }
}

/// The limits of a command.
#[derive(Clone, Copy, Debug)]
pub struct Bounds<'a> {
    /// The environment of the user.
    pub environment: &'a Environment,
    /// The time limit.
    pub limit: Duration,
    /// Ends the command when the user interrupts the operation.
    pub cancel: &'a Cancel,
    /// The value of the variable in the environment of its processes that marks them.
    pub nonce: &'a str,
}

/// Runs a shell command in `folder` and waits for its end. All processes that it started are ended afterwards.
///
/// # Errors
/// It cannot be started, a process that it left cannot be killed, or the user interrupts it ([`Kind::Interrupted`]).
pub(super) fn run(command: &str, folder: &Path, bounds: Bounds<'_>) -> Result<CheckRun> {
    let mut shell = process::command(bounds.environment, "/bin/sh");
    shell.current_dir(folder);
    run_in(shell, command, bounds)
}

/// Runs a command in a shell whose folder and variables are set.
///
/// # Errors
/// The shell cannot be started, a process that it left cannot be killed, or the user interrupts it (130).
pub fn run_in(mut shell: Command, command: &str, bounds: Bounds<'_>) -> Result<CheckRun> {
    shell
        .args(["-c", &format!("exec 2>&1\n{command}")])
        .env(NONCE, bounds.nonce)
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0);
    let running = trace::TracedProgram::of(&shell);
    let mut child =
        process::spawn_untraced(&mut shell).context(Code::ProgramFailed, || "cannot run '/bin/sh'".into())?;
    let collector = OutputCollector::collect(&mut child).inspect_err(|_| process::kill_tree(&mut child));
    let collector = collector.context(Kind::External, || "cannot read the output of a check".into())?;
    let ended = wait(&mut child, bounds);
    match &ended {
        Ok(end) => running.end(&format_args!("{end:?}")),
        Err(error) => running.end(&error.code.as_str()),
    }
    end_leftover_processes(bounds.nonce)?;
    // The command may have removed our mark from its environment.
    process::kill_tree(&mut child);
    let output = collector.take();
    Ok(CheckRun { failure: ended?, output })
}

/// Ends every process that carries this mark and still runs.
///
/// # Errors
/// A process cannot be killed.
pub fn end_leftover_processes(nonce: &str) -> Result<()> {
    processes::end_all(|| tree::with_variable(NONCE, nonce), GRACE)
}

/// Returns the mark of the processes of one of the checks that a landing runs side by side, and the owner of its worktree. Each check ends
/// what it leaves by its mark, so that it must not be that of another one.
pub(super) fn side_mark(operation: &str, place: usize) -> String {
    format!("{operation}{SIDE}{place}")
}

/// Returns the operation of a mark.
pub(super) fn operation_of(mark: &str) -> &str {
    mark.split_once(SIDE).map_or(mark, |(operation, _)| operation)
}

/// Ends every process of a landing that no longer runs, also those of checks that ran side by side.
///
/// # Errors
/// A process cannot be killed.
pub(super) fn end_processes_of(operation: &str) -> Result<()> {
    let is_of = |(process, mark): (_, String)| (operation_of(&mark) == operation).then_some(process);
    processes::end_all(|| tree::values_of(NONCE).into_iter().filter_map(is_of).collect(), GRACE)
}

/// Waits for the end of a command. Returns why it failed, or `None` if it passed.
fn wait(child: &mut Child, bounds: Bounds<'_>) -> Result<Option<String>> {
    let deadline = Instant::now() + bounds.limit;
    let ended = process::wait_until(child, deadline, Backoff::millis(1, 50), bounds.cancel)
        .context(Kind::External, || "cannot wait for a check".into())?;
    match ended {
        Some(status) => Ok(failure_of(status)),
        None if bounds.cancel.is_cancelled() => Err(interrupted("interrupted during a check")),
        None => Ok(Some(format!("took longer than {} s", bounds.limit.as_secs()))),
    }
}

fn failure_of(status: ExitStatus) -> Option<String> {
    Some(match (status.code(), status.signal()) {
        (Some(0), _) => return None,
        (Some(127), _) => "exit code 127: a command in it was not found".to_owned(),
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    })
}

/// Collects the beginning and the end of a command's output in bounded memory.
#[derive(Default)]
struct OutputCollector {
    text: Arc<Mutex<ShortenedOutput>>,
    done: Arc<AtomicBool>,
}

/// Says that a thread is done, however it ends.
struct SetWhenDropped(Arc<AtomicBool>);

impl Drop for SetWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[derive(Default)]
struct ShortenedOutput {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    lost: u64,
}

impl ShortenedOutput {
    fn add(&mut self, bytes: &[u8]) {
        let (head, rest) = bytes.split_at(bytes.len().min(MAX_HEAD - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(MAX_TAIL);
        self.tail.drain(..over);
        self.lost += over as u64;
    }

    fn take(&mut self) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.head);
        if self.lost > 0 {
            all.extend_from_slice(format!("\n[… {} bytes left out …]\n", self.lost).as_bytes());
        }
        all.extend(std::mem::take(&mut self.tail));
        all
    }
}

impl OutputCollector {
    /// Begins to read.
    ///
    /// # Errors
    /// No more threads can be made.
    fn collect(child: &mut Child) -> io::Result<Self> {
        let collector = Self::default();
        let text = Arc::clone(&collector.text);
        let done = SetWhenDropped(Arc::clone(&collector.done));
        let pipe = child.stdout.take();
        parallel::in_background(move || {
            let _done = done;
            let mut buffer = [0; 16 * 1024];
            if let Some(mut pipe) = pipe {
                while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                    text.lock().unwrap_or_else(PoisonError::into_inner).add(&buffer[..count]);
                }
            }
        })?;
        Ok(collector)
    }

    /// Waits for the end of the output, but only for [`OUTPUT_TIMEOUT`]: a process that escaped may hold the pipe open forever.
    fn take(self) -> Vec<u8> {
        let deadline = Instant::now() + OUTPUT_TIMEOUT;
        while !self.done.load(Ordering::Acquire) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        // What was read before a panic is still worth to be shown.
        self.text.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Fails if a text cannot be a command.
///
/// # Errors
/// The text is empty or contains a NUL byte (2).
pub fn check_command(command: &str, what: &str) -> Result<()> {
    if command.trim().is_empty() || command.contains('\0') {
        return Err(
            Error::usage(format!("--{what}: '' is not a command")).hint(format!("--{what} 'cargo {what}'"))
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_with(command: &str, limit: Duration, interrupted: bool) -> Result<CheckRun> {
        let cancel = Cancel::new().unwrap();
        if interrupted {
            cancel.cancel();
        }
        let nonce = format!("test-{}", crate::world::random_hex::<8>().unwrap());
        let environment = Environment::of_this_process();
        let bounds = Bounds { environment: &environment, limit, cancel: &cancel, nonce: &nonce };
        let folder = tempfile::tempdir().unwrap();
        let ran = run(command, folder.path(), bounds);
        assert!(tree::with_variable(NONCE, &nonce).is_empty());
        ran
    }

    fn ran(command: &str, limit: Duration) -> CheckRun {
        run_with(command, limit, false).unwrap()
    }

    #[test]
    fn every_kind_of_end() {
        let long = Duration::from_secs(60);
        for (command, failure, output) in [
            ("echo a; echo b >&2", None, "a\nb\n"),
            ("echo a; exit 3", Some("exit code 3"), "a\n"),
            ("kill -9 $$", Some("killed by signal 9"), ""),
            ("read x || echo nothing to read", None, "nothing to read\n"),
            // A process that it leaves holds the pipe open, and is ended.
            ("sleep 1000 & echo over", None, "over\n"),
            ("setsid sleep 1000 & echo over", None, "over\n"),
        ] {
            let ran = ran(command, long);
            let printed = String::from_utf8_lossy(&ran.output);
            assert_eq!((ran.failure.as_deref(), &*printed), (failure, output), "{command}");
        }
        assert!(ran("no-such-command-here", long).label().contains("not found"));
        let short = Duration::from_millis(300);
        let late = ran("echo begun; trap '' TERM; while :; do sleep 1; done", short);
        assert!(late.label().contains("longer than"));
        assert!(run_with("sleep 1000", long, true).is_err_and(|error| error.kind() == Kind::Interrupted));
        let unmarked = ran("env -i sleep 1000; exec env -i sleep 1000", short);
        assert!(unmarked.label().contains("longer than"));
    }

    #[test]
    fn long_output_keeps_its_beginning_and_end() {
        let ran = ran("echo first; yes | head -c 30000000; echo last", Duration::from_secs(60));
        let text = String::from_utf8_lossy(&ran.output).into_owned();
        assert!(text.starts_with("first\n") && text.ends_with("last\n") && text.contains("bytes left out"));
        assert!(ran.output.len() < MAX_HEAD + MAX_TAIL + 100);
    }
}
