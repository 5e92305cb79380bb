//! The settings that a user types as `git -c KEY=VALUE orchestra …`. Git hands them over in a variable, quoted for a shell.

use crate::world::Environment;

/// The variable in which git hands over the settings of its command line.
const VARIABLE: &str = "GIT_CONFIG_PARAMETERS";
/// The maximum number of settings that are read.
const MAX_SETTINGS: usize = 1000;

/// Returns the settings that a person typed, as `key=value`, or `key` alone for one without a value. An agent's program gets none, and
/// neither does anything that it starts: its settings were decided when it was started.
pub(super) fn typed_settings(environment: &Environment) -> Vec<String> {
    if environment.is_agent() {
        return Vec::new();
    }
    environment.text_variable(VARIABLE).and_then(|text| parse(&text)).unwrap_or_default()
}

/// Parses the value of the variable; `None` if git did not write it. Git quotes each setting as a word, `'key=value'`, since version
/// 2.31 as two, `'key'='value'`. A key that contains `=` is left out: no setting of ours has one, and it could not be told apart.
fn parse(text: &str) -> Option<Vec<String>> {
    let mut settings = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() && settings.len() < MAX_SETTINGS {
        let (key, after) = word(rest)?;
        let (setting, after) = match after.strip_prefix('=') {
            None => (Some(key), after),
            Some(value) if value.is_empty() || value.starts_with(' ') => (Some(key), value),
            Some(value) => {
                let (value, after) = word(value)?;
                ((!key.contains('=')).then(|| format!("{key}={value}")), after)
            }
        };
        settings.extend(setting);
        rest = after.trim_start();
    }
    Some(settings)
}

/// Reads a word as git quotes it: in single quotes, with `'` and `!` outside of them after a backslash. Returns it, and what follows.
fn word(text: &str) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut rest = text.strip_prefix('\'')?;
    loop {
        let (quoted, after) = rest.split_once('\'')?;
        word.push_str(quoted);
        let Some(escaped) = after.strip_prefix('\\') else { return Some((word, after)) };
        let special = escaped.chars().next().filter(|special| matches!(special, '\'' | '!'))?;
        word.push(special);
        rest = escaped[1..].strip_prefix('\'')?;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn settings_are_parsed_as_git_quotes_them() {
        for (text, settings) in [
            ("", vec![]),
            ("'a.b=c'", vec!["a.b=c"]),
            ("'a.b'='c d' 'e.f'='g'", vec!["a.b=c d", "e.f=g"]),
            ("'a.b'= 'c.d'", vec!["a.b", "c.d"]),
            ("'a.b'=", vec!["a.b"]),
            ("'a.b'=''", vec!["a.b="]),
            (r"'a.b'='it'\''s'\!' x=y'", vec!["a.b=it's! x=y"]),
            ("'a.x=y.b'='c' 'd.e'='f'", vec!["d.e=f"]),
        ] {
            assert_eq!(
                parse(text).as_deref(),
                Some(&settings.iter().map(|&s| s.to_owned()).collect::<Vec<_>>()[..]),
                "{text}"
            );
        }
        for text in ["a.b=c", "'a.b=c", "'a'x", r"'a'\x'b'", "'a'='b", r"'a'\'"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_agent_gets_none() {
        let variables = |more: &[(&str, &str)]| {
            let all = [(VARIABLE, "'a.b'='c'")]
                .iter()
                .chain(more)
                .map(|(name, value)| ((*name).into(), (*value).into()));
            typed_settings(&Environment::new(all.collect::<Vec<_>>(), Path::new("/")))
        };
        assert_eq!(variables(&[]), ["a.b=c"]);
        assert_eq!(variables(&[("ORCHESTRA_ATTEMPT", "x")]), [""; 0]);
    }
}
