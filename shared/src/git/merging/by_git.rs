//! Asking git itself, about many pairs at once. What it writes goes into a folder of its own, and away with it.

use super::Clash;
use crate::{
    Error, Kind, Result,
    error::Context,
    git::{Git, Oid, Repo, command},
};

/// The verdicts of git, in the order of the pairs.
pub(super) fn ask(repo: &Repo, pairs: &[(Oid, Oid)]) -> Result<Vec<Option<Clash>>> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let common = repo.common_dir()?;
    let scratch = tempfile::tempdir().context(Kind::External, || "cannot make a temporary folder".into())?;
    let questions: String = pairs.iter().map(|(a, b)| format!("{a} {b}\n")).collect();
    // In the checkout, if there is one: attributes are read from its files.
    let place = repo.main_checkout()?.unwrap_or_else(|| common.clone());
    let said = Git::new(&place, "merge-tree")
        .args(["--write-tree", "--stdin", "--name-only", "--no-messages"])
        .env("GIT_OBJECT_DIRECTORY", scratch.path())
        .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", common.join("objects"))
        .input(questions.into_bytes())
        .limit(command::LONG)
        .run()?;
    let answers = parse(&said).filter(|answers| answers.len() == pairs.len());
    answers.ok_or_else(|| Error::internal("git merge-tree answered in an unknown way"))
}

/// For each pair: `1` or `0`, the tree, the files that clash, nothing; each ended by NUL.
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
        answers.push((!clean).then(|| Clash { files: files.max(1), hunks: files.max(1) }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_git() {
        let one = Some(Clash { files: 1, hunks: 1 });
        let two = Some(Clash { files: 2, hunks: 2 });
        assert_eq!(parse(b"0\0dfd0\0a\0\x001\0dea4\0\x000\0c310\0a\0b\0\0"), Some(vec![one, None, two]));
        assert_eq!(parse(b""), Some(vec![]));
        assert_eq!(parse(b"0\0dfd0\0a\0"), None);
        assert_eq!(parse(b"x\0"), None);
    }
}
