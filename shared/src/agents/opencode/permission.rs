//! opencode's permissions: for each tool a word, or words for patterns, of which the last one that matches holds.

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::{
    agents::{Options, mcp},
    model::{OnPrompt, Permission},
};

/// The tools that change or reach something outside the program, except for shell commands and folders, which have patterns.
const GUARDED: [&str; 3] = ["edit", "webfetch", "websearch"];
/// The tools that ask even in a program whose user allowed everything.
const ASKING: &str = "doom_loop";

/// What is permitted for one tool.
struct ToolRule {
    tool: String,
    /// The patterns with their words, in the order in which they are looked up: the last one that matches holds.
    patterns: Vec<(String, &'static str)>,
}

impl Serialize for ToolRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.patterns.iter().map(|(pattern, word)| (pattern, word)))
    }
}

/// Returns the value of the variable: the rules for this agent, after those that the user's variable has already.
pub(super) fn value(
    permission: Permission,
    on_prompt: OnPrompt,
    options: &Options,
    already: Option<&str>,
) -> String {
    let rules = rules(permission, on_prompt, options);
    let theirs = already.and_then(|text| serde_json::from_str::<serde_json::Map<String, Value>>(text).ok());
    let theirs = theirs.unwrap_or_default();
    let is_ours = |tool: &str| rules.iter().any(|rule| rule.tool == tool);
    let kept = theirs.iter().filter(|(tool, _)| !is_ours(tool)).map(|(tool, rule)| field(tool, rule));
    let ours = rules.iter().map(|rule| field(&rule.tool, rule));
    format!("{{{}}}", kept.chain(ours).collect::<Vec<_>>().join(","))
}

/// Returns the value of the variable for a program that changes no files: otherwise the rules that it has already hold.
pub(super) fn without_edits(already: Option<&str>) -> String {
    let theirs = already.and_then(|text| serde_json::from_str::<serde_json::Map<String, Value>>(text).ok());
    let theirs = theirs.unwrap_or_default();
    let kept = theirs.iter().filter(|(tool, _)| *tool != "edit").map(|(tool, rule)| field(tool, rule));
    format!("{{{}}}", kept.chain([field("edit", &"deny")]).collect::<Vec<_>>().join(","))
}

/// Writes a field. The order of the fields matters, and a map of JSON values does not keep it.
fn field(name: &str, value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).unwrap_or_else(|_| "\"deny\"".to_owned());
    format!("{}:{text}", Value::from(name))
}

fn rules(permission: Permission, on_prompt: OnPrompt, options: &Options) -> Vec<ToolRule> {
    let mut rules = Vec::new();
    if permission != Permission::BypassPermissions {
        let refused = if on_prompt == OnPrompt::Fail { "ask" } else { "deny" };
        let edits = if permission == Permission::AcceptEdits { "allow" } else { refused };
        for tool in GUARDED {
            set(&mut rules, tool, "*", if tool == "edit" { edits } else { refused });
        }
        for tool in ["bash", "external_directory", ASKING] {
            set(&mut rules, tool, "*", refused);
        }
    }
    if permission != Permission::Plan {
        options.allow.iter().map(|rule| tool_and_pattern(rule)).for_each(|(tool, pattern)| {
            set(&mut rules, &tool, &pattern, "allow");
        });
    }
    for dir in &options.add_dirs {
        set(&mut rules, "external_directory", &dir.join("*").to_string_lossy(), "allow");
    }
    options.deny.iter().map(|rule| tool_and_pattern(rule)).for_each(|(tool, pattern)| {
        set(&mut rules, &tool, &pattern, "deny");
    });
    rules
}

/// Adds a word for a pattern, after all others of the tool.
fn set(rules: &mut Vec<ToolRule>, tool: &str, pattern: &str, word: &'static str) {
    let at = rules.iter().position(|rule| rule.tool == tool).unwrap_or_else(|| {
        rules.push(ToolRule { tool: tool.to_owned(), patterns: vec![] });
        rules.len() - 1
    });
    let patterns = &mut rules[at].patterns;
    patterns.retain(|(known, _)| known != pattern);
    patterns.push((pattern.to_owned(), word));
}

