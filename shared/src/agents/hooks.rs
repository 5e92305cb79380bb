//! Hooks of a program that a person uses in a terminal: commands that it runs at moments of a conversation, and whose output the model
//! reads. They are settings for one start, never written to a file of the user.

use serde_json::{Value, json};

use crate::{Error, Result};

/// The longest time that a hook may take, in seconds.
const LIMIT_SECONDS: u64 = 30;

/// How a program calls the moments at which it runs hooks, and what it reads from them.
#[derive(Debug)]
pub struct HookForm {
    /// A person has typed a message.
    pub(super) prompt: &'static str,
    /// A tool has answered.
    pub(super) tool: &'static str,
    /// The model has ended its turn.
    pub(super) end: &'static str,
    /// The decision with which a hook at the end makes the model continue.
    pub(super) continues: &'static str,
    /// How many units of its time limits are a second.
    pub(super) second: u64,
}

/// A moment at which a program runs a hook.
#[derive(Debug)]
pub struct HookMoment {
    form: &'static HookForm,
    name: &'static str,
}

impl HookForm {
    /// Returns the settings with which a program runs a command at each of these moments.
    pub(super) fn settings(&self, command: &str) -> Value {
        let hook = json!({"type": "command", "command": command, "timeout": LIMIT_SECONDS * self.second});
        let always = json!([{"hooks": [hook]}]);
        let of_tools = json!([{"matcher": "*", "hooks": [hook]}]);
        json!({self.prompt: always, self.tool: of_tools, self.end: always})
    }

    fn moments(&self) -> [&'static str; 3] {
        [self.prompt, self.tool, self.end]
    }
}

impl HookMoment {
    /// Reads what a program with hooks of this form passes to one.
    ///
    /// # Errors
    /// This is not one of those that it was given (3).
    pub(super) fn read(form: &'static HookForm, input: &[u8]) -> Result<Self> {
        let passed: Value = serde_json::from_slice(input).unwrap_or_default();
        let name = passed["hook_event_name"].as_str().unwrap_or_default();
        let known = form.moments().into_iter().find(|known| *known == name);
        let name = known.ok_or_else(|| Error::refused("not a hook that reads messages"))?;
        Ok(Self { form, name })
    }

    /// Returns what the hook prints, so that the model reads a text now.
    pub fn answer(&self, text: &str) -> String {
        let answer = if self.name == self.form.end {
            json!({"decision": self.form.continues, "reason": text})
        } else {
            json!({"hookSpecificOutput": {"hookEventName": self.name, "additionalContext": text}})
        };
        answer.to_string()
    }
}
