//! The trace for bug reports: which programs ran, for how long and with what result, and which locks were waited for.
//!
//! The trace consists of `tracing` events. Without a subscriber (see `orchestra_terminal::trace`) each costs one comparison.
//! Secrets are removed here, before any subscriber sees an event.

use std::{
    ffi::{OsStr, OsString},
    fmt::Display,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use crate::model::{quote, secret};

/// The environment variable that enables the trace.
pub const VARIABLE: &str = "ORCHESTRA_TRACE";

/// The prefix of the targets of all our events.
pub const TARGET: &str = "orchestra";

/// Maximum length of an argument that is shown, in bytes: longer ones are tasks, prompts and scripts.
const MAX_ARGUMENT_BYTES: usize = 100;
/// Maximum number of arguments shown for one program.
const MAX_ARGUMENTS: usize = 40;
/// Shown instead of the user and password in a URL.
const REDACTED: &str = "***";

/// Returns whether there is a subscriber.
pub fn is_on() -> bool {
    tracing::enabled!(target: "orchestra", tracing::Level::INFO)
}

/// A program from its start to its end, which becomes one event. If it is dropped before the end is known, the event says so.
#[must_use = "the event is written when the end is known"]
pub struct TracedProgram(Option<ProgramStart>);

struct ProgramStart {
    command: String,
    folder: String,
    started: Instant,
}

impl TracedProgram {
    /// Records a program that is about to be started.
    pub fn of(command: &Command) -> Self {
        Self::without(command, |_| false)
    }

    /// Like [`TracedProgram::of`], without the settings (`-c SETTING`) for which `is_usual` holds.
    pub fn without(command: &Command, is_usual: impl Fn(&OsStr) -> bool) -> Self {
        Self(is_on().then(|| ProgramStart {
            command: command_line(command.get_program(), &without_usual(command.get_args(), is_usual)),
            folder: command.get_current_dir().map(folder).unwrap_or_default(),
            started: Instant::now(),
        }))
    }

    /// Records how the program ended, or why it could not be started.
    pub fn end(mut self, end: &dyn Display) {
        self.emit(end);
    }

    fn emit(&mut self, end: &dyn Display) {
        if let Some(ProgramStart { command, folder, started }) = self.0.take() {
            let (ms, end) = (milliseconds(started.elapsed()), end.to_string());
            tracing::info!(target: "orchestra::program", ms, end, folder, "{command}");
        }
    }
}

impl Drop for TracedProgram {
    fn drop(&mut self) {
        self.emit(&"not waited for");
    }
}

/// Records the end of a child whose start was recorded before.
pub fn program_ended(pid: i32, end: &dyn Display) {
    if is_on() {
        tracing::info!(target: "orchestra::program", pid, end = end.to_string(), "ended");
    }
}

/// Records that a lock was waited for, and whether it was taken.
pub fn waited_for_lock(path: &Path, waited: Duration, got: bool) {
    if is_on() {
        let ms = milliseconds(waited);
        tracing::info!(target: "orchestra::lock", ms, got, "{}", quote::word(path));
    }
}

/// Records the start of one of our commands. `arguments` are those that were typed.
pub fn command_begins(program: &OsStr, arguments: &[OsString], folder_of: &Path) {
    if is_on() {
        let arguments: Vec<&OsStr> = arguments.iter().map(OsString::as_os_str).collect();
        let (command, folder) = (command_line(program, &arguments), folder(folder_of));
        tracing::info!(target: "orchestra::command", folder, "begin {command}");
    }
}

/// Records the end of the command: its exit code and, if it failed, the code of its error.
pub fn command_ends(took: Duration, exit: u8, code: Option<crate::Code>) {
    if is_on() {
        let (ms, code) = (milliseconds(took), code.map_or("none", crate::Code::as_str));
        tracing::info!(target: "orchestra::command", ms, exit, code, "end");
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn folder(path: &Path) -> String {
    without_secrets(&path.to_string_lossy())
}

/// Removes the usual settings from some arguments.
fn without_usual<'a>(
    arguments: impl Iterator<Item = &'a OsStr>,
    is_usual: impl Fn(&OsStr) -> bool,
) -> Vec<&'a OsStr> {
    let mut arguments = arguments.peekable();
    let mut kept = Vec::new();
    while let Some(argument) = arguments.next() {
        match arguments.peek() {
            Some(setting) if argument == "-c" && is_usual(setting) => {
                arguments.next();
            }
            _ => kept.push(argument),
        }
    }
    kept
}

/// Returns a program and its arguments as a shell line, without long texts and secrets.
fn command_line(program: &OsStr, arguments: &[&OsStr]) -> String {
    let mut words = vec![quote::word(program)];
    let shows_texts = Path::new(program).file_name().is_some_and(|name| name == "git");
    let before = std::iter::once(None).chain(arguments.iter().map(|argument| argument.to_str()));
    words.extend(arguments.iter().zip(before).take(MAX_ARGUMENTS).map(|(argument, before)| {
        if before.is_some_and(|option| hides_next(option, argument)) {
            return REDACTED.to_owned();
        }
        argument_text(argument, shows_texts)
    }));
    if arguments.len() > MAX_ARGUMENTS {
        words.push(format!("[and {} more]", arguments.len() - MAX_ARGUMENTS));
    }
    // A secret may be spread over several words, as in `--password x`.
    secret::redact_words(&words.join(" "), &[])
}

/// Returns whether an argument is a password because of the option before it, as in `curl -u me:password`.
fn hides_next(option: &str, argument: &OsStr) -> bool {
    let names_user = matches!(option, "-u" | "--user") && argument.as_encoded_bytes().contains(&b':');
    names_user || option.starts_with('-') && !option.contains('=') && secret::is_name(option)
}

/// Returns an argument as it is shown. Scripts of a shell, tasks and messages are texts of people, in which a password can look like
/// any word: only their size is shown. `shows_texts`: the program gets no such texts.
fn argument_text(argument: &OsStr, shows_texts: bool) -> String {
    let text = argument.to_string_lossy();
    let is_text = !shows_texts && text.contains(char::is_whitespace);
    if (is_text || argument.len() > MAX_ARGUMENT_BYTES) && !is_address(&text) {
        let option = text.split_once('=').map(|(option, _)| option);
        let option =
            option.filter(|option| option.starts_with("--") && !option.contains(char::is_whitespace));
        return match option {
            Some(option) => format!("{option}=[{} bytes]", argument.len() - option.len() - 1),
            None => format!("[{} bytes]", argument.len()),
        };
    }
    match text.split_once('=') {
        Some((name, value)) if secret::is_name(name) && !value.is_empty() => {
            format!("{}={REDACTED}", quote::word(name))
        }
        _ => quote::word(without_secrets(&text)),
    }
}

/// Returns whether an argument is a path or a URL, which may be long and is not a task.
fn is_address(argument: &str) -> bool {
    argument.len() <= 1000
        && !argument.contains(char::is_whitespace)
        && (argument.contains("://")
            || argument.split_once('=').map_or(argument, |(_, path)| path).starts_with('/'))
}

/// Returns `text` without anything that looks like a secret, and without the user and password of any URL.
fn without_secrets(text: &str) -> String {
    secret::redact(&without_users(text), &[])
}

/// Returns `text` with the part before the `@` of each URL hidden: a token is often given as the user.
fn without_users(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let end = after.find(|c: char| matches!(c, '/' | '?' | '#' | '\'' | '"') || c.is_whitespace());
        let (authority, tail) = after.split_at(end.unwrap_or(after.len()));
        out.push_str(before);
        out.push_str("://");
        match authority.rsplit_once('@') {
            Some((user, host)) if user != "git" => {
                out.push_str(REDACTED);
                out.push('@');
                out.push_str(host);
            }
            _ => out.push_str(authority),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_words(words: &[&str]) -> String {
        let words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
        command_line(words[0], &words[1..])
    }

    #[test]
    fn users_and_passwords_of_urls_are_hidden() {
        for (typed, expected) in [
            ("https://me:pw@example.com/x.git", "https://***@example.com/x.git"),
            ("https://token@example.com", "https://***@example.com"),
            ("ssh://git@example.com/x@y", "ssh://git@example.com/x@y"),
            ("a http://u:p@h/ b https://h2/ c", "a http://***@h/ b https://h2/ c"),
            ("https://u:a@b@h/x", "https://***@h/x"),
            ("no address at all", "no address at all"),
        ] {
            assert_eq!(without_users(typed), expected);
        }
    }

    #[test]
    fn secrets_long_texts_and_long_lists_are_omitted() {
        let token = format!("ghp_{}", "a1B2c3D4e5".repeat(4));
        let line = shown_words(&["git", "-c", &format!("x.y={token}"), "fetch"]);
        assert!(!line.contains(&token) && line.ends_with("fetch"), "{line}");
        assert!(
            !shown_words(&["curl", &["password", "q8Zr4Lm2Vx9Tp1Wc"].join("=")]).contains("q8Zr4Lm2Vx9Tp1Wc")
        );
        let task = "do it ".repeat(50);
        assert_eq!(shown_words(&["claude", "-p", &task]), "claude -p '[300 bytes]'".replace('\'', ""));
        let path = format!("/{}", "long/".repeat(50));
        assert_eq!(shown_words(&["git", "-C", &path]), format!("git -C {path}"));
        let many: Vec<&str> = std::iter::once("git").chain(std::iter::repeat_n("x", 100)).collect();
        assert!(shown_words(&many).ends_with("x [and 60 more]"));
    }

    #[test]
    fn texts_of_people_and_passwords_of_options_are_omitted() {
        for (typed, expected) in [
            (vec!["/bin/sh", "-c", "curl -u me:open x"], "/bin/sh -c [17 bytes]"),
            (
                vec!["git-orchestra-spawn", "--check", "X=y make", "fix it"],
                "git-orchestra-spawn --check [8 bytes] [6 bytes]",
            ),
            (vec!["git-orchestra-spawn", "--check=X=y make"], "git-orchestra-spawn --check=[8 bytes]"),
            (vec!["git", "log", "--format=%H %s"], "git log '--format=%H %s'"),
            (vec!["curl", "-u", "me:open", "--token", "abc"], "curl -u *** --token ***"),
            (vec!["env", "DB_PASSWORD=open", "--api-key=a"], "env DB_PASSWORD=*** --api-key=***"),
            (vec!["git", "push", "-u", "origin"], "git push -u origin"),
        ] {
            assert_eq!(shown_words(&typed), expected);
        }
    }

    #[test]
    fn what_is_shown_stays_on_one_line() {
        let line = shown_words(&["git", "-c", "echo a\necho \u{1b}[31m"]);
        assert!(!line.contains(['\n', '\u{1b}']), "{line}");
    }

    #[test]
    fn usual_settings_are_omitted() {
        let arguments = ["--no-pager", "-c", "a=b", "-c", "c=d", "status"].map(OsStr::new);
        let kept = without_usual(arguments.into_iter(), |setting| setting == "a=b");
        assert_eq!(kept, ["--no-pager", "-c", "c=d", "status"]);
    }
}
