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
        processes::{NONCE, Processes},
        spec::Spec,
    },
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
}

impl Caller {
    /// Finds out who calls.
    pub(super) fn of(repo: &Repo) -> Self {
        let environment = repo.environment();
        let id = environment.agent();
        if !environment.is_agent() {
            return Self { id: None, may: May::Anything };
        }
        let agent = id.as_ref().and_then(|id| store::agent(repo, id).ok());
        // A designer is a person's program; the name alone does not make it one.
        let agent =
            agent.filter(|agent| !agent.designer || id.as_ref().is_some_and(|id| is_started_as(repo, id)));
        let may = match agent.map(|agent| agent.permission.as_deref().map(Permission::parse)) {
            None | Some(Some(None)) => May::Unknown,
            Some(None | Some(Some(Permission::BypassPermissions))) => May::Anything,
            Some(Some(Some(permission))) => May::UpTo(permission),
        };
        Self { id, may }
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
        let Some(caller) = &self.id else {
            return match self.may {
                May::Unknown => Err(Error::new(Code::NotForAgents, "it is not known which agent calls")),
                May::Anything | May::UpTo(_) => Ok(()),
            };
        };
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
                Err(Error::new(Code::NotForAgents, format!("an agent with limits cannot {what}"))
                    .hint("git orchestra inbox tell 'what people should do'"))
            }
        }
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

/// Returns whether the caller has the value that the program of this agent was given when it was started.
pub(super) fn is_started_as(repo: &Repo, id: &AgentId) -> bool {
    let record = repo.private_dir().ok().and_then(|dir| Processes::read(&PrivateDir::new(dir).agent(id)));
    record.is_some_and(|record| repo.environment().text_variable(NONCE).as_ref() == Some(&record.nonce))
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
