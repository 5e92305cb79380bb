//! The command with which a person attaches to an agent.

use std::{path::PathBuf, process::Command};

use super::{Conversation, Plan};
use crate::{
    Error, Result, agents,
    config::Config,
    git::Repo,
    ops::{agent_checkout::missing_worktree, agent_object::AgentObject},
    sandbox::Sandbox,
    store::layout::PrivateDir,
    supervise::{helper, launch, preparation::Preparation, processes::NONCE, spec::Spec},
    world,
};

/// The shell of a user whose environment names none.
const SHELL: &str = "/bin/sh";

/// The command with the environment of the agent; its terminal is the caller's.
#[derive(Debug)]
pub struct AttachedCommand(pub Command);

impl AttachedCommand {
    /// Makes the command of a plan.
    pub(super) fn new(
        repo: &Repo,
        agent: &AgentObject,
        plan: &Plan,
        conversation: &Conversation,
    ) -> Result<Self> {
        let (program, arguments) =
            plan.argv.split_first().ok_or_else(|| Error::internal("an empty command"))?;
        let private = PrivateDir::new(repo.private_dir()?);
        let spec = Spec::last(repo, &agent.id, &private.agent(&agent.id));
        let none = Preparation::default();
        let common_dir = repo.common_dir()?;
        let environment = repo.environment();
        let sandbox = spec.as_ref().map(|spec| launch::sandbox_of(environment, spec, &agent.id, &common_dir));
        let sandbox = sandbox.transpose()?.flatten();
        // The person's terminal: without it, there would be no Ctrl-C and no job control.
        let sandbox =
            sandbox.map(|sandbox| Sandbox { detached: false, worktree: plan.folder.clone(), ..sandbox });
        if let Some(spec) = spec.as_ref().filter(|_| sandbox.is_some()) {
            helper::prepare_git_dir(repo, &agent.id, spec)?;
        }
        let place = launch::AgentPlace {
            id: &agent.id,
            common_dir: &common_dir,
            worktree: &plan.folder,
            branch: &agent.branch,
            base: &agent.base.to_string(),
            unset: spec.as_ref().map_or(&[], |spec| &spec.launch.unset),
            preparation: spec.as_ref().map_or(&none, |spec| &spec.preparation),
            sandbox: sandbox.as_ref(),
            of_program: plan.shell.is_none().then_some(&*agent.profile),
        };
        let mut command = launch::command(repo.environment(), program, &place)?;
        command.args(arguments);
        // In a shell, a person types; the agent's own program is the agent also in a person's terminal.
        match plan.shell {
            Some(_) => command.env_remove(NONCE),
            None => command.env(NONCE, world::random_hex::<16>()?),
        };
        if let Conversation::Session(session) = conversation {
            for name in &session.plan.unset {
                command.env_remove(name);
            }
            command.envs(session.plan.set.iter().map(|(name, value)| (name, value)));
        }
        // The account that the user chose for the profile is theirs here too.
        let profile = agent.role.as_deref().unwrap_or(&agent.profile);
        command.envs(agents::variables(profile, &Config::of(repo))?);
        Ok(Self(command))
    }

    /// Returns the mark of the program; `None` for a shell.
    pub(super) fn mark(&self) -> Option<String> {
        let mut set = self.0.get_envs().filter(|(name, _)| *name == NONCE);
        set.next().and_then(|(_, value)| value?.to_str().map(str::to_owned))
    }
}

/// Plans the command: the agent's conversation, or the user's shell.
pub(super) fn plan(
    repo: &Repo,
    agent: &AgentObject,
    conversation: &Conversation,
    continues: bool,
) -> Result<Plan> {
    let id = &agent.id;
    let worktree = agent.worktree.as_ref().map(PathBuf::from).filter(|path| path.is_dir());
    let (argv, folder, shell) = match conversation {
        Conversation::Session(session) => {
            (session.plan.argv.clone(), Some(session.plan.folder.clone()), None)
        }
        Conversation::Program(argv) => (argv.clone(), worktree, None),
        Conversation::None(why) => (vec![shell_of(repo)], worktree, Some(why.clone())),
    };
    let Some(folder) = folder else { return Err(missing_worktree(repo, id, &agent.branch)?) };
    Ok(Plan { agent: id.clone(), argv, folder, shell, continues })
}

/// Returns the shell that the caller's environment names, if its path is text.
fn shell_of(repo: &Repo) -> String {
    let named = repo.environment().variable("SHELL").and_then(|shell| shell.into_string().ok());
    named.filter(|shell| shell.starts_with('/')).unwrap_or_else(|| SHELL.to_owned())
}
