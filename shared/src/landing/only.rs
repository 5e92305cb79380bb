//! Which files work changes that a list of paths does not name.

use crate::{
    Code, Error, Result,
    git::{Oid, Repo, command},
    model::text,
};

/// The longest name of a file that is said, in columns.
const NAME_WIDTH: usize = 100;
/// The most paths of one list.
const MAX_PATHS: usize = 1000;

/// Returns the files that differ between two commits and that none of the paths names. Paths are git's pathspecs, from the top of the
/// repository: `src`, `*.md`, `:(exclude)src/old`.
///
/// # Errors
/// There are too many paths, or git does not take one (2).
pub fn changed_outside(repo: &Repo, base: Oid, tip: Oid, paths: &[String]) -> Result<Vec<String>> {
    check(paths)?;
    let all = changed(repo, base, tip, &[])?;
    if all.is_empty() {
        return Ok(all);
    }
    let inside = changed(repo, base, tip, paths)
        .map_err(|error| Error::usage(format!("git does not take one of the paths: {}", error.one_line())))?;
    Ok(without(all, &inside))
}

/// Checks that paths can be given to git.
///
/// # Errors
/// There are too many, or one is empty (2).
pub fn check(paths: &[String]) -> Result<()> {
    if paths.len() > MAX_PATHS {
        let what = format!("{} paths are too many; the limit is {MAX_PATHS}", paths.len());
        return Err(Error::new(Code::LimitExceeded, what));
    }
    if paths.iter().any(|path| path.trim().is_empty() || path.contains('\0')) {
        return Err(Error::usage("a path is empty"));
    }
    Ok(())
}

fn changed(repo: &Repo, base: Oid, tip: Oid, paths: &[String]) -> Result<Vec<String>> {
    let place = repo.common_dir()?;
    let said = repo
        .git_in(&place, "diff-tree")
        .args(["-r", "-z", "--name-only", "--no-renames", &base.to_string(), &tip.to_string(), "--"])
        .args(paths)
        .limit(command::LONG_LIMIT)
        .run()?;
    let said = String::from_utf8_lossy(&said).into_owned();
    Ok(said.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// Returns the names that are not in another list. Both are in git's order.
fn without(all: Vec<String>, inside: &[String]) -> Vec<String> {
    let inside: std::collections::BTreeSet<&String> = inside.iter().collect();
    all.into_iter().filter(|name| !inside.contains(name)).collect()
}

/// Returns `changes src/x.rs and 2 more files`, for files that a list of paths does not name; `None` if there are none.
pub fn sentence(outside: &[String]) -> Option<String> {
    let first = text::one_line(outside.first()?, NAME_WIDTH);
    Some(match outside.len() - 1 {
        0 => format!("changes {first}"),
        1 => format!("changes {first} and 1 more file"),
        more => format!("changes {first} and {more} more files"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_outside_is_said_with_its_number() {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let said = |all: &[&str], inside: &[&str]| sentence(&without(names(all), &names(inside)));
        assert_eq!(said(&["a", "b"], &["a", "b"]), None);
        assert_eq!(said(&["a", "b"], &["a"]).as_deref(), Some("changes b"));
        assert_eq!(said(&["a", "b", "c"], &["b"]).as_deref(), Some("changes a and 1 more file"));
        assert_eq!(said(&["a", "b", "c"], &[]).as_deref(), Some("changes a and 2 more files"));
    }
}
