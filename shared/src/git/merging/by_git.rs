//! Asking git itself, about many pairs at once. What it writes goes into a folder of its own, and away with it.

use super::Clash;
use crate::{
    Error, Kind, Result,
    error::Context,
    git::{Git, Oid, Repo, command},
    model::conflict::Kinds,
};

/// What clashes, if anything does.
type Verdict = Option<Clash>;

/// The verdicts of git, in the order of the pairs; `None` for a pair over which git breaks off: the others are asked about
/// without it.
pub(super) fn ask(repo: &Repo, pairs: &[(Oid, Oid)]) -> Result<Vec<Option<Verdict>>> {
    match (batch(repo, pairs), pairs) {
        (Err(error), [(a, _)]) => match batch(repo, &[(*a, *a)]) {
            Ok(_) => Ok(vec![None]),
            // It is not the pair: git itself does not work here.
            Err(_) => Err(error),
        },
        (Err(_), pairs) => {
            let (first, second) = pairs.split_at(pairs.len() / 2);
            let mut answers = ask(repo, first)?;
            answers.extend(ask(repo, second)?);
            Ok(answers)
        }
        (Ok(answers), _) => Ok(answers.into_iter().map(Some).collect()),
    }
}

fn batch(repo: &Repo, pairs: &[(Oid, Oid)]) -> Result<Vec<Verdict>> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let common = repo.common_dir()?;
    let scratch = tempfile::tempdir().context(Kind::External, || "cannot make a temporary folder".into())?;
    let questions: String = pairs.iter().map(|(a, b)| format!("{a} {b}\n")).collect();
    // In the checkout, if there is one: attributes are read from its files.
    let place = repo.main_checkout()?.unwrap_or_else(|| common.clone());
    let said = Git::new(&place, "merge-tree")
        .fetching_what_is_missing()
        .args(["--write-tree", "--stdin", "--name-only"])
        .env("GIT_OBJECT_DIRECTORY", scratch.path())
        .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", common.join("objects"))
        .input(questions.into_bytes())
        .limit(command::LONG)
        .run()?;
    let answers = parse(&said).filter(|answers| answers.len() == pairs.len());
    answers.ok_or_else(|| Error::internal("git merge-tree answered in an unknown way"))
}

/// For each pair: `1` or `0`, the tree, the files that clash, nothing; where it clashes, messages: how many paths, the paths, the
/// kind, the text; then nothing. Each ended by NUL.
fn parse(said: &[u8]) -> Option<Vec<Option<Clash>>> {
    let mut words = said.split(|byte| *byte == 0);
    let mut answers = Vec::new();
    loop {
        let clean = match words.next()? {
            b"" => return words.next().is_none().then_some(answers),
            b"1" => true,
            b"0" => false,
            _ => return None,
        };
        words.next()?;
        let mut files = 0u32;
        while !words.next()?.is_empty() {
            files += 1;
        }
        if clean {
            answers.push(None);
            continue;
        }
        let kinds = kinds(&mut words)?;
        answers.push(Some(Clash { files: files.max(1), hunks: files.max(1), kinds }));
    }
}

fn kinds<'a>(words: &mut impl Iterator<Item = &'a [u8]>) -> Option<Kinds> {
    let mut kinds = Kinds::default();
    loop {
        // Before git 2.40, advice about submodules stands in the place of the last, empty word.
        let count = std::str::from_utf8(words.next()?).ok().and_then(|count| count.parse::<usize>().ok());
        let Some(count) = count else {
            return Some(if kinds == Kinds::default() { Kinds::OTHER } else { kinds });
        };
        for _ in 0..count {
            words.next()?;
        }
        let (_, message) = (words.next()?, words.next()?);
        kinds = Kinds::of_message(&String::from_utf8_lossy(message)).map_or(kinds, |kind| kinds.and(kind));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_git() {
        let one = Some(Clash { files: 1, hunks: 1, kinds: Kinds::CONTENT });
        let two = Some(Clash { files: 2, hunks: 2, kinds: Kinds::MODIFY_DELETE });
        let first = b"0\0dfd0\0a\0\x001\0a\0Auto-merging\0Auto-merging a\n\x001\0a\0CONFLICT (contents)\0CONFLICT (content): Merge conflict in a\n\0\0";
        let third =
            b"0\0c310\0a\0b\0\x001\0a\0CONFLICT (modify/delete)\0CONFLICT (modify/delete): a deleted\n\0\0";
        let all = [first.as_slice(), b"1\0dea4\0\0", third.as_slice()].concat();
        assert_eq!(parse(&all), Some(vec![one, None, two]));
        let advice = b"0\0dfd0\0s\0\x001\0s\0CONFLICT\0CONFLICT (submodule): s\n\0Do this\n\x001\0dea4\0\0";
        let submodule = Some(Clash { files: 1, hunks: 1, kinds: Kinds::SUBMODULE });
        assert_eq!(parse(advice), Some(vec![submodule, None]));
        assert_eq!(parse(b""), Some(vec![]));
        assert_eq!(parse(b"0\0dfd0\0a\0"), None);
        assert_eq!(parse(b"x\0"), None);
    }
}
