//! The output of `git merge-tree` for pairs of commits.

use super::trial_conflict::TrialConflict;
use crate::{git::Oid, model::conflict::ConflictKinds};

/// Maximum number of files of one conflict that are stored; the rest are only counted.
const MAX_STORED: usize = 10_000;

/// The result of a merge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MergeResult {
    /// The tree of the merge; with a conflict, its files contain conflict markers.
    pub tree: Oid,
    /// Why the merge is not clean.
    pub conflict: Option<GitConflict>,
}

/// A conflict as git describes it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GitConflict {
    /// The conflicting files, each once. Some conflicts name no file.
    pub files: Vec<String>,
    /// The number of conflicting files.
    pub count: u32,
    /// The kinds of conflict.
    pub kinds: ConflictKinds,
    /// The first message about a conflict: `CONFLICT (directory rename split): …`.
    pub message: Option<String>,
}

impl GitConflict {
    pub(super) fn trial_conflict(&self) -> TrialConflict {
        TrialConflict { files: self.count, hunks: self.count, kinds: self.kinds }
    }
}

/// Parses the output of `--stdin`, in which each field ends with NUL. For each pair: `1` (clean) or `0`, the tree, the
/// conflicting files, an empty field; with a conflict also the messages (number of paths, the paths, the kind, the text) and
/// another empty field. Returns the complete results, and whether nothing else was printed.
pub(super) fn parse(said: &[u8]) -> (Vec<MergeResult>, bool) {
    let mut words = said.split(|byte| *byte == 0);
    let mut answers = Vec::new();
    loop {
        match words.next() {
            None => return (answers, false),
            Some(b"") => {
                let nothing_else = words.next().is_none();
                return (answers, nothing_else);
            }
            Some(state) => match parse_one(state, &mut words) {
                Some(answer) => answers.push(answer),
                None => return (answers, false),
            },
        }
    }
}

fn parse_one<'a>(state: &[u8], words: &mut impl Iterator<Item = &'a [u8]>) -> Option<MergeResult> {
    let clean = match state {
        b"1" => true,
        b"0" => false,
        _ => return None,
    };
    let tree = Oid::parse(std::str::from_utf8(words.next()?).ok()?)?;
    let mut conflict = GitConflict::default();
    loop {
        let file = words.next()?;
        if file.is_empty() {
            break;
        }
        let file = String::from_utf8_lossy(file).into_owned();
        if conflict.files.last() == Some(&file) {
            continue;
        }
        conflict.count = conflict.count.saturating_add(1);
        if conflict.files.len() < MAX_STORED {
            conflict.files.push(file);
        }
    }
    if clean {
        return Some(MergeResult { tree, conflict: None });
    }
    parse_messages(words, &mut conflict)?;
    Some(MergeResult { tree, conflict: Some(conflict) })
}

fn parse_messages<'a>(words: &mut impl Iterator<Item = &'a [u8]>, conflict: &mut GitConflict) -> Option<()> {
    loop {
        // Before git 2.40, advice about submodules takes the place of the last, empty field.
        let count = std::str::from_utf8(words.next()?).ok().and_then(|count| count.parse::<usize>().ok());
        let Some(count) = count else {
            if conflict.kinds == ConflictKinds::default() {
                conflict.kinds = ConflictKinds::OTHER;
            }
            return Some(());
        };
        for _ in 0..count {
            words.next()?;
        }
        let (_, text) = (words.next()?, words.next()?);
        let text = String::from_utf8_lossy(text);
        if let Some(kind) = ConflictKinds::of_message(&text) {
            conflict.kinds = conflict.kinds.combine(kind);
            conflict.message.get_or_insert_with(|| text.trim().to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(files: &[&str], kinds: ConflictKinds, message: &str) -> MergeResult {
        let conflict = GitConflict {
            files: files.iter().map(ToString::to_string).collect(),
            count: u32::try_from(files.len()).unwrap(),
            kinds,
            message: Some(message.to_owned()),
        };
        MergeResult { tree: Oid::from_bytes([0x11; 20]), conflict: Some(conflict) }
    }

    #[test]
    fn answers_of_git() {
        let tree = "1".repeat(40);
        let content = "CONFLICT (content): Merge conflict in a";
        let first = format!(
            "0\0{tree}\0a\0\x001\0a\0Auto-merging\0Auto-merging a\n\x001\0a\0CONFLICT (contents)\0{content}\n\0\0"
        );
        let clean = format!("1\0{tree}\0\0");
        let deleted = "CONFLICT (modify/delete): a deleted";
        let third = format!("0\0{tree}\0a\0b\0\x001\0a\0CONFLICT (modify/delete)\0{deleted}\n\0\0");
        let all = [first.as_str(), &clean, &third].concat();
        let expected = vec![
            answer(&["a"], ConflictKinds::CONTENT, content),
            MergeResult { tree: Oid::from_bytes([0x11; 20]), conflict: None },
            answer(&["a", "b"], ConflictKinds::MODIFY_DELETE, deleted),
        ];
        assert_eq!(parse(all.as_bytes()), (expected.clone(), true));
        // Truncated: complete results count.
        assert_eq!(parse(&all.as_bytes()[..all.len() - 9]), (expected[..2].to_vec(), false));
        // Advice at the end, and a conflict that names no file.
        let submodule = "CONFLICT (submodule): s";
        let advice = format!("0\0{tree}\0s\0\x001\0s\0CONFLICT\0{submodule}\n\0Do this\n\0{clean}");
        assert_eq!(parse(advice.as_bytes()).0[0], answer(&["s"], ConflictKinds::SUBMODULE, submodule));
        let split = "CONFLICT (directory rename split): Unclear where to rename z to";
        let none = format!("0\0{tree}\0\x001\0z\0CONFLICT (directory rename split)\0{split}\n\0\0");
        assert_eq!(parse(none.as_bytes()), (vec![answer(&[], ConflictKinds::RENAME, split)], true));
        assert_eq!(parse(b""), (vec![], true));
        assert_eq!(parse(b"x\0"), (vec![], false));
    }
}
