//! The command line of `agent-api`, which only supervisors call.

use std::path::PathBuf;

use clap::{ArgGroup, Parser};
use orchestra::{
    model::{Cost, Permission, Price},
    ops::agent_api::Request,
};
use orchestra_terminal::pages::Page;

/// Run the agent of the profile api (internal, started by supervisors)
///
/// It calls the Messages API of a model, and runs the tools that the model uses in the current directory.
/// Messages and answers are read from standard input, events are printed, one JSON object a line. The key
/// is what a command prints, or in the environment variable ANTHROPIC_API_KEY.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-agent-api", version)]
#[command(group = ArgGroup::new("which").required(true).args(["session", "resume"]))]
pub(crate) struct Cli {
    /// Begin a session with this id
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Resume the session with this id
    #[arg(long, value_name = "ID")]
    resume: Option<String>,
    /// The model
    #[arg(long, value_name = "MODEL")]
    model: String,
    /// What it may do without asking
    #[arg(long, value_name = "MODE", value_parser = permission)]
    permission: Permission,
    /// A tool that it may use without asking, such as 'Bash(git *)'
    #[arg(long, value_name = "TOOL")]
    allow: Vec<String>,
    /// A tool that it may not use
    #[arg(long, value_name = "TOOL")]
    deny: Vec<String>,
    /// A directory that it may use besides its own
    #[arg(long, value_name = "DIR")]
    add_dir: Vec<PathBuf>,
    /// Text that is appended to its system prompt
    #[arg(long, value_name = "TEXT")]
    append_system_prompt: Option<String>,
    /// The largest number of requests in one turn
    #[arg(long, value_name = "N")]
    max_turns: Option<u32>,
    /// The largest cost of the session, in US dollars
    #[arg(long, value_name = "USD", value_parser = budget)]
    budget: Option<Cost>,
    /// The command whose first line of output is the key
    #[arg(long, value_name = "COMMAND")]
    key_command: Option<String>,
    /// The size of the model's context, in tokens
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    context: u64,
    /// The price of a million input and output tokens, in US dollars
    #[arg(long, value_name = "IN/OUT", value_parser = price)]
    price: Option<Price>,
}

impl Cli {
    /// Returns the request.
    pub(crate) fn request(&self) -> Request {
        Request {
            session: self.session.as_ref().or(self.resume.as_ref()).cloned().unwrap_or_default(),
            resumes: self.resume.is_some(),
            model: self.model.clone(),
            permission: self.permission,
            allow: self.allow.clone(),
            deny: self.deny.clone(),
            add_dirs: self.add_dir.clone(),
            append_system_prompt: self.append_system_prompt.clone(),
            max_turns: self.max_turns,
            budget: self.budget,
            key_command: self.key_command.clone(),
            context: self.context,
            price: self.price,
        }
    }
}

fn permission(text: &str) -> Result<Permission, &'static str> {
    Permission::parse(text).ok_or("not a permission mode")
}

fn budget(text: &str) -> Result<Cost, &'static str> {
    Cost::parse(text).ok_or("not an amount of US dollars such as 2.50")
}

fn price(text: &str) -> Result<Price, &'static str> {
    Price::parse(text).ok_or("not two to four amounts of US dollars such as 3/15")
}

pub(crate) const PAGE: Page =
    Page { examples: &[], sections: &[], configuration: false, see_also: &["git-orchestra-spawn"] };
