//! The scanner accepts only what serde accepts, and everything that programs usually write.

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;

/// Skips a whole text; returns whether it is one well-formed value.
fn is_skipped(text: &[u8]) -> bool {
    let mut scan = Scanner::new(text);
    scan.skip().is_some() && scan.is_at_end()
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_str::<IgnoredAny>(&String::from_utf8_lossy(text)).is_ok()
}

#[test]
fn it_agrees_with_serde_about_what_is_well_formed() {
    let long = |text: &str| format!("\"{}{text}{}\"", "x".repeat(70), "y".repeat(70));
    for text in [
        "{}",
        "[]",
        "[[]]",
        "{\"a\":{}}",
        " { \"a\" : [ 1 , 2 ] } ",
        "[1,]",
        "{,}",
        "{\"a\":1,}",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{1:2}",
        "[}",
        "{]",
        "[1}",
        "\"\"",
        "\"",
        "\"\\\"",
        "\"\\\\\"",
        "\"\\\\\\\"\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u1234\"",
        "\"\\ud83d\"",
        "\"\t\"",
        "true",
        "tru",
        "truex",
        "null",
        "false",
        "0",
        "-0",
        "01",
        "-",
        "1.",
        "1.5",
        ".5",
        "1e5",
        "1e",
        "1E+5",
        "1e-",
        "+1",
        "1.5e-3",
        "",
        " ",
        "{}{}",
        "{} x",
        "nul",
    ] {
        assert_eq!(is_skipped(text.as_bytes()), is_json(text.as_bytes()), "{text}");
        assert_eq!(is_skipped(long(text).as_bytes()), is_json(long(text).as_bytes()), "{}", long(text));
    }
    assert!(
        !is_skipped(b"1e999") && !is_skipped("1".repeat(400).as_bytes()),
        "serde cannot always read them"
    );
    assert!(
        !is_skipped(format!("{}{}", "[".repeat(100), "]".repeat(100)).as_bytes()),
        "it is too deep to be sure"
    );
}

#[test]
fn values_are_read_as_serde_reads_them() {
    let read = |text: &'static str| Scanner::new(text.as_bytes()).text();
    assert_eq!(read("\"plain\""), Some(Some("plain".into())));
    assert_eq!(read(" \"a\\nb\\u00e9\""), Some(Some("a\nbé".into())));
    assert_eq!((read("null"), read("7"), read("\"half \\ud83d\"")), (Some(None), None, None));
    assert_eq!(Scanner::new(b"\"\xff\"").text(), None);
    for (text, number) in [
        ("7", Some(7)),
        ("0", Some(0)),
        ("-7", None),
        ("7.0", None),
        ("null", None),
        ("99999999999999999999", None),
    ] {
        assert_eq!(Scanner::new(text.as_bytes()).count(), number, "{text}");
    }
}

/// Generates a value with strings that are longer than a block, and full of quotes and backslashes.
fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[a-z\"\\\\\n\t é]{0,90}".prop_map(Value::from),
        "(x|\"|\\\\|\n){0,200}".prop_map(Value::from),
    ];
    let leaf = prop_oneof![
        text,
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{0,40}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_serde_writes_is_skipped(value in value(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        prop_assert!(is_skipped(text.unwrap().as_bytes()));
    }

    #[test]
    fn what_is_damaged_is_skipped_only_if_serde_reads_it(value in value(), damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut text = serde_json::to_vec(&value).unwrap();
        for (at, byte) in damage {
            let at = at.index(text.len());
            // Bytes that change the structure are tried more often than others.
            text[at] = *b"\"\\{}[],:\n0tu".get(usize::from(byte) % 24).unwrap_or(&byte);
        }
        prop_assert!(!is_skipped(&text) || is_json(&text), "{}", String::from_utf8_lossy(&text));
    }
}
