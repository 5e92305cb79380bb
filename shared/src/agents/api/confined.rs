//! Files that the model names: only those below the worktree and the folders that the user added, whatever links and renames are on
//! the way.

use std::{
    fs::{self, File},
    io,
    os::fd::OwnedFd,
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{CWD, Mode, OFlags},
    io::Errno,
};

/// The folder of git's own files, which no tool writes.
const GIT_FOLDER: &str = ".git";
/// How files are opened: a pipe that takes the place of a file does not block.
const FLAGS: OFlags = OFlags::CLOEXEC.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// The folders whose files the tools may use.
#[derive(Debug)]
pub(super) struct Folders {
    worktree: Folder,
    others: Vec<Folder>,
}

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    canonical: PathBuf,
    descriptor: OwnedFd,
}

/// A file below one of the folders.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    folder: &'a Folder,
    below: PathBuf,
    is_in_worktree: bool,
}

impl Folder {
    fn open(path: &Path) -> io::Result<Self> {
        let descriptor =
            rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | FLAGS, Mode::empty())?;
        Ok(Self { path: path.to_owned(), canonical: fs::canonicalize(path)?, descriptor })
    }

    fn below<'p>(&self, path: &'p Path) -> Option<&'p Path> {
        path.strip_prefix(&self.path).or_else(|_| path.strip_prefix(&self.canonical)).ok()
    }
}

impl Folders {
    /// Opens the folders.
    ///
    /// # Errors
    /// One of them cannot be opened.
    pub(super) fn open(worktree: &Path, others: &[PathBuf]) -> io::Result<Self> {
        let others = others.iter().map(|path| Folder::open(path)).collect::<io::Result<_>>()?;
        Ok(Self { worktree: Folder::open(worktree)?, others })
    }

    /// Finds the folder of a path, which is relative to the worktree or absolute.
    ///
    /// # Errors
    /// It is outside of all folders, or names none of their files.
    pub(super) fn place(&self, typed: &str) -> Result<Place<'_>, String> {
        let path = Path::new(typed);
        let all = || std::iter::once(&self.worktree).chain(&self.others);
        let found = match path.is_absolute() {
            true => all().find_map(|folder| Some((folder, folder.below(path)?))),
            false => Some((&self.worktree, path)),
        };
        let (folder, below) = found.ok_or_else(|| format!("'{typed}' is outside of the worktree"))?;
        let mut names = PathBuf::new();
        for component in below.components() {
            match component {
                Component::Normal(name) => names.push(name),
                Component::CurDir => {}
                _ => return Err(format!("'{typed}' contains '..': name the file without it")),
            }
        }
        if names.as_os_str().is_empty() {
            return Err(format!("'{typed}' is a folder"));
        }
        Ok(Place { folder, below: names, is_in_worktree: std::ptr::eq(folder, &raw const self.worktree) })
    }
}

