//! Reading what a token may do from the answers of the forges.

use serde_json::Value;

use super::{
    access::ForgeAccess,
    bitbucket::Bitbucket,
    fields::{at, flag},
    gitea::Gitea,
    github::GitHub,
    gitlab::GitLab,
    service::TellsAccess,
};
use crate::Result;

/// The role on GitLab from which on a member may push.
const DEVELOPER: u64 = 30;

impl TellsAccess for GitHub {
    fn access(&self) -> Result<ForgeAccess> {
        let answer = self.client.answer(&self.path(""))?;
        let is_private = flag(&answer.body, "private");
        Ok(match answer.scopes.as_deref() {
            _ if at(&answer.body, "permissions.push") == &Value::Bool(false) => ForgeAccess::NoPush,
            // Only classic tokens have scopes.
            None => ForgeAccess::Untold,
            Some(scopes) if has(scopes, "repo") || !is_private && has(scopes, "public_repo") => {
                ForgeAccess::Enough
            }
            Some(_) => ForgeAccess::NoScope("repo"),
        })
    }
}

impl TellsAccess for GitLab {
    fn access(&self) -> Result<ForgeAccess> {
        let project = self.client.get(&self.path(""))?;
        let level = |of: &str| at(&project, &format!("permissions.{of}.access_level")).as_u64();
        let level = level("project_access").max(level("group_access"));
        if level.is_some_and(|level| level < DEVELOPER) {
            return Ok(ForgeAccess::NoPush);
        }
        // Only personal tokens and those of projects and groups can be asked.
        let Ok(Some(token)) = self.client.find("/personal_access_tokens/self") else {
            return Ok(ForgeAccess::Untold);
        };
        let scopes = token["scopes"].as_array();
        let is_enough = scopes.is_some_and(|scopes| scopes.iter().any(|scope| scope == "api"));
        Ok(if is_enough { ForgeAccess::Enough } else { ForgeAccess::NoScope("api") })
    }
}

impl TellsAccess for Gitea {
    fn access(&self) -> Result<ForgeAccess> {
        let repo = self.client.get(&self.path(""))?;
        let may_push = at(&repo, "permissions.push") != &Value::Bool(false);
        Ok(if may_push { ForgeAccess::Untold } else { ForgeAccess::NoPush })
    }
}

impl TellsAccess for Bitbucket {
    fn access(&self) -> Result<ForgeAccess> {
        const SCOPE: &str = "pullrequest:write";
        let answer = self.client.answer(&self.path(""))?;
        Ok(match answer.scopes.as_deref() {
            None => ForgeAccess::Untold,
            // Tokens of users have the longer name.
            Some(scopes) if has(scopes, SCOPE) || has(scopes, "write:pullrequest:bitbucket") => {
                ForgeAccess::Enough
            }
            Some(_) => ForgeAccess::NoScope(SCOPE),
        })
    }
}

fn has(scopes: &str, wanted: &str) -> bool {
    scopes.split(',').any(|scope| scope.trim() == wanted)
}
