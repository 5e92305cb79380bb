//! The command line of `blame`.

use std::path::PathBuf;

use clap::{Parser, ValueHint, builder::RangedU64ValueParser};
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::blame::Request;
use orchestra_terminal::{complete, pages::Page};

/// Show which agent wrote each line of a file, for which task
///
/// For each line, git blame finds the commit that it is from. If that is the work of an agent, the agent is named,
/// and below the lines its task, its program, what it cost, and the verdict on its work; otherwise the author whom
/// git knows. This also holds after the work was squashed or rebased by 'git orchestra merge-ranked', after the
/// agent was removed by 'git orchestra cleanup', and in another clone after 'git orchestra sync'. Nothing is
/// written.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-blame", version)]
pub(crate) struct Cli {
    /// The file, relative to the current directory
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The commit whose lines are shown, or an agent whose work they are in; without one, the file as it is now,
    /// with uncommitted lines
    #[arg(value_name = "REVISION", add = ArgValueCandidates::new(complete::branches))]
    pub(crate) revision: Option<String>,
    /// Only these lines: 10,20 or 10,+5 or /REGEX/ or :FUNCTION, as git blame takes them; may be given several
    /// times
    #[arg(short = 'L', value_name = "RANGE", allow_hyphen_values = true)]
    pub(crate) lines: Vec<String>,
    /// Show everything that is known of one line, and how to read the conversation in which it was written
    #[arg(long, value_name = "NUMBER", conflicts_with = "lines", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    pub(crate) line: Option<u64>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra blame src/auth.rs", "Show who wrote each line"),
        ("git orchestra blame src/auth.rs -L 10,20", "Show some lines only"),
        ("git orchestra blame src/auth.rs --line 12", "Show all about one line"),
        ("git orchestra blame src/auth.rs add-auth", "Show the lines of work that has not landed"),
    ],
    sections: &[(
        "HOW IT IS KNOWN",
        &[
            "A landing writes a note (refs/orchestra/notes/results) on the commit that it makes, and on each commit \
             of the agent that comes with it; 'git orchestra sync' exchanges the notes. Where a commit has none, the \
             trailers of its message count, which squashed work and merges have. All who can write to the \
             repository can write both: they tell where lines come from, and prove nothing.",
            "Work that a person merged with plain git has no note: its lines are shown with git's author.",
        ],
    )],
    configuration: false,
    see_also: &["git-orchestra-diff", "git-orchestra-sessions", "git-orchestra-sync", "git-blame"],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        let lines = match self.line {
            Some(line) => vec![format!("{line},{line}")],
            None => self.lines.clone(),
        };
        let path = self.file.to_str().is_none().then(|| self.file.clone());
        let file = self.file.to_string_lossy().into_owned();
        Request { file, path, revision: self.revision.clone(), lines }
    }
}
