//! A git directory of ours beside an agent's worktree, with settings frozen before the agent ran. The work is read
//! through it: nothing that the agent writes into config, hooks, attributes or filters runs, and its own index is
//! not touched.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{
    Kind, Result,
    error::Context,
    git::{Git, Repo},
};

/// The shadow of one worktree.
#[derive(Clone, Debug)]
pub struct Shadow {
    dir: PathBuf,
    index: PathBuf,
    work_tree: PathBuf,
    common_dir: PathBuf,
    /// Where new objects go, if not into the repository.
    objects: Option<PathBuf>,
}

impl Shadow {
    /// The worktree at `work_tree` seen through the settings frozen at `dir` ([`Frozen::keep`]), with an index of our own.
    pub const fn at(dir: PathBuf, index: PathBuf, work_tree: PathBuf, common_dir: PathBuf) -> Self {
        Self { dir, index, work_tree, common_dir, objects: None }
    }

    /// The same for a look that leaves nothing in the repository: new objects go into `folder`.
    #[must_use]
    pub fn with_objects_in(self, folder: PathBuf) -> Self {
        Self { objects: Some(folder), ..self }
    }

    /// The same settings and index for files in another folder.
    #[must_use]
    pub fn with_files_in(&self, work_tree: PathBuf) -> Self {
        Self { work_tree, ..self.clone() }
    }

    /// The worktree.
    pub fn work_tree(&self) -> &Path {
        &self.work_tree
    }

    /// Our own index of the worktree.
    pub fn index(&self) -> &Path {
        &self.index
    }

    /// A call of git that sees the worktree through the shadow; new objects go into the repository.
    pub fn git(&self, verb: &str) -> Git {
        Git::new(&self.work_tree, verb)
            .env("GIT_DIR", self.dir.as_os_str())
            .env("GIT_WORK_TREE", self.work_tree.as_os_str())
            .env("GIT_INDEX_FILE", self.index().as_os_str())
            .env("GIT_OBJECT_DIRECTORY", self.objects().as_os_str())
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", self.common_dir.join("objects").as_os_str())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
    }

    fn objects(&self) -> PathBuf {
        self.objects.clone().unwrap_or_else(|| self.common_dir.join("objects"))
    }

    /// A call of git that looks at objects only: it works when the worktree is gone.
    pub fn git_without_files(&self, verb: &str) -> Git {
        Git::new(&self.common_dir, verb)
            .env("GIT_DIR", self.dir.as_os_str())
            .env("GIT_OBJECT_DIRECTORY", self.common_dir.join("objects").as_os_str())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
    }

    /// The same for gix.
    ///
    /// # Errors
    /// It was not made, or cannot be read.
    pub fn repo(&self) -> Result<Repo> {
        Repo::open_shadow(&self.dir, &self.work_tree)
    }
}

/// The settings of a repository at one moment.
#[derive(Clone, Debug)]
pub struct Frozen {
    config: String,
    exclude: String,
    attributes: String,
}

impl Frozen {
    /// As they are now.
    ///
    /// # Errors
    /// The common git directory cannot be found.
    pub fn now(repo: &Repo) -> Result<Self> {
        let info = repo.common_dir()?.join("info");
        let read = |name: &str| fs::read_to_string(info.join(name)).unwrap_or_default();
        Ok(Self { config: repo.frozen_config(), exclude: read("exclude"), attributes: read("attributes") })
    }
}

impl Frozen {
    /// Writes the settings below `folder`, unless they are there already, and gives the name under which they are.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub fn keep(&self, folder: &Path, common_dir: &Path) -> Result<String> {
        let cannot = || format!("cannot write below '{}'", folder.display());
        let alternate = format!("{}\n", common_dir.join("objects").display());
        let files = [
            ("HEAD", "ref: refs/heads/shadow\n"),
            ("config", self.config.as_str()),
            ("objects/info/alternates", alternate.as_str()),
            ("info/exclude", self.exclude.as_str()),
            ("info/attributes", self.attributes.as_str()),
        ];
        let mut digest = Sha256::new();
        for (name, content) in files {
            digest.update(format!("{name} {}\n{content}", content.len()));
        }
        let name: String = digest.finalize().iter().take(10).map(|byte| format!("{byte:02x}")).collect();
        if folder.join(&name).is_dir() {
            return Ok(name);
        }
        fs::create_dir_all(folder).context(Kind::External, cannot)?;
        let made = tempfile::tempdir_in(folder).context(Kind::External, cannot)?;
        for below in ["objects/info", "refs", "info"] {
            fs::create_dir_all(made.path().join(below)).context(Kind::External, cannot)?;
        }
        for (file, content) in files {
            fs::write(made.path().join(file), content).context(Kind::External, cannot)?;
        }
        // Another spawn may have been quicker; then both wrote the same.
        if fs::rename(made.path(), folder.join(&name)).is_ok() {
            let _ = made.keep();
        }
        Ok(name)
    }
}
