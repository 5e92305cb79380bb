//! The keys of MCP servers: `orchestra.mcp.<name>.*`, and which agents get one. They name programs and addresses, so they are the user's
//! alone: the project's file neither sets nor proposes one.

use crate::config::{
    key::{Key, Kind, NamedKey, NamedRepeatedKey, RepeatedKey},
    kind::OPTIONAL_TEXT,
};

/// The name of an environment variable.
const VARIABLE_NAME: Kind<String> = Kind {
    expected: "the name of a variable, such as LINEAR_API_KEY, without its value",
    parse: |text| is_variable_name(text).then(|| text.to_owned()),
    text: String::clone,
};

/// A header, and the variable with its value.
const HEADER: Kind<String> = Kind {
    expected: "a header and the name of the variable with its value, such as Authorization=LINEAR_AUTHORIZATION",
    parse: |text| {
        let (header, variable) = text.split_once('=')?;
        let is_header = (1..=100).contains(&header.len())
            && header.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (is_header && is_variable_name(variable)).then(|| text.to_owned())
    },
    text: String::clone,
};

/// The address of a server, or `None` if the value is empty.
pub(super) const OPTIONAL_URL: Kind<Option<String>> = Kind {
    expected: "an address that begins with https://, or with http:// and localhost or 127.0.0.1",
    parse: |text| match text.trim() {
        "" => Some(None),
        url => is_url(url).then(|| Some(url.to_owned())),
    },
    text: |value| value.clone().unwrap_or_default(),
};

fn is_variable_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    (1..=200).contains(&text.len())
        && text.bytes().next().is_some_and(is_letter)
        && text.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

fn is_url(url: &str) -> bool {
    let is_plain = url.len() <= 2000 && !url.chars().any(|c| c.is_control() || c.is_whitespace());
    let of_this_machine = url.strip_prefix("http://").is_some_and(|rest| {
        let host = rest.split(['/', ':', '?', '#']).next().unwrap_or_default();
        host == "localhost" || host == "127.0.0.1"
    });
    is_plain && (url.len() > "https://".len() && url.starts_with("https://") || of_this_machine)
}

pub static MCP: RepeatedKey = RepeatedKey::new(
    "orchestra.mcp",
    "The name of an MCP server that agents get, besides those of --mcp, if their program can have one and they do not review; may be \
     given several times",
);

pub static AGENT_MCP: NamedRepeatedKey = NamedRepeatedKey::new(RepeatedKey::new(
    "orchestra.agent.<name>.mcp",
    "The name of an MCP server that agents of the profile <name> get, besides those of orchestra.mcp; may be given several times",
));

pub static MCP_COMMAND: NamedKey<Option<String>> = NamedKey::new(Key::new(
    "orchestra.mcp.<name>.command",
    OPTIONAL_TEXT,
    || None,
    "The program that is the MCP server <name> and speaks on its standard streams, such as npx: its path, or its name on PATH; its \
     arguments are in orchestra.mcp.<name>.arg",
));

pub static MCP_ARG: NamedRepeatedKey = NamedRepeatedKey::new(RepeatedKey::new(
    "orchestra.mcp.<name>.arg",
    "An argument of the MCP server <name>; given several times, in their order",
));

pub static MCP_ENV: NamedRepeatedKey = NamedRepeatedKey::new(
    RepeatedKey::new(
        "orchestra.mcp.<name>.env",
        "The name of a variable of your environment that the MCP server <name> needs, such as LINEAR_API_KEY, never its value; may be \
         given several times",
    )
    .of_kind(VARIABLE_NAME),
);

pub static MCP_URL: NamedKey<Option<String>> = NamedKey::new(Key::new(
    "orchestra.mcp.<name>.url",
    OPTIONAL_URL,
    || None,
    "The address of the MCP server <name>, if it is one that is reached by HTTP; in a sandbox of the level net its host must be in \
     orchestra.sandboxHost",
));

pub static MCP_HEADER: NamedRepeatedKey = NamedRepeatedKey::new(
    RepeatedKey::new(
        "orchestra.mcp.<name>.header",
        "A header for orchestra.mcp.<name>.url, and the variable of your environment that has its value, such as \
         Authorization=LINEAR_AUTHORIZATION, never the value; may be given several times",
    )
    .of_kind(HEADER),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_and_addresses_are_values() {
        for (kind, text, is_valid) in [
            (&VARIABLE_NAME, "LINEAR_API_KEY", true),
            (&VARIABLE_NAME, "_a1", true),
            (&VARIABLE_NAME, "KEY=value", false),
            (&VARIABLE_NAME, "1A", false),
            (&VARIABLE_NAME, "", false),
            (&HEADER, "X-Api-Key=KEY", true),
            (&HEADER, "Authorization", false),
            (&HEADER, "Authorization=Bearer abc", false),
            (&HEADER, "A b=KEY", false),
        ] {
            assert_eq!((kind.parse)(text).is_some(), is_valid, "{text}");
        }
        for (text, is_valid) in [
            ("https://mcp.example.org/sse", true),
            ("http://localhost:8080/mcp", true),
            ("http://127.0.0.1/", true),
            ("http://localhost.example.org/", false),
            ("http://example.org", false),
            ("https://", false),
            ("https://a b", false),
            ("file:///etc/passwd", false),
            ("", true),
        ] {
            assert_eq!((OPTIONAL_URL.parse)(text).is_some(), is_valid, "{text}");
        }
    }
}
