//! Makes the readable part of an agent's id: the telling words of its task, in ASCII. Pure.

mod sequences;

/// The longest readable part that is read or that a person can choose, in bytes.
pub(super) const MAX_SLUG: usize = 24;
/// The longest readable part that is made of a task, in bytes: a whole id then has at most 24 columns.
const MAX_OF_TASK: usize = 18;
/// The most words of a task.
const MAX_WORDS: usize = 3;
/// Fewer letters of a word that is cut tell nothing.
const MIN_CUT: usize = 4;
/// The readable part for a text without any letter or digit.
const NAMELESS: &str = "agent";

/// Words that say little about a task: articles, prepositions, pronouns, auxiliary verbs, and courtesies. Sorted.
const STOP_WORDS: &[&str] = &[
    "a",
    "all",
    "also",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "been",
    "being",
    "both",
    "but",
    "by",
    "can",
    "could",
    "currently",
    "did",
    "do",
    "does",
    "each",
    "every",
    "for",
    "from",
    "had",
    "has",
    "have",
    "how",
    "i",
    "if",
    "in",
    "into",
    "is",
    "it",
    "its",
    "just",
    "kindly",
    "let",
    "lets",
    "like",
    "may",
    "me",
    "might",
    "must",
    "my",
    "need",
    "needs",
    "now",
    "of",
    "on",
    "onto",
    "or",
    "our",
    "please",
    "really",
    "s",
    "shall",
    "should",
    "simply",
    "so",
    "some",
    "such",
    "t",
    "than",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "these",
    "they",
    "this",
    "those",
    "to",
    "us",
    "using",
    "very",
    "via",
    "want",
    "was",
    "we",
    "were",
    "what",
    "when",
    "where",
    "which",
    "while",
    "who",
    "why",
    "will",
    "with",
    "within",
    "would",
    "you",
    "your",
];

/// Returns whether this text holds a letter or a digit once it is written in ASCII.
pub(super) fn has_word(text: &str) -> bool {
    !words(text).is_empty()
}

/// Returns two or three telling words of a task in `[a-z0-9-]`, of at most 18 bytes. The first words that are no stop words are
/// taken, each once, because a task begins with its verb and what it concerns; a word that does not fit is skipped. A task of
/// stop words alone is named by them.
pub(crate) fn of_task(task: &str) -> String {
    let words = words(task);
    let mut telling: Vec<&str> = Vec::new();
    for word in words.iter().map(String::as_str) {
        if STOP_WORDS.binary_search(&word).is_err() && !telling.contains(&word) {
            telling.push(word);
        }
    }
    let chosen = if telling.iter().any(|word| has_letter(word)) {
        telling
    } else {
        words.iter().map(String::as_str).collect()
    };
    with_a_letter(first_that_fit(&chosen))
}

/// Returns all words of a name that a person chose; `None` if they are longer than 24 bytes.
pub(super) fn of_name(name: &str) -> Option<String> {
    let slug = with_a_letter(words(name).join("-"));
    (slug.len() <= MAX_SLUG).then_some(slug)
}

fn first_that_fit(words: &[&str]) -> String {
    let mut slug = String::new();
    let (mut count, mut too_long) = (0, None);
    for word in words {
        let separator = usize::from(count > 0);
        if count == MAX_WORDS {
            break;
        } else if slug.len() + separator + word.len() <= MAX_OF_TASK {
            push(&mut slug, word);
            count += 1;
        } else if too_long.is_none() {
            too_long = Some(*word);
        }
    }
    // A single word tells too little: the beginning of a long one is better than none of it.
    let room = MAX_OF_TASK.saturating_sub(slug.len() + usize::from(count > 0));
    if let Some(word) = too_long.filter(|_| count < 2 && room >= MIN_CUT) {
        push(&mut slug, &word[..room]);
    }
    slug
}

fn push(slug: &mut String, word: &str) {
    if !slug.is_empty() {
        slug.push('-');
    }
    slug.push_str(word);
}

