//! A secret that a program prints: its first line. What the program prints is shown nowhere, not even in errors.

use std::{
    io::{self, BufRead, BufReader, Read},
    process::{Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use crate::{backoff::Backoff, context::Cancel, process, world::Environment};

/// How long the program may take: a person may have to confirm.
const PROGRAM_TIME: Duration = Duration::from_secs(60);
/// The longest first line, in bytes.
const MAX_LINE: u64 = 64 * 1024;
/// How long its first line is awaited after it has ended.
const REST: Duration = Duration::from_secs(1);

/// Makes the command that runs a line of shell of the user, in the home folder: the present folder may hold files of an agent.
pub fn of_shell(environment: &Environment, line: &str) -> Command {
    let mut shell = process::command(environment, "/bin/sh");
    shell.args(["-c", line]);
    if let Some(home) = environment.home() {
        shell.current_dir(home);
    }
    shell
}

/// Runs a program, and returns its first line without blanks around it.
///
/// # Errors
/// A word for what went wrong, which completes "the program …": it failed, took too long, or printed no secret.
pub fn first_line(command: &mut Command) -> Result<String, &'static str> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = process::spawn(command).map_err(|_| "cannot be started")?;
    let (sender, first) = mpsc::channel();
    let stdout = child.stdout.take();
    // Read while waiting, so that a program that prints much does not block. A process that it started may keep the pipe open.
    let reading = std::thread::Builder::new().spawn(move || {
        let Some(pipe) = stdout else { return };
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        let _ = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line);
        let _ = sender.send(line);
        let _ = io::copy(&mut reader, &mut io::sink());
    });
    if reading.is_err() {
        process::kill_tree(&mut child);
        return Err("cannot be read");
    }
    let until = Instant::now() + PROGRAM_TIME;
    match process::wait_until(&mut child, until, Backoff::millis(2, 100), &Cancel::never()) {
        Ok(Some(status)) if status.success() => {}
        Ok(Some(_)) => return Err("failed"),
        Ok(None) | Err(_) => {
            process::kill_tree(&mut child);
            return Err("took too long");
        }
    }
    let said = first.recv_timeout(REST).unwrap_or_default();
    let secret = String::from_utf8_lossy(&said).trim().to_owned();
    if is_secret(&secret) { Ok(secret) } else { Err("printed none") }
}

/// Returns whether a text can be the value of a header.
pub fn is_secret(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_secret() {
        let environment = Environment::of_this_process();
        for (line, expected) in [
            ("echo first; echo more", Ok("first")),
            ("echo '  padded '", Ok("padded")),
            ("true", Err("printed none")),
            ("echo with spaces in it", Err("printed none")),
            ("echo fails; exit 3", Err("failed")),
            ("yes | head -c 1000000", Ok("y")),
        ] {
            let found = first_line(&mut of_shell(&environment, line));
            assert_eq!(found.as_deref(), expected.as_ref().copied(), "{line}");
        }
        let mut absent = process::command(&environment, "/no/such/program");
        assert_eq!(first_line(&mut absent), Err("cannot be started"));
    }
}