/// Reads a rule such as `Bash(git *)` or `WebFetch`, in the words of this program or of others.
fn tool_and_pattern(rule: &str) -> (String, String) {
    let rule = rule.trim();
    if let Some((server, tool)) = mcp::tool_of_rule(rule) {
        return (format!("{server}_{}", tool.unwrap_or("*")), "*".to_owned());
    }
    let (tool, pattern) =
        match rule.split_once('(').and_then(|(tool, rest)| Some((tool, rest.strip_suffix(')')?))) {
            Some((tool, pattern)) => (tool, pattern),
            None => (rule, "*"),
        };
    let tool = match tool.to_lowercase().as_str() {
        "write" | "multiedit" | "notebookedit" | "patch" => "edit".to_owned(),
        "ls" => "list".to_owned(),
        other => other.to_owned(),
    };
    let pattern =
        pattern.strip_suffix(":*").map_or_else(|| pattern.to_owned(), |prefix| format!("{prefix} *"));
    (tool, pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(permission: Permission, on_prompt: OnPrompt, options: &Options) -> String {
        value(permission, on_prompt, options, None)
    }

    #[test]
    fn every_mode_has_its_rules() {
        let rest = r#""webfetch":{"*":"deny"},"websearch":{"*":"deny"},"bash":{"*":"deny"},"external_directory":{"*":"deny"},"doom_loop":{"*":"deny"}"#;
        for (permission, on_prompt, expected) in [
            (Permission::Plan, OnPrompt::Deny, format!(r#"{{"edit":{{"*":"deny"}},{rest}}}"#)),
            (Permission::Default, OnPrompt::Deny, format!(r#"{{"edit":{{"*":"deny"}},{rest}}}"#)),
            (Permission::DontAsk, OnPrompt::Deny, format!(r#"{{"edit":{{"*":"deny"}},{rest}}}"#)),
            (Permission::AcceptEdits, OnPrompt::Deny, format!(r#"{{"edit":{{"*":"allow"}},{rest}}}"#)),
            (
                Permission::AcceptEdits,
                OnPrompt::Fail,
                format!(r#"{{"edit":{{"*":"allow"}},{}}}"#, rest.replace("deny", "ask")),
            ),
            (Permission::BypassPermissions, OnPrompt::Deny, "{}".to_owned()),
        ] {
            assert_eq!(of(permission, on_prompt, &Options::default()), expected, "{permission:?}");
        }
    }

    #[test]
    fn what_is_denied_wins_over_what_is_allowed() {
        let texts = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect();
        let options = Options {
            allow: texts(&["Bash(git *)", "WebFetch"]),
            deny: texts(&["Bash(git push:*)", "Write"]),
            add_dirs: vec!["/notes".into()],
            ..Options::default()
        };
        let expected = r#"{"bash":{"git *":"allow","git push *":"deny"},"webfetch":{"*":"allow"},"external_directory":{"/notes/*":"allow"},"edit":{"*":"deny"}}"#;
        assert_eq!(of(Permission::BypassPermissions, OnPrompt::Deny, &options), expected);
        let plan = of(Permission::Plan, OnPrompt::Deny, &options);
        assert!(!plan.contains("git *") && plan.contains(r#""edit":{"*":"deny"}"#), "{plan}");
        let accepts = of(Permission::AcceptEdits, OnPrompt::Deny, &options);
        assert!(accepts.contains(r#""bash":{"*":"deny","git *":"allow","git push *":"deny"}"#), "{accepts}");
    }

    #[test]
    fn the_rest_of_the_users_variable_stays() {
        let theirs = Some(r#"{"skill":"deny","bash":"allow"}"#);
        let value = value(Permission::AcceptEdits, OnPrompt::Deny, &Options::default(), theirs);
        assert!(value.starts_with(r#"{"skill":"deny","edit":"#), "{value}");
        assert!(value.contains(r#""bash":{"*":"deny"}"#), "{value}");
    }
}
