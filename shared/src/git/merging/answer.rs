//! What `git merge-tree` answers about two commits.

use super::clash::TrialConflict;
use crate::{git::Oid, model::conflict::Kinds};

/// Longest list of files or messages of one conflict that is kept; more are only counted.
const MOST_KEPT: usize = 10_000;

/// What a merge comes to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The tree of the merge; of one that conflicts, its files hold marks.
    pub tree: Oid,
    /// What keeps it from being clean.
    pub conflict: Option<GitConflict>,
}

/// A conflict in git's words.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GitConflict {
    /// Files that conflict, each once; there are conflicts in which git names none.
    pub files: Vec<String>,
    /// How many there are.
    pub count: u32,
    /// In which ways.
    pub kinds: Kinds,
    /// The first message that tells of a conflict: `CONFLICT (directory rename split): …`.
    pub message: Option<String>,
}

impl GitConflict {
    pub(super) fn clash(&self) -> TrialConflict {
        TrialConflict { files: self.count, hunks: self.count, kinds: self.kinds }
    }
}

/// The answers to all questions of a `--stdin`, each ended by NUL: for each pair `1` (clean) or `0`, the tree, the files that
/// conflict, nothing; where it conflicts, messages: how many paths, the paths, the kind, the text; then nothing. Gives the answers
/// that are whole, and whether nothing else was said.
pub(super) fn parse(said: &[u8]) -> (Vec<Answer>, bool) {
    let mut words = said.split(|byte| *byte == 0);
    let mut answers = Vec::new();
    loop {
        match words.next() {
            None => return (answers, false),
            Some(b"") => {
                let nothing_else = words.next().is_none();
                return (answers, nothing_else);
            }
            Some(state) => match one(state, &mut words) {
                Some(answer) => answers.push(answer),
                None => return (answers, false),
            },
        }
    }
}

fn one<'a>(state: &[u8], words: &mut impl Iterator<Item = &'a [u8]>) -> Option<Answer> {
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
        if conflict.files.len() < MOST_KEPT {
            conflict.files.push(file);
        }
    }
    if clean {
        return Some(Answer { tree, conflict: None });
    }
    messages(words, &mut conflict)?;
    Some(Answer { tree, conflict: Some(conflict) })
}

fn messages<'a>(words: &mut impl Iterator<Item = &'a [u8]>, conflict: &mut GitConflict) -> Option<()> {
    loop {
        // Before git 2.40, advice about submodules stands in the place of the last, empty word.
        let count = std::str::from_utf8(words.next()?).ok().and_then(|count| count.parse::<usize>().ok());
        let Some(count) = count else {
            if conflict.kinds == Kinds::default() {
                conflict.kinds = Kinds::OTHER;
            }
            return Some(());
        };
        for _ in 0..count {
            words.next()?;
        }
        let (_, text) = (words.next()?, words.next()?);
        let text = String::from_utf8_lossy(text);
        if let Some(kind) = Kinds::of_message(&text) {
            conflict.kinds = conflict.kinds.and(kind);
            conflict.message.get_or_insert_with(|| text.trim().to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(files: &[&str], kinds: Kinds, message: &str) -> Answer {
        let conflict = GitConflict {
            files: files.iter().map(ToString::to_string).collect(),
            count: u32::try_from(files.len()).unwrap(),
            kinds,
            message: Some(message.to_owned()),
        };
        Answer { tree: Oid::from_bytes([0x11; 20]), conflict: Some(conflict) }
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
            answer(&["a"], Kinds::CONTENT, content),
            Answer { tree: Oid::from_bytes([0x11; 20]), conflict: None },
            answer(&["a", "b"], Kinds::MODIFY_DELETE, deleted),
        ];
        assert_eq!(parse(all.as_bytes()), (expected.clone(), true));
        // Cut off: what is whole counts.
        assert_eq!(parse(&all.as_bytes()[..all.len() - 9]), (expected[..2].to_vec(), false));
        // Advice at the end, and a conflict in which no file is named.
        let submodule = "CONFLICT (submodule): s";
        let advice = format!("0\0{tree}\0s\0\x001\0s\0CONFLICT\0{submodule}\n\0Do this\n\0{clean}");
        assert_eq!(parse(advice.as_bytes()).0[0], answer(&["s"], Kinds::SUBMODULE, submodule));
        let split = "CONFLICT (directory rename split): Unclear where to rename z to";
        let none = format!("0\0{tree}\0\x001\0z\0CONFLICT (directory rename split)\0{split}\n\0\0");
        assert_eq!(parse(none.as_bytes()), (vec![answer(&[], Kinds::RENAME, split)], true));
        assert_eq!(parse(b""), (vec![], true));
        assert_eq!(parse(b"x\0"), (vec![], false));
    }
}
