//! The private home folder of an agent: it shows what is in the user's, which it cannot change, without secrets and without what other
//! agent programs keep there.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::mounts::Mount;
use crate::{
    Kind, Result,
    agents::{self, HomeFolder},
    error::ErrorContext,
    git::careful,
    private_files,
    worktree::private_home::{CACHE, HOME, PROGRAM},
    world::Environment,
};

/// Files and folders of the home folder that hold secrets, or lead to programs that do. They are not shown.
const SECRETS: &[&str] = &[
    ".Xauthority",
    ".ICEauthority",
    ".aws",
    ".azure",
    ".bash_history",
    ".boto",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".config/1Password",
    ".config/chromium",
    ".config/containers/auth.json",
    ".config/gcloud",
    ".config/gh",
    ".config/git/credentials",
    ".config/gitea",
    ".config/glab-cli",
    ".config/github-copilot",
    ".config/google-chrome",
    ".config/hub",
    ".config/op",
    ".config/rclone",
    ".config/sops",
    ".config/tea",
    ".docker",
    ".gem/credentials",
    ".git-credentials",
    ".gnupg",
    ".kube",
    ".local/share/fish/fish_history",
    ".local/share/keyrings",
    ".m2/settings.xml",
    ".mozilla",
    ".my.cnf",
    ".netrc",
    ".npmrc",
    ".password-store",
    ".pgpass",
    ".psql_history",
    ".pypirc",
    ".python_history",
    ".ssh",
    ".terraform.d",
    ".terraformrc",
    ".vault-token",
    ".zsh_history",
];
/// Maximum number of entries of the home folder that are shown.
const MAX_ENTRIES: usize = 2000;
/// Maximum size of a file that is copied, in bytes.
const MAX_COPIED: u64 = 32 << 20;

/// Returns the mounts of a private home folder, whose own files are below `own`. Folders in which sessions are stored are made if they
/// are missing.
///
/// # Errors
/// A folder cannot be made.
pub(super) fn mounts(environment: &Environment, own: &Path, program: &str) -> Result<Vec<Mount>> {
    let Some(home) = environment.home().filter(|home| home.is_absolute() && home.parent().is_some()) else {
        return Ok(Vec::new());
    };
    let cannot = || format!("cannot make a home folder in '{}'", own.display());
    let private = own.join(HOME);
    private_files::create_dir(&private).context(Kind::External, cannot)?;
    let mut mounts = vec![Mount::Write(private.clone(), home.clone())];
    let folders = agents::program(program).map_or(&[][..], agents::AgentProgram::home_folders);
    let of_program: Vec<PathBuf> = folders.iter().filter_map(|folder| folder.path(environment)).collect();
    for name in shown_names(&home).context(Kind::External, cannot)? {
        let path = home.join(&name);
        let is_left_out = name == CACHE || SECRETS.contains(&name.as_str()) || of_program.contains(&path);
        if !is_left_out && !is_in_the_way(&private.join(&name), &path) {
            mounts.push(Mount::read(path));
        }
    }
    mounts
        .extend(SECRETS.iter().filter(|path| path.contains('/')).filter_map(|path| cover(&home.join(path))));
    for other in agents::all().filter(|other| other.name() != program) {
        let paths = other.home_folders().iter().filter(|folder| !folder.below_home.is_empty());
        let paths = paths.filter_map(|folder| folder.path(environment));
        mounts.extend(paths.filter(|path| !of_program.contains(path)).filter_map(|path| cover(&path)));
    }
    for (at, folder) in folders.iter().enumerate() {
        let Some(path) = folder.path(environment) else { continue };
        let backing = match folder.below_home {
            "" => private.clone(),
            _ => own.join(format!("{PROGRAM}{at}")),
        };
        mounts.extend(of_folder(folder, &path, &backing).context(Kind::External, cannot)?);
    }
    Ok(mounts)
}

