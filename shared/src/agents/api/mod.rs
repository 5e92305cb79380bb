//! The agent of git orchestra itself: it calls the Messages API of a model directly, and runs its tools in the worktree.
//!
//! It is an ordinary agent program, in a process of its own: [`run`] is what that process does. Everything else starts it, reads its
//! output, and finds its sessions, as for any other program.
//!
//! | file | contains |
//! |---|---|
//! | `program` | the loop: ask the model, run its tools |
//! | `client`, `key`, `stream`, `failure` | one request, its key, and its answer in parts; why it failed, and what follows |
//! | `live_text` | what is printed while an answer is being written |
//! | `compaction` | replacing the older part of a long conversation by a summary |
//! | `input`, `output` | what the supervisor says and reads |
//! | `permission`, `rules`, `shell` | which uses of tools run without asking |
//! | `tools`, `confined` | the tools; files that stay in the worktree |
//! | `transcript`, `session_files`, `sessions` | the session: its file, where it is, what it holds |

mod client;
mod compaction;
mod confined;
mod failure;
mod input;
mod key;
mod launch;
mod live_text;
mod output;
mod permission;
mod program;
mod protocol;
mod rules;
mod session_files;
mod sessions;
mod settings;
mod shell;
mod stream;
mod tools;
mod transcript;

pub use self::{program::run, settings::Settings};
use super::{AgentProgram, HomeFolder, Launch, Launcher, Options, Protocol, SessionFiles, TaskHandling};
use crate::{
    Code, Error, Result,
    config::{Config, keys::AGENT_KEY_COMMAND},
    conversation::SessionReader,
};

const NAME: &str = "api";
/// The variable with the key of the service.
const KEY: &str = "ANTHROPIC_API_KEY";
/// The variable with the token of a login, which other programs use.
const TOKEN: &str = "ANTHROPIC_AUTH_TOKEN";

const HOME: &[HomeFolder] = &[HomeFolder {
    variable: Some("XDG_STATE_HOME"),
    below_variable: "git-orchestra/sessions",
    written: &["/"],
    ..HomeFolder::below(".local/state/git-orchestra/sessions")
}];

/// The agent of git orchestra as an agent program.
pub(super) struct Api;

impl AgentProgram for Api {
    fn name(&self) -> &'static str {
        NAME
    }

    fn launcher(&self) -> Option<&dyn Launcher> {
        Some(self)
    }

    fn session_reader(&self) -> Option<&'static dyn SessionReader> {
        Some(&sessions::Sessions)
    }

    fn home_folders(&self) -> &'static [HomeFolder] {
        HOME
    }

    fn account_variables(&self) -> &'static [&'static str] {
        &[KEY, client::ADDRESS]
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["api.anthropic.com"]
    }
}

impl Launcher for Api {
    /// It is a part of this program; what may be missing is a key.
    fn is_installed(&self, config: &Config<'_>) -> bool {
        launch::has_key(config)
    }

    fn reads(&self, _config: &Config<'_>) -> Result<TaskHandling> {
        Ok(TaskHandling::Prose)
    }

    fn protocol(&self) -> Protocol {
        Protocol::of(&protocol::ApiStream)
    }

    fn launch(&self, config: &Config<'_>, options: &Options) -> Result<Launch> {
        launch::launch(config, options)
    }

    fn session_files(&self) -> Option<&'static dyn SessionFiles> {
        Some(&session_files::Files)
    }
}

fn no_key() -> Error {
    Error::new(Code::CredentialMissing, format!("agent '{NAME}' needs a key: {KEY} is not set"))
        .hint(format!("export {KEY}=…, in the shell from which you start agents"))
        .hint(AGENT_KEY_COMMAND.of(NAME).hint("'COMMAND'"))
}
