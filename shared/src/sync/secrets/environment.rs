//! Values of the environment that are secrets by their names.

use memchr::memmem;

use crate::{model::secret, world::Environment};

/// Shortest value that is looked for.
const SHORTEST: usize = 8;
/// What names of such variables hold.
const NAMES: [&str; 6] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL"];

/// Names and values of such variables.
pub struct SecretVariables(Vec<(String, String)>);

impl SecretVariables {
    /// Those of the caller.
    pub fn of(environment: &Environment) -> Self {
        let secret = environment.text_variables().filter(|(name, value)| is_secret(name, value));
        Self(secret.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The values.
    pub fn values(&self) -> Vec<String> {
        self.0.iter().map(|(_, value)| value.clone()).collect()
    }

    /// The values that stand in a text, each with what it is.
    pub fn find<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = (String, &'a [u8])> + 'a {
        let there = self.0.iter().filter(|(_, value)| memmem::find(bytes, value.as_bytes()).is_some());
        there.map(|(name, value)| (format!("the value of ${name}"), value.as_bytes()))
    }
}

/// A number, a word or a path is none, whatever its name.
fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    NAMES.iter().any(|part| name.contains(part))
        && value.len() >= SHORTEST
        && value.bytes().any(|byte| !byte.is_ascii_digit())
        && (!value.contains('/') || !value.starts_with('/') && secret::is_key(value.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_variables_are_secret() {
        for (name, value, expected) in [
            ("DEPLOY_TOKEN", "correct horse battery", true),
            ("db_password", "hunter2hunter", true),
            ("AWS_SECRET", "aB3/dE6gH9jK2+mN5pQ8", true),
            ("SSH_KEY", "/home/me/.ssh/id", false),
            ("TOKEN", "short", false),
            ("KEY_ID", "1234567890", false),
            ("EDITOR", "correct horse battery", false),
            ("KEY_FILE", "keys/main.pem", false),
        ] {
            assert_eq!(is_secret(name, value), expected, "{name}={value}");
        }
    }
}
