//! What a caller gives an operation beside its request: variables, a folder, and a clock.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use jiff::{Timestamp, tz::TimeZone};

use super::{clock::Clock, zone};
use crate::model::AgentId;

/// Set for the program of an agent: the agent's id.
pub const AGENT: &str = "ORCHESTRA_AGENT";
/// Set for the program of an agent: a random value for each attempt, by which its processes are found.
pub const ATTEMPT: &str = "ORCHESTRA_ATTEMPT";

/// The environment in which an operation works: that of this process, or of a caller for whom it acts. It is immutable and cheap to
/// clone; only the clock of a test moves.
#[derive(Clone)]
pub struct Environment(Arc<Values>);

struct Values {
    variables: BTreeMap<OsString, OsString>,
    directory: PathBuf,
    clock: Clock,
    /// Whether the variables are those of this process, which its children inherit anyway.
    is_inherited: bool,
    /// The repositories of other users that git accepted: [`Environment::safe_directories`].
    safe: Mutex<Vec<PathBuf>>,
}

impl Environment {
    /// Reads the environment of this process, its current folder, and the system's clock. Each program calls it once, when it starts.
    #[expect(clippy::disallowed_methods, reason = "the environment of the process is read here")]
    pub fn of_this_process() -> Self {
        let current = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        Self::of(std::env::vars_os().collect(), current, Clock::system(), true)
    }

    /// The environment of another caller: exactly these variables, in this folder. As with [`Environment::of_this_process`], the folder
    /// below it that `GIT_PREFIX` names is the caller's folder.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>, directory: &Path) -> Self {
        Self::of(variables.into_iter().collect(), directory.to_owned(), Clock::system(), false)
    }

    /// Git moves a shell alias to the top of the checkout and leaves the place from which it was called in `GIT_PREFIX`.
    fn of(
        variables: BTreeMap<OsString, OsString>,
        current: PathBuf,
        clock: Clock,
        is_inherited: bool,
    ) -> Self {
        let below = variables.get(OsStr::new("GIT_PREFIX")).filter(|prefix| !prefix.is_empty());
        let directory = match below.map(|prefix| current.join(prefix)) {
            Some(below) if below.is_dir() => below,
            _ => current,
        };
        Self(Arc::new(Values { variables, directory, clock, is_inherited, safe: Mutex::default() }))
    }

    /// The same environment in another folder; a relative one is below the folder of this environment.
    #[must_use]
    pub fn at(&self, directory: impl AsRef<Path>) -> Self {
        self.changed(|values| values.directory = values.directory.join(directory))
    }

    /// The same environment with another clock.
    #[must_use]
    pub fn with_clock(&self, clock: Clock) -> Self {
        self.changed(|values| values.clock = clock)
    }

    /// The same environment with a variable set. Programs that are started for it see that value.
    #[must_use]
    pub fn with(&self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.changed(|values| {
            values.variables.insert(name.into(), value.into());
            values.is_inherited = false;
        })
    }

    /// The same environment without a variable. Programs that are started for it do not see it.
    #[must_use]
    pub fn without(&self, name: impl AsRef<OsStr>) -> Self {
        self.changed(|values| {
            values.variables.remove(name.as_ref());
            values.is_inherited = false;
        })
    }

    fn changed(&self, change: impl FnOnce(&mut Values)) -> Self {
        let mut values = Values {
            variables: self.0.variables.clone(),
            directory: self.0.directory.clone(),
            clock: self.0.clock.clone(),
            is_inherited: self.0.is_inherited,
            safe: Mutex::default(),
        };
        change(&mut values);
        Self(Arc::new(values))
    }

    /// The value of a variable, absent when it is empty.
    pub fn variable(&self, name: &str) -> Option<OsString> {
        self.0.variables.get(OsStr::new(name)).filter(|value| !value.is_empty()).cloned()
    }

    /// As [`Environment::variable`], for a value that must be text.
    pub fn text_variable(&self, name: &str) -> Option<String> {
        self.variable(name)?.into_string().ok()
    }

    /// All variables whose name and value are text, in the order of their names, empty ones included.
    pub fn text_variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
    }

    /// The variables for a child process, where it would not inherit them.
    pub fn not_inherited(&self) -> Option<impl Iterator<Item = (&OsStr, &OsStr)>> {
        let all = self.0.variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()));
        (!self.0.is_inherited).then_some(all)
    }

    /// Whether the variables are those of this process.
    pub fn is_inherited(&self) -> bool {
        self.0.is_inherited
    }

    /// The caller's folder.
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }

    /// The caller's home folder, by `HOME`.
    pub fn home(&self) -> Option<PathBuf> {
        self.variable("HOME").map(PathBuf::from)
    }

    /// The clock of the caller.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Returns the time of the clock, as [`Clock::now`].
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The caller's time zone: `TZ`, else the machine's, else UTC.
    pub fn time_zone(&self) -> TimeZone {
        zone::of(self.text_variable("TZ").as_deref())
    }

    /// The agent whose program is the caller, directly or not.
    pub fn agent(&self) -> Option<AgentId> {
        AgentId::parse(&self.text_variable(AGENT)?).ok()
    }

    /// Whether the caller is the program of an agent, whichever one.
    pub fn is_agent(&self) -> bool {
        self.variable(ATTEMPT).is_some()
    }

    /// The folders of repositories of other users that git accepted for this environment, for the git processes that are started for
    /// it: what was said on the command line of ours (`git -c safe.directory=…`) does not reach them.
    pub fn safe_directories(&self) -> Vec<PathBuf> {
        self.0.safe.lock().map(|all| all.clone()).unwrap_or_default()
    }

    /// Adds to [`Environment::safe_directories`].
    pub fn add_safe_directories(&self, directories: impl IntoIterator<Item = PathBuf>) {
        if let Ok(mut all) = self.0.safe.lock() {
            for directory in directories {
                if !all.contains(&directory) {
                    all.push(directory);
                }
            }
        }
    }
}

