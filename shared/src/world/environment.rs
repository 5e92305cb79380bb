//! The environment of a caller: its variables, its current folder, and its clock.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
};

use jiff::{Timestamp, tz::TimeZone};

use super::{
    agent_settings,
    ancestors::{self, SupervisorAbove},
    clock::Clock,
    zone,
};
use crate::model::{AgentId, via::Via};

/// The variable that holds an agent's id, set for the agent's program.
pub const AGENT: &str = "ORCHESTRA_AGENT";
/// The variable that holds a random value for each attempt, set for the agent's program so that its processes can be found.
pub const ATTEMPT: &str = "ORCHESTRA_ATTEMPT";

/// The environment in which an operation works: that of this process, or that of another caller. It is cheap to clone, and its
/// variables and folder never change; [`Environment::with`] and similar functions return another value.
#[derive(Clone)]
pub struct Environment(Arc<Values>);

struct Values {
    variables: BTreeMap<OsString, OsString>,
    directory: PathBuf,
    clock: Clock,
    /// Whether the variables are those of this process, which child processes inherit without further action.
    is_inherited: bool,
    /// Through what the caller acts, if not by typed commands.
    via: Option<Via>,
    /// The process of the caller, if it is this one.
    process: Option<i32>,
    /// What [`Environment::supervisors_above`] returns, once it was asked for.
    above: Arc<OnceLock<Vec<SupervisorAbove>>>,
    /// The folders that [`Environment::safe_directories`] returns.
    safe: Mutex<Vec<PathBuf>>,
}

impl Environment {
    /// Returns the variables and the current folder of this process, with the clock of the system. Each program calls it once,
    /// when it starts.
    #[expect(clippy::disallowed_methods, reason = "the environment of the process is read here")]
    pub fn of_this_process() -> Self {
        let current = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        Self::of(std::env::vars_os().collect(), current, Clock::system(), true).with_settings_of_person()
    }

    /// Returns the same environment with the settings of git as the variables of the person gave them, if the program of an agent calls:
    /// its own variables could raise its limits or name commands.
    fn with_settings_of_person(self) -> Self {
        if !self.0.variables.keys().any(|name| agent_settings::is_setting(name)) {
            return self;
        }
        // The one that is nearest to the person.
        let of_person = self.supervisors_above().last().map(|above| above.variables());
        match agent_settings::replaced(&self.0.variables, of_person.as_ref(), self.is_agent()) {
            Some(variables) => self.changed(|values| {
                values.variables = variables;
                values.is_inherited = false;
            }),
            None => self,
        }
    }

