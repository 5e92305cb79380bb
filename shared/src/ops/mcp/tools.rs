//! The tools. Their names, their order and their schemas stay as they are: clients keep them, and models cache them.

use serde_json::{Value, json};

use crate::model::words::words;

words! {
    /// What a client may do besides reading.
    pub enum WriteClass: ignoring case {
        /// Start agents.
        Spawn = "spawn",
        /// Send messages to agents, and answer what they ask, except about permissions and money.
        Send = "send",
        /// Pause, resume and stop agents.
        Control = "control",
    }
}

/// When a tool is offered.
#[derive(Clone, Copy)]
enum Offer {
    Always,
    /// To a client that may do this.
    To(WriteClass),
    /// To the program of an agent.
    ToAgents,
}

/// A tool.
pub(super) struct Tool {
    pub(super) name: &'static str,
    about: &'static str,
    offer: Offer,
    /// The parameters: name, type, what it means, and whether it is required.
    parameters: &'static [(&'static str, Type, &'static str, bool)],
}

/// The type of a parameter.
#[derive(Clone, Copy)]
enum Type {
    Text,
    Number,
    Texts,
    OneOf(&'static [&'static str]),
}

const AGENTS: (&str, Type, &str, bool) =
    ("agents", Type::Texts, "Agents by id or unique word; all if left out", false);
const AGENT: (&str, Type, &str, bool) = ("agent", Type::Text, "The agent, by id or unique word", true);

pub(super) const TOOLS: &[Tool] = &[
    Tool {
        name: "agents_status",
        about: "Shows agents: phase, work, what they wait for, and what they said last",
        offer: Offer::Always,
        parameters: &[AGENTS],
    },
    Tool {
        name: "agents_wait",
        about: "Waits until an agent changes its phase, needs an answer or writes a message; call it again with the cursor that it returns",
        offer: Offer::Always,
        parameters: &[
            AGENTS,
            ("cursor", Type::Text, "The cursor of the last answer, so that no change is missed", false),
            ("seconds", Type::Number, "How long to wait, at most 45", false),
        ],
    },
    Tool {
        name: "agents_log",
        about: "Shows the newest output of an agent, or what came since a cursor",
        offer: Offer::Always,
        parameters: &[AGENT, ("cursor", Type::Text, "The cursor of the last answer", false)],
    },
    Tool {
        name: "agents_diff",
        about: "Shows what an agent changed, as a diff, with uncommitted and new files",
        offer: Offer::Always,
        parameters: &[AGENT, ("cursor", Type::Number, "Where to continue a long diff", false)],
    },
    Tool {
        name: "inbox_list",
        about: "Lists the messages of agents, newest last; nothing is marked as read",
        offer: Offer::Always,
        parameters: &[AGENTS],
    },
    Tool {
        name: "inbox_tell",
        about: "Tells the agent that started this one, or people, something",
        offer: Offer::ToAgents,
        parameters: &[
            ("text", Type::Text, "The message", true),
            ("kind", Type::OneOf(&["question", "error", "complete", "note"]), "What it is about", false),
        ],
    },
    Tool {
        name: "agents_spawn",
        about: "Starts an agent for each task, each on a branch in a worktree of its own, and returns their ids at once",
        offer: Offer::To(WriteClass::Spawn),
        parameters: &[
            (
                "tasks",
                Type::Texts,
                "Complete tasks: an agent knows nothing but its task and the repository",
                true,
            ),
            (
                "profile",
                Type::Text,
                "The kind of agent, as 'git orchestra spawn --agent' takes it; the configured one if left out",
                false,
            ),
        ],
    },
    Tool {
        name: "agents_send",
        about: "Sends an agent that runs its next instruction, or the answer to a choice that it asks for",
        offer: Offer::To(WriteClass::Send),
        parameters: &[AGENT, ("text", Type::Text, "The message", true)],
    },
    Tool {
        name: "agents_control",
        about: "Pauses, resumes or stops an agent; its work is saved",
        offer: Offer::To(WriteClass::Control),
        parameters: &[AGENT, ("action", Type::OneOf(&["pause", "resume", "stop"]), "What to do", true)],
    },
    Tool {
        name: "spec_show",
        about: "Shows a spec: what is to be built, as people wrote it; without a name the only one, or the names",
        offer: Offer::Always,
        parameters: &[
            ("name", Type::Text, "The name of the spec", false),
            ("cursor", Type::Number, "Where to continue a long text", false),
        ],
    },
];

impl Tool {
    /// Returns whether a client gets the tool.
    pub(super) fn is_offered(&self, write: &[WriteClass], is_agent: bool) -> bool {
        match self.offer {
            Offer::Always => true,
            Offer::To(class) => write.contains(&class),
            Offer::ToAgents => is_agent,
        }
    }

    /// Returns the tool as the protocol describes it.
    pub(super) fn described(&self) -> Value {
        let schema = |kind: Type, about: &str| match kind {
            Type::Text => json!({"type": "string", "description": about}),
            Type::Number => json!({"type": "integer", "minimum": 0, "description": about}),
            Type::Texts => json!({"type": "array", "items": {"type": "string"}, "description": about}),
            Type::OneOf(words) => json!({"type": "string", "enum": words, "description": about}),
        };
        let properties: serde_json::Map<String, Value> = self
            .parameters
            .iter()
            .map(|(name, kind, about, _)| ((*name).to_owned(), schema(*kind, about)))
            .collect();
        let required: Vec<&str> = self.parameters.iter().filter(|one| one.3).map(|one| one.0).collect();
        json!({
            "name": self.name,
            "description": self.about,
            "inputSchema": {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            },
            "annotations": {"readOnlyHint": matches!(self.offer, Offer::Always), "openWorldHint": false},
        })
    }
}
