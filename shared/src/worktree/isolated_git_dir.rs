//! A git directory of ours for an agent's worktree, with the settings from before the agent ran. The work is read through it, so
//! that nothing the agent writes into config, hooks, attributes or filters runs, and the agent's own index is not touched.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Git, Repo, careful, settings},
    private_files,
    world::Environment,
};

/// Maximum size of a settings file, in bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// An isolated git directory for one worktree.
#[derive(Clone, Debug)]
pub struct IsolatedGitDir {
    environment: Environment,
    dir: PathBuf,
    index: PathBuf,
    work_tree: PathBuf,
    common_dir: PathBuf,
    /// Where new objects are written, if not into the repository.
    objects: Option<PathBuf>,
}

impl IsolatedGitDir {
    /// Returns the git directory for `work_tree` with the settings stored at `dir` ([`FrozenConfig::keep`]) and an index of our
    /// own.
    pub fn at(
        environment: &Environment,
        dir: PathBuf,
        index: PathBuf,
        work_tree: PathBuf,
        common_dir: PathBuf,
    ) -> Self {
        Self { environment: environment.clone(), dir, index, work_tree, common_dir, objects: None }
    }

    /// Writes new objects into `folder` instead of the repository.
    #[must_use]
    pub fn with_objects_in(self, folder: PathBuf) -> Self {
        Self { objects: Some(folder), ..self }
    }

    /// Returns the same settings and index for files in another folder.
    #[must_use]
    pub fn with_files_in(&self, work_tree: PathBuf) -> Self {
        Self { work_tree, ..self.clone() }
    }

    /// The path of the worktree.
    pub fn work_tree(&self) -> &Path {
        &self.work_tree
    }

    /// The path of our own index of the worktree.
    pub fn index(&self) -> &Path {
        &self.index
    }

    /// Returns a git command that uses this directory and the worktree; new objects go into the repository.
    pub fn git(&self, verb: &str) -> Git {
        Git::with_settings_of(&self.environment, &self.work_tree, &self.dir, verb)
            .env("GIT_WORK_TREE", self.work_tree.as_os_str())
            .env("GIT_INDEX_FILE", self.index().as_os_str())
            .env("GIT_OBJECT_DIRECTORY", self.objects().as_os_str())
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", self.common_dir.join("objects").as_os_str())
    }

    fn objects(&self) -> PathBuf {
        self.objects.clone().unwrap_or_else(|| self.common_dir.join("objects"))
    }

    /// Returns a git command for objects only: it works even if the worktree is gone.
    pub fn git_without_files(&self, verb: &str) -> Git {
        Git::with_settings_of(&self.environment, &self.common_dir, &self.dir, verb)
            .env("GIT_OBJECT_DIRECTORY", self.common_dir.join("objects").as_os_str())
    }

    /// Opens this directory with gix.
    ///
    /// # Errors
    /// It does not exist or cannot be read.
    pub fn repo(&self) -> Result<Repo> {
        Repo::open_isolated(&self.environment, &self.dir, &self.work_tree)
    }
}

/// The settings of a repository at one moment.
#[derive(Clone, Debug)]
pub struct FrozenConfig {
    config: String,
    exclude: String,
    attributes: String,
}

impl FrozenConfig {
    /// Reads the current settings.
    ///
    /// # Errors
    /// The common git directory cannot be found.
    pub fn now(repo: &Repo) -> Result<Self> {
        let info = repo.common_dir()?.join("info");
        // One name that is not UTF-8 must not invalidate the other lines.
        let read = |name: &str| {
            String::from_utf8_lossy(&careful::read(info.join(name)).unwrap_or_default()).into_owned()
        };
        Ok(Self { config: repo.frozen_config(), exclude: read("exclude"), attributes: read("attributes") })
    }

    /// Ignores more, as lines of an exclude file, except those that are there.
    #[must_use]
    pub fn with_more_ignored(self, lines: &[String]) -> Self {
        let known: HashSet<&str> = self.exclude.lines().collect();
        let new: Vec<String> = lines.iter().filter(|line| !known.contains(line.as_str())).cloned().collect();
        self.with_ignored(&new)
    }

    /// Ignores more, as lines of an exclude file.
    #[must_use]
    pub fn with_ignored(mut self, lines: &[String]) -> Self {
        if !self.exclude.is_empty() && !self.exclude.ends_with('\n') && !lines.is_empty() {
            self.exclude.push('\n');
        }
        lines.iter().for_each(|line| self.exclude.extend([line, "\n"]));
        self
    }
}

