//! A line that is scanned has the same facts and items as one that serde parses.

use std::{fs, path::Path};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{fold, items, line, parse};
use crate::conversation::{ConversationFacts, TranscriptItem};

/// Calls a function for every object of a line; returns whether the line could be read.
type Each = fn(&[u8], &mut dyn FnMut(&line::Line<'_>)) -> bool;

/// Returns the facts and the items of a line, and whether it could be read.
fn read(each: Each, bytes: &[u8]) -> (ConversationFacts, Vec<TranscriptItem>, bool) {
    let (mut facts, mut found) = (ConversationFacts::default(), Vec::new());
    let is_read = each(bytes, &mut |line| {
        fold::apply(&mut facts, line);
        found.extend(items::items(line));
    });
    (facts, found, is_read)
}

fn scanned(line: &[u8]) -> (ConversationFacts, Vec<TranscriptItem>, bool) {
    read(|line, each| parse::each(line, each), line)
}

fn parsed(line: &[u8]) -> (ConversationFacts, Vec<TranscriptItem>, bool) {
    read(|line, each| parse::parse_each(line, each), line)
}

/// Calls `each` for every line of the recorded transcripts.
fn recorded(folder: &Path, each: &mut impl FnMut(&[u8])) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            recorded(&entry.path(), each);
        } else if entry.path().extension().is_some_and(|end| end == "jsonl") {
            fs::read(entry.path()).unwrap().split(|byte| *byte == b'\n').for_each(&mut *each);
        }
    }
}

#[test]
fn recorded_lines_are_scanned_as_they_are_parsed() {
    let (mut lines, mut quick) = (0, 0);
    recorded(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures"), &mut |line| {
        assert_eq!(scanned(line), parsed(line), "{}", String::from_utf8_lossy(line));
        lines += 1;
        quick += u32::from(super::line(line).is_some());
    });
    assert!(lines > 100 && quick > lines / 2, "{quick} of {lines} lines are scanned");
}

/// Generates a text as people and agents write it, or as the program writes it between those.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[a-zA-Z .,:]{1,60}",
        2 => "[ \n\t\"\\\\{}é€\u{1F600}]{1,8}",
        1 => Just("\"type\":\"user\",\"usage\":{\"output_tokens\":7}".to_owned()),
        1 => Just("<bash-input>ls</bash-input>".to_owned()),
        1 => Just("<command-name>/go</command-name>".to_owned()),
        1 => Just("<system-reminder>no</system-reminder>".to_owned()),
        1 => Just("[Request interrupted by user".to_owned()),
        1 => Just("This session is being continued from a previous conversation".to_owned()),
        1 => Just("word ".repeat(1_500)),
        1 => Just(" ".repeat(5_000)),
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

fn flag() -> impl Strategy<Value = Value> {
    prop_oneof![6 => Just(json!(false)), 2 => Just(json!(true)), 1 => Just(Value::Null), 1 => Just(json!("true"))]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![6 => (0_u64..1_000_000).prop_map(Value::from), 1 => Just(json!(50.0)), 1 => Just(Value::Null), 1 => Just(json!(-3))]
}

fn content() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec!["text", "tool_use", "tool_result", "thinking", "image"]);
    let block = (kind, text(), text(), flag()).prop_map(|(kind, text, nested, error)| {
        json!({"type": kind, "text": text, "thinking": text, "name": "Bash", "is_error": error,
            "input": {"type": "user", "usage": {"input_tokens": 5}, "message": {"id": nested}},
            "content": [{"type": "text", "text": nested}]})
    });
    prop_oneof![
        3 => text().prop_map(Value::from),
        3 => prop::collection::vec(block, 0..4).prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(json!({"type": "text"})),
    ]
}

