//! Running opencode's own commands, because it stores sessions in a database.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Seek},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use crate::{backoff::Backoff, context::Cancel, model::text, process, trace, world::Environment};

/// How long a command may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The variables with which it runs no code from a repository or a plugin, and fetches nothing.
pub(in crate::agents::opencode) const ISOLATION: [(&str, &str); 4] = [
    ("OPENCODE_PURE", "1"),
    ("OPENCODE_DISABLE_PROJECT_CONFIG", "1"),
    ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
    ("OPENCODE_DISABLE_MODELS_FETCH", "1"),
];
/// Maximum width of an error message, in columns.
const MAX_REASON_WIDTH: usize = 200;
/// Maximum number of bytes of standard error that are read.
const MAX_STDERR: u64 = 64 << 10;

/// The program, and the environment in which it is asked.
#[derive(Debug)]
pub(super) struct Opencode {
    /// Where the program is.
    pub(super) path: PathBuf,
    /// That of the caller.
    pub(super) environment: Environment,
}

/// Runs the program in a folder, and returns a temporary file with its output.
///
/// # Errors
/// The program cannot be started, takes too long, or fails; the error then has its last line.
pub(super) fn run(program: &Opencode, arguments: &[impl AsRef<OsStr>], folder: &Path) -> io::Result<File> {
    let (mut answer, mut complaint) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut command = process::command(&program.environment, &program.path);
    command.args(arguments).current_dir(folder).envs(ISOLATION);
    command.stdin(Stdio::null()).stdout(answer.try_clone()?).stderr(complaint.try_clone()?);
    let running = trace::TracedProgram::of(&command);
    let ended = within(&mut command);
    match &ended {
        Ok(status) => running.end(status),
        Err(error) => running.end(error),
    }
    let status = ended?;
    if !status.success() {
        complaint.rewind()?;
        let mut said = Vec::new();
        complaint.take(MAX_STDERR).read_to_end(&mut said)?;
        return Err(io::Error::other(format!("opencode failed: {}", last_error_line(&said))));
    }
    answer.rewind()?;
    Ok(answer)
}

fn within(command: &mut Command) -> io::Result<ExitStatus> {
    let mut child: Child = process::spawn_untraced(command)?;
    let ended =
        process::wait_until(&mut child, Instant::now() + TIMEOUT, Backoff::millis(1, 5), &Cancel::never())?;
    ended.ok_or_else(|| {
        let _ = child.kill();
        let _ = child.wait();
        io::Error::new(io::ErrorKind::TimedOut, "opencode did not answer in time")
    })
}

/// Returns the last line of standard error.
fn last_error_line(said: &[u8]) -> String {
    text::last_line(&String::from_utf8_lossy(said), MAX_REASON_WIDTH)
        .unwrap_or_else(|| "no reason given".to_owned())
}
