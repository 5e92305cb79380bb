//! Finding keys, tokens, and passwords in text, by how they look. Pure.

pub mod decoding;
mod formats;
mod shell;

use std::ops::Range;

use memchr::memmem;

use super::text;
use formats::{CharacterSet, FORMATS};

/// The version of these rules. Objects that another version found clean are scanned again.
pub const RULES: u32 = 3;

/// Names whose values are secrets, in code and in configuration.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "access_key",
    "private_key",
    "credential",
];

/// The length of the value of such a name, in bytes.
const VALUE_LENGTH: std::ops::RangeInclusive<usize> = 12..=200;
/// Maximum number of passes over a text to redact it.
const PASSES: usize = 8;
/// Maximum length of a token, in bytes. The limits keep the scan fast for a file that is full of their prefixes.
const MAX_TOKEN: usize = 1024;
/// Maximum length of a JSON web token, in bytes.
const MAX_WEB_TOKEN: usize = 8 << 10;
/// Maximum length of a private key, in bytes.
const MAX_PRIVATE_KEY: usize = 64 << 10;
/// Maximum length of `user:password@host` in a URL, in bytes.
const MAX_HOST: usize = 2048;

const PRIVATE_KEY: &str = "-----BEGIN ";
const WEB_TOKEN: &str = "eyJ";
const URL: &str = "://";

/// One bit for every pair of bytes, set if a secret can begin with that pair.
static PAIRS: [u64; 1024] = pairs();

const fn pairs() -> [u64; 1024] {
    let mut pairs = [0; 1024];
    let mut at = 0;
    while at < FORMATS.len() {
        set(&mut pairs, FORMATS[at].1);
        at += 1;
    }
    set(&mut pairs, PRIVATE_KEY);
    set(&mut pairs, WEB_TOKEN);
    set(&mut pairs, URL);
    pairs
}

const fn set(pairs: &mut [u64; 1024], begin: &str) {
    let pair = pair(begin.as_bytes()[0], begin.as_bytes()[1]);
    pairs[pair / 64] |= 1 << (pair % 64);
}

const fn pair(first: u8, second: u8) -> usize {
    (first as usize) << 8 | second as usize
}

/// Something that looks like a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// What it looks like, with its article: `a GitHub token`.
    pub what: &'static str,
    /// Its range of bytes in the text.
    pub range: Range<usize>,
}

/// Returns what the first secret in a text looks like, if there is one.
pub fn first_secret(text: &str) -> Option<&'static str> {
    find(text.as_bytes()).first().map(|found| found.what)
}

/// Finds everything that looks like a secret, in the order in which it occurs.
pub fn find(bytes: &[u8]) -> Vec<Finding> {
    let mut all = Vec::new();
    for (at, two) in bytes.windows(2).enumerate() {
        let pair = pair(two[0], two[1]);
        if PAIRS[pair / 64] >> (pair % 64) & 1 == 1 {
            secrets_at(bytes, at, &mut all);
        }
    }
    for at in memchr::memchr2_iter(b'=', b':', bytes) {
        if ends_in_secret_name(&bytes[..at]) {
            all.extend(named_value(bytes, at + 1));
        }
    }
    all.sort_by_key(|found| found.range.start);
    all
}

/// Adds the secrets that begin at `at`.
fn secrets_at(bytes: &[u8], at: usize, all: &mut Vec<Finding>) {
    let rest = &bytes[at..];
    let inside = bytes[..at].last().is_some_and(u8::is_ascii_alphanumeric);
    for (what, begin, of, least) in FORMATS.iter().filter(|shape| !inside && shape.1.as_bytes()[0] == rest[0])
    {
        let Some(body) = rest.strip_prefix(begin.as_bytes()).map(|body| leading_run(body, *of, MAX_TOKEN))
        else {
            continue;
        };
        if body.len() >= *least && is_random(body) {
            all.push(Finding { what, range: at..at + begin.len() + body.len() });
        }
    }
    if rest.starts_with(PRIVATE_KEY.as_bytes()) {
        let line = &rest[..rest.len().min(200)];
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if memmem::find(line, b"PRIVATE KEY").is_some() {
            let rest = &rest[..rest.len().min(MAX_PRIVATE_KEY)];
            let end = at + memmem::find(rest, b"-----END ").unwrap_or(rest.len());
            all.push(Finding { what: "a private key", range: at..end });
        }
    } else if rest.starts_with(WEB_TOKEN.as_bytes()) {
        all.extend(web_token(bytes, at));
    } else if rest.starts_with(URL.as_bytes()) {
        all.extend(password_in_url(bytes, at + URL.len()));
    }
}

