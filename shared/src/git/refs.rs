//! Reading refs and changing them by compare-and-swap, durably.
//!
//! Writing follows git's own protocol for loose refs to the letter: `<ref>.lock` is made exclusively, the present value is
//! read under it, the new one is written through to the disk and renamed into place. gix would do it too, but locks
//! `packed-refs` for every update (git does not): writers then wait for each other, and a kill at the wrong moment blocks every
//! ref of the repository. Neither of them writes refs through by default.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    Error, Kind, Result,
    error::Context,
    git::{Git, Oid, Repo, repo::Identity},
    model::quote,
    world,
};

/// Threads that write refs through, where they are many.
const HANDS: usize = 8;
/// How long to wait for another program that has locked a ref.
const WAIT: Duration = Duration::from_secs(2);

/// One change of one ref, made only if the ref is still what it was.
#[derive(Clone, Debug)]
pub struct Edit {
    /// Full name.
    pub name: String,
    /// What it must be now; `None`: it must not exist.
    pub old: Option<Oid>,
    /// What it shall be.
    pub new: Oid,
}

impl Repo {
    /// The object that a ref names, if the ref exists.
    ///
    /// # Errors
    /// The ref is broken.
    pub fn find_ref(&self, name: &str) -> Result<Option<Oid>> {
        let broken = || format!("ref '{name}' is broken");
        match self.gix.try_find_reference(name).context(Kind::Internal, broken)? {
            None => Ok(None),
            Some(mut found) => Ok(Some(found.peel_to_id().context(Kind::Internal, broken)?.detach().into())),
        }
    }

    /// All refs below `prefix` (which ends in `/`) with what they name, in the order of their names.
    /// Broken ones are passed over; `doctor` is for them.
    ///
    /// # Errors
    /// The refs cannot be read at all.
    pub fn refs_below(&self, prefix: &str) -> Result<Vec<(String, Oid)>> {
        let unreadable = || format!("cannot read the refs below '{prefix}'");
        let platform = self.gix.refs.iter().context(Kind::Internal, unreadable)?;
        let relative: &gix::path::RelativePath =
            prefix.try_into().context(Kind::Internal, || format!("'{prefix}' is no ref prefix"))?;
        let mut refs = Vec::new();
        for found in platform.prefixed(relative).context(Kind::Internal, unreadable)? {
            let Ok(found) = found else { continue };
            if let (Ok(name), Some(id)) = (std::str::from_utf8(found.name.as_bstr()), found.target.try_id()) {
                refs.push((name.to_owned(), id.to_owned().into()));
            }
        }
        Ok(refs)
    }

    /// Makes all edits or, if one of them cannot be made, none; when it returns, they survive a power cut. `why` goes into the
    /// reflogs of branches.
    ///
    /// # Errors
    /// A ref is no longer what it was (4), is locked by another program (4), or cannot be written.
    pub fn edit_refs(&self, edits: &[Edit], why: &str) -> Result<()> {
        let mut sorted: Vec<&Edit> = edits.iter().collect();
        // Everyone locks in one order, so that no two wait for each other.
        sorted.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let mut locks = Vec::with_capacity(sorted.len());
        for edit in sorted {
            let lock = RefLock::take(self.gix.common_dir(), &edit.name)?;
            if self.find_ref(&edit.name)? != edit.old {
                return Err(Error::new(
                    Kind::Conflict,
                    format!("ref '{}' was changed by another program", edit.name),
                )
                .hint("try again"));
            }
            locks.push((edit, lock));
        }
        write_all(&mut locks)?;
        let mut folders = BTreeSet::new();
        for (edit, lock) in locks {
            self.log_branch(edit, why)?;
            folders.insert(lock.commit(&edit.name)?);
        }
        for folder in folders {
            File::open(&folder)
                .and_then(|file| file.sync_all())
                .context(Kind::External, || format!("cannot write '{}' through", folder.display()))?;
        }
        Ok(())
    }

    /// Deletes refs, all or none, each only if it is still what it was; a branch's reflog goes with it.
    ///
    /// # Errors
    /// One of them is no longer what it was, or is locked (4).
    pub fn delete_refs(&self, refs: &[(String, Oid)]) -> Result<()> {
        if refs.is_empty() {
            return Ok(());
        }
        // Packed refs are git's own affair.
        let orders: String = refs.iter().map(|(name, old)| format!("delete {name} {old}\n")).collect();
        Git::new(&self.common_dir()?, "update-ref")
            .arg("--stdin")
            .input(orders.into_bytes())
            .run()
            .map(|_| ())
            .map_err(|error| Error { kind: Kind::Conflict, ..error })
    }

    /// Takes away the lock of a ref that a process of ours left when it was killed. To be called where that is certain, or with
    /// the value that only we would have written into it. `true`: it is gone.
    pub fn take_lock_away(&self, name: &str, only_with: Option<Oid>) -> bool {
        let lock = self.gix.common_dir().join(format!("{name}.lock"));
        let proven = match only_with {
            None => lock.exists(),
            Some(value) => {
                fs::read_to_string(&lock).is_ok_and(|content| Oid::parse(content.trim()) == Some(value))
            }
        };
        proven && fs::remove_file(&lock).is_ok()
    }

