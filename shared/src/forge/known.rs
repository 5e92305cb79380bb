//! What is known of the forge of a remote without a question to any host or program.

use super::{Forge, ForgeKind, ForgeRepo, TokenSource, connect::named_kind, token};
use crate::{Result, git::Repo};

/// A forge, as the configuration and the environment tell it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownForge {
    /// Where the repository is.
    pub repo: ForgeRepo,
    /// Which forge it is; `None` if its host would have to be asked.
    pub kind: Option<ForgeKind>,
    /// Where its token is; `None` if programs would have to be asked.
    pub token: Option<TokenSource>,
}

impl Forge {
    /// Returns what is known of the forge of a remote. `None` if the remote is on none.
    ///
    /// # Errors
    /// Git cannot tell the address of the remote, or a value in git config is invalid.
    pub fn known(repo: &Repo, remote: &str) -> Result<Option<KnownForge>> {
        let urls = repo.push_urls(remote)?;
        let Some(place) = urls.iter().find_map(|url| ForgeRepo::of_url(url)) else { return Ok(None) };
        let named = named_kind(repo, &place)?;
        let kind = named.or_else(|| ForgeKind::of_host(place.host_name()));
        let token = kind.map(|kind| token::known_source(repo, &place, kind, named.is_some())).transpose()?;
        Ok(Some(KnownForge { repo: place, kind, token: token.flatten() }))
    }
}
