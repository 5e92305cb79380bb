//! Formats of agents that a user types, such as `%(id) %(phase)`, as `git for-each-ref` has them. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use super::agent_object::AgentObject;
use crate::{
    Error, Result,
    model::{nearest::nearest, text},
};

/// The fields of an agent, as they are called in JSON.
const FIELDS: &[&str] = &[
    "activity",
    "after",
    "always",
    "attached_pid",
    "attempt",
    "automatic_answers",
    "base",
    "branch",
    "cap",
    "check",
    "checked",
    "choice",
    "commits",
    "conflicts",
    "cost_usd",
    "deletions",
    "denials",
    "designer",
    "dirty",
    "dirty_at",
    "ended_at",
    "exit_code",
    "failed_check",
    "files_changed",
    "head",
    "id",
    "input_tokens",
    "insertions",
    "instead_of",
    "label",
    "landed_in",
    "landed_now",
    "last_words",
    "left_out",
    "limit",
    "liveness",
    "memory_bytes",
    "merged",
    "messages",
    "model",
    "on_failed",
    "orphans",
    "other_work",
    "output_tokens",
    "parent",
    "permission_mode",
    "phase",
    "pid",
    "place",
    "profile",
    "proposed_verdict",
    "pull_request",
    "queue_position",
    "queued_at",
    "ran_seconds",
    "reason",
    "request",
    "reviews",
    "role",
    "run",
    "sandbox",
    "session",
    "set_aside",
    "shortage",
    "snapshot",
    "snapshot_files",
    "started_at",
    "stuck_turns",
    "supervisor_pid",
    "surroundings",
    "tags",
    "team",
    "title",
    "told_at",
    "turns",
    "unfinished",
    "unread_messages",
    "unsaved",
    "verdict",
    "verdict_current",
    "waiting",
    "worktree",
    "worktree_state",
    "writer",
];

/// A format, with its fields known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AgentFormat(Vec<Piece>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Piece {
    /// Text that is printed as it is.
    Text(String),
    /// The value of a field, by its name in [`FIELDS`].
    Field(&'static str),
}

impl AgentFormat {
    /// Parses a format: `%(FIELD)` is a field, `%%` a percent sign, and `%` with two hexadecimal digits that character, such as `%09`.
    ///
    /// # Errors
    /// A field is unknown, or a `%` begins none of these (2).
    pub fn parse(typed: &str) -> Result<Self> {
        let mut pieces = Vec::new();
        let mut rest = typed;
        while let Some((before, after)) = rest.split_once('%') {
            pieces.push(Piece::Text(before.to_owned()));
            let (piece, after) = piece(after)?;
            pieces.push(piece);
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        Ok(Self(pieces))
    }

    /// Returns an agent in this format, on one line unless the format itself breaks it. A field without a value is empty, and control
    /// characters in a value are made visible.
    ///
    /// # Errors
    /// The agent cannot be written as JSON (70).
    pub fn line(&self, agent: &AgentObject) -> Result<String> {
        let fields = serde_json::to_value(agent)
            .map_err(|error| Error::internal("cannot write JSON").because(error))?;
        let shown = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Field(name) => value(&fields[*name]),
        };
        Ok(self.0.iter().map(shown).collect())
    }
}

/// Reads what follows a `%`. Returns it, and the rest.
fn piece(after: &str) -> Result<(Piece, &str)> {
    if let Some(rest) = after.strip_prefix('%') {
        return Ok((Piece::Text("%".to_owned()), rest));
    }
    if let Some((name, rest)) = after.strip_prefix('(').and_then(|inside| inside.split_once(')')) {
        return Ok((Piece::Field(field(name)?), rest));
    }
    let code = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(u8::is_ascii);
    match code {
        Some(code) => Ok((Piece::Text(char::from(code).to_string()), &after[2..])),
        None => Err(Error::usage(format!("'%{}' is not a part of a format", text::one_line(after, 20)))
            .hint("a part is %(FIELD), %% or % and two hexadecimal digits")),
    }
}

fn field(typed: &str) -> Result<&'static str> {
    if let Some(known) = FIELDS.iter().find(|known| **known == typed) {
        return Ok(known);
    }
    let error = Error::usage(format!("agents have no field '{}'", text::one_line(typed, 40)));
    let known: BTreeSet<String> = FIELDS.iter().map(|&name| name.to_owned()).collect();
    Err(match nearest(typed, known) {
        Some(near) => error.hint(format!("did you mean '%({near})'?")),
        None => error.hint(format!("the fields are {}", FIELDS.join(", "))),
    })
}

/// Returns a value as text: a text as it is, nothing for no value, and a list or an object as JSON.
fn value(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text::safe(text).into_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => text::safe(&value.to_string()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_an_agent_has_a_name() {
        let schema = schemars::schema_for!(AgentObject).to_value();
        let fields: Vec<&str> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let sorted: BTreeSet<&str> = fields.into_iter().collect();
        assert_eq!(sorted.into_iter().collect::<Vec<_>>(), FIELDS);
    }

    #[test]
    fn formats_are_parsed_once() {
        let text = |text: &str| Piece::Text(text.to_owned());
        for (typed, pieces) in [
            ("", vec![]),
            ("%(id)", vec![Piece::Field("id")]),
            (
                "%(id)%09%(phase) 5%%",
                vec![Piece::Field("id"), text("\t"), Piece::Field("phase"), text(" 5"), text("%")],
            ),
            ("a(b)ü", vec![text("a(b)ü")]),
        ] {
            assert_eq!(AgentFormat::parse(typed).unwrap().0, pieces, "{typed}");
        }
        for (typed, message, hint) in [
            ("%(phas)", "agents have no field 'phas'", "did you mean '%(phase)'?"),
            (
                "%(xyzzyxyzzyxyzzy)",
                "agents have no field 'xyzzyxyzzyxyzzy'",
                "the fields are activity, after, always, attached_pid",
            ),
            ("%(id", "'%(id' is not a part of a format", "a part is"),
            ("50%", "'%' is not a part of a format", "a part is"),
            ("%ü", "'%ü' is not a part of a format", "a part is"),
            ("%ff", "'%ff' is not a part of a format", "a part is"),
        ] {
            let error = AgentFormat::parse(typed).unwrap_err();
            assert_eq!(error.message, message);
            assert!(error.hints[0].starts_with(hint), "{:?}", error.hints);
        }
    }

    #[test]
    fn values_are_text() {
        for (json, shown) in
            [("null", ""), ("\"a\\tb\"", "a\\tb"), ("true", "true"), ("1.5", "1.5"), ("[1,2]", "[1,2]")]
        {
            assert_eq!(value(&serde_json::from_str(json).unwrap()), shown);
        }
    }
}
