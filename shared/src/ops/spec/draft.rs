//! The file that an editor opens. It is in the private folder of this clone, so that nothing is lost if the editor or the command is killed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{SaveRequest, find, text_of, texts};
use crate::{
    Kind, Result,
    error::ErrorContext as _,
    git::{Repo, careful},
    model::spec::{SpecName, SpecState},
    private_files,
    store::{chain::Chain, layout::PrivateDir},
    supervise::tree::ProcessId,
};

/// The most files that are looked at.
const MAX_FILES: usize = 1000;
/// The word in place of an id for a spec that does not exist yet.
const NEW: &str = "new";
/// What stands between the versions in the name of a file.
const AND: &str = "+";
/// The most versions in the name of a file, which is at most 255 bytes long. A draft that merges more does not merge the others.
const MAX_NAMED: usize = 8;
/// What a new spec begins with.
const TEMPLATE: &str = "# ";

/// A text that somebody edits.
#[derive(Debug)]
pub struct Draft {
    /// The file to edit.
    pub path: PathBuf,
    /// The name of the spec.
    pub name: SpecName,
    /// The numbers of the versions beside the current one that are merged into it, with marks where they conflict.
    pub merged: Vec<u64>,
    base: Option<String>,
    merges: Vec<String>,
    /// The current text of the spec.
    before: String,
    /// What was written into the file.
    written: String,
}

impl Draft {
    /// Writes a file with the current text of a spec, in which the versions beside it are merged.
    ///
    /// # Errors
    /// There is no such spec, or several and none is named (3); the file cannot be written.
    pub fn of(repo: &Repo, name: Option<&str>) -> Result<Self> {
        let name = find(repo, name)?;
        let chain = Chain::<SpecState>::of(repo, &name)?;
        let fold = chain.fold();
        let mut text = String::new();
        let mut base = None;
        if let Some(current) = fold.version(fold.spec.current) {
            text = text_of(repo, &chain, current)?;
            base = Some(current.id.clone());
        }
        let before = text.clone();
        for one in fold.versions.iter().filter(|one| fold.beside.contains(&one.id)) {
            let of = one.base.as_deref().and_then(|base| fold.versions.iter().find(|known| known.id == base));
            let base = of.map_or_else(|| Ok(String::new()), |of| text_of(repo, &chain, of))?;
            let theirs = text_of(repo, &chain, one)?;
            let number = fold.number_of(&one.id).unwrap_or_default();
            text =
                texts::merge(repo, &base, (&text, "current"), (&theirs, &format!("version {number}")))?.text;
        }
        let merged = fold.beside.iter().filter_map(|one| fold.number_of(one)).collect();
        Self::write(repo, name, base, fold.beside, merged, &text, before)
    }

    /// Writes a file for a spec that does not exist yet.
    ///
    /// # Errors
    /// The name is invalid (2), or the file cannot be written.
    pub fn new(repo: &Repo, name: &str) -> Result<Self> {
        let name = SpecName::parse(name)?;
        Self::write(repo, name, None, Vec::new(), Vec::new(), TEMPLATE, TEMPLATE.to_owned())
    }

    fn write(
        repo: &Repo,
        name: SpecName,
        base: Option<String>,
        merges: Vec<String>,
        merged: Vec<u64>,
        text: &str,
        before: String,
    ) -> Result<Self> {
        let folder = folder(repo)?;
        let ProcessId { pid, start } = ProcessId::me();
        let of = base.as_deref().unwrap_or(NEW);
        let of: Vec<&str> =
            std::iter::once(of).chain(merges.iter().take(MAX_NAMED).map(String::as_str)).collect();
        let of = of.join(AND);
        let path = folder.join(format!("{name}.{of}.{pid}.{start}.md"));
        let cannot = || format!("cannot write '{}'", path.display());
        private_files::create_dir(&folder).context(Kind::External, cannot)?;
        private_files::replace(&path, text).context(Kind::External, cannot)?;
        Ok(Self { path, name, base, merges, merged, before, written: text.to_owned() })
    }

