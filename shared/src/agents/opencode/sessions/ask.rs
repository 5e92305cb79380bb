//! Running opencode's own commands, because it stores sessions in a database.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Seek},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use crate::{backoff::Backoff, model::text, process, trace};

/// How long a command may take.
const LONGEST: Duration = Duration::from_secs(20);
/// The variables with which it runs no code from a repository or a plugin, and fetches nothing.
const QUIET: [(&str, &str); 4] = [
    ("OPENCODE_PURE", "1"),
    ("OPENCODE_DISABLE_PROJECT_CONFIG", "1"),
    ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
    ("OPENCODE_DISABLE_MODELS_FETCH", "1"),
];
/// Maximum width of an error message, in columns.
const REASON: usize = 200;
/// Maximum number of bytes of standard error that are read.
const COMPLAINT: u64 = 64 << 10;

/// Runs the program in a folder, and returns a temporary file with its output.
///
/// # Errors
/// The program cannot be started, takes too long, or fails; the error then has its last line.
pub(super) fn ask(program: &Path, arguments: &[impl AsRef<OsStr>], folder: &Path) -> io::Result<File> {
    let (mut answer, mut complaint) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut command = process::command(program);
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

/// Returns the last line of standard error.
fn last_words(said: &[u8]) -> String {
    text::last_line(&String::from_utf8_lossy(said), REASON).unwrap_or_else(|| "no reason given".to_owned())
}