    /// Takes away the locks of refs below `prefix` that a killed process left. To be called by who knows that nobody writes there.
    pub fn take_locks_away_below(&self, prefix: &str) {
        let mut open = vec![self.gix.common_dir().join(prefix)];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    open.push(path);
                } else if path.extension().is_some_and(|ending| ending == "lock") {
                    let _ = fs::remove_file(path);
                }
            }
        }
    }

    /// Branches have reflogs, unless the user does not want them; our own refs have none.
    fn log_branch(&self, edit: &Edit, why: &str) -> Result<()> {
        let wanted =
            self.gix.config_snapshot().boolean("core.logAllRefUpdates").unwrap_or(!self.gix.is_bare());
        if !edit.name.starts_with("refs/heads/") || !wanted {
            return Ok(());
        }
        let path = self.gix.common_dir().join("logs").join(&edit.name);
        let cannot = || format!("cannot write '{}'", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).context(Kind::External, cannot)?;
        }
        let Identity { name, email } = self.identity()?;
        let old = edit.old.map_or_else(|| "0".repeat(40), |old| old.to_string());
        let line = format!("{old} {} {name} <{email}> {} +0000\t{why}\n", edit.new, world::now().as_second());
        let mut file =
            OpenOptions::new().create(true).append(true).open(&path).context(Kind::External, cannot)?;
        file.write_all(line.as_bytes()).context(Kind::External, cannot)
    }
}

/// Writes the new values through to the disk; many at once, as a disk takes them together as quickly as one.
fn write_all(locks: &mut [(&Edit, RefLock)]) -> Result<()> {
    let write = |some: &mut [(&Edit, RefLock)]| some.iter_mut().try_for_each(|(edit, lock)| lock.write(edit));
    if locks.len() < HANDS {
        return write(locks);
    }
    let share = locks.len().div_ceil(HANDS);
    std::thread::scope(|scope| {
        let hands: Vec<_> = locks.chunks_mut(share).map(|some| scope.spawn(move || write(some))).collect();
        hands.into_iter().try_for_each(|hand| {
            hand.join().unwrap_or_else(|_| Err(Error::internal("refs could not be written")))
        })
    })
}

/// Git's lock on one loose ref. Dropped, it is taken away again.
struct RefLock {
    file: File,
    lock: PathBuf,
    path: PathBuf,
    done: bool,
}

impl RefLock {
    fn take(common_dir: &Path, name: &str) -> Result<Self> {
        let _: gix::refs::FullName =
            name.try_into().context(Kind::Internal, || format!("'{name}' is no ref name"))?;
        let path = common_dir.join(name);
        let lock = common_dir.join(format!("{name}.lock"));
        let begun = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            match create(&lock) {
                Ok(file) => return Ok(Self { file, lock, path, done: false }),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && begun.elapsed() < WAIT => {
                    std::thread::sleep(pause);
                }
                // Git takes empty folders away when it deletes a ref.
                Err(e) if e.kind() == io::ErrorKind::NotFound && begun.elapsed() < WAIT => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(Error::new(
                        Kind::Conflict,
                        format!("ref '{name}' is locked by another program"),
                    )
                    .hint(format!("if no git runs here, remove it: {}", quote::command(&[&"rm", &lock]))));
                }
                Err(e) => {
                    return Err(Error::new(Kind::External, format!("cannot write ref '{name}'")).because(e));
                }
            }
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    fn write(&mut self, edit: &Edit) -> Result<()> {
        let cannot = || format!("cannot write ref '{}'", edit.name);
        writeln!(self.file, "{}", edit.new).context(Kind::External, cannot)?;
        self.file.sync_all().context(Kind::External, cannot)
    }

    /// Puts the new value in place and gives the folder that is to be written through.
    fn commit(mut self, name: &str) -> Result<PathBuf> {
        let cannot = || format!("cannot write ref '{name}'");
        if self.path.is_dir() {
            // Left by refs that were below it; git does the same.
            let _ = fs::remove_dir(&self.path);
        }
        fs::rename(&self.lock, &self.path).context(Kind::External, cannot)?;
        self.done = true;
        Ok(self.path.parent().unwrap_or(&self.path).to_owned())
    }
}

impl Drop for RefLock {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_file(&self.lock);
        }
    }
}

fn create(lock: &Path) -> io::Result<File> {
    match File::create_new(lock) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(lock.parent().unwrap_or(lock))?;
            File::create_new(lock)
        }
        other => other,
    }
}

/// Tells cheaply, without opening a repository, whether a ref may have changed since the last look.
/// A supervisor asks this every second.
#[derive(Debug, Default)]
pub struct RefWatch {
    last: Option<Vec<u8>>,
}

impl RefWatch {
    /// Whether the ref's loose file is other than at the last call. A packed ref always counts as changed.
    pub fn changed(&mut self, common_dir: &Path, name: &str) -> bool {
        match fs::read(common_dir.join(name)) {
            Ok(now) if self.last.as_ref() == Some(&now) => false,
            Ok(now) => {
                self.last = Some(now);
                true
            }
            Err(_) => {
                self.last = None;
                true
            }
        }
    }
}
