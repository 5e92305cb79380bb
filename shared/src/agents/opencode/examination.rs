//! Asking opencode for its logins.

use super::sessions::ISOLATION;
use crate::{
    agents::examination::{Examination, LoginQuery},
    model::text,
};

/// How opencode is examined.
pub(super) const EXAMINATION: Examination = Examination {
    tried: ("1.18.33", "1.18.33"),
    login: Some(LoginQuery {
        arguments: &["auth", "list"],
        variables: &ISOLATION,
        parse: |succeeded, said| succeeded.then(|| has_login(said)).flatten(),
        log_in: "opencode auth login",
    }),
    install: "npm install -g opencode-ai",
};

/// Returns whether any credential is stored or in a variable, from the totals: `└  2 credentials`, `└  1 environment variable`.
fn has_login(said: &str) -> Option<bool> {
    let said = text::rendered_output(said);
    let totals = said.lines().filter_map(|line| {
        let (number, what) = line.trim_start_matches(['└', ' ']).split_once(' ')?;
        let is_total = what.starts_with("credential") || what.starts_with("environment variable");
        number.parse::<u32>().ok().filter(|_| is_total)
    });
    totals.reduce(u32::saturating_add).map(|total| total > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_read() {
        let none =
            "\u{1b}[0m\n┌  Credentials \u{1b}[90m~/.local/share/opencode/auth.json\n│\n└  0 credentials\n";
        let variable =
            "┌  Environment\n│\n●  OpenAI \u{1b}[90mOPENAI_API_KEY\n│\n└  1 environment variable\n";
        for (said, answer) in [
            (none, Some(false)),
            ("└  2 credentials\n", Some(true)),
            (&format!("{none}\n{variable}"), Some(true)),
            ("no such command", None),
        ] {
            assert_eq!(has_login(said), answer, "{said}");
        }
    }
}
