//! Separates the repository of a submodule from every other one: an agent in a sandbox writes all of its files. A file that another
//! repository has by a hard link becomes a copy, and no address in its configuration names a user or a password.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::MAX_FILES;
use crate::{git::careful, private_files};

/// The file that says whose objects a repository borrows.
const ALTERNATES: &str = "objects/info/alternates";

/// Separates a repository and those that are nested in it. If it fails, what was done stays, and harms nothing.
///
/// # Errors
/// It borrows objects, there is something else than files and folders in it, there are too many files, or the disk is full.
pub(super) fn separate(git_dir: &Path) -> io::Result<()> {
    let mut count = 0;
    let mut pending = vec![git_dir.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            count += 1;
            match kind {
                _ if count > MAX_FILES => return Err(io::Error::other("too many files")),
                _ if kind.is_dir() => pending.push(path),
                _ if !kind.is_file() => {
                    return Err(io::Error::other("something else than files and folders"));
                }
                _ if path.ends_with(ALTERNATES) => return Err(io::Error::other("it borrows objects")),
                _ => separate_file(&path, entry.metadata()?.nlink() > 1)?,
            }
        }
    }
    Ok(())
}

fn separate_file(path: &PathBuf, is_linked: bool) -> io::Result<()> {
    if path.file_name().is_some_and(|name| name == "config") {
        let text = careful::text(path)?;
        let without = without_users(&text);
        if is_linked || without != text {
            private_files::replace(path, without)?;
        }
        return Ok(());
    }
    if is_linked {
        let mode = fs::metadata(path)?.permissions();
        private_files::replace_with(path, |copy| io::copy(&mut fs::File::open(path)?, copy).map(drop))?;
        fs::set_permissions(path, mode)?;
    }
    Ok(())
}

/// Returns the text of a configuration without the part before the `@` of each address that http uses: it is a login.
fn without_users(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let end = after.find(|c: char| matches!(c, '/' | '?' | '#' | '"') || c.is_whitespace());
        let (authority, tail) = after.split_at(end.unwrap_or(after.len()));
        let host = authority.rsplit_once('@').filter(|(user, _)| *user != "git").map(|(_, host)| host);
        out.extend([before, "://", host.unwrap_or(authority)]);
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_left_out_of_a_configuration() {
        for (text, expected) in [
            ("\turl = https://me:pw@example.com/x.git\n", "\turl = https://example.com/x.git\n"),
            (
                "[remote \"a\"]\n\turl = ssh://git@example.com/x@y\n",
                "[remote \"a\"]\n\turl = ssh://git@example.com/x@y\n",
            ),
            ("[url \"https://t@h/\"]\n\tinsteadOf = x:\n", "[url \"https://h/\"]\n\tinsteadOf = x:\n"),
            ("\turl = git@example.com:x.git\n", "\turl = git@example.com:x.git\n"),
        ] {
            assert_eq!(without_users(text), expected);
        }
    }

    #[test]
    fn a_separate_repository_shares_no_file_and_borrows_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (own, other) = (folder.path().join("own"), folder.path().join("other"));
        fs::create_dir_all(own.join("modules/deep/objects/info")).unwrap();
        let (linked, alone) = (own.join("modules/deep/objects/pack"), own.join("HEAD"));
        fs::write(&other, "of both").unwrap();
        fs::hard_link(&other, &linked).unwrap();
        fs::write(&alone, "x").unwrap();
        let was = fs::metadata(&alone).unwrap().ino();
        separate(&own).unwrap();
        fs::write(&linked, "of one").unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "of both");
        assert_eq!(fs::metadata(&alone).unwrap().ino(), was, "what is shared with nobody stays");
        fs::write(own.join("modules/deep").join(ALTERNATES), "/elsewhere\n").unwrap();
        assert!(separate(&own).is_err());
        fs::remove_file(own.join("modules/deep").join(ALTERNATES)).unwrap();
        std::os::unix::fs::symlink(&other, own.join("link")).unwrap();
        assert!(separate(&own).is_err());
    }
}
