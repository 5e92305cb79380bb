//! The change that an edit tool makes to a file, as removed and added lines.

use serde_json::Value;

/// One line of a change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// The line was removed.
    Removed(String),
    /// The line was added.
    Added(String),
}

/// Returns the changed lines that the input of a tool describes; none if it is not an edit.
pub fn changes(input: &str) -> Vec<Change> {
    if input.starts_with("*** Begin Patch") {
        return patch(input);
    }
    let Ok(input) = serde_json::from_str::<Value>(input) else { return Vec::new() };
    if let Some(text) = input["input"].as_str().filter(|text| text.starts_with("*** Begin Patch")) {
        return patch(text);
    }
    match input["edits"].as_array() {
        Some(edits) => edits.iter().flat_map(replacement).collect(),
        None => replacement(&input),
    }
}

/// Returns the lines of a replacement of one text by another, by the programs' names for the two, without the lines that both have
/// in common at the beginning and at the end.
fn replacement(input: &Value) -> Vec<Change> {
    let text = |names: [&str; 2]| names.iter().find_map(|name| input[*name].as_str());
    let (Some(old), Some(new)) = (text(["old_string", "oldString"]), text(["new_string", "newString"]))
    else {
        return Vec::new();
    };
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let begin = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    let (old, new) = (&old[begin..], &new[begin..]);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(one, other)| one == other).count();
    let removed = old[..old.len() - end].iter().map(|line| Change::Removed((*line).to_owned()));
    let added = new[..new.len() - end].iter().map(|line| Change::Added((*line).to_owned()));
    removed.chain(added).collect()
}

/// Returns the changed lines of a patch in the format of Codex.
fn patch(text: &str) -> Vec<Change> {
    let change = |line: &str| {
        let removed = line.strip_prefix('-').map(|line| Change::Removed(line.to_owned()));
        removed.or_else(|| line.strip_prefix('+').map(|line| Change::Added(line.to_owned())))
    };
    text.lines().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_of_every_program_become_lines() {
        let (old, new) = (Change::Removed("b".to_owned()), Change::Added("B".to_owned()));
        let both = vec![old, new];
        for (input, found) in [
            (r#"{"file_path":"x","old_string":"a\nb\nc","new_string":"a\nB\nc"}"#, both.clone()),
            (r#"{"filePath":"x","oldString":"b","newString":"B"}"#, both.clone()),
            (r#"{"edits":[{"old_string":"b","new_string":"B"}]}"#, both.clone()),
            ("*** Begin Patch\n*** Update File: x\n a\n-b\n+B\n*** End Patch", both.clone()),
            (r#"{"input":"*** Begin Patch\n-b\n+B"}"#, both),
            (r#"{"command":"ls"}"#, vec![]),
            (r#"{"old_string":"same","new_string":"same"}"#, vec![]),
            ("no JSON", vec![]),
        ] {
            assert_eq!(changes(input), found, "{input}");
        }
    }
}
