//! The results of checks that this clone ran: lines of JSON in one blob, which a private ref names. Results of other clones are never
//! added: nobody here saw them, and another machine is another environment.

use crate::{
    Result,
    git::{Repo, refs::RefEdit},
    model::check_result::{CheckResult, CheckResults},
    store::layout::CHECKS,
};

/// How often to try if other commands keep adding results.
const ATTEMPTS: u32 = 20;
/// The largest blob that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Returns the results of checks on one tree.
///
/// # Errors
/// The ref or the blob cannot be read.
pub fn of_tree(repo: &Repo, tree: &str) -> Result<CheckResults> {
    let Some(blob) = repo.find_ref(CHECKS)? else { return Ok(CheckResults::default()) };
    if repo.blob_size(blob).is_none_or(|size| size > MAX_BYTES) {
        return Ok(CheckResults::default());
    }
    Ok(CheckResults::parse_of_tree(&String::from_utf8_lossy(&repo.read_blob(blob)?), tree))
}

/// Adds a result. If there are too many, the oldest is dropped.
///
/// # Errors
/// Nothing can be written, or other commands keep adding results (4).
pub fn add(repo: &Repo, result: &CheckResult) -> Result<()> {
    for attempt in 1.. {
        let old = repo.find_ref(CHECKS)?;
        let readable = old.filter(|blob| repo.blob_size(*blob).is_some_and(|size| size <= MAX_BYTES));
        let known = readable.map(|blob| repo.read_blob(blob)).transpose()?.unwrap_or_default();
        let mut results = CheckResults::parse(&String::from_utf8_lossy(&known));
        results.add(result.clone());
        let new = repo.write_blob(results.text().as_bytes())?;
        if old == Some(new) {
            break;
        }
        match repo.edit_refs(&[RefEdit { name: CHECKS.to_owned(), old, new }], "orchestra: check") {
            Err(error) if error.is_race() && attempt < ATTEMPTS => {}
            other => return Ok(other?),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use super::*;
    use crate::{
        model::check_result::{CheckKey, Counting},
        world::{Environment, Timestamp},
    };

    /// Makes a bare repository with the minimum that git requires.
    fn new_repo() -> (tempfile::TempDir, Repo) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("refs")).unwrap();
        fs::create_dir_all(folder.path().join("objects")).unwrap();
        fs::write(folder.path().join("HEAD"), "ref: refs/heads/main\n").unwrap();
        let config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";
        fs::write(folder.path().join("config"), config).unwrap();
        let repo = Repo::open(&Environment::of_this_process(), folder.path()).unwrap();
        (folder, repo)
    }

    fn result(tree: &str) -> CheckResult {
        CheckResult {
            key: CheckKey { tree: tree.into(), command_id: "c".into(), environment: "e".into() },
            fresh: true,
            failure: None,
            at: Timestamp::from_second(100).unwrap(),
            seconds: 1,
            output: Some("refs/x:1.log".into()),
            flaky: false,
        }
    }

    #[test]
    fn results_are_found_by_their_tree_and_none_is_lost_when_several_write() {
        let (_folder, repo) = new_repo();
        assert_eq!(of_tree(&repo, "t0").unwrap(), CheckResults::default());
        let path = repo.common_dir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let (environment, path) = (repo.environment().clone(), path.clone());
                let write = move || {
                    let repo = Repo::open(&environment, &path).unwrap();
                    for number in 0..3 {
                        add(&repo, &result(&format!("t{writer}{number}"))).unwrap();
                    }
                };
                std::thread::Builder::new().spawn_scoped(scope, write).unwrap();
            }
        });
        let now = Timestamp::from_second(160).unwrap();
        for writer in 0..4 {
            for number in 0..3 {
                let one = result(&format!("t{writer}{number}"));
                let found = of_tree(&repo, &one.key.tree).unwrap();
                let latest = found.latest(&one.key, Counting::Fresh, Duration::from_secs(60), now);
                assert_eq!(latest, Some(&one));
            }
        }
    }
}