/// Shows no variable: their values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("directory", &self.0.directory)
            .field("clock", &self.0.clock)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Environment::new(variables, Path::new("/"))
    }

    #[test]
    fn an_empty_variable_is_absent() {
        let here = environment(&[("HOME", ""), ("TZ", "UTC"), (AGENT, "fix-00000"), (ATTEMPT, "a")]);
        assert_eq!(here.home(), None);
        assert_eq!(here.text_variable("TZ").as_deref(), Some("UTC"));
        assert_eq!(here.agent().map(|id| id.to_string()).as_deref(), Some("fix-00000"));
        assert!(here.is_agent() && !here.without(ATTEMPT).is_agent());
        assert_eq!(here.with(AGENT, "../x").agent(), None);
    }

    #[test]
    fn the_folder_follows_an_alias_of_git() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("below")).unwrap();
        let at = |prefix: &str| Environment::new([("GIT_PREFIX".into(), prefix.into())], folder.path());
        assert_eq!(at("below/").directory(), folder.path().join("below/"));
        assert_eq!(at("missing/").directory(), folder.path());
        assert_eq!(at("").at("below").directory(), folder.path().join("below"));
    }

    #[test]
    fn a_changed_environment_is_a_value_of_its_own_and_shows_no_variable() {
        let one = environment(&[("TOKEN", "hidden")]);
        let other = one.with("TOKEN", "other");
        assert_eq!(one.text_variable("TOKEN").as_deref(), Some("hidden"));
        assert_eq!(other.text_variable("TOKEN").as_deref(), Some("other"));
        one.add_safe_directories(["/x".into()]);
        assert!(other.safe_directories().is_empty() && one.safe_directories().len() == 1);
        assert!(!format!("{one:?}").contains("hidden"));
    }
}
