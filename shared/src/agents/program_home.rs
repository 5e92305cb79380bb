//! A home folder for one start of a program: that of the user by links, and what git orchestra adds to it. A program that takes something
//! only there gets it in this way, and nothing is written to a file of the user.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::private_files;

/// Maximum number of entries of one folder that are linked.
const MAX_ENTRIES: usize = 2000;

/// A home folder, in the agent's private folder.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ProgramHome {
    /// Its name.
    pub name: String,
    /// What is added: links, by their paths below it, to files in the agent's private folder, by their names.
    pub added: Vec<(PathBuf, String)>,
    /// The folders below it that show one of the user.
    pub shown: Vec<ShownFolder>,
}

/// A folder of the user, of which each entry is linked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ShownFolder {
    /// Its path below the new home folder.
    pub below: PathBuf,
    /// The folder of the user.
    pub of: PathBuf,
    /// The folders in it that are made if they are missing, because the program keeps there what is needed later.
    pub made: Vec<String>,
    /// The files in it that are linked even if they are missing, so that the program makes them where they belong.
    pub files: Vec<String>,
}

impl ProgramHome {
    /// Makes the folder from nothing, and returns its path: an earlier start may have left something else.
    ///
    /// # Errors
    /// Something cannot be made.
    pub(super) fn make(&self, private: &Path) -> io::Result<PathBuf> {
        // It is filled where no agent writes.
        let new = private_files::temporary_dir(private)?;
        for (below, name) in &self.added {
            link(&new.path().join(below), &private.join(name))?;
        }
        for folder in &self.shown {
            folder.show(new.path())?;
        }
        let path = private.join(&self.name);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::rename(new.keep(), &path)?,
        }
        Ok(path)
    }
}

impl ShownFolder {
    fn show(&self, home: &Path) -> io::Result<()> {
        for name in &self.made {
            fs::create_dir_all(self.of.join(name))?;
        }
        let entries = match fs::read_dir(&self.of) {
            Ok(entries) => entries.take(MAX_ENTRIES).collect::<io::Result<Vec<_>>>()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let names = entries.iter().map(fs::DirEntry::file_name);
        for name in names.chain(self.files.iter().map(Into::into)) {
            link(&home.join(&self.below).join(&name), &self.of.join(&name))?;
        }
        Ok(())
    }
}

/// Makes a link, and the folder that it is in. What is there already stays.
fn link(path: &Path, to: &Path) -> io::Result<()> {
    private_files::create_dir(path.parent().unwrap_or(path))?;
    match symlink(to, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_what_is_the_users_and_adds_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let (private, user) = (folder.path().join("private"), folder.path().join("kim"));
        for made in [&private, &user.join("more/theirs")] {
            fs::create_dir_all(made).unwrap();
        }
        fs::write(user.join("settings"), "of the user").unwrap();
        fs::write(private.join("extension"), "of the agent").unwrap();
        let shown = |below: &str, of: PathBuf, files: &[&str]| ShownFolder {
            below: below.into(),
            of,
            made: vec!["tmp".to_owned()],
            files: files.iter().map(|&name| name.to_owned()).collect(),
        };
        let home = ProgramHome {
            name: "home".to_owned(),
            added: vec![("x/more/ours/extension".into(), "extension".to_owned())],
            shown: vec![
                shown("x", user.clone(), &["login"]),
                shown("x/more", user.join("more"), &[]),
                shown("x/none", folder.path().join("none"), &[]),
            ],
        };
        // What is in the place of the folder is not followed.
        symlink(&user, private.join("home")).unwrap();
        let path = home.make(&private).unwrap();
        let read = |name: &str| fs::read_to_string(path.join(name)).unwrap();
        assert_eq!(
            (read("x/settings").as_str(), read("x/more/ours/extension").as_str()),
            ("of the user", "of the agent")
        );
        assert!(path.join("x/more/theirs").is_dir());
        // What the program writes for later is with the user, also if it was not there.
        fs::write(path.join("x/login"), "renewed").unwrap();
        fs::write(path.join("x/tmp/session"), "1").unwrap();
        assert_eq!(fs::read_to_string(user.join("login")).unwrap(), "renewed");
        assert!(user.join("tmp/session").exists() && !user.join("more/ours").exists());
        fs::write(path.join("x/left"), "").unwrap();
        home.make(&private).unwrap();
        assert!(!path.join("x/left").exists() && user.join("tmp/session").exists());
        assert_eq!(fs::read_dir(&private).unwrap().count(), 2, "nothing else is left");
    }
}
