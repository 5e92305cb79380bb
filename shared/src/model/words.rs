//! Enums whose variants have one word each, in events, trailers, JSON, options, and tables.

/// Defines an enum whose variants have one word each, with `ALL`, `as_str`, `parse`, [`Display`](std::fmt::Display), and serde by
/// that word. After the name follows how a word is parsed: nothing (exactly), `ignoring case`, or `or VARIANT` (any other word is
/// that variant).
macro_rules! words {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident $(: $first:ident $second:ident)? {
            $( $(#[$doc:meta])* $variant:ident = $word:literal ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
        $vis enum $name {
            $( $(#[$doc])* #[serde(rename = $word)] $variant, )*
        }

        impl $name {
            /// Every variant, in the order of its definition.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$variant),*];

            /// Returns the word of this variant in events, trailers, and JSON.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )*
                }
            }

            words!(@parse $($first $second)?);
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
    (@parse) => {
        /// Parses a word exactly.
        pub fn parse(word: &str) -> Option<Self> {
            Self::ALL.into_iter().find(|known| known.as_str() == word)
        }
    };
    (@parse ignoring case) => {
        /// Parses a word in upper or lower case.
        pub fn parse(word: &str) -> Option<Self> {
            Self::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(word))
        }
    };
    (@parse or $other:ident) => {
        #[doc = concat!("Parses a word. A word that is newer than this program is `", stringify!($other), "`.")]
        pub fn parse(word: &str) -> Self {
            Self::ALL.into_iter().find(|known| known.as_str() == word).unwrap_or(Self::$other)
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::super::{LimitKind, Permission, Phase};

    #[test]
    fn a_word_is_the_same_in_text_and_json() {
        for phase in Phase::ALL {
            let json = serde_json::to_string(&phase).unwrap();
            assert_eq!(json, format!("\"{phase}\""));
            assert_eq!(serde_json::from_str::<Phase>(&json).unwrap(), phase);
            assert_eq!(Phase::parse(phase.as_str()), Some(phase));
        }
        assert_eq!(Phase::parse("Done"), None);
    }

    #[test]
    fn some_words_ignore_case_and_some_may_be_newer() {
        assert_eq!(Permission::parse("ACCEPTedits"), Some(Permission::AcceptEdits));
        assert_eq!(LimitKind::parse("five_hour"), LimitKind::FiveHour);
        assert_eq!(LimitKind::parse("of_a_century"), LimitKind::Other);
        assert_eq!(serde_json::from_str::<LimitKind>("\"of_a_century\"").unwrap(), LimitKind::Other);
    }
}
