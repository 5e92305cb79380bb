//! What a coding agent prints while it works, line by line.

use orchestra::profile::{Answer, Said, Speech, Tally};

use crate::shown;

pub(crate) fn check(bytes: &[u8]) {
    let (speech, mut tally) = (Speech::ClaudeStream, Tally::default());
    let mut lines = 0;
    for line in bytes.split(|byte| *byte == b'\n') {
        lines += 1;
        for said in speech.read(line).into_iter().chain(speech.read_long(line, line.len() as u64)) {
            tally.hear(&said);
            is_shown_safely(&said);
        }
        for allow in [true, false] {
            let answer = Answer { allow, text: Some(String::from_utf8_lossy(line).into_owned()) };
            if let Some(written) = speech.answer(line, &answer) {
                is_one_line_of_json(&written);
            }
        }
    }
    is_one_line_of_json(&speech.message(&String::from_utf8_lossy(bytes)));
    assert!(tally.questions.len() <= 2 * lines, "no line asks twice");
    let written = serde_json::to_string(&tally).expect("JSON");
    let again: Tally = serde_json::from_str(&written).unwrap_or_else(|e| panic!("{e}: {written}"));
    assert_eq!(serde_json::to_string(&again).expect("JSON"), written);
}

/// What goes to the program is a line, so that nothing of a user's text becomes a message of its own.
fn is_one_line_of_json(written: &[u8]) {
    let (end, line) = written.split_last().expect("a line");
    assert!(*end == b'\n' && !line.contains(&b'\n'), "{}", String::from_utf8_lossy(written));
    assert!(
        serde_json::from_slice::<serde_json::Value>(line).is_ok(),
        "{}",
        String::from_utf8_lossy(written)
    );
}

fn is_shown_safely(said: &Said) {
    match said {
        Said::Text(text)
        | Said::Thinking(text)
        | Said::Note(text)
        | Said::Plain(text)
        | Said::Heard(text) => {
            shown::check(text);
        }
        Said::Tool { name, about, .. } => [name, about].into_iter().for_each(|text| shown::check(text)),
        Said::Result { text, .. } => shown::check(text),
        Said::Asks(question) => shown::check(&question.text),
        Said::Inner(inner) => is_shown_safely(inner),
        _ => {}
    }
}
