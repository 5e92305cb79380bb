//! The path and the parameters of a request.

use std::collections::BTreeMap;

/// The longest target, in bytes.
const MAX_TARGET: usize = 4096;
/// The most parameters.
const MAX_PARAMETERS: usize = 16;

/// What a request is about: `/api/v1/agents/auth-k3m9q/log?lines=50`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// The words of the path, of letters, digits, `-`, `_` and `.`; never `.` or `..`.
    pub path: Vec<String>,
    /// The parameters, decoded.
    pub parameters: BTreeMap<String, String>,
}

impl Target {
    /// Reads a path with its parameters; `None` if it is none of ours. A path is not decoded, since no name needs it.
    pub fn parse(path: &str, query: Option<&str>) -> Option<Self> {
        let whole = path.len() + query.map_or(0, str::len);
        let words: Vec<String> = match path.strip_prefix('/').filter(|_| whole <= MAX_TARGET)? {
            "" => Vec::new(),
            rest => rest.split('/').map(str::to_owned).collect(),
        };
        let is_word = |word: &String| {
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            !word.is_empty() && !word.starts_with('.') && word.bytes().all(is_plain)
        };
        let mut parameters = BTreeMap::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if parameters.len() >= MAX_PARAMETERS
                || parameters.insert(decoded(name)?, decoded(value)?).is_some()
            {
                return None;
            }
        }
        words.iter().all(is_word).then_some(Self { path: words, parameters })
    }

    /// Returns the words in the places of a pattern such as `/api/v1/agents/{id}`; `None` if the path is not like it.
    pub fn matches(&self, pattern: &str) -> Option<Vec<&str>> {
        let wanted: Vec<&str> = pattern.split('/').filter(|word| !word.is_empty()).collect();
        if wanted.len() != self.path.len() {
            return None;
        }
        let mut places = Vec::new();
        for (wanted, word) in wanted.iter().zip(&self.path) {
            if wanted.starts_with('{') {
                places.push(word.as_str());
            } else if wanted != word {
                return None;
            }
        }
        Some(places)
    }
}

/// Decodes a part of a query; `None` if it is malformed, or no text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_words_and_parameters_are_decoded() {
        let target =
            Target::parse("/api/v1/agents/auth-k3m9q/log", Some("lines=50&path=a%20b%2Fc+d&x")).unwrap();
        assert_eq!(target.matches("/api/v1/agents/{id}/log"), Some(vec!["auth-k3m9q"]));
        assert_eq!(target.matches("/api/v1/agents/{id}"), None);
        let expected = [("lines", "50"), ("path", "a b/c d"), ("x", "")];
        assert_eq!(
            target.parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect::<Vec<_>>(),
            expected
        );
        assert_eq!(Target::parse("/", None).unwrap().matches("/"), Some(vec![]));
    }

    #[test]
    fn other_paths_and_queries_are_none() {
        let many = (0..20).map(|n| format!("a{n}=1")).collect::<Vec<_>>().join("&");
        for (path, query) in [
            ("", ""),
            ("*", ""),
            ("a", ""),
            ("//", ""),
            ("/a/", ""),
            ("/a//b", ""),
            ("/../etc", ""),
            ("/a/./b", ""),
            ("/a%2fb", ""),
            ("/a\\b", ""),
            ("/é", ""),
            ("/a", "x=%"),
            ("/a", "x=%f"),
            ("/a", "x=%ff"),
            ("/a", "x=%00"),
            ("/a", "x=1&x=2"),
            ("/a", many.as_str()),
            ("/a", "x=%+1"),
        ] {
            assert_eq!(Target::parse(path, Some(query)), None, "{path}?{query}");
        }
        assert_eq!(Target::parse(&format!("/{}", "a".repeat(5000)), None), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_target_or_none(path in ".{0,40}", query in ".{0,40}") {
            if let Some(target) = Target::parse(&path, Some(&query)) {
                prop_assert!(target.path.iter().all(|word| !word.contains('/') && word != ".."));
            }
        }
    }
}
