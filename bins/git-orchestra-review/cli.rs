//! The command line of `review`.

use clap::{ArgGroup, Parser};
use clap_complete::engine::ArgValueCandidates;
use orchestra::{
    Code, Error, Result,
    model::verdict::{Comment, Verdict},
    ops::{
        pr::MergeMethod,
        review::{GivenVerdict, Request},
    },
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
#[command(name = "git-orchestra-review", version, group = ArgGroup::new("checks").args(["by", "automerge", "fix"]).multiple(true), group = ArgGroup::new("forge").args(["pr", "from_run"]))]
pub(crate) struct Cli {
    /// The agent; a unique prefix of the name or a word in it is enough
    #[arg(value_name = "AGENT", group = "work", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) agent: Option<String>,
    /// A pull request on the forge of the remote, instead of the work of an agent; without a number the open
    /// ones are listed, and on a terminal you pick one
    #[arg(long, value_name = "NUMBER", num_args = 0..=1, group = "work")]
    pub(crate) pr: Option<Option<String>>,
    /// The pull requests of a run, one after another in the order of its tasks; without RUN, of the newest one
    /// that published any
    ///
    /// RUN is the id of the run, or a unique beginning of it. Everything that --pr can do is done with each that is
    /// open; one that fails does not keep the others from being reviewed.
    #[arg(long, value_name = "RUN", num_args = 0..=1, group = "work")]
    pub(crate) from_run: Option<Option<String>>,
    /// The remote whose forge has the pull request (default: {orchestra.remote}, the branch's remote, or
    /// origin)
    #[arg(long, value_name = "REMOTE", requires = "forge", add = ArgValueCandidates::new(complete::remotes))]
    pub(crate) remote: Option<String>,
    /// Run the code of the pull request as your own work: without the sandbox 'net', in which the code of
    /// others runs otherwise
    #[arg(long, requires = "forge")]
    pub(crate) trust: bool,
    /// Give the verdict on the forge as well: as an approval or a request for changes, with the remarks on
    /// their lines; without another verdict, the one that counts
    #[arg(long, requires = "forge")]
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
    /// The test command of --by, and of --automerge with --pr (default: {orchestra.review.test}, else orchestra.test)
    #[arg(long, value_name = "COMMAND", requires = "checks")]
    pub(crate) test: Option<String>,
    /// Run the test even if it is known to pass for these files
    #[arg(long, requires = "by")]
    pub(crate) recheck: bool,
    /// Let the reviewer repair what it finds; the repair becomes part of the work if the test passes with
    /// it
    ///
    /// With --pr, let an agent make the changes that the verdict asks for, in its own worktree at the head of the
    /// pull request. If the test passes with them, they are pushed to its branch, unless somebody pushed to it
    /// meanwhile.
    #[arg(long, requires = "work", conflicts_with_all = ["approve", "reject"])]
    pub(crate) fix: bool,
    /// The profile of the agent that makes the changes of --fix (default: {orchestra.agent})
    #[arg(long = "agent", value_name = "PROFILE", requires_all = ["forge", "fix"], add = ArgValueCandidates::new(complete::profiles))]
    pub(crate) fixer: Option<String>,
    /// Land the work if it is approved, with the checks of 'git orchestra merge-ranked'; refused if
    /// something outside the worktree changed while the agent ran
    ///
    /// With --pr, merge the pull request on its forge: only if it is approved, the test passes on its merge with
    /// the base, the forge's checks have not failed, and neither its head nor its base moved since.
    #[arg(long, requires = "work", conflicts_with_all = ["reject", "changes"])]
    pub(crate) automerge: bool,
    /// Merge the pull request with a merge commit (default: {orchestra.prMergeMethod})
    #[arg(long, requires_all = ["forge", "automerge"], group = "method")]
    pub(crate) merge: bool,
    /// Merge the pull request as one commit
    #[arg(long, requires_all = ["forge", "automerge"], group = "method")]
    pub(crate) squash: bool,
    /// Merge the commits of the pull request on top of the base
    #[arg(long, requires_all = ["forge", "automerge"], group = "method")]
    pub(crate) rebase: bool,
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
            "git orchestra review --pr 42 --approve --automerge --squash",
            "Approve it, test it on the newest base, and merge it",
        ),
        (
            "git orchestra review --pr 42 --changes -m 'handle an empty list' --fix",
            "Let an agent change it so, and push that to its branch",
        ),
        ("git orchestra review --from-run --by claude", "Review the pull requests of the newest run"),
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
                "--automerge merges on the forge what is approved. The test runs on the merge with the base as it is now, with the power \
                 above, and then the forge and the remote are asked again: if head or base moved, nothing is merged (4). The head \
                 is guarded by the forge itself, except on Bitbucket, which is asked before and after; a push to the base in the \
                 very last moment is not noticed by any forge. A draft is never merged, nor is one whose checks on the forge failed or have \
                 not ended. What the forge requires besides, such as its own reviews, it says itself. Typed again, a pull \
                 request that is merged is reported as such.",
                "--fix starts an agent at the head of the pull request, in its own worktree and with the power above; its task quotes what \
                 the verdicts ask for and what the author wrote, as text of others. Its program reads the files of the pull request \
                 as those of any worktree. It pushes nothing: its work is tested on the merge with the base, searched for secrets, and \
                 pushed on top of the head that was reviewed, or not at all. The branch must be in the repository itself, or in a fork \
                 whose owner lets maintainers push to it, which Bitbucket does not know. Typed again for the same verdict and head, it \
                 continues with the same agent. The verdict is on the old head: the changes are reviewed again.",
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
    /// Returns how a pull request is merged, if that was typed.
    pub(crate) fn method(&self) -> Option<MergeMethod> {
        match (self.merge, self.squash, self.rebase) {
            (true, _, _) => Some(MergeMethod::Merge),
            (_, true, _) => Some(MergeMethod::Squash),
            (_, _, true) => Some(MergeMethod::Rebase),
            _ => None,
        }
    }

    pub(crate) fn request(&self) -> Result<Request> {
        let is_on_forge = self.pr.is_some() || self.from_run.is_some();
        if self.fix && self.by.is_none() && !is_on_forge {
            return Err(Error::usage("--fix goes with --by or --pr")
                .hint("git orchestra review AGENT --by PROFILE --fix"));
        }
        if self.fix && self.automerge && is_on_forge {
            return Err(Error::usage("what --fix changes is judged again before --automerge merges it")
                .hint("first --fix, then --by PROFILE --automerge"));
        }
        if self.test.is_some() && self.by.is_none() && !is_on_forge {
            return Err(Error::usage("--test goes with --by or --pr")
                .hint("the checks of a landing: git orchestra merge-ranked AGENT --test COMMAND"));
        }
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