/// Redacts everything that looks like a secret, and the given values.
pub fn redact(text: &str, values: &[String]) -> String {
    let mut text = text.to_owned();
    for value in values {
        text = text.replace(value.as_str(), PLACEHOLDER);
    }
    // A placeholder together with the text around it could look like another secret.
    for _ in 0..PASSES {
        let found = find(text.as_bytes());
        if found.is_empty() {
            break;
        }
        text = replace_findings(text.as_bytes(), &found);
    }
    // A secret that only a decoded reading shows may still occur literally in the text, and is replaced there. Otherwise it is
    // spelled in escapes that cannot be located, and the whole text is redacted.
    let before = text.clone();
    for reading in decoding::decodings(before.as_bytes()).iter().skip(1) {
        let hidden = find(reading).into_iter().map(|found| reading[found.range].to_vec());
        let known = values.iter().map(|value| value.clone().into_bytes());
        for secret in hidden.chain(known.filter(|value| memmem::find(reading, value).is_some())) {
            match std::str::from_utf8(&secret).ok().filter(|secret| text.contains(*secret)) {
                Some(secret) => text = text.replace(secret, PLACEHOLDER),
                None => return PLACEHOLDER.to_owned(),
            }
        }
    }
    text
}

fn replace_findings(bytes: &[u8], found: &[Finding]) -> String {
    let (mut out, mut from) = (Vec::with_capacity(bytes.len()), 0);
    for Finding { range, .. } in found {
        if range.start >= from {
            out.extend_from_slice(&bytes[from..range.start]);
            out.extend_from_slice(PLACEHOLDER.as_bytes());
        }
        from = from.max(range.end);
    }
    out.extend_from_slice(&bytes[from..]);
    String::from_utf8_lossy(&out).into_owned()
}

/// Finds passwords in a text that a person wrote, or a command, which only the words before them show.
pub fn find_in_words(text: &str) -> Vec<Finding> {
    if shell::may_contain(text.as_bytes()) { shell::find(text) } else { Vec::new() }
}

/// Returns whether [`find_in_words`] may find something in a text, also in one that is encoded. Fast.
pub fn may_be_in_words(bytes: &[u8]) -> bool {
    shell::may_contain(bytes)
}

/// Redacts a text that a person wrote, or a command: what [`redact`] redacts, and passwords that only the words before them show.
pub fn redact_words(text: &str, values: &[String]) -> String {
    let text = redact(text, values);
    replace_findings(text.as_bytes(), &find_in_words(&text))
}

/// Returns the title of a new task, without secrets: titles become subjects of commits and names of branches, which are pushed.
/// Redacted before it is cut, since the first half of a token looks like none. `values` are other secrets, such as those of the
/// environment.
pub fn title(task: &str, values: &[String]) -> String {
    text::title(&redact_words(text::title_line(task), values))
}

/// The placeholder for a secret.
pub const PLACEHOLDER: &str = "[taken out]";

fn leading_run(bytes: &[u8], of: CharacterSet, longest: usize) -> &[u8] {
    &bytes[..bytes.iter().take(longest).take_while(|byte| of.has(**byte)).count()]
}

/// Returns whether a text looks random: `xxxx` and `example-key` do not.
fn is_random(body: &[u8]) -> bool {
    let mut seen = [false; 256];
    body.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    let distinct = seen.iter().filter(|one| **one).count();
    distinct >= 8.min(body.len() / 2) && body.iter().any(u8::is_ascii_digit)
}

/// Finds a JSON web token: three parts in base64, of which the first two are JSON objects.
fn web_token(bytes: &[u8], at: usize) -> Option<Finding> {
    let body = leading_run(&bytes[at..], CharacterSet::Dotted, MAX_WEB_TOKEN);
    let parts: Vec<&[u8]> = body.split(|byte| *byte == b'.').collect();
    let is_token = parts.len() >= 3
        && parts[1].starts_with(WEB_TOKEN.as_bytes())
        && parts[..3].iter().all(|part| part.len() >= 10);
    is_token.then(|| Finding { what: "a JSON web token", range: at..at + body.len() })
}

/// Finds the password in `https://user:password@host`. `start` is the position after `://`.
fn password_in_url(bytes: &[u8], start: usize) -> Option<Finding> {
    let rest = &bytes[start..];
    let ends = |byte: &u8| {
        byte.is_ascii_whitespace() || matches!(byte, 0 | b'/' | b'"' | b'\'' | b'`' | b'<' | b'>')
    };
    let range = &rest[..rest.iter().take(MAX_HOST).take_while(|byte| !ends(byte)).count()];
    let user = &range[..memchr::memrchr(b'@', range)?];
    let colon = memchr::memchr(b':', user)?;
    let password = &user[colon + 1..];
    let is_one = password.len() >= 6
        && !password.iter().any(|byte| matches!(byte, b'$' | b'{' | b'*' | b'<'))
        && !matches!(password, b"password" | b"secret");
    let from = start + colon + 1;
    is_one.then(|| Finding { what: "a password in a URL", range: from..from + password.len() })
}

/// Returns whether a text is the name of a secret, as of a variable or an option: `DB_PASSWORD`, `--api-key`.
pub fn is_name(text: &str) -> bool {
    ends_in_secret_name(text.as_bytes())
}