impl FrozenConfig {
    /// Reads settings that were stored in a folder.
    ///
    /// # Errors
    /// A file is missing or cannot be read.
    pub fn load(dir: &Path) -> Result<Self> {
        let read = |name: &str| {
            let path = dir.join(name);
            careful::text(&path).context(Kind::External, || format!("cannot read '{}'", path.display()))
        };
        Ok(Self {
            config: read("config")?,
            exclude: read("info/exclude")?,
            attributes: read("info/attributes")?,
        })
    }

    /// Returns settings without any program, for when it is unknown which ones a person accepted.
    pub fn plain() -> Self {
        let config = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n".to_owned();
        Self { config, exclude: String::new(), attributes: String::new() }
    }

    /// Returns the path of the settings stored below `folder` as `name`; if they were modified since, the path of plain ones
    /// instead.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub fn kept(folder: &Path, name: &str, common_dir: &Path) -> Result<PathBuf> {
        if is_intact(folder, name) {
            return Ok(folder.join(name));
        }
        let plain = Self::plain();
        let name = plain.name(&objects_relative_to(folder, common_dir));
        if !is_intact(folder, &name) {
            let _ = fs::remove_dir_all(folder.join(&name));
        }
        Ok(folder.join(plain.keep(folder, common_dir)?))
    }

    /// Stores the settings below `folder`, unless they are there already, and returns their name.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub fn keep(&self, folder: &Path, common_dir: &Path) -> Result<String> {
        let cannot = || format!("cannot write below '{}'", folder.display());
        let objects = objects_relative_to(folder, common_dir);
        let name = self.name(&objects);
        if folder.join(&name).is_dir() {
            return Ok(name);
        }
        private_files::create_dir(folder).context(Kind::External, cannot)?;
        let made = private_files::temporary_dir(folder).context(Kind::External, cannot)?;
        for below in ["objects/info", "refs", "info"] {
            fs::create_dir_all(made.path().join(below)).context(Kind::External, cannot)?;
        }
        for (file, content) in self.files(&objects) {
            private_files::replace(&made.path().join(file), content).context(Kind::External, cannot)?;
        }
        // Another spawn may have been faster; then both wrote the same content.
        if fs::rename(made.path(), folder.join(&name)).is_ok() {
            let _ = made.keep();
        }
        Ok(name)
    }

    fn files(&self, objects: &str) -> [(&'static str, String); 5] {
        [
            ("HEAD", "ref: refs/heads/shadow\n".to_owned()),
            ("config", self.config.clone()),
            ("objects/info/alternates", format!("{objects}\n")),
            ("info/exclude", self.exclude.clone()),
            ("info/attributes", self.attributes.clone()),
        ]
    }

    /// Returns the name: a hash of the content, so that a name always stands for the same settings.
    fn name(&self, objects: &str) -> String {
        name_of(self.files(objects).iter().map(|(file, content)| (*file, content.as_bytes())))
    }
}

/// Returns the path of the repository's objects as seen from settings stored in `folder`. Within the repository it is relative,
/// and so stays valid when the repository is moved.
fn objects_relative_to(folder: &Path, common_dir: &Path) -> String {
    let objects = match folder.strip_prefix(common_dir) {
        // Two more levels: the folder of the settings and its `objects`.
        Ok(below) => std::iter::repeat_n("..", below.components().count() + 2).collect::<PathBuf>(),
        Err(_) => common_dir.to_owned(),
    };
    objects.join("objects").display().to_string()
}

fn name_of<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut digest = Sha256::new();
    for (file, content) in files {
        digest.update(format!("{file} {}\n", content.len()));
        digest.update(content);
    }
    faster_hex::hex_string(&digest.finalize()[..10])
}

/// Returns whether stored settings are unmodified: an agent can write here. An additional file, such as `commondir`, could
/// override everything.
fn is_intact(folder: &Path, name: &str) -> bool {
    let dir = folder.join(name);
    let known = ["HEAD", "config", "info", "objects", "refs"];
    let is_known = |entry: fs::DirEntry| known.iter().any(|known| *known == entry.file_name());
    if !fs::read_dir(&dir).is_ok_and(|mut entries| entries.all(|entry| entry.is_ok_and(is_known))) {
        return false;
    }
    let files = ["HEAD", "config", "objects/info/alternates", "info/exclude", "info/attributes"];
    let read: Option<Vec<Vec<u8>>> =
        files.iter().map(|file| settings::read_regular(&dir.join(file), MAX_FILE_BYTES).ok()).collect();
    read.is_some_and(|read| name_of(files.into_iter().zip(read.iter().map(Vec::as_slice))) == name)
}
