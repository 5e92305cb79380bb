//! Asking Claude Code for its login.

use crate::agents::examination::{Examination, LoginQuery};

/// How Claude Code is examined.
pub(super) const EXAMINATION: Examination = Examination {
    tried: ("2.1.197", "2.1.329"),
    login: Some(LoginQuery {
        arguments: &["auth", "status", "--json"],
        variables: &[
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
            ("DISABLE_AUTOUPDATER", "1"),
            ("DISABLE_ERROR_REPORTING", "1"),
            ("DISABLE_TELEMETRY", "1"),
        ],
        parse: |_, said| serde_json::from_str::<serde_json::Value>(said).ok()?.get("loggedIn")?.as_bool(),
        log_in: "claude auth login",
    }),
    install: "npm install -g @anthropic-ai/claude-code",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_auth_status_are_understood() {
        let parse = EXAMINATION.login.map(|login| login.parse);
        for (said, answer) in [
            (r#"{"loggedIn": false, "authMethod": "none"}"#, Some(false)),
            (r#"{"loggedIn": true, "authMethod": "claude.ai", "email": null}"#, Some(true)),
            ("error: unknown command 'auth'", None),
            ("", None),
        ] {
            assert_eq!(parse.and_then(|parse| parse(true, said)), answer, "{said}");
        }
    }
}
