//! Who calls: a person, or the program of an agent. An agent starts and directs only agents below it, and none that may do more than it.

mod more;

use std::borrow::Cow;

use self::more::Left;
use crate::{
    Code, Error, Kind, Result,
    config::{
        Config,
        keys::{MAX_CHILDREN, MAX_DEPTH},
    },
    context::Context,
    error::ErrorContext as _,
    git::Repo,
    lock::Lock,
    model::{AgentId, Permission, text},
    ops::settings::Settings,
    private_files,
    store::{self, Listing, layout::PrivateDir, lineage},
    supervise::{
        attachment,
        below::BelowLimits,
        notices,
        processes::{NONCE, Processes},
        spec::Spec,
        tree::ProcessId,
    },
    world::ancestors::SupervisorAbove,
};

/// What the caller may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum May {
    /// It is a person, or an agent that may do everything or has no permission modes: the configuration decides.
    Anything,
    /// It is the program of an agent with this permission.
    UpTo(Permission),
    /// It is the program of an agent that is not known here.
    Unknown,
}

/// Who calls.
#[derive(Debug)]
pub(super) struct Caller {
    /// The agent whose program calls.
    id: Option<AgentId>,
    may: May,
    /// The agent that it names, although it is not that one.
    not: Option<AgentId>,
}

/// Who calls, by the processes and the variables together.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Identity {
    Person,
    Agent(AgentId),
    /// The program of an agent, `None` if it is not known of which one, that names another one.
    Other {
        is: Option<AgentId>,
        named: AgentId,
    },
    /// The program of an agent of which nothing is known.
    Unknown,
}

impl Identity {
    /// Decides who calls. Two witnesses count: a supervisor above the caller, which no program can choose; and, where none is seen (the
    /// supervisor died, or a sandbox hides processes), the agent that the variables name, if they have the value that only its program
    /// was given. A folder proves nothing: a person may work in the worktree of an agent.
    fn of(
        above: Option<AgentId>,
        named: Option<AgentId>,
        has_mark: bool,
        is_proven: impl FnOnce(&AgentId) -> bool,
    ) -> Self {
        match (above, named) {
            (Some(is), Some(named)) if is != named => Self::Other { is: Some(is), named },
            (Some(is), _) => Self::Agent(is),
            // The variable alone is what commands of notices get, and shells of people who attach.
            (None, _) if !has_mark => Self::Person,
            (None, None) => Self::Unknown,
            (None, Some(named)) if is_proven(&named) => Self::Agent(named),
            (None, Some(named)) => Self::Other { is: None, named },
        }
    }
}

impl Caller {
    /// Finds out who calls.
    pub(super) fn of(repo: &Repo) -> Self {
        let environment = repo.environment();
        let found = Identity::of(agent_above(repo), environment.agent(), environment.is_agent(), |id| {
            is_started_as(repo, id)
        });
        let (id, not) = match found {
            Identity::Person => return Self { id: None, may: May::Anything, not: None },
            Identity::Unknown => (None, None),
            Identity::Agent(id) => (Some(id), None),
            Identity::Other { is, named } => (is, Some(named)),
        };
        let agent = id.as_ref().filter(|_| not.is_none()).and_then(|id| store::agent(repo, id).ok());
        let may = match agent.map(|agent| agent.permission.as_deref().map(Permission::parse)) {
            None | Some(Some(None)) => May::Unknown,
            Some(None | Some(Some(Permission::BypassPermissions))) => May::Anything,
            Some(Some(Some(permission))) => May::UpTo(permission),
        };
        Self { id, may, not }
    }

    /// Returns the agent whose program calls, which is known.
    ///
    /// # Errors
    /// It names another agent, or is none of this repository (3).
    pub(super) fn require_agent(&self) -> Result<&AgentId> {
        self.check_name()?;
        self.id.as_ref().ok_or_else(|| Error::new(Code::NotForAgents, "it is not known which agent calls"))
    }

