//! Links that log in once, and the browsers that are logged in. Only digests of the secrets are kept, so that comparing them tells nothing.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::{Result, world};

/// How long a link can be used.
const LINK_LIFE: Duration = Duration::from_secs(600);
/// The most browsers that are logged in at once; the oldest login ends for the next one.
const MAX_LOGINS: usize = 64;
/// The most links that can be used at once.
const MAX_LINKS: usize = 16;
/// The size of each secret, in bytes.
const SECRET: usize = 32;

/// Who sent a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Visitor {
    /// Somebody who may look, and never change anything.
    Guest,
    /// The person who started the server.
    Owner,
}

type Hash = [u8; 32];

fn hash(secret: &[u8]) -> Hash {
    Sha256::digest(secret).into()
}

#[derive(Debug)]
struct Link {
    token: Hash,
    visitor: Visitor,
    made_at: Duration,
}

#[derive(Debug)]
struct LoggedIn {
    cookie: Hash,
    key: Hash,
    visitor: Visitor,
}

/// What a browser gets when it logs in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Login {
    /// The value of the cookie, which no script of a page can read.
    pub cookie: String,
    /// The key that pages send with each request. A cookie alone is sent to every port of a machine, a key only by pages of our origin.
    pub key: String,
    /// As whom.
    pub visitor: Visitor,
}

/// The links and the logins of one server. Times are since it started.
#[derive(Debug, Default)]
pub struct Logins {
    links: Vec<Link>,
    logged_in: Vec<LoggedIn>,
    epoch: u64,
}

impl Logins {
    /// Makes a link, and returns its token: it logs one browser in, within ten minutes.
    ///
    /// # Errors
    /// The system has no random bytes (5).
    pub fn link(&mut self, visitor: Visitor, now: Duration) -> Result<String> {
        let token = world::random_hex::<SECRET>()?;
        self.links.retain(|link| is_usable(link, now));
        if self.links.len() >= MAX_LINKS {
            self.links.remove(0);
        }
        self.links.push(Link { token: hash(token.as_bytes()), visitor, made_at: now });
        Ok(token)
    }

    /// Logs a browser in by the token of a link, which cannot be used again. Returns `None` for another token.
    ///
    /// # Errors
    /// The system has no random bytes (5); the link can still be used.
    pub fn log_in(&mut self, token: &str, now: Duration) -> Result<Option<Login>> {
        let given = hash(token.as_bytes());
        let Some(at) = self.links.iter().position(|link| link.token == given && is_usable(link, now)) else {
            return Ok(None);
        };
        let (cookie, key) = (world::random_hex::<SECRET>()?, world::random_hex::<SECRET>()?);
        let visitor = self.links.remove(at).visitor;
        if self.logged_in.len() >= MAX_LOGINS {
            self.logged_in.remove(0);
        }
        self.logged_in.push(LoggedIn { cookie: hash(cookie.as_bytes()), key: hash(key.as_bytes()), visitor });
        Ok(Some(Login { cookie, key, visitor }))
    }

    /// Ends all logins, and makes all links useless.
    pub fn revoke(&mut self) {
        self.links.clear();
        self.logged_in.clear();
        self.epoch += 1;
    }

    /// Returns how often all logins were ended.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns who sent a request with this cookie and this key.
    pub fn visitor(&self, cookie: &[u8], key: &[u8]) -> Option<Visitor> {
        let (cookie, key) = (hash(cookie), hash(key));
        self.logged_in.iter().find(|one| one.cookie == cookie && one.key == key).map(|one| one.visitor)
    }
}

fn is_usable(link: &Link, now: Duration) -> bool {
    now.saturating_sub(link.made_at) < LINK_LIFE
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(5);

    #[test]
    fn a_link_logs_one_browser_in() {
        let mut logins = Logins::default();
        let token = logins.link(Visitor::Owner, NOW).unwrap();
        assert_eq!(token.len(), 2 * SECRET);
        for wrong in ["", "0", &token[1..], &token.to_uppercase(), &format!("{token}0")] {
            assert_eq!(logins.log_in(wrong, NOW).unwrap(), None, "{wrong}");
        }
        let login = logins.log_in(&token, NOW).unwrap().unwrap();
        assert!(login.visitor == Visitor::Owner && login.cookie != login.key && login.cookie != token);
        assert_eq!(logins.log_in(&token, NOW).unwrap(), None);
        assert_eq!(logins.visitor(login.cookie.as_bytes(), login.key.as_bytes()), Some(Visitor::Owner));
        for (cookie, key) in [
            (&login.key, &login.cookie),
            (&login.cookie, &login.cookie),
            (&token, &login.key),
            (&token, &token),
        ] {
            assert_eq!(logins.visitor(cookie.as_bytes(), key.as_bytes()), None);
        }
    }

    #[test]
    fn a_cookie_and_a_key_of_different_browsers_are_nothing() {
        let mut logins = Logins::default();
        let mut log_in = |visitor| {
            let token = logins.link(visitor, NOW).unwrap();
            logins.log_in(&token, NOW).unwrap().unwrap()
        };
        let (guest, owner) = (log_in(Visitor::Guest), log_in(Visitor::Owner));
        assert_eq!(logins.visitor(guest.cookie.as_bytes(), guest.key.as_bytes()), Some(Visitor::Guest));
        assert_eq!(logins.visitor(owner.cookie.as_bytes(), guest.key.as_bytes()), None);
        assert_eq!(logins.visitor(guest.cookie.as_bytes(), owner.key.as_bytes()), None);
    }

    #[test]
    fn revoking_ends_logins_and_links() {
        let mut logins = Logins::default();
        let (used, unused) =
            (logins.link(Visitor::Owner, NOW).unwrap(), logins.link(Visitor::Owner, NOW).unwrap());
        let login = logins.log_in(&used, NOW).unwrap().unwrap();
        logins.revoke();
        assert_eq!(logins.visitor(login.cookie.as_bytes(), login.key.as_bytes()), None);
        assert_eq!((logins.log_in(&unused, NOW).unwrap(), logins.epoch()), (None, 1));
        let token = logins.link(Visitor::Owner, NOW).unwrap();
        assert!(logins.log_in(&token, NOW).unwrap().is_some());
    }

    #[test]
    fn links_end_and_both_lists_are_bounded() {
        let mut logins = Logins::default();
        let late = logins.link(Visitor::Owner, NOW).unwrap();
        assert_eq!(logins.log_in(&late, NOW + LINK_LIFE).unwrap(), None);
        for _ in 0..3 * MAX_LOGINS {
            let token = logins.link(Visitor::Guest, NOW).unwrap();
            logins.log_in(&token, NOW).unwrap().unwrap();
        }
        for _ in 0..3 * MAX_LINKS {
            logins.link(Visitor::Guest, NOW).unwrap();
        }
        assert_eq!((logins.logged_in.len(), logins.links.len()), (MAX_LOGINS, MAX_LINKS));
    }
}
