//! The rules that allow and deny tools, in the words of Claude Code: `Bash(git *)`, `Edit(src/**)`, `Read`. Pure.

use super::shell;

/// A tool of the agent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tool {
    Bash,
    Read,
    Write,
    Edit,
}

impl Tool {
    pub(super) const ALL: [Self; 4] = [Self::Bash, Self::Read, Self::Write, Self::Edit];

    /// Returns its name in rules, in questions, and in the log.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Bash => "Bash",
            Self::Read => "Read",
            Self::Write => "Write",
            Self::Edit => "Edit",
        }
    }

    /// Returns the name by which the model calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Read => "read_file",
            Self::Write => "write_file",
            Self::Edit => "edit_file",
        }
    }

    /// Finds a tool by the name that the model calls.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    pub(super) const fn edits(self) -> bool {
        matches!(self, Self::Write | Self::Edit)
    }
}

/// One rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Rule {
    text: String,
    tool: String,
    pattern: Option<String>,
}

impl Rule {
    pub(super) fn of(text: &str) -> Self {
        let (tool, pattern) = match text.trim().split_once('(') {
            Some((tool, rest)) => (tool, rest.strip_suffix(')')),
            None => (text.trim(), None),
        };
        let pattern = pattern.map(str::trim).filter(|pattern| !matches!(*pattern, "" | "*"));
        Self { text: text.to_owned(), tool: tool.to_owned(), pattern: pattern.map(str::to_owned) }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether it is about a tool. One about `Edit` is about every tool that changes files.
    fn names(&self, tool: Tool) -> bool {
        self.tool == tool.word() || tool.edits() && self.tool == Tool::Edit.word()
    }

    /// Returns whether it is about every use of a tool.
    pub(super) fn names_all_of(&self, tool: Tool) -> bool {
        self.names(tool) && self.pattern.is_none()
    }

    /// Returns whether it allows a use: all commands of a script must be allowed, each by some rule.
    fn covers(&self, tool: Tool, what: &str) -> bool {
        let Some(pattern) = self.pattern.as_deref().filter(|_| self.names(tool)) else {
            return self.names(tool);
        };
        match tool {
            Tool::Bash => command_matches(pattern, what),
            _ => path_matches(pattern, what),
        }
    }
}

/// Returns whether the rules allow a use of a tool. `what` is the command, or the path relative to the worktree.
pub(super) fn allow(rules: &[Rule], tool: Tool, what: &str) -> bool {
    if rules.iter().any(|rule| rule.names_all_of(tool)) {
        return true;
    }
    let covered = |part: &str| rules.iter().any(|rule| rule.covers(tool, part));
    match tool {
        Tool::Bash => shell::commands(what).is_some_and(|all| all.into_iter().all(covered)),
        _ => covered(what),
    }
}

/// Returns the rule that denies a use of a tool.
pub(super) fn denying<'r>(rules: &'r [Rule], tool: Tool, what: &str) -> Option<&'r Rule> {
    rules.iter().find(|rule| match tool {
        Tool::Bash => {
            rule.covers(tool, what) || shell::possible_commands(what).any(|part| rule.covers(tool, part))
        }
        _ => rule.covers(tool, what),
    })
}

/// Returns whether a command matches: `git:*` and `git *` match `git` with any arguments, `*` elsewhere any text.
fn command_matches(pattern: &str, command: &str) -> bool {
    let prefix = pattern.strip_suffix(":*").or_else(|| pattern.strip_suffix(" *"));
    match prefix {
        Some(prefix) if !prefix.contains('*') => command
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)),
        _ => glob(pattern.as_bytes(), command.as_bytes(), true),
    }
}

/// Returns whether a path matches: `*` matches within a folder, `**` across folders; a leading `/` or `./` is the worktree.
fn path_matches(pattern: &str, path: &str) -> bool {
    let pattern = pattern.strip_prefix("//").map_or_else(
        || pattern.trim_start_matches("./").trim_start_matches('/').to_owned(),
        |absolute| format!("/{absolute}"),
    );
    glob(pattern.as_bytes(), path.as_bytes(), false)
}