impl Place<'_> {
    /// Returns how rules name it: relative to the worktree, or absolute.
    pub(super) fn for_rules(&self) -> String {
        let path = if self.is_in_worktree { self.below.clone() } else { self.folder.path.join(&self.below) };
        path.to_string_lossy().into_owned()
    }

    /// Opens it to read. Links are followed as long as they stay in the folder.
    ///
    /// # Errors
    /// It is missing, not a regular file, or leaves the folder.
    pub(super) fn read(&self) -> io::Result<File> {
        let opened = match self.open_beneath(OFlags::RDONLY) {
            Some(opened) => opened?,
            None => self.open_stepwise(OFlags::RDONLY, false)?,
        };
        regular(opened)
    }

    /// Opens it to read and write. A link is not followed, neither as the file nor as one of its folders.
    ///
    /// # Errors
    /// It is missing, not a regular file, a link, or one of git's own files.
    pub(super) fn change(&self) -> io::Result<File> {
        self.check_not_git()?;
        regular(self.open_stepwise(OFlags::RDWR, false)?)
    }

    /// As [`Place::change`], but makes the file and its folders if they are missing.
    ///
    /// # Errors
    /// As [`Place::change`].
    pub(super) fn make(&self) -> io::Result<File> {
        self.check_not_git()?;
        regular(self.open_stepwise(OFlags::RDWR | OFlags::CREATE, true)?)
    }

    /// Asks the kernel to open it without leaving the folder. `None` if the kernel cannot, or keeps seeing renames.
    #[cfg(target_os = "linux")]
    fn open_beneath(&self, flags: OFlags) -> Option<io::Result<OwnedFd>> {
        use rustix::fs::ResolveFlags;
        const TRIES: u32 = 8;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        for _ in 0..TRIES {
            match rustix::fs::openat2(
                &self.folder.descriptor,
                &self.below,
                flags | FLAGS,
                Mode::empty(),
                resolve,
            ) {
                Err(Errno::AGAIN) => {}
                // A kernel before 5.6, or a sandbox that does not know the call.
                Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => return None,
                other => return Some(other.map_err(io::Error::from)),
            }
        }
        None
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "other systems have no such call")]
    fn open_beneath(&self, _flags: OFlags) -> Option<io::Result<OwnedFd>> {
        None
    }

    /// Opens it one name after the other, each in the folder that was opened before, and follows no link. With `make`, missing
    /// folders are made.
    fn open_stepwise(&self, flags: OFlags, make: bool) -> io::Result<OwnedFd> {
        let folder_flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | FLAGS;
        let (parent, name) = (self.below.parent(), self.below.file_name());
        let name = name.ok_or(Errno::INVAL)?;
        let mut folder: Option<OwnedFd> = None;
        for step in parent.into_iter().flat_map(Path::components) {
            let at = folder.as_ref().unwrap_or(&self.folder.descriptor);
            let step = step.as_os_str();
            let opened = rustix::fs::openat(at, step, folder_flags, Mode::empty());
            let opened = match opened {
                Err(Errno::NOENT) if make => {
                    match rustix::fs::mkdirat(at, step, Mode::from(0o777)) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(error) => return Err(error.into()),
                    }
                    rustix::fs::openat(at, step, folder_flags, Mode::empty())
                }
                other => other,
            };
            folder = Some(opened.map_err(explained)?);
        }
        let at = folder.as_ref().unwrap_or(&self.folder.descriptor);
        rustix::fs::openat(at, name, flags | OFlags::NOFOLLOW | FLAGS, Mode::from(0o666)).map_err(explained)
    }

    fn check_not_git(&self) -> io::Result<()> {
        let is_git = |component: Component<'_>| component.as_os_str().eq_ignore_ascii_case(GIT_FOLDER);
        match self.below.components().any(is_git) {
            true => Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is one of git's own files")),
            false => Ok(()),
        }
    }
}

/// Says what is in the way, where the system only names a limit.
fn explained(error: Errno) -> io::Error {
    match error {
        Errno::LOOP | Errno::NOTDIR => io::Error::new(
            io::ErrorKind::InvalidInput,
            "a symbolic link, or no folder, is on the way: name the file itself",
        ),
        other => other.into(),
    }
}