/// Generates an object of a line, with nested objects that look like lines.
fn object() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec![
        "user",
        "assistant",
        "attachment",
        "summary",
        "ai-title",
        "custom-title",
        "last-prompt",
        "cost-state",
        "progress",
    ]);
    let flags = (flag(), flag(), flag());
    let numbers = (number(), number(), number());
    (kind, text(), content(), flags, numbers).prop_map(|(kind, text, content, flags, numbers)| {
        let (sidechain, meta, error) = flags;
        let (read, cached, written) = numbers;
        json!({"parentUuid": null, "isSidechain": sidechain, "isMeta": meta, "isApiErrorMessage": error, "cwd": "/w/ä",
            "sessionId": "s", "gitBranch": "main", "type": kind, "uuid": "u", "timestamp": "2026-01-02T03:04:05.678Z",
            "message": {"id": "m", "model": "opus", "role": "user", "content": content, "usage":
                {"input_tokens": read, "cache_read_input_tokens": cached, "output_tokens": written, "iterations": [{"output_tokens": 9}]}},
            "attachment": {"type": "queued_command", "prompt": content, "isMeta": meta},
            "toolUseResult": {"type": "user", "message": {"content": text}, "usage": {"output_tokens": 3}},
            "lastPrompt": text, "customTitle": text, "aiTitle": text, "summary": text, "costUSD": read,
            "modelUsage": {"opus": {"inputTokens": cached, "costUSD": 0.25}}, "totalCostUSD": 0.5})
    })
}

/// Generates a line with some of the fields of an object, in any order, some of them twice.
fn line_of_fields() -> impl Strategy<Value = String> {
    (object(), object(), prop::collection::vec((any::<prop::sample::Index>(), 0..8), 0..24)).prop_map(
        |(one, other, picks)| {
            let field =
                |object: &Value, name: &String| format!("{}:{}", Value::from(name.as_str()), object[name]);
            let names: Vec<&String> = one.as_object().unwrap().keys().collect();
            let mut fields: Vec<String> = names.iter().map(|name| field(&one, name)).collect();
            for (at, what) in picks {
                match what {
                    0 => fields.push(field(&other, names[at.index(names.len())])),
                    1 if !fields.is_empty() => drop(fields.remove(at.index(fields.len()))),
                    2 if !fields.is_empty() => {
                        let moved = at.index(fields.len());
                        let field = fields.remove(moved);
                        fields.insert(0, field);
                    }
                    _ => {}
                }
            }
            format!("{{{}}}", fields.join(","))
        },
    )
}

#[test]
fn a_search_finds_an_image_whose_text_is_not_in_the_line() {
    let content = json!([{"type": "image"}]);
    for line in [
        json!({"type": "user", "message": {"content": content}}),
        json!({"type": "attachment", "attachment": {"type": "queued_command", "prompt": content}}),
    ] {
        let line = line.to_string();
        let found = items::parse_words(line.as_bytes(), &|_| false);
        assert_eq!(found, items::parse_items(line.as_bytes()), "{line}");
        assert_eq!(found.len(), 1);
    }
}

proptest! {
    #[test]
    fn a_line_is_scanned_as_it_is_parsed(line in line_of_fields()) {
        prop_assert_eq!(scanned(line.as_bytes()), parsed(line.as_bytes()));
    }

    #[test]
    fn a_damaged_line_is_scanned_as_it_is_parsed(
        one in line_of_fields(), other in line_of_fields(), cut: prop::sample::Index,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        // A line that was torn, followed by one that was written later.
        let mut line = one.into_bytes();
        line.truncate(cut.index(line.len() + 1));
        line.extend_from_slice(other.as_bytes());
        for (at, byte) in damage {
            let at = at.index(line.len());
            line[at] = *b"\"\\{}[],:\n0tu".get(usize::from(byte) % 24).unwrap_or(&byte);
        }
        prop_assert_eq!(scanned(&line), parsed(&line), "{}", String::from_utf8_lossy(&line));
    }

    #[test]
    fn the_beginning_of_a_prompt_has_the_facts_of_the_whole(content in content()) {
        let line = json!({"type": "user", "message": {"content": content}}).to_string();
        let (mut of_beginning, mut of_whole) = (ConversationFacts::default(), ConversationFacts::default());
        parse::each(line.as_bytes(), |line| {
            fold::add_typed(&mut of_beginning, line.typed_beginning(false));
            fold::add_typed(&mut of_whole, line.typed(false));
        });
        prop_assert_eq!(of_beginning, of_whole);
    }

    #[test]
    fn a_search_finds_what_is_shown(
        line in line_of_fields(), needle in prop::sample::select(vec!["word", "ls", "Image", "7", "session"]),
    ) {
        let holds = |json: &[u8]| memchr::memmem::find(json, needle.as_bytes()).is_some();
        let mut shown = items::parse_items(line.as_bytes());
        let mut found = items::parse_words(line.as_bytes(), &holds);
        for items in [&mut shown, &mut found] {
            items.retain(|item| item.words().is_some_and(|words| words.contains(needle)));
        }
        prop_assert_eq!(found, shown);
    }
}
