//! Lists the objects that a push would send: those that its commits reach and the remote's refs do not.

use std::collections::HashSet;

use crate::{
    Result,
    git::{
        Oid, Repo, command,
        raw::{self, ObjectKind, RawReader},
    },
    sync::remote_tips::RemoteTips,
};

/// The objects that a push would send.
#[derive(Debug, Default)]
pub struct OutgoingObjects {
    /// Each object with a path to it; empty for commits.
    pub objects: Vec<(Oid, Vec<u8>)>,
    /// The commits at the boundary, which the remote has.
    pub edges: Vec<Oid>,
    /// The objects that are referenced but missing here.
    pub missing: Vec<Oid>,
}

/// Lists the objects to send. Nothing is fetched: objects that a partial clone did not fetch count as missing.
///
/// # Errors
/// Git cannot walk the history: a commit is missing or broken.
pub fn list(
    repo: &Repo,
    reader: &mut RawReader<'_>,
    tips: &[Oid],
    known: &RemoteTips,
) -> Result<OutgoingObjects> {
    let mut outgoing = OutgoingObjects::default();
    let roots = walk_in_memory(reader, tips, &mut outgoing);
    if roots.is_empty() {
        return Ok(outgoing);
    }
    let mut revisions: String = roots.iter().map(|tip| format!("{tip}\n")).collect();
    for tip in known.tips() {
        revisions.push_str(&format!("^{tip}\n"));
    }
    for tip in known.notes() {
        // Notes commits have no common history, so their trees are excluded explicitly.
        if let Ok(tree) = repo.tree_of(tip) {
            revisions.push_str(&format!("^{tree}\n"));
        }
    }
    let git = repo
        .git_in(&repo.common_dir()?, "rev-list")
        .args(["--objects-edge", "--missing=print", "--stdin"])
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("GIT_NO_LAZY_FETCH", "1")
        .input(revisions.into_bytes())
        .limit(command::LONG_LIMIT);
    for line in git.run()?.split(|byte| *byte == b'\n') {
        let (mark, line) = match line.first() {
            Some(mark @ (b'-' | b'?')) => (*mark, &line[1..]),
            _ => (b' ', line),
        };
        let Some(id) = line.get(..40).and_then(|hex| Oid::parse(std::str::from_utf8(hex).ok()?)) else {
            continue;
        };
        match mark {
            b'-' => outgoing.edges.push(id),
            b'?' => outgoing.missing.push(id),
            _ => outgoing.objects.push((id, line.get(41..).unwrap_or_default().to_vec())),
        }
    }
    Ok(outgoing)
}

/// Walks the objects that a dry run has made in memory, where git does not see them. Returns the commits at which git starts.
fn walk_in_memory(reader: &mut RawReader<'_>, tips: &[Oid], outgoing: &mut OutgoingObjects) -> Vec<Oid> {
    let (mut roots, mut seen) = (Vec::new(), HashSet::new());
    let mut open: Vec<(Oid, Vec<u8>, bool)> = tips.iter().map(|tip| (*tip, Vec::new(), true)).collect();
    while let Some((id, path, is_commit)) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        if is_commit && reader.is_on_disk(id) {
            roots.push(id);
            continue;
        }
        let Some((kind, bytes)) = reader.read(id) else {
            // A missing commit is left to git, whose error says what is wrong.
            let unread = if is_commit { &mut roots } else { &mut outgoing.missing };
            unread.push(id);
            continue;
        };
        match kind {
            ObjectKind::Commit => {
                for (key, value) in header(bytes) {
                    open.extend(Oid::parse(value).map(|id| (id, Vec::new(), key == "parent")));
                }
            }
            ObjectKind::Tree => {
                for entry in raw::entries(bytes).unwrap_or_default().iter().filter(|entry| !entry.is_link) {
                    let slash: &[u8] = if path.is_empty() { b"" } else { b"/" };
                    open.push((entry.id, [&path, slash, entry.name].concat(), false));
                }
            }
            ObjectKind::Blob | ObjectKind::Tag => {}
        }
        outgoing.objects.push((id, path));
    }
    roots
}

/// Returns the tree and parent lines of a raw commit.
pub(super) fn header(bytes: &[u8]) -> Vec<(&str, &str)> {
    let lines = bytes.split(|byte| *byte == b'\n').map_while(|line| std::str::from_utf8(line).ok());
    let words = lines.take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(' '));
    words.filter(|(key, _)| matches!(*key, "tree" | "parent")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_lists_tree_and_parents() {
        let commit = b"tree aa\nparent bb\nparent cc\nauthor A <a@x> 1 +0000\n\ntree no\n";
        assert_eq!(header(commit), [("tree", "aa"), ("parent", "bb"), ("parent", "cc")]);
    }
}
