//! Finding a key of the table by the name that a person typed or that git read.

use super::{
    KEYS, SECTION,
    key::{Described, NAME_PLACEHOLDER},
};
use crate::{
    Code, Error,
    model::{nearest::nearest, text::safe},
};

/// The longest name of a profile, in bytes.
const MAX_NAME: usize = 60;

/// A key of the table, with the name that the user chose in it, if it has one.
#[derive(Clone)]
pub struct TableKey {
    key: &'static dyn Described,
    name: String,
    chosen: String,
}

impl TableKey {
    /// Finds a key by its name, with or without `orchestra.`, in the case that git accepts; earlier names are found as well.
    pub fn find(typed: &str) -> Option<Self> {
        let typed = normalized(typed);
        KEYS.iter().find_map(|key| {
            let matches = |pattern: &str| user_name(pattern, &typed);
            let chosen = matches(key.name()).or_else(|| key.old_name().and_then(matches))?;
            Some(Self { key: *key, name: key.name().replace(NAME_PLACEHOLDER, &chosen), chosen })
        })
    }

    /// Like [`TableKey::find`], but an error suggests what may have been meant.
    ///
    /// # Errors
    /// There is no such key (2).
    pub fn require(typed: &str) -> Result<Self, Error> {
        Self::find(typed).ok_or_else(|| {
            let error = Error::new(Code::KeyUnknown, format!("no key '{}'", safe(typed)));
            let error = match suggestion(typed) {
                Some(name) => error.hint(did_you_mean(&name)),
                None => error,
            };
            error.hint("'git orchestra config list --all' lists all keys")
        })
    }

    /// Returns what the table says of it.
    pub fn key(&self) -> &'static dyn Described {
        self.key
    }

    /// Returns the whole name, as it is written in git config.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the description of the value, with the user's part of the name in it.
    pub fn purpose(&self) -> String {
        self.key.what().replace(NAME_PLACEHOLDER, &self.chosen)
    }

    /// Returns the default as text, with the user's part of the name in it; empty if there is none.
    pub fn default_text(&self) -> String {
        self.key.default_text().replace(NAME_PLACEHOLDER, &self.chosen)
    }

    /// Returns the names under which git may have a value, as git normalizes them: the earlier name is the last.
    pub fn names_in_git(&self) -> Vec<String> {
        [Some(self.name()), self.key.old_name()].into_iter().flatten().map(normalized).collect()
    }

    /// Checks a value that a person typed.
    ///
    /// # Errors
    /// It is not of the key's type (2).
    pub fn check(&self, value: &str) -> Result<(), Error> {
        let is_default = value.is_empty() && !self.key.is_repeated();
        if is_default || self.key.rewritten(value).is_some() {
            return Ok(());
        }
        let error = Error::new(Code::ValueInvalid, self.problem(value));
        Err(match self.key.choices().nearest(value) {
            Some(near) => error.hint(did_you_mean(&near)),
            None => error.hint(format!("{}: {}", self.name, self.purpose())),
        })
    }

    /// Returns what is wrong with a value that is not of the key's type.
    pub fn problem(&self, value: &str) -> String {
        format!("'{}' is '{}', not {}", self.name, safe(value), self.key.expected())
    }
}

/// Returns the name of a key without the section that all keys share.
pub fn short_name(name: &str) -> &str {
    name.strip_prefix(SECTION).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name)
}

fn did_you_mean(name: &str) -> String {
    format!("did you mean '{name}'?")
}

/// Returns the name of the known key that is nearest to an unknown one.
pub fn suggestion(typed: &str) -> Option<String> {
    let typed = normalized(typed);
    let typed = typed.strip_prefix("orchestra.")?;
    let chosen = typed.split('.').nth(1).filter(|_| typed.split('.').count() > 2).unwrap_or("NAME");
    let known = KEYS.iter().map(|key| {
        let name = key.name().replace(NAME_PLACEHOLDER, chosen);
        name.trim_start_matches("orchestra.").to_owned()
    });
    nearest(typed, known.collect()).map(|name| format!("{SECTION}.{name}"))
}

