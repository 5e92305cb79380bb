//! The command line of `review`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::{
    Code, Error, Result,
    model::verdict::{Comment, Verdict},
    ops::review::{GivenVerdict, Request},
};
use orchestra_terminal::{complete, pages::Page};

/// Judge an agent's work: approve it, reject it, or ask for changes
///
/// Without an agent, what waits for a verdict is listed; on a terminal you pick one, see what there is to know of it, and decide.
/// The verdict is an event in the agent's life and a note on the commit that was judged. It is of just that work: when head or
/// base move it is stale, unless the patch stayed the same. Changes that are asked for go to the agent as its next prompt, in its
/// own conversation. merge-ranked lands approved work first, and work that is rejected, or to be changed, not at all.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-review", version)]
pub(crate) struct Cli {
    /// The agent; the beginning of a name is enough
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) agent: Option<String>,
    /// It may land
    #[arg(long, requires = "agent", conflicts_with_all = ["reject", "changes"])]
    pub(crate) approve: bool,
    /// It shall not land
    #[arg(long, requires = "agent", conflicts_with = "changes")]
    pub(crate) reject: bool,
    /// It may land when it is changed: -m and -C say how
    #[arg(long, requires = "agent")]
    pub(crate) changes: bool,
    /// Let another agent judge, of this kind, such as claude
    ///
    /// The test is run first, by this command itself, on the work as it is; without one that passes nothing is approved. The
    /// reviewer works in its own worktree, with permissions of its own (git config orchestra.review.allow), may look and run the
    /// test, and changes nothing that lands, but with --fix. Its findings become remarks; the agent is not told of them until you
    /// say so ('git orchestra resume').
    #[arg(long, value_name = "PROFILE", requires = "agent", conflicts_with_all = ["approve", "reject", "changes", "message", "comments", "edit"], add = ArgValueCandidates::new(complete::profiles))]
    pub(crate) by: Option<String>,
    /// The test command for --by (default: {orchestra.review.test}, else orchestra.test)
    #[arg(long, value_name = "COMMAND", requires = "by")]
    pub(crate) test: Option<String>,
    /// Let that reviewer repair what it finds; the repair becomes part of the work if the test passes with it
    #[arg(long, requires = "by")]
    pub(crate) fix: bool,
    /// Land the work if it is approved, with the checks of 'git orchestra merge-ranked'; not where something changed outside its
    /// worktree while its agent ran
    #[arg(long, requires = "agent", conflicts_with_all = ["reject", "changes"])]
    pub(crate) automerge: bool,
    /// What is said beyond the verdict
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// A remark on one line of the work, such as -C src/main.rs:12 'why?'; may be given several times
    #[arg(short = 'C', long = "comment", num_args = 2, value_names = ["FILE:LINE", "TEXT"])]
    pub(crate) comments: Vec<String>,
    /// Write remarks into the diff, in your editor: lines that begin with '>'
    #[arg(short, long, requires = "agent")]
    pub(crate) edit: bool,
    /// Judge only if the work is still at this commit
    #[arg(long, value_name = "COMMIT")]
    pub(crate) head: Option<String>,
    /// Do not tell the agent of the changes yet; an agent that would run them as a script, such as sh, cannot be told
    #[arg(long, requires = "changes")]
    pub(crate) keep: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra review", "See what waits, pick one and decide"),
        ("git orchestra review add-auth", "See what there is to know of one"),
        ("git orchestra review add-auth --by claude --test 'cargo test'", "Let another agent judge it"),
        ("git orchestra review add-auth --approve -m 'well done'", "Approve it"),
        (
            "git orchestra review add-auth --by claude --fix --automerge",
            "Let it repair small things, and land what it approves",
        ),
        (
            "git orchestra review add-auth --changes --edit",
            "Send it back with remarks that you write into the diff",
        ),
        (
            "git orchestra review add-auth --changes -C src/auth.rs:40 'this can panic'",
            "Send it back with a remark",
        ),
    ],
    sections: &[(
        "WHICH VERDICT COUNTS",
        &[
            "Of one reviewer the last one; of several reviewers of the same patch, the strictest: one who rejects is not outvoted. \
             All are kept, and git log shows them as notes (refs/orchestra/notes/reviews). Verdicts from other clones count only \
             from writers in git config orchestra.trustWriter.",
        ],
    )],
    configuration: false,
    see_also: &["git-orchestra-diff", "git-orchestra-merge-ranked", "git-orchestra-resume"],
};

impl Cli {
    pub(crate) fn request(&self) -> Result<Request> {
        let verdict = match (self.approve, self.reject, self.changes) {
            (true, _, _) => Some(Verdict::Approve),
            (_, true, _) => Some(Verdict::Reject),
            (_, _, true) => Some(Verdict::Changes),
            _ => None,
        };
        let comments =
            self.comments.chunks_exact(2).map(|pair| comment(&pair[0], &pair[1])).collect::<Result<_>>()?;
        if verdict.is_none() && (self.message.is_some() || !self.comments.is_empty() || self.edit) {
            return Err(Error::new(Code::ArgumentMissing, "something is said, and no verdict given")
                .hint("--approve, --reject or --changes"));
        }
        let give = verdict.map(|verdict| GivenVerdict {
            verdict,
            text: self.message.clone(),
            comments,
            head: self.head.clone(),
            keep: self.keep,
        });
        Ok(Request { agent: self.agent.clone(), give })
    }
}

fn comment(place: &str, text: &str) -> Result<Comment> {
    let parsed = place.rsplit_once(':').and_then(|(file, line)| Some((file.to_owned(), line.parse().ok()?)));
    let (file, line) = parsed.ok_or_else(|| {
        Error::new(
            Code::PlaceUnknown,
            format!("-C: '{}' is not FILE:LINE", orchestra::model::text::safe(place)),
        )
        .hint("-C src/main.rs:12 'what you have to say'")
    })?;
    Ok(Comment { file, line, text: text.to_owned() })
}
