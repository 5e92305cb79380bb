//! Reading the sessions of the agent.

use std::path::PathBuf;

use serde_json::Value;

use super::{
    NAME, session_files,
    transcript::{Line, Used},
};
use crate::{
    conversation::{
        Activity, ConversationFacts, Discovery, ItemKind, SessionReader, TranscriptItem, facts::AnswerUsage,
        is_id,
    },
    world::Environment,
};

/// Maximum number of files that are listed.
const MAX_ENTRIES: usize = 50_000;

/// Reads the sessions.
pub(super) struct Sessions;

impl SessionReader for Sessions {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        session_files::folder(environment).into_iter().collect()
    }

    fn find(&self, environment: &Environment, found: &mut Discovery) {
        for root in self.roots(environment) {
            for entry in found.list(&root, MAX_ENTRIES) {
                match entry.name.strip_suffix(".jsonl") {
                    Some(id) if !entry.is_dir && is_id(id) => found.add(NAME, id, &entry),
                    _ => found.add_failure(&entry.path, "its name is not that of a session"),
                }
            }
        }
    }

    fn apply_line(&self, facts: &mut ConversationFacts, line: &[u8]) -> bool {
        let Ok(line) = serde_json::from_slice::<Line>(line) else { return false };
        facts.at(Some(&line.at), line.folder.as_deref(), None);
        line.model.iter().for_each(|model| facts.set_model(model));
        match line.kind.as_str() {
            "session" => facts.id = line.id.or(facts.id.take()),
            "user" => facts.prompt(&texts(&line.content)),
            "assistant" => {
                facts.answer(None);
                let Used { input_tokens, output_tokens, .. } = line.used.unwrap_or_default();
                let usage = AnswerUsage {
                    tokens: line.used.map(|_| (input_tokens, output_tokens)),
                    cost: line.cost_micros,
                };
                facts.usage(None, None, usage);
            }
            "summary" => {
                let Used { input_tokens, output_tokens, .. } = line.used.unwrap_or_default();
                let tokens = line.used.map(|_| (input_tokens, output_tokens));
                facts.usage(None, None, AnswerUsage { tokens, cost: line.cost_micros });
            }
            _ => {}
        }
        true
    }

    fn is_counted(&self, _line: &[u8]) -> bool {
        true
    }

    fn parse_line(&self, line: &[u8]) -> Vec<TranscriptItem> {
        let Ok(line) = serde_json::from_slice::<Line>(line) else { return Vec::new() };
        let items = line.content.iter().filter_map(|block| item(&line.kind, block));
        items.map(|item| TranscriptItem::new(Some(&line.at), item)).collect()
    }

    /// The process keeps the transcript open.
    fn activity(&self) -> Activity {
        Activity::OpenFile
    }

    /// It is resumed as an agent only.
    fn resume_argv(&self, _id: &str, _fork: bool) -> Option<Vec<String>> {
        None
    }

    fn print_mode_argv(&self, _id: &str, _fork: bool) -> Option<Vec<String>> {
        None
    }
}

fn item(kind: &str, block: &Value) -> Option<ItemKind> {
    let text = |field: &str| block[field].as_str().unwrap_or_default().to_owned();
    Some(match block["type"].as_str()? {
        "text" if kind == "user" => ItemKind::Prompt(text("text")),
        "text" => ItemKind::Answer(text("text")),
        "thinking" => ItemKind::Thought(text("thinking")),
        "tool_use" => ItemKind::Tool { name: text("name"), input: block["input"].to_string() },
        "tool_result" => ItemKind::Result { error: block["is_error"] == true, text: text("content") },
        _ => return None,
    })
}

fn texts(content: &[Value]) -> String {
    let texts: Vec<&str> = content.iter().filter_map(|block| block["text"].as_str()).collect();
    texts.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&str; 5] = [
        r#"{"type":"session","at":"2026-11-27T01:00:00Z","id":"s1","folder":"/w/a","model":"large"}"#,
        r#"{"type":"user","at":"2026-11-27T01:00:01Z","content":[{"type":"text","text":"Add a test"}]}"#,
        r#"{"type":"assistant","at":"2026-11-27T01:00:02Z","model":"large","content":[{"type":"text","text":"I look."},{"type":"tool_use","id":"a","name":"bash","input":{"command":"ls"}}],"used":{"input_tokens":10,"output_tokens":4},"cost_micros":90}"#,
        r#"{"type":"user","at":"2026-11-27T01:00:03Z","content":[{"type":"tool_result","tool_use_id":"a","content":"a.rs","is_error":false}]}"#,
        r#"{"type":"assistant","at":"2026-11-27T01:00:04Z","model":"large","content":[{"type":"text","text":"Done."}],"used":{"input_tokens":20,"output_tokens":2},"cost_micros":80}"#,
    ];

    #[test]
    fn a_session_is_read() {
        let mut facts = ConversationFacts::default();
        assert!(LINES.iter().all(|line| Sessions.apply_line(&mut facts, line.as_bytes())));
        assert_eq!((facts.id.as_deref(), facts.cwd.as_deref()), (Some("s1"), Some("/w/a")));
        assert_eq!((facts.first_prompt.as_deref(), facts.messages), (Some("Add a test"), 3));
        assert_eq!((facts.tokens(), facts.spent()), ((Some(30), Some(6)), Some(170)));
        assert!(!Sessions.apply_line(&mut facts, b"{\"type\":"));
        let items: Vec<ItemKind> = LINES
            .iter()
            .flat_map(|line| Sessions.parse_line(line.as_bytes()))
            .map(|item| item.what)
            .collect();
        assert_eq!(items.len(), 5);
        assert_eq!(items[3], ItemKind::Result { error: false, text: "a.rs".into() });
    }
}