/// Returns whether a text ends in the name of a secret, possibly followed by quotes and white space.
fn ends_in_secret_name(text: &[u8]) -> bool {
    let between = text.iter().rev().take_while(|byte| matches!(byte, b'"' | b'\'' | b' ' | b'\t')).count();
    let text = &text[..text.len() - between];
    NAMES.iter().any(|name| {
        text.len()
            .checked_sub(name.len())
            .is_some_and(|from| text[from..].eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// Finds the value in `password = "…"` or `API_TOKEN: …`, if it looks like a key. `at` is the position after `=` or `:`.
fn named_value(bytes: &[u8], at: usize) -> Option<Finding> {
    let rest = &bytes[at..];
    let skipped = rest.iter().take_while(|byte| matches!(byte, b'"' | b'\'' | b' ' | b'\t' | b'`')).count();
    let body = &rest[skipped..];
    let body =
        &body[..body.iter().take(VALUE_LENGTH.end() + 1).take_while(|byte| is_value_byte(**byte)).count()];
    let from = at + skipped;
    let is_one = VALUE_LENGTH.contains(&body.len()) && looks_like_key(body);
    is_one.then(|| Finding { what: "a value that is named as a secret", range: from..from + body.len() })
}

const fn is_value_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'_' | b'+' | b'/' | b'=' | b'.' | b'!' | b'@' | b'#' | b'%' | b'^' | b'&' | b'*'
        )
}

/// Returns whether a value looks like a key: it has digits, has letters in both cases or is long, and is not a path or a call.
pub fn looks_like_key(body: &[u8]) -> bool {
    let count = |wanted: fn(&u8) -> bool| body.iter().filter(|byte| wanted(byte)).count();
    let (digits, small, large) =
        (count(u8::is_ascii_digit), count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase));
    let mixed = small > 1 && large > 1 || body.len() >= 20 && small + large > 4;
    let parts = count(|byte| matches!(byte, b'/' | b'.'));
    digits > 1 && mixed && is_random(body) && memmem::find(body, b"::").is_none() && parts < 3
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6kL9n";

    fn key(begin: &str, body: &str) -> String {
        format!("{begin}{body}")
    }

    #[test]
    fn recognizes_secrets_and_nothing_else() {
        for text in [
            key("use ghp_", BODY),
            key("x=AKIA", "J4K7N2P9Q3R8S5T6"),
            key("-----BEGIN RSA PRIVATE", " KEY-----\nabc"),
            key("https://me:", "hunter2hunter@host/x"),
            key("PASSWORD = \"", "Tr0ub4dor3xY\""),
            key("api_key: ", "q8Z3k1L0p9X7w5V2"),
            key("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.", BODY),
        ] {
            assert!(first_secret(&text).is_some(), "{text}");
            assert!(first_secret(&redact(&text, &[])).is_none(), "{text}");
        }
        for text in [
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "commit 79a1bac8d15d41c6ab0e79a1bac8d15d41c6ab0e",
            "session 5f0c2a6e-7b1d-4c3e-9a8f-0123456789ab",
            "let token = parser.next_token();",
            "https://user:$PASSWORD@host",
            "the password is asked for; secret: none",
            "token: Option<String>",
            "task-list and risk-free desk-12345",
        ] {
            assert_eq!(first_secret(text), None, "{text}");
        }
        assert_eq!(
            redact("say hunter22 twice: hunter22", &["hunter22".into()]),
            "say [taken out] twice: [taken out]"
        );
    }

    #[test]
    fn finds_several_secrets_in_binary_data() {
        let (token, access) = (key("ghp_", BODY), key("AKIA", "J4K7N2P9Q3R8S5T6"));
        let text = [b"\xff\0x ", token.as_bytes(), b"\xfe\n", access.as_bytes()];
        let found: Vec<&str> = find(&text.concat()).iter().map(|found| found.what).collect();
        assert_eq!(found, ["a GitHub token", "an AWS access key"]);
    }

    #[test]
    fn titles_have_no_secret_also_where_they_are_cut() {
        for fill in [0, 20, 40, 70] {
            let task =
                format!("{}\nuse {}{}{BODY} for it", "-".repeat(fill), "x".repeat(fill), key(" ghp", "_"));
            let title = title(&task, &[]);
            assert!(!title.contains("ghp") && title.starts_with("use"), "{title}");
        }
        assert_eq!(title("## Add `x`\nmore", &[]), "Add `x`");
    }

    #[test]
    fn redacts_encoded_secrets() {
        for text in [key(r"say \nghp_", BODY), key(r"say \\nghp_", BODY), key(r"say \u0067hp_", BODY)] {
            assert_eq!(first_secret(&text), None, "{text}");
            let clean = redact(&text, &[]);
            assert!(clean.contains(PLACEHOLDER) && !clean.contains(BODY), "{clean}");
        }
        assert_eq!(redact(r"use \u0068unter22", &["hunter22".into()]), PLACEHOLDER);
    }
}
