//! The notes that plain `git log` shows to people: a sentence for each review, landing and result. They are made from the shared notes,
//! which hold JSON for programs, in this clone alone, and only if the user asked for them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::notes;
use crate::{
    Result,
    git::{Oid, Repo, objects::Commit, refs::RefEdit},
    model::{canonical, text},
    store::layout,
};

/// How often to try if other commands change the notes at the same time.
const ATTEMPTS: u32 = 5;
/// The width at which a sentence is cut, in columns.
const MAX_WIDTH: usize = 300;

/// Returns whether plain `git log` shows them.
pub fn are_shown(repo: &Repo) -> bool {
    repo.shown_notes().iter().any(|shown| shown == layout::LOG_NOTES)
}

/// Lets plain `git log` show them, instead of the JSON that earlier versions let it show. Returns whether that is new.
///
/// # Errors
/// The configuration or the notes cannot be written.
pub fn show(repo: &Repo) -> Result<bool> {
    if are_shown(repo) {
        refresh(repo)?;
        return Ok(false);
    }
    repo.hide_notes(layout::NOTES)?;
    repo.show_notes(layout::LOG_NOTES)?;
    refresh(&repo.reopen()?)?;
    Ok(true)
}

/// Lets plain `git log` show none of our notes, not even those that earlier versions let it show. Returns whether that is new.
///
/// # Errors
/// The configuration cannot be written.
pub fn hide(repo: &Repo) -> Result<bool> {
    Ok(repo.hide_notes(layout::NOTES)? | repo.hide_notes(layout::LOG_NOTES)?)
}

/// Brings the notes up to date, if the user asked for them.
///
/// # Errors
/// The shared notes cannot be read, or the new ones cannot be written.
pub fn refresh(repo: &Repo) -> Result<()> {
    if !are_shown(repo) {
        return Ok(());
    }
    for attempt in 1.. {
        let old = repo.find_ref(layout::LOG_NOTES)?;
        let Some(new) = written(repo, old)? else { return Ok(()) };
        let edit = RefEdit { name: layout::LOG_NOTES.to_owned(), old, new };
        match repo.edit_refs(&[edit], "orchestra: notes for git log") {
            // Another command of ours did the same meanwhile, perhaps from older notes.
            Err(error) if error.is_race() && attempt < ATTEMPTS => {}
            other => return Ok(other?),
        }
    }
    Ok(())
}

/// Writes the commit with the sentences of all shared notes. Its message names what they were made from; `None` if `old` was made from
/// the same.
fn written(repo: &Repo, old: Option<Oid>) -> Result<Option<Oid>> {
    let mut sources = Vec::new();
    for name in [layout::REVIEWS, layout::RESULTS] {
        sources.extend(repo.find_ref(name)?);
    }
    let message: String = sources.iter().map(|source| format!("made from {source}\n")).collect();
    let is_same = |old: Oid| repo.read_commit(old).is_ok_and(|old| old.message == message);
    if sources.is_empty() || old.is_some_and(is_same) {
        return Ok(None);
    }
    let mut sentences: BTreeMap<Oid, BTreeSet<String>> = BTreeMap::new();
    for source in sources {
        for (commit, note) in notes::read(repo, source)? {
            let text = repo.read_blob(note)?;
            let said = String::from_utf8_lossy(&text).lines().filter_map(sentence).collect::<Vec<_>>();
            sentences.entry(commit).or_default().extend(said);
        }
    }
    let mut all = notes::Notes::new();
    for (commit, said) in sentences.into_iter().filter(|(_, said)| !said.is_empty()) {
        let text: String = said.iter().map(|sentence| format!("{sentence}\n")).collect();
        all.insert(commit, repo.write_blob(text.as_bytes())?);
    }
    let (tree, at) = (notes::write_tree(repo, &all)?, repo.now().as_second());
    repo.write_commit(&Commit::by(&repo.identity_or_none(), at, tree, Vec::new(), message)).map(Some)
}

/// Returns what a line of a shared note says, for people. A remote may have written it.
fn sentence(line: &str) -> Option<String> {
    let note = canonical::read(line)?;
    let word = |key: &str| note.get(key).and_then(Value::as_str).filter(|word| !word.is_empty());
    let who = word("agent")
        .map_or_else(|| format!("branch {}", word("branch").unwrap_or("?")), |id| format!("agent {id}"));
    let said = match word("t")? {
        "verdict" => {
            let verdict = match word("verdict")? {
                "approve" => "approved",
                "reject" => "rejected",
                _ => "changes requested",
            };
            // Of an author, the name is enough.
            let by = word("reviewer").or(word("by")).and_then(|by| by.split(" <").next());
            let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
            let why = word("text").map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            format!("Review of {who}: {verdict}{by}{why}")
        }
        "landed" => {
            let passed: Vec<&str> = note
                .get("passed")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let passed =
                if passed.is_empty() { String::new() } else { format!("; passed: {}", passed.join(", ")) };
            format!("Landed in {}: {who}{passed}", word("into")?)
        }
        "result" => {
            let commits = note.get("commits").and_then(Value::as_u64).unwrap_or(0);
            format!("Work of {who}: {}, {}", word("phase")?, text::count(commits, "commit"))
        }
        _ => return None,
    };
    Some(text::one_line(&said, MAX_WIDTH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_become_sentences() {
        for (line, said) in [
            (
                r#"{"agent":"tidy-00000","by":"Kim <k@x>","t":"verdict","text":"just what\u000aI wanted","v":1,"verdict":"approve"}"#,
                Some("Review of agent tidy-00000: approved by Kim: just what I wanted"),
            ),
            (
                r#"{"agent":"tidy-00000","by":"Kim","reviewer":"look-00000","t":"verdict","v":1,"verdict":"changes"}"#,
                Some("Review of agent tidy-00000: changes requested by look-00000"),
            ),
            (
                r#"{"branch":"topic","into":"main","passed":["build","test"],"t":"landed","v":1}"#,
                Some("Landed in main: branch topic; passed: build, test"),
            ),
            (
                r#"{"agent":"tidy-00000","into":"main","passed":[],"t":"landed","v":1}"#,
                Some("Landed in main: agent tidy-00000"),
            ),
            (
                r#"{"agent":"tidy-00000","commits":2,"phase":"done","t":"result","v":1}"#,
                Some("Work of agent tidy-00000: done, 2 commits"),
            ),
            (r#"{"t":"later","v":9}"#, None),
            ("words", None),
        ] {
            assert_eq!(sentence(line).as_deref(), said, "{line}");
        }
        let hostile =
            "{\"agent\":\"a\\u001b[31m\",\"commits\":1,\"phase\":\"done\",\"t\":\"result\",\"v\":1}";
        assert!(sentence(hostile).is_none_or(|said| !said.contains('\u{1b}')));
    }
}
