//! Running a shell command: in its own process group, for a limited time, with the beginning and the end of its output.

use std::{
    io::{self, PipeReader, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::Path,
    process::{Child, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError, SyncSender},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{Outcome, kept::Kept};
use crate::{backoff::Backoff, process, world::Environment};

/// Variables that no command sees: only the requests to the model need them.
const SECRETS: [&str; 2] = [super::super::KEY, super::super::TOKEN];
/// How long the rest of the output is awaited after the command has ended. A process that it left may keep the output open.
const REST: Duration = Duration::from_millis(500);

/// Number of pieces of output that wait to be kept.
const QUEUED: usize = 16;

/// How a command ended.
enum Ended {
    Status(ExitStatus),
    TimedOut,
    Interrupted,
}

/// Runs a command.
pub(super) fn run(
    environment: &Environment,
    folder: &Path,
    command: &str,
    limit: Duration,
    is_interrupted: &mut dyn FnMut() -> bool,
) -> Outcome {
    let (mut child, output) = match start(environment, folder, command) {
        Ok(started) => started,
        Err(error) => return Outcome::error(format!("cannot start a shell: {error}")),
    };
    let (sender, receiver) = mpsc::sync_channel(QUEUED);
    if let Err(error) = std::thread::Builder::new().spawn(move || read(output, &sender)) {
        process::kill_tree(&mut child);
        return Outcome::error(format!("cannot read the output of a shell: {error}"));
    }
    let mut kept = Kept::default();
    let ended = wait(&mut child, limit, is_interrupted, |pause| match receiver.recv_timeout(pause) {
        Ok(bytes) => kept.add(&bytes),
        Err(RecvTimeoutError::Timeout) => {}
        Err(RecvTimeoutError::Disconnected) => std::thread::sleep(pause),
    });
    let deadline = Instant::now() + REST;
    while let Ok(bytes) = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        kept.add(&bytes);
    }
    outcome(ended, &kept.text(), limit)
}

fn start(environment: &Environment, folder: &Path, command: &str) -> io::Result<(Child, PipeReader)> {
    let (reader, writer) = io::pipe()?;
    let mut shell = process::command(environment, "sh");
    for secret in SECRETS {
        shell.env_remove(secret);
    }
    shell.args(["-c", command]).current_dir(folder).process_group(0);
    shell.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    Ok((process::spawn(&mut shell)?, reader))
}

/// Reads the output to its end, even when it is no longer received, so that a process that writes it does not block.
fn read(mut output: PipeReader, sender: &SyncSender<Vec<u8>>) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        match output.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => drop(sender.send(buffer[..length].to_vec())),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
}

fn wait(
    child: &mut Child,
    limit: Duration,
    is_interrupted: &mut dyn FnMut() -> bool,
    mut receive: impl FnMut(Duration),
) -> io::Result<Ended> {
    let deadline = Instant::now() + limit;
    let mut backoff = Backoff::millis(2, 50);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ended::Status(status));
        }
        let over = if Instant::now() >= deadline {
            Ended::TimedOut
        } else if is_interrupted() {
            Ended::Interrupted
        } else {
            receive(backoff.pause());
            continue;
        };
        kill(child);
        return Ok(over);
    }
}

/// Kills the group of a command, then what left the group.
fn kill(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let kill_group = || group.map(|group| kill_process_group(group, Signal::KILL));
    process::kill_tree(child);
    let _ = kill_group();
}

fn outcome(ended: io::Result<Ended>, output: &str, limit: Duration) -> Outcome {
    let with =
        |remark: String| if output.is_empty() { remark } else { format!("{}\n{remark}", output.trim_end()) };
    match ended {
        Ok(Ended::Status(status)) if status.success() => Outcome::ok(output),
        Ok(Ended::Status(status)) => {
            let signal = status.signal().map(|signal| format!("ended by signal {signal}"));
            let exit = || format!("exit code {}", status.code().unwrap_or_default());
            Outcome::error(with(signal.unwrap_or_else(exit)))
        }
        Ok(Ended::TimedOut) => {
            Outcome::error(with(format!("killed: it ran longer than {} s", limit.as_secs())))
        }
        Ok(Ended::Interrupted) => Outcome::error(with("killed: the user interrupted it".to_owned())),
        Err(error) => Outcome::error(with(format!("its end is unknown: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn run_in(folder: &Path, command: &str, limit: Duration, interrupted: bool) -> Outcome {
        let environment = Environment::of_this_process().with(super::super::super::KEY, "secret-key");
        run(&environment, folder, command, limit, &mut || interrupted)
    }

    fn ran(command: &str) -> Outcome {
        run_in(Path::new("/"), command, LONG, false)
    }

    #[test]
    fn output_and_exit_are_returned() {
        assert_eq!(ran("echo out; echo err >&2"), Outcome::ok("out\nerr\n"));
        assert_eq!(ran("echo out; exit 3"), Outcome::error("out\nexit code 3"));
        assert_eq!(ran("kill -9 $$"), Outcome::error("ended by signal 9"));
        assert_eq!(ran("cat; pwd"), Outcome::ok("/\n"), "its input is empty");
        let long = ran(
            "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done; echo end",
        );
        assert!(long.text.contains(" bytes left out …") && long.text.ends_with("end\n"));
    }

    #[test]
    fn the_key_is_no_variable_of_a_command() {
        assert_eq!(ran("env | grep -c secret-key"), Outcome::error("0\nexit code 1"));
    }

    #[test]
    fn a_command_that_takes_too_long_is_killed_with_what_it_started() {
        let dir = tempfile::tempdir().expect("a folder");
        for (limit, interrupted, why) in
            [(Duration::ZERO, false, "longer than 0 s"), (LONG, true, "interrupted")]
        {
            let ended = run_in(dir.path(), "sleep 1000 & echo $! > pid; wait", limit, interrupted);
            assert!(ended.is_error && ended.text.contains(why), "{ended:?}");
        }
    }

    #[test]
    fn a_process_that_stays_does_not_delay_the_result() {
        let dir = tempfile::tempdir().expect("a folder");
        let ended = run_in(dir.path(), "sleep 1000 & echo $! > pid; echo started", LONG, false);
        assert_eq!(ended, Outcome::ok("started\n"));
        let pid = std::fs::read_to_string(dir.path().join("pid")).expect("a file");
        let pid = pid.trim().parse().ok().and_then(Pid::from_raw).expect("a pid");
        rustix::process::kill_process(pid, Signal::KILL).expect("it still ran");
    }
}
