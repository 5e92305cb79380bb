//! Which uses of tools run without asking. Pure.

use super::rules::{self, Rule, Tool};
use crate::model::Permission;

/// What a person decided about tools.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) mode: Permission,
    pub(super) allow: Vec<Rule>,
    pub(super) deny: Vec<Rule>,
}

/// Whether a use of a tool may run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Allowed,
    /// A person is asked.
    Asks,
    /// It is not run, for this reason.
    Denied(String),
}

impl Policy {
    /// Decides about a use. `what` is the command, or the path relative to the worktree.
    pub(super) fn decide(&self, tool: Tool, what: &str) -> Verdict {
        if let Some(rule) = rules::denying(&self.deny, tool, what) {
            return Verdict::Denied(format!("the user denied {}", rule.text()));
        }
        if self.mode == Permission::Plan && tool != Tool::Read {
            return Verdict::Denied("in plan mode, files are only read".to_owned());
        }
        let is_free = tool == Tool::Read
            || self.mode == Permission::BypassPermissions
            || self.mode == Permission::AcceptEdits && tool.edits()
            || rules::allow(&self.allow, tool, what);
        match self.mode {
            _ if is_free => Verdict::Allowed,
            Permission::DontAsk => {
                Verdict::Denied("only what the user allowed runs, and nobody is asked".to_owned())
            }
            _ => Verdict::Asks,
        }
    }

    /// Returns the tools that the model is offered: not those that it can never use.
    pub(super) fn offered(&self) -> impl Iterator<Item = Tool> {
        Tool::ALL.into_iter().filter(|tool| {
            let is_denied = self.deny.iter().any(|rule| rule.names_all_of(*tool));
            !is_denied && (*tool == Tool::Read || self.mode != Permission::Plan)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(mode: Permission) -> Policy {
        let rules = |texts: &[&str]| texts.iter().map(|text| Rule::of(text)).collect();
        Policy { mode, allow: rules(&["Bash(git *)"]), deny: rules(&["Bash(git push *)", "Edit(locked/**)"]) }
    }

    #[test]
    fn each_mode_decides_about_each_tool() {
        use Permission::{AcceptEdits, BypassPermissions, Default, DontAsk, Plan};
        for (mode, tool, what, expected) in [
            (Default, Tool::Read, "a", "allowed"),
            (Default, Tool::Write, "a", "asks"),
            (Default, Tool::Bash, "ls", "asks"),
            (Default, Tool::Bash, "git status", "allowed"),
            (AcceptEdits, Tool::Write, "a", "allowed"),
            (AcceptEdits, Tool::Edit, "a", "allowed"),
            (AcceptEdits, Tool::Edit, "locked/a", "denied"),
            (AcceptEdits, Tool::Bash, "ls", "asks"),
            (Plan, Tool::Read, "a", "allowed"),
            (Plan, Tool::Write, "a", "denied"),
            (Plan, Tool::Bash, "git status", "denied"),
            (DontAsk, Tool::Bash, "git status", "allowed"),
            (DontAsk, Tool::Bash, "ls", "denied"),
            (DontAsk, Tool::Write, "a", "denied"),
            (BypassPermissions, Tool::Bash, "ls", "allowed"),
            (BypassPermissions, Tool::Bash, "git push origin", "denied"),
            (BypassPermissions, Tool::Write, "locked/a", "denied"),
        ] {
            let found = match policy(mode).decide(tool, what) {
                Verdict::Allowed => "allowed",
                Verdict::Asks => "asks",
                Verdict::Denied(_) => "denied",
            };
            assert_eq!(found, expected, "{mode:?} {tool:?} {what}");
        }
    }

    #[test]
    fn what_can_never_be_used_is_not_offered() {
        assert_eq!(policy(Permission::Plan).offered().collect::<Vec<_>>(), [Tool::Read]);
        let mut without = policy(Permission::Default);
        without.deny.push(Rule::of("Bash"));
        assert_eq!(without.offered().collect::<Vec<_>>(), [Tool::Read, Tool::Write, Tool::Edit]);
    }
}