/// Returns a name as git normalizes it: the section and the part after the last dot in lower case. The section may be missing.
pub fn normalized(name: &str) -> String {
    let prefix = format!("{SECTION}.");
    let has_section = name.get(..prefix.len()).is_some_and(|before| before.eq_ignore_ascii_case(&prefix));
    let rest = if has_section { &name[prefix.len()..] } else { name };
    match rest.rsplit_once('.') {
        Some((subsection, last)) => format!("{prefix}{subsection}.{}", last.to_ascii_lowercase()),
        None => format!("{prefix}{}", rest.to_ascii_lowercase()),
    }
}

/// Returns the user's part of a normalized name if it matches the pattern of a key; an empty text if the pattern has no such part.
fn user_name(pattern: &str, typed: &str) -> Option<String> {
    let pattern = normalized(pattern);
    let Some((before, after)) = pattern.split_once(NAME_PLACEHOLDER) else {
        return (pattern == typed).then(String::new);
    };
    let name = typed.strip_prefix(before)?.strip_suffix(after)?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let is_valid = match after {
        // Git allows only these characters in the last part of a name.
        "" => name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_word),
        _ => {
            name.len() <= MAX_NAME
                && !name.contains(|c: char| c.is_control() || c.is_whitespace() || c == ',')
        }
    };
    (is_valid && !name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_git_compares_them() {
        for (typed, name) in [
            ("orchestra.jobs", "orchestra.jobs"),
            ("jobs", "orchestra.jobs"),
            ("ORCHESTRA.MAXTIME", "orchestra.maxTime"),
            ("maxtime", "orchestra.maxTime"),
            ("review.MODEL", "orchestra.review.model"),
            ("derived", "orchestra.disposableDirs"),
            ("agent", "orchestra.agent"),
            ("agent.Mine.COMMAND", "orchestra.agent.Mine.command"),
            ("agent.a.b.program", "orchestra.agent.a.b.program"),
            ("regenerate.Lock", "orchestra.regenerate.lock"),
        ] {
            assert_eq!(TableKey::find(typed).map(|key| key.name), Some(name.to_owned()), "{typed}");
        }
        for typed in [
            "",
            "orchestra",
            "orchestra.",
            "job",
            "Review.model",
            "agent.x",
            "agent..command",
            "agent.a b.command",
            "agent.a,b.command",
            "agent.\u{1b}.command",
            "regenerate.a_b",
            "core.pager",
        ] {
            assert!(TableKey::find(typed).is_none(), "{typed}");
        }
    }

    #[test]
    fn an_unknown_name_suggests_the_nearest() {
        for (typed, name) in [
            ("orchestra.job", "orchestra.jobs"),
            ("jbos", "orchestra.jobs"),
            ("maxtme", "orchestra.maxTime"),
            ("agent.mine.comand", "orchestra.agent.mine.command"),
            ("agent.Mine.promt", "orchestra.agent.Mine.prompt"),
            ("agent.mine.maxturn", "orchestra.agent.mine.maxTurns"),
            ("Review.model", "orchestra.review.model"),
        ] {
            assert_eq!(suggestion(typed).as_deref(), Some(name), "{typed}");
        }
        assert_eq!(suggestion("something.entirely.different.from.all"), None);
    }

    #[test]
    fn a_wrong_value_says_what_is_expected_or_nearest() {
        let refused = |key: &str, value: &str| {
            let error = TableKey::require(key).unwrap().check(value).unwrap_err();
            (error.message, error.hints.concat())
        };
        let (message, hint) = refused("permission", "acceptEdit");
        assert_eq!(
            message,
            "'orchestra.permission' is 'acceptEdit', not plan, default, dontAsk, or acceptEdits"
        );
        assert_eq!(hint, "did you mean 'acceptEdits'?");
        let (message, hint) = refused("maxTime", "soon");
        assert!(message.ends_with("not a duration such as '90s', '5m', or '1h 30m'"), "{message}");
        assert!(hint.starts_with("orchestra.maxTime: How long"), "{hint}");
        assert!(TableKey::require("permission").unwrap().check("bypassPermissions").is_err());
        assert!(TableKey::require("shareWith").unwrap().check("").is_err());
        assert!(TableKey::require("jobs").unwrap().check("").is_ok());
    }
}
