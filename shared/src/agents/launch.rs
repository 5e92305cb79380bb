//! How one agent is started.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Protocol, Reads};
use crate::model::{OnPrompt, Permission};

/// In a command: the file with the task.
pub(super) const PROMPT_FILE: &str = "{prompt_file}";
/// In a command: the id of the session.
pub(super) const SESSION: &str = "{session}";

/// How the agent's standard input behaves.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stdin {
    /// There is nothing to read.
    Empty,
    /// The task, then the end.
    Prompt,
    /// The task, then nothing until the supervisor ends: an agent that reads on sees the end when its supervisor dies.
    Held,
    /// Messages and answers in the program's own protocol, as long as there are any.
    Talk,
}

/// The command, and everything else that is decided before an agent's program is started.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Launch {
    /// Program and arguments; `{prompt_file}` stands for the file with the task.
    pub argv: Vec<String>,
    /// More arguments for a new session; `{session}` stands for its id, which is chosen before.
    #[serde(alias = "first")]
    pub new_session_args: Vec<String>,
    /// More arguments that resume a session; empty where the program resumes none.
    #[serde(alias = "again")]
    pub resume_args: Vec<String>,
    /// Its standard input.
    pub stdin: Stdin,
    /// The language of its standard streams.
    #[serde(alias = "speech")]
    pub protocol: Protocol,
    /// What it makes of its task and of what it is told.
    #[serde(default)]
    pub reads: Reads,
    /// What it may do, where it knows such modes.
    pub permission: Option<Permission>,
    /// What happens when it asks for more.
    pub on_prompt: OnPrompt,
    /// Variables of the environment that it must not see.
    pub unset: Vec<String>,
}

/// The session of one launch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Session<'a> {
    /// The program has no sessions, or none that is resumed.
    None,
    /// A new one, of that id.
    New(&'a str),
    /// One that is resumed.
    Known(&'a str),
}

impl Launch {
    /// A program that takes its task and prints what it likes.
    pub(super) fn plain(argv: Vec<String>, stdin: Stdin, reads: Reads) -> Self {
        Self {
            argv,
            new_session_args: vec![],
            resume_args: vec![],
            stdin,
            protocol: Protocol::PLAIN,
            reads,
            permission: None,
            on_prompt: OnPrompt::Deny,
            unset: vec![],
        }
    }

    /// The command for a task that lies at `prompt`.
    pub fn argv_for(&self, prompt: &Path, session: Session<'_>) -> Vec<String> {
        let path = prompt.to_string_lossy();
        let (more, session): (&[String], &str) = match session {
            Session::None => (&[], ""),
            Session::New(session) => (&self.new_session_args, session),
            Session::Known(session) => (&self.resume_args, session),
        };
        let argv = self.argv.iter().map(|arg| arg.replace(PROMPT_FILE, &path));
        argv.chain(more.iter().map(|arg| arg.replace(SESSION, session))).collect()
    }

    /// Whether it has sessions that can be resumed.
    pub const fn has_sessions(&self) -> bool {
        !self.resume_args.is_empty()
    }

    /// Whether text that the user did not type may be handed to the program.
    pub fn takes_prose(&self) -> bool {
        self.reads == Reads::Prose || self.protocol.is_structured()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_of_an_earlier_version_is_read() {
        let order = serde_json::json!({
            "argv": ["claude"], "first": ["--session-id={session}"], "again": ["--resume={session}"], "stdin": "talk",
            "speech": "claude_stream", "permission": null, "on_prompt": "deny", "unset": [],
        });
        let launch: Launch = serde_json::from_value(order).unwrap();
        assert!(launch.has_sessions() && launch.protocol.is_structured());
        let argv = |session| launch.argv_for(Path::new("/task"), session);
        assert_eq!(argv(Session::None), ["claude"]);
        assert_eq!(argv(Session::New("x")), ["claude", "--session-id=x"]);
        assert_eq!(argv(Session::Known("x")), ["claude", "--resume=x"]);
    }
}
