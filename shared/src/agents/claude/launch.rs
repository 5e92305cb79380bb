//! Starting Claude Code. Its settings are passed as options, never written to a file of the user; login and everything else are
//! the user's own.

use serde_json::json;

use super::{Claude, NAME, examination::EXAMINATION};
use crate::{
    Error, Result,
    agents::{
        COST, DesignerOptions, HookForm, Launch, Launcher, Options, PrivateFile, Stdin, TaskHandling,
        installed,
        launch::{PRIVATE, SESSION},
        mcp,
        options::Rules,
    },
    config::{Config, keys::ALLOWED_CLI},
    model::{OnPrompt, Permission},
};

/// The variables that a session sets for the processes that it starts. Claude Code that sees them assumes to run inside a session.
pub(super) const SESSION_VARIABLES: &[&str] =
    &["CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT", "CLAUDE_CODE_SESSION_ID"];

/// The fixed options. Partial messages show that a long answer is still being written; replayed messages show which messages were
/// read.
const FIXED_OPTIONS: &[&str] = &[
    "--print",
    "--verbose",
    "--input-format=stream-json",
    "--output-format=stream-json",
    "--include-partial-messages",
    "--replay-user-messages",
];

/// The file with its MCP servers.
const MCP_FILE: &str = "claude-mcp.json";
/// The file with the settings of a designer.
const SETTINGS_FILE: &str = "claude-settings.json";
/// Its hooks.
pub(super) const HOOKS: HookForm =
    HookForm { prompt: "UserPromptSubmit", tool: "PostToolUse", end: "Stop", continues: "block", second: 1 };
/// How it writes them.
const MCP_FORM: mcp::Form = mcp::Form { variable: |name| format!("${{{name}}}"), url: "url", has_type: true };

/// Implements [`Launcher::launch`].
pub(super) fn launch(config: &Config<'_>, options: &Options) -> Result<Launch> {
    let program = installed::path(config, NAME).ok_or_else(not_installed)?;
    let (permission, on_prompt) = (options.permission(config)?, options.on_prompt(config)?);
    let servers = mcp::servers(config, options)?;
    let options = options.clone().with_rules(Rules::of(config)?);
    let mut argv = argv(program, permission, on_prompt, &config.get(&ALLOWED_CLI)?, &options);
    let mut files = vec![];
    if !servers.is_empty() {
        let (file, path) = mcp::file(MCP_FILE, &servers, &MCP_FORM);
        files.push(file);
        // The servers of the user's own settings are not meant for this agent.
        argv.extend([format!("--mcp-config={path}"), "--strict-mcp-config".to_owned()]);
    }
    Ok(Launch {
        argv,
        new_session_args: vec![format!("--session-id={SESSION}")],
        resume_args: vec![format!("--resume={SESSION}")],
        reports_session: false,
        stdin: Stdin::Talk,
        protocol: Claude.protocol(),
        reads: TaskHandling::Prose,
        model: None,
        permission: Some(permission),
        on_prompt,
        unset: SESSION_VARIABLES.iter().map(|&name| name.to_owned()).collect(),
        env: vec![],
        servers: vec![],
        files,
        home: None,
        patterns: None,
        conversation: None,
        leftovers: vec![],
        cost_args: vec![format!("--max-budget-usd={COST}")],
    })
}

/// Starts it as a designer, which hears messages by hooks. The user's own settings, hooks and servers apply as well.
pub(in crate::agents) fn designer(config: &Config<'_>, options: &DesignerOptions) -> Result<Launch> {
    let program = installed::path(config, NAME).ok_or_else(not_installed)?;
    let server = std::slice::from_ref(&options.server);
    let (file, path) = mcp::file(MCP_FILE, server, &MCP_FORM);
    let hooks = HOOKS.settings(&options.hook_command(NAME));
    let settings = PrivateFile { name: SETTINGS_FILE.to_owned(), text: json!({"hooks": hooks}).to_string() };
    let mut argv =
        vec![program, format!("--mcp-config={path}"), format!("--settings={PRIVATE}/{SETTINGS_FILE}")];
    argv.push(allowed_rule(&format!("mcp__{}", options.server.name)));
    argv.extend(options.denied().iter().map(|tool| format!("--disallowedTools={tool}")));
    argv.push(format!("--append-system-prompt={}", options.prompt));
    argv.extend(options.model.iter().map(|model| format!("--model={model}")));
    Ok(Launch {
        new_session_args: vec![format!("--session-id={SESSION}")],
        resume_args: vec![format!("--resume={SESSION}")],
        unset: SESSION_VARIABLES.iter().map(|&name| name.to_owned()).collect(),
        files: vec![file, settings],
        ..Launch::plain(argv, Stdin::Empty, TaskHandling::Prose)
    })
}

fn not_installed() -> Error {
    installed::missing("Claude Code", NAME, EXAMINATION.install, "run 'claude' once to log in")
}

fn argv(
    program: String,
    permission: Permission,
    on_prompt: OnPrompt,
    allowed_programs: &[String],
    options: &Options,
) -> Vec<String> {
    let mut argv = vec![program];
    argv.extend(FIXED_OPTIONS.iter().map(|&word| word.to_owned()));
    argv.push(format!("--permission-mode={}", mode(permission)));
    if on_prompt != OnPrompt::Deny && permission != Permission::BypassPermissions {
        argv.push("--permission-prompt-tool=stdio".to_owned());
    }
    let allowed = options.allow.iter().cloned();
    let allowed = allowed.chain(allowed_programs.iter().map(|name| format!("Bash({name}:*)")));
    argv.extend(allowed.map(|rule| allowed_rule(&rule)));
    argv.extend(options.deny.iter().map(|rule| format!("--disallowedTools={rule}")));
    argv.extend(options.add_dirs.iter().map(|dir| format!("--add-dir={}", dir.display())));
    argv.extend(options.model.iter().map(|model| format!("--model={model}")));
    argv.extend(options.append_system_prompt.iter().map(|text| format!("--append-system-prompt={text}")));
    argv.extend(options.max_turns.map(|turns| format!("--max-turns={turns}")));
    argv.extend(options.budget_micros.map(|micros| format!("--max-budget-usd={}", dollars(micros))));
    argv
}

/// Returns the argument that allows a permission rule.
pub(super) fn allowed_rule(rule: &str) -> String {
    format!("--allowedTools={rule}")
}

/// Returns the program's word for a permission mode.
const fn mode(permission: Permission) -> &'static str {
    match permission {
        Permission::Default => "default",
        Permission::AcceptEdits => "acceptEdits",
        Permission::Plan => "plan",
        Permission::DontAsk => "dontAsk",
        Permission::BypassPermissions => "bypassPermissions",
    }
}

fn dollars(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
