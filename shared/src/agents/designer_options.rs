//! What a designer gets.

use super::{
    Launch,
    mcp_server::{McpServer, Place},
};
use crate::{
    Result,
    config::Config,
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
    /// The model that is configured for the profile.
    pub(super) model: Option<String>,
}

impl DesignerOptions {
    /// Makes the options. `command` and `args` start the server, which learns from two variables whose program it serves.
    pub fn new(command: String, args: Vec<String>, prompt: String, writes: bool) -> Self {
        let env = [AGENT, ATTEMPT].map(str::to_owned).into();
        let server = McpServer { name: SERVER.to_owned(), place: Place::Program { command, args, env } };
        Self { server, prompt, writes, model: None }
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
        DesignerOptions::new("/bin/x".to_owned(), vec!["mcp".to_owned()], "Delegate.".to_owned(), false)
    }

    #[test]
    fn only_who_is_asked_to_write_may() {
        assert_eq!(plain().denied(), ["Edit", "Write", "NotebookEdit"]);
        assert!(DesignerOptions { writes: true, ..plain() }.denied().is_empty());
    }
}
