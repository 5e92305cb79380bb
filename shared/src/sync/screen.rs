//! Decides what a sync may send: nothing that looks like a secret, and nothing that the user did not agree to.

use crate::{
    Result,
    context::Context,
    git::{
        Repo, command,
        remotes::{RefPush, RemoteOptions},
    },
    store::layout,
    sync::{
        own_work::{self, Bases, OwnWork},
        remote::Remote,
        remote_tips::RemoteTips,
        secrets::{self, SecretScan, Withheld, WithheldReason},
    },
};

/// What is about to be sent.
pub struct Outgoing<'a> {
    /// The repository it is sent from.
    pub repo: &'a Repo,
    /// The remote it is sent to.
    pub remote: &'a Remote,
    /// The refs to push.
    pub sends: &'a [RefPush],
    /// The user's own commits that are sent as well.
    pub own: &'a [OwnWork],
    known: &'a RemoteTips,
}

impl Outgoing<'_> {
    /// Estimates the size in bytes: what its objects occupy on the local disk.
    pub fn size(&self) -> Option<u64> {
        let tips = self.sends.iter().filter_map(|push| push.new);
        let mut revisions: String = tips.map(|tip| format!("{tip}\n")).collect();
        revisions.extend(self.known.tips().map(|tip| format!("^{tip}\n")));
        let git = self.repo.git_in(&self.repo.common_dir().ok()?, "rev-list");
        let git = git.args(["--objects", "--disk-usage", "--stdin"]).input(revisions.into_bytes());
        git.limit(command::LONG_LIMIT).line().ok()?.parse().ok()
    }
}

/// What the user agrees to send.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeaveConsent {
    /// The user agrees to everything that the sync would send.
    All,
    /// Everything except work that builds on the user's own commits.
    WithoutOwnWork,
}

/// Decides what may be sent.
pub trait SendConsent {
    /// Returns whether this may be sent, all or in part.
    ///
    /// # Errors
    /// None of it may be sent (3).
    fn may_leave(&mut self, outgoing: &Outgoing<'_>) -> Result<LeaveConsent>;
}

/// What may be sent, and what not.
#[derive(Debug, Default)]
pub struct Screened {
    /// The pushes that may be sent.
    pub go: Vec<RefPush>,
    /// What may not be sent, and why.
    pub held: Vec<Withheld>,
    /// The user's own commits that the pushes send as well.
    pub own: Vec<OwnWork>,
}

/// Checks everything that is to be sent, and asks for the user's consent.
///
/// # Errors
/// Git cannot reach the remote, the user does not agree (3), or the repository cannot be read.
pub fn screen(
    context: &Context,
    repo: &Repo,
    remote: &Remote,
    sends: &[RefPush],
    options: RemoteOptions,
    consent: &mut dyn SendConsent,
) -> Result<Screened> {
    if sends.iter().all(|push| push.new.is_none()) {
        return Ok(Screened { go: sends.to_vec(), ..Screened::default() });
    }
    let known = RemoteTips::ask(context, repo, remote, options)?;
    let bases = Bases::read(repo, sends, &known)?;
    let SecretScan { go, mut held } = secrets::check(repo, sends, &known, &bases.there())?;
    if go.iter().all(|push| push.new.is_none()) {
        return Ok(Screened { go, held, own: Vec::new() });
    }
    let own = own_work::find(repo, bases, &go, &known)?;
    let outgoing = Outgoing { repo, remote, sends: &go, own: &own, known: &known };
    if consent.may_leave(&outgoing)? == LeaveConsent::All {
        return Ok(Screened { go, held, own });
    }
    let brings = |push: &RefPush| own.iter().any(|own| own.refs.contains(&push.name));
    let (stays, go): (Vec<RefPush>, Vec<RefPush>) = go.into_iter().partition(brings);
    held.extend(stays.into_iter().map(|push| {
        let own = own.iter().filter(|own| own.refs.contains(&push.name)).cloned().collect();
        let agent = layout::agent_of(&push.name);
        let name = agent.as_ref().map_or(push.name, ToString::to_string);
        Withheld { name, agent, reason: WithheldReason::OwnWork { own } }
    }));
    Ok(Screened { go, held, own: Vec::new() })
}
