//! The environment variables whose names say that their values are secret.

use memchr::memmem;

use super::Environment;
use crate::model::secret;

/// The minimum length of a secret value, in bytes.
const MIN_VALUE: usize = 8;
/// The words that mark the name of a secret variable.
const NAMES: [&str; 6] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL"];

/// The names and values of secret variables.
#[derive(Clone)]
pub struct SecretVariables(Vec<(String, String)>);

impl SecretVariables {
    /// Returns the secret variables of the caller.
    pub fn of(environment: &Environment) -> Self {
        let secret = environment.text_variables().filter(|(name, value)| is_secret(name, value));
        Self(secret.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Returns the secret values.
    pub fn values(&self) -> Vec<String> {
        self.0.iter().map(|(_, value)| value.clone()).collect()
    }

    /// Returns the secret values that occur in a text, each with a description.
    pub fn find<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = (String, &'a [u8])> + 'a {
        let there = self.0.iter().filter(|(_, value)| memmem::find(bytes, value.as_bytes()).is_some());
        there.map(|(name, value)| (format!("the value of ${name}"), value.as_bytes()))
    }
}

/// Returns whether a variable is secret: its name says so, and its value is not short, a number, or a path.
fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    NAMES.iter().any(|part| name.contains(part))
        && value.len() >= MIN_VALUE
        && value.bytes().any(|byte| !byte.is_ascii_digit())
        && (!value.contains('/') || !value.starts_with('/') && secret::looks_like_key(value.as_bytes()))
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
