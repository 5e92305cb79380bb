//! How other tools are told to make a worktree ready: shown as a proposal, with the command that takes it over. Nothing of it runs.

use std::path::Path;

use serde_json::Value;

use super::finding::{Finding, Group};
use crate::{
    Result,
    config::{Config, keys},
    git::{Repo, careful},
    model::{quote, text},
};

/// The longest command that is proposed, in bytes.
const MAX_COMMAND: usize = 2000;

/// A setup in the file of another tool.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownSetup {
    /// The file, relative to the checkout.
    pub file: &'static str,
    /// The shell command.
    pub command: String,
}

/// Finds the command in the text of a file.
type ReadSetup = fn(&str) -> Option<String>;

/// The files of other tools, with how the command is found in each.
const FILES: [(&str, ReadSetup); 3] = [
    (".cursor/worktrees.json", of_cursor),
    (".codex/environments/environment.toml", of_codex),
    ("conductor.json", of_conductor),
];

/// Proposes the setup of another tool, if none is configured.
///
/// # Errors
/// The repository cannot be read.
pub(super) fn check(repo: &Repo) -> Result<Vec<Finding>> {
    let Some(known) = proposed(repo)? else { return Ok(Vec::new()) };
    let shown = text::one_line(&known.command, 200);
    let note = Finding::note(Group::Keys, "setup", format!("{} sets worktrees up with: {shown}", known.file));
    let finding =
        note.about(known.file).because("new worktrees of agents are not set up").fix(command(&known));
    Ok(vec![finding])
}

/// Returns the setup of another tool that could be taken over: none is configured or proposed by the project here.
///
/// # Errors
/// The repository cannot be read.
pub fn proposed(repo: &Repo) -> Result<Option<KnownSetup>> {
    // What nobody approved is an error, and reported elsewhere.
    if !matches!(Config::of(repo).get(&keys::SETUP), Ok(None)) {
        return Ok(None);
    }
    Ok(repo.main_checkout()?.and_then(|checkout| find(&checkout)))
}

/// Returns the command that takes a setup over.
pub fn command(known: &KnownSetup) -> String {
    quote::command(&[&"git", &"orchestra", &"config", &"set", &keys::SETUP.name(), &known.command])
}

fn find(checkout: &Path) -> Option<KnownSetup> {
    FILES.iter().find_map(|(file, read)| {
        let command = read(&careful::small_text(&checkout.join(file))?)?;
        Some(KnownSetup { file, command })
    })
}

/// The key `setup-worktree` holds a list of commands, or the path of a script; a path is relative to the file.
fn of_cursor(text: &str) -> Option<String> {
    let parsed: Value = serde_json::from_str(text).ok()?;
    let named = ["setup-worktree-unix", "setup-worktree"].iter().find_map(|name| parsed.get(name))?;
    let command = match named {
        Value::String(script) => format!("sh .cursor/{}", quote::word(script.trim_start_matches("./"))),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" && "),
        _ => return None,
    };
    // Its variable for the user's checkout.
    usable(&command.replace("ROOT_WORKTREE_PATH", "ORCHESTRA_ROOT"))
}

fn of_conductor(text: &str) -> Option<String> {
    let parsed: Value = serde_json::from_str(text).ok()?;
    let command = parsed.get("scripts")?.get("setup")?.as_str()?;
    usable(
        &command.replace("CONDUCTOR_ROOT_PATH", "ORCHESTRA_ROOT").replace("CONDUCTOR_PORT", "ORCHESTRA_PORT"),
    )
}

/// The key `script` in the table `setup`: a text in one line, or in several between three quotes.
fn of_codex(text: &str) -> Option<String> {
    let table = text.split("\n[").find_map(|table| table.trim_start_matches('[').strip_prefix("setup]"))?;
    let value = table.lines().find_map(|line| line.trim_start().strip_prefix("script"))?;
    let value = value.trim_start().strip_prefix('=')?.trim();
    let long = |quotes: &str| {
        let (_, after) = table.split_once(quotes)?;
        Some(after.split_once(quotes)?.0.to_owned())
    };
    if value.starts_with("\"\"\"") {
        return usable(&long("\"\"\"")?);
    }
    if value.starts_with("'''") {
        return usable(&long("'''")?);
    }
    match value.chars().next()? {
        // What is escaped in TOML is so in JSON, as far as a command has it.
        '"' => usable(&serde_json::from_str::<String>(value).ok()?),
        '\'' => usable(value.strip_prefix('\'')?.strip_suffix('\'')?),
        _ => None,
    }
}

fn usable(command: &str) -> Option<String> {
    let command = command.trim();
    let is_usable = !command.is_empty() && command.len() <= MAX_COMMAND && !command.contains('\0');
    is_usable.then(|| command.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setups_of_other_tools_are_read() {
        let some = |command: &str| Some(command.to_owned());
        for (read, file, expected) in [
            (
                FILES[0].1,
                r#"{"setup-worktree":["npm ci","cp $ROOT_WORKTREE_PATH/.env .env"]}"#,
                some("npm ci && cp $ORCHESTRA_ROOT/.env .env"),
            ),
            (FILES[0].1, r#"{"setup-worktree":"setup.sh"}"#, some("sh .cursor/setup.sh")),
            (FILES[0].1, r#"{"setup-worktree":7}"#, None),
            (FILES[0].1, "{", None),
            (FILES[1].1, "version = 1\n[setup]\nscript = \"npm ci\"\n", some("npm ci")),
            (
                FILES[1].1,
                "[setup]\nscript = '''\nnpm ci\nmake\n'''\n[cleanup]\nscript = \"x\"\n",
                some("npm ci\nmake"),
            ),
            (FILES[1].1, "[cleanup]\nscript = \"x\"\n", None),
            (FILES[1].1, "[setup]\nscript = \"\"\n", None),
            (
                FILES[2].1,
                r#"{"scripts":{"setup":"cp $CONDUCTOR_ROOT_PATH/.env .","run":"x"}}"#,
                some("cp $ORCHESTRA_ROOT/.env ."),
            ),
            (FILES[2].1, r#"{"scripts":{}}"#, None),
        ] {
            assert_eq!(read(file), expected, "{file}");
        }
    }
}
