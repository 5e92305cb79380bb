//! The command line of `pr`.

use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::pr::{MergeMethod, PullRequestAction, Request, WatchRequest};
use orchestra_terminal::{complete, pages::Page, settings};

/// Publish the work of agents as pull requests
///
/// Pushes the branch of each agent to the remote, and opens a pull request for it on GitHub, GitLab (where it
/// is called a merge request), Gitea, Forgejo or Bitbucket, with the task, the result, the check and the
/// verdict as its text. Typed again it pushes what is new, and brings its part of the text up to date; what
/// people wrote around that stays. There is never a second pull request for a branch, wherever the command
/// was interrupted. Without an agent it lists the open ones, with their checks and reviews.
///
/// Agents never publish anything, and never see a token. Work that holds what looks like a secret is not
/// pushed, nor is work on top of your own commits that the remote does not have.
#[derive(Debug, Parser)]
#[command(
    name = "git-orchestra-pr",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
    /// The agents; a unique prefix of the name or a word in it is enough, and tag:NAME names all with a tag
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::agents_and_tags))]
    pub(crate) agents: Vec<String>,
    /// The branch to merge into (default: {orchestra.into}, or the branch that is checked out)
    #[arg(long, value_name = "BRANCH", add = ArgValueCandidates::new(complete::branches))]
    pub(crate) into: Option<String>,
    /// The remote to push to (default: {orchestra.remote}, the branch's remote, or origin)
    #[arg(long, value_name = "REMOTE", add = ArgValueCandidates::new(complete::remotes))]
    pub(crate) remote: Option<String>,
    /// The title (default: that of the task)
    #[arg(long, value_name = "TITLE")]
    pub(crate) title: Option<String>,
    /// Open it as a draft
    #[arg(long)]
    pub(crate) draft: bool,
    /// Give it this label; those that it has stay; may be given several times
    #[arg(long = "label", value_name = "LABEL")]
    pub(crate) labels: Vec<String>,
    /// Ask this person, or team such as org/team, to review it; may be given several times
    #[arg(long = "reviewer", value_name = "NAME")]
    pub(crate) reviewers: Vec<String>,
    /// Merge work that started from that of other agents into their branches, and publish theirs as well
    ///
    /// An agent that was started with --after builds on the work of others. Its pull request then goes into the
    /// branch of the one that it builds on, as long as that one's is open; typed again after that was merged, it goes
    /// into the target.
    #[arg(long)]
    pub(crate) stack: bool,
    /// Merge it on the forge, if its head is still the work of the agent (default: {orchestra.prMergeMethod})
    #[arg(long, value_name = "METHOD", num_args = 0..=1, require_equals = true, conflicts_with_all = ["close", "draft", "title", "into", "stack", "labels", "reviewers"])]
    pub(crate) merge: Option<Option<Method>>,
    /// Close it without merging
    #[arg(long, conflicts_with_all = ["draft", "title", "into", "stack", "labels", "reviewers"])]
    pub(crate) close: bool,
    /// Show what would be done, without doing it
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Watch the pull requests of agents until they are merged or closed, and print each change
    ///
    /// It prints checks that fail, with their pages, comments and reviews, and that a pull request was merged or
    /// closed: each once. With --fix, what fails and what people said who may push to the repository becomes the
    /// next prompt of the agent, and the agent's result is pushed to its pull request. That is recorded with the
    /// agent: however often you interrupt the command, an agent is given nothing twice.
    Watch {
        /// The agents (default: all that have an open pull request)
        #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::agents_and_tags))]
        agents: Vec<String>,
        /// Give agents what fails and what trusted people say, and push their results
        #[arg(long)]
        fix: bool,
        /// The time between two looks (default: 60s)
        #[arg(long, value_name = "TIME", value_parser = settings::time)]
        interval: Option<Duration>,
        /// The longest time to watch; after it the exit status is 124
        #[arg(long = "for", value_name = "TIME", value_parser = settings::time)]
        at_most: Option<Duration>,
        /// The remote (default: {orchestra.remote}, the branch's remote, or origin)
        #[arg(long, value_name = "REMOTE", add = ArgValueCandidates::new(complete::remotes))]
        remote: Option<String>,
        /// Print each change as one JSON object on a line
        #[arg(long)]
        json: bool,
    },
}

impl Verb {
    pub(crate) fn request(&self) -> WatchRequest {
        let Self::Watch { agents, fix, interval, at_most, remote, json: _ } = self;
        WatchRequest {
            agents: agents.clone(),
            remote: remote.clone(),
            fix: *fix,
            interval_seconds: interval.map(|time| time.as_secs()),
            for_seconds: at_most.map(|time| time.as_secs()),
        }
    }
}