    /// Returns settings with which an agent may do no more than the caller. Those of a reviewing agent are `composed`, and typed by nobody.
    ///
    /// # Errors
    /// Something was typed that gives an agent more than the caller has, or the caller is not known here (3).
    pub(super) fn limit<'a>(
        &self,
        repo: &Repo,
        typed: &'a Settings,
        composed: bool,
    ) -> Result<Cow<'a, Settings>> {
        let limit = match (self.may, &self.id) {
            (May::Anything, None) => return Ok(Cow::Borrowed(typed)),
            (May::Anything, Some(_)) => None,
            (May::UpTo(limit), Some(_)) => Some(limit),
            (May::UpTo(_) | May::Unknown, _) => {
                self.check_name()?;
                return Err(Error::new(
                    Code::NotForAgents,
                    "the agent that calls is not one of this repository, so it starts none here",
                )
                .hint("git orchestra spawn, in a shell of your own"));
            }
        };
        let own = self.id.as_ref().zip(self.spec(repo));
        let mut limited = typed.clone();
        if let Some(limit) = limit {
            let own = own.as_ref().map(|(_, own)| own);
            if !composed {
                more::refuse_more(own, typed)?;
            }
            limited.options.at_most = Some(limit);
            // What it may not do in this task, nobody below it may.
            limited.options.deny.extend(own.map(|own| own.options.deny.clone()).unwrap_or_default());
            limited.options.deny.dedup();
        }
        if let Some((id, own)) = &own {
            let left = Left::of(repo, id, own)?;
            left.refuse(typed)?;
            left.lower(&mut limited);
        }
        Ok(Cow::Owned(limited))
    }

    /// Returns the limits on what the caller starts and sends: for an agent those that a person had configured when it was started.
    ///
    /// # Errors
    /// A value in the configuration is invalid (3).
    pub(super) fn limits(&self, repo: &Repo, config: &Config<'_>) -> Result<BelowLimits> {
        self.spec(repo).and_then(|spec| spec.below).map_or_else(|| BelowLimits::of(config), Ok)
    }

    /// Returns the commands that tell what happens to the agents that the caller starts. They run outside of any sandbox, so those of an
    /// agent have the commands of that agent, whatever its own call says.
    pub(super) fn notify(&self, repo: &Repo, config: &Config<'_>) -> Vec<String> {
        self.spec(repo).map_or_else(|| notices::commands(config), |spec| spec.notify)
    }

    /// Reads what the supervisor of the calling agent does, if one calls.
    fn spec(&self, repo: &Repo) -> Option<Spec> {
        let private = PrivateDir::new(repo.private_dir().ok()?);
        Spec::read(&private.agent(self.id.as_ref()?)).ok()
    }

    /// Checks that the caller may start this many more agents.
    ///
    /// # Errors
    /// Too many agents would be in a row, or come from one agent (3).
    pub(super) fn check_number(&self, repo: &Repo, config: &Config<'_>, more: usize) -> Result<()> {
        let Some(id) = &self.id else { return Ok(()) };
        let listing = Listing::read(repo)?;
        let row = lineage::ancestry(&listing, id);
        let limits = self.limits(repo, config)?;
        let (depth, most) = (row.len() + 1, limits.max_depth);
        if depth > most as usize {
            let what = format!(
                "agent '{id}' is the last of {} that started each other; git config '{}' is {most}",
                row.len(),
                MAX_DEPTH.name()
            );
            return Err(
                Error::refused(what).hint("git orchestra inbox tell --kind question '…' asks for help")
            );
        }
        let Some(first) = row.last() else { return Ok(()) };
        let open = lineage::open_descendants(repo, &listing, first).len();
        let most = limits.max_children;
        if open + more > most as usize {
            let what = format!(
                "{} that come from '{first}' have not ended, and {more} more are too many; git config '{}' is {most}",
                text::count(open as u64, "agent"),
                MAX_CHILDREN.name()
            );
            return Err(
                Error::refused(what).hint("git orchestra status --wait waits for those of this agent")
            );
        }
        Ok(())
    }

    /// As [`Self::check_number`], and keeps other agents from starting any until the lock is released.
    ///
    /// # Errors
    /// As there, or another agent starts some all the time.
    pub(super) fn reserve(
        &self,
        context: &Context,
        repo: &Repo,
        config: &Config<'_>,
        more: usize,
    ) -> Result<Option<Lock>> {
        let Some(id) = &self.id else { return Ok(None) };
        let private = PrivateDir::new(repo.private_dir()?);
        let path = private.children_lock();
        let lock = Lock::require(&path, context.at_most(context.limits().new_agent_lock))?;
        self.check_number(repo, config, more)?;
        // From now on its supervisor counts what the agents below it use.
        let has_children = private.agent(id).has_children();
        private_files::replace(&has_children, "")
            .context(Kind::External, || format!("cannot write '{}'", has_children.display()))?;
        Ok(Some(lock))
    }

    /// Checks that an agent that may not do everything directs only agents that it started, directly or indirectly.
    ///
    /// # Errors
    /// It is another one (3).
    pub(super) fn check_directs(&self, repo: &Repo, ids: &[AgentId]) -> Result<()> {
        if self.may == May::Anything { Ok(()) } else { self.check_started(repo, ids) }
    }

    /// Checks that an agent, whatever it may do, started these agents, directly or indirectly.
    ///
    /// # Errors
    /// It did not (3).
    pub(super) fn check_started(&self, repo: &Repo, ids: &[AgentId]) -> Result<()> {
        if self.id.is_none() && self.may == May::Anything {
            return Ok(());
        }
        let caller = self.require_agent()?;
        let listing = Listing::read(repo)?;
        let is_below = |id: &AgentId| id != caller && lineage::ancestry(&listing, id).contains(caller);
        match ids.iter().find(|id| !is_below(id)) {
            None => Ok(()),
            Some(id) => Err(Error::new(
                Code::NotForAgents,
                format!("agent '{caller}' did not start agent '{id}', so it cannot direct it"),
            )
            .hint("git orchestra inbox tell 'what people should know'")),
        }
    }

    /// Checks that the caller is not an agent with limits, for what changes more than the agents below it.
    ///
    /// # Errors
    /// It is one (3).
    pub(super) fn check_unlimited(&self, what: &str) -> Result<()> {
        match self.may {
            May::Anything => Ok(()),
            May::UpTo(_) | May::Unknown => {
                self.check_name()?;
                Err(Error::new(Code::NotForAgents, format!("an agent with limits cannot {what}"))
                    .hint("git orchestra inbox tell 'what people should do'"))
            }
        }
    }

    /// Fails if the caller names another agent than the one whose program it is.
    fn check_name(&self) -> Result<()> {
        self.not.as_ref().map_or(Ok(()), |named| Err(not_that_agent(named, self.id.as_ref())))
    }

    /// Returns the agent whose program calls.
    pub(super) fn agent(&self) -> Option<&AgentId> {
        self.id.as_ref()
    }

    /// Checks that the caller may answer what agents ask to be allowed.
    ///
    /// # Errors
    /// It is an agent that may not do everything itself (3).
    pub(super) fn check_allows(&self) -> Result<()> {
        match self.may {
            May::Anything => Ok(()),
            May::UpTo(_) | May::Unknown => Err(Error::new(
                Code::NotForAgents,
                "an agent cannot allow another one what it would have to ask for itself",
            )
            .hint("git orchestra inbox, in a shell of your own, shows what agents wait for")),
        }
    }
}

