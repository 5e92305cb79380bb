//! A circuit breaker for usage limits, with one file for each account, program and kind of model: while a limit holds, no agent
//! that it applies to is started. When it is over, one agent starts first; once the service has answered it, the others follow at
//! intervals. Accounts differ between machines, so this state is never synced.
//!
//! The time is measured by the uptime of the machine, and the wall clock has to agree: a clock that jumps cannot make an agent
//! start early.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Kind, Result,
    error::ErrorContext,
    git::careful,
    lock::Lock,
    model::{
        duration,
        limit::{Limit, LimitKind, MAX_WAIT},
    },
    private_files,
    store::layout::PrivateDir,
    world::{self, Environment},
};

/// The interval between the agents that follow the first one, in seconds.
const FOLLOW_INTERVAL: i64 = 5;
/// How long after the last of them the limit is forgotten, in seconds.
const FORGET_AFTER: i64 = 60;
/// How long to wait for another process that uses the same file.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// The models that have separate limits.
const MODELS: [&str; 2] = ["opus", "sonnet"];

/// The readings of both clocks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Clocks {
    /// Seconds since 1970.
    pub wall: i64,
    /// The id of this boot of the machine, and the seconds since then.
    pub uptime: Option<(String, u64)>,
}

impl Clocks {
    /// Reads both clocks.
    pub fn read(clock: &world::Clock) -> Self {
        Self { wall: clock.now().as_second(), uptime: clock.uptime() }
    }
}

/// A limit that was reached. Every field of the file names its unit; names without a unit are those of earlier versions.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct HeldLimit {
    /// The kind of limit.
    pub kind: String,
    /// When it ends, in seconds since 1970.
    #[serde(rename = "until_seconds", alias = "until")]
    pub until: i64,
    /// When the first agent may start, some time after the end, in seconds since 1970.
    #[serde(rename = "opens_at_seconds", alias = "opens_at")]
    opens_at: i64,
    /// The same as a duration since the limit was reached.
    #[serde(rename = "wait_seconds", alias = "wait", with = "duration::seconds")]
    wait: Duration,
    /// When it was reached: the boot of the machine, and the seconds since then.
    met: Option<(String, u64)>,
    /// When the last waiting agent was started after the end of the limit, in seconds since 1970; `None` while the limit holds.
    #[serde(rename = "stepped_seconds", alias = "stepped", default)]
    stepped: Option<i64>,
}

impl HeldLimit {
    /// Returns a limit that was reached now and ends at `until`; the first agent may start `later` seconds after that.
    fn new(kind: LimitKind, until: i64, later: i64, now: &Clocks) -> Self {
        let opens_at = until.saturating_add(later);
        let wait = until_then(opens_at, now);
        let kind = kind.as_str().to_owned();
        Self { kind, until, opens_at, wait, met: now.uptime.clone(), stepped: None }
    }

    /// Returns how long until the first agent may start: until neither clock says it is too early. Bounded in any case.
    pub fn left(&self, now: &Clocks) -> Duration {
        if self.stepped.is_some() {
            return Duration::ZERO;
        }
        let most = Duration::from_secs(MAX_WAIT.unsigned_abs());
        let by_wall = until_then(self.opens_at, now);
        match (&self.met, &now.uptime) {
            (Some((then, met)), Some((boot, up))) if then == boot => {
                let elapsed = Duration::from_secs(up.saturating_sub(*met));
                self.wait.saturating_sub(elapsed).max(by_wall).min(most.saturating_sub(elapsed))
            }
            // The machine was rebooted since.
            _ => by_wall.min(most),
        }
    }

    /// Returns the limit as it appears in events and reports.
    pub fn limit(&self) -> Limit {
        let until = world::Timestamp::from_second(self.until).ok();
        Limit { until, ..Limit::of(LimitKind::parse(&self.kind)) }
    }
}

/// Returns the time until a moment in seconds since 1970, by the wall clock alone; zero once it has passed.
fn until_then(then: i64, now: &Clocks) -> Duration {
    Duration::from_secs(u64::try_from(then.saturating_sub(now.wall)).unwrap_or(0))
}

/// Whether an agent may start.
#[derive(Debug)]
pub enum StartDecision {
    /// No limit is known.
    Free,
    /// A limit that it waited for is over, and it is its turn.
    Follows,
    /// It is the first to start after a limit. While it holds this lock, no other agent starts.
    First(Lock),
    /// It has to wait.
    Wait(HeldLimit),
}

