//! The pull request of an agent's work, as it was when it was looked at last.

use orchestra::{
    model::{
        published::{ForgeChecks, ForgeReviews, Published, PullRequestState},
        text::safe,
    },
    ops::agent_object::AgentObject,
    world::Timestamp,
};

use crate::{here, humanize};

/// The age in seconds from which it is shown.
const FRESH: i64 = 3600;

/// Formats it in a few words, such as `pull request 12 open, checks failed`; `None` if there is none.
pub fn state(agent: &AgentObject) -> Option<String> {
    let one = agent.pull_request.as_ref()?;
    Some(format!("pull request {} {}{}", one.number, one.state, standing_of(one)))
}

/// Formats it with its page and its age, such as `12 open, approved, as of 3h ago, into main: https://…`; `None` if there is none.
pub fn place(agent: &AgentObject) -> Option<String> {
    let one = agent.pull_request.as_ref()?;
    let is_open = one.state == PullRequestState::Open;
    let now = here::environment().now();
    let is_old = |at: &Timestamp| is_open && now.as_second() - at.as_second() >= FRESH;
    let age =
        one.seen_at.filter(is_old).map(|at| as_of(at, now)).map(|age| format!(", {age}")).unwrap_or_default();
    let (standing, into) = (standing_of(one), safe(&one.into));
    Some(format!("{} {}{standing}{age}, into {into}: {}", one.number, one.state, safe(&one.url)))
}

/// Formats when something was so, such as `as of 3h ago`.
pub fn as_of(at: Timestamp, now: Timestamp) -> String {
    format!("as of {} ago", humanize::age(now.as_second() - at.as_second()))
}

fn standing_of(one: &Published) -> String {
    if one.state == PullRequestState::Open { standing(one.checks, one.review) } else { String::new() }
}

/// Formats what checks and reviewers say, each after a comma: `, checks failed, approved`.
pub fn standing(checks: Option<ForgeChecks>, review: Option<ForgeReviews>) -> String {
    let mut out = String::new();
    if let Some(checks) = checks.filter(|one| !matches!(one, ForgeChecks::None | ForgeChecks::Other)) {
        out.push_str(&format!(", checks {}", checks_word(checks)));
    }
    if let Some(review) = review.filter(|one| *one != ForgeReviews::Other) {
        let word = if review == ForgeReviews::Waiting { "waiting for a review" } else { review_word(review) };
        out.push_str(&format!(", {word}"));
    }
    out
}

/// Returns the word for what checks say.
pub const fn checks_word(checks: ForgeChecks) -> &'static str {
    match checks {
        ForgeChecks::Passed => "passed",
        ForgeChecks::Failed => "failed",
        ForgeChecks::Running => "running",
        ForgeChecks::None => "none",
        ForgeChecks::Other => "-",
    }
}

/// Returns the words for what reviewers say.
pub const fn review_word(review: ForgeReviews) -> &'static str {
    match review {
        ForgeReviews::Waiting => "waiting",
        ForgeReviews::Approved => "approved",
        ForgeReviews::Changes => "changes requested",
        ForgeReviews::Other => "-",
    }
}
