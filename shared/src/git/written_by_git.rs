//! The files of a tree that git itself must write. For all others gix writes the bytes that git would write; but it writes UTF-8
//! instead of UTF-16, does not know every encoding, and expands `$Id$` in another way. And it prefers the attributes of a folder to
//! those in `info/attributes`.

use std::path::{Path, PathBuf};

use gix::{
    bstr::ByteSlice,
    index::{
        Entry,
        entry::{Flags, Mode},
    },
    worktree::stack::state::attributes::Source,
};

use super::{Git, Repo, careful, command, ignore};
use crate::{Result, world::Environment};

/// The attributes that gix follows in another way than git.
const ATTRIBUTES: [&str; 2] = ["ident", "working-tree-encoding"];
/// Words in attributes files that make git convert files, or define attributes that do.
const CONVERTING: [&str; 8] =
    ["[attr]", "binary", "crlf", "eol", "filter", "ident", "text", "working-tree-encoding"];
/// The attributes files of the machine: their path depends on how git was built.
pub(super) const MACHINE_ATTRIBUTES: &[&str] =
    &["/etc/gitattributes", "/usr/local/etc/gitattributes", "/opt/homebrew/etc/gitattributes"];
/// Maximum size of an attributes file that is searched, in bytes; git ignores larger ones.
const MAX_FILE_BYTES: u64 = 100 << 20;

/// Has git write files of a new worktree.
pub(super) struct GitWriter {
    environment: Environment,
    common_dir: PathBuf,
    /// The git directory of ours with the settings to use, if not those of the repository.
    frozen: Option<PathBuf>,
    /// The attributes files of the machine and the user.
    outside: Vec<PathBuf>,
}

impl GitWriter {
    /// Returns the writer for worktrees of a repository, with the settings with which it was opened.
    ///
    /// # Errors
    /// The common git directory cannot be found.
    pub(super) fn of(repo: &Repo) -> Result<Self> {
        let (environment, common_dir) = (repo.environment().clone(), repo.common_dir()?);
        let user = repo.attributes_file().or_else(|| ignore::user_file(&environment, "attributes"));
        let machine = MACHINE_ATTRIBUTES.iter().map(PathBuf::from);
        let outside = machine.chain(user).collect();
        Ok(Self { environment, common_dir, frozen: repo.frozen.clone(), outside })
    }

    /// Returns the positions in `index` of the files that git must write. If no attributes file requires it, which is usual, no
    /// path is compared with the patterns.
    pub(super) fn files(&self, repo: &gix::Repository, index: &gix::index::State) -> gix::Result<Vec<usize>> {
        let private = text_of(&self.common_dir.join("info/attributes"));
        let is_misread = names_one(&private, &CONVERTING) && has_nested_attributes(index);
        let mut outside = self.outside.iter().map(|path| text_of(path)).chain([private]);
        if !is_misread && !outside.any(|text| names_one(&text, &ATTRIBUTES)) && !tree_names_one(repo, index) {
            return Ok(Vec::new());
        }
        let mut stack = repo.attributes_only(index, Source::IdMapping)?;
        let mut found = stack.selected_attribute_matches(ATTRIBUTES.into_iter().chain(["filter"]));
        let mut files = Vec::new();
        for (at, entry) in index.entries().iter().enumerate().filter(|(_, entry)| is_written_file(entry)) {
            stack.at_entry(entry.path(index), Some(entry.mode))?.matching_attributes(&mut found);
            let given: Vec<bool> =
                found.iter_selected().map(|one| !one.assignment.state.is_unspecified()).collect();
            let is_converted = given[..ATTRIBUTES.len()].contains(&true);
            let has_filter = given[ATTRIBUTES.len()];
            // With frozen settings, git runs filters outside of the repository, where some do not find what they need.
            let is_left = is_misread && !(has_filter && self.frozen.is_some());
            files.extend((is_converted || is_left).then_some(at));
        }
        Ok(files)
    }

    /// Writes files of the index, whose paths are separated by zero bytes.
    ///
    /// # Errors
    /// Git fails, or a program that converts a file does.
    pub(super) fn write(&self, git_dir: &Path, worktree: &Path, files: Vec<u8>) -> Result<()> {
        let verb = "checkout-index";
        let git = match &self.frozen {
            Some(frozen) => Git::with_settings_of(&self.environment, worktree, frozen, verb)
                .env("GIT_WORK_TREE", worktree.as_os_str())
                .env("GIT_OBJECT_DIRECTORY", self.common_dir.join("objects").as_os_str()),
            None => Git::for_work_tree(&self.environment, worktree, git_dir, verb),
        };
        git.env("GIT_INDEX_FILE", git_dir.join("index"))
            .args(["--quiet", "-z", "--stdin"])
            .input(files)
            .limit(command::LONG_LIMIT)
            .run()
            .map(drop)
    }
}

/// Returns whether an entry is a file that the checkout does not leave out.
fn is_written_file(entry: &Entry) -> bool {
    matches!(entry.mode, Mode::FILE | Mode::FILE_EXECUTABLE) && !entry.flags.contains(Flags::SKIP_WORKTREE)
}

/// Returns whether an attributes file in a tree names one of the attributes.
fn tree_names_one(repo: &gix::Repository, index: &gix::index::State) -> bool {
    let files = index.entries().iter().filter(|entry| is_attributes_file(entry.path(index)));
    files
        .map(|entry| repo.find_blob(entry.id))
        .any(|found| found.is_ok_and(|blob| names_one(&blob.data, &ATTRIBUTES)))
}

/// Returns whether a path is that of an attributes file; on some file systems capital letters make no difference.
fn is_attributes_file(path: &[u8]) -> bool {
    path.rsplit(|byte| *byte == b'/').next().is_some_and(|name| name.eq_ignore_ascii_case(b".gitattributes"))
}

/// Returns whether a tree has attributes files below its top.
fn has_nested_attributes(index: &gix::index::State) -> bool {
    let mut paths = index.entries().iter().map(|entry| entry.path(index));
    paths.any(|path| path.contains(&b'/') && is_attributes_file(path))
}

/// Returns the content of an attributes file outside of the tree; one that cannot be read has no attributes for git either.
fn text_of(path: &Path) -> Vec<u8> {
    let opened = careful::open_regular_through_links(path);
    opened.and_then(|file| careful::read_up_to(file, MAX_FILE_BYTES)).ok().flatten().unwrap_or_default()
}

/// Returns whether an attributes file contains one of some words, in whatever line.
fn names_one(text: &[u8], words: &[&str]) -> bool {
    words.iter().any(|word| text.contains_str(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_name_the_attributes_may_decide() {
        for (text, by_git, converting) in [
            ("", false, false),
            ("*.lock diff=lock -merge\n", false, false),
            ("* text=auto\n*.bat eol=crlf\n*.png binary\n*.psd filter=lfs -text\n", false, true),
            ("*.c ident text\n", true, true),
            ("[attr]old -text ident\n", true, true),
            ("*.rc text working-tree-encoding=UTF-16LE-BOM\n", true, true),
        ] {
            assert_eq!(names_one(text.as_bytes(), &ATTRIBUTES), by_git, "{text}");
            assert_eq!(names_one(text.as_bytes(), &CONVERTING), converting, "{text}");
        }
        for (path, expected) in [
            (".gitattributes", true),
            ("a/b/.gitattributes", true),
            ("a/.GitAttributes", true),
            ("a.gitattributes", false),
            (".gitattributes/a", false),
        ] {
            assert_eq!(is_attributes_file(path.as_bytes()), expected, "{path}");
        }
    }
}
