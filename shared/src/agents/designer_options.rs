//! What a designer gets.

use std::path::PathBuf;

use super::{
    Launch,
    mcp_server::{McpServer, Place},
};
use crate::{
    Result,
    config::Config,
    model::quote,
    world::{AGENT, ATTEMPT},
};

/// The name of the server with the tools.
const SERVER: &str = "orchestra";

/// How a program is started as a designer.
pub(super) type LaunchDesigner = fn(&Config<'_>, &DesignerOptions) -> Result<Launch>;

/// What a designer gets.
#[derive(Clone, Debug)]
pub struct DesignerOptions {
    /// The server with the tools.
    pub(super) server: McpServer,
    /// How to delegate and report, for the model.
    pub(super) prompt: String,
    /// Whether it may change files.
    pub(super) writes: bool,
    /// The program that returns messages, and a folder of the repository to run it in.
    pub(super) hears: (String, PathBuf),
    /// The model that is configured for the profile.
    pub(super) model: Option<String>,
}

impl DesignerOptions {
    /// Makes the options. `command` and `args` start the server, which learns from two variables whose program it serves; `command` runs
    /// in `folder` as a hook.
    pub fn new(command: String, args: Vec<String>, folder: PathBuf, prompt: String, writes: bool) -> Self {
        let hears = (command.clone(), folder);
        let env = [AGENT, ATTEMPT].map(str::to_owned).into();
        let server = McpServer { name: SERVER.to_owned(), place: Place::Program { command, args, env } };
        Self { server, prompt, writes, hears, model: None }
    }

    /// Returns the command, for a shell, of the hooks of a program. It never ends with 2, with which a hook forbids what the person typed.
    pub(super) fn hook_command(&self, program: &str) -> String {
        let (command, folder) = &self.hears;
        let hear = quote::command(&[command, &"inbox", &"hear", &format!("--hook={program}")]);
        format!("{} && {hear} || exit 1", quote::command(&[&"cd", folder]))
    }

    /// Returns what it gets in place of the tools that change files, in the words of Claude Code.
    pub(super) fn denied(&self) -> Vec<String> {
        let tools: &[&str] = if self.writes { &[] } else { &["Edit", "Write", "NotebookEdit"] };
        tools.iter().map(|&tool| tool.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Options as those of a person who asked for nothing else.
    fn plain() -> DesignerOptions {
        DesignerOptions::new(
            "/bin/x".to_owned(),
            vec!["mcp".to_owned()],
            "/a b".into(),
            "Delegate.".to_owned(),
            false,
        )
    }

    #[test]
    fn a_hook_never_ends_with_the_status_that_forbids() {
        assert_eq!(plain().hook_command("claude"), "cd '/a b' && /bin/x inbox hear --hook=claude || exit 1");
    }

    #[test]
    fn only_who_is_asked_to_write_may() {
        assert_eq!(plain().denied(), ["Edit", "Write", "NotebookEdit"]);
        assert!(DesignerOptions { writes: true, ..plain() }.denied().is_empty());
    }
}
