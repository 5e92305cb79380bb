//! Texts that look like keys, tokens and passwords. Pure.

/// Which characters a secret is made of.
#[derive(Clone, Copy, Debug)]
enum Of {
    /// Letters and digits.
    Plain,
    /// Capital letters and digits.
    Capitals,
    /// Hexadecimal digits, lower case.
    Hex,
    /// Letters, digits, `-` and `_`.
    Dashed,
    /// As [`Of::Dashed`], and `.`.
    Dotted,
    /// As in base64.
    Base64,
}

impl Of {
    const fn has(self, byte: u8) -> bool {
        match self {
            Self::Plain => byte.is_ascii_alphanumeric(),
            Self::Capitals => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
            Self::Dashed => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'),
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
        }
    }
}

/// What it is, how it begins, what follows, and how many of that at the least.
const SHAPES: &[(&str, &str, Of, usize)] = &[
    ("an AWS access key", "AKIA", Of::Capitals, 16),
    ("an AWS access key", "ASIA", Of::Capitals, 16),
    ("a GitHub token", "ghp_", Of::Plain, 36),
    ("a GitHub token", "gho_", Of::Plain, 36),
    ("a GitHub token", "ghu_", Of::Plain, 36),
    ("a GitHub token", "ghs_", Of::Plain, 36),
    ("a GitHub token", "ghr_", Of::Plain, 36),
    ("a GitHub token", "github_pat_", Of::Dashed, 40),
    ("a GitLab token", "glpat-", Of::Dashed, 20),
    ("a GitLab token", "gldt-", Of::Dashed, 20),
    ("an Anthropic key", "sk-ant-", Of::Dashed, 24),
    ("an OpenAI key", "sk-proj-", Of::Dashed, 24),
    ("an OpenAI key", "sk-svcacct-", Of::Dashed, 24),
    ("an OpenAI key", "sk-", Of::Plain, 40),
    ("a Slack token", "xoxb-", Of::Dashed, 20),
    ("a Slack token", "xoxp-", Of::Dashed, 20),
    ("a Slack token", "xoxa-", Of::Dashed, 20),
    ("a Slack token", "xoxs-", Of::Dashed, 20),
    ("a Slack token", "xapp-", Of::Dashed, 20),
    ("a Slack webhook", "hooks.slack.com/services/", Of::Base64, 30),
    ("a Stripe key", "sk_live_", Of::Plain, 16),
    ("a Stripe key", "rk_live_", Of::Plain, 16),
    ("a Stripe key", "sk_test_", Of::Plain, 16),
    ("a Stripe secret", "whsec_", Of::Plain, 24),
    ("a Google key", "AIza", Of::Dashed, 35),
    ("a Google token", "ya29.", Of::Dashed, 20),
    ("a Google secret", "GOCSPX-", Of::Dashed, 20),
    ("an npm token", "npm_", Of::Plain, 36),
    ("a PyPI token", "pypi-", Of::Dashed, 50),
    ("a crates.io token", "cio", Of::Plain, 32),
    ("a SendGrid key", "SG.", Of::Dotted, 60),
    ("a DigitalOcean token", "dop_v1_", Of::Hex, 64),
    ("a Hugging Face token", "hf_", Of::Plain, 34),
    ("a Databricks token", "dapi", Of::Hex, 32),
    ("a Docker token", "dckr_pat_", Of::Dashed, 20),
    ("a Vault token", "hvs.", Of::Dashed, 24),
    ("a Grafana token", "glsa_", Of::Dashed, 32),
    ("a Shopify token", "shpat_", Of::Hex, 32),
    ("a Square token", "sq0atp-", Of::Dashed, 22),
    ("an Atlassian token", "ATATT3", Of::Dashed, 40),
    ("a Linear key", "lin_api_", Of::Plain, 32),
    ("a Postman key", "PMAK-", Of::Dashed, 50),
    ("a Figma token", "figd_", Of::Dashed, 36),
    ("a Notion token", "ntn_", Of::Plain, 40),
    ("a Mailgun key", "key-", Of::Hex, 32),
    ("a New Relic key", "NRAK-", Of::Capitals, 27),
    ("a Supabase token", "sbp_", Of::Hex, 40),
    ("an Azure storage key", "AccountKey=", Of::Base64, 80),
    ("an age key", "AGE-SECRET-KEY-1", Of::Capitals, 50),
    ("a bearer token", "Bearer ", Of::Dotted, 32),
];

/// Names of which the value is a secret, in code and in configuration.
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

/// Longest and shortest value of such a name.
const VALUE: std::ops::RangeInclusive<usize> = 12..=200;

/// What a text seems to hold; `None`: nothing that we know.
pub fn look(text: &str) -> Option<&'static str> {
    find(text).map(|(what, _)| what)
}

