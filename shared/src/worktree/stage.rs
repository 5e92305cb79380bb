//! Turning changed files into objects. They are first copied into a folder of ours, byte for byte and within limits, and git
//! reads only that folder. So nothing in the worktree, not even if it is replaced meanwhile, can block git or lead it elsewhere.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{
        Git, Oid, Repo, careful,
        file_stat::{FileKind, FileStat},
        ignore,
        index_entries::IndexEntries,
    },
    model::{ByteSize, text},
    worktree::{
        exclusions,
        isolated_git_dir::IsolatedGitDir,
        root::{self, WorktreeRoot},
        survey::{self, Survey},
    },
};

/// Maximum number of files that are copied at once.
const MAX_FILES: usize = 4000;
const MAX_BYTES: u64 = 256 << 20;
/// Maximum size of an attributes file that is read, in bytes.
const MAX_ATTRIBUTES_BYTES: u64 = 4 << 20;
/// If git rejects more files than this one by one, the files are not the cause.
const MAX_REJECTED: usize = 100;
/// How long git may take for some files, whose filters may be slow: this long, and longer for each file and byte.
const FILTER_TIMEOUT: Duration = Duration::from_secs(20);
const FILTER_TIMEOUT_PER_FILE: Duration = Duration::from_millis(500);
const FILTER_BYTES_PER_SECOND: u64 = 4 << 20;
/// After this many files whose filters did not end in time, no further filter is tried.
const MAX_HANGING_FILTERS: usize = 2;
/// Why a file whose filter does not end is left out.
const FILTER_TIMED_OUT: &str = "its filter did not end in time";
/// Words in git's messages when a file itself is the cause, and not the disk or the repository.
const FILE_ERRORS: &[&str] = &["filter", "nvalid path", "encod", "CRLF", "LF would", "binary"];

/// The folder into which files are copied.
pub struct StagingArea<'a> {
    root: &'a WorktreeRoot,
    entries: &'a IndexEntries,
    /// The worktree's isolated git directory, with the staging area as its worktree.
    isolated: IsolatedGitDir,
    folder: PathBuf,
    max_file: ByteSize,
    deadline: Instant,
    rejected: usize,
    /// The number of files whose filters did not end.
    hanging_filters: usize,
    /// The file system's data of each file that was copied.
    pub stats: Vec<(Vec<u8>, FileStat)>,
}