/// How a pull request is merged.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Method {
    /// With a merge commit
    Merge,
    /// As one commit
    Squash,
    /// Its commits on top of the branch
    Rebase,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra pr add-tests", "Push the work of an agent, and open a pull request"),
        ("git orchestra pr tag:night --draft", "Open drafts for a whole group"),
        (
            "git orchestra pr add-tests --label bug --reviewer tess",
            "Give it a label, and ask somebody to review it",
        ),
        ("git orchestra pr use-tests --stack", "Publish the work with that on which it builds"),
        ("git orchestra pr add-tests --merge=squash", "Merge it, if nobody pushed to it since"),
        ("git orchestra pr", "List the open pull requests"),
        (
            "git orchestra pr watch --fix",
            "Let agents correct what fails and what people say, until all are merged",
        ),
    ],
    sections: &[
        (
            "TOKENS",
            &[
                "The first of these that has a token for the host counts: the command in \
                 orchestra.forge.HOST.tokenCommand; GH_TOKEN or GITHUB_TOKEN for github.com, GITLAB_TOKEN for gitlab.com, and \
                 BITBUCKET_EMAIL with BITBUCKET_API_TOKEN for bitbucket.org; 'gh auth token' or glab's login; git's credential \
                 helpers. For another host, GH_ENTERPRISE_TOKEN, GITLAB_TOKEN, GITEA_TOKEN and FORGEJO_TOKEN are used once you \
                 named it, by orchestra.forge.HOST.kind, GH_HOST, GITLAB_HOST or GITEA_SERVER_URL. A token is sent to its host \
                 alone, and only encrypted. 'git orchestra doctor' tells where the token for each remote is, and with --online whether it \
                 may do what pull requests need.",
                "Without a token, pull requests on GitLab, Gitea and Forgejo are opened and updated by a push alone: by the push options of \
                 GitLab, or by a push to refs/for/BRANCH. Their text is one line then; reviewers, labels on Gitea and Forgejo, and what asks \
                 the forge need a token. A token that is refused is an error.",
                "Agents, their commands and checks of their work get none of these variables, unless orchestra.keepLogin names it; what an agent \
                 without a sandbox can still read is in git-orchestra-spawn(1).",
            ],
        ),
        (
            "LABELS, REVIEWERS AND ISSUES",
            &[
                "A pull request gets the labels of orchestra.prLabel and the reviewers of orchestra.prReviewer once; what people \
                 remove later is not added again. On Gitea and Forgejo a label must exist already; on GitLab and Bitbucket a reviewer must \
                 be a user there. Pull requests on Bitbucket have no labels.",
                "The pull request of an agent that was started with 'git orchestra spawn --issue' or by a plan of 'git orchestra plan \
                 --issues' says that it closes the issue.",
            ],
        ),
        (
            "WHAT HAPPENS ON THE FORGE",
            &[
                "Without an agent the open pull requests are listed, with what their checks and their reviewers say (of the newest \
                 twenty, those of agents first), and with those of agents that were merged or closed since you \
                 looked last. What is seen is recorded in the events of the agent, so that 'git orchestra status' shows it without a \
                 network, as it was then. 'pushed to' is one to whose branch somebody else pushed. 'git orchestra cleanup' removes an \
                 agent whose pull request was merged, in whichever way, if all its commits were in the head that was merged.",
                "When the work from which an agent started (--after) was merged into the target, 'git orchestra pr AGENT' has the \
                 agent's pull request go into the target. If it was merged as other commits, by a squash or a rebase, the agent's \
                 own commits are first put on top of the target, so that the pull request shows only those; with --stack also on top \
                 of the work of another agent that was itself moved so. What was pushed before is replaced only if nobody else pushed \
                 to the branch. 'git orchestra undo' brings the branch of the agent back. If the agent is paused, its worktree has \
                 changes, or its commits conflict, nothing is changed, and the command to type next is printed. Without a token the \
                 work is not moved.",
            ],
        ),
        (
            "WHAT AN AGENT IS GIVEN",
            &[
                "'pr watch --fix' gives an agent that has ended, as one message, the names and pages of the checks that fail on the head of \
                 its pull request, and what trusted people said, quoted. Trusted are you, those who may push to the repository (owners, \
                 members and collaborators; on Bitbucket the members of the workspace), and the logins in orchestra.prTrust. What \
                 others say is printed, and never given to an agent. A check counts once for each head.",
                "What was given is part of the event with the message, so that another clone or the same command later does not give it \
                 again. When the agent is done, its work is pushed as by 'git orchestra pr AGENT'. If it fails, asks, or somebody else pushed \
                 to its branch, that is printed, and nothing is pushed. The message goes to agents that work in this clone.",
                "Each look asks the forge about eight times for each pull request, at most every second; what did not change since is \
                 asked with its ETag. If the forge is not reached or accepts no more requests for now, the time between two looks \
                 doubles up to 15 minutes.",
            ],
        ),
        (
            "WHAT WAS TRIED",
            &[
                "Tested against the official descriptions, not against the services: the tests run against a server of our own, and check \
                 each request and answer against what GitHub, Forgejo and Bitbucket publish; GitLab's against our reading of its \
                 documentation. A push without a token is tested with real hooks of git that answer as Gitea and GitLab do.",
                "Bitbucket does not guard a merge by its head: there the head is compared just before.",
            ],
        ),
    ],
    configuration: true,
    see_also: &["git-orchestra-merge-ranked", "git-orchestra-review", "git-orchestra-sync"],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        let action = match (self.merge, self.close) {
            (Some(method), _) => PullRequestAction::Merge(method.map(Into::into)),
            (None, true) => PullRequestAction::Close,
            (None, false) => PullRequestAction::Open,
        };
        Request {
            agents: self.agents.clone(),
            action,
            remote: self.remote.clone(),
            into: self.into.clone(),
            title: self.title.clone(),
            draft: self.draft,
            labels: self.labels.clone(),
            reviewers: self.reviewers.clone(),
            stack: self.stack,
            dry_run: self.dry_run,
        }
    }
}

impl From<Method> for MergeMethod {
    fn from(method: Method) -> Self {
        match method {
            Method::Merge => Self::Merge,
            Method::Squash => Self::Squash,
            Method::Rebase => Self::Rebase,
        }
    }
}
