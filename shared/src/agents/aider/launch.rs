//! Starting aider. Its settings are passed as options, never written to a file of the user; models, keys, and everything else are the
//! user's own.

use super::{EXAMINATION, NAME, stream::Text};
use crate::{
    Code, Error, Result,
    agents::{
        Launch, Options, Protocol, Stdin, TaskHandling, installed,
        launch::{PRIVATE, PROMPT_FILE},
        options::{self, Rules},
    },
    config::Config,
    model::{OnPrompt, Permission, text},
};

/// The options that it supports.
pub(super) const SUPPORTED: &[&str] = &[options::PERMISSION, options::MODEL];
/// The fixed options. Nobody can answer its questions: it does not ask about edits, and answers "no" itself to running a command.
/// Without these it would change `.gitignore`, consent to being observed, fetch pages that a task mentions, and install a browser.
const FIXED_OPTIONS: &[&str] = &[
    "--yes-always",
    "--no-gitignore",
    "--no-analytics",
    "--no-detect-urls",
    "--disable-playwright",
    "--no-suggest-shell-commands",
    "--no-check-update",
    "--no-show-release-notes",
    "--no-show-model-warnings",
    "--no-pretty",
    "--no-fancy-input",
    "--stream",
];
/// Those of them that a person in a terminal does without: they can answer, and read.
const WITHOUT_TERMINAL: &[&str] = &[
    "--yes-always",
    "--no-detect-urls",
    "--no-suggest-shell-commands",
    "--no-pretty",
    "--no-fancy-input",
    "--stream",
];
/// The option for the file with the task.
const MESSAGE: &str = "--message-file=";
/// The option that continues the conversation.
const RESTORE: &str = "--restore-chat-history";
/// It would open pages about errors, and a login, in the user's browser.
const NO_BROWSER: (&str, &str) = ("BROWSER", "true");
/// What it leaves in the worktree: a cache of what its files define, and its own files if the user's settings name them.
const LEFTOVERS: &[&str] = &["/.aider.tags.cache.v*/", "/.aider.chat.history.md", "/.aider.input.history"];
/// The tools of other programs whose denial it would ignore.
const EDITING_TOOLS: &[&str] = &["Edit", "Write"];

/// Implements [`crate::agents::Launcher::launch`].
pub(super) fn launch(config: &Config<'_>, options: &Options) -> Result<Launch> {
    let program = installed::path(config, NAME).ok_or_else(not_installed)?;
    let denies = options.on_prompt == Some(OnPrompt::Deny);
    let checked = Options { on_prompt: options.on_prompt.filter(|_| !denies), ..options.clone() };
    checked.refuse_except(NAME, SUPPORTED)?;
    let permission = options.permission(config)?;
    // It has no other tool that could be denied.
    let denied = Rules::of(config)?.deny;
    let is_editing = |rule: &&String| EDITING_TOOLS.iter().any(|tool| rule.starts_with(tool));
    if let Some(rule) = denied.iter().find(is_editing).filter(|_| permission != Permission::Plan) {
        let what = format!("agent '{NAME}' cannot be denied '{}'", text::safe(rule));
        return Err(Error::new(Code::OptionUnsupported, what).hint("--permission plan makes it only answer"));
    }
    Ok(Launch {
        argv: argv(program, permission, options.model.as_deref())?,
        resume_args: vec![RESTORE.to_owned()],
        permission: Some(permission),
        protocol: Protocol::of(&Text),
        on_prompt: OnPrompt::Fail,
        env: vec![(NO_BROWSER.0.to_owned(), NO_BROWSER.1.to_owned())],
        leftovers: LEFTOVERS.iter().map(|&line| line.to_owned()).collect(),
        ..Launch::plain(vec![], Stdin::Empty, TaskHandling::Prose)
    })
}

/// Implements [`crate::agents::Launcher::interactive_argv`]: the same conversation and model, without a task, and with questions.
pub(super) fn interactive_argv(launch: &Launch) -> Option<Vec<String>> {
    let is_kept =
        |argument: &&String| !argument.starts_with(MESSAGE) && !WITHOUT_TERMINAL.contains(&argument.as_str());
    let mut argv: Vec<String> = launch.argv.iter().filter(is_kept).cloned().collect();
    argv.push(RESTORE.to_owned());
    (argv.len() > 1).then_some(argv)
}

fn not_installed() -> Error {
    installed::missing(
        "aider",
        NAME,
        EXAMINATION.install,
        "set the API key of a service, such as OPENAI_API_KEY",
    )
}

fn argv(program: String, permission: Permission, model: Option<&str>) -> Result<Vec<String>> {
    let mut argv = vec![
        program,
        format!("{MESSAGE}{PROMPT_FILE}"),
        format!("--chat-history-file={PRIVATE}/aider.conversation"),
        format!("--input-history-file={PRIVATE}/aider.input"),
    ];
    argv.extend(FIXED_OPTIONS.iter().map(|&word| word.to_owned()));
    match permission {
        // It never runs a command that the model wrote.
        Permission::AcceptEdits | Permission::BypassPermissions => {}
        Permission::Plan => argv.push("--edit-format=ask".to_owned()),
        Permission::Default | Permission::DontAsk => {
            let mode = permission.as_str();
            let what = format!("agent '{NAME}' does not support the permission mode '{mode}'");
            let error = Error::new(Code::OptionUnsupported, what);
            return Err(error.hint("acceptEdits lets it edit, and plan makes it only answer"));
        }
    }
    argv.extend(model.map(|model| format!("--model={model}")));
    Ok(argv)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_has_its_argument() {
        let of = |permission, model| argv("aider".to_owned(), permission, model);
        let argv = of(Permission::AcceptEdits, Some("openai/x")).unwrap();
        assert_eq!(
            argv[..4],
            [
                "aider",
                "--message-file={prompt_file}",
                "--chat-history-file={private}/aider.conversation",
                "--input-history-file={private}/aider.input"
            ]
        );
        assert_eq!(argv[4..argv.len() - 1], *FIXED_OPTIONS);
        assert_eq!(argv.last().unwrap(), "--model=openai/x");
        let plan = of(Permission::Plan, None).unwrap();
        assert_eq!(plan.last().unwrap(), "--edit-format=ask");
        assert_eq!(of(Permission::BypassPermissions, None).unwrap().last().unwrap(), "--stream");
        let launch = Launch { argv, ..Launch::plain(vec![], Stdin::Empty, TaskHandling::Prose) };
        let interactive = interactive_argv(&launch).unwrap();
        assert_eq!(interactive[1], "--chat-history-file={private}/aider.conversation");
        assert_eq!(interactive[interactive.len() - 2..], ["--model=openai/x", RESTORE]);
        assert!(interactive.iter().all(|argument| argument != "--yes-always"), "{interactive:?}");
        for permission in [Permission::Default, Permission::DontAsk] {
            let error = of(permission, None).unwrap_err();
            assert!(error.message.contains(permission.as_str()), "{error}");
        }
    }
}