impl<'a> StagingArea<'a> {
    /// Makes the folder next to the isolated index.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub fn make(
        root: &'a WorktreeRoot,
        entries: &'a IndexEntries,
        isolated: &IsolatedGitDir,
        max_file: ByteSize,
        deadline: Instant,
    ) -> Result<Self> {
        let folder = isolated.index().with_file_name("stage");
        let isolated = isolated.with_files_in(folder.clone());
        let area = Self {
            root,
            entries,
            isolated,
            folder,
            max_file,
            deadline,
            rejected: 0,
            hanging_filters: 0,
            stats: Vec::new(),
        };
        area.clear()?;
        Ok(area)
    }

    /// Adds everything that a survey found to the isolated index and writes the tree. What git rejects is added to what the
    /// survey left out.
    ///
    /// # Errors
    /// Git fails, the disk is full, or the deadline passed.
    pub fn write(&mut self, repo: &Repo, survey: &mut Survey) -> Result<Oid> {
        self.clear_skip_flags(survey)?;
        self.copy_user_attributes(repo)?;
        // Removals come first: they make room for a folder or file of the same name.
        let removed = survey.removed.clone();
        let files = std::mem::take(&mut survey.files);
        self.add(&removed, &files, survey)?;
        survey.files = files;
        self.add_links(survey)?;
        self.add_submodules_and_conflicts(survey)?;
        // A partial clone may lack objects of the base; that all others are here is checked before a ref references the tree.
        let tree = self.git("write-tree").arg("--missing-ok").line()?;
        Oid::parse(&tree).ok_or_else(|| Error::internal("git write-tree gave no tree"))
    }

    fn git(&self, verb: &str) -> Git {
        let time_left = self.time_left().max(Duration::from_secs(1));
        self.isolated.git(verb).setting("core.attributesFile=../attributes").limit(time_left)
    }

    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Clears the flags "assume unchanged" and "skip worktree", which would hide an agent's changes from git.
    fn clear_skip_flags(&self, survey: &Survey) -> Result<()> {
        let hidden = |path: &&[u8]| {
            self.entries.of_path(path).is_some_and(|range| self.entries.is_hidden(range.start))
        };
        let paths = nul_separated(survey.changes().filter(hidden));
        if paths.is_empty() {
            return Ok(());
        }
        for option in ["--no-assume-unchanged", "--no-skip-worktree"] {
            self.git("update-index").args([option, "-z", "--stdin"]).input(paths.clone()).run()?;
        }
        Ok(())
    }

    /// Copies the user's own attributes, which affect filters and line endings as well.
    fn copy_user_attributes(&self, repo: &Repo) -> Result<()> {
        let path = repo.attributes_file().or_else(|| ignore::user_file(repo.environment(), "attributes"));
        let read = |path: PathBuf| {
            careful::read_up_to(careful::open_regular_through_links(&path).ok()?, MAX_ATTRIBUTES_BYTES)
                .ok()?
        };
        let attributes = path.and_then(read).unwrap_or_default();
        let copy = self.folder.with_file_name("attributes");
        fs::write(&copy, attributes).context(Kind::External, || cannot_write(&copy))
    }

    /// Copies files and has git add them, some thousands at once.
    fn add(&mut self, removed: &[Vec<u8>], files: &[Vec<u8>], survey: &mut Survey) -> Result<()> {
        let mut gone: Vec<&[u8]> = removed.iter().map(Vec::as_slice).collect();
        let mut rest = files;
        while !gone.is_empty() || !rest.is_empty() {
            self.clear()?;
            let (mut copied, mut bytes) = (Vec::new(), 0);
            let mut attributes = BTreeSet::new();
            while let Some((path, others)) = rest.split_first() {
                if copied.len() >= MAX_FILES || bytes >= MAX_BYTES {
                    break;
                }
                rest = others;
                match self.copy(path)? {
                    CopyResult::Bytes(more, found) => {
                        bytes += more;
                        self.stats.push((path.clone(), found));
                        copied.push(path.as_slice());
                        self.copy_attributes(path, &mut attributes)?;
                    }
                    CopyResult::Gone => gone.push(path),
                    CopyResult::LeftOut(why) => self.leave_out(path, why, survey),
                }
            }
            let paths: Vec<&[u8]> = gone.drain(..).chain(copied).collect();
            self.update(&paths, bytes, survey)?;
        }
        Ok(())
    }

    /// Has git add the files of the staging area, at most `bytes` bytes. If it rejects them, the list is halved until the file is
    /// found that is the cause; if it does not end, files with filters are tried alone.
    fn update(&mut self, paths: &[&[u8]], bytes: u64, survey: &mut Survey) -> Result<()> {
        if paths.is_empty() {
            return Ok(());
        }
        let files = u32::try_from(paths.len()).unwrap_or(u32::MAX);
        let limit = FILTER_TIMEOUT
            + FILTER_TIMEOUT_PER_FILE * files
            + Duration::from_secs(bytes / FILTER_BYTES_PER_SECOND);
        let git = self.git("update-index").limit(self.time_left().min(limit));
        let git = git.args(["--add", "--remove", "--replace", "-z", "--stdin"]);
        let output = match git.input(nul_separated(paths.iter().copied())).output() {
            Err(error) if error.code == Code::GitTimeout && !self.time_left().is_zero() => {
                return self.retry_without_hanging_filters(paths, bytes, survey);
            }
            other => other?,
        };
        if output.status.success() {
            // Git skips some names without failing.
            for ignored in output.stderr.lines().filter_map(|line| line.strip_prefix("Ignoring path ")) {
                self.leave_out(ignored.as_bytes(), "a name that git does not accept", survey);
            }
            return Ok(());
        }
        let reply = output.stderr.trim();
        if !FILE_ERRORS.iter().any(|fault| reply.contains(fault)) || self.rejected >= MAX_REJECTED {
            let reply = text::safe_block(reply);
            return Err(Error::new(Code::GitFailed, "git update-index failed").because(reply));
        }
        if let [path] = paths {
            self.rejected += 1;
            let why = reply.lines().next().unwrap_or_default().trim_start_matches("error: ");
            self.leave_out(path, format!("git rejects it: {}", text::one_line(why, 200)), survey);
            return Ok(());
        }
        let (first, second) = paths.split_at(paths.len() / 2);
        self.update(first, bytes, survey)?;
        self.update(second, bytes, survey)
    }

    /// Handles a filter that does not end: its file is left out, or all files with filters if that happens again. They are not
    /// added unfiltered, since a filter may be there to encrypt them.
    fn retry_without_hanging_filters(
        &mut self,
        paths: &[&[u8]],
        bytes: u64,
        survey: &mut Survey,
    ) -> Result<()> {
        // The killed git left its lock on our own index.
        let _ = fs::remove_file(self.isolated.index().with_extension("lock"));
        if let [path] = paths {
            self.hanging_filters += 1;
            self.leave_out(path, FILTER_TIMED_OUT, survey);
            return Ok(());
        }
        let filtered = self.filtered(paths)?;
        let (filtered, plain): (Vec<&[u8]>, Vec<&[u8]>) =
            paths.iter().partition(|path| filtered.contains(**path));
        if filtered.is_empty() {
            return Err(Error::new(Code::GitTimeout, "git update-index took too long"));
        }
        self.update(&plain, bytes, survey)?;
        if let [path] = filtered[..] {
            self.hanging_filters += 1;
            self.leave_out(path, FILTER_TIMED_OUT, survey);
            return Ok(());
        }
        for path in filtered {
            if self.hanging_filters >= MAX_HANGING_FILTERS {
                self.leave_out(path, FILTER_TIMED_OUT, survey);
            } else {
                self.update(&[path], bytes, survey)?;
            }
        }
        Ok(())
    }

    /// Returns those of the paths that have a filter.
    fn filtered(&self, paths: &[&[u8]]) -> Result<BTreeSet<Vec<u8>>> {
        let git = self.git("check-attr").args(["-z", "--stdin", "filter"]);
        let reply = git.input(nul_separated(paths.iter().copied())).run()?;
        let words: Vec<&[u8]> = reply.split(|byte| *byte == 0).collect();
        let (answers, _) = words.as_chunks::<3>();
        let has_one = |value: &[u8]| value != b"unspecified" && value != b"unset";
        Ok(answers.iter().filter(|[_, _, value]| has_one(value)).map(|[path, _, _]| path.to_vec()).collect())
    }

    fn leave_out(&self, path: &[u8], why: impl Into<String>, survey: &mut Survey) {
        survey.leave_out(path, why);
        let unmerged = |range: std::ops::Range<usize>| self.entries.is_unmerged(range.start);
        if self.entries.of_path(path).is_some_and(unmerged) {
            survey.unmerged_left_out.push(path.to_vec());
        }
    }

    /// Adds symbolic links. The staging area contains nothing else at this point, so nothing is written through one.
    fn add_links(&mut self, survey: &mut Survey) -> Result<()> {
        let links = std::mem::take(&mut survey.links);
        for chunk in links.chunks(MAX_FILES) {
            self.clear()?;
            for (path, target) in chunk {
                let to = self.folder.join(Path::new(OsStr::from_bytes(path)));
                let made = fs::create_dir_all(to.parent().unwrap_or(&to))
                    .and_then(|()| std::os::unix::fs::symlink(OsStr::from_bytes(target), &to));
                made.context(Kind::External, || cannot_write(&to))?;
                let (folder, name) = root::split_path(path);
                let found = self.root.folder(folder).and_then(|folder| FileStat::at(folder, name));
                self.stats.extend(found.map(|found| (path.clone(), found)));
            }
            let paths: Vec<&[u8]> = chunk.iter().map(|(path, _)| path.as_slice()).collect();
            self.update(&paths, 0, survey)?;
        }
        survey.links = links;
        Ok(())
    }

    /// Adds submodules by their commits, which git need not read. Of a conflict whose file is not captured, our own side stays.
    fn add_submodules_and_conflicts(&self, survey: &Survey) -> Result<()> {
        let mut lines: Vec<u8> = Vec::new();
        let mut line = |mode: &str, id: &str, path: &[u8]| {
            lines.extend_from_slice(format!("{mode} {id}\t").as_bytes());
            lines.extend_from_slice(path);
            lines.push(0);
        };
        let nothing = "0".repeat(40);
        for (path, commit) in &survey.submodules {
            line("160000", &commit.to_string(), path);
        }
        for path in &survey.unmerged_left_out {
            line("0", &nothing, path);
            let ours =
                self.entries.of_path(path).and_then(|mut range| range.find(|at| self.entries.is_ours(*at)));
            if let Some(ours) = ours {
                line(&self.entries.octal_mode(ours), &self.entries.id(ours).to_string(), path);
            }
        }
        if lines.is_empty() {
            return Ok(());
        }
        let git = self.git("update-index").args(["--add", "--replace", "-z", "--index-info"]);
        git.input(lines).run().map(|_| ())
    }

    /// Copies a file of the worktree to the same path in the staging area.
    fn copy(&self, path: &[u8]) -> Result<CopyResult> {
        let (mut from, found) = match self.root.file(path) {
            Ok(opened) => opened,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(CopyResult::Gone);
            }
            Err(error) => return Ok(CopyResult::LeftOut(survey::cannot_be_read(&error))),
        };
        let largest = match self.entries.of_path(path) {
            Some(range) => range.map(|at| self.entries.size(at)).max().unwrap_or(0).saturating_mul(2),
            None => 0,
        };
        let largest = largest.max(self.max_file.as_bytes());
        let to = self.folder.join(Path::new(OsStr::from_bytes(path)));
        let mut file = create(&to, found.kind == FileKind::Regular(true))?;
        match copy_up_to(&mut from, &mut file, largest).context(Kind::External, || cannot_write(&to))? {
            Ok(Some(bytes)) => Ok(CopyResult::Bytes(bytes, found)),
            Ok(None) => Ok(CopyResult::LeftOut(exclusions::TOO_LARGE.to_owned())),
            Err(error) => Ok(CopyResult::LeftOut(survey::cannot_be_read(&error))),
        }
    }

    /// Copies the attributes files that apply to a file. One that cannot be read is skipped; then git uses the index.
    fn copy_attributes(&self, path: &[u8], done: &mut BTreeSet<Vec<u8>>) -> Result<()> {
        let mut folder = root::split_path(path).0;
        while done.insert(folder.to_vec()) {
            let name = [folder, if folder.is_empty() { b"" } else { b"/" }, b".gitattributes"].concat();
            if let Ok((file, _)) = self.root.file(&name)
                && let Ok(Some(bytes)) = careful::read_up_to(file, MAX_ATTRIBUTES_BYTES)
            {
                let to = self.folder.join(Path::new(OsStr::from_bytes(&name)));
                let written = create(&to, false)?.write_all(&bytes);
                written.context(Kind::External, || cannot_write(&to))?;
            }
            folder = root::split_path(folder).0;
        }
        Ok(())
    }

    fn clear(&self) -> Result<()> {
        let _ = fs::remove_dir_all(&self.folder);
        fs::create_dir_all(&self.folder).context(Kind::External, || cannot_write(&self.folder))
    }
}

