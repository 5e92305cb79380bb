//! How an installed program is examined: by its own commands, which start no agent, print no secret, and reach no other machine.

/// A variable with the value that it has while a program is examined.
type Variable = (&'static str, &'static str);

/// A port of this machine at which nothing listens.
const NOWHERE: &str = "http://127.0.0.1:9";

/// Variables with which a program reaches no other machine, even if it tries: all requests go to a proxy that does not exist.
pub const OFFLINE: &[Variable] = &[
    ("HTTP_PROXY", NOWHERE),
    ("HTTPS_PROXY", NOWHERE),
    ("ALL_PROXY", NOWHERE),
    ("http_proxy", NOWHERE),
    ("https_proxy", NOWHERE),
    ("all_proxy", NOWHERE),
    ("NO_PROXY", ""),
    ("no_proxy", ""),
];

/// What is known about the versions and the login of a program.
#[derive(Clone, Copy, Debug)]
pub struct Examination {
    /// The oldest and the newest version that git orchestra was tried with.
    pub tried: (&'static str, &'static str),
    /// How to ask whether a user is logged in; `None` if the program has no command for that.
    pub login: Option<LoginQuery>,
    /// The command that installs the program.
    pub install: &'static str,
}

/// A command that tells whether a user is logged in.
#[derive(Clone, Copy, Debug)]
pub struct LoginQuery {
    /// The arguments of the program.
    pub arguments: &'static [&'static str],
    /// Additional variables that turn off everything but the answer.
    pub variables: &'static [Variable],
    /// Reads the answer, from whether the command succeeded and its standard output and error; `None` if it is not understood.
    pub parse: fn(bool, &str) -> Option<bool>,
    /// The command with which a user logs in.
    pub log_in: &'static str,
}

impl Examination {
    /// Returns whether git orchestra was tried with a version of the program. A version that cannot be compared counts as tried.
    pub fn covers(&self, version: &str) -> bool {
        let (Some(version), Some(oldest), Some(newest)) =
            (numbers(version), numbers(self.tried.0), numbers(self.tried.1))
        else {
            return true;
        };
        (oldest..=newest).contains(&version)
    }
}

/// Returns the numbers of a version, such as `2.1.329`.
fn numbers(version: &str) -> Option<Vec<u64>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

/// Finds the version in what a program prints about itself: the first word that begins with a digit and contains a point.
pub fn version_in(said: &str) -> Option<&str> {
    let words = said.split_whitespace().map(|word| word.trim_start_matches('v').trim_end_matches(','));
    words.into_iter().find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_print() {
        for (said, version) in [
            ("2.1.329 (Claude Code)\n", Some("2.1.329")),
            ("codex-cli 0.169.0\n", Some("0.169.0")),
            ("v1.18.33", Some("1.18.33")),
            ("no version here", None),
            ("", None),
        ] {
            assert_eq!(version_in(said), version, "{said}");
        }
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let examination = Examination { tried: ("2.1.197", "2.1.329"), login: None, install: "" };
        for (version, covered) in [
            ("2.1.197", true),
            ("2.1.200", true),
            ("2.1.329", true),
            ("2.1.330", false),
            ("2.1.99", false),
            ("3.0.0", false),
            ("2.2.0-beta", true),
        ] {
            assert_eq!(examination.covers(version), covered, "{version}");
        }
    }
}
