//! Starting Gemini CLI. Its settings are passed as options, never written to a file of the user; login and everything else are the
//! user's own.

use std::path::Path;

use super::{EXAMINATION, NAME, modes::mode, own_home, rules, stream::StreamJson};
use crate::{
    Code, Error, Result,
    agents::{
        DesignerOptions, HookForm, Launch, Options, PrivateFile, Protocol, Stdin, TaskHandling, installed,
        launch::{PRIVATE, SESSION},
        mcp,
        options::{self, Rules},
    },
    config::{Config, keys::ALLOWED_CLI},
    model::{OnPrompt, Permission, text},
};

/// The options that it supports. Without a terminal it never asks.
pub(super) const SUPPORTED: &[&str] = &[
    options::PERMISSION,
    options::ALLOW_TOOL,
    options::DENY_TOOL,
    options::ADD_FOLDER,
    options::MODEL,
    options::MCP_SERVER,
];
/// Its hooks, of which time limits are in milliseconds.
pub(super) const HOOKS: HookForm =
    HookForm { prompt: "BeforeAgent", tool: "AfterTool", end: "AfterAgent", continues: "deny", second: 1000 };
/// How it writes its servers.
const MCP_FORM: mcp::Form =
    mcp::Form { variable: |name| format!("${name}"), url: "httpUrl", has_type: false };
/// The file with what it may and must not use.
const RULES_FILE: &str = "gemini-rules.toml";
/// The user asked for an agent in this worktree. Otherwise the program refuses to work in a folder that it does not know.
const TRUST: (&str, &str) = ("GEMINI_CLI_TRUST_WORKSPACE", "true");
/// The variables that a session sets for the processes that it starts.
pub(super) const SESSION_VARIABLES: &[&str] = &["GEMINI_CLI"];

/// Implements [`crate::agents::Launcher::launch`].
pub(super) fn launch(config: &Config<'_>, options: &Options) -> Result<Launch> {
    let program = installed::path(config, NAME).ok_or_else(not_installed)?;
    // Whatever would need a permission is denied.
    let denies = options.on_prompt == Some(OnPrompt::Deny);
    let checked = Options { on_prompt: options.on_prompt.filter(|_| !denies), ..options.clone() };
    checked.refuse_except(NAME, SUPPORTED)?;
    let permission = options.permission(config)?;
    let servers = mcp::servers(config, options)?;
    let mut options = options.clone().with_rules(Rules::of(config)?);
    let programs = config.get(&ALLOWED_CLI)?;
    options.allow.extend(programs.iter().map(|name| format!("Bash({name}:*)")));
    let rules = rules::policy(&options.allow, &options.deny)?;
    if rules.is_some() {
        check_folder(&config.private_dir()?)?;
    }
    let outer = own_home::outer_home(config.environment()).map(|home| home.to_string_lossy().into_owned());
    let env = [Some((TRUST.0, TRUST.1.to_owned())), outer.map(|home| (own_home::VARIABLE, home))];
    let mut launch = Launch {
        argv: argv(program, permission, rules.is_some(), &options)?,
        new_session_args: vec![format!("--session-id={SESSION}")],
        resume_args: vec![format!("--resume={SESSION}")],
        permission: Some(permission),
        protocol: Protocol::of(&StreamJson),
        unset: SESSION_VARIABLES.iter().map(|&name| name.to_owned()).collect(),
        env: env.into_iter().flatten().map(|(name, value)| (name.to_owned(), value)).collect(),
        files: rules.into_iter().map(|text| PrivateFile { name: RULES_FILE.to_owned(), text }).collect(),
        ..Launch::plain(vec![], Stdin::Prompt, TaskHandling::Prose)
    };
    if !servers.is_empty() {
        own_home::add(&mut launch, config.environment(), &mcp::as_json(&servers, &MCP_FORM), None)?;
    }
    Ok(launch)
}

