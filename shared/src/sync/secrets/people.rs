//! Finds what people wrote in the objects of a push: in event commits and their long texts, and in notes. A password there can look like
//! any word, as in a command that a task contains, and is withheld like a token.

use super::{hit::SecretHit, outgoing_objects::header};
use crate::{
    git::{Oid, raw::ObjectKind},
    model::{
        LogId, canonical,
        secret::{self, decoding},
        trailers,
    },
};

/// What a note with a verdict contains.
const VERDICT: &[u8] = b"\"t\":\"verdict\"";
/// The maximum number of bytes before a password that belong to a hit, on the same line: a short password alone would be found anywhere.
const MAX_BEFORE: usize = 200;

/// What people wrote in one object.
#[derive(Debug, Default)]
pub(super) struct PeoplesWords {
    /// The texts in the object itself.
    pub(super) texts: Vec<String>,
    /// The tree of an event commit, which may contain the blobs with long texts.
    pub(super) tree: Option<Oid>,
}

impl PeoplesWords {
    /// Reads what people wrote in an object; `None` if that is nothing.
    pub(super) fn of(kind: ObjectKind, bytes: &[u8]) -> Option<Self> {
        let found = match kind {
            ObjectKind::Commit => Self::of_commit(bytes)?,
            ObjectKind::Blob if bytes.starts_with(b"{") => Self::of_note(bytes)?,
            ObjectKind::Blob | ObjectKind::Tree | ObjectKind::Tag => return None,
        };
        Some(found).filter(|found| !found.texts.is_empty() || found.tree.is_some())
    }

    fn of_commit(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (_, message) = text.split_once("\n\n").filter(|(_, message)| message.contains(trailers::MARK))?;
        let tree = header(bytes).into_iter().find(|(key, _)| *key == "tree");
        let tree = tree.and_then(|(_, id)| Oid::parse(id)).filter(|id| *id != Oid::EMPTY_TREE);
        let events = message.lines().filter(|line| line.starts_with('{'));
        let texts = events.filter(|line| secret::may_be_in_words(line.as_bytes())).flat_map(LogId::words);
        Some(Self { texts: texts.collect(), tree })
    }

    fn of_note(bytes: &[u8]) -> Option<Self> {
        memchr::memmem::find(bytes, VERDICT).filter(|_| secret::may_be_in_words(bytes))?;
        let text = std::str::from_utf8(bytes).ok()?;
        let mut texts = Vec::new();
        for note in text.lines().filter_map(canonical::read) {
            let comments = note["comments"].as_array().into_iter().flatten().map(|comment| &comment["text"]);
            let written = std::iter::once(&note["text"]).chain(comments);
            texts.extend(written.filter_map(|text| text.as_str()).map(str::to_owned));
        }
        Some(Self { texts, tree: None })
    }
}

/// Adds the passwords in a text that a person wrote to the hits, each one once. `kind` is that of the object.
pub(super) fn find_passwords(text: &str, kind: ObjectKind, hits: &mut Vec<SecretHit>) {
    for reading in decoding::decodings(text.as_bytes()) {
        let Ok(reading) = std::str::from_utf8(&reading) else { continue };
        for found in secret::find_in_words(reading) {
            let before = &reading[..found.range.start];
            let line =
                before.rfind('\n').map_or(0, |end| end + 1).max(before.len().saturating_sub(MAX_BEFORE));
            let begin =
                before.char_indices().map(|(at, _)| at).find(|at| *at >= line).unwrap_or(before.len());
            let text = reading.as_bytes()[begin..found.range.end].to_vec();
            let is_known = hits.iter().any(|hit| {
                memchr::memmem::find(&hit.text, &reading.as_bytes()[found.range.clone()]).is_some()
            });
            if !is_known {
                hits.push(SecretHit { what: found.what.to_owned(), text, kind });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(text: &str) -> Vec<String> {
        let mut hits = Vec::new();
        find_passwords(text, ObjectKind::Commit, &mut hits);
        hits.into_iter().map(|hit| String::from_utf8(hit.text).unwrap()).collect()
    }

    #[test]
    fn a_hit_has_what_is_before_it_on_its_line() {
        let long = "\u{e4}".repeat(300);
        assert_eq!(hits("run:\nexport DB_PASSWORD=hunter2xyz now"), ["export DB_PASSWORD=hunter2xyz"]);
        assert_eq!(hits(&format!("{long} --user a:bcd"))[0].chars().count(), 95 + " --user a:bcd".len());
        assert!(hits("Fix the login of DB_PASSWORD").is_empty());
    }

    #[test]
    fn only_what_people_wrote_is_read() {
        let event = |fact: &str| {
            let line = format!("{{\"at\":\"2026-11-21T01:40:08Z\",{fact},\"v\":1,\"w\":\"7a7a\"}}");
            let value = serde_json::from_str(&line).unwrap();
            let line = canonical::write(&value).unwrap();
            let commit = format!("tree {}\n\nagent x: y\n\n{line}\n\nOrchestra-Format: 1\n", Oid::EMPTY_TREE);
            let found = PeoplesWords::of(ObjectKind::Commit, commit.as_bytes());
            found.map(|found| found.texts).unwrap_or_default()
        };
        let text = "DB_PASSWORD=hunter2xyz";
        for (fact, is_read) in [
            (format!("\"l\":2,\"t\":\"send\",\"text\":\"{text}\""), true),
            (format!("\"l\":2,\"t\":\"note\",\"text\":\"{text}\""), true),
            (format!("\"l\":2,\"t\":\"changed\",\"title\":\"t\",\"text\":\"{text}\""), true),
            (format!("\"l\":2,\"t\":\"decided\",\"gate\":1,\"option\":\"retry\",\"note\":\"{text}\""), true),
            (format!("\"l\":2,\"t\":\"stop\",\"reason\":\"{text}\""), true),
            (
                format!("\"l\":2,\"t\":\"phase\",\"attempt\":1,\"phase\":\"running\",\"reason\":\"{text}\""),
                false,
            ),
        ] {
            assert_eq!(event(&fact).iter().any(|word| word == text), is_read, "{fact}");
        }
        let note = format!("{{\"t\":\"verdict\",\"text\":\"{text}\"}}\n");
        assert_eq!(PeoplesWords::of(ObjectKind::Blob, note.as_bytes()).unwrap().texts, [text]);
        assert!(PeoplesWords::of(ObjectKind::Blob, text.as_bytes()).is_none());
    }
}
