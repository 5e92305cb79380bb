//! How an agent's program is started.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    OutputPatterns, Protocol, Session, TaskHandling, mcp_server::McpServer, program_home::ProgramHome,
};
use crate::{
    Kind, Result,
    error::ErrorContext as _,
    model::{AgentId, OnPrompt, Permission},
    private_files,
};

/// The placeholder in a command for the path of the file with the task.
pub(super) const PROMPT_FILE: &str = "{prompt_file}";
/// The placeholder in the value of a variable for the id of the agent.
pub(super) const AGENT_ID: &str = "{agent}";
/// The placeholder in a command for the id of the session.
pub(super) const SESSION: &str = "{session}";

/// The placeholder in a command for the agent's private folder.
pub(super) const PRIVATE: &str = "{private}";

/// The placeholder in the arguments of a program for a cost in US dollars.
pub const COST: &str = "{cost}";

/// What the program's standard input is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stdin {
    /// It is empty.
    Empty,
    /// It contains the task, and is closed after it.
    Prompt,
    /// It contains the task, and stays open as long as the supervisor lives: a program that reads on sees its end when the supervisor
    /// dies.
    Held,
    /// It carries messages and answers in the program's own protocol.
    Talk,
}

/// A file that the program reads, in the agent's private folder.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PrivateFile {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// The command, and everything else that is decided before an agent's program is started.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Launch {
    /// Program and arguments; `{prompt_file}` is replaced by the path of the file with the task. Here, in the further arguments and in the
    /// values of variables `{private}` is replaced by the path of the agent's private folder.
    pub argv: Vec<String>,
    /// Further arguments for a new session; `{session}` is replaced by its id, which git orchestra chooses. Here and in those that resume
    /// a session, a whole argument `{prompt_file}` is replaced as well.
    #[serde(alias = "first")]
    pub new_session_args: Vec<String>,
    /// Further arguments that resume a session; empty if the program cannot resume.
    #[serde(alias = "again")]
    pub resume_args: Vec<String>,
    /// Whether the program chooses the id of a new session, and reports it in its output.
    #[serde(default)]
    pub reports_session: bool,
    /// Its standard input.
    pub stdin: Stdin,
    /// The protocol of its standard streams.
    #[serde(alias = "speech")]
    pub protocol: Protocol,
    /// How it treats its task and messages.
    #[serde(default)]
    pub reads: TaskHandling,
    /// The model that was typed or configured for it.
    #[serde(default)]
    pub model: Option<String>,
    /// Its permission mode, if it has such modes.
    pub permission: Option<Permission>,
    /// What happens when it asks for a permission.
    pub on_prompt: OnPrompt,
    /// Environment variables that are removed for it.
    pub unset: Vec<String>,
    /// Environment variables that are set for it, with their values; `{agent}` in a value is replaced by the id of the agent.
    #[serde(default)]
    pub env: Vec<(String, String)>,
    /// The MCP servers that a message of its protocol names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<McpServer>,
    /// Files that are written for it before it is started.
    #[serde(default)]
    pub files: Vec<PrivateFile>,
    /// The home folder that it gets in place of the user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<ProgramHome>,
    /// How its output is read, if that is text for people.
    #[serde(default)]
    pub patterns: Option<OutputPatterns>,
    /// The path of the file with a conversation, with `{session}` and `{worktree}`, if the user's configuration names it. Only a
    /// conversation whose file exists is resumed.
    #[serde(default)]
    pub conversation: Option<String>,
    /// What it, or another program of the same agent, leaves in the worktree that is not work, as lines of git's exclude file.
    #[serde(default)]
    pub leftovers: Vec<String>,
    /// Further arguments with which the program stops by itself once its session has cost `{cost}` US dollars; empty if it cannot.
    #[serde(default)]
    pub cost_args: Vec<String>,
}

impl Launch {
    /// Makes the launch of a program with plain output and without sessions.
    pub(super) fn plain(argv: Vec<String>, stdin: Stdin, reads: TaskHandling) -> Self {
        Self {
            argv,
            new_session_args: vec![],
            resume_args: vec![],
            reports_session: false,
            stdin,
            protocol: Protocol::PLAIN,
            servers: Vec::new(),
            reads,
            model: None,
            permission: None,
            on_prompt: OnPrompt::Deny,
            unset: vec![],
            env: vec![],
            files: vec![],
            home: None,
            patterns: None,
            conversation: None,
            leftovers: vec![],
            cost_args: vec![],
        }
    }

