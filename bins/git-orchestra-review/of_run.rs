//! `review --from-run`: the pull requests of a run, one after another.

use orchestra::{
    Kind, Result,
    model::{published::PullRequestState, text::safe},
    ops::{
        pr_review::{PullRequests, RunReview},
        review::GivenVerdict,
    },
    wire,
};
use orchestra_terminal::{Exit, Terminal, context, json};

use super::{
    cli::Cli,
    pull_request::{is_no, repository, request, review},
};

/// Reviews the pull requests of a run. One that fails does not keep the others from being reviewed; an interruption does.
pub(crate) fn run(
    cli: &Cli,
    terminal: &Terminal,
    named: Option<&str>,
    give: Option<&GivenVerdict>,
) -> Result<Exit> {
    let repo = repository(cli, terminal)?;
    let context = context::interruptible(terminal)?;
    let all = &PullRequests::of_remote(&context, &repo, cli.remote.as_deref())?;
    let mut of_run = all.of_run(named)?;
    let count = of_run.reviews.len();
    let mut failed = None;
    for (at, one) in (1..).zip(&mut of_run.reviews) {
        terminal.eprintln(&format!("{at}/{count}: pull request {} of {}", one.number, one.agent));
        if let Err(error) = review_one(cli, terminal, all, one, give.cloned()) {
            if error.kind() == Kind::Interrupted {
                return Err(error);
            }
            let why = error.one_line();
            terminal.warn(&format!("{}: {}", one.number, safe(&why)));
            error.hints.iter().for_each(|hint| terminal.hint(hint));
            one.error = Some(why);
            failed.get_or_insert(error.kind());
        }
    }
    if cli.json {
        json::print_answer(terminal, wire::PR_REVIEW_RUN, &of_run)?;
    }
    let refused = of_run.reviews.iter().filter_map(|one| one.report.as_ref()).any(is_no);
    Ok(match failed {
        Some(kind) => Exit::Failed(kind),
        None if refused => Exit::No,
        None => Exit::Done,
    })
}

fn review_one(
    cli: &Cli,
    terminal: &Terminal,
    all: &PullRequests<'_>,
    one: &mut RunReview,
    give: Option<GivenVerdict>,
) -> Result<()> {
    let state = all.state_of(one.number)?;
    one.state = Some(state);
    if state != PullRequestState::Open {
        terminal.eprintln(&format!("{} is {state}", one.number));
        return Ok(());
    }
    one.report = Some(review(cli, terminal, all, &request(cli, one.number, give), one.number)?);
    Ok(())
}
