//! The formats of keys and tokens of known vendors.

/// The set of characters that a secret consists of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of {
    /// Letters and digits.
    Plain,
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

impl Of {
    pub(super) const fn has(self, byte: u8) -> bool {
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

/// For each format: what it is, its prefix, the set of the characters that follow, and the minimum number of those.
pub(super) const SHAPES: &[(&str, &str, Of, usize)] = &[
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