/// What it seems to hold, and where.
fn find(text: &str) -> Option<(&'static str, std::ops::Range<usize>)> {
    if let Some(at) = text
        .find("-----BEGIN ")
        .filter(|at| text[*at..].lines().next().is_some_and(|l| l.contains("PRIVATE KEY")))
    {
        let end = text[at..].find("-----END ").map_or(text.len(), |end| at + end);
        return Some(("a private key", at..end));
    }
    for (what, begin, of, least) in SHAPES {
        for (at, _) in text.match_indices(begin) {
            let inside = text[..at].bytes().next_back().is_some_and(|byte| byte.is_ascii_alphanumeric());
            let body = run(&text[at + begin.len()..], *of);
            if !inside && body.len() >= *least && is_random(body) {
                return Some((what, at..at + begin.len() + body.len()));
            }
        }
    }
    web_token(text).or_else(|| password_in_url(text)).or_else(|| named(text))
}

/// With everything that looks like a secret, and these values, taken out.
pub fn without(text: &str, values: &[String]) -> String {
    let mut text = text.to_owned();
    for value in values {
        text = text.replace(value.as_str(), GONE);
    }
    while let Some((_, place)) = find(&text) {
        text.replace_range(place, GONE);
    }
    text
}

/// What stands in the place of a secret.
pub const GONE: &str = "[taken out]";

fn run(text: &str, of: Of) -> &str {
    &text[..text.bytes().take_while(|byte| of.has(*byte)).count()]
}

/// `xxxx` and `example-key` are none.
fn is_random(body: &str) -> bool {
    let distinct = body.bytes().collect::<std::collections::BTreeSet<u8>>().len();
    distinct >= 8.min(body.len() / 2) && body.bytes().any(|byte| byte.is_ascii_digit())
}

/// Three parts of base64, the first two JSON.
fn web_token(text: &str) -> Option<(&'static str, std::ops::Range<usize>)> {
    for (at, _) in text.match_indices("eyJ") {
        let body = run(&text[at..], Of::Dotted);
        let parts: Vec<&str> = body.split('.').collect();
        if parts.len() >= 3 && parts[1].starts_with("eyJ") && parts[..3].iter().all(|part| part.len() >= 10) {
            return Some(("a JSON web token", at..at + body.len()));
        }
    }
    None
}

/// `https://user:password@host`.
fn password_in_url(text: &str) -> Option<(&'static str, std::ops::Range<usize>)> {
    for (at, _) in text.match_indices("://") {
        let start = at + 3;
        let end = text[start..]
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '`' | '<' | '>'));
        let place = &text[start..end.map_or(text.len(), |end| start + end)];
        let Some((user, _)) = place.rsplit_once('@') else { continue };
        let Some((name, password)) = user.split_once(':') else { continue };
        if password.len() >= 6
            && !password.contains(['$', '{', '*', '<'])
            && !matches!(password, "password" | "secret")
        {
            let from = start + name.len() + 1;
            return Some(("a password in a URL", from..from + password.len()));
        }
    }
    None
}

/// `password = "…"`, `API_TOKEN: …`: a value of letters and digits that is no word.
fn named(text: &str) -> Option<(&'static str, std::ops::Range<usize>)> {
    let lower = text.to_ascii_lowercase();
    for name in NAMES {
        for (at, _) in lower.match_indices(name) {
            let mut from = at + name.len();
            let rest = text[from..].trim_start_matches(['"', '\'', ' ', '\t']);
            from = text.len() - rest.len();
            let Some(value) = rest.strip_prefix(['=', ':']) else { continue };
            let value = value.trim_start_matches(['"', '\'', ' ', '\t', '`']);
            from += rest.len() - value.len();
            let body = &value[..value.bytes().take_while(|byte| is_value(*byte)).count()];
            if VALUE.contains(&body.len()) && is_key(body) {
                return Some(("a value that is named as a secret", from..from + body.len()));
            }
        }
    }
    None
}

const fn is_value(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'_' | b'+' | b'/' | b'=' | b'.' | b'!' | b'@' | b'#' | b'%' | b'^' | b'&' | b'*'
        )
}

/// Capital and small letters or many characters, digits among them, and no path, call or sentence.
fn is_key(body: &str) -> bool {
    let count = |wanted: fn(&u8) -> bool| body.bytes().filter(wanted).count();
    let (digits, small, large) =
        (count(u8::is_ascii_digit), count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase));
    let mixed = small > 1 && large > 1 || body.len() >= 20 && small + large > 4;
    digits > 1 && mixed && is_random(body) && !body.contains("::") && body.matches(['/', '.']).count() < 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_one_and_what_does_not() {
        let key = |begin: &str, body: &str| format!("{begin}{body}");
        let body = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6kL9n";
        for text in [
            key("use ghp_", body),
            key("x=AKIA", "J4K7N2P9Q3R8S5T6"),
            key("-----BEGIN RSA PRIVATE", " KEY-----\nabc"),
            key("https://me:", "hunter2hunter@host/x"),
            key("PASSWORD = \"", "Tr0ub4dor3xY\""),
            key("api_key: ", "q8Z3k1L0p9X7w5V2"),
            key("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.", body),
        ] {
            assert!(look(&text).is_some(), "{text}");
            assert!(look(&without(&text, &[])).is_none(), "{text}");
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
            assert_eq!(look(text), None, "{text}");
        }
        assert_eq!(
            without("say hunter22 twice: hunter22", &["hunter22".into()]),
            "say [taken out] twice: [taken out]"
        );
    }
}
