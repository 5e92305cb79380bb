//! Session transcripts, in the format of every program.

use orchestra::{
    agents,
    conversation::{
        ConversationFacts, ItemKind, SessionReader, edit,
        lines::{self, RawLine},
    },
};

use crate::shown;

pub(crate) fn check(bytes: &[u8]) {
    for program in agents::session_readers() {
        let mut facts = ConversationFacts::default();
        let mut held = 0;
        let read = lines::read(bytes, |line| {
            if let RawLine::Whole(bytes) | RawLine::Cut(bytes) = line {
                held += bytes.len();
                one_line(program, &mut facts, bytes);
            }
            true
        });
        assert!(read.is_ok_and(|done| done <= bytes.len() as u64) && held <= bytes.len());
        let written = serde_json::to_string(&facts).expect("JSON");
        let again: ConversationFacts =
            serde_json::from_str(&written).unwrap_or_else(|e| panic!("{e}: {written}"));
        assert_eq!(
            serde_json::to_string(&again).expect("JSON"),
            written,
            "an index entry is read back unchanged"
        );
    }
}

fn one_line(program: &dyn SessionReader, facts: &mut ConversationFacts, line: &[u8]) {
    let used = |facts: &ConversationFacts| (facts.tokens(), facts.spent());
    let before = used(facts);
    program.apply_line(facts, line);
    assert!(
        program.is_counted(line) || used(facts) == before,
        "{}: a line that is not counted counts: {}",
        program.name(),
        String::from_utf8_lossy(line)
    );
    let _ = program.mark(line);
    for piece in program.parse_line(line) {
        match &piece.what {
            ItemKind::Prompt(text)
            | ItemKind::Answer(text)
            | ItemKind::Thought(text)
            | ItemKind::Remark(text) => shown::check(text),
            ItemKind::Result { text, .. } => shown::check(text),
            ItemKind::Tool { name, input } => {
                shown::check(name);
                drop(edit::changes(input));
            }
        }
    }
}