impl Drop for StagingArea<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_file(self.folder.with_file_name("attributes"));
    }
}

enum CopyResult {
    /// The number of bytes copied, and the file system's data of the file.
    Bytes(u64, FileStat),
    /// The file is gone.
    Gone,
    /// The file is left out, and why.
    LeftOut(String),
}

fn create(path: &Path, runs: bool) -> Result<File> {
    let make = || {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        let mode = if runs { 0o700 } else { 0o600 };
        File::options().write(true).create(true).truncate(true).mode(mode).open(path)
    };
    make().context(Kind::External, || cannot_write(path))
}

/// Copies at most `largest` bytes. The outer error is of writing, the inner one of reading; `None`: there are more bytes.
fn copy_up_to(from: &mut File, to: &mut File, largest: u64) -> io::Result<io::Result<Option<u64>>> {
    let mut buffer = vec![0; 64 << 10];
    let mut copied = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(Ok(Some(copied))),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Ok(Err(error)),
        };
        copied += read as u64;
        if copied > largest {
            return Ok(Ok(None));
        }
        to.write_all(&buffer[..read])?;
    }
}

fn nul_separated<'p>(paths: impl Iterator<Item = &'p [u8]>) -> Vec<u8> {
    let mut all = Vec::new();
    for path in paths {
        all.extend_from_slice(path);
        all.push(0);
    }
    all
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write '{}'", path.display())
}
