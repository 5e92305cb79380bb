//! The types of values that several keys share.

use std::{path::PathBuf, time::Duration};

use super::key::{Choices, Kind};
use crate::{
    git::ref_names,
    model::{ByteSize, Permission, duration, expression::expression},
};

/// Maximum length of a prefix of branch names, in bytes: the name of a file may have 255.
const MAX_PREFIX: usize = 200;

/// A duration such as `1h 30m`.
pub(super) const DURATION: Kind<Duration> = Kind {
    expected: "a duration such as '90s', '5m', or '1h 30m'",
    parse: duration::parse,
    text: |value| duration::text(*value),
};

/// A duration, or 0 for no time at all.
pub(super) const DURATION_OR_0: Kind<Duration> = Kind {
    expected: "a duration such as '90s', '5m', or '1h 30m', or 0",
    parse: |text| if text == "0" { Some(Duration::ZERO) } else { duration::parse(text) },
    text: |value| duration::text(*value),
};

/// A duration, or `None` if the value is empty.
pub(super) const OPTIONAL_DURATION: Kind<Option<Duration>> = Kind {
    expected: DURATION.expected,
    parse: |text| if text.is_empty() { Some(None) } else { duration::parse(text).map(Some) },
    text: |value| value.map_or_else(String::new, duration::text),
};

/// A size in bytes such as `100m`.
pub(super) const SIZE: Kind<ByteSize> = Kind {
    expected: "a size such as '500k', '100m', or '2g'",
    parse: ByteSize::parse,
    text: ByteSize::to_string,
};

/// Any text. An empty value counts as not set.
pub(super) const TEXT: Kind<String> =
    Kind { expected: "a text", parse: |text| Some(text.to_owned()), text: String::clone };

/// A text, or `None` if it is blank.
pub(super) const OPTIONAL_TEXT: Kind<Option<String>> = Kind {
    expected: "a text",
    parse: |text| Some(Some(text.to_owned()).filter(|text| !text.trim().is_empty())),
    text: |value| value.clone().unwrap_or_default(),
};

/// A regular expression, or `None` if the value is empty.
pub(super) const OPTIONAL_EXPRESSION: Kind<Option<String>> = Kind {
    expected: "a regular expression",
    parse: |text| match text {
        "" => Some(None),
        text => expression(text).map(|_| Some(text.to_owned())),
    },
    text: |value| value.clone().unwrap_or_default(),
};

/// The path of a conversation's file, in which placeholders are replaced, or `None` if the value is empty.
pub(super) const OPTIONAL_CONVERSATION: Kind<Option<String>> = Kind {
    expected: "a path that begins with '/', '~/', or '{worktree}/'",
    parse: |text| match text {
        "" => Some(None),
        text => {
            let is_absolute = ["/", "~/", "{worktree}/"].iter().any(|begin| text.starts_with(begin));
            (is_absolute && !text.contains(char::is_control)).then(|| Some(text.to_owned()))
        }
    },
    text: |value| value.clone().unwrap_or_default(),
};

/// A SHA-256 in hexadecimal, or `None` if the value is empty.
pub(super) const DIGEST: Kind<Option<String>> = Kind {
    expected: "a SHA-256 of 64 hexadecimal digits",
    parse: |text| match text {
        "" => Some(None),
        text if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Some(Some(text.to_ascii_lowercase()))
        }
        _ => None,
    },
    text: |value| value.clone().unwrap_or_default(),
};

/// A path, or `None` if it is empty. The reader expands `~`, as git does.
pub(super) const OPTIONAL_PATH: Kind<Option<PathBuf>> = Kind {
    expected: "a path",
    parse: |text| Some(Some(PathBuf::from(text)).filter(|path| !path.as_os_str().is_empty())),
    text: |value| value.as_ref().map_or_else(String::new, |path| path.to_string_lossy().into_owned()),
};

/// A list separated by commas, without empty items and the spaces around items.
pub(super) const LIST: Kind<Vec<String>> = Kind {
    expected: "a list separated by commas",
    parse: |text| Some(list(text)),
    text: |value| value.join(","),
};

/// Names of folders separated by commas, without slashes at their ends.
pub(super) const FOLDER_NAMES: Kind<Vec<String>> = Kind {
    expected: "names separated by commas",
    parse: |text| {
        let names = list(text).into_iter().map(|name| name.trim_end_matches('/').to_owned());
        Some(names.filter(|name| !name.is_empty()).collect())
    },
    text: |value| value.join(","),
};

/// A prefix that git allows in the name of a branch.
pub(super) const BRANCH_PREFIX: Kind<String> = Kind {
    expected: "a valid prefix for the names of branches",
    parse: |text| is_branch_prefix(text).then(|| text.to_owned()),
    text: String::clone,
};

/// A branch, or `None` if the value is blank.
pub(super) const OPTIONAL_BRANCH: Kind<Option<String>> = Kind {
    expected: "the name of a branch",
    parse: |text| match text.trim() {
        "" => Some(None),
        name => ref_names::is_branch_name(name).then(|| Some(name.to_owned())),
    },
    text: |value| value.clone().unwrap_or_default(),
};