/// Matches `*`, `**` and `?`, in a time proportional to the product of the lengths. `across` lets `*` match slashes.
fn glob(pattern: &[u8], text: &[u8], across: bool) -> bool {
    // Which beginnings of the text the pattern so far matches, by their length.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut rest = pattern;
    while let Some((&first, after)) = rest.split_first() {
        let before = std::mem::replace(&mut reached, vec![false; text.len() + 1]);
        let is_double = first == b'*' && after.first() == Some(&b'*');
        let is_folders = is_double && !across && after.get(1) == Some(&b'/');
        rest = &after[usize::from(is_double) + usize::from(is_folders)..];
        let mut begun = false;
        for at in 0..=text.len() {
            let last = at.checked_sub(1).map(|last| text[last]);
            let was = at > 0 && before[at - 1];
            reached[at] = match first {
                // Any number of folders, none as well.
                b'*' if is_folders => before[at] || begun && last == Some(b'/'),
                b'*' if is_double || across => before[at] || begun,
                b'*' => before[at] || at > 0 && reached[at - 1] && last != Some(b'/'),
                b'?' => was && (across || last != Some(b'/')),
                byte => was && last == Some(byte),
            };
            begun |= before[at];
        }
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(texts: &[&str]) -> Vec<Rule> {
        texts.iter().map(|text| Rule::of(text)).collect()
    }

    #[test]
    fn a_rule_allows_what_it_names_and_nothing_else() {
        for (rule, tool, what, expected) in [
            ("Bash", Tool::Bash, "rm -rf $(x) > y", true),
            ("Bash(*)", Tool::Bash, "x & y", true),
            ("Bash(git *)", Tool::Bash, "git status", true),
            ("Bash(git *)", Tool::Bash, "git", true),
            ("Bash(git *)", Tool::Bash, "gitk", false),
            ("Bash(git:*)", Tool::Bash, "git add -A && git commit -m x", true),
            ("Bash(git:*)", Tool::Bash, "git add -A && rm x", false),
            ("Bash(git *)", Tool::Bash, "git log $(rm x)", false),
            ("Bash(git *)", Tool::Bash, "git log > x", false),
            ("Bash(git * --dry-run)", Tool::Bash, "git push --dry-run", true),
            ("Bash(git * --dry-run)", Tool::Bash, "git push", false),
            ("Bash(make test)", Tool::Bash, "make test", true),
            ("Bash(make test)", Tool::Bash, "make testing", false),
            ("Edit", Tool::Write, "a", true),
            ("Write", Tool::Edit, "a", false),
            ("Edit(src/**)", Tool::Edit, "src/a/b.rs", true),
            ("Edit(src/*)", Tool::Edit, "src/a/b.rs", false),
            ("Edit(/src/*.rs)", Tool::Write, "src/b.rs", true),
            ("Edit(**/b.rs)", Tool::Edit, "b.rs", true),
            ("Edit(**/b.rs)", Tool::Edit, "x/y/b.rs", true),
            ("Edit(**/b.rs)", Tool::Edit, "x/yb.rs", false),
            ("Edit(a/**/c)", Tool::Edit, "a/c", true),
            ("Edit(a/**/c)", Tool::Edit, "a/b/b/c", true),
            ("Edit(//notes/**)", Tool::Edit, "/notes/x", true),
            ("Edit(src/**)", Tool::Read, "src/a", false),
            ("Edit(?.rs)", Tool::Edit, "a.rs", true),
            ("WebFetch", Tool::Bash, "x", false),
        ] {
            assert_eq!(allow(&rules(&[rule]), tool, what), expected, "{rule} {what}");
        }
        let both = rules(&["Bash(git *)", "Bash(make *)"]);
        assert!(allow(&both, Tool::Bash, "git pull && make test"));
    }

    #[test]
    fn a_denied_command_is_found_wherever_it_is() {
        let denied = rules(&["Bash(rm *)", "Read(secrets/**)"]);
        for (tool, what, expected) in [
            (Tool::Bash, "ls; rm -rf x", true),
            (Tool::Bash, "echo $(rm x)", true),
            (Tool::Bash, "ls rm", false),
            (Tool::Read, "secrets/a/b", true),
            (Tool::Read, "secret", false),
        ] {
            assert_eq!(denying(&denied, tool, what).is_some(), expected, "{what}");
        }
    }
}
