//! Where worktrees lie: beside the repository. Inside the checkout `git clean -ffdx` deletes them, and build tools find
//! the outer project.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{
    Error, Kind, Result,
    config::Config,
    error::Context,
    git::{Repo, careful},
};

/// The folder in the checkout, where there is no other way.
const INSIDE: &str = ".worktrees";

/// The folder for the worktrees of this repository.
///
/// # Errors
/// There is no folder that can be written.
pub fn folder(repo: &Repo) -> Result<PathBuf> {
    let wanted = planned(repo)?;
    let error = match real(&wanted) {
        Ok(folder) => return Ok(folder),
        Err(error) => error,
    };
    match repo.main_checkout()?.filter(|_| Config::of(repo).worktrees().is_none()) {
        Some(checkout) => inside(repo, &checkout),
        None => Err(refused(&wanted, error)),
    }
}

/// The folder, links resolved; made where it is missing.
fn real(folder: &Path) -> io::Result<PathBuf> {
    let mut tries = 0;
    loop {
        tries += 1;
        let found = can_be_written(folder).and_then(|()| folder.canonicalize());
        match found {
            // Whoever took the last worktree away took the folder with it, in this very moment.
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 10 => {}
            other => return other,
        }
    }
}

fn can_be_written(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    tempfile::tempfile_in(folder).map(|_| ())
}

fn refused(folder: &Path, error: io::Error) -> Error {
    Error::new(Kind::Refused, format!("cannot make the folder '{}' for worktrees", folder.display()))
        .because(error)
        .hint("git config orchestra.worktrees /a/folder/that/can/be/written")
}

/// `.worktrees` in the checkout, for want of a better place, kept out of the user's sight by the repository's private
/// list of ignored files.
fn inside(repo: &Repo, checkout: &Path) -> Result<PathBuf> {
    let folder = checkout.join(INSIDE);
    let folder = real(&folder).map_err(|error| refused(&folder, error))?;
    let exclude = repo.common_dir()?.join("info/exclude");
    let cannot = || format!("cannot write '{}'", exclude.display());
    let known = match careful::read(&exclude) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        other => other.context(Kind::Refused, || format!("cannot read '{}'", exclude.display()))?,
    };
    let line = format!("/{INSIDE}/");
    if !known.split(|byte| *byte == b'\n').any(|known| known == line.as_bytes()) {
        if let Some(info) = exclude.parent() {
            fs::create_dir_all(info).context(Kind::Refused, cannot)?;
        }
        let before = if known.last().is_some_and(|byte| *byte != b'\n') { "\n" } else { "" };
        let mut file = careful::open_for_appending(&exclude).context(Kind::Refused, cannot)?;
        file.write_all(format!("{before}{line}\n").as_bytes()).context(Kind::Refused, cannot)?;
    }
    Ok(folder)
}

/// Where [`folder`] will be, without making it.
///
/// # Errors
/// The common git directory cannot be found.
pub fn planned(repo: &Repo) -> Result<PathBuf> {
    let common = repo.common_dir()?;
    let home = repository_folder(&common);
    Ok(match Config::of(repo).worktrees() {
        Some(chosen) => home.join(chosen),
        None => beside(&home, &common),
    })
}

/// The repository's own folder: the checkout, the bare repository, or for a submodule the outermost checkout.
fn repository_folder(common: &Path) -> PathBuf {
    if let Some(outer) = outermost(common) {
        return outer;
    }
    match common.file_name() {
        Some(name) if name == ".git" => common.parent().unwrap_or(common).to_owned(),
        _ => common.to_owned(),
    }
}

/// `/x` for `/x/.git/modules/a/modules/b`: the worktrees of a submodule must not lie in any checkout.
fn outermost(common: &Path) -> Option<PathBuf> {
    let mut parts = PathBuf::new();
    let all: Vec<_> = common.components().collect();
    for pair in all.windows(2) {
        if pair[0].as_os_str() == ".git" && pair[1].as_os_str() == "modules" {
            return Some(parts);
        }
        parts.push(pair[0]);
    }
    None
}

fn beside(home: &Path, common: &Path) -> PathBuf {
    let name = home.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".git").filter(|stem| !stem.is_empty()).unwrap_or(&name).to_owned();
    let folder = home.with_file_name(format!("{name}.worktrees"));
    match common.strip_prefix(home.join(".git/modules")) {
        Ok(module) => folder.join(module.to_string_lossy().replace("/modules/", "/")),
        Err(_) => folder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_whatever_kind_of_repository() {
        for (common, folder) in [
            ("/x/app/.git", "/x/app.worktrees"),
            ("/x/app.git", "/x/app.worktrees"),
            ("/x/.git/modules/lib", "/x.worktrees/lib"),
            ("/x/.git/modules/a/modules/b", "/x.worktrees/a/b"),
        ] {
            let common = Path::new(common);
            assert_eq!(beside(&repository_folder(common), common), Path::new(folder));
        }
    }
}