/// Returns the mounts of one folder of the agent's program.
fn of_folder(folder: &HomeFolder, path: &Path, backing: &Path) -> io::Result<Vec<Mount>> {
    if folder.written == ["/"] {
        fs::create_dir_all(path)?;
        return Ok(vec![Mount::write(path)]);
    }
    let mut mounts = Vec::new();
    if !folder.below_home.is_empty() {
        fs::create_dir_all(path)?;
        private_files::create_dir(backing)?;
        mounts.push(Mount::Write(backing.to_owned(), path.to_owned()));
    }
    for name in folder.copied {
        let to = backing.join(name);
        if fs::symlink_metadata(&to).is_err()
            && let Ok(file) = careful::open_regular_through_links(&path.join(name))
            && let Some(content) = careful::read_up_to(file, MAX_COPIED)?
        {
            private_files::replace(&to, content)?;
        }
    }
    let read = folder.read.iter().map(|name| path.join(name)).filter(|path| path.exists());
    mounts.extend(read.map(Mount::read));
    for name in folder.written {
        let path = path.join(name.trim_end_matches('/'));
        if name.ends_with('/') {
            fs::create_dir_all(&path)?;
        }
        if path.exists() {
            mounts.push(Mount::write(path));
        }
    }
    Ok(mounts)
}

/// Returns the names of what is in a folder: files, folders, and links to such. What is neither, as a socket, leads out of a sandbox.
fn shown_names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)?.take(MAX_ENTRIES).flatten() {
        let is_shown = fs::metadata(entry.path()).is_ok_and(|found| found.is_file() || found.is_dir());
        names.extend(entry.file_name().into_string().ok().filter(|_| is_shown));
    }
    names.sort();
    Ok(names)
}

/// Returns whether the agent made something at a path of its home folder where `shown` cannot be placed.
fn is_in_the_way(path: &Path, shown: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink() || found.is_dir() != shown.is_dir())
}

/// Returns what covers a file or folder if it exists.
fn cover(path: &Path) -> Option<Mount> {
    let path = path.canonicalize().ok()?;
    Some(if path.is_dir() { Mount::Empty(path) } else { Mount::Nothing(path) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Environment) {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("kim");
        for below in [".ssh", ".config/gh", ".codex", ".claude", "bin", ".cache"] {
            fs::create_dir_all(home.join(below)).unwrap();
        }
        for file in [".gitconfig", ".netrc", ".claude.json", ".claude/settings.json"] {
            fs::write(home.join(file), "x").unwrap();
        }
        let environment = Environment::new([("HOME".into(), home.into())], folder.path());
        (folder, environment)
    }

    #[test]
    fn secrets_and_other_programs_are_not_shown() {
        let (folder, environment) = home();
        let own = folder.path().join("own");
        let mounts = mounts(&environment, &own, "claude").unwrap();
        let home = environment.home().unwrap();
        let shown: Vec<PathBuf> = mounts
            .iter()
            .filter_map(|mount| match mount {
                Mount::Read(_, to) => Some(to.strip_prefix(&home).unwrap().to_owned()),
                _ => None,
            })
            .collect();
        assert_eq!(
            shown,
            [".claude.json", ".codex", ".config", ".gitconfig", "bin", ".claude/settings.json"]
                .map(PathBuf::from)
        );
        for covered in [".config/gh", ".codex"] {
            assert!(mounts.contains(&Mount::Empty(home.join(covered).canonicalize().unwrap())), "{covered}");
        }
        assert!(mounts.contains(&Mount::write(home.join(".claude/projects"))));
        assert_eq!(fs::read_to_string(own.join("home/.claude.json")).unwrap(), "x");
    }

    #[test]
    fn what_the_agent_made_is_not_written_through() {
        let (folder, environment) = home();
        let own = folder.path().join("own");
        fs::create_dir_all(own.join("home")).unwrap();
        let elsewhere = folder.path().join("elsewhere");
        std::os::unix::fs::symlink(&elsewhere, own.join("home/.claude.json")).unwrap();
        std::os::unix::fs::symlink(&elsewhere, own.join("home/bin")).unwrap();
        let mounts = mounts(&environment, &own, "claude").unwrap();
        assert!(!elsewhere.exists());
        assert!(!mounts.contains(&Mount::read(environment.home().unwrap().join("bin"))));
    }
}
