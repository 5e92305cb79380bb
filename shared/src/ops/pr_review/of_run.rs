//! The pull requests of a run: those that its agents published on the forge of the remote.

use std::collections::BTreeMap;

use super::{
    PullRequests,
    report::{RunReport, RunReview},
};
use crate::{
    Code, Error, Result,
    forge::PullRequestState,
    model::{AgentId, RunKey, text},
    run,
    store::Listing,
};

/// The agents that published the pull requests of a run, by the place of the task and the number.
type Published = BTreeMap<(usize, u64), AgentId>;

impl PullRequests<'_> {
    /// Finds the pull requests that the agents of a run published here: of the run with this id, or a unique beginning of it, else of
    /// the newest run that published any.
    ///
    /// # Errors
    /// There is no such run, or several (3).
    pub fn of_run(&self, named: Option<&str>) -> Result<RunReport> {
        let mut runs = self.published_by_runs()?;
        let begins = |key: &RunKey| named.is_none_or(|named| key.as_str().starts_with(named));
        let exact = named.and_then(|named| runs.keys().find(|key| key.as_str() == named).cloned());
        let all: Vec<RunKey> = runs.keys().filter(|key| begins(key)).cloned().collect();
        let key = match (exact, named, all.as_slice()) {
            (Some(key), ..) => key,
            (None, Some(named), [_, _, ..]) => {
                let shown: Vec<&str> = all.iter().take(5).map(RunKey::as_str).collect();
                let what = format!("'{}' is ambiguous: {} runs", text::safe(named), all.len());
                return Err(Error::new(Code::RunUnknown, what).hint(shown.join(", ")));
            }
            // Ids begin with the time.
            (None, _, [.., newest]) => newest.clone(),
            (None, _, []) => return Err(self.no_run(named)),
        };
        let of_run = runs.remove(&key).unwrap_or_default();
        let one = |((_, number), agent)| RunReview { number, agent, state: None, report: None, error: None };
        Ok(RunReport { run: key.to_string(), reviews: of_run.into_iter().map(one).collect() })
    }

    /// Returns the pull requests of each run.
    fn published_by_runs(&self) -> Result<BTreeMap<RunKey, Published>> {
        let place = &self.forge.repo;
        let listing = Listing::read(self.repo)?;
        let mut runs: BTreeMap<RunKey, Published> = BTreeMap::new();
        let is_published = |row: &&_| listing.trailer(row, "Pull-Request").is_some();
        for row in listing.rows.iter().filter(is_published) {
            let agent = listing.agent(self.repo, row)?;
            let Some(published) = &agent.published else { continue };
            if published.host != place.host || published.repo != place.path {
                continue;
            }
            for (key, task) in agent.tags.iter().filter_map(|tag| run::task_of_tag(tag.as_str())) {
                runs.entry(key).or_default().insert((task, published.number), row.id.clone());
            }
        }
        Ok(runs)
    }

    fn no_run(&self, named: Option<&str>) -> Error {
        let what = match named {
            Some(named) => {
                format!("no run '{}' has a pull request on {}", text::safe(named), self.forge.repo)
            }
            None => format!("no run has a pull request on {}", self.forge.repo),
        };
        Error::new(Code::RunUnknown, what).hint("git orchestra run PLAN --pr publishes each task as one")
    }

    /// Returns the state of a pull request on the forge.
    ///
    /// # Errors
    /// The forge refuses.
    pub fn state_of(&self, number: u64) -> Result<PullRequestState> {
        Ok(self.forge.get(number)?.state)
    }
}