    /// Returns the launch in a worktree in which another program may leave files that are not work.
    #[must_use]
    pub fn beside(mut self, other: Option<&Self>) -> Self {
        for line in other.into_iter().flat_map(|other| &other.leftovers) {
            if !self.leftovers.contains(line) {
                self.leftovers.push(line.clone());
            }
        }
        self
    }

    /// Returns the launch of an agent with this private folder.
    #[must_use]
    pub fn in_folder(mut self, private: &Path) -> Self {
        let private = private.to_string_lossy();
        let all = self.argv.iter_mut().chain(&mut self.new_session_args).chain(&mut self.resume_args);
        let all = all.chain(self.env.iter_mut().map(|(_, value)| value));
        all.for_each(|text| *text = text.replace(PRIVATE, &private));
        self
    }

    /// Writes what the program finds in the agent's private folder.
    ///
    /// # Errors
    /// A file or a folder cannot be written.
    pub fn put_files(&self, private: &Path) -> Result<()> {
        for file in &self.files {
            let path = private.join(&file.name);
            private_files::replace(&path, &file.text)
                .context(Kind::External, || format!("cannot write '{}'", path.display()))?;
        }
        if let Some(home) = &self.home {
            home.make(private).context(Kind::External, || {
                format!("cannot make '{}'", private.join(&home.name).display())
            })?;
        }
        Ok(())
    }

    /// Returns the command for a task in the file `prompt`.
    pub fn argv_for(&self, prompt: &Path, session: Session<'_>) -> Vec<String> {
        let path = prompt.to_string_lossy();
        let (more, session): (&[String], &str) = match session {
            Session::None => (&[], ""),
            Session::Unnamed => (&self.new_session_args, ""),
            Session::New(session) => (&self.new_session_args, session),
            Session::Known(session) => (&self.resume_args, session),
        };
        let argv = self.argv.iter().map(|arg| arg.replace(PROMPT_FILE, &path));
        let more = more.iter().map(|arg| match arg.as_str() {
            PROMPT_FILE => path.to_string(),
            _ => arg.replace(SESSION, session),
        });
        argv.chain(more).collect()
    }

    /// Returns the environment variables that are set for an agent.
    pub fn variables(&self, id: &AgentId) -> impl Iterator<Item = (&String, String)> {
        self.env.iter().map(move |(name, value)| (name, value.replace(AGENT_ID, id.as_str())))
    }

    /// Returns whether it has sessions that can be resumed.
    pub fn has_sessions(&self) -> bool {
        !self.resume_args.is_empty() || self.protocol.negotiates_session()
    }

    /// Returns whether its supervisor gives it messages: while it runs, or when it is started again. Another program asks for them.
    pub fn is_given_messages(&self) -> bool {
        matches!(self.stdin, Stdin::Talk | Stdin::Held) || self.has_sessions()
    }

    /// Returns whether text that the user did not type may be given to the program.
    pub fn takes_prose(&self) -> bool {
        self.reads == TaskHandling::Prose || self.protocol.is_structured()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launches_of_earlier_versions_are_read() {
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
        assert!(!launch.reports_session && launch.env.is_empty());
        assert!(launch.files.is_empty() && launch.leftovers.is_empty());
        let choosing =
            Launch { new_session_args: vec!["--json".to_owned()], reports_session: true, ..launch };
        assert_eq!(choosing.argv_for(Path::new("/task"), Session::Unnamed), ["claude", "--json"]);
    }
    #[test]
    fn the_private_folder_is_named_in_every_argument() {
        let mut launch =
            Launch::plain(vec!["x".into(), "--log={private}/log".into()], Stdin::Empty, TaskHandling::Prose);
        launch.resume_args = vec!["--from={private}/{session}".into()];
        let launch = launch.in_folder(Path::new("/a b"));
        let argv = launch.argv_for(Path::new("/task"), Session::Known("s"));
        assert_eq!(argv, ["x", "--log=/a b/log", "--from=/a b/s"]);
    }

    #[test]
    fn what_earlier_programs_left_is_still_no_work_after_each_hand_over() {
        let leaves = |lines: &[&str]| Launch {
            leftovers: lines.iter().map(|&line| line.to_owned()).collect(),
            ..Launch::plain(vec!["program".to_owned()], Stdin::Empty, TaskHandling::Prose)
        };
        let first = leaves(&["/.cache/", "/.history"]);
        let second = leaves(&["/.history", "/.notes"]).beside(Some(&first));
        assert_eq!(second.leftovers, ["/.history", "/.notes", "/.cache/"]);
        assert_eq!(leaves(&[]).beside(Some(&second)).leftovers, second.leftovers);
        assert_eq!(leaves(&["/.notes"]).beside(None).leftovers, ["/.notes"]);
    }
}
