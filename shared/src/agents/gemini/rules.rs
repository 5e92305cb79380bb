//! What the agent may and must not use, in the program's policy language. The rules of the user are in the words of Claude Code or in
//! those of this program. A rule that cannot be expressed is refused, never widened or narrowed.

use serde_json::Value;

use super::NAME;
use crate::{Code, Error, Result, agents::mcp, model::text};

/// The program's tool that runs commands.
const SHELL: &str = "run_shell_command";
/// The program's tools for those of Claude Code.
const SAME_TOOLS: &[(&str, &[&str])] = &[
    ("Bash", &[SHELL]),
    ("Edit", &["replace", "write_file"]),
    ("Glob", &["glob"]),
    ("Grep", &["grep_search"]),
    ("LS", &["list_directory"]),
    ("Read", &["read_file", "read_many_files"]),
    ("ShellTool", &[SHELL]),
    ("WebFetch", &["web_fetch"]),
    ("WebSearch", &["google_web_search"]),
    ("Write", &["replace", "write_file"]),
];

/// Which calls of a tool a rule is about.
#[derive(Debug, Eq, PartialEq)]
enum Calls {
    /// All calls.
    All,
    /// Commands that begin with these words.
    Words(String),
    /// Commands that match an expression.
    Matching(String),
}

/// Returns the content of a policy file; `None` if there are no rules.
///
/// # Errors
/// A rule cannot be expressed (2).
pub(super) fn policy(allow: &[String], deny: &[String]) -> Result<Option<String>> {
    // A tool that is denied stays denied, whatever else allows it.
    let decided = [("allow", 900, allow), ("deny", 950, deny)];
    let mut text = String::new();
    for (decision, priority, rules) in decided {
        for rule in rules {
            if let Some((server, tool)) = mcp::tool_of_rule(rule.trim()) {
                let (server, tool) = (quoted(server), quoted(tool.unwrap_or("*")));
                text += &format!(
                    "[[rule]]\nmcpName = {server}\ntoolName = {tool}\ndecision = \"{decision}\"\npriority = {priority}\n"
                );
                continue;
            }
            let (tools, calls) = parse(rule).ok_or_else(|| inexpressible(rule))?;
            let calls = match &calls {
                Calls::All => String::new(),
                Calls::Words(words) => format!("commandPrefix = {}\n", quoted(words)),
                Calls::Matching(expression) => format!("commandRegex = {}\n", quoted(expression)),
            };
            for tool in tools {
                let tool = quoted(tool);
                text += &format!(
                    "[[rule]]\ntoolName = {tool}\n{calls}decision = \"{decision}\"\npriority = {priority}\n"
                );
            }
        }
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn inexpressible(rule: &str) -> Error {
    let what = format!("agent '{NAME}' cannot be given the rule '{}'", text::safe(rule));
    Error::new(Code::OptionUnsupported, what).hint("its rules are a tool, or commands: 'Bash(git *)'")
}

/// Returns the tools of a rule, and the calls that it is about.
fn parse(rule: &str) -> Option<(Vec<&str>, Calls)> {
    let (name, argument) = match rule.trim().strip_suffix(')').and_then(|rule| rule.split_once('(')) {
        Some((name, argument)) => (name, Some(argument.trim())),
        None => (rule.trim(), None),
    };
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || !name.chars().all(is_word) {
        return None;
    }
    let same = SAME_TOOLS.iter().find(|(known, _)| *known == name).map(|(_, tools)| tools.to_vec());
    let tools = same.unwrap_or_else(|| vec![name]);
    let calls = match argument {
        None | Some("" | "*") => Calls::All,
        Some(_) if tools != [SHELL] => return None,
        Some(argument) => commands(argument, name == "Bash")?,
    };
    Some((tools, calls))
}

/// Returns the commands that an argument is about. `is_exact`: without a star it is one whole command; otherwise the beginning of one,
/// as this program reads it.
fn commands(argument: &str, is_exact: bool) -> Option<Calls> {
    let words = argument.strip_suffix(":*").or_else(|| argument.strip_suffix(" *")).map(str::trim_end);
    if let Some(words) = words {
        return (!words.contains('*')).then(|| Calls::Words(words.to_owned()));
    }
    match argument.strip_suffix('*') {
        Some(beginning) if !beginning.contains('*') => Some(Calls::Matching(expression(beginning))),
        None if argument.contains('*') => None,
        None if is_exact => Some(Calls::Matching(format!("{}\"", expression(argument)))),
        None => Some(Calls::Words(argument.to_owned())),
        Some(_) => None,
    }
}

/// Returns an expression that matches a text as it is spelled in JSON.
fn expression(text: &str) -> String {
    let spelled = Value::from(text).to_string();
    let spelled = spelled.get(1..spelled.len() - 1).unwrap_or_default();
    let mut out = String::with_capacity(spelled.len());
    for c in spelled.chars() {
        if "\\^$.|?*+()[]{}/".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Returns a text as TOML spells it, which includes the spelling of JSON.
fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_neither_widened_nor_narrowed() {
        let words = |text: &str| Calls::Words(text.to_owned());
        let matching = |text: &str| Calls::Matching(text.to_owned());
        for (rule, expected) in [
            ("Bash", Some((vec![SHELL], Calls::All))),
            ("Bash(*)", Some((vec![SHELL], Calls::All))),
            ("Bash(git diff *)", Some((vec![SHELL], words("git diff")))),
            ("Bash(npm run test:*)", Some((vec![SHELL], words("npm run test")))),
            ("Bash(make)", Some((vec![SHELL], matching("make\"")))),
            ("Bash(a.b \"c\")", Some((vec![SHELL], matching(r#"a\.b \\"c\\"""#)))),
            ("Bash(git*)", Some((vec![SHELL], matching("git")))),
            ("run_shell_command(git)", Some((vec![SHELL], words("git")))),
            ("Edit", Some((vec!["replace", "write_file"], Calls::All))),
            ("write_file", Some((vec!["write_file"], Calls::All))),
            ("my_server__tool", Some((vec!["my_server__tool"], Calls::All))),
            ("Bash(git * main)", None),
            ("Bash(* x *)", None),
            ("Edit(src/**)", None),
            ("WebFetch(domain:x)", None),
            ("two words", None),
            ("", None),
        ] {
            assert_eq!(parse(rule), expected, "{rule}");
        }
    }

    #[test]
    fn a_policy_is_a_list_of_rules() {
        let texts = |list: &[&str]| -> Vec<String> { list.iter().map(|&one| one.to_owned()).collect() };
        let allow = texts(&["Bash(git *)"]);
        assert_eq!(
            policy(&allow, &texts(&["Write", "Bash(rm)"])).unwrap().unwrap(),
            "[[rule]]\ntoolName = \"run_shell_command\"\ncommandPrefix = \"git\"\ndecision = \"allow\"\npriority = 900\n\
             [[rule]]\ntoolName = \"replace\"\ndecision = \"deny\"\npriority = 950\n\
             [[rule]]\ntoolName = \"write_file\"\ndecision = \"deny\"\npriority = 950\n\
             [[rule]]\ntoolName = \"run_shell_command\"\ncommandRegex = \"rm\\\"\"\ndecision = \"deny\"\npriority = 950\n"
        );
        assert_eq!(policy(&[], &[]).unwrap(), None);
        let error = policy(&[], &texts(&["Edit(src/**)"])).unwrap_err();
        assert_eq!(error.message, "agent 'gemini' cannot be given the rule 'Edit(src/**)'");
    }
}
