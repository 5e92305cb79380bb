//! Asking opencode itself: it keeps conversations in a database, and its own commands are the way to them.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Seek},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use crate::{backoff::Backoff, model::text, process, trace, world::Environment};

/// The longest that a question may take.
const LONGEST: Duration = Duration::from_secs(20);
/// Nothing that a repository or a plugin brings is run for a question, and nothing is fetched.
const QUIET: [(&str, &str); 4] = [
    ("OPENCODE_PURE", "1"),
    ("OPENCODE_DISABLE_PROJECT_CONFIG", "1"),
    ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
    ("OPENCODE_DISABLE_MODELS_FETCH", "1"),
];
/// Columns of a reason.
const REASON: usize = 200;
/// Bytes of a complaint that are looked at.
const COMPLAINT: u64 = 64 << 10;

/// The program, and the environment in which it is asked.
#[derive(Debug)]
pub(super) struct Opencode {
    /// Where the program is.
    pub(super) path: PathBuf,
    /// That of the caller.
    pub(super) environment: Environment,
}

/// Runs it in a folder with its answer in a file.
///
/// # Errors
/// It cannot be started, takes too long, or fails: then its own last words.
pub(super) fn ask(program: &Opencode, arguments: &[impl AsRef<OsStr>], folder: &Path) -> io::Result<File> {
    let (mut answer, mut complaint) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut command = process::command(&program.environment, &program.path);
    command.args(arguments).current_dir(folder).envs(QUIET);
    command.stdin(Stdio::null()).stdout(answer.try_clone()?).stderr(complaint.try_clone()?);
    let running = trace::Running::of(&command);
    let ended = within(&mut command);
    match &ended {
        Ok(status) => running.end(status),
        Err(error) => running.end(error),
    }
    let status = ended?;
    if !status.success() {
        complaint.rewind()?;
        let mut said = Vec::new();
        complaint.take(COMPLAINT).read_to_end(&mut said)?;
        return Err(io::Error::other(format!("opencode failed: {}", last_words(&said))));
    }
    answer.rewind()?;
    Ok(answer)
}

fn within(command: &mut Command) -> io::Result<ExitStatus> {
    let mut child: Child = process::start(command)?;
    let ended = process::wait_until(&mut child, Instant::now() + LONGEST, Backoff::millis(1, 5), || false)?;
    ended.ok_or_else(|| {
        let _ = child.kill();
        let _ = child.wait();
        io::Error::new(io::ErrorKind::TimedOut, "opencode did not answer in time")
    })
}

/// What it complained of last.
fn last_words(said: &[u8]) -> String {
    text::last_line(&String::from_utf8_lossy(said), REASON).unwrap_or_else(|| "no reason given".to_owned())
}
