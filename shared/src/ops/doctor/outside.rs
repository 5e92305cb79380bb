//! Asking other programs, each with a time limit and a limit on what is read of its answer.

use std::{
    io::{self, Read},
    process::{Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

use crate::{backoff::Backoff, context::Cancel, parallel, process};

/// Maximum number of bytes that are read of each output.
const MAX_OUTPUT: u64 = 64 << 10;
/// How long the outputs may stay open after the program ended, because something that it started has them.
const AFTER_END: Duration = Duration::from_secs(1);

/// The answer of a program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Answer {
    /// Whether the program succeeded.
    pub(super) succeeded: bool,
    /// What it wrote to standard output, and then to standard error.
    pub(super) said: String,
}

/// Runs a program to its end, with an empty standard input. It needs no file, because the disk may be full.
///
/// # Errors
/// It cannot be started, or does not end in time; then it is killed with everything that it started.
pub(super) fn ask(command: &mut Command, limit: Duration, cancel: &Cancel) -> io::Result<Answer> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = process::spawn(command)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let outputs = out.map(read).transpose().and_then(|out| Ok([out, err.map(read).transpose()?]));
    let outputs = outputs.inspect_err(|_| process::kill_tree(&mut child))?;
    let ended = process::wait_until(&mut child, Instant::now() + limit, Backoff::millis(1, 20), cancel)?;
    let Some(status) = ended else {
        process::kill_tree(&mut child);
        let seconds = limit.as_secs();
        return Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {seconds} s")));
    };
    let said = outputs.into_iter().flatten().filter_map(|output| output.recv_timeout(AFTER_END).ok());
    let said: Vec<u8> = said.flatten().collect();
    Ok(Answer { succeeded: status.success(), said: String::from_utf8_lossy(&said).into_owned() })
}

/// Reads an output in a thread. What is too long is read and dropped, so that the program does not wait.
fn read(output: impl Read + Send + 'static) -> io::Result<Receiver<Vec<u8>>> {
    let (send, receive) = mpsc::channel();
    parallel::in_background(move || {
        let mut bytes = Vec::new();
        let mut output = output.take(MAX_OUTPUT);
        // What was read before an error is still an answer.
        let _ = output.read_to_end(&mut bytes);
        let _ = io::copy(&mut output.into_inner(), &mut io::sink());
        let _ = send.send(bytes);
    })?;
    Ok(receive)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Environment;

    #[test]
    fn answers_are_limited_in_time_and_length() {
        let environment = Environment::of_this_process();
        let ask = |script: &str, limit| {
            let mut command = process::command(&environment, "/bin/sh");
            ask(command.args(["-c", script]), limit, &Cancel::never())
        };
        let minute = Duration::from_secs(60);
        let answer = ask("echo out; echo err >&2; exit 3", minute).unwrap();
        assert_eq!(answer, Answer { succeeded: false, said: "out\nerr\n".to_owned() });
        assert_eq!(ask("sleep 1000", Duration::ZERO).unwrap_err().kind(), io::ErrorKind::TimedOut);
        let long = ask("head -c 100000 /dev/zero | tr '\\0' x", minute).unwrap();
        assert_eq!(long.said.len(), 64 << 10);
    }
}
