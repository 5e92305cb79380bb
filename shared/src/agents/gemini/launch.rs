//! Starting Gemini CLI. Its settings are passed as options, never written to a file of the user; login and everything else are the
//! user's own.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

use serde_json::json;

use super::{EXAMINATION, NAME, modes::mode, rules, stream::StreamJson};
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
/// The file with its MCP servers, which it reads as settings that the user's own take precedence over.
const MCP_FILE: &str = "gemini-mcp.json";
/// The variable with the path of that file.
const DEFAULTS: &str = "GEMINI_CLI_SYSTEM_DEFAULTS_PATH";
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
    let launch = Launch {
        argv: argv(program, permission, rules.is_some(), &options)?,
        new_session_args: vec![format!("--session-id={SESSION}")],
        resume_args: vec![format!("--resume={SESSION}")],
        permission: Some(permission),
        protocol: Protocol::of(&StreamJson),
        unset: SESSION_VARIABLES.iter().map(|&name| name.to_owned()).collect(),
        env: vec![(TRUST.0.to_owned(), TRUST.1.to_owned())],
        ..Launch::plain(vec![], Stdin::Prompt, TaskHandling::Prose)
    };
    let rules = rules.map(|text| PrivateFile { name: RULES_FILE.to_owned(), text });
    let (mut files, mut env): (Vec<PrivateFile>, _) = (rules.into_iter().collect(), launch.env.clone());
    if !servers.is_empty() {
        check_servers_are_read(&config.private_dir()?)?;
        let (file, path) = mcp::file(MCP_FILE, &servers, &MCP_FORM);
        files.push(file);
        env.push((DEFAULTS.to_owned(), path));
    }
    Ok(Launch { files, env, ..launch })
}

/// Starts it as a designer. It takes no text in addition to its own instructions, but reads those of the server.
pub(in crate::agents) fn designer(config: &Config<'_>, options: &DesignerOptions) -> Result<Launch> {
    let program = installed::path(config, NAME).ok_or_else(not_installed)?;
    let mut servers = mcp::as_json(std::slice::from_ref(&options.server), &MCP_FORM);
    // The tools of git orchestra are called without asking, as in other programs.
    servers[&options.server.name]["trust"] = true.into();
    check_servers_are_read(&config.private_dir()?)?;
    let hooks = HOOKS.settings(&options.hook_command(NAME));
    let text = json!({"mcpServers": servers, "hooks": hooks}).to_string();
    let settings = PrivateFile { name: MCP_FILE.to_owned(), text };
    let path = format!("{PRIVATE}/{MCP_FILE}");
    let denied: Vec<String> = options.denied().into_iter().filter(|tool| tool != "NotebookEdit").collect();
    let rules = rules::policy(&[], &denied)?;
    let (mut argv, mut files) = (vec![program], vec![settings]);
    if let Some(text) = rules {
        check_folder(&config.private_dir()?)?;
        argv.push(format!("--policy={PRIVATE}/{RULES_FILE}"));
        files.push(PrivateFile { name: RULES_FILE.to_owned(), text });
    }
    argv.extend(options.model.iter().map(|model| format!("--model={model}")));
    Ok(Launch {
        new_session_args: vec![format!("--session-id={SESSION}")],
        resume_args: vec![format!("--resume={SESSION}")],
        unset: SESSION_VARIABLES.iter().map(|&name| name.to_owned()).collect(),
        env: vec![(DEFAULTS.to_owned(), path)],
        files,
        ..Launch::plain(argv, Stdin::Empty, TaskHandling::Prose)
    })
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

/// Fails if the program does not read settings below this folder: version 0.61 skips those for which another user than root could exchange
/// the file or a folder above it, with a warning that nobody sees, and would run without its servers.
fn check_servers_are_read(private: &Path) -> Result<()> {
    let is_foreign = |dir: &&Path| {
        fs::symlink_metadata(dir).is_ok_and(|found| found.uid() != 0 || found.mode() & 0o022 != 0)
    };
    let Some(foreign) = private.ancestors().find(is_foreign) else { return Ok(()) };
    let shown = foreign.to_string_lossy();
    let what = format!(
        "agent '{NAME}' cannot be given MCP servers here: it reads them only below folders that nobody but root writes, unlike '{}'",
        text::safe(&shown)
    );
    Err(Error::new(Code::OptionUnsupported, what)
        .hint("gemini mcp add NAME COMMAND adds a server to your own settings")
        .hint("--agent NAME with another program, which takes servers everywhere"))
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

    #[test]
    fn servers_that_would_not_be_read_are_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = check_servers_are_read(folder.path()).unwrap_err();
        assert_eq!(error.code, Code::OptionUnsupported);
        assert!(error.message.contains(&*folder.path().to_string_lossy()), "{}", error.message);
    }

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
