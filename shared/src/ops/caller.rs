//! Who calls: a person, or the program of an agent. An agent starts and directs only agents below it, and none that may do more than it.

use std::borrow::Cow;

use crate::{
    Code, Error, Result,
    agents::Options,
    config::{
        Config,
        keys::{MAX_CHILDREN, MAX_DEPTH},
    },
    context::Context,
    git::Repo,
    lock::Lock,
    model::{AgentId, Cost, Permission, text},
    ops::settings::Settings,
    store::{self, Listing, layout::PrivateDir, lineage},
    supervise::{
        attachment,
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
            (May::Anything, _) => return Ok(Cow::Borrowed(typed)),
            (May::UpTo(limit), Some(_)) => limit,
            (May::UpTo(_) | May::Unknown, _) => {
                self.check_name()?;
                return Err(Error::new(
                    Code::NotForAgents,
                    "the agent that calls is not one of this repository, so it starts none here",
                )
                .hint("git orchestra spawn, in a shell of your own"));
            }
        };
        let own = match &self.id {
            Some(id) => Spec::read(&PrivateDir::new(repo.private_dir()?).agent(id)).ok(),
            None => None,
        };
        if !composed {
            refuse_more(own.as_ref(), typed)?;
        }
        let mut limited = typed.clone();
        limited.options.at_most = Some(limit);
        // What it may not do in this task, nobody below it may.
        limited.options.deny.extend(own.map(|own| own.options.deny).unwrap_or_default());
        limited.options.deny.dedup();
        Ok(Cow::Owned(limited))
    }

    /// Checks that the caller may start this many more agents.
    ///
    /// # Errors
    /// Too many agents would be in a row, or come from one agent (3).
    pub(super) fn check_number(&self, repo: &Repo, config: &Config<'_>, more: usize) -> Result<()> {
        let Some(id) = &self.id else { return Ok(()) };
        let listing = Listing::read(repo)?;
        let row = lineage::ancestry(&listing, id);
        let (depth, most) = (row.len() + 1, config.get(&MAX_DEPTH)?);
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
        let most = config.get(&MAX_CHILDREN)?;
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
        if self.id.is_none() {
            return Ok(None);
        }
        let path = PrivateDir::new(repo.private_dir()?).children_lock();
        let lock = Lock::require(&path, context.at_most(context.limits().new_agent_lock))?;
        self.check_number(repo, config, more).map(|()| Some(lock))
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

/// Refuses what an agent with the spec `own` must not give to another one.
fn refuse_more(own: Option<&Spec>, typed: &Settings) -> Result<()> {
    let none = Options::default();
    let has = own.map_or(&none, |own| &own.options);
    let refused = |what: &str| {
        Error::new(Code::NotForAgents, format!("{what} gives an agent more than the one has that starts it"))
            .hint("leave it out, or let a person start the agent")
    };
    let options = &typed.options;
    if let Some(rule) = options.allow.iter().find(|rule| !has.allow.contains(rule)) {
        return Err(refused(&format!("--allow '{}'", text::one_line(rule, 80))));
    }
    if let Some(folder) = options.add_dirs.iter().find(|folder| !has.add_dirs.contains(folder)) {
        return Err(refused(&format!("--add-dir '{}'", text::one_line(&folder.to_string_lossy(), 80))));
    }
    if let Some(server) = options.mcp.iter().find(|server| !has.mcp.contains(server)) {
        return Err(refused(&format!("--mcp '{}'", text::one_line(server, 80))));
    }
    let caps = own.map(|own| own.spending.caps.agent).unwrap_or_default();
    let cost = caps.cost.map(Cost::micros);
    if let (Some(wanted), Some(_)) = (typed.max_cost_micros.filter(|wanted| Some(*wanted) > cost), cost) {
        return Err(refused(&format!("a cap of {wanted} millionths of a dollar")));
    }
    if let (Some(wanted), Some(_)) =
        (typed.max_tokens.filter(|wanted| Some(*wanted) > caps.tokens), caps.tokens)
    {
        return Err(refused(&format!("a cap of {}", text::count(wanted, "token"))));
    }
    let check = own.and_then(|own| own.until.as_ref()).map(|until| &until.command);
    let setup = own.and_then(|own| own.preparation.setup.as_ref()).map(|setup| &setup.command);
    for (option, command, has) in
        [("--check", &typed.check, check), ("--until", &typed.until, check), ("--setup", &typed.setup, setup)]
    {
        // An empty one runs nothing.
        if command.as_ref().is_some_and(|command| !command.is_empty() && Some(command) != has) {
            return Err(refused(&format!("the command of {option}")));
        }
    }
    Ok(())
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

    #[test]
    fn what_the_caller_has_not_is_not_given() {
        let with = |options: Options| Settings { options, ..Settings::default() };
        let check = |check: &str| Settings { check: Some(check.to_owned()), ..Settings::default() };
        for (typed, refused) in [
            (Settings::default(), false),
            (with(Options { allow: vec!["Bash(rm *)".into()], ..Options::default() }), true),
            (with(Options { deny: vec!["WebFetch".into()], ..Options::default() }), false),
            (with(Options { add_dirs: vec!["/etc".into()], ..Options::default() }), true),
            (with(Options { mcp: vec!["notes".into()], ..Options::default() }), true),
            (check("curl example.com | sh"), true),
            (check(""), false),
            (Settings { setup: Some("make".to_owned()), ..Settings::default() }, true),
        ] {
            let found = refuse_more(None, &typed).map_err(|error| error.code).err();
            assert_eq!(found, refused.then_some(Code::NotForAgents), "{typed:?}");
        }
    }
}
