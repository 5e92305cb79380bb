//! The spec of a supervisor: what `spawn` and `resume` write into the agent's private folder, from the user's own settings. At the
//! end it is stored with the output, which is never synced, for a later `resume`.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Kind, Result,
    agents::{COST, Launch, Options},
    error::ErrorContext,
    git::{Repo, careful, repo::Identity},
    model::{
        AgentId, BranchName, ByteSize, CommitId, Cost, SandboxEngine, SandboxLevel, cap::Amounts,
        dependency::OnFailed, duration, request::Pattern,
    },
    private_files,
    store::layout::{self, AgentDir},
    supervise::{below::BelowLimits, preparation::Preparation, spending::Rules},
    worktree::open_worktree::WorktreeIdentity,
    world::Environment,
};

/// What one supervisor is to do.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Spec {
    /// The options for the agent program.
    pub options: Options,
    /// How to start the program.
    pub launch: Launch,
    /// The agent's branch, without `refs/heads/`.
    pub branch: BranchName,
    /// The commit it starts from.
    pub base: CommitId,
    /// The agents that must be done before it starts; with their work, it starts from another commit than `base`.
    #[serde(default)]
    pub after: Vec<AgentId>,
    /// The work of those with which it starts, in their order, once all were done. One that is resumed just then does not change that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after_work: Vec<CommitId>,
    /// What it does when one of those ends without being done.
    #[serde(default)]
    pub on_failed: OnFailed,
    /// The title of the task, for commit messages.
    pub title: String,
    /// The path of its worktree.
    pub worktree: PathBuf,
    /// The committer of its work: the user's identity when it was started, whatever the configuration says later.
    #[serde(default)]
    pub identity: Option<Identity>,
    /// The device and inode of the worktree's folder, once it is created.
    #[serde(default)]
    pub folder: Option<(u64, u64)>,
    /// The name of the stored settings that were in effect when it was started.
    pub frozen: String,
    /// The number of slots it may try: how many agents may run at once.
    pub jobs: u32,
    /// Its limits on time, output and files.
    pub limits: Limits,
    /// Requests and messages up to this Lamport number were for an earlier launch.
    pub since: u64,
    /// Whether it ran before, so that its worktree and branch may contain work.
    pub resumed: bool,
    /// Whether it was at rest, with all of its work saved, before this supervisor.
    #[serde(default)]
    pub rested: bool,
    /// Whether its first launch starts a new conversation.
    pub fresh: bool,
    /// Whether it reviews another agent's work: its verdict counts, not its changes.
    #[serde(default)]
    pub judges: bool,
    /// The name of its program, which is that of its profile unless the profile is a role.
    #[serde(default)]
    pub profile: String,
    /// The role: a profile of the user that runs a known program. Its options are read anew for each attempt, so that what the user
    /// took back does not apply any more.
    #[serde(default)]
    pub role: Option<String>,
    /// The profile that takes over if this one is refused before it did anything.
    #[serde(default)]
    pub fallback: Option<Fallback>,
    /// What the user allowed it for good in earlier attempts.
    #[serde(default)]
    pub always: Vec<Pattern>,
    /// Whether the user wants its first launch now, despite any usage limit.
    #[serde(default)]
    pub despite_limit: bool,
    /// The check that decides whether the agent is done, if there is one.
    #[serde(default)]
    pub until: Option<Until>,
    /// What makes its worktree ready to run.
    #[serde(default)]
    pub preparation: Preparation,
    /// The caps on money and tokens.
    #[serde(default)]
    pub spending: Rules,
    /// The sandbox of its program, its check and its commands.
    #[serde(default)]
    pub sandbox: SandboxLevel,
    /// What enforces that sandbox.
    #[serde(default)]
    pub sandbox_engine: SandboxEngine,
    /// The team whose roles work on the task, if one does.
    #[serde(default)]
    pub team: Option<TeamSpec>,
    /// The user's commands that tell what happens to the agent. They run outside of its sandbox, so what the configuration says later,
    /// which the agent may have changed, does not count.
    #[serde(default)]
    pub notify: Vec<String>,
    /// The limits on the agents that it starts and on its messages; absent in a spec of an earlier version.
    #[serde(default)]
    pub below: Option<BelowLimits>,
}

/// A check that runs when the agent's turn ends, and whose output the agent gets back until it passes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Until {
    /// The shell command, as the user typed it.
    pub command: String,
    /// How many rounds of work and check there may be.
    pub rounds: u32,
    /// How long the check may take.
    #[serde(rename = "limit_seconds", with = "duration::seconds")]
    pub limit: Duration,
    /// Whether the check runs even if it is known to pass.
    #[serde(default)]
    pub recheck: bool,
}

/// A profile that takes over from another one, with everything that is decided before it is started.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fallback {
    /// The name of its program.
    pub profile: String,
    /// The role, if it is one.
    pub role: Option<String>,
    /// How its program is started.
    pub launch: Launch,
    /// Its limits.
    pub limits: Limits,
}

/// How the roles of a team are started, as it was decided before the first one began.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TeamSpec {
    /// The options that were typed, for all roles that write.
    pub typed: Options,
    /// What each role needs, in order.
    pub stages: Vec<Stage>,
}

