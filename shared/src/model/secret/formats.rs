//! The formats of keys and tokens of known vendors.

/// The set of characters that a secret consists of.
#[derive(Clone, Copy, Debug)]
pub(super) enum CharacterSet {
    /// Letters and digits.
    Alphanumeric,
    /// Upper-case letters and digits.
    Capitals,
    /// Lower-case hexadecimal digits.
    Hex,
    /// Letters, digits, `-` and `_`.
    Dashed,
    /// Letters, digits, `-`, `_`, and `.`.
    Dotted,
    /// The characters of base64.
    Base64,
}

impl CharacterSet {
    pub(super) const fn has(self, byte: u8) -> bool {
        match self {
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Capitals => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
            Self::Dashed => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'),
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
        }
    }
}

/// For each format: what it is, its prefix, the set of the characters that follow, and the minimum number of those.
pub(super) const FORMATS: &[(&str, &str, CharacterSet, usize)] = &[
    ("an AWS access key", "AKIA", CharacterSet::Capitals, 16),
    ("an AWS access key", "ASIA", CharacterSet::Capitals, 16),
    ("a GitHub token", "ghp_", CharacterSet::Alphanumeric, 36),
    ("a GitHub token", "gho_", CharacterSet::Alphanumeric, 36),
    ("a GitHub token", "ghu_", CharacterSet::Alphanumeric, 36),
    ("a GitHub token", "ghs_", CharacterSet::Alphanumeric, 36),
    ("a GitHub token", "ghr_", CharacterSet::Alphanumeric, 36),
    ("a GitHub token", "github_pat_", CharacterSet::Dashed, 40),
    ("a GitLab token", "glpat-", CharacterSet::Dashed, 20),
    ("a GitLab token", "gldt-", CharacterSet::Dashed, 20),
    ("an Anthropic key", "sk-ant-", CharacterSet::Dashed, 24),
    ("an OpenAI key", "sk-proj-", CharacterSet::Dashed, 24),
    ("an OpenAI key", "sk-svcacct-", CharacterSet::Dashed, 24),
    ("an OpenAI key", "sk-", CharacterSet::Alphanumeric, 40),
    ("a Slack token", "xoxb-", CharacterSet::Dashed, 20),
    ("a Slack token", "xoxp-", CharacterSet::Dashed, 20),
    ("a Slack token", "xoxa-", CharacterSet::Dashed, 20),
    ("a Slack token", "xoxs-", CharacterSet::Dashed, 20),
    ("a Slack token", "xapp-", CharacterSet::Dashed, 20),
    ("a Slack webhook", "hooks.slack.com/services/", CharacterSet::Base64, 30),
    ("a Stripe key", "sk_live_", CharacterSet::Alphanumeric, 16),
    ("a Stripe key", "rk_live_", CharacterSet::Alphanumeric, 16),
    ("a Stripe key", "sk_test_", CharacterSet::Alphanumeric, 16),
    ("a Stripe secret", "whsec_", CharacterSet::Alphanumeric, 24),
    ("a Google key", "AIza", CharacterSet::Dashed, 35),
    ("a Google token", "ya29.", CharacterSet::Dashed, 20),
    ("a Google secret", "GOCSPX-", CharacterSet::Dashed, 20),
    ("an npm token", "npm_", CharacterSet::Alphanumeric, 36),
    ("a PyPI token", "pypi-", CharacterSet::Dashed, 50),
    ("a crates.io token", "cio", CharacterSet::Alphanumeric, 32),
    ("a SendGrid key", "SG.", CharacterSet::Dotted, 60),
    ("a DigitalOcean token", "dop_v1_", CharacterSet::Hex, 64),
    ("a Hugging Face token", "hf_", CharacterSet::Alphanumeric, 34),
    ("a Databricks token", "dapi", CharacterSet::Hex, 32),
    ("a Docker token", "dckr_pat_", CharacterSet::Dashed, 20),
    ("a Vault token", "hvs.", CharacterSet::Dashed, 24),
    ("a Grafana token", "glsa_", CharacterSet::Dashed, 32),
    ("a Shopify token", "shpat_", CharacterSet::Hex, 32),
    ("a Square token", "sq0atp-", CharacterSet::Dashed, 22),
    ("an Atlassian token", "ATATT3", CharacterSet::Dashed, 40),
    ("a Linear key", "lin_api_", CharacterSet::Alphanumeric, 32),
    ("a Postman key", "PMAK-", CharacterSet::Dashed, 50),
    ("a Figma token", "figd_", CharacterSet::Dashed, 36),
    ("a Notion token", "ntn_", CharacterSet::Alphanumeric, 40),
    ("a Mailgun key", "key-", CharacterSet::Hex, 32),
    ("a New Relic key", "NRAK-", CharacterSet::Capitals, 27),
    ("a Supabase token", "sbp_", CharacterSet::Hex, 40),
    ("an Azure storage key", "AccountKey=", CharacterSet::Base64, 80),
    ("an age key", "AGE-SECRET-KEY-1", CharacterSet::Capitals, 50),
    ("a bearer token", "Bearer ", CharacterSet::Dotted, 32),
];