fn regular(opened: OwnedFd) -> io::Result<File> {
    let file = File::from(opened);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        os::unix::fs::symlink,
    };

    use super::*;

    struct Case {
        _dir: tempfile::TempDir,
        top: PathBuf,
        folders: Folders,
    }

    /// A worktree with files and links, next to a secret.
    fn case() -> Case {
        let dir = tempfile::tempdir().expect("a folder");
        let top = dir.path().canonicalize().expect("a path");
        let work = top.join("work");
        fs::create_dir_all(work.join("src")).expect("folders");
        fs::create_dir_all(top.join("notes")).expect("folders");
        fs::write(top.join("secret"), "secret").expect("a file");
        fs::write(work.join("src/a"), "a").expect("a file");
        fs::write(work.join(".git"), "gitdir: x").expect("a file");
        for (target, link) in [
            ("src/a", "inside"),
            ("../secret", "out"),
            ("..", "up"),
            ("/proc/self/root", "root"),
            ("src", "folder"),
        ] {
            symlink(target, work.join(link)).expect("a link");
        }
        symlink(top.join("secret"), work.join("absolute")).expect("a link");
        let folders = Folders::open(&work, &[top.join("notes")]).expect("folders");
        Case { _dir: dir, top, folders }
    }

    fn read(case: &Case, path: &str) -> Result<String, String> {
        let place = case.folders.place(path)?;
        let mut text = String::new();
        place
            .read()
            .and_then(|mut file| file.read_to_string(&mut text))
            .map_err(|error| error.to_string())?;
        Ok(text)
    }

    fn write(case: &Case, path: &str) -> Result<(), String> {
        let place = case.folders.place(path)?;
        place.make().and_then(|mut file| file.write_all(b"new")).map_err(|error| error.to_string())
    }

    #[test]
    fn only_files_below_the_folders_are_read() {
        let case = case();
        let absolute = |below: &str| case.top.join(below).to_string_lossy().into_owned();
        for path in ["src/a", "./src/a", "inside", "folder/a", &absolute("work/src/a")] {
            assert_eq!(read(&case, path).as_deref(), Ok("a"), "{path}");
        }
        for path in [
            "out",
            "up/secret",
            "absolute",
            "root/etc/passwd",
            "../secret",
            "src/../../secret",
            "",
            ".",
            "src",
            "missing",
            "/etc/passwd",
            "a\0b",
            &absolute("secret"),
        ] {
            assert!(read(&case, path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_kernel_without_the_call_gives_no_more() {
        let case = case();
        let stepwise = |path: &str| case.folders.place(path).ok()?.open_stepwise(OFlags::RDONLY, false).ok();
        assert!(stepwise("src/a").is_some());
        for path in ["inside", "folder/a", "out", "up/secret", "absolute", "root/etc/passwd"] {
            assert!(stepwise(path).is_none(), "{path}");
        }
    }

    #[test]
    fn files_are_written_through_no_link_and_none_of_git() {
        let case = case();
        let notes = case.top.join("notes/x").to_string_lossy().into_owned();
        for path in ["new", "a/b/c", "src/a", &notes] {
            assert_eq!(write(&case, path), Ok(()), "{path}");
        }
        for path in
            ["out", "inside", "folder/new", "up/new", "absolute", ".git", ".GIT", "a/.git/config", "src"]
        {
            assert!(write(&case, path).is_err(), "{path}");
        }
        assert_eq!(fs::read_to_string(case.top.join("secret")).expect("a file"), "secret");
        assert_eq!(fs::read_to_string(case.top.join("work/.git")).expect("a file"), "gitdir: x");
        assert!(!case.top.join("new").exists());
    }

    #[test]
    fn a_folder_that_becomes_a_link_meanwhile_leads_nowhere() {
        let case = case();
        let (folder, away) = (case.top.join("work/turns"), case.top.join("work/away"));
        fs::create_dir(&folder).expect("a folder");
        fs::write(folder.join("secret"), "a").expect("a file");
        std::thread::scope(|scope| {
            let turn = || {
                for _ in 0..500 {
                    fs::rename(&folder, &away).expect("renamed");
                    // A file that is written meanwhile creates its folder.
                    while symlink("..", &folder).is_err() {
                        let _ = fs::remove_dir_all(&folder);
                    }
                    fs::remove_file(&folder).expect("removed");
                    while fs::rename(&away, &folder).is_err() {
                        let _ = fs::remove_dir_all(&folder);
                    }
                }
            };
            let turning = std::thread::Builder::new().spawn_scoped(scope, turn).expect("a thread");
            while !turning.is_finished() {
                assert_ne!(read(&case, "turns/../secret").as_deref(), Ok("secret"));
                assert_ne!(read(&case, "turns/secret").as_deref(), Ok("secret"), "the secret is outside");
                let _ = write(&case, "turns/written");
            }
        });
        assert!(!case.top.join("written").exists() && !case.top.join("work/written").exists());
        assert_eq!(fs::read_to_string(case.top.join("secret")).expect("a file"), "secret");
    }

    #[test]
    fn what_replaces_a_file_does_not_block() {
        let case = case();
        let pipe = case.top.join("work/pipe");
        rustix::fs::mknodat(CWD, &pipe, rustix::fs::FileType::Fifo, Mode::from(0o600), 0).expect("a pipe");
        assert!(read(&case, "pipe").is_err() && write(&case, "pipe").is_err());
    }
}
