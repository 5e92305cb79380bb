//! What the user's git configuration says about the output of commands.

use super::{caller, typed_settings::typed_settings};
use crate::{git::Repo, world::Environment};

/// The key that turns hints off, as git's other keys for advice do.
const ADVICE: &str = "advice.orchestra";
/// The keys that say when to use colours; the first that is set counts.
const COLOURS: [&str; 2] = ["color.orchestra", "color.ui"];
/// The roles of text whose colours can be chosen, with the keys that choose them.
pub const ROLES: [&str; 7] = [
    "color.orchestra.heading",
    "color.orchestra.good",
    "color.orchestra.bad",
    "color.orchestra.warning",
    "color.orchestra.active",
    "color.orchestra.hint",
    "color.orchestra.faint",
];

/// How the user wants commands to speak to them. A value that git would not accept counts as not set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Preferences {
    /// Whether to print hints.
    pub advice: bool,
    /// Whether a terminal may be coloured.
    pub colours: bool,
    /// The colours of [`ROLES`], in the words of git; `None` where none is chosen.
    pub roles: [Option<String>; ROLES.len()],
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
        let colours = is_on(COLOURS.iter().find_map(|key| value(key)));
        Self { advice: is_on(value(ADVICE)), colours, roles: ROLES.map(&value) }
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
            (&[("color.orchestra.good", "never")], true, true),
        ] {
            let value = |key: &str| {
                let found = values.iter().find(|(name, _)| *name == key);
                found.map(|(_, value)| (*value).to_owned())
            };
            let read = Preferences::from(value);
            assert_eq!((read.advice, read.colours), (advice, colours), "{values:?}");
            let good = values.iter().any(|(name, _)| *name == "color.orchestra.good");
            assert_eq!(read.roles.iter().flatten().count(), usize::from(good), "{values:?}");
        }
    }
}
