//! Finding the forge of a remote: which host it is on, which interface that has, and the user's token for it.

use std::path::PathBuf;

use serde_json::Value;
use ureq::{
    Proxy,
    tls::{Certificate, PemItem, RootCerts, parse_pem},
};

use super::{
    Forge,
    address::ForgeRepo,
    bitbucket::Bitbucket,
    failure::no_token,
    gitea::Gitea,
    github::GitHub,
    gitlab::GitLab,
    http::{Access, Client},
    kind::ForgeKind,
    service::Service,
    token,
};
use crate::{
    Code, Error, Result,
    config::{
        Config,
        keys::{FORGE_KIND, FORGE_URL},
    },
    context::Context,
    error::ErrorContext,
    git::{Repo, careful},
    model::{host::HostAndPort, text},
};

/// A forge, as it can be used.
pub enum ReachedForge {
    /// By requests.
    WithToken(Forge),
    /// Only by pushes.
    WithoutToken {
        /// Where the repository is.
        repo: ForgeRepo,
        /// Which forge it is.
        kind: ForgeKind,
    },
}

impl Forge {
    /// Finds the forge of a remote, by its name or URL. Its host is asked which interface it has if nothing else tells.
    ///
    /// # Errors
    /// The remote is on no forge that is known, or there is no token for it.
    pub fn of_remote(context: &Context, repo: &Repo, remote: &str) -> Result<Self> {
        match Self::reach(context, repo, remote)? {
            ReachedForge::WithToken(forge) => Ok(forge),
            ReachedForge::WithoutToken { repo, .. } => Err(Self::without_token(&repo)),
        }
    }

    /// Makes the error that there is no token for a repository.
    pub fn without_token(place: &ForgeRepo) -> Error {
        no_token(&place.host)
    }

    /// Finds the forge of a remote as [`Forge::of_remote`] does, whether or not there is a token for it.
    ///
    /// # Errors
    /// The remote is on no forge that is known, or the user's command for the token fails.
    pub fn reach(context: &Context, repo: &Repo, remote: &str) -> Result<ReachedForge> {
        let place = place_of(repo, remote)?;
        let config = Config::of(repo);
        let named = named_kind(repo, &place)?;
        let url = config.get(&FORGE_URL.of(&place.host))?;
        let (roots, proxy) = (roots(repo)?, proxy(repo)?);
        let client = |base: String, credential| {
            let access = Access {
                host: place.host.clone(),
                base,
                credential,
                roots: roots.clone(),
                proxy: proxy.clone(),
            };
            Client::new(access, repo.environment(), context.cancel.clone())
        };
        let scheme = scheme(&place)?;
        let origin = format!("{scheme}://{}", place.host);
        let known = named.or_else(|| ForgeKind::of_host(place.host_name()));
        let kind = known.map_or_else(|| ask(&client(origin, None), &place), Ok)?;
        let Some(token) = token::find(repo, &place, kind, named.is_some())? else {
            return Ok(ReachedForge::WithoutToken { repo: place, kind });
        };
        let base = url.unwrap_or_else(|| kind.base(scheme, &place.host));
        let client = client(base.trim_end_matches('/').to_owned(), Some(token.header(kind)));
        let service: Box<dyn Service> = match kind {
            ForgeKind::GitHub => Box::new(GitHub::new(client, place.clone())),
            ForgeKind::GitLab => Box::new(GitLab::new(client, &place)),
            ForgeKind::Gitea => Box::new(Gitea::new(client, place.clone())),
            ForgeKind::Bitbucket => Box::new(Bitbucket::new(client, place.clone())),
        };
        Ok(ReachedForge::WithToken(Self { service, repo: place, kind, token: token.source }))
    }
}

/// Returns which forge the user says that a host runs.
pub(super) fn named_kind(repo: &Repo, place: &ForgeRepo) -> Result<Option<ForgeKind>> {
    let named = Config::of(repo).get(&FORGE_KIND.of(&place.host))?;
    Ok(named.as_deref().and_then(ForgeKind::parse))
}

fn place_of(repo: &Repo, remote: &str) -> Result<ForgeRepo> {
    let urls = repo.push_urls(remote)?;
    urls.iter().find_map(|url| ForgeRepo::of_url(url)).ok_or_else(|| {
        Error::new(
            Code::ForgeUnknown,
            format!("remote '{}' is not a repository on a forge", text::safe(remote)),
        )
        .hint_command(&[&"git", &"remote", &"get-url", &"--push", &"--", &remote])
    })
}

/// Returns the scheme of requests: always encrypted, except to this machine.
fn scheme(place: &ForgeRepo) -> Result<&'static str> {
    let is_here = HostAndPort::parse(&place.host, Some(80)).is_some_and(|host| host.is_local());
    match (place.is_plain, is_here) {
        (true, true) => Ok("http"),
        (false, _) => Ok("https"),
        (true, false) => {
            Err(Error::new(Code::ForgeUnknown, format!("the remote uses http://{}", place.host))
                .hint("set its URL to https://, or your token would be sent in clear text"))
        }
    }
}

/// Asks a host, without a token, which interface it has.
fn ask(client: &Client, place: &ForgeRepo) -> Result<ForgeKind> {
    // A host that cannot be asked is named by the user.
    let key = FORGE_KIND.of(&place.host);
    let has_version = |answer: &Option<Value>| answer.as_ref().is_some_and(|it| it["version"].is_string());
    match client.find("/api/v1/version") {
        Ok(answer) if has_version(&answer) => return Ok(ForgeKind::Gitea),
        // Which interface it has is not why a host is not reached.
        Err(error) if error.code == Code::ForgeUnreachable => return Err(error),
        Err(error) if !is_refused(&error) => return Err(error.hint(key.hint("gitlab"))),
        _ => {}
    }
    // GitLab tells its version only to users, which it says in JSON.
    match client.find("/api/v4/version") {
        Ok(answer) if has_version(&answer) => return Ok(ForgeKind::GitLab),
        Err(error) if is_refused(&error) => return Ok(ForgeKind::GitLab),
        _ => {}
    }
    Err(Error::new(Code::ForgeUnknown, format!("it is not known which forge '{}' runs", place.host))
        .hint(key.hint("gitlab")))
}

/// Returns whether a host answered that it needs a token.
const fn is_refused(error: &Error) -> bool {
    matches!(error.code, Code::ForgeTokenMissing | Code::ForgeTokenRefused)
}

/// Reads the certificates of `http.sslCAInfo`, which take the place of the system's, as in git.
fn roots(repo: &Repo) -> Result<Option<RootCerts>> {
    let Some(file) = repo.certificates_file() else { return Ok(None) };
    let shown = |file: &PathBuf| text::safe(&file.display().to_string()).into_owned();
    let pem = careful::read(&file)
        .context(Code::FileInaccessible, || format!("cannot read '{}' of http.sslCAInfo", shown(&file)))?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(one)) => Some(one),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(Error::new(
            Code::ConfigInvalid,
            format!("'{}' of http.sslCAInfo has no certificate", shown(&file)),
        ));
    }
    Ok(Some(RootCerts::new_with_certs(&certificates)))
}

/// Reads `http.proxy`.
fn proxy(repo: &Repo) -> Result<Option<Proxy>> {
    let Some(address) = repo.http_proxy() else { return Ok(None) };
    Proxy::new(&address).map(Some).map_err(|_| {
        Error::new(Code::ConfigInvalid, "git config 'http.proxy' is not the address of a proxy")
            .hint("git config --get http.proxy")
    })
}
