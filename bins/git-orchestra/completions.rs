//! The completion scripts for the shells. They ask the binaries (see `orchestra_terminal::complete`) and
//! show the answers; they contain no command or option, so they never become outdated.

use orchestra_terminal::catalog;

use crate::cli::Shell;

const BASH: &str = include_str!("completions.bash");
const ZSH: &str = include_str!("completions.zsh");
const ZSH_GIT: &str = include_str!("completions.zsh-git");
const FISH: &str = include_str!("completions.fish");
const FISH_CONF: &str = include_str!("completions.conf.fish");

/// Returns the completion script of a shell.
pub(crate) fn script(shell: Shell) -> String {
    let script = match shell {
        Shell::Bash => BASH,
        Shell::Zsh => ZSH,
        Shell::ZshGit => ZSH_GIT,
        Shell::Fish => FISH,
        Shell::FishConf => FISH_CONF,
    };
    let programs: Vec<String> =
        catalog::binaries().map(|entry| format!("git-orchestra-{}", entry.name)).collect();
    script.replace("@PROGRAMS@", &programs.join(" "))
}
