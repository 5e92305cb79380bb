//! What the user's git configuration says about the output of commands.

use super::{caller, typed_settings::typed_settings};
use crate::{git::Repo, world::Environment};

/// The key that turns hints off, as git's other keys for advice do.
const ADVICE: &str = "advice.orchestra";
/// The keys that say when to use colours; the first that is set counts.
const COLOURS: [&str; 2] = ["color.orchestra", "color.ui"];

/// How the user wants commands to speak to them. A value that git would not accept counts as not set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Preferences {
    /// Whether to print hints.
    pub advice: bool,
    /// Whether a terminal may be coloured.
    pub colours: bool,
}

impl Preferences {
    /// Reads them from the caller's repository, or else from the caller's own configuration.
    pub fn of(environment: &Environment) -> Self {
        if let Ok(Some(repo)) = Repo::find(environment) {
            return Self::from(|key| repo.config(key));
        }
        let own = caller::without_repository(environment).ok();
        let typed = typed_settings(environment);
        Self::from(|key| {
            let typed = typed.iter().rev().filter_map(|setting| setting.split_once('='));
            let mut typed = typed.filter(|(name, _)| name.eq_ignore_ascii_case(key));
            let value = typed.next().map(|(_, value)| value.to_owned());
            value.or_else(|| Some(own.as_ref()?.string(key)?.to_string()))
        })
    }

    fn from(value: impl Fn(&str) -> Option<String>) -> Self {
        let is_on = |value: Option<String>| !value.is_some_and(|value| is_off(&value));
        Self { advice: is_on(value(ADVICE)), colours: is_on(COLOURS.iter().find_map(|key| value(key))) }
    }
}

/// Whether a value means no to git.
fn is_off(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "never" | "false" | "no" | "off" | "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_specific_key_counts() {
        for (values, advice, colours) in [
            (&[][..], true, true),
            (&[("advice.orchestra", "false")], false, true),
            (&[("advice.orchestra", "True"), ("color.ui", "never")], true, false),
            (&[("color.ui", "never"), ("color.orchestra", "auto")], true, true),
            (&[("color.ui", "always"), ("color.orchestra", "Off")], true, false),
            (&[("advice.orchestra", "")], true, true),
        ] {
            let value = |key: &str| {
                let found = values.iter().find(|(name, _)| *name == key);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(Preferences::from(value), Preferences { advice, colours }, "{values:?}");
        }
    }
}