/// The permission to start that an agent already has.
#[derive(Debug, Default)]
pub enum StartPermit {
    /// It has no permission yet.
    #[default]
    None,
    /// Its turn came after a limit; see [`StartDecision::Follows`].
    Follows,
    /// It starts first after a limit; see [`StartDecision::First`].
    First(Lock),
    /// The user wants it to start now, despite any limit.
    OnDemand,
}

/// The circuit breaker for one agent.
#[derive(Clone, Debug)]
pub struct Breaker {
    folder: PathBuf,
    profile: String,
    account: String,
    /// The model, as far as it is known.
    model: Option<String>,
}

impl Breaker {
    /// Returns the breaker for an agent of a profile. `login` names the environment variables that select the account.
    pub fn new(
        environment: &Environment,
        private: &PrivateDir,
        profile: &str,
        login: &[&str],
        model: Option<String>,
    ) -> Self {
        let mut digest = Sha256::new();
        digest.update(format!("{profile}\0"));
        // Programs keep their logins in the home folder.
        for name in login.iter().chain(&["HOME"]) {
            let value = environment.variable(name).unwrap_or_default();
            digest.update(format!("{name}={}\0", value.to_string_lossy()));
        }
        let account = faster_hex::hex_string(&digest.finalize()[..8]);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let profile = profile.chars().filter(|c| is_plain(*c)).take(40).collect();
        Self { folder: private.limits(), profile, account, model }
    }

    /// Uses the files of the repository after it was moved.
    pub fn move_to(&mut self, private: &PrivateDir) {
        self.folder = private.limits();
    }

    /// Sets the model that answered, if known.
    pub fn set_model(&mut self, model: Option<String>) {
        self.model = model.or_else(|| self.model.take());
    }

    fn file(&self, class: &str) -> PathBuf {
        self.folder.join(format!("{}-{}-{class}.json", self.profile, self.account))
    }

    /// Returns the file for all models, then the one for this model.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let known = self.model.as_deref().unwrap_or_default();
        let own = MODELS.iter().find(|model| known.contains(*model));
        std::iter::once("all").chain(own.copied()).map(|class| self.file(class))
    }

    /// Records a limit that was reached. Returns the limit that holds now: of two, the one that lasts longer.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn record(&self, kind: LimitKind, until: i64, later: i64, now: &Clocks) -> Result<HeldLimit> {
        let known = self.model.as_deref().unwrap_or_default();
        // The agent must wait for the limit itself. If its model is not known by that name, the limit applies to all models.
        let class = kind.model().filter(|model| known.contains(model)).unwrap_or("all");
        let path = self.file(class);
        let _lock = lock(&path)?;
        let new = HeldLimit::new(kind, until, later, now);
        match read(&path) {
            Some(known) if known.stepped.is_none() && known.left(now) > new.left(now) => Ok(known),
            _ => write(&path, &new).map(|()| new),
        }
    }

    /// Decides whether the agent may start now. If a file cannot be locked, an agent waits as long as it records a limit.
    pub fn decide(&self, permit: &StartPermit, now: &Clocks) -> StartDecision {
        let mut decision = StartDecision::Free;
        if matches!(permit, StartPermit::OnDemand) {
            return decision;
        }
        for path in self.files().filter(|path| path.exists()) {
            match decide_by_file(&path, permit, now) {
                StartDecision::Free => {}
                StartDecision::Wait(held_limit) => return StartDecision::Wait(held_limit),
                // If it is first for two limits, the first decision counts: its success ends both limits.
                other => decision = if matches!(decision, StartDecision::Free) { other } else { decision },
            }
        }
        decision
    }

    /// Ends the limits because the service has answered: agents that wait follow.
    pub fn end_limits(&self, now: &Clocks) {
        for path in self.files().filter(|path| path.exists()) {
            let Ok(_lock) = lock(&path) else { continue };
            if let Some(held_limit) = read(&path).filter(|held_limit| held_limit.stepped.is_none()) {
                // If this fails, another agent starts first and tries again.
                let _ = write(&path, &HeldLimit { stepped: Some(now.wall), ..held_limit });
            }
        }
    }
}

