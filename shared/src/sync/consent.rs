//! The URLs to which the user agreed to send agents. They are stored in two places: in git's config, where people see and can
//! remove them, and in a record that is written only when the user agrees. An entry in the config alone is not enough.

use std::{collections::BTreeMap, fs};

use serde::{Deserialize, Serialize};

use crate::{
    Kind, Result,
    config::{Config, keys::SHARE_WITH},
    error::ErrorContext,
    git::{Repo, careful},
    private_files,
    store::layout::PrivateDir,
};

/// What the user agreed to send to one URL.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct GrantedConsent {
    /// Whether the user's own commits are sent as well, where agents' work builds on them.
    pub own_work: bool,
}

#[derive(Default, Deserialize, Serialize)]
struct ConsentRecord {
    /// The consents by URL, as git uses it.
    places: BTreeMap<String, GrantedConsent>,
}

/// Returns what the user agreed to for all of these URLs; `None` if they did not agree for each of them.
pub fn find(repo: &Repo, urls: &[String]) -> Option<GrantedConsent> {
    let seen = Config::of(repo).all(&SHARE_WITH);
    let record = read(repo)?;
    let mut all = GrantedConsent { own_work: true };
    for url in urls {
        let one = record.places.get(url).filter(|_| seen.contains(url))?;
        all.own_work &= one.own_work;
    }
    (!urls.is_empty()).then_some(all)
}

/// Records that the user agrees. Earlier consents stay valid.
///
/// # Errors
/// The config or the record cannot be written.
pub fn grant(repo: &Repo, urls: &[String], given: GrantedConsent) -> Result<()> {
    let mut record = read(repo).unwrap_or_default();
    let mut changed = false;
    for url in urls {
        let before = record.places.get(url).copied();
        let own_work = given.own_work || before.is_some_and(|before| before.own_work);
        changed |= record.places.insert(url.clone(), GrantedConsent { own_work })
            != Some(GrantedConsent { own_work });
    }
    if changed {
        write(repo, &record)?;
    }
    let fresh = repo.reopen()?;
    let seen = Config::of(&fresh).all(&SHARE_WITH);
    for url in urls.iter().filter(|url| !seen.contains(url)) {
        Config::of(repo).add(&SHARE_WITH, url)?;
    }
    Ok(())
}

fn read(repo: &Repo) -> Option<ConsentRecord> {
    let bytes = careful::read(PrivateDir::new(repo.private_dir().ok()?).consent()).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn write(repo: &Repo, record: &ConsentRecord) -> Result<()> {
    let private = PrivateDir::new(repo.private_dir()?);
    let path = private.consent();
    let cannot = || format!("cannot write '{}'", path.display());
    fs::create_dir_all(private.dir()).context(Kind::External, cannot)?;
    let text = serde_json::to_vec(record).context(Kind::Internal, cannot)?;
    private_files::replace_durably(&path, &text).context(Kind::External, cannot)
}
