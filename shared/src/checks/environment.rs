//! The fingerprint of the environment of a check: what, besides the files and the command, decides its outcome.
//!
//! In it are the operating system and the processor, the machine and the clone, all variables that the check gets except those of
//! [`SESSION`], and, for the shell and each program or absolute path that the command names, the file that it is, with its size, its time
//! and its inode: so the update of a compiler makes a check run again.
//!
//! Not in it is what cannot be seen from outside: programs that those programs start, services, the time of day, ignored files in an
//! agent's worktree. `orchestra.checkAge` bounds the first three; for the last one a result says whether its checkout was fresh. A variable
//! that differs without need only lets a check run once more, and so all that are not known to be harmless count.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::Path,
};

use sha2::{Digest, Sha256};

use crate::{process, world::Environment};

/// Raised when the meaning of a fingerprint changes.
const VERSION: u8 = 1;
/// The largest number of words of a command that are looked up.
const MAX_WORDS: usize = 32;

/// The variables that belong to a terminal, a login, or a process, and differ although nothing that a check sees does. A name that ends in
/// `*` is a prefix.
const SESSION: &[&str] = &[
    "_",
    "COLORTERM",
    "COLUMNS",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "EDITOR",
    "GIT_EDITOR",
    "GIT_ORCHESTRA_*",
    "GIT_PAGER",
    "GIT_TERMINAL_PROMPT",
    "GPG_TTY",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LESS",
    "LESSCLOSE",
    "LESSOPEN",
    "LINES",
    "LS_COLORS",
    "MAIL",
    "OLDPWD",
    "ORCHESTRA_*",
    "PAGER",
    "PWD",
    "SHLVL",
    "SSH_*",
    "STY",
    "TERM",
    "TERMINFO",
    "TERM_*",
    "TMUX",
    "TMUX_*",
    "VISUAL",
    "WAYLAND_DISPLAY",
    "WINDOWID",
    "XAUTHORITY",
    "XDG_SESSION_*",
    "XDG_VTNR",
];

/// Returns the fingerprint: 32 hexadecimal digits, which reveal nothing. `place` tells machine and clone apart from all others.
pub(super) fn fingerprint(environment: &Environment, place: &str, command: &str) -> String {
    let environment = process::environment_of_children(environment);
    let mut digest = Sha256::new();
    let mut add = |parts: &[&[u8]]| {
        for part in parts {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
    };
    add(&[&[VERSION], std::env::consts::OS.as_bytes(), std::env::consts::ARCH.as_bytes(), place.as_bytes()]);
    for (name, value) in environment.variables().filter(|(name, _)| !is_of_session(name)) {
        add(&[name.as_bytes(), value.as_bytes()]);
    }
    for (word, file) in files_of(&environment, command) {
        add(&[word.as_bytes(), file.as_bytes()]);
    }
    faster_hex::hex_string(&digest.finalize()[..16])
}

fn is_of_session(name: &OsStr) -> bool {
    let name = name.as_bytes();
    SESSION.iter().any(|known| match known.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix.as_bytes()),
        None => name == known.as_bytes(),
    })
}

/// Returns the files that a command names: its shell, programs on PATH, and absolute paths, each with what identifies its content.
fn files_of(environment: &Environment, command: &str) -> Vec<(String, String)> {
    let is_part = |c: char| c.is_alphanumeric() || "/._+-".contains(c);
    let mut words: Vec<&str> = vec!["/bin/sh"];
    let mut rest = command;
    while let Some(start) = rest.find(is_part) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|c| !is_part(c)).unwrap_or(from.len()));
        // What the command writes is not what decides its outcome.
        if !before.trim_end().ends_with('>') {
            words.push(word);
        }
        rest = after;
        if words.len() > MAX_WORDS {
            break;
        }
    }
    let mut found: Vec<(String, String)> = Vec::new();
    for word in words {
        if found.iter().any(|(known, _)| known == word) {
            continue;
        }
        let path = match Path::new(word) {
            path if path.is_absolute() => Some(path.to_owned()),
            // A relative path names a file of the tree, or one that the command makes.
            _ if word.contains('/') => None,
            name => process::on_path(environment, name),
        };
        found.extend(path.and_then(|path| Some((word.to_owned(), identity(&path)?))));
    }
    found
}

/// Identifies the content of a file without reading it; `None` if there is none.
fn identity(path: &Path) -> Option<String> {
    let real = fs::canonicalize(path).ok()?;
    let found = fs::metadata(&real).ok()?;
    let (size, seconds, nanoseconds, inode) = (found.size(), found.mtime(), found.mtime_nsec(), found.ino());
    found.is_file().then(|| format!("{} {size} {seconds}.{nanoseconds} {inode}", real.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn environment(folder: &Path, more: &[(&str, &str)]) -> Environment {
        let more = more.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let path = ("PATH".into(), folder.join("bin").into_os_string());
        Environment::new(std::iter::once(path).chain(more), folder)
    }

    #[test]
    fn what_decides_the_outcome_is_in_it_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("bin/build-it");
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::write(&program, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let of = |more: &[(&str, &str)], place: &str, command: &str| {
            fingerprint(&environment(folder.path(), more), place, command)
        };
        let plain = of(&[], "here", "build-it all");
        assert_eq!(plain.len(), 32);
        for (name, value, is_same) in [
            ("TERM", "dumb", true),
            ("SSH_CLIENT", "192.0.2.1 5 22", true),
            ("ORCHESTRA_AGENT", "fix-it-00000", true),
            ("PWD", "/elsewhere", true),
            ("GIT_DIR", "/elsewhere/.git", true),
            ("LANG", "C", false),
            ("RUSTFLAGS", "-D warnings", false),
            ("DATABASE_URL", "", false),
            ("TERMITE", "x", false),
            ("PATH", "/usr/bin", false),
        ] {
            let other = of(&[(name, value)], "here", "build-it all");
            assert_eq!(other == plain, is_same, "{name}");
        }
        assert_ne!(of(&[], "there", "build-it all"), plain);
        fs::write(&program, "#!/bin/sh\nexit 1\n").unwrap();
        assert_ne!(of(&[], "here", "build-it all"), plain, "the program was updated");
    }

    #[test]
    fn a_command_names_programs_and_absolute_paths() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        for name in ["bin/one", "bin/two", "script"] {
            fs::write(folder.path().join(name), "").unwrap();
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let here = environment(folder.path(), &[]);
        let script = folder.path().join("script");
        fs::write(folder.path().join("log"), "").unwrap();
        let log = folder.path().join("log");
        let command =
            format!("X=1 one && (two; one)|./bin/two --at={} three >> {}", script.display(), log.display());
        let words: Vec<String> = files_of(&here, &command).into_iter().map(|(word, _)| word).collect();
        assert_eq!(words, ["/bin/sh", "one", "two", script.to_str().unwrap()]);
        assert!(files_of(&here, &"one ".repeat(100_000)).len() == 2);
    }
}