fn decide_by_file(path: &Path, permit: &StartPermit, now: &Clocks) -> StartDecision {
    let Ok(_lock) = lock(path) else { return read(path).map_or(StartDecision::Free, StartDecision::Wait) };
    let Some(held_limit) = read(path) else { return StartDecision::Free };
    let Some(stepped) = held_limit.stepped else {
        return match permit {
            _ if !held_limit.left(now).is_zero() => StartDecision::Wait(held_limit),
            StartPermit::First(_) => StartDecision::Free,
            _ => match Lock::take(&path.with_extension("first"), Duration::ZERO) {
                Ok(Some(first)) => StartDecision::First(first),
                Ok(None) | Err(_) => StartDecision::Wait(held_limit),
            },
        };
    };
    // If the clock was set back, the difference counts as elapsed time.
    let since = now.wall.abs_diff(stepped);
    if matches!(permit, StartPermit::Follows | StartPermit::First(_)) {
        return StartDecision::Free;
    }
    if since >= FORGET_AFTER.unsigned_abs() {
        let _ = fs::remove_file(path);
        return StartDecision::Free;
    }
    if since < FOLLOW_INTERVAL.unsigned_abs() {
        return StartDecision::Wait(held_limit);
    }
    let _ = write(path, &HeldLimit { stepped: Some(now.wall), ..held_limit });
    StartDecision::Follows
}

fn lock(path: &Path) -> Result<Lock> {
    Lock::require(&path.with_extension("lock"), LOCK_TIMEOUT)
}

/// Reads a file. A file that cannot be parsed records no limit.
fn read(path: &Path) -> Option<HeldLimit> {
    serde_json::from_slice(&careful::read(path).ok()?).ok()
}

