//! Runs a command on its own terminal, and answers its questions.

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
};

/// Whether `script` can create a terminal here.
pub fn has_terminal() -> bool {
    Command::new("script").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Runs `command`, which is `script -qec … /dev/null`, and types the line `answer` each time `question`
/// appears. Returns its exit status and what the terminal showed.
///
/// # Panics
/// It cannot be started.
pub fn talk(command: &mut Command, question: &str, answer: &str) -> (i32, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a terminal");
    let (mut stdin, mut stdout) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
    let (mut shown, mut answered) = (String::new(), 0);
    let mut bytes = [0; 4096];
    while let Ok(count) = stdout.read(&mut bytes)
        && count > 0
    {
        shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
        if shown.matches(question).count() > answered {
            answered += 1;
            let _ = stdin.write_all(format!("{answer}\n").as_bytes()).and_then(|()| stdin.flush());
        }
    }
    drop(stdin);
    let status = child.wait().expect("an end");
    (status.code().unwrap_or(-1), shown)
}
