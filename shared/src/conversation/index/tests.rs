//! The index returns the records that were added, and ignores a file that it did not write as a whole.

use proptest::prelude::*;

use super::*;
use crate::conversation::facts::AnswerUsage;

fn place(path: &str, size: u64) -> ConversationFile {
    ConversationFile { program: "claude", id: "id".into(), path: path.into(), size, written: -7 }
}

fn facts(cwd: &str, prompt: &str) -> ConversationFacts {
    let mut facts = ConversationFacts::default();
    facts.at(Some("2026-11-20T10:00:00.000Z"), Some(cwd), Some("main"));
    facts.prompt(prompt);
    facts
}

/// Returns a position with facts that the record of the file does not hold.
fn reading() -> TranscriptReading {
    let mut facts = facts("/w", "to two");
    facts.usage(Some("answer"), Some("opus"), AnswerUsage { tokens: Some((7, 8)), cost: None });
    TranscriptReading { facts, offset: 2, mark: 3, ..TranscriptReading::default() }
}

#[test]
fn a_position_is_read_back_whether_its_facts_are_those_of_the_record_or_others() {
    for known in [reading().facts, facts("/w", "another")] {
        let known = ConversationFacts { recent_usage: Vec::new(), ..known };
        let record = IndexRecord::of(IndexEntry::read(&place("/c", 1), reading(), known.clone())).unwrap();
        let (head, _) = RecordHead::read(record.bytes()).unwrap();
        assert_eq!((head.facts(), head.reading()), (Some(known), Some(reading())));
    }
}

#[test]
fn a_record_that_is_added_again_replaces_the_one_before() {
    let mut index = Index::default();
    for prompt in ["one", "two", "three"] {
        let known = IndexEntry::skimmed(&place("/c", 1), skimmed(facts("/w", prompt)), None);
        index.insert(IndexRecord::of(known).unwrap());
    }
    let known = index.find(&place("/c", 1)).and_then(|head| head.facts()).unwrap();
    assert_eq!((index.added.len(), known.first_prompt.as_deref()), (1, Some("three")));
}

fn skimmed(facts: ConversationFacts) -> Skimmed {
    Skimmed { facts, is_all: true, unread: None }
}

/// Writes an index of two files, one of which was read completely.
fn written(folder: &Path) -> (PathBuf, [ConversationFile; 2]) {
    let (path, places) = (folder.join("deep/index"), [place("/c/one.jsonl", 1), place("/c/two.jsonl", 2)]);
    let mut index = Index::default();
    let two = IndexEntry::read(&places[1], reading(), facts("/w", "to two"));
    for known in [IndexEntry::skimmed(&places[0], skimmed(facts("/w/ä", "to \"one\"")), None), two] {
        index.insert(IndexRecord::of(known).unwrap());
    }
    index.write(&path, places.iter());
    (path, places)
}

#[test]
fn records_round_trip() {
    let folder = tempfile::tempdir().unwrap();
    let (path, places) = written(folder.path());
    let index = Index::read(&path);
    let one = index.fresh(&places[0]).unwrap();
    assert_eq!((one.cwd(), one.first_cwd(), one.branch()), (Some("/w/ä"), Some("/w/ä"), Some("main")));
    assert_eq!((one.is_shown(), one.repository(), one.path()), (true, None, &b"/c/one.jsonl"[..]));
    let known = one.known().unwrap();
    assert_eq!(known, IndexEntry::skimmed(&places[0], skimmed(facts("/w/ä", "to \"one\"")), None));
    let two = index.find(&places[1]).unwrap().known().unwrap();
    assert_eq!((two.is_whole, two.reading), (true, Some(reading())));
    assert!(index.fresh(&place("/c/two.jsonl", 3)).is_none(), "it grew");
    assert!(index.find(&place("/c/three.jsonl", 2)).is_none());
}

#[test]
fn a_repository_stays_known_when_the_file_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (path, places) = written(folder.path());
    let mut index = Index::read(&path);
    index.set_repository(&places[0], Path::new("/w/.git"));
    index.insert(
        IndexRecord::of(IndexEntry::skimmed(&places[0], skimmed(facts("/v", "again")), None)).unwrap(),
    );
    index.write(&path, places.iter());
    let index = Index::read(&path);
    let known = index.find(&places[0]).unwrap();
    assert_eq!((known.repository(), known.cwd()), (Some(Path::new("/w/.git")), Some("/v")));
    assert_eq!(index.positions.len(), 2);
}

#[test]
fn only_sessions_with_a_prompt_or_title_are_shown() {
    let shown = |facts: ConversationFacts| {
        let record = IndexRecord::of(IndexEntry::skimmed(&place("/c", 1), skimmed(facts), None)).unwrap();
        RecordHead::read(record.bytes()).unwrap().0.is_shown()
    };
    assert!(!shown(ConversationFacts::default()));
    assert!(shown(ConversationFacts { title: Some("a title".into()), ..ConversationFacts::default() }));
    assert!(!shown(ConversationFacts { inner: true, ..facts("/w", "asked") }));
}

#[test]
fn what_did_not_change_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let (path, places) = written(folder.path());
    let index = Index::read(&path);
    fs::remove_file(&path).unwrap();
    index.write(&path, places.iter());
    assert!(!path.exists());
}

#[test]
fn an_absent_foreign_or_older_file_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    assert!(Index::read(&path).positions.is_empty());
    assert!(Index::read(folder.path()).positions.is_empty());
    for content in [&b"git-orchestra conversations 1\n{}"[..], MAGIC, b"\0", b""] {
        fs::write(&path, content).unwrap();
        assert!(Index::read(&path).positions.is_empty());
    }
}

proptest! {
    #[test]
    fn a_torn_or_damaged_file_is_empty(at: prop::sample::Index, flip in 1..=255_u8) {
        let folder = tempfile::tempdir().unwrap();
        let (path, _) = written(folder.path());
        let whole = fs::read(&path).unwrap();
        let at = at.index(whole.len());
        let mut damaged = whole.clone();
        damaged[at] ^= flip;
        prop_assert!(Index::of(damaged).is_none());
        prop_assert!(Index::of(whole[..at].to_vec()).is_none());
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut bytes: Vec<u8>, sizes: [u8; 7]) {
        // Lengths that fit more often than random ones would.
        for (byte, size) in bytes.iter_mut().skip(25).step_by(4).zip(sizes) {
            *byte = size % 4;
        }
        let content = [MAGIC, &joined(0, &bytes).to_le_bytes(), &bytes].concat();
        if let Some(index) = Index::of(content) {
            let known = index.find(&place("", 0)).and_then(|head| head.known());
            prop_assert!(known.is_none_or(|known| known.path.as_os_str().is_empty()));
        }
    }
}

#[test]
fn positions_of_earlier_versions_are_read() {
    let old = r#"{"offset":7,"mark":3,"passed_over":9}"#;
    let reading: TranscriptReading = serde_json::from_str(old).unwrap();
    assert_eq!((reading.offset, reading.mark, reading.passed_over), (7, 3, 9));
    let written = serde_json::to_string(&reading).unwrap();
    assert!(
        written.contains("\"offset_bytes\":7") && written.contains("\"passed_over_bytes\":9"),
        "{written}"
    );
    assert_eq!(serde_json::from_str::<TranscriptReading>(&written).unwrap(), reading);
}
