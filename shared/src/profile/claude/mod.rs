//! Claude Code. Every flag and event here was seen on version 2.1.329; older ones know a part of them.

mod ask;
mod read;

use crate::{
    Code, Error, Result,
    config::Config,
    model::{OnPrompt, Permission},
    process,
    profile::{Launch, Options, Reads, SESSION, Speech, Stdin},
};

pub(super) use ask::{answer, message};
pub(super) use read::{read, read_long};

pub(super) const NAME: &str = "claude";

/// Set in the environment of everything that a session starts: with them a second one believes to be inside the first.
pub(super) const OF_A_SESSION: &[&str] =
    &["CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT", "CLAUDE_CODE_SESSION_ID"];

/// Where the program is.
pub(super) fn program(config: &Config<'_>) -> Option<String> {
    let named = config.agent_program(NAME);
    let path = process::on_path(named.as_deref().unwrap_or(NAME))?;
    Some(path.to_string_lossy().into_owned())
}

/// Our settings go by flag, never into a file of the user's; login and everything else are the user's own.
pub(super) fn launch(config: &Config<'_>, options: &Options) -> Result<Launch> {
    let Some(program) = program(config) else {
        return Err(Error::new(Code::ProgramMissing, "Claude Code is not here: no program 'claude' on PATH")
            .hint("npm install -g @anthropic-ai/claude-code, then run 'claude' once to log in")
            .hint("git config orchestra.agent.claude.program PATH, where it lies elsewhere"));
    };
    let permission = match options.permission {
        Some(permission) => permission,
        None => config.permission()?,
    };
    let mut argv = vec![program];
    argv.extend(FIXED.iter().map(|&word| word.to_owned()));
    argv.push(format!("--permission-mode={}", permission.as_str()));
    let unless = if options.watched { OnPrompt::Ask } else { OnPrompt::Deny };
    let on_prompt = match options.on_prompt {
        Some(on_prompt) => on_prompt,
        None => config.on_prompt()?.unwrap_or(unless),
    };
    if on_prompt != OnPrompt::Deny && permission != Permission::BypassPermissions {
        argv.push("--permission-prompt-tool=stdio".to_owned());
    }
    let allowed = options.allow.iter().cloned();
    let allowed = allowed.chain(config.allowed_programs().into_iter().map(|name| format!("Bash({name}:*)")));
    argv.extend(allowed.map(|rule| format!("--allowedTools={rule}")));
    argv.extend(options.deny.iter().map(|rule| format!("--disallowedTools={rule}")));
    argv.extend(options.add_dirs.iter().map(|dir| format!("--add-dir={}", dir.display())));
    argv.extend(options.model.iter().map(|model| format!("--model={model}")));
    argv.extend(options.append_system_prompt.iter().map(|text| format!("--append-system-prompt={text}")));
    argv.extend(options.max_turns.map(|turns| format!("--max-turns={turns}")));
    argv.extend(options.budget_micros.map(|micros| format!("--max-budget-usd={}", dollars(micros))));
    Ok(Launch {
        argv,
        first: vec![format!("--session-id={SESSION}")],
        again: vec![format!("--resume={SESSION}")],
        stdin: Stdin::Talk,
        speech: Speech::ClaudeStream,
        reads: Reads::Prose,
        permission: Some(permission),
        on_prompt,
        unset: OF_A_SESSION.iter().map(|&name| name.to_owned()).collect(),
    })
}

/// Partial messages are the sign of life of a long answer; replayed messages tell which of ours were taken up.
const FIXED: &[&str] = &[
    "--print",
    "--verbose",
    "--input-format=stream-json",
    "--output-format=stream-json",
    "--include-partial-messages",
    "--replay-user-messages",
];

fn dollars(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
