//! What changed between two looks at a pull request. Pure.

use super::{News, PullRequestNews};
use crate::{
    forge::{ForgeCheck, ForgeChecks, ForgeReviews, ForgeSaid, PullRequest, PullRequestState},
    model::AgentId,
};

/// A pull request as it was when it was looked at.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) seen: PullRequest,
    pub(super) checks: Vec<ForgeCheck>,
    pub(super) said: Vec<ForgeSaid>,
    pub(super) review: ForgeReviews,
    /// Whether somebody else pushed to its branch.
    pub(super) head_moved: bool,
}

impl Snapshot {
    /// Makes one of a pull request that is not open: nothing else is asked of it.
    pub(super) const fn ended(seen: PullRequest) -> Self {
        Self { seen, checks: Vec::new(), said: Vec::new(), review: ForgeReviews::Waiting, head_moved: false }
    }

    pub(super) fn is_open(&self) -> bool {
        self.seen.state == PullRequestState::Open
    }

    /// Returns what its checks say, all in all.
    pub(super) fn checks_say(&self) -> ForgeChecks {
        self.checks.iter().map(|one| one.state).fold(ForgeChecks::None, ForgeChecks::and)
    }

    /// Returns the checks that fail.
    pub(super) fn failed(&self) -> impl Iterator<Item = &ForgeCheck> {
        self.checks.iter().filter(|one| one.state == ForgeChecks::Failed)
    }
}

/// Returns the news of a look since the one before. The first look tells what is there.
pub(super) fn between(id: &AgentId, before: Option<&Snapshot>, now: &Snapshot) -> Vec<PullRequestNews> {
    let make = |news| PullRequestNews::of(news, id, now.seen.number, &now.seen.url);
    let page = |url: &str| if url.is_empty() { now.seen.url.clone() } else { url.to_owned() };
    let mut all = Vec::new();
    let was_open = before.is_none_or(Snapshot::is_open);
    match now.seen.state {
        PullRequestState::Open if !was_open => all.push(make(News::Reopened)),
        PullRequestState::Open | PullRequestState::Other => {}
        PullRequestState::Merged => all.extend(was_open.then(|| make(News::Merged))),
        PullRequestState::Closed => all.extend(was_open.then(|| make(News::Closed))),
    }
    if !now.is_open() {
        return all;
    }
    let (checks, review) = (Some(now.checks_say()), Some(now.review));
    if before.is_none() {
        all.push(PullRequestNews { checks, review, ..make(News::Watched) });
    }
    if now.head_moved && !before.is_some_and(|before| before.head_moved) {
        all.push(make(News::HeadMoved));
    }
    let is_known = |check: &ForgeCheck| {
        let same = |one: &ForgeCheck| one.name == check.name && one.url == check.url;
        before.is_some_and(|before| before.seen.commit == now.seen.commit && before.failed().any(same))
    };
    for check in now.failed().filter(|check| !is_known(check)) {
        let name = Some(check.name.clone());
        all.push(PullRequestNews { check: name, url: page(&check.url), ..make(News::CheckFailed) });
    }
    if now.checks_say() == ForgeChecks::Passed
        && before.is_some_and(|before| before.checks_say() != ForgeChecks::Passed)
    {
        all.push(PullRequestNews { checks, ..make(News::ChecksPassed) });
    }
    for said in now.said.iter().filter(|said| !before.is_some_and(|before| has_said(before, said))) {
        all.push(PullRequestNews {
            url: page(&said.url),
            author: Some(said.author.clone()),
            trusted: Some(said.is_trusted),
            review: said.verdict,
            file: said.place.as_ref().map(|(file, _)| file.clone()),
            line: said.place.as_ref().map(|(_, line)| *line),
            text: Some(said.text.clone()),
            ..make(News::Said)
        });
    }
    if before.is_some_and(|before| before.is_open() && before.review != now.review) {
        all.push(PullRequestNews { review, ..make(News::Reviewed) });
    }
    all
}

fn has_said(before: &Snapshot, said: &ForgeSaid) -> bool {
    before.said.iter().any(|one| one.id == said.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(state: PullRequestState, checks: &[(&str, ForgeChecks)], said: &[&str]) -> Snapshot {
        let checks = checks.iter().map(|(name, state)| ForgeCheck {
            name: (*name).into(),
            url: String::new(),
            state: *state,
        });
        let said = said.iter().map(|id| ForgeSaid {
            id: (*id).into(),
            author: "sam".into(),
            is_trusted: false,
            verdict: None,
            text: "x".into(),
            place: None,
            url: String::new(),
        });
        Snapshot {
            checks: checks.collect(),
            said: said.collect(),
            ..Snapshot::ended(PullRequest {
                number: 7,
                url: "https://x.org/7".into(),
                title: String::new(),
                head: "a".into(),
                fork: None,
                commit: "1".into(),
                base: "main".into(),
                state,
                draft: false,
                author: String::new(),
                body: String::new(),
            })
        }
    }

    #[test]
    fn each_change_is_told_once() {
        use ForgeChecks::{Failed, Passed, Running};
        use PullRequestState::{Closed, Merged, Open};
        let id = AgentId::parse("add-tests-k3m9q").expect("an id");
        let running = snapshot(Open, &[("test", Running), ("lint", Passed)], &[]);
        let failed = snapshot(Open, &[("test", Failed), ("lint", Passed)], &["1"]);
        let passed = snapshot(Open, &[("test", Passed), ("lint", Passed)], &["1"]);
        let more = snapshot(Open, &[("test", Passed)], &["1", "2"]);
        let merged = snapshot(Merged, &[], &[]);
        let words = |before: Option<&Snapshot>, now: &Snapshot| {
            between(&id, before, now).iter().map(|one| one.news.as_str()).collect::<Vec<_>>().join(" ")
        };
        for (before, now, expected) in [
            (None, &running, "watched"),
            (None, &failed, "watched check_failed said"),
            (Some(&running), &failed, "check_failed said"),
            (Some(&failed), &failed, ""),
            (Some(&failed), &passed, "checks_passed"),
            (Some(&passed), &more, "said"),
            (Some(&passed), &merged, "merged"),
            (Some(&merged), &merged, ""),
            (None, &snapshot(Closed, &[], &[]), "closed"),
            (Some(&snapshot(Closed, &[], &[])), &running, "reopened"),
        ] {
            assert_eq!(words(before, now), expected, "{:?}", now.checks);
        }
        let again =
            Snapshot { seen: PullRequest { commit: "2".into(), ..failed.seen.clone() }, ..failed.clone() };
        assert_eq!(words(Some(&failed), &again), "check_failed", "it fails on another commit");
    }
}