    /// Returns what the file contains now as a request to save it; `None` if nothing was changed.
    ///
    /// # Errors
    /// The file cannot be read, or is not text.
    pub fn request(&self) -> Result<Option<SaveRequest>> {
        let cannot = || format!("cannot read '{}'", self.path.display());
        let bytes = careful::read(&self.path).context(Kind::External, cannot)?;
        let text = String::from_utf8(bytes).context(Kind::Refused, || {
            format!("'{}' is not UTF-8 text; nothing was saved", self.path.display())
        })?;
        if text == self.before && self.merges.is_empty() {
            return Ok(None);
        }
        Ok(Some(SaveRequest {
            name: Some(self.name.to_string()),
            new: self.base.is_none(),
            text,
            base: self.base.clone(),
            merges: self.merges.clone(),
            ..SaveRequest::default()
        }))
    }

    /// Removes the file if nobody wrote anything into it, and returns whether that was so.
    pub fn remove_unless_edited(&self) -> bool {
        let is_same = careful::read(&self.path).is_ok_and(|bytes| bytes == self.written.as_bytes());
        is_same && fs::remove_file(&self.path).is_ok()
    }

    /// Returns whether the spec does not exist yet.
    pub const fn is_new(&self) -> bool {
        self.base.is_none()
    }

    /// Removes the file, whose text was saved or not changed.
    pub fn remove(self) {
        let _ = fs::remove_file(self.path);
    }
}

/// Returns the files whose editors ended without a save, of a spec.
///
/// # Errors
/// The private folder is unknown.
pub fn interrupted(repo: &Repo, name: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder(repo)?).into_iter().flatten().flatten().take(MAX_FILES);
    let is_left = |path: &PathBuf| {
        parse(path).is_some_and(|(of, _, process)| of.as_str() == name && !process.is_alive())
    };
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_left).collect();
    found.sort();
    Ok(found)
}

/// Returns the version that the text in a file was made from, and those beside it that were merged into it, if the file is one whose
/// editor ended without a save. A draft of a new spec has neither.
pub fn versions_of(repo: &Repo, file: &Path) -> (Option<String>, Vec<String>) {
    let of = versions_in_name(repo, file).unwrap_or_else(|| NEW.to_owned());
    let mut of = of.split(AND).map(str::to_owned);
    (of.next().filter(|base| base != NEW), of.collect())
}

fn versions_in_name(repo: &Repo, file: &Path) -> Option<String> {
    let is_ours = file.canonicalize().ok()?.parent()? == folder(repo).ok()?.canonicalize().ok()?;
    parse(file).filter(|_| is_ours).map(|(_, of, _)| of)
}

/// Removes such a file once its text was saved; any other file stays.
pub fn forget(repo: &Repo, file: &Path) {
    let Ok(folder) = folder(repo).and_then(|folder| {
        folder.canonicalize().context(Kind::External, || "no folder of drafts".to_owned())
    }) else {
        return;
    };
    let is_ours = file.canonicalize().is_ok_and(|file| file.parent() == Some(&folder));
    if is_ours && parse(file).is_some_and(|(_, _, process)| !process.is_alive()) {
        let _ = fs::remove_file(file);
    }
}

/// Reads the name of a file: the spec, the versions, and the process that made it.
fn parse(path: &Path) -> Option<(SpecName, String, ProcessId)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".md")?;
    let mut parts = name.split('.');
    let (spec, base) = (SpecName::parse(parts.next()?).ok()?, parts.next()?.to_owned());
    let process = ProcessId { pid: parts.next()?.parse().ok()?, start: parts.next()?.parse().ok()? };
    parts.next().is_none().then_some((spec, base, process))
}

fn folder(repo: &Repo) -> Result<PathBuf> {
    Ok(PrivateDir::new(repo.private_dir()?).dir().join("drafts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_says_what_it_is() {
        let (spec, base, process) = parse(Path::new("/x/rate-limit.0123456789ab.7.9.md")).unwrap();
        assert_eq!((spec.as_str(), base.as_str()), ("rate-limit", "0123456789ab"));
        assert_eq!((process.pid, process.start), (7, 9));
        let (_, of, _) = parse(Path::new("/x/rate-limit.0123456789ab+123456789abc.7.9.md")).unwrap();
        assert_eq!(of, "0123456789ab+123456789abc");
        for other in ["a.md", "a.b.md", "a.b.7.x.md", "a.b.7.9.1.md", "A.b.7.9.md", "a.b.7.9"] {
            assert!(parse(Path::new(other)).is_none(), "{other}");
        }
    }
}
