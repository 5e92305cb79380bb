//! The sandbox by Landlock: rules that a process gives to itself before it becomes the agent's program. They need no other program, no
//! namespaces and no rights.
//!
//! | file | knows |
//! |---|---|
//! | `rules` | which files can be read and written, from what a sandbox by bubblewrap would show |
//! | `links` | the private home folder, in which links stand in place of mounts |
//! | `git_program` | the git that the agent finds first |
//! | `confine` | the process that takes from itself what the rules forbid |
//!
//! Nothing can be shown at another path than its own, so the agent gets its home folder, its folder for temporary files and its git
//! directory by variables. The kernel knows no rule for one entry of a folder that can be written: the agent can replace `.git` in its
//! worktree, which is why its git is not asked by way of that file, neither by the agent nor by us.

#[cfg(target_os = "linux")]
mod confine;
mod git_program;
mod links;
mod rules;

#[cfg(not(target_os = "linux"))]
mod confine {
    //! Landlock is a part of Linux.

    use std::{ffi::OsString, path::Path};

    use super::PathRules;
    use crate::{Error, Result, model::AgentId, world::Environment};

    pub(in crate::sandbox) fn obstacle() -> Option<&'static str> {
        Some("this is not Linux")
    }

    pub(in crate::sandbox) fn holds_signals() -> bool {
        false
    }

    pub fn confine(_: &Environment, _: &Path, _: &AgentId, _: &PathRules, _: &[OsString]) -> Result<()> {
        Err(Error::internal("this is not Linux"))
    }
}

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

pub(super) use self::confine::{holds_signals, obstacle};
pub use self::{confine::confine, rules::PathRules};
use super::{Sandbox, TEMPORARY_OF_AGENT, mounts::Mount};
use crate::{
    Kind, Result,
    error::ErrorContext,
    process,
    worktree::{
        private_git_dir::PrivateGitDir,
        private_home::{HOME, PROGRAM},
    },
    world::Environment,
};

/// How it is named to people.
pub(super) const NAME: &str = "landlock";
/// The word after the program's name with which our program is started to become that of an agent.
const VERB: &str = "confine";
/// Variables that name folders of the user's home folder, in whose place the agent has its own.
const OF_HOME: [&str; 4] = ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"];

/// A folder of the sandbox that stands in the place of one of the user.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Stand {
    /// The folder of the user.
    of: PathBuf,
    /// That of the sandbox.
    at: PathBuf,
}

impl Stand {
    /// Finds those of the home folder and of the agent's program, whose own folders are below `own`.
    fn all(own: &Path, mounts: &[Mount]) -> Vec<Self> {
        let is_own = |at: &Path| {
            let name = at.strip_prefix(own).ok().and_then(Path::to_str);
            name.is_some_and(|name| name == HOME || name.starts_with(PROGRAM))
        };
        let stand = |mount: &Mount| match mount {
            Mount::Write(at, of) if at != of && is_own(at) => Some(Self { of: of.clone(), at: at.clone() }),
            _ => None,
        };
        mounts.iter().filter_map(stand).collect()
    }

    /// Returns the one in which a path is, if it is not that path itself: the innermost.
    fn around<'a>(all: &'a [Self], path: &Path) -> Option<&'a Self> {
        let around = all.iter().filter(|stand| path.starts_with(&stand.of) && path != stand.of);
        around.max_by_key(|stand| stand.of.as_os_str().len())
    }

    /// Returns where the agent finds what is at a path of the user.
    fn place(all: &[Self], path: &Path) -> PathBuf {
        let exact = all.iter().find(|stand| stand.of == path).map(|stand| stand.at.clone());
        exact.unwrap_or_else(|| match Self::around(all, path) {
            Some(stand) => {
                path.strip_prefix(&stand.of).map_or_else(|_| path.into(), |rest| stand.at.join(rest))
            }
            None => path.into(),
        })
    }
}

