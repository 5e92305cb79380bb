//! The command line of `review`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::{
    Code, Error, Result,
    model::verdict::{Comment, Verdict},
    ops::review::{GivenVerdict, Request},
};
use orchestra_terminal::{complete, pages::Page};

/// Review an agent's work: approve, reject, or request changes
///
/// Without an agent, the work that waits for a verdict is listed; on a terminal you pick an agent, see its
/// work, and decide. The verdict is an event in the agent's history and a note on the reviewed commit. It
/// applies to exactly that work: when head or base changes it is stale, unless the patch stays the same.
/// Requested changes are sent to the agent as its next prompt, in its own session. merge-ranked lands
/// approved work first, and does not land work that was rejected or needs changes.
///
/// With --pr it is about a pull request, also one of a stranger: it is fetched without a branch, the test runs on
/// its merge with its base, and the verdict is kept in notes on its head. Only --post sends it to the forge.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-review", version)]
pub(crate) struct Cli {
    /// The agent; a unique prefix of the name or a word in it is enough
    #[arg(value_name = "AGENT", group = "work", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) agent: Option<String>,
    /// A pull request on the forge of the remote, instead of the work of an agent; without a number the open
    /// ones are listed, and on a terminal you pick one
    #[arg(long, value_name = "NUMBER", num_args = 0..=1, group = "work")]
    pub(crate) pr: Option<Option<u64>>,
    /// The remote whose forge has the pull request (default: {orchestra.remote}, the branch's remote, or
    /// origin)
    #[arg(long, value_name = "REMOTE", requires = "pr", add = ArgValueCandidates::new(complete::remotes))]
    pub(crate) remote: Option<String>,
    /// Run the code of the pull request as your own work: without the sandbox 'net', in which the code of
    /// others runs otherwise
    #[arg(long, requires = "pr")]
    pub(crate) trust: bool,
    /// Give the verdict on the forge as well: as an approval or a request for changes, with the remarks on
    /// their lines; without another verdict, the one that counts
    #[arg(long, requires = "pr")]
    pub(crate) post: bool,
    /// Approve the work: it may land
    #[arg(long, requires = "work", conflicts_with_all = ["reject", "changes"])]
    pub(crate) approve: bool,
    /// Reject the work: it does not land
    #[arg(long, requires = "work", conflicts_with = "changes")]
    pub(crate) reject: bool,
    /// Request changes, described by -m and -C; the work may land after they are made
    #[arg(long, requires = "work")]
    pub(crate) changes: bool,
    /// Let another agent review the work; PROFILE is its profile, such as claude
    ///
    /// This command first runs the test itself, on the work as it is; nothing is approved unless the test
    /// passes. The reviewer works in its own worktree with its own permissions (git config
    /// orchestra.review.allow and orchestra.review.permission). It may read and run the test, but without --fix it changes nothing that
    /// lands. Its findings become comments, which the agent gets only when you resume it ('git orchestra
    /// resume').
    #[arg(long, value_name = "PROFILE", requires = "work", conflicts_with_all = ["approve", "reject", "changes", "message", "comments", "edit"], add = ArgValueCandidates::new(complete::profiles))]
    pub(crate) by: Option<String>,
    /// The test command of --by (default: {orchestra.review.test}, else orchestra.test)
    #[arg(long, value_name = "COMMAND", requires = "by")]
    pub(crate) test: Option<String>,
    /// Run the test even if it is known to pass for these files
    #[arg(long, requires = "by")]
    pub(crate) recheck: bool,
    /// Let the reviewer repair what it finds; the repair becomes part of the work if the test passes with
    /// it
    #[arg(long, requires = "by", conflicts_with = "pr")]
    pub(crate) fix: bool,
    /// Land the work if it is approved, with the checks of 'git orchestra merge-ranked'; refused if
    /// something outside the worktree changed while the agent ran
    #[arg(long, requires = "agent", conflicts_with_all = ["reject", "changes"])]
    pub(crate) automerge: bool,
    /// A message that goes with the verdict
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// A comment on one line of the work, such as -C src/main.rs:12 'why?'; may be given several times
    #[arg(short = 'C', long = "comment", num_args = 2, value_names = ["FILE:LINE", "TEXT"])]
    pub(crate) comments: Vec<String>,
    /// Write comments into the diff in your editor, as lines that begin with '>'
    #[arg(short, long, requires = "agent")]
    pub(crate) edit: bool,
    /// Record the verdict only if the work is still at this commit
    #[arg(long, value_name = "COMMIT")]
    pub(crate) head: Option<String>,
    /// Do not send the changes to the agent yet; required for agents that would run the message as a
    /// script, such as sh
    #[arg(long, requires = "changes")]
    pub(crate) keep: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra review", "List what waits for a verdict, pick one and decide"),
        ("git orchestra review add-auth", "Show the work of one agent"),
        ("git orchestra review add-auth --by claude --test 'cargo test'", "Let another agent review it"),
        ("git orchestra review add-auth --approve -m 'well done'", "Approve it"),
        (
            "git orchestra review add-auth --by claude --fix --automerge",
            "Let the reviewer repair small faults, and land what it approves",
        ),
        ("git orchestra review --pr 42 --by claude", "Let an agent review a pull request"),
        ("git orchestra review --pr 42 --post", "Give the verdict on the forge"),
        (
            "git orchestra review add-auth --changes --edit",
            "Send it back with comments that you write into the diff",
        ),
        (
            "git orchestra review add-auth --changes -C src/auth.rs:40 'this can panic'",
            "Send it back with one comment",
        ),
    ],
    sections: &[
        (
            "PULL REQUESTS",
            &[
                "Strangers open pull requests, so their code gets no power here. The test command is yours or that of the branch that is \
                 checked out, never that of the pull request; it runs on the merge with the base, in a worktree of its own and in the \
                 sandbox 'net': it reads neither your files nor your tokens, and reaches only the hosts of orchestra.sandboxHost. \
                 Nothing is copied there by .worktreeinclude. Where no such sandbox can be made, nothing runs. --trust runs the code \
                 as the work of your agents; a pull request that is exactly the work of an agent of this clone runs so too. An agent \
                 that reviews starts at the base, so that it reads no settings and no instructions of a stranger, and sees the changes \
                 by git.",
                "The commits are fetched into refs/orchestra-local/pr. The verdict is on exactly one base and head, or the same patch \
                 on another one, and is kept in refs/orchestra/notes/pull-requests, which sync carries; verdicts of other clones count \
                 only if orchestra.trustWriter names them.",
            ],
        ),
        (
            "WHICH VERDICT COUNTS",
            &["The last verdict of each reviewer counts; if several reviewers judged the same patch, the \
             strictest one decides: a rejection is not outvoted. All verdicts are kept, also as notes \
             (refs/orchestra/notes/reviews); after 'git orchestra init --notes', git log shows what they say. Verdicts from other clones count only if git \
             config orchestra.trustWriter names their writer."],
        ),
    ],
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
            return Err(Error::new(Code::ArgumentMissing, "a message or a comment needs a verdict")
                .hint("--approve, --reject or --changes"));
        }
        let give = verdict.map(|verdict| GivenVerdict {
            verdict,
            text: self.message.clone(),
            comments,
            base: None,
            head: self.head.clone(),
            keep: self.keep,
            operation: None,
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
        .hint("-C src/main.rs:12 'your comment'")
    })?;
    Ok(Comment { file, line, text: text.to_owned() })
}
