//! Agent ids: telling words of the task and five random characters, `add-rate-limiting-k3m9q`.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use super::{
    ids::text_id,
    parsed::parsed,
    secret,
    slug::{self, MAX_SLUG},
};
use crate::{Code, Error, Result};

/// Crockford's base 32 alphabet: digits and lower-case letters without `i`, `l`, `o`, and `u`, which are easily misread.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Number of random characters at the end: 32⁵, about 33 million ids for one slug.
const RANDOM_LENGTH: usize = 5;

/// The name of an agent, valid in a ref, a path, a shell word and JSON alike.
///
/// Text becomes an id only through [`AgentId::parse`], also when it is read from JSON.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, schemars::JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct AgentId(#[schemars(regex(pattern = "^[a-z0-9]+(-[a-z0-9]+)*-[0-9a-hjkmnp-tv-z]{5}$"))] String);

text_id!(AgentId);

impl AgentId {
    /// Makes an id of at most 24 columns for a task from random bytes.
    pub fn new(task: &str, random: [u8; RANDOM_LENGTH]) -> Self {
        Self::with_slug(
            slug::of_task(&secret::redact_words(task, &[]).replace(secret::PLACEHOLDER, " ")),
            random,
        )
    }

    /// Makes an id that begins with a name that a person chose.
    ///
    /// # Errors
    /// The name has no letter and no digit, or is too long.
    pub fn of_name(name: &str, random: [u8; RANDOM_LENGTH]) -> Result<Self> {
        let invalid =
            |why: &str| Error::new(Code::NameInvalid, format!("'{}' {why}", super::text::safe(name)));
        if !slug::has_word(name) {
            return Err(invalid("has no letter and no digit"));
        }
        let slug = slug::of_name(name).ok_or_else(|| {
            invalid("is too long for a name").hint(format!("at most {MAX_SLUG} letters and digits"))
        })?;
        Ok(Self::with_slug(slug, random))
    }

    fn with_slug(mut id: String, random: [u8; RANDOM_LENGTH]) -> Self {
        id.push('-');
        id.extend(random.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])));
        Self(id)
    }

    /// Accepts every id that this or an earlier version made: ids of tasks once had up to 30 characters.
    ///
    /// # Errors
    /// The text is not an agent id.
    pub fn parse(text: &str) -> Result<Self> {
        let valid = text.rsplit_once('-').is_some_and(|(slug, tail)| {
            is_slug(slug) && tail.len() == RANDOM_LENGTH && tail.bytes().all(|byte| ALPHABET.contains(&byte))
        });
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::new(Code::NameInvalid, format!("'{}' is not an agent id", super::text::safe(text))))
        }
    }

    /// Whether a branch was made for this agent, as its name tells. Any other branch was there before the agent, and stays when the
    /// agent is removed.
    pub fn has_made(&self, branch: &str) -> bool {
        branch.ends_with(&self.0)
    }
}

impl FromStr for AgentId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for AgentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        parsed(deserializer, "an agent id", |text| Self::parse(text).ok())
    }
}

fn is_slug(text: &str) -> bool {
    (1..=MAX_SLUG).contains(&text.len())
        && text.split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rejects_malformed_ids() {
        for text in [
            "",
            "a",
            "a-",
            "-k3m9q",
            "a-k3m9",
            "a-k3m9q9",
            "A-k3m9q",
            "a--k3m9q",
            "a/b-k3m9q",
            "a-k3mlq",
            "a.lock",
        ] {
            assert!(AgentId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_secret_gets_into_an_id() {
        let token = format!("ghp_{}", "a1B2c3D4e5".repeat(4));
        for task in
            [format!("export T={token}; deploy"), super::secret::title(&format!("deploy with {token}"), &[])]
        {
            let id = AgentId::new(&task, [0; RANDOM_LENGTH]);
            assert!(id.as_str().contains("deploy") && !id.as_str().contains("ghp"), "{id}");
            assert!(!id.as_str().contains("taken"), "{id}");
        }
    }

    proptest! {
        #[test]
        fn every_new_id_parses(task: String, random: [u8; RANDOM_LENGTH]) {
            let id = AgentId::new(&task, random);
            prop_assert!(id.as_str().len() <= 24, "{}", id);
            prop_assert_eq!(AgentId::parse(id.as_str()).unwrap(), id);
        }
    }
}