/// A readable part without letters would look like a number.
fn with_a_letter(slug: String) -> String {
    match slug.as_str() {
        "" => NAMELESS.to_owned(),
        number if !has_letter(number) => {
            let room = MAX_OF_TASK - NAMELESS.len() - 1;
            let number = number.get(..room).unwrap_or(number).trim_end_matches('-');
            format!("{NAMELESS}-{number}")
        }
        _ => slug,
    }
}

fn has_letter(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// Returns the words at the beginning of a text, in `[a-z0-9]`. What follows an apostrophe belongs to the word before it, and what
/// controls a terminal to none.
fn words(text: &str) -> Vec<String> {
    let text = ascii(&sequences::removed(text)).to_ascii_lowercase();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// Transliterates the beginning of a text into ASCII (`Größe` becomes `Grosse`).
fn ascii(text: &str) -> String {
    /// The number of characters that are read: the telling words of a task are among its first ones.
    const READ: usize = 200;
    let mut ascii = String::new();
    for c in text.chars().take(READ) {
        match c {
            // An apostrophe, or a soft sign, does not end a word.
            '\'' | '’' => {}
            _ if c.is_ascii() => ascii.push(c),
            _ => {
                let read = deunicode::deunicode_char(c).unwrap_or("-");
                ascii.extend(read.chars().filter(|c| !matches!(c, '\'' | '`' | '"')));
            }
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stop_words_are_sorted() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn tasks_are_named_by_their_telling_words() {
        for (task, slug) in [
            ("Add rate limiting to the API", "add-rate-limiting"),
            ("Please refactor the CLI module", "refactor-cli"),
            ("Add a type hint to the view decorator", "add-type-hint"),
            ("Make the JSON provider faster", "make-json-provider"),
            ("Refactor authentication", "refactor-authentic"),
            ("Add tests for url_for()", "add-tests-url"),
            ("Could you please implement login?", "implement-login"),
            ("echo two > two.txt", "echo-two-txt"),
            ("implement authenticate login", "implement-login"),
            ("seventeen-letters is internationalization", "seventeen-letters"),
            ("abcdefgh123456789a internationalization", "abcdefgh123456789a"),
            ("Bump the version to 3.3", "bump-version-3"),
            ("  fix: `parse()`!  ", "fix-parse"),
            ("don't panic", "dont-panic"),
            ("do it", "do-it"),
            ("größere Änderung", "grossere-anderung"),
            ("Добавить тесты для входа", "dobavit-testy-dlia"),
            ("Προσθήκη δοκιμών", "prostheke-dokimon"),
            ("Thêm xác thực", "xac-thuc"),
            ("日本語", "ri-ben-yu"),
            ("로그인", "rogeuin"),
            ("…!", "agent"),
            ("", "agent"),
            ("42", "agent-42"),
            ("--help", "help"),
            ("Donaudampfschifffahrtsgesellschaft", "donaudampfschifffa"),
            ("../../etc/passwd", "etc-passwd"),
            ("fix the \u{1b}[1;31mred\u{1b}[0m errors", "fix-red-errors"),
            ("printf '\\x1b[31mred\\x1b[0m'", "printf-red"),
            ("\\e[31m", "agent"),
        ] {
            assert_eq!(of_task(task), slug, "{task}");
        }
    }

    #[test]
    fn a_chosen_name_keeps_all_its_words_or_is_refused() {
        for (name, slug) in [
            ("do it for me", Some("do-it-for-me")),
            ("Login", Some("login")),
            ("7", Some("agent-7")),
            ("日本語", Some("ri-ben-yu")),
            ("twenty-four-letters-long", Some("twenty-four-letters-long")),
            ("twenty-five-letters-longer", None),
        ] {
            assert_eq!(of_name(name).as_deref(), slug, "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_task_has_a_short_readable_part(task: String) {
            let slug = of_task(&task);
            prop_assert!((1..=MAX_OF_TASK).contains(&slug.len()) && has_letter(&slug), "{slug}");
            prop_assert!(slug.split('-').all(|word| !word.is_empty()), "{slug}");
        }
    }
}