/// Replaces a file atomically.
fn write(path: &Path, held_limit: &HeldLimit) -> Result<()> {
    let cannot = || format!("cannot write '{}'", path.display());
    let text = serde_json::to_vec(held_limit).context(Kind::Internal, cannot)?;
    private_files::replace(path, text).context(Kind::External, cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall: i64, up: u64) -> Clocks {
        Clocks { wall, uptime: Some(("boot".into(), up)) }
    }

    fn login(home: &str) -> Environment {
        Environment::new([("HOME".into(), home.into())], Path::new("/"))
    }

    #[test]
    fn clock_jumps_never_start_early_or_wait_forever() {
        let held_limit = HeldLimit::new(LimitKind::FiveHour, 5400, 60, &at(0, 100));
        let most = MAX_WAIT.unsigned_abs();
        for (now, left) in [
            (at(0, 100), 5460),
            (at(5000, 5100), 460),
            (at(5460, 5560), 0),
            // The wall clock jumped a day ahead: the uptime counts.
            (at(86_400, 200), 5360),
            // It was an hour ahead when the limit was reached, and was corrected since.
            (at(1860, 5560), 3600),
            // It was set back so far that it is useless.
            (at(-1_000_000_000, 5560), most - 5460),
            (at(-1_000_000_000, 100 + most), 0),
            // After a reboot only the wall clock is left.
            (Clocks { wall: 5000, uptime: Some(("other".into(), 1)) }, 460),
            (Clocks { wall: 9999, uptime: None }, 0),
            (Clocks { wall: i64::MIN, uptime: None }, most),
        ] {
            assert_eq!(held_limit.left(&now).as_secs(), left, "{now:?}");
        }
    }

    #[test]
    fn files_of_earlier_versions_are_read() {
        let old =
            r#"{"kind":"five_hour","until":5400,"opens_at":5460,"wait":5460,"met":["boot",100],"stepped":7}"#;
        let read: HeldLimit = serde_json::from_str(old).unwrap();
        assert_eq!(
            read,
            HeldLimit { stepped: Some(7), ..HeldLimit::new(LimitKind::FiveHour, 5400, 60, &at(0, 100)) }
        );
        let written = serde_json::to_string(&read).unwrap();
        assert!(written.contains("\"wait_seconds\":5460"), "{written}");
        assert_eq!(serde_json::from_str::<HeldLimit>(&written).unwrap(), read);
    }

    #[test]
    fn one_agent_starts_first_and_others_follow_at_intervals() {
        let folder = tempfile::tempdir().unwrap();
        let private = PrivateDir::new(folder.path().to_owned());
        let breaker = Breaker::new(&login("/home/x"), &private, "claude", &[], None);
        assert!(matches!(breaker.decide(&StartPermit::None, &at(0, 0)), StartDecision::Free));
        breaker.record(LimitKind::FiveHour, 100, 30, &at(0, 0)).unwrap();
        assert!(matches!(breaker.decide(&StartPermit::None, &at(129, 129)), StartDecision::Wait(_)));
        assert!(matches!(breaker.decide(&StartPermit::OnDemand, &at(0, 0)), StartDecision::Free));
        // One agent; if it dies, another one.
        let first = breaker.decide(&StartPermit::None, &at(130, 130));
        assert!(matches!(first, StartDecision::First(_)));
        assert!(matches!(breaker.decide(&StartPermit::None, &at(130, 130)), StartDecision::Wait(_)));
        drop(first);
        let StartDecision::First(first) = breaker.decide(&StartPermit::None, &at(131, 131)) else { panic!() };
        let first = StartPermit::First(first);
        assert!(matches!(breaker.decide(&first, &at(131, 131)), StartDecision::Free));
        // The service answers it.
        breaker.end_limits(&at(140, 140));
        drop(first);
        let StartDecision::Wait(held_limit) = breaker.decide(&StartPermit::None, &at(141, 141)) else {
            panic!()
        };
        assert_eq!(held_limit.left(&at(0, 0)), Duration::ZERO, "it is over");
        assert!(matches!(breaker.decide(&StartPermit::None, &at(145, 145)), StartDecision::Follows));
        assert!(matches!(breaker.decide(&StartPermit::None, &at(146, 146)), StartDecision::Wait(_)));
        assert!(matches!(breaker.decide(&StartPermit::Follows, &at(146, 146)), StartDecision::Free));
        assert!(matches!(breaker.decide(&StartPermit::None, &at(150, 150)), StartDecision::Follows));
        assert!(matches!(breaker.decide(&StartPermit::None, &at(210, 210)), StartDecision::Free));
        assert!(!breaker.file("all").exists(), "forgotten");
    }

    #[test]
    fn a_refusal_of_the_first_agent_renews_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let breaker =
            Breaker::new(&login("/home/x"), &PrivateDir::new(folder.path().to_owned()), "claude", &[], None);
        breaker.record(LimitKind::FiveHour, 100, 30, &at(0, 0)).unwrap();
        let StartDecision::First(first) = breaker.decide(&StartPermit::None, &at(130, 130)) else { panic!() };
        let held_limit = breaker.record(LimitKind::FiveHour, 1000, 30, &at(131, 131)).unwrap();
        assert_eq!(held_limit.until, 1000);
        // Another agent was refused at about the same time, with a shorter wait.
        assert_eq!(breaker.record(LimitKind::FiveHour, 200, 30, &at(132, 132)).unwrap().until, 1000);
        let first = StartPermit::First(first);
        for permit in [&StartPermit::None, &StartPermit::Follows, &first] {
            assert!(matches!(breaker.decide(permit, &at(140, 140)), StartDecision::Wait(_)), "{permit:?}");
        }
    }

    #[test]
    fn limits_apply_to_one_account_program_and_model() {
        let folder = tempfile::tempdir().unwrap();
        let private = PrivateDir::new(folder.path().to_owned());
        let here = login("/home/x");
        let of = |profile: &str, login: &[&str], model: Option<&str>| {
            Breaker::new(&here, &private, profile, login, model.map(str::to_owned))
        };
        let waits = |breaker: &Breaker| {
            matches!(breaker.decide(&StartPermit::None, &at(1, 1)), StartDecision::Wait(_))
        };
        let opus = of("claude", &[], Some("claude-opus-5-5"));
        opus.record(LimitKind::SevenDayOpus, 100, 30, &at(0, 0)).unwrap();
        assert!(waits(&of("claude", &[], Some("claude-opus-5-5"))));
        assert!(!waits(&of("claude", &[], Some("claude-sonnet-5-5"))) && !waits(&of("claude", &[], None)));
        let named = of("claude", &[], Some("best"));
        named.record(LimitKind::SevenDayOpus, 100, 30, &at(0, 0)).unwrap();
        assert!(waits(&named), "the agent that records it waits for it");
        assert!(waits(&of("claude", &[], Some("claude-sonnet-5-5"))) && waits(&of("claude", &[], None)));
        assert!(!waits(&of("codex", &[], None)) && !waits(&of("claude", &["PATH"], None)));
        let other_login = Breaker::new(&login("/home/y"), &private, "claude", &[], None);
        assert!(!waits(&other_login), "the limit of another person's account");
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let file = of("claude", &[], None).file("all");
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        // The file name does not reveal the account.
        assert!(!file.to_string_lossy().contains('='));
        fs::write(&file, "{").unwrap();
        assert!(!waits(&of("claude", &[], None)), "a file that cannot be parsed is no limit");
    }
}