impl TeamSpec {
    /// Returns whether the role at a place is the last one that writes.
    pub fn is_last_writer(&self, place: usize) -> bool {
        self.stages.iter().rposition(|stage| stage.writes) == Some(place)
    }
}

/// What one role of a team needs to be started.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Stage {
    /// The name of its program.
    pub profile: String,
    /// The name of its profile, if that is another one.
    pub role: Option<String>,
    /// How its program is started.
    pub launch: Launch,
    /// Its limits.
    pub limits: Limits,
    /// The caps on what it uses.
    #[serde(default)]
    pub caps: Amounts,
    /// The options for its program.
    pub options: Options,
    /// The text that is put before the task.
    pub prompt: Option<String>,
    /// Whether it may change files.
    pub writes: bool,
    /// Whether the changes are put into its prompt, because it cannot look at the history.
    pub shows_changes: bool,
    /// The profile that takes over if this one is refused before it did anything.
    #[serde(default)]
    pub fallback: Option<Fallback>,
}

impl Stage {
    /// Lets the fallback work in its place, if it runs this program.
    #[must_use]
    pub fn run_by(mut self, program: &str) -> Self {
        let is_other = self.profile != program;
        if let Some(Fallback { profile, role, launch, limits }) =
            self.fallback.take_if(|fallback| is_other && fallback.profile == program)
        {
            let launch = launch.beside(Some(&self.launch));
            (self.profile, self.role, self.launch, self.limits) = (profile, role, launch, limits);
            self.options.model = None;
        }
        self
    }

    /// Returns the name of its profile.
    pub fn name(&self) -> &str {
        self.role.as_ref().unwrap_or(&self.profile)
    }
}

/// The limits of an agent. Every field of the file names its unit; names without a unit are those of earlier versions.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Limits {
    /// The time limit of all attempts together.
    #[serde(rename = "max_time_seconds", alias = "max_time", with = "duration::seconds")]
    pub max_time: Duration,
    /// How long it may be idle; `None` for no limit, stored as 0.
    #[serde(rename = "idle_timeout_seconds", alias = "idle", with = "duration::seconds_or_zero")]
    pub idle_timeout: Option<Duration>,
    /// How often it is resumed after a transient failure.
    pub retries: u32,
    /// The wait before the first retry.
    #[serde(rename = "retry_delay_seconds", alias = "retry_delay", with = "duration::seconds")]
    pub retry_delay: Duration,
    /// How long it may clean up when it is stopped.
    #[serde(rename = "grace_seconds", alias = "grace", with = "duration::seconds")]
    pub grace: Duration,
    /// The maximum output of an attempt.
    #[serde(rename = "max_output_bytes", alias = "max_output")]
    pub max_output: ByteSize,
    /// The largest file to capture.
    #[serde(rename = "max_file_bytes", alias = "max_file")]
    pub max_file: ByteSize,
    /// The interval of automatic syncs; `None` for never, stored as 0.
    #[serde(
        rename = "sync_every_seconds",
        alias = "sync_every",
        with = "duration::seconds_or_zero",
        default
    )]
    pub sync_every: Option<Duration>,
    /// The longest time it waits for the end of a usage limit.
    #[serde(
        rename = "limit_wait_seconds",
        alias = "limit_wait",
        with = "duration::seconds",
        default = "six_hours"
    )]
    pub limit_wait: Duration,
    /// After how many turns and tool calls in a row without a changed file it is shown as stuck; 0 for never.
    #[serde(default)]
    pub stuck_turns: u64,
}

/// Returns the value of specs that were written before `limit_wait` existed.
const fn six_hours() -> Duration {
    Duration::from_secs(6 * 3600)
}

/// The longest wait before a retry.
const LONGEST_RETRY_DELAY: Duration = Duration::from_secs(3600);