/// Starts it as a designer. It takes no text in addition to its own instructions, but reads those of the server.
pub(in crate::agents) fn designer(config: &Config<'_>, options: &DesignerOptions) -> Result<Launch> {
    let program = installed::path(config, NAME).ok_or_else(not_installed)?;
    let mut servers = mcp::as_json(std::slice::from_ref(&options.server), &MCP_FORM);
    // What its tools start finds the user's own home folder.
    if let Some(home) = own_home::user_home(config.environment()) {
        servers[&options.server.name]["env"][own_home::VARIABLE] = home.to_string_lossy().into();
    }
    let hooks = HOOKS.settings(&options.hook_command(NAME));
    let denied: Vec<String> = options.denied().into_iter().filter(|tool| tool != "NotebookEdit").collect();
    // The tools of git orchestra are called without asking, as in other programs.
    let allowed = [format!("mcp__{}", options.server.name)];
    check_folder(&config.private_dir()?)?;
    let rules = rules::policy(&allowed, &denied)?;
    let mut argv = vec![program, format!("--policy={PRIVATE}/{RULES_FILE}")];
    argv.extend(options.model.iter().map(|model| format!("--model={model}")));
    let mut launch = Launch {
        new_session_args: vec![format!("--session-id={SESSION}")],
        resume_args: vec![format!("--resume={SESSION}")],
        unset: SESSION_VARIABLES.iter().map(|&name| name.to_owned()).collect(),
        files: rules.into_iter().map(|text| PrivateFile { name: RULES_FILE.to_owned(), text }).collect(),
        ..Launch::plain(argv, Stdin::Empty, TaskHandling::Prose)
    };
    own_home::add(&mut launch, config.environment(), &servers, Some(&hooks))?;
    Ok(launch)
}

/// Fails if the program cannot be given rules in a file of this folder: it takes a comma for the end of a path, and would start without
/// the rules.
fn check_folder(private: &Path) -> Result<()> {
    let path = private.to_string_lossy();
    if !path.contains(',') {
        return Ok(());
    }
    let what = format!("agent '{NAME}' cannot be given --allow or --deny in '{}'", text::safe(&path));
    Err(Error::new(Code::OptionUnsupported, what).hint("the path of the repository contains a comma"))
}

fn not_installed() -> Error {
    installed::missing("Gemini CLI", NAME, EXAMINATION.install, "run 'gemini' once to log in")
}

fn argv(program: String, permission: Permission, has_rules: bool, options: &Options) -> Result<Vec<String>> {
    let mut argv = vec![program, "--output-format=stream-json".to_owned()];
    argv.push(format!("--approval-mode={}", mode(permission)));
    if has_rules {
        argv.push(format!("--policy={PRIVATE}/{RULES_FILE}"));
    }
    for dir in &options.add_dirs {
        let dir = dir.to_string_lossy();
        if dir.contains(',') {
            let what = format!("agent '{NAME}' cannot use the folder '{}'", text::safe(&dir));
            return Err(Error::new(Code::OptionUnsupported, what).hint("its path contains a comma"));
        }
        argv.push(format!("--include-directories={dir}"));
    }
    argv.extend(options.model.iter().map(|model| format!("--model={model}")));
    Ok(argv)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(permission: Permission, has_rules: bool, options: &Options) -> Vec<String> {
        argv("gemini".to_owned(), permission, has_rules, options).unwrap()
    }

    #[test]
    fn every_option_has_its_argument() {
        let options = Options {
            add_dirs: vec!["/a b".into(), "/c".into()],
            model: Some("gemini-2.5-pro".into()),
            ..Options::default()
        };
        assert_eq!(
            of(Permission::AcceptEdits, true, &options),
            [
                "gemini",
                "--output-format=stream-json",
                "--approval-mode=auto_edit",
                "--policy={private}/gemini-rules.toml",
                "--include-directories=/a b",
                "--include-directories=/c",
                "--model=gemini-2.5-pro",
            ]
        );
        for (permission, word) in [
            (Permission::Default, "default"),
            (Permission::DontAsk, "default"),
            (Permission::AcceptEdits, "auto_edit"),
            (Permission::Plan, "plan"),
            (Permission::BypassPermissions, "yolo"),
        ] {
            let argv = of(permission, false, &Options::default());
            assert_eq!(argv[2..], [format!("--approval-mode={word}")]);
        }
        let comma = Options { add_dirs: vec!["/a,b".into()], ..Options::default() };
        assert!(argv("gemini".to_owned(), Permission::Plan, false, &comma).is_err());
    }
}
