//! The offer to allow the commands that the project itself names, so that a first run does not stop at its first test. It is made once
//! in each repository.

use super::{change, project_rules};
use crate::{
    Result,
    config::{Config, Edit, TableKey, keys},
    context::Context,
    git::Repo,
    ops::spawn,
    trust::acceptance::AcceptedRepo,
};

/// Maximum size of a file that is read for the offer, in bytes.
const MAX_FILE: usize = 256 << 10;

/// Returns the permission rules to offer to the user before these agents are started. Empty if there is nothing to ask: the user has
/// allowed something, or was asked before, or none of the agents asks for permissions.
///
/// # Errors
/// The configuration is not valid (3).
pub fn offered_rules(
    context: &Context,
    repo: &AcceptedRepo,
    request: &spawn::Request,
) -> Result<Vec<String>> {
    context.check()?;
    let config = Config::of(repo);
    let has_rules = !request.settings.options.allow.is_empty() || !config.valid(&keys::ALLOW)?.is_empty();
    if request.dry_run || has_rules || repo.is_called_by_agent() || !config.get(&keys::OFFER_ALLOW)? {
        return Ok(Vec::new());
    }
    if !spawn::may_ask(&config, request) {
        return Ok(Vec::new());
    }
    Ok(rules_of_project(repo).unwrap_or_default())
}

fn rules_of_project(repo: &Repo) -> Result<Vec<String>> {
    let files = repo.blobs_of(repo.head()?)?;
    let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    let read = |wanted: &str| {
        let (_, id) = files.iter().find(|(name, _)| name == wanted)?;
        let bytes = repo.read_blob(*id).ok().filter(|bytes| bytes.len() <= MAX_FILE)?;
        String::from_utf8(bytes).ok()
    };
    Ok(project_rules::rules(&names, &read))
}

/// Records the answer of the user, who is not asked again.
///
/// # Errors
/// An agent called it (3); another program has the configuration locked (4); it cannot be written (5).
pub fn answer_offer(context: &Context, repo: &Repo, rules: &[String], agrees: bool) -> Result<()> {
    context.check()?;
    change::refuse_agents(context, Some(repo))?;
    if agrees {
        let allow = TableKey::require(keys::ALLOW.name())?;
        for rule in rules {
            change::change_accepted(&repo.reopen()?, &allow, Edit::Add(rule))?;
        }
    }
    let asked = TableKey::require(keys::OFFER_ALLOW.name())?;
    change::change_accepted(&repo.reopen()?, &asked, Edit::Set("false"))
}
