//! The checkout from which files are copied, and the rules at the place to which they are copied.

use std::{
    collections::{HashMap, HashSet},
    io,
    path::Path,
};

use super::{
    FILE, Wanted,
    item::{Item, ItemKind},
    open_root,
};
use crate::{
    Error, Kind, Result,
    git::{Git, Repo, careful, ignore::IgnoreRules, index_entries::IndexEntries},
    worktree::root::{self, WorktreeRoot},
};

/// Maximum size of the file of patterns, in bytes.
const MAX_PATTERNS_BYTES: u64 = 1 << 20;

/// The user's checkout, with the rules that decide what is copied.
pub(super) struct Source<'a> {
    pub(super) repo: &'a Repo,
    pub(super) root: WorktreeRoot,
    pub(super) tracked: IndexEntries,
    /// What is wanted.
    pub(super) wanted: IgnoreRules,
}

impl<'a> Source<'a> {
    /// Opens the checkout; `None` if there is none, or nothing is wanted.
    pub(super) fn open(repo: &'a Repo, wanted: &Wanted<'_>) -> Result<Option<Self>> {
        let Some(checkout) = repo.main_checkout()? else { return Ok(None) };
        let mut lines = read_patterns(&checkout);
        for pattern in wanted.patterns {
            lines.push(b'\n');
            lines.extend_from_slice(pattern.as_bytes());
        }
        if lines.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let index = repo.common_dir()?.join("index");
        let Ok(tracked) = IndexEntries::read(repo, &index) else { return Ok(None) };
        let wanted = IgnoreRules::of_lines(repo, &lines);
        Ok(Some(Self { repo, root: open_root(&checkout)?, tracked, wanted }))
    }
}

fn read_patterns(checkout: &Path) -> Vec<u8> {
    let file = careful::open_regular(&checkout.join(FILE));
    file.and_then(|file| careful::read_up_to(file, MAX_PATTERNS_BYTES)).ok().flatten().unwrap_or_default()
}

/// Returns the paths that git ignores in the worktree: there, another commit is checked out than in the user's checkout. Those below a
/// link, at which git gives up, are among them: the copy finds the link.
pub(super) fn ignored_there(
    repo: &Repo,
    worktree: &WorktreeRoot,
    items: &[Item],
) -> Result<HashSet<Vec<u8>>> {
    let (mut input, mut below_links) = (Vec::new(), HashSet::new());
    let mut folders: HashMap<&[u8], bool> = HashMap::new();
    for item in items.iter().filter(|item| item.kind != ItemKind::Folder) {
        let folder = root::split_path(&item.path).0;
        if *folders.entry(folder).or_insert_with(|| is_blocked(worktree, folder)) {
            below_links.insert(item.path.clone());
        } else {
            input.extend_from_slice(&item.path);
            input.push(0);
        }
    }
    if input.is_empty() {
        return Ok(below_links);
    }
    let worktree = worktree.path();
    let git = Git::new(repo.environment(), worktree, "check-ignore")
        .args(["-z", "--stdin", "--no-index"])
        .input(input);
    let output = git.output()?;
    match output.status.code() {
        // 1: nothing is ignored.
        Some(0 | 1) => {}
        _ => {
            let why = format!("git check-ignore failed: {}", output.stderr.trim());
            return Err(Error::new(Kind::External, why));
        }
    }
    let listed = output.stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    Ok(listed.map(<[u8]>::to_vec).chain(below_links).collect())
}

/// Returns whether something that is not a folder is in the place of a folder or of one above it.
fn is_blocked(worktree: &WorktreeRoot, folder: &[u8]) -> bool {
    let ends = folder.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    ends.chain([folder.len()]).filter(|end| *end > 0).any(|end| {
        let opened = worktree.folder(&folder[..end]);
        opened.is_err_and(|error| error.kind() != io::ErrorKind::NotFound)
    })
}
