//! Reading reflogs from their files.

use std::{
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use crate::{
    Result,
    git::{Oid, Repo, careful, ref_names},
};

/// How many bytes at the end of a long reflog are read.
const MAX_READ_BYTES: u64 = 1 << 20;

/// One line of a reflog.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReflogEntry {
    /// The old value of the ref; `None` if it was created.
    pub old: Option<Oid>,
    /// The new value; `None` if it was deleted.
    pub new: Option<Oid>,
    /// Git's message; foreign text.
    pub message: String,
}

/// Returns the length of a reflog in bytes; `None` if there is none.
pub fn reflog_length(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|found| found.len())
}

/// Returns the entries after the first `from` bytes, oldest first. If the reflog became shorter, returns all that are left.
pub fn entries_since(path: &Path, from: u64) -> Vec<ReflogEntry> {
    let Some(length) = reflog_length(path) else { return Vec::new() };
    let start = if length >= from { from } else { 0 };
    let start = start.max(length.saturating_sub(MAX_READ_BYTES));
    let read = || {
        let mut file = careful::open_regular_through_links(path)?;
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(MAX_READ_BYTES).read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).lines().filter_map(parse_entry).collect()
}

impl Repo {
    /// Returns the branch to which `git branch --move` renamed a branch, by its full name, as far as the reflogs tell.
    ///
    /// # Errors
    /// The branches cannot be listed.
    pub fn renamed_branch(&self, name: &str) -> Result<Option<String>> {
        let logs = self.common_dir()?.join("logs");
        let renamed = format!("Branch: renamed {name} to ");
        let was_renamed = |branch: &String| {
            let entries = entries_since(&logs.join(branch), 0);
            entries.iter().any(|entry| entry.message.starts_with(&renamed))
        };
        Ok(self.refs_below(ref_names::BRANCHES)?.into_iter().map(|(branch, _)| branch).find(was_renamed))
    }
}

/// Parses `<old> <new> <name> <<e-mail>> <time> <zone>\t<message>`.
fn parse_entry(line: &str) -> Option<ReflogEntry> {
    let (facts, message) = line.split_once('\t').unwrap_or((line, ""));
    let (old, new) = (Oid::parse(facts.get(..40)?)?, Oid::parse(facts.get(41..81)?)?);
    let some = |id: Oid| Some(id).filter(|id| id.as_bytes().iter().any(|byte| *byte != 0));
    Some(ReflogEntry { old: some(old), new: some(new), message: message.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_line_is_skipped() {
        let (a, zero) = ("a".repeat(40), "0".repeat(40));
        let read =
            parse_entry(&format!("{zero} {a} T <t@x> 1 +0000\tcommit (initial): one")).expect("an entry");
        assert_eq!(
            (read.old, read.new, read.message.as_str()),
            (None, Oid::parse(&a), "commit (initial): one")
        );
        assert_eq!(
            parse_entry(&format!("{a} {a} T <t@x> 1 +0000")).map(|read| read.message),
            Some(String::new())
        );
        for broken in ["", "x", "é".repeat(50).as_str(), &format!("{a} {}", "g".repeat(40))] {
            assert_eq!(parse_entry(broken), None);
        }
    }
}