/// Returns a command of ours that becomes `program` in the sandbox; the arguments that follow are those of the program. `own` is the
/// folder of the sandbox.
///
/// # Errors
/// A link cannot be placed, or there are too many files for the rules.
pub(super) fn command(
    environment: &Environment,
    own: &Path,
    sandbox: &Sandbox,
    mounts: &[Mount],
    program: &str,
) -> Result<Command> {
    let stands = Stand::all(own, mounts);
    links::place(own, &stands, mounts)
        .context(Kind::External, || format!("cannot make a home folder in '{}'", own.display()))?;
    let programs = git_program::place(environment, own, &sandbox.worktree, &own_git_dir(sandbox))
        .context(Kind::External, || format!("cannot write in '{}'", own.display()))?;
    let temporary = own.join(TEMPORARY_OF_AGENT);
    let mut rules = PathRules::of(mounts)?;
    rules.read.extend(programs.clone());
    rules.write.push(temporary.clone());
    rules.write.extend(stands.iter().map(|stand| stand.at.clone()));
    let mut command = process::command(environment, process::own_program());
    command.args(["supervise", VERB]).arg(&sandbox.common_dir).arg(sandbox.id.as_str());
    for (option, paths) in [("--read", &rules.read), ("--write", &rules.write)] {
        command.args(paths.iter().flat_map(|path| [OsString::from(option), path.clone().into_os_string()]));
    }
    command.arg("--").arg(program).env("TMPDIR", temporary);
    for (name, value) in variables(environment, &stands) {
        command.env(name, value);
    }
    if let Some(path) = programs.and_then(|programs| path_with(environment, programs)) {
        command.env("PATH", path);
    }
    Ok(command)
}

fn own_git_dir(sandbox: &Sandbox) -> PathBuf {
    PrivateGitDir::of(&sandbox.common_dir, &sandbox.id).git_dir()
}

/// Returns `PATH` with a folder before the others.
fn path_with(environment: &Environment, first: PathBuf) -> Option<OsString> {
    let path = process::environment_of_children(environment).variable("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(first).chain(std::env::split_paths(&path))).ok()
}

/// Returns the variables that lead to the folders of the sandbox.
fn variables(environment: &Environment, stands: &[Stand]) -> Vec<(String, PathBuf)> {
    let home = environment.home();
    let moved = |(name, value): (&str, &str)| {
        let value = Path::new(value);
        let of_home = name == "HOME" || OF_HOME.contains(&name);
        let counts = |stand: &&Stand| of_home || Some(&stand.of) != home.as_ref();
        let known: Vec<Stand> = stands.iter().filter(counts).cloned().collect();
        let place = Stand::place(&known, value);
        (value.is_absolute() && place != value).then(|| (name.to_owned(), place))
    };
    environment.text_variables().filter_map(moved).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_lead_to_the_folders_of_the_sandbox() {
        let stand = |of: &str, at: &str| Stand { of: of.into(), at: at.into() };
        let stands = [stand("/home/kim", "/s/home"), stand("/home/kim/.codex", "/s/program-0")];
        let set = [
            ("HOME", "/home/kim"),
            ("XDG_CACHE_HOME", "/home/kim/cache"),
            ("CARGO_HOME", "/home/kim/.cargo"),
            ("CODEX_HOME", "/home/kim/.codex"),
            ("PATH", "/usr/bin"),
        ];
        let environment =
            Environment::new(set.map(|(name, value)| (name.into(), value.into())), Path::new("/"));
        let mut found = variables(&environment, &stands);
        found.sort();
        let expected =
            [("CODEX_HOME", "/s/program-0"), ("HOME", "/s/home"), ("XDG_CACHE_HOME", "/s/home/cache")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), PathBuf::from(value))));
    }

    #[test]
    fn the_innermost_folder_says_where_a_path_is_found() {
        let mounts = [
            Mount::Write("/s/temporary".into(), "/tmp".into()),
            Mount::Write("/s/home".into(), "/home/kim".into()),
            Mount::Write("/s/program-0".into(), "/home/kim/.codex".into()),
            Mount::write("/home/kim/.codex/sessions"),
        ];
        let stands = Stand::all(Path::new("/s"), &mounts);
        for (path, place) in [
            ("/home/kim", "/s/home"),
            ("/home/kim/.codex", "/s/program-0"),
            ("/home/kim/.codex/sessions", "/s/program-0/sessions"),
            ("/home/kim/.gitconfig", "/s/home/.gitconfig"),
            ("/tmp/x", "/tmp/x"),
        ] {
            assert_eq!(Stand::place(&stands, Path::new(path)), Path::new(place), "{path}");
        }
    }
}
