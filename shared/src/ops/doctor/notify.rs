//! The programs of `orchestra.notify`: a notice that cannot be given is not missed until it is needed.

use std::path::Path;

use super::finding::{Finding, Group};
use crate::{
    Result,
    config::{Config, keys::NOTIFY},
    git::Repo,
    model::text,
    ops::notices::DESKTOP,
    process,
    supervise::notices,
};

/// The programs that show notices on the desktop.
const OF_DESKTOP: [&str; 2] = ["notify-send", "osascript"];

/// Checks that the program of each command is found where the command runs.
///
/// # Errors
/// The repository cannot be read.
pub(super) fn check(repo: &Repo) -> Result<Vec<Finding>> {
    let commands = notices::commands(&Config::of(repo));
    if commands.is_empty() {
        return Ok(Vec::new());
    }
    let folder = repo.main_checkout()?.map_or_else(|| repo.common_dir(), Ok)?;
    let environment = repo.environment().at(&folder);
    let is_found = |program: &str| process::on_path(&environment, program).is_some();
    let home = environment.home();
    let finding = |command: &String| {
        let missing = match command.trim() {
            DESKTOP if OF_DESKTOP.iter().any(|program| is_found(program)) => return None,
            DESKTOP => OF_DESKTOP.join(" or "),
            command => program_of(command, home.as_deref()).filter(|program| !is_found(program))?,
        };
        let what = format!("'{}' is not found, so no notice is given", text::one_line(&missing, 100));
        let command = text::one_line(command, 100);
        Some(
            Finding::warning(Group::Keys, "notify", what)
                .about(&missing)
                .because(format!("{} is '{command}'", NOTIFY.name()))
                .fix("git config --edit"),
        )
    };
    Ok(commands.iter().filter_map(finding).collect())
}

/// Returns the program that a shell command starts, if that is plain to see: no builtin, and nothing that the shell expands but `~/`.
fn program_of(command: &str, home: Option<&Path>) -> Option<String> {
    const BUILTINS: [&str; 16] = [
        ".", ":", "case", "cd", "command", "eval", "exec", "export", "for", "if", "read", "set", "test",
        "trap", "until", "while",
    ];
    let word = command.split_whitespace().next()?.trim_end_matches(';');
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+@~".contains(c);
    if !word.chars().all(is_plain) || BUILTINS.contains(&word) {
        return None;
    }
    match word.strip_prefix("~/") {
        Some(below) => Some(home?.join(below).to_string_lossy().into_owned()),
        None => Some(word.to_owned()).filter(|word| !word.contains('~')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_of_a_command_is_its_first_word() {
        for (command, expected) in [
            ("ntfy publish app", Some("ntfy")),
            ("  ./bell.sh", Some("./bell.sh")),
            ("~/bin/bell", Some("/home/kim/bin/bell")),
            ("cd /tmp && x", None),
            ("A=b x", None),
            ("$BELL", None),
            ("(x)", None),
            ("'my bell' x", None),
            ("~kim/bell", None),
            ("", None),
        ] {
            let found = program_of(command, Some(Path::new("/home/kim")));
            assert_eq!(found.as_deref(), expected, "{command}");
        }
    }
}