    /// Returns the environment of another caller, with only these variables, in this folder. As in
    /// [`Environment::of_this_process`], the caller's folder is the one below it that `GIT_PREFIX` names, if that is set.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>, directory: &Path) -> Self {
        Self::of(variables.into_iter().collect(), directory.to_owned(), Clock::system(), false)
    }

    /// Returns an environment in `current`, or in the folder below it that `GIT_PREFIX` names: git runs a shell alias at the top
    /// of the checkout, and stores the folder from which it was called in that variable.
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
        Self(Arc::new(Values {
            variables,
            directory,
            clock,
            is_inherited,
            via: None,
            process: is_inherited.then(|| rustix::process::getpid().as_raw_nonzero().get()),
            above: Arc::default(),
            safe: Mutex::default(),
        }))
    }

    /// Returns the same environment in another folder. A relative path is relative to the folder of this environment.
    #[must_use]
    pub fn at(&self, directory: impl AsRef<Path>) -> Self {
        self.changed(|values| values.directory = values.directory.join(directory))
    }

    /// Returns the same environment with another clock.
    #[must_use]
    pub fn with_clock(&self, clock: Clock) -> Self {
        self.changed(|values| values.clock = clock)
    }

    /// Returns the same environment for a caller who does not type commands. What is recorded says so.
    #[must_use]
    pub fn through(&self, via: Via) -> Self {
        self.changed(|values| values.via = Some(via))
    }

    /// Returns the same environment with a variable set, also for the programs that are started in it.
    #[must_use]
    pub fn with(&self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.changed(|values| {
            values.variables.insert(name.into(), value.into());
            values.is_inherited = false;
        })
    }

    /// Returns the same environment without a variable, also for the programs that are started in it.
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
            via: self.0.via,
            process: self.0.process,
            above: Arc::clone(&self.0.above),
            safe: Mutex::default(),
        };
        change(&mut values);
        Self(Arc::new(values))
    }

    /// Returns the value of a variable. `None` if it is not set or empty.
    pub fn variable(&self, name: &str) -> Option<OsString> {
        self.0.variables.get(OsStr::new(name)).filter(|value| !value.is_empty()).cloned()
    }

    /// Returns the value of a variable if it is valid UTF-8; see [`Environment::variable`].
    pub fn text_variable(&self, name: &str) -> Option<String> {
        self.variable(name)?.into_string().ok()
    }

    /// Returns all variables whose name and value are valid UTF-8, including empty ones, sorted by name.
    pub fn text_variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
    }

    /// Returns all variables, including empty ones, sorted by name.
    pub fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// Returns the variables to set for a child process. `None` if it inherits them.
    pub fn not_inherited(&self) -> Option<impl Iterator<Item = (&OsStr, &OsStr)>> {
        (!self.0.is_inherited).then_some(self.variables())
    }

    /// Returns the window through which a person calls; `None` for a terminal, and for programs.
    pub fn via(&self) -> Option<Via> {
        self.0.via
    }

    /// Returns whether the variables are those of this process.
    pub fn is_inherited(&self) -> bool {
        self.0.is_inherited
    }

    /// Returns the caller's folder.
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }

    /// Returns the caller's home folder, from `HOME`.
    pub fn home(&self) -> Option<PathBuf> {
        self.variable("HOME").map(PathBuf::from)
    }

    /// Returns the clock of the caller.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Returns the time of the caller's clock; see [`Clock::now`].
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Returns the caller's time zone: that of `TZ`, else that of the machine, else UTC.
    pub fn time_zone(&self) -> TimeZone {
        zone::of(self.text_variable("TZ").as_deref())
    }

    /// Returns the agent whose program is the caller, or started it directly or indirectly, as its variables say.
    pub fn agent(&self) -> Option<AgentId> {
        AgentId::parse(&self.text_variable(AGENT)?).ok()
    }

    /// Returns the supervisors that started the caller, directly or indirectly, the nearest first, whatever its variables say. None if
    /// the caller is not this process, and where the system does not show processes. Read once, in less than a millisecond.
    pub fn supervisors_above(&self) -> &[SupervisorAbove] {
        self.0.above.get_or_init(|| self.0.process.map(ancestors::supervisors_above).unwrap_or_default())
    }

    /// Returns whether the caller's variables say that it is the program of any agent, or was started by one. They may be wrong: what an
    /// agent must not do asks the repository whether an agent calls.
    pub fn is_agent(&self) -> bool {
        self.variable(ATTEMPT).is_some()
    }

    /// Returns the folders of repositories of other users that git accepted in this environment. The git processes that are
    /// started in it need the list, because a setting on our own command line (`git -c safe.directory=…`) does not reach them.
    pub fn safe_directories(&self) -> Vec<PathBuf> {
        self.0.safe.lock().map(|all| all.clone()).unwrap_or_default()
    }

    /// Adds folders to [`Environment::safe_directories`]. Clones of this environment share the list.
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

/// Omits the variables, because their values may be secrets.
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
    fn a_change_returns_another_value_and_debug_output_omits_variables() {
        let one = environment(&[("TOKEN", "hidden")]);
        let other = one.with("TOKEN", "other");
        assert_eq!(one.text_variable("TOKEN").as_deref(), Some("hidden"));
        assert_eq!(other.text_variable("TOKEN").as_deref(), Some("other"));
        one.add_safe_directories(["/x".into()]);
        assert!(other.safe_directories().is_empty() && one.safe_directories().len() == 1);
        assert!(!format!("{one:?}").contains("hidden"));
    }
}
