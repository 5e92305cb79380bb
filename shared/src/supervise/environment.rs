//! Decides which environment variables an agent's program inherits: none that names another repository or the main checkout.

use std::path::{Path, PathBuf};

use crate::git::common_dir;

/// Git's variables that apply to one command or hook of the caller and must not be inherited.
const COMMAND_VARIABLES: &[&str] = &[
    "GIT_AUTHOR_DATE",
    "GIT_CHERRY_PICK_HELP",
    "GIT_COMMITTER_DATE",
    "GIT_GLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_INDEX_VERSION",
    "GIT_LITERAL_PATHSPECS",
    "GIT_MERGE_AUTOEDIT",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_OPTIONAL_LOCKS",
    "GIT_REFLOG_ACTION",
];

/// Variables that name the folder for the results of builds. Where it is a fixed one, all agents write to the same: measured with cargo,
/// builds wait for each other, and the program in it is that of the agent that built last, so that an agent tests the work of another.
const BUILD_FOLDERS: &[&str] = &[
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_TARGET_DIR",
    "DUNE_BUILD_DIR",
    "KBUILD_OUTPUT",
    "MIX_BUILD_PATH",
    "MIX_BUILD_ROOT",
    "UV_PROJECT_ENVIRONMENT",
];

/// The variable with options of every go command; `-o` names the file or folder for its result.
const GO_OPTIONS: &str = "GOFLAGS";

/// The prefixes of further names that must not be inherited.
const PREFIXES: &[&str] = &["GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_", "GIT_ORCHESTRA_", "ORCHESTRA_"];

/// The prefixes that a path value may have: direnv writes the first, programs that use URLs the second.
const PATH_PREFIXES: &[&str] = &["-", "file://"];

/// How one variable is changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum VariableChange {
    /// It is not inherited.
    Removed,
    /// It named something that agents must not share, and is changed to this: a path in the main checkout to the same path in the
    /// worktree.
    Moved(String),
}

/// Returns the variables that an agent in `worktree` does not inherit unchanged. `home` is the user's home folder.
///
/// A value that is a path in the main checkout is moved into the worktree, as if it had been made there; one that is a path in
/// the repository's own folder is removed. Lists such as PATH say where programs are and stay as they are; where the user's home
/// folder itself lies in the checkout, every path does, and all stay.
pub fn changes<'a>(
    variables: impl Iterator<Item = (&'a str, &'a str)>,
    common_dir: &Path,
    worktree: &Path,
    home: Option<&Path>,
) -> Vec<(String, VariableChange)> {
    let checkout = common_dir::display_folder(common_dir);
    let at_home = home.is_some_and(|home| home.starts_with(checkout));
    let change = |name: &str, value: &str| {
        if COMMAND_VARIABLES.contains(&name) || PREFIXES.iter().any(|begins| name.starts_with(begins)) {
            return Some(VariableChange::Removed);
        }
        if BUILD_FOLDERS.contains(&name) && value.starts_with('/') && !Path::new(value).starts_with(worktree)
        {
            return Some(VariableChange::Removed);
        }
        if name == GO_OPTIONS && value.split_whitespace().any(is_shared_output) {
            let kept: Vec<&str> = value.split_whitespace().filter(|word| !is_shared_output(word)).collect();
            return Some(VariableChange::Moved(kept.join(" ")));
        }
        if at_home || name == "PATH" || name == "HOME" {
            return None;
        }
        let before = PATH_PREFIXES
            .iter()
            .copied()
            .find(|before| value.strip_prefix(before).is_some_and(|path| path.starts_with('/')));
        let before = before.unwrap_or_default();
        let path = Path::new(&value[before.len()..]);
        if path.starts_with(common_dir) {
            return Some(VariableChange::Removed);
        }
        let below = path.strip_prefix(checkout).ok().filter(|_| !path.starts_with(worktree))?;
        let moved: PathBuf =
            if below.as_os_str().is_empty() { worktree.into() } else { worktree.join(below) };
        Some(VariableChange::Moved(format!("{before}{}", moved.display())))
    };
    variables.filter_map(|(name, value)| Some((name.to_owned(), change(name, value)?))).collect()
}

/// Returns whether an option of go puts every result into one place.
fn is_shared_output(word: &str) -> bool {
    ["-o=/", "--o=/"].iter().any(|begins| word.starts_with(begins))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, value: &str, home: &str) -> Option<VariableChange> {
        let (common, worktree) = (Path::new("/w/app/.git"), Path::new("/w/app.worktrees/a-1"));
        changes([(name, value)].into_iter(), common, worktree, Some(Path::new(home)))
            .pop()
            .map(|(_, change)| change)
    }

    #[test]
    fn nothing_names_the_main_checkout() {
        let moved = |path: &str| Some(VariableChange::Moved(path.to_owned()));
        for (name, value, then) in [
            ("PROJECT", "/w/app", moved("/w/app.worktrees/a-1")),
            ("VIRTUAL_ENV", "/w/app/.venv", moved("/w/app.worktrees/a-1/.venv")),
            ("DIRENV_DIR", "-/w/app", moved("-/w/app.worktrees/a-1")),
            ("URL", "file:///w/app/x", moved("file:///w/app.worktrees/a-1/x")),
            ("HOOK_DIR", "/w/app/.git/hooks", Some(VariableChange::Removed)),
            ("GIT_AUTHOR_DATE", "now", Some(VariableChange::Removed)),
            ("GIT_CONFIG_VALUE_3", "x", Some(VariableChange::Removed)),
            ("ORCHESTRA_PROMPT_FILE", "/tmp/x", Some(VariableChange::Removed)),
            ("CARGO_TARGET_DIR", "/home/tess/target", Some(VariableChange::Removed)),
            ("CARGO_TARGET_DIR", "build", None),
            ("CARGO_TARGET_DIR", "/w/app.worktrees/a-1/build", None),
            ("GOFLAGS", "-mod=mod -o=/home/tess/bin", moved("-mod=mod")),
            ("GOFLAGS", "-mod=mod -o=bin", None),
            ("GIT_AUTHOR_NAME", "Tess", None),
            ("GIT_SSH_COMMAND", "ssh -v", None),
            ("PATH", "/w/app/node_modules/.bin:/bin", None),
            ("OTHER", "/w/application", None),
            ("WORKTREE", "/w/app.worktrees/a-1/x", None),
            ("TEXT", "-", None),
        ] {
            assert_eq!(change(name, value, "/home/tess"), then, "{name}={value}");
        }
        // A repository whose checkout is the home folder.
        assert_eq!(change("CACHE", "/w/app/.cache", "/w/app"), None);
        assert_eq!(change("ORCHESTRA_X", "1", "/w/app"), Some(VariableChange::Removed));
    }
}
