//! The command line of `spec`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use orchestra_terminal::{complete, pages::Page};

/// Write down what is to be built, for agents and people
///
/// A spec is a text in the refs of the repository, not in your files: it has a name and versions, and 'git
/// orchestra sync' carries it to other clones. Without a command, the specs are listed. When a person saves
/// one, the designer that runs ('git orchestra designer') hears what changed, as a diff. Agents read a spec
/// with 'git orchestra spec show'.
#[derive(Debug, Parser)]
#[command(
    name = "git-orchestra-spec",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Begin a spec, in your editor or from a file
    New {
        /// Its name: lower-case letters, digits and dashes, such as rate-limit
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        text: Text,
        /// Print the result as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Change a spec, in your editor or from a file
    ///
    /// The editor is git's (GIT_EDITOR, core.editor, VISUAL, EDITOR). If somebody else saved meanwhile, both
    /// changes are merged. Where they conflict, yours is kept as a version beside the current one, and the next
    /// edit opens with both. If the editor or this command is killed, the text is kept in a file, which the next
    /// edit names.
    Edit {
        /// The spec; not needed if there is only one
        #[arg(value_name = "NAME", add = ArgValueCandidates::new(complete::specs))]
        name: Option<String>,
        #[command(flatten)]
        text: Text,
        /// Save the text of this version again
        #[arg(long, value_name = "VERSION", conflicts_with = "from")]
        restore: Option<u64>,
        /// Print the result as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print a spec
    Show {
        /// The spec; not needed if there is only one
        #[arg(value_name = "NAME", add = ArgValueCandidates::new(complete::specs))]
        name: Option<String>,
        /// An earlier version
        #[arg(long, value_name = "VERSION")]
        version: Option<u64>,
        /// List the versions instead
        #[arg(long)]
        versions: bool,
        /// Print the result as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// List the specs
    List {
        /// Print the result as one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Where the text comes from, and who hears of it.
#[derive(Args, Clone, Debug)]
pub(crate) struct Text {
    /// Read the text from this file, or from standard input (-), instead of opening an editor
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// The designer that hears what changes, from now on; by default, the only one that runs
    #[arg(long, value_name = "DESIGNER", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) designer: Option<String>,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra spec new rate-limit", "Begin a spec in your editor"),
        ("git orchestra spec edit", "Change the only spec; a running designer hears what changed"),
        ("git orchestra spec show rate-limit", "Print it"),
        ("git orchestra spec show --versions", "List its versions"),
        ("git orchestra spec edit --restore 2", "Undo what was saved after version 2"),
        ("git orchestra spec new api --from notes/api.md", "Begin a spec with the text of a file"),
    ],
    sections: &[],
    configuration: false,
    see_also: &["git-orchestra-designer", "git-orchestra-mcp", "git-orchestra-sync"],
};
