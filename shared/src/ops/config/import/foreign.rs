//! The settings files of other orchestrators: which of their fields have a counterpart among the keys of git orchestra.

use serde_json::Value;

/// The program whose file it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ForeignFile {
    /// The file `.claude-orchestrator.yaml` of claude-code-orchestrator.
    ClaudeOrchestrator,
    /// The `config.json` of claude-orchestra.
    ClaudeOrchestra,
    /// The `orchestra.yml` of agent-orchestra.
    AgentOrchestra,
}

/// Where the files are, from the top of a repository.
pub(super) const PLACES: &[&str] = &[
    ".claude-orchestrator.yaml",
    ".claude-orchestrator.yml",
    ".orchestra/config.json",
    "orchestra.yml",
    "config/orchestra.yml",
];

/// How a value is written as the value of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// As it is.
    Text,
    /// A number of seconds.
    Seconds,
    /// A list that becomes one value, separated by commas.
    Joined,
    /// A list, one value for each item.
    Each,
    /// A prefix of branches, to which the other program adds a slash.
    Prefix,
}

/// A key, without `orchestra.`, and how its value is written.
pub(super) struct Target {
    pub(super) key: String,
    pub(super) form: Form,
}

const CLAUDE_ORCHESTRATOR: &[(&str, &str, Form)] = &[
    ("git.base_branch", "base", Form::Text),
    ("git.destination_branch", "into", Form::Text),
    ("worktree_dir", "worktrees", Form::Text),
    ("project.test_command", "test", Form::Text),
    ("project.agent_instructions", "agent.claude.prompt", Form::Text),
    ("tools.permission_mode", "permission", Form::Text),
    ("tools.allowed_cli", "allowedCli", Form::Joined),
    ("tools.allowed_tools", "allow", Form::Each),
    ("tools.disallowed_tools", "deny", Form::Each),
    ("tools.add_dirs", "addDir", Form::Each),
    ("agent.inactivity_timeout", "idleTimeout", Form::Seconds),
    ("agent.max_runtime", "maxTime", Form::Seconds),
    ("agent.max_retries", "retries", Form::Text),
    ("agent.retry_delay", "retryDelay", Form::Seconds),
];

const CLAUDE_ORCHESTRA: &[(&str, &str, Form)] = &[
    ("worktree_dir", "worktrees", Form::Text),
    ("branch_prefix", "branchPrefix", Form::Prefix),
    ("default_parallel", "jobs", Form::Text),
    ("max_parallel", "maxJobs", Form::Text),
];

/// The fields of one agent in `agents`.
const AGENT: &[(&str, &str, Form)] =
    &[("system_prompt", "prompt", Form::Text), ("timeout_seconds", "maxTime", Form::Seconds)];

/// How an agent of agent-orchestra reaches its model.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum ClientMode {
    /// Through the service's interface.
    Api,
    /// Through Claude Code.
    #[default]
    Claude,
    /// Through the service's interface, and if that fails through Claude Code.
    Hybrid,
    /// Through Claude Code with agent teams.
    Teams,
}

impl ClientMode {
    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "api" => Self::Api,
            "claude-code" | "claude_code" => Self::Claude,
            "hybrid" => Self::Hybrid,
            "agent-teams" | "agent_teams" => Self::Teams,
            _ => return None,
        })
    }

    /// Returns the mode of the agent to which a field such as `agents.reporter.system_prompt` belongs.
    pub(super) fn of_field(content: &Value, field: &str) -> Option<Self> {
        let (agent, _) = field.strip_prefix("agents.")?.rsplit_once('.')?;
        Self::parse(content["agents"][agent][MODE].as_str()?)
    }

    /// Returns the program that agents of the mode run.
    pub(super) const fn program(self) -> &'static str {
        match self {
            Self::Api | Self::Hybrid => "api",
            Self::Claude => "claude",
            Self::Teams => "agent-teams",
        }
    }

    /// Returns the program that takes over from it.
    pub(super) const fn fallback(self) -> Option<&'static str> {
        match self {
            Self::Hybrid => Some("claude"),
            _ => None,
        }
    }
}

/// The field with the client mode of an agent.
pub(super) const MODE: &str = "client_mode";

impl ForeignFile {
    /// Returns whose file it is, by its name or else by its content.
    pub(super) fn of(name: &str, content: &Value) -> Option<Self> {
        let has = |keys: &[&str]| keys.iter().any(|key| content.get(key).is_some());
        if name.starts_with(".claude-orchestrator.") || has(&["git", "tools", "project", "workflow"]) {
            Some(Self::ClaudeOrchestrator)
        } else if has(&["branch_prefix", "max_parallel", "default_parallel", "bypass_permissions"]) {
            Some(Self::ClaudeOrchestra)
        } else {
            has(&["agents", "teams"]).then_some(Self::AgentOrchestra)
        }
    }

    /// Returns the counterpart of a field.
    pub(super) fn target(self, field: &str) -> Option<Target> {
        let found = |table: &[(&str, &str, Form)], field: &str| {
            let row = table.iter().find(|(theirs, _, _)| *theirs == field)?;
            Some((row.1.to_owned(), row.2))
        };
        let (key, form) = match self {
            Self::ClaudeOrchestrator => found(CLAUDE_ORCHESTRATOR, field)?,
            Self::ClaudeOrchestra => found(CLAUDE_ORCHESTRA, field)?,
            Self::AgentOrchestra => {
                let (agent, field) = field.strip_prefix("agents.")?.rsplit_once('.')?;
                let (key, form) = found(AGENT, field)?;
                (format!("agent.{agent}.{key}"), form)
            }
        };
        Some(Target { key, form })
    }

    /// Returns the agent whose client mode a field is.
    pub(super) fn agent_of_mode(self, field: &str) -> Option<&str> {
        let agent = field.strip_prefix("agents.")?.strip_suffix(MODE)?.strip_suffix('.')?;
        (self == Self::AgentOrchestra).then_some(agent)
    }

    /// Returns why a field has no counterpart, where that is not obvious.
    pub(super) fn why_not(field: &str) -> Option<&'static str> {
        match field {
            "tools.skip_permissions" | "workflow.auto_approve" | "bypass_permissions" => {
                Some("--permission bypassPermissions must be typed each time")
            }
            "workflow.auto_pr" => Some("no command opens pull requests by itself"),
            _ => None,
        }
    }
}