impl Spec {
    /// Returns the path and identity of the worktree.
    pub fn worktree_identity(&self) -> WorktreeIdentity<'_> {
        WorktreeIdentity { path: Some(&self.worktree), identity: self.folder }
    }

    /// Returns whether it is about the program of this profile: another one may have taken over after it was written.
    pub fn is_about(&self, profile: &str) -> bool {
        self.profile.is_empty() || self.profile == profile
    }

    /// Returns an environment with the variables that are set for the program.
    pub fn program_environment(&self, environment: &Environment, id: &AgentId) -> Environment {
        self.launch.variables(id).fold(environment.clone(), |all, (name, value)| all.with(name, value))
    }

    /// Lets the fallback take over. A model that was typed was meant for the other program.
    pub fn fall_back(&mut self) {
        if let Some(Fallback { profile, role, launch, limits }) = self.fallback.take() {
            let launch = launch.beside(Some(&self.launch));
            (self.profile, self.role, self.launch, self.limits) = (profile, role, launch, limits);
            self.options.model = None;
        }
    }

    /// Prepares the launch of the role at a place of the team, if there is one.
    pub fn take_stage(&mut self, place: usize) {
        let stage = self.team.as_ref().and_then(|team| team.stages.get(place)).cloned();
        if let Some(Stage { profile, role, launch, limits, caps, options, writes, fallback, .. }) = stage {
            self.spending.caps.role = caps;
            let launch = launch.beside(Some(&self.launch));
            (self.profile, self.role, self.launch) = (profile, role, launch);
            (self.limits, self.options, self.judges, self.fallback) = (limits, options, !writes, fallback);
        }
    }

    /// Returns the arguments that let the program stop by itself once its session has cost this, unless its budget is smaller.
    pub fn cost_arguments(&self, most: Cost) -> impl Iterator<Item = String> {
        let is_less = self.options.budget_micros.is_none_or(|budget| most.micros() < budget);
        // A program may take 0 for no limit.
        let most = Cost::from_micros(most.micros().max(1));
        self.launch.cost_args.iter().filter(move |_| is_less).map(move |arg| arg.replace(COST, &most.text()))
    }

    /// Returns the permission rules of the program that the user allowed for good.
    pub fn rules(&self) -> impl Iterator<Item = &String> {
        self.always.iter().flat_map(|pattern| match pattern {
            Pattern::Rules(rules) => rules.as_slice(),
            Pattern::Exact { .. } => &[],
        })
    }

    /// Reads the spec from the agent's private folder.
    ///
    /// # Errors
    /// The file does not exist or cannot be parsed.
    pub fn read(dir: &AgentDir) -> Result<Self> {
        let path = dir.spec();
        let cannot = || format!("cannot read '{}'", path.display());
        let text = careful::read(&path).context(Kind::Internal, cannot)?;
        serde_json::from_slice(&text).context(Kind::Internal, cannot)
    }

    /// Returns the spec of the last supervisor, from the private folder or stored with the output. `None` if this clone has none
    /// that it can parse.
    pub fn last(repo: &Repo, id: &AgentId, dir: &AgentDir) -> Option<Self> {
        if let Ok(live) = Self::read(dir) {
            return Some(live);
        }
        let kept = repo.find_ref(&layout::log_ref(id)).ok()??;
        serde_json::from_slice(&repo.read_blob_of(kept, layout::SPEC).ok()??).ok()
    }

    /// Writes the spec into the agent's private folder, atomically: other commands read it while a supervisor starts.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub fn write(&self, dir: &AgentDir) -> Result<()> {
        let path = dir.spec();
        let cannot = || format!("cannot write '{}'", path.display());
        let text = serde_json::to_vec(self).context(Kind::Internal, cannot)?;
        private_files::replace(&path, text).context(Kind::External, cannot)
    }
}

impl Limits {
    /// Returns the wait before the `n`th retry, counted from 1.
    pub fn retry_delay(&self, n: u32) -> Duration {
        self.retry_delay.saturating_mul(1 << (n.clamp(1, 17) - 1)).min(LONGEST_RETRY_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> Limits {
        Limits {
            max_time: SECOND,
            idle_timeout: None,
            retries: 9,
            retry_delay: 5 * SECOND,
            grace: SECOND,
            max_output: ByteSize::bytes(1),
            max_file: ByteSize::bytes(1),
            sync_every: Some(60 * SECOND),
            limit_wait: SECOND,
            stuck_turns: 0,
        }
    }

    #[test]
    fn the_wait_doubles_up_to_an_hour() {
        let waits: Vec<u64> = [1, 2, 3, 40].iter().map(|n| limits().retry_delay(*n).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 3600]);
    }

    #[test]
    fn stored_limits_name_their_units() {
        let written = serde_json::to_value(limits()).expect("JSON");
        let expected = serde_json::json!({
            "max_time_seconds": 1, "idle_timeout_seconds": 0, "retries": 9, "retry_delay_seconds": 5, "grace_seconds": 1,
            "max_output_bytes": 1, "max_file_bytes": 1, "sync_every_seconds": 60, "limit_wait_seconds": 1,
            "stuck_turns": 0,
        });
        assert_eq!(written, expected);
        assert_eq!(serde_json::from_value::<Limits>(written).expect("limits"), limits());
    }

    #[test]
    fn specs_of_earlier_versions_are_read() {
        let old = r#"{"max_time":3600,"idle":300,"retries":2,"retry_delay":5,"grace":5,"max_output":1024,"max_file":2048}"#;
        let read: Limits = serde_json::from_str(old).expect("limits");
        assert_eq!((read.max_time, read.idle_timeout), (3600 * SECOND, Some(300 * SECOND)));
        assert_eq!((read.retry_delay, read.grace), (5 * SECOND, 5 * SECOND));
        assert_eq!((read.max_output, read.max_file), (ByteSize::bytes(1024), ByteSize::bytes(2048)));
        assert_eq!((read.sync_every, read.limit_wait), (None, 6 * 3600 * SECOND));
        let newer = old.replace("\"grace\"", "\"sync_every\":60,\"limit_wait\":7,\"grace\"");
        let read: Limits = serde_json::from_str(&newer).expect("limits");
        assert_eq!((read.sync_every, read.limit_wait), (Some(60 * SECOND), 7 * SECOND));
    }
}
