//! Running a command of the user's in the scratch worktree: a build, a test. Bounded in time and output, and nothing of it runs on
//! when it is over.

use std::{
    collections::VecDeque,
    io::Read,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::Path,
    process::{Child, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    Code, Error, Kind, Result,
    error::Context,
    process,
    supervise::{processes, tree},
    trace,
};

/// Kept of the beginning of the output, in bytes.
const HEAD: usize = 64 * 1024;
/// Kept of its end.
const TAIL: usize = 448 * 1024;
/// In the environment of everything that a landing starts.
pub(super) const NONCE: &str = "ORCHESTRA_LANDING";
/// Between being asked to end and being killed.
const GRACE: Duration = Duration::from_secs(2);
/// How long the pipe of a command that ended may stay open.
const DRAIN: Duration = Duration::from_secs(2);

/// How a command ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// With 0.
    Passed,
    /// Otherwise; how, in words.
    Failed(String),
    /// The user pressed Ctrl-C.
    Interrupted,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) end: End,
    /// What it printed: all, or the beginning and the end.
    pub(super) output: Vec<u8>,
}

/// Under which conditions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds<'a> {
    /// The longest it may take.
    pub(super) limit: Duration,
    /// Set when the user wants to end it all.
    pub(super) interrupted: &'a AtomicBool,
    /// Marks its processes.
    pub(super) nonce: &'a str,
}

/// Runs a shell command in `folder`, to its end.
pub(super) fn run(command: &str, folder: &Path, bounds: Bounds<'_>) -> Result<Ran> {
    let mut shell = process::command("/bin/sh");
    shell
        .args(["-c", &format!("exec 2>&1\n{command}")])
        .current_dir(folder)
        .env(NONCE, bounds.nonce)
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0);
    let running = trace::Running::of(&shell);
    let mut child =
        process::start(&mut shell).context(Code::ProgramFailed, || "cannot run '/bin/sh'".into())?;
    let kept = Kept::collect(&mut child);
    let ended = wait(&mut child, bounds);
    match &ended {
        Ok(end) => running.end(&format_args!("{end:?}")),
        Err(error) => running.end(&error.code.as_str()),
    }
    end_left_overs(bounds.nonce)?;
    // It may have taken our mark out of its environment.
    process::kill_tree(&mut child);
    let output = kept.take();
    Ok(Ran { end: ended?, output })
}

/// Ends everything that a landing started and that still runs.
///
/// # Errors
/// Something cannot be killed.
pub fn end_left_overs(nonce: &str) -> Result<()> {
    processes::end_all(|| tree::with_variable(NONCE, nonce), GRACE)
}

fn wait(child: &mut Child, bounds: Bounds<'_>) -> Result<End> {
    let deadline = Instant::now() + bounds.limit;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait().context(Kind::External, || "lost track of a check".into())? {
            return Ok(end_of(status));
        }
        if bounds.interrupted.load(Ordering::Relaxed) {
            return Ok(End::Interrupted);
        }
        if Instant::now() > deadline {
            return Ok(End::Failed(format!("took longer than {} s", bounds.limit.as_secs())));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

fn end_of(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(0), _) => End::Passed,
        (Some(127), _) => End::Failed("exit code 127: a command in it was not found".to_owned()),
        (Some(code), _) => End::Failed(format!("exit code {code}")),
        (None, Some(signal)) => End::Failed(format!("killed by signal {signal}")),
        (None, None) => End::Failed("ended in an unknown way".to_owned()),
    }
}

/// The beginning and the end of what a command prints, however much it is.
#[derive(Default)]
struct Kept {
    text: Arc<Mutex<Text>>,
    done: Arc<AtomicBool>,
}

#[derive(Default)]
struct Text {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    lost: u64,
}

impl Text {
    fn add(&mut self, bytes: &[u8]) {
        let (head, rest) = bytes.split_at(bytes.len().min(HEAD - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(TAIL);
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

impl Kept {
    fn collect(child: &mut Child) -> Self {
        let kept = Self::default();
        let (text, done) = (Arc::clone(&kept.text), Arc::clone(&kept.done));
        let pipe = child.stdout.take();
        std::thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            if let Some(mut pipe) = pipe {
                while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                    if let Ok(mut text) = text.lock() {
                        text.add(&buffer[..count]);
                    }
                }
            }
            done.store(true, Ordering::Release);
        });
        kept
    }

    /// Waits for the last bytes; a process that hid from us may hold the pipe open for ever.
    fn take(self) -> Vec<u8> {
        let deadline = Instant::now() + DRAIN;
        while !self.done.load(Ordering::Acquire) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.text.lock().map(|mut text| text.take()).unwrap_or_default()
    }
}

/// Refuses what cannot be a command.
///
/// # Errors
/// It is empty (2).
pub fn is_command(command: &str, what: &str) -> Result<()> {
    if command.trim().is_empty() || command.contains('\0') {
        return Err(
            Error::usage(format!("--{what}: '' is no command")).hint(format!("--{what} 'cargo {what}'"))
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(command: &str, limit: Duration, interrupted: bool) -> Ran {
        let interrupted = AtomicBool::new(interrupted);
        let nonce = format!("test-{}", crate::world::random_hex::<8>().unwrap());
        let bounds = Bounds { limit, interrupted: &interrupted, nonce: &nonce };
        let folder = tempfile::tempdir().unwrap();
        let ran = run(command, folder.path(), bounds).unwrap();
        assert!(tree::with_variable(NONCE, &nonce).is_empty());
        ran
    }

    #[test]
    fn every_kind_of_end() {
        let long = Duration::from_secs(60);
        for (command, end, output) in [
            ("echo a; echo b >&2", End::Passed, "a\nb\n"),
            ("echo a; exit 3", End::Failed("exit code 3".into()), "a\n"),
            ("kill -9 $$", End::Failed("killed by signal 9".into()), ""),
            ("read x || echo nothing to read", End::Passed, "nothing to read\n"),
            // what it leaves behind holds the pipe open, and goes
            ("sleep 1000 & echo over", End::Passed, "over\n"),
            ("setsid sleep 1000 & echo over", End::Passed, "over\n"),
        ] {
            let ran = ran(command, long, false);
            assert_eq!(
                (ran.end, String::from_utf8_lossy(&ran.output).into_owned()),
                (end, output.into()),
                "{command}"
            );
        }
        assert!(
            matches!(ran("no-such-command-here", long, false).end, End::Failed(why) if why.contains("not found"))
        );
        let late =
            ran("echo begun; trap '' TERM; while :; do sleep 1; done", Duration::from_millis(300), false);
        assert!(matches!(late.end, End::Failed(why) if why.contains("longer than")));
        assert_eq!(ran("sleep 1000", long, true).end, End::Interrupted);
        let unmarked = ran("env -i sleep 1000; exec env -i sleep 1000", Duration::from_millis(300), false);
        assert!(matches!(unmarked.end, End::Failed(why) if why.contains("longer than")));
    }

    #[test]
    fn a_flood_is_kept_at_both_ends() {
        let ran = ran("echo first; yes | head -c 30000000; echo last", Duration::from_secs(60), false);
        let text = String::from_utf8_lossy(&ran.output).into_owned();
        assert!(text.starts_with("first\n") && text.ends_with("last\n") && text.contains("bytes left out"));
        assert!(ran.output.len() < HEAD + TAIL + 100);
    }
}
