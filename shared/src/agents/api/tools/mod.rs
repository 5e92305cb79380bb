//! The four tools, and their descriptions for the model.

mod bash;
mod files;
mod kept;

use std::{path::PathBuf, time::Duration};

use serde_json::{Value, json};

use super::{confined::Folders, rules::Tool};
use crate::world::Environment;

/// The longest time that a command may run.
const COMMAND_TIME: Duration = Duration::from_secs(120);

/// The result of a use of a tool, for the model.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Outcome {
    pub(super) text: String,
    pub(super) is_error: bool,
}

impl Outcome {
    pub(super) fn ok(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_error: false }
    }

    pub(super) fn error(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_error: true }
    }
}

/// A use of a tool whose input was understood.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Use {
    Bash { command: String },
    Read { path: String, first_line: usize },
    Write { path: String, content: String },
    Edit { path: String, old: String, new: String },
}

impl Use {
    /// Reads the input of a tool.
    ///
    /// # Errors
    /// A field is missing or of another type.
    pub(super) fn of(tool: Tool, input: &Value) -> Result<Self, String> {
        let text = |field: &str| {
            let found = input.get(field).and_then(Value::as_str).map(str::to_owned);
            found.ok_or_else(|| format!("'{field}' is missing, or is not a text"))
        };
        Ok(match tool {
            Tool::Bash => Self::Bash { command: text("command")? },
            Tool::Read => {
                let first_line = input.get("first_line").and_then(Value::as_u64).unwrap_or(1);
                Self::Read { path: text("file_path")?, first_line: usize::try_from(first_line).unwrap_or(1) }
            }
            Tool::Write => Self::Write { path: text("file_path")?, content: text("content")? },
            Tool::Edit => Self::Edit { path: text("file_path")?, old: text("old")?, new: text("new")? },
        })
    }
}

/// Runs tools in one worktree.
pub(super) struct Toolbox {
    environment: Environment,
    worktree: PathBuf,
    folders: Folders,
}

impl Toolbox {
    pub(super) fn new(environment: Environment, folders: Folders) -> Self {
        let worktree = environment.directory().to_owned();
        Self { environment, worktree, folders }
    }

    /// Returns what rules are compared with: the command, or the path of the file.
    ///
    /// # Errors
    /// The path is outside of all folders.
    pub(super) fn subject(&self, used: &Use) -> Result<String, String> {
        match used {
            Use::Bash { command } => Ok(command.clone()),
            Use::Read { path, .. } | Use::Write { path, .. } | Use::Edit { path, .. } => {
                Ok(self.folders.place(path)?.for_rules())
            }
        }
    }

    /// Runs a tool. `is_interrupted` is asked again and again while a command runs.
    pub(super) fn run(&self, used: &Use, is_interrupted: &mut dyn FnMut() -> bool) -> Outcome {
        match used {
            Use::Bash { command } => {
                bash::run(&self.environment, &self.worktree, command, COMMAND_TIME, is_interrupted)
            }
            Use::Read { path, first_line } => files::read(&self.folders, path, *first_line),
            Use::Write { path, content } => files::write(&self.folders, path, content),
            Use::Edit { path, old, new } => files::edit(&self.folders, path, old, new),
        }
    }
}

/// Describes a tool for the model.
pub(super) fn description(tool: Tool) -> Value {
    let text = |about: &str| json!({"type": "string", "description": about});
    let path = text("The path of the file, relative to the working directory");
    let (about, fields) = match tool {
        Tool::Bash => (
            "Runs a shell command in the working directory, for at most 120 seconds, with an empty standard input. Returns its \
             output, of a long one the beginning and the end.",
            json!({"command": text("The command")}),
        ),
        Tool::Read => (
            "Returns the content of a text file, of a long one the beginning.",
            json!({"file_path": path, "first_line": {"type": "integer", "description": "The line to begin at; 1 by default"}}),
        ),
        Tool::Write => (
            "Writes a file, and makes its folders if they are missing. The whole earlier content is replaced.",
            json!({"file_path": path, "content": text("The whole content")}),
        ),
        Tool::Edit => (
            "Replaces a text that occurs exactly once in a file.",
            json!({"file_path": path, "old": text("The text to replace"), "new": text("The text instead")}),
        ),
    };
    let names = fields.as_object().into_iter().flat_map(serde_json::Map::keys);
    let required: Vec<&String> = names.filter(|name| *name != "first_line").collect();
    let schema = json!({"type": "object", "properties": fields, "required": required});
    json!({"name": tool.name(), "description": about, "input_schema": schema})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_read_as_they_are_described() {
        for (tool, input, expected) in [
            (Tool::Bash, json!({"command": "ls"}), Some(Use::Bash { command: "ls".into() })),
            (Tool::Bash, json!({"command": 1}), None),
            (Tool::Read, json!({"file_path": "a"}), Some(Use::Read { path: "a".into(), first_line: 1 })),
            (Tool::Write, json!({"file_path": "a"}), None),
            (Tool::Edit, json!({"file_path": "a", "old": "x"}), None),
        ] {
            assert_eq!(Use::of(tool, &input).ok(), expected, "{input}");
        }
        for tool in Tool::ALL {
            let described = description(tool);
            let fields = described["input_schema"]["required"].as_array().expect("a list");
            let input: Value =
                fields.iter().map(|name| (name.as_str().expect("a name").to_owned(), json!("x"))).collect();
            assert!(Use::of(tool, &input).is_ok(), "{described}");
        }
    }
}