/// A branch, a tag, or a commit, or `None` if the value is blank. It must not look like an option of git.
pub(super) const OPTIONAL_REVISION: Kind<Option<String>> = Kind {
    expected: "a branch, a tag, or a commit",
    parse: |text| match text.trim() {
        "" => Some(None),
        name if name.starts_with('-') || name.contains(char::is_control) => None,
        name => Some(Some(name.to_owned())),
    },
    text: |value| value.clone().unwrap_or_default(),
};

/// A tool of an agent, with the uses that a rule names in parentheses.
pub(super) const TOOL: Kind<String> = Kind {
    expected: "a tool such as Edit or 'Bash(git *)'",
    parse: |text| is_tool(text.trim()).then(|| text.trim().to_owned()),
    text: String::clone,
};

/// A variable of a program's environment, with its value.
pub(super) const VARIABLE: Kind<String> = Kind {
    expected: "a variable with its value such as NAME=VALUE, and not one that names a repository",
    parse: |text| is_variable(text).then(|| text.to_owned()),
    text: String::clone,
};

/// The permission modes that may be permanent.
pub(super) const PERMANENT: Choices = Choices::Words(&["plan", "default", "dontAsk", "acceptEdits"]);

/// A permission mode that may be permanent.
pub(super) const PERMANENT_PERMISSION: Kind<Permission> = Kind {
    expected: "plan, default, dontAsk, or acceptEdits",
    parse: permanent,
    text: |value| value.as_str().to_owned(),
};

/// A permission mode that may be permanent, or `None` if the value is empty.
pub(super) const OPTIONAL_PERMISSION: Kind<Option<Permission>> = Kind {
    expected: PERMANENT_PERMISSION.expected,
    parse: |text| if text.is_empty() { Some(None) } else { permanent(text).map(Some) },
    text: |value| value.map_or("", Permission::as_str).to_owned(),
};

/// Yes or no, in the words of git.
pub(super) const BOOLEAN: Kind<bool> = Kind {
    expected: "true or false",
    parse: |text| match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    },
    text: bool::to_string,
};

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// Parses a permission mode that may be permanent: everything but the one that allows everything.
fn permanent(text: &str) -> Option<Permission> {
    Permission::parse(text).filter(|permission| *permission != Permission::BypassPermissions)
}

/// Returns whether git accepts branches with this prefix. `refs/` would become part of their names.
fn is_branch_prefix(text: &str) -> bool {
    text.len() <= MAX_PREFIX
        && !text.starts_with("refs/")
        && ref_names::is_branch_name(&format!("{text}agent-00000"))
}

/// Returns whether a text is the name of a tool, alone or followed by a rule in parentheses.
fn is_tool(text: &str) -> bool {
    let (name, rule) = match text.split_once('(') {
        Some((name, rest)) => (name, rest.strip_suffix(')')),
        None => (text, Some("*")),
    };
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '*' | '.' | ':');
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_of_name);
    is_name && rule.is_some_and(|rule| !rule.trim().is_empty()) && !text.contains(char::is_control)
}

/// Returns whether a text is a variable that a profile may set: none with which git would work on another repository, and none that
/// git orchestra itself sets.
fn is_variable(text: &str) -> bool {
    const REFUSED: [&str; 6] =
        ["GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_WORK_TREE", "PWD"];
    let Some((name, value)) = text.split_once('=') else { return false };
    let is_ours = name.starts_with("ORCHESTRA_") || name.starts_with("GIT_ORCHESTRA_");
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name && !is_ours && !REFUSED.contains(&name) && !value.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools() {
        for tool in ["Edit", "Bash(git *)", "Bash(echo (x))", "WebFetch(domain:a.b)", "mcp__x-y__*"] {
            assert!(is_tool(tool), "{tool}");
        }
        for text in ["", "Bash(", "Bash()", "Bash(git *", "git *", "-x", "(x)", "Edit,Write", "Bash(a\u{1b})"]
        {
            assert!(!is_tool(text), "{text}");
        }
    }

    #[test]
    fn variables() {
        for text in ["A=b", "A=", "_a1=x=y z", "GIT_SSH_COMMAND=ssh -v"] {
            assert!(is_variable(text), "{text}");
        }
        for text in
            ["", "A", "=b", "1A=b", "A B=c", "GIT_DIR=/x", "ORCHESTRA_BASE=x", "GIT_ORCHESTRA_ASK=x", "A=\0"]
        {
            assert!(!is_variable(text), "{text}");
        }
    }

    #[test]
    fn prefixes_of_branch_names() {
        for prefix in ["orchestra/", "x", "a/b/", "@/", "ünï/", "HEAD"] {
            assert!(is_branch_prefix(prefix), "{prefix}");
        }
        let long = "x".repeat(MAX_PREFIX + 1);
        for prefix in [
            "DOMAIN\\john.doe/",
            "with space/",
            "a..b/",
            "x.lock/",
            "/lead",
            "@{/",
            "tail//",
            "-dash/",
            ".dot/",
            "a/./",
            "~/",
            "a:b",
            "refs/heads/x/",
            "tab\t/",
            &long,
        ] {
            assert!(!is_branch_prefix(prefix), "{prefix}");
        }
    }

    #[test]
    fn lists_and_folders() {
        assert_eq!((LIST.parse)(" gh, az ,,"), Some(vec!["gh".to_owned(), "az".to_owned()]));
        assert_eq!((FOLDER_NAMES.parse)("target, out/,/"), Some(vec!["target".to_owned(), "out".to_owned()]));
    }
}
