//! The coding agents: how each is started, spoken to and read. Commands come only from this program or from the user's own
//! git config.

mod claude;
mod command;
pub mod limit;
mod options;
mod prose;
mod said;
mod sh;
mod speech;
mod tally;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use options::Options;
pub use prose::{Reads, Words, check_prose};
pub use said::{Ask, Question, Said, Turn};
pub use speech::{Answer, Speech};
pub use tally::{Tally, Trouble, within};

use crate::{
    Code, Error, Result,
    config::Config,
    model::{OnPrompt, Permission, quote, text},
};

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
    /// Messages and answers in the program's own speech, as long as there are any.
    Talk,
}

/// How one agent is started.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Launch {
    /// Program and arguments; `{prompt_file}` stands for the file with the task.
    pub argv: Vec<String>,
    /// More arguments, for a new conversation; `{session}` stands for its id, chosen before.
    pub first: Vec<String>,
    /// More arguments, to go on with a conversation.
    pub again: Vec<String>,
    /// Its standard input.
    pub stdin: Stdin,
    /// How it speaks.
    pub speech: Speech,
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

/// What a person types to go on with an agent's conversation without us.
pub fn by_hand(name: &str, session: Option<&str>) -> Option<String> {
    match (name, session) {
        ("claude", Some(session)) => Some(format!("claude --resume {session}")),
        _ => None,
    }
}

/// Variables of the environment that a program must not see: with them it believes to be inside another one.
pub fn unset(name: &str) -> &'static [&'static str] {
    if name == claude::NAME { claude::OF_A_SESSION } else { &[] }
}

/// The conversation of one launch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Conversation<'a> {
    /// A new one, of that id.
    New(&'a str),
    /// One that is there.
    Known(&'a str),
}

impl Launch {
    /// A program that takes its task and says what it likes.
    fn plain(argv: Vec<String>, stdin: Stdin, reads: Reads) -> Self {
        Self {
            argv,
            first: vec![],
            again: vec![],
            stdin,
            speech: Speech::Plain,
            reads,
            permission: None,
            on_prompt: OnPrompt::Deny,
            unset: vec![],
        }
    }

    /// The arguments for a task that lies at `prompt`.
    pub fn argv_for(&self, prompt: &Path, conversation: Conversation<'_>) -> Vec<String> {
        let path = prompt.to_string_lossy();
        let (more, session) = match conversation {
            Conversation::New(session) => (&self.first, session),
            Conversation::Known(session) => (&self.again, session),
        };
        let argv = self.argv.iter().map(|arg| arg.replace(PROMPT_FILE, &path));
        argv.chain(more.iter().map(|arg| arg.replace(SESSION, session))).collect()
    }

    /// Whether it has conversations that can be gone on with.
    pub const fn converses(&self) -> bool {
        !self.again.is_empty()
    }
}

/// In a command: the file with the task.
const PROMPT_FILE: &str = "{prompt_file}";
/// In a command: the conversation.
const SESSION: &str = "{session}";

/// How the agent `name` is started with these options.
///
/// # Errors
/// There is no such agent, its program is not on this machine, or it does not know an option (2); the error names the
/// agents that are ready.
pub fn find(name: &str, config: &Config<'_>, options: &Options) -> Result<Launch> {
    let shown = text::safe(name);
    if let Some(command) = config.agent_command(name) {
        options.refuse_for(name)?;
        let reads = prose::reads(name, config)?;
        return command::launch(name, &command, config.agent_stdin_held(name)?, reads);
    }
    match name {
        sh::NAME => {
            options.refuse_for(name)?;
            Ok(sh::launch())
        }
        claude::NAME => claude::launch(config, options)
            .map_err(|error| error.hint(format!("ready here: {}", ready(config).join(", ")))),
        _ => Err(Error::new(Code::ProfileUnknown, format!("no agent program '{shown}'"))
            .hint(format!("ready here: {}", ready(config).join(", ")))
            .hint(format!(
                "{} makes one of any program",
                quote::command(&[
                    &"git",
                    &"config",
                    &format!("orchestra.agent.{name}.command"),
                    &format!("… {PROMPT_FILE} …"),
                ])
            ))),
    }
}

/// How the agent `name` speaks, whether or not it can be started here.
pub fn speech_of(name: &str, config: &Config<'_>) -> Speech {
    match name {
        claude::NAME if config.agent_command(name).is_none() => Speech::ClaudeStream,
        _ => Speech::Plain,
    }
}

/// The agents that can be started on this machine.
pub fn ready(config: &Config<'_>) -> Vec<String> {
    let own = config.agents();
    let mut names: Vec<String> = Vec::new();
    if claude::program(config).is_some() || own.iter().any(|name| name == claude::NAME) {
        names.push(claude::NAME.to_owned());
    }
    names.push(sh::NAME.to_owned());
    for name in own {
        if !names.contains(&name) && find(&name, config, &Options::default()).is_ok() {
            names.push(name);
        }
    }
    names
}
