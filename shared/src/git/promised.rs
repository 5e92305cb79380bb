//! Fetching objects that a partial clone lacks and its remote promised. Code that reads objects directly would find them missing,
//! and git would fetch them one at a time, so they are fetched beforehand, all at once.

use std::collections::BTreeSet;

use super::{Git, Oid, Repo, careful, command, objects::TreeEntryKind, remotes};
use crate::{Code, Error, Result, context::Context, model::text};

/// Maximum number of objects in one fetch: more would not fit on a command line.
const MAX_PER_FETCH: usize = 1000;
/// Maximum number of fetches: each may bring folders in which further objects are missing.
const MAX_ROUNDS: usize = 64;
/// Maximum number of objects that one search returns; the next round finds the rest.
const MAX_MISSING: usize = 500_000;

impl Repo {
    /// Fetches what is missing for a checkout of `commit`. Does nothing if the clone is not partial.
    ///
    /// The configuration decides from where and by which program, so it must have been accepted.
    ///
    /// # Errors
    /// The remote cannot be reached, or does not have it (5).
    pub fn fetch_promised_files(&self, context: &Context, commit: Oid) -> Result<()> {
        if !self.is_partial() {
            return Ok(());
        }
        self.fetch_until_complete(context, &|| self.missing_files(commit))
    }

    /// Fetches what is missing of the files in which the two commits of each pair differ. Does nothing if the clone is not
    /// partial. See [`Repo::fetch_promised_files`].
    ///
    /// # Errors
    /// As [`Repo::fetch_promised_files`].
    pub fn fetch_promised_changes(&self, context: &Context, pairs: &[(Oid, Oid)]) -> Result<()> {
        if !self.is_partial() {
            return Ok(());
        }
        self.fetch_until_complete(context, &|| {
            let mut missing = BTreeSet::new();
            for (old, new) in pairs {
                self.add_missing_changes(self.tree_of(*old)?, self.tree_of(*new)?, &mut missing)?;
            }
            Ok(missing)
        })
    }

    fn fetch_until_complete(
        &self,
        context: &Context,
        find_missing: &dyn Fn() -> Result<BTreeSet<Oid>>,
    ) -> Result<()> {
        let mut before = BTreeSet::new();
        for _ in 0..MAX_ROUNDS {
            let missing = find_missing()?;
            let Some(first) = missing.first() else { return Ok(()) };
            if missing == before {
                let message = format!("the remote promised object {} but does not have it", first.short());
                return Err(Error::new(Code::ObjectsNotFetched, message));
            }
            self.fetch_promised(context, &missing)?;
            before = missing;
        }
        Ok(())
    }

    /// Asks git for the missing objects, except those that a sparse checkout leaves out.
    fn missing_files(&self, commit: Oid) -> Result<BTreeSet<Oid>> {
        let mut git = self
            .git("rev-list")?
            .args(["--objects", "--no-walk", "--missing=print"])
            .limit(command::LONG_LIMIT);
        if let Some(patterns) = self.sparse_patterns()? {
            git = git.arg(format!("--filter=sparse:oid={patterns}"));
        }
        let output = git.arg(commit.to_string()).run()?;
        let missing = output.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"?"));
        let ids = missing.filter_map(|id| Oid::parse(std::str::from_utf8(id).ok()?));
        Ok(ids.take(MAX_MISSING).collect())
    }

    /// Writes the patterns of a sparse checkout as a blob: git reads them from an object.
    fn sparse_patterns(&self) -> Result<Option<Oid>> {
        if self.config("core.sparseCheckout").as_deref() != Some("true") {
            return Ok(None);
        }
        match careful::read(self.gix.git_dir().join("info/sparse-checkout")) {
            Ok(patterns) => self.write_blob(&patterns).map(Some),
            Err(_) => Ok(None),
        }
    }

    fn add_missing_changes(&self, old: Oid, new: Oid, missing: &mut BTreeSet<Oid>) -> Result<()> {
        if old == new || missing.len() >= MAX_MISSING {
            return Ok(());
        }
        let (is_old_missing, is_new_missing) = (self.is_missing(old), self.is_missing(new));
        missing.extend(is_old_missing.then_some(old));
        missing.extend(is_new_missing.then_some(new));
        if is_old_missing || is_new_missing {
            return Ok(());
        }
        let before = self.entries_of(old)?;
        let after = self.entries_of(new)?;
        let find = |name: &[u8]| before.iter().find(|entry| entry.name == name);
        for entry in &after {
            let known = find(&entry.name);
            match (entry.kind, known.filter(|known| known.kind == entry.kind)) {
                (TreeEntryKind::Tree, known) => {
                    let known = known.map_or(Oid::EMPTY_TREE, |known| known.id);
                    self.add_missing_changes(known, entry.id, missing)?;
                }
                (_, Some(known)) if known.id == entry.id => {}
                _ => {
                    let both = [Some(entry.id), known.map(|known| known.id)];
                    missing.extend(both.into_iter().flatten().filter(|id| self.is_missing(*id)));
                }
            }
        }
        for entry in &before {
            let is_gone = !after.iter().any(|kept| kept.name == entry.name);
            if is_gone && entry.kind == TreeEntryKind::Tree {
                self.add_missing_changes(entry.id, Oid::EMPTY_TREE, missing)?;
            } else if is_gone && self.is_missing(entry.id) {
                missing.insert(entry.id);
            }
        }
        Ok(())
    }

    fn is_missing(&self, id: Oid) -> bool {
        id != Oid::EMPTY_TREE && !self.has_object(id)
    }

    /// Fetches from the first promisor remote that has all of the objects.
    fn fetch_promised(&self, context: &Context, ids: &BTreeSet<Oid>) -> Result<()> {
        let mut failed = None;
        for remote in self.promisor_remotes() {
            match self.fetch_promised_from(context, &remote, ids) {
                Ok(()) => return Ok(()),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or_else(|| {
            let count = text::count(ids.len() as u64, "object");
            Error::new(
                Code::ObjectsNotFetched,
                format!("{count} of this partial clone cannot be fetched: no remote promised them"),
            )
        }))
    }

    fn fetch_promised_from(&self, context: &Context, remote: &str, ids: &BTreeSet<Oid>) -> Result<()> {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        for chunk in ids.chunks(MAX_PER_FETCH) {
            let git = Git::for_remote(self.environment(), &self.url_base_dir()?, "fetch", false, false)
                .args(["--no-tags", "--no-write-fetch-head", "--refmap=", "--progress"])
                .args(["--no-recurse-submodules", "--no-show-forced-updates", "--filter=blob:none"])
                .args(["--end-of-options", remote])
                .args(chunk);
            let output = git.run_with_progress(context)?;
            if !output.status.success() {
                let shown = text::safe(remote);
                let message =
                    format!("cannot fetch from '{shown}' the objects that this partial clone lacks");
                return Err(remotes::remote_error(message, &output).hint(
                    "they are needed for the files of the worktree; try again when the remote can be reached",
                ));
            }
        }
        Ok(())
    }

    fn promisor_remotes(&self) -> Vec<String> {
        let of_extension = self.config("extensions.partialClone").filter(|name| !name.is_empty());
        let promise =
            |name: &String| self.config(&format!("remote.{name}.promisor")).as_deref() == Some("true");
        let mut all: Vec<String> = of_extension.into_iter().collect();
        all.extend(self.config_sections("remote").into_iter().filter(promise));
        all.dedup();
        all
    }
}
