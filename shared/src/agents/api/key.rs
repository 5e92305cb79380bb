//! The key of the service: what the user's command prints, else what the environment has.

use std::{
    io::{self, BufRead, BufReader, Read},
    process::Stdio,
    sync::mpsc,
    time::{Duration, Instant},
};

use super::KEY;
use crate::{
    Code, Error, Result, backoff::Backoff, context::Cancel, error::ErrorContext, process, world::Environment,
};

/// How long the command may take: a person may have to confirm.
const COMMAND_TIME: Duration = Duration::from_secs(60);
/// How much of its output is read, in bytes.
const MAX_OUTPUT: u64 = 64 * 1024;
/// How long its first line is awaited after it has ended.
const REST: Duration = Duration::from_secs(1);

/// Returns the key. What the command prints is shown nowhere, not even in errors.
///
/// # Errors
/// The command fails, takes too long, or prints no key; or there is neither a command nor a variable.
pub(super) fn find(environment: &Environment, command: Option<&str>) -> Result<String> {
    match command.filter(|command| !command.trim().is_empty()) {
        Some(command) => from_command(environment, command),
        None => {
            let key = environment.text_variable(KEY).filter(|key| is_key(key.trim()));
            key.map(|key| key.trim().to_owned()).ok_or_else(super::no_key)
        }
    }
}

fn from_command(environment: &Environment, command: &str) -> Result<String> {
    let fails = |why: &str| {
        Error::new(Code::CredentialMissing, format!("the command for the key of agent 'api' {why}"))
            .hint("run the command of orchestra.agent.api.keyCommand by hand: its first line is the key")
    };
    let mut shell = process::command(environment, "/bin/sh");
    shell.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    // Not in the worktree, whose files the agent writes.
    if let Some(home) = environment.home() {
        shell.current_dir(home);
    }
    let mut child = process::spawn(&mut shell)
        .context(Code::CredentialMissing, || "cannot start the command for the key".into())?;
    let (sender, first) = mpsc::channel();
    let stdout = child.stdout.take();
    // Read while waiting, so that a command that prints much does not block. A process that it started may keep the pipe open.
    let reading = std::thread::Builder::new().spawn(move || {
        let Some(pipe) = stdout else { return };
        let mut reader = BufReader::new(pipe.take(MAX_OUTPUT));
        let mut line = Vec::new();
        let _ = reader.read_until(b'\n', &mut line);
        let _ = sender.send(line);
        let _ = io::copy(&mut reader, &mut io::sink());
    });
    if reading.is_err() {
        process::kill_tree(&mut child);
        return Err(fails("cannot be read"));
    }
    let ended = process::wait_until(
        &mut child,
        Instant::now() + COMMAND_TIME,
        Backoff::millis(2, 100),
        &Cancel::never(),
    );
    match ended {
        Ok(Some(status)) if status.success() => {}
        Ok(Some(_)) => return Err(fails("failed")),
        Ok(None) | Err(_) => {
            process::kill_tree(&mut child);
            return Err(fails("took too long"));
        }
    }
    let said = first.recv_timeout(REST).unwrap_or_default();
    let key = String::from_utf8_lossy(&said).trim().to_owned();
    if is_key(&key) { Ok(key) } else { Err(fails("printed no key")) }
}

/// Returns whether a text can be the value of a header.
fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_goes_before_the_variable() {
        let environment = Environment::of_this_process().with(KEY, "of-the-variable");
        for (command, expected) in [
            (None, Some("of-the-variable")),
            (Some(" "), Some("of-the-variable")),
            (Some("echo of-the-command; echo more"), Some("of-the-command")),
            (Some("echo '  padded '"), Some("padded")),
            (Some("true"), None),
            (Some("echo a key with spaces"), None),
            (Some("echo fails; exit 3"), None),
        ] {
            let found = find(&environment, command);
            if let Err(error) = &found {
                assert!(!error.one_line().contains("fails;") && !error.one_line().contains("with spaces"));
            }
            assert_eq!(found.ok().as_deref(), expected, "{command:?}");
        }
        assert!(find(&environment.without(KEY), None).is_err());
    }
}
