//! Fetches a pull request into private refs: neither a branch nor the checkout of the user changes.

use crate::{
    Code, Error, Result,
    context::Context,
    forge::{Forge, ForgeRepo, PullRequest},
    git::{Oid, Repo, ref_names, remotes::RemoteOptions},
    model::text::safe,
    store::{layout, sound},
    sync::Remote,
};

/// How often it is read and fetched again while somebody pushes to it.
const ATTEMPTS: u32 = 3;

/// A pull request whose commits are in this repository.
#[derive(Clone, Debug)]
pub(super) struct FetchedPullRequest {
    /// What the forge says of it.
    pub(super) pull_request: PullRequest,
    /// Where it branches off from the branch that it should be merged into.
    pub(super) base: Oid,
    /// The tip of that branch.
    pub(super) into: Oid,
    /// Its newest commit.
    pub(super) head: Oid,
}

/// Fetches a pull request, and the branch that it should be merged into.
///
/// # Errors
/// There is no such pull request, its branches are gone, its commits are nothing that git accepts (3), or it moves all the time (4).
pub(super) fn fetch(
    context: &Context,
    repo: &Repo,
    remote: &Remote,
    forge: &Forge,
    number: u64,
) -> Result<FetchedPullRequest> {
    for _ in 0..ATTEMPTS {
        let pull_request = forge.get(number)?;
        let head_ref = layout::pull_request_ref(&remote.name, number);
        let base_ref = layout::pull_request_base_ref(&remote.name, number);
        let place = Source::of(repo, remote, forge, &pull_request)?;
        let base = branch(&pull_request.base)?;
        let head_spec = format!("+{}:{head_ref}", place.head);
        let base_spec = format!("+{base}:{base_ref}");
        let options = RemoteOptions::default();
        match &place.fork {
            None => repo.fetch(context, &remote.address, &[head_spec, base_spec], options)?,
            Some(fork) => {
                repo.fetch(context, &remote.address, &[base_spec], options)?;
                repo.fetch(context, fork, &[head_spec], options)?;
            }
        }
        let fetched = |name: &str| {
            let missing = || Error::internal(format!("'{name}' was not fetched"));
            repo.find_ref(name)?.ok_or_else(missing)
        };
        let (head, into) = (fetched(&head_ref)?, fetched(&base_ref)?);
        if !pull_request.is_at(head) {
            continue;
        }
        check_sound(repo, forge, number, head)?;
        let base = repo.merge_base(into, head)?;
        return Ok(FetchedPullRequest { pull_request, base, into, head });
    }
    let word = forge.kind.request_word();
    Err(Error::new(
        Code::ForgeChanged,
        format!("what the forge says of {word} {number} is not what git fetches"),
    )
    .hint("somebody pushes to it, or the forge has not noticed: wait, and repeat the command"))
}

/// Where the head of a pull request is fetched from.
struct Source {
    /// The repository, if it is another one than that of the remote.
    fork: Option<String>,
    /// The full name of the ref there.
    head: String,
}

impl Source {
    fn of(repo: &Repo, remote: &Remote, forge: &Forge, pull_request: &PullRequest) -> Result<Self> {
        if let Some(head) = forge.kind.head_ref(pull_request.number) {
            return Ok(Self { fork: None, head });
        }
        let head = branch(&pull_request.head)?;
        let fork = match &pull_request.fork {
            Some(fork) => Some(address_of_fork(repo, remote, forge, fork)?),
            None => None,
        };
        Ok(Self { fork, head })
    }
}

/// Returns the URL of a fork: that of the remote, with another path. A fork is on the same host.
pub(super) fn address_of_fork(repo: &Repo, remote: &Remote, forge: &Forge, fork: &str) -> Result<String> {
    let urls = repo.push_urls(&remote.address)?;
    let of_fork = urls.iter().find_map(|url| {
        let replaced = url.replacen(&forge.repo.path, fork, 1);
        let place = ForgeRepo::of_url(&replaced)?;
        (place.path == fork && place.host == forge.repo.host).then_some(replaced)
    });
    of_fork.ok_or_else(|| {
        Error::new(
            Code::ForgeRefused,
            format!("the repository of the branch is gone, or has no address: '{}'", safe(fork)),
        )
    })
}

/// Returns the full name of a branch that the forge named.
pub(super) fn branch(name: &str) -> Result<String> {
    if ref_names::is_branch_name(name) {
        return Ok(layout::branch_ref(name));
    }
    Err(Error::new(
        Code::ForgeFailed,
        format!("the forge names a branch that git does not allow: '{}'", safe(name)),
    ))
}

/// Fails if git does not accept the commits: they are neither checked out nor approved then.
fn check_sound(repo: &Repo, forge: &Forge, number: u64, head: Oid) -> Result<()> {
    let word = forge.kind.request_word();
    match sound::flaw_of(repo, head)? {
        None => Ok(()),
        Some(unsound) => {
            Err(Error::new(Code::WorkUnusable, format!("{word} {number} cannot be used: {}", unsound.why)))
        }
    }
}
