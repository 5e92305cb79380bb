//! The command line of `tag`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::{model::Tag, ops::tag::Request};
use orchestra_terminal::{complete, pages::Page};

/// Add tags to agents, or remove some
///
/// A tag names a group of agents: 'tag:NAME' means all of them in other commands. 'git orchestra spawn --tag'
/// gives agents their first tags, and this command changes them later. The change is part of the agent's
/// history: 'git orchestra sync' carries it to other clones. Only the clone that an agent belongs to changes
/// its tags.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-tag", version)]
pub(crate) struct Cli {
    /// The agents; a unique prefix of the name or a word in it is enough, and tag:NAME names all with a tag
    #[arg(value_name = "AGENT", required = true, add = ArgValueCandidates::new(complete::agents_and_tags))]
    pub(crate) agents: Vec<String>,
    /// Add this tag; may be given several times
    #[arg(short, long, value_name = "NAME", add = ArgValueCandidates::new(complete::tag_names))]
    pub(crate) add: Vec<Tag>,
    /// Remove this tag; may be given several times
    #[arg(short, long, value_name = "NAME", add = ArgValueCandidates::new(complete::tag_names))]
    pub(crate) remove: Vec<Tag>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra tag add-tests --add night", "Add a tag to an agent"),
        ("git orchestra tag tag:night --remove night --add done", "Change the tag of a whole group"),
    ],
    sections: &[],
    configuration: false,
    see_also: &["git-orchestra-spawn", "git-orchestra-status", "git-orchestra-sync"],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        Request { agents: self.agents.clone(), add: self.add.clone(), remove: self.remove.clone() }
    }
}