/// Returns the agent whose supervisor is above the caller: the nearest one that recorded itself, so that no program that only calls
/// itself a supervisor counts. Without any record, the nearest one.
fn agent_above(repo: &Repo) -> Option<AgentId> {
    let above = repo.supervisors_above();
    let private = PrivateDir::new(repo.private_dir().ok().filter(|_| !above.is_empty())?);
    let is_recorded = |one: &&&SupervisorAbove| {
        let record = Processes::read(&private.agent(&one.agent));
        record.is_some_and(|record| record.supervisor == ProcessId { pid: one.pid, start: one.start })
    };
    above.iter().find(is_recorded).or(above.first()).map(|one| one.agent.clone())
}

/// Returns whether the caller has the value that the program of this agent was given when it was started, or that the program has in the
/// terminal of a person who attached.
fn is_started_as(repo: &Repo, id: &AgentId) -> bool {
    let (Ok(dir), Some(given)) = (repo.private_dir(), repo.environment().text_variable(NONCE)) else {
        return false;
    };
    let private = PrivateDir::new(dir);
    Processes::read(&private.agent(id)).is_some_and(|record| record.nonce == given)
        || attachment::mark_of(&private, id).is_some_and(|mark| mark == given)
}

/// The error for a caller that names an agent whose program it is not.
fn not_that_agent(named: &AgentId, is: Option<&AgentId>) -> Error {
    let what = match is {
        Some(is) => {
            format!("the caller is the program of agent '{is}', and not of '{named}', which it names")
        }
        None => {
            format!(
                "the caller is not the program of a running agent '{named}' of this repository, which it names"
            )
        }
    };
    Error::new(Code::NotForAgents, what)
        .hint("supervisors set ORCHESTRA_AGENT and ORCHESTRA_ATTEMPT; do not change them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processes_say_who_calls_and_the_variables_where_they_do_not() {
        let id = |name: &str| AgentId::parse(name).unwrap();
        let (a, b) = (|| Some(id("a-00000")), || Some(id("b-00000")));
        for (above, named, mark, proven, expected) in [
            (None, None, false, false, Identity::Person),
            // As the commands of notices, and the shell of a person who attached.
            (None, a(), false, false, Identity::Person),
            (None, a(), true, true, Identity::Agent(id("a-00000"))),
            (None, a(), true, false, Identity::Other { is: None, named: id("a-00000") }),
            (None, None, true, false, Identity::Unknown),
            // Without its variables it is still the agent, and with those of another one it is refused, whatever it has.
            (a(), None, false, false, Identity::Agent(id("a-00000"))),
            (a(), None, true, false, Identity::Agent(id("a-00000"))),
            (a(), a(), true, false, Identity::Agent(id("a-00000"))),
            (a(), b(), true, true, Identity::Other { is: a(), named: id("b-00000") }),
            (a(), b(), false, true, Identity::Other { is: a(), named: id("b-00000") }),
        ] {
            let found = Identity::of(above.clone(), named.clone(), mark, |_| proven);
            assert_eq!(found, expected, "{above:?} {named:?} {mark} {proven}");
        }
    }
}
