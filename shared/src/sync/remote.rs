//! Which repository to sync with: a remote of git's config, or a URL.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{
    Code, Error, Result,
    config::{Config, keys::REMOTE},
    git::Repo,
    model::text,
};

/// The maximum length of a name that is used unchanged in refs, in bytes.
const MAX_NAME: usize = 60;
/// The maximum number of remotes that hints name.
const MAX_HINTS: usize = 4;

/// A repository to sync with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remote {
    /// The name, URL or path that is passed to git.
    pub address: String,
    /// The name as a component of a ref.
    pub name: String,
    /// Whether code is pushed to another remote, so that this one is for agents only.
    pub for_agents_only: bool,
}

impl Remote {
    /// Chooses the remote: typed (a path is relative to `here`), configured, that of the branch, `origin`, or the only one.
    ///
    /// # Errors
    /// There is none, or several to choose from (3).
    pub fn choose(repo: &Repo, typed: Option<&str>, here: &Path) -> Result<Self> {
        let known = repo.remotes();
        let code_remote = code_remote(repo, &known);
        let configured = || Config::of(repo).get_or_default(&REMOTE);
        let chosen = typed.map(str::to_owned).filter(|name| !name.is_empty()).or_else(configured);
        let address = match chosen.or_else(|| code_remote.clone()) {
            Some(address) => address,
            None if known.is_empty() => {
                return Err(Error::new(
                    Code::RemoteMissing,
                    "this repository has no remote to share agents with",
                )
                .hint("git remote add origin URL")
                .hint("git orchestra sync URL"));
            }
            None => {
                let several = Error::new(
                    Code::RemoteAmbiguous,
                    "there are several remotes, and none is named 'origin'",
                );
                let named = known.iter().take(MAX_HINTS);
                return Err(named
                    .fold(several, |error, name| error.hint_command(&[&"git", &"orchestra", &"sync", name]))
                    .hint(format!("to choose one permanently: {}", REMOTE.hint("NAME"))));
            }
        };
        if address.starts_with('-') {
            return Err(Error::usage(format!("'{}' is not a remote", text::safe(&address))));
        }
        let for_agents_only = code_remote.is_some_and(|code| code != address);
        if known.contains(&address) {
            return Ok(Self { name: ref_component(&address), address, for_agents_only });
        }
        let there = here.join(&address);
        if !there.exists() && is_plain_name(&address) && !repo.rewrites_urls() {
            return Err(unknown(&address, &known));
        }
        let address = if there.is_dir() {
            there.canonicalize().unwrap_or(there).to_string_lossy().into_owned()
        } else {
            address
        };
        Ok(Self { name: ref_component(&address), address, for_agents_only })
    }

    /// Returns the URLs that a push goes to, after all rewrites by the config, without passwords.
    ///
    /// # Errors
    /// Git finds no URL.
    pub fn urls(&self, repo: &Repo) -> Result<Vec<String>> {
        Ok(repo.push_urls(&self.address)?.iter().map(|url| without_password(url)).collect())
    }

    /// Returns what to pass to git so that it contacts exactly the repositories that a push goes to.
    ///
    /// # Errors
    /// Git finds no URL.
    pub fn places(&self, repo: &Repo) -> Result<Vec<String>> {
        if repo.has_other_push_url(&self.address) {
            repo.push_urls(&self.address)
        } else {
            Ok(vec![self.address.clone()])
        }
    }
}

/// Returns whether this can only be the name of a remote or of a folder, and not a URL.
fn is_plain_name(address: &str) -> bool {
    !address.contains(['/', ':'])
}

fn unknown(name: &str, known: &[String]) -> Error {
    let error = Error::new(
        Code::RemoteUnknown,
        format!("there is no remote '{}' and no folder of that name", text::safe(name)),
    );
    if known.is_empty() {
        return error.hint_command(&[&"git", &"remote", &"add", &"--", &name, &"URL"]);
    }
    let named = known.iter().take(MAX_HINTS);
    named.fold(error, |error, name| error.hint_command(&[&"git", &"orchestra", &"sync", name]))
}

/// Returns the remote that code is pushed to from the current branch.
fn code_remote(repo: &Repo, known: &[String]) -> Option<String> {
    let of_branch = repo.head_branch().and_then(|branch| repo.remote_of_branch(&branch));
    let is_known = |name: &String| known.contains(name);
    of_branch
        .filter(is_known)
        .or_else(|| Some("origin".to_owned()).filter(is_known))
        .or_else(|| Some(known).and_then(|all| <[String; 1]>::try_from(all.to_vec()).ok()).map(|[only]| only))
}

/// Returns the name itself if it can be used in a ref, else `at-` and a digest of it.
pub(super) fn ref_component(address: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let stands =
        (1..=MAX_NAME).contains(&address.len()) && address.bytes().all(plain) && !address.starts_with("at-");
    if stands {
        return address.to_owned();
    }
    let digest = Sha256::digest(address.as_bytes());
    format!("at-{}", faster_hex::hex_string(&digest[..6]))
}

pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (user, host) = host.rsplit_once('@').map_or((None, host), |(user, host)| (Some(user), host));
    let user =
        user.and_then(|user| user.split(':').next()).map_or_else(String::new, |user| format!("{user}@"));
    format!("{scheme}://{user}{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_use_plain_names_or_digests() {
        assert_eq!(ref_component("origin"), "origin");
        for address in ["at-1", "a/b", "../hub.git", "https://x/y", "a.lock", "x y", "-x\u{1b}"] {
            let part = ref_component(address);
            assert!(part.starts_with("at-") && part.len() == 15, "{address}: {part}");
        }
    }

    #[test]
    fn passwords_are_removed_from_urls() {
        for (url, shown) in [
            ("https://me:secret@host/x.git", "https://me@host/x.git"),
            ("https://host/a@b", "https://host/a@b"),
            ("ssh://git@host:22/x", "ssh://git@host:22/x"),
            ("git@host:x.git", "git@host:x.git"),
            ("/srv/hub.git", "/srv/hub.git"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
