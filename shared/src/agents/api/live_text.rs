//! What is printed of an answer while it is being written: whole paragraphs, what it used so far, and signs of life.

use std::{
    collections::BTreeMap,
    io,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{output::Output, stream::Part};

/// The shortest time between two signs of life.
const BEAT: Duration = Duration::from_secs(1);
/// The end of a paragraph.
const PARAGRAPH: &str = "\n\n";

/// The texts of one answer, by the numbers of their blocks.
#[derive(Debug, Default)]
pub(super) struct LiveText {
    /// What has come so far, and how much of it was printed, in bytes.
    texts: BTreeMap<usize, (String, usize)>,
    beat: Option<Instant>,
}

impl LiveText {
    /// Prints what a part completes.
    ///
    /// # Errors
    /// It cannot be printed.
    pub(super) fn take(&mut self, part: Part, output: &mut Output<'_>) -> io::Result<()> {
        match part {
            Part::Used(usage, is_first) => output.used(&usage, is_first)?,
            Part::Text(index, more) => {
                if let Some(whole) = self.paragraphs(index, &more) {
                    output.answer(&[super::transcript::words(&whole)])?;
                }
            }
            Part::Alive => {}
        }
        if self.beat.is_none_or(|beat| beat.elapsed() >= BEAT) {
            self.beat = Some(Instant::now());
            output.beat()?;
        }
        Ok(())
    }

    /// Adds to the text of a block. Returns the paragraphs that are whole now.
    fn paragraphs(&mut self, index: usize, more: &str) -> Option<String> {
        let (text, printed) = self.texts.entry(index).or_default();
        text.push_str(more);
        let end = text[*printed..].rfind(PARAGRAPH)?;
        let whole = text[*printed..*printed + end].to_owned();
        *printed += end + PARAGRAPH.len();
        Some(whole).filter(|whole| !whole.trim().is_empty())
    }

    /// Returns the blocks of the whole answer without what was printed of them.
    pub(super) fn rest(&self, content: &[Value]) -> Vec<Value> {
        let rest = |(index, block): (usize, &Value)| {
            let printed = self.texts.get(&index).map_or(0, |(_, printed)| *printed);
            if printed == 0 || block["type"] != "text" {
                return Some(block.clone());
            }
            let left = block["text"].as_str().and_then(|text| text.get(printed..)).unwrap_or_default();
            (!left.trim().is_empty()).then(|| super::transcript::words(left))
        };
        content.iter().enumerate().filter_map(rest).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paragraphs_are_printed_once_and_as_soon_as_they_are_whole() {
        let mut printed = Vec::new();
        let mut output = Output::new(&mut printed);
        let mut live = LiveText::default();
        for more in ["One", " line.\n", "\nTwo.\n\nTh", "ree.\n\n", "Fo", "ur."] {
            live.take(Part::Text(0, more.to_owned()), &mut output).expect("printed");
        }
        let content = [
            json!({"type": "text", "text": "One line.\n\nTwo.\n\nThree.\n\nFour."}),
            json!({"type": "tool_use"}),
        ];
        let rest = live.rest(&content);
        assert_eq!(rest, [json!({"type": "text", "text": "Four."}), json!({"type": "tool_use"})]);
        let lines = String::from_utf8(printed).expect("text");
        let said: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let said: Vec<&str> =
            said.iter().filter_map(|event| event["message"]["content"][0]["text"].as_str()).collect();
        assert_eq!(said, ["One line.\n\nTwo.", "Three."]);
    }

    #[test]
    fn a_short_answer_is_printed_whole() {
        let content = [json!({"type": "text", "text": "Done."})];
        assert_eq!(LiveText::default().rest(&content), content);
        let mut printed = Vec::new();
        let mut live = LiveText::default();
        live.take(Part::Text(0, "Done.".to_owned()), &mut Output::new(&mut printed)).expect("printed");
        assert_eq!(live.rest(&content), content);
    }
}
