//! Man pages and completions: whether man and the shells find them.

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{
    finding::{Finding, Group, Remedy},
    outside,
};
use crate::{
    context::Context,
    model::quote,
    parallel, process,
    world::{self, Environment},
};

/// How long man or a shell may take to answer. A shell reads the user's own startup files.
const LIMIT: Duration = Duration::from_secs(10);
/// The command that installs man pages and completions.
const SETUP: &str = "git orchestra setup";
/// Loads the completion of `git-orchestra` as bash does when a user presses TAB, and prints it.
const BASH_SCRIPT: &str = "for file in /usr/share/bash-completion/bash_completion \
    /usr/local/share/bash-completion/bash_completion /opt/homebrew/share/bash-completion/bash_completion; \
    do if [ -r \"$file\" ]; then . \"$file\"; break; fi; done; \
    if declare -F _comp_load >/dev/null; then _comp_load -- git-orchestra; \
    elif declare -F __load_completion >/dev/null; then __load_completion git-orchestra; \
    else echo no-bash-completion; exit; fi; complete -p git-orchestra";
/// What [`BASH_SCRIPT`] prints if bash loads no completions by itself.
const NO_BASH_COMPLETION: &str = "no-bash-completion";

/// A shell with completions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Whether something is found where it is looked for.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Lookup {
    Found,
    Missing,
    /// The files are installed in this folder, and the shell does not look there.
    Elsewhere(PathBuf),
    /// It cannot be asked.
    Unknown(String),
}

impl Shell {
    const ALL: [Self; 3] = [Self::Bash, Self::Zsh, Self::Fish];

    const fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }

    /// Returns the arguments with which the shell prints its completion for us, or the folders in which it looks for one.
    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Bash => &["--noprofile", "--norc", "-c", BASH_SCRIPT],
            // The folders are set in the startup file of interactive shells.
            Self::Zsh => &["-ic", "print -rl -- $fpath"],
            Self::Fish => &["-c", "printf '%s\\n' $fish_complete_path"],
        }
    }

    /// Returns the name of the completion file.
    const fn file(self) -> &'static str {
        match self {
            Self::Bash => "git-orchestra",
            Self::Zsh => "_git-orchestra",
            Self::Fish => "git-orchestra.fish",
        }
    }
}

/// Asks man and the installed shells.
pub(super) fn check(context: &Context) -> Vec<Finding> {
    let environment = context.environment();
    let mut findings = vec![of_man(&man(context), environment.variable("MANPATH").is_some())];
    let own = environment.variable("SHELL").map(PathBuf::from);
    let own = own.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let installed: Vec<Shell> = Shell::ALL
        .into_iter()
        .filter(|shell| process::on_path(environment, shell.name()).is_some())
        .collect();
    let answers = parallel::map(&installed, |shell| lookup(context, *shell));
    let answers = installed.into_iter().zip(answers);
    let answers: Vec<(Shell, bool, Lookup)> =
        answers.map(|(shell, found)| (shell, own.as_deref() == Some(shell.name()), found)).collect();
    findings.extend(of_shells(&answers));
    findings
}

fn man(context: &Context) -> Lookup {
    let mut command = command(context.environment(), "man");
    match outside::ask(command.args(["-w", "git-orchestra"]), LIMIT, &context.cancel) {
        Ok(answer) if answer.succeeded => Lookup::Found,
        Ok(_) => Lookup::Missing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Lookup::Unknown("man is not installed".to_owned())
        }
        Err(error) => Lookup::Unknown(error.to_string()),
    }
}

fn command(environment: &Environment, program: &str) -> Command {
    let mut command = process::command(environment, program);
    command.current_dir("/").env("TERM", "dumb");
    command
}

fn lookup(context: &Context, shell: Shell) -> Lookup {
    // Bash reads no file of the user here; the others make folders in a home that they do not find.
    if shell != Shell::Bash && !context.environment().home().is_some_and(|home| home.is_dir()) {
        return Lookup::Unknown("the home folder does not exist".to_owned());
    }
    let mut command = command(context.environment(), shell.name());
    let said = match outside::ask(command.args(shell.arguments()), LIMIT, &context.cancel) {
        Ok(answer) => answer.said,
        Err(error) => return Lookup::Unknown(error.to_string()),
    };
    match shell {
        Shell::Bash if said.contains(NO_BASH_COMPLETION) => {
            Lookup::Unknown("the package bash-completion is not installed".to_owned())
        }
        Shell::Bash if said.lines().any(|line| line.starts_with("complete ")) => Lookup::Found,
        Shell::Zsh | Shell::Fish if said.lines().any(|line| holds(Path::new(line), shell)) => Lookup::Found,
        _ => {
            let installed = installed_folders(context.environment(), shell);
            let installed = installed.into_iter().find(|folder| holds(folder, shell));
            installed.map_or(Lookup::Missing, Lookup::Elsewhere)
        }
    }
}

/// Returns whether a folder has the completion of a shell.
fn holds(folder: &Path, shell: Shell) -> bool {
    folder.is_absolute() && folder.join(shell.file()).is_file()
}

/// Returns the folders into which `setup` writes the completion of a shell.
fn installed_folders(environment: &Environment, shell: Shell) -> Vec<PathBuf> {
    let below = match shell {
        Shell::Bash => "bash-completion/completions",
        Shell::Zsh => "zsh/site-functions",
        Shell::Fish => "fish/vendor_completions.d",
    };
    let program = world::this_program();
    let sibling = program.parent().and_then(Path::parent).map(|prefix| prefix.join("share"));
    let data = environment.variable("XDG_DATA_HOME").map(PathBuf::from);
    let home = environment.home().map(|home| home.join(".local/share"));
    [sibling, data, home].into_iter().flatten().map(|share| share.join(below)).collect()
}

/// Judges the man pages. `is_set` is whether MANPATH replaces the folders in which man looks.
fn of_man(found: &Lookup, is_set: bool) -> Finding {
    match found {
        Lookup::Found => Finding::ok(Group::Installation, "man-pages", "man pages found"),
        Lookup::Unknown(why) => {
            Finding::note(Group::Installation, "man-pages", "it is not known whether the man pages are found")
                .because(why)
        }
        Lookup::Missing | Lookup::Elsewhere(_) => {
            let finding = Finding::note(
                Group::Installation,
                "man-pages",
                "man does not find the page git-orchestra(1)",
            );
            let finding = if is_set {
                finding
                    .because("MANPATH is set; unless it begins or ends with ':', it hides all other folders")
            } else {
                finding
            };
            finding.fix(SETUP).fixed_by(Remedy::InstallPages)
        }
    }
}

/// Judges the completions of the installed shells. A shell that is not the user's own and cannot be asked is left out.
fn of_shells(answers: &[(Shell, bool, Lookup)]) -> Vec<Finding> {
    let names = |wanted: &Lookup| {
        let all: Vec<&str> =
            answers.iter().filter(|(_, _, found)| found == wanted).map(|(shell, ..)| shell.name()).collect();
        (!all.is_empty()).then(|| all.join(", "))
    };
    let mut findings = Vec::new();
    if let Some(names) = names(&Lookup::Found) {
        findings.push(Finding::ok(Group::Installation, "completions", format!("completions of {names}")));
    }
    if let Some(names) = names(&Lookup::Missing) {
        let missing = Finding::note(
            Group::Installation,
            "completions",
            format!("completions are not installed for {names}"),
        );
        findings.push(missing.about(&names).fix(SETUP).fixed_by(Remedy::InstallPages));
    }
    findings.extend(answers.iter().filter_map(|(shell, is_own, found)| of_shell(*shell, *is_own, found)));
    findings
}

/// Judges what is neither found nor missing.
fn of_shell(shell: Shell, is_own: bool, found: &Lookup) -> Option<Finding> {
    let name = shell.name();
    let note = |what: String| Finding::note(Group::Installation, "completions", what).about(name);
    match found {
        Lookup::Found | Lookup::Missing => None,
        Lookup::Elsewhere(folder) => {
            let dir = quote::word(folder);
            let line = match shell {
                Shell::Bash => format!("in ~/.bashrc: . {}", quote::word(folder.join(shell.file()))),
                Shell::Zsh => format!("in ~/.zshrc, before compinit: fpath+=({dir})"),
                Shell::Fish => format!("in ~/.config/fish/config.fish: set -a fish_complete_path {dir}"),
            };
            Some(note(format!("{name} does not look for completions in '{}'", folder.display())).fix(line))
        }
        Lookup::Unknown(why) => {
            is_own.then(|| note(format!("it is not known whether {name} finds the completions")).because(why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::doctor::finding::Severity;

    #[test]
    fn completions_are_judged_by_shell() {
        let elsewhere = || Lookup::Elsewhere("/x/zsh/site-functions".into());
        let unknown = || Lookup::Unknown("no answer".into());
        for (shell, is_own, found, expected) in [
            (Shell::Bash, true, Lookup::Found, Some((Severity::Ok, false))),
            (Shell::Fish, false, Lookup::Missing, Some((Severity::Note, true))),
            (Shell::Zsh, true, elsewhere(), Some((Severity::Note, false))),
            (Shell::Bash, true, unknown(), Some((Severity::Note, false))),
            (Shell::Bash, false, unknown(), None),
        ] {
            let judged = of_shells(&[(shell, is_own, found.clone())]);
            assert_eq!(
                judged.first().map(|one| (one.severity, one.fixable)),
                expected,
                "{shell:?} {found:?}"
            );
        }
        let all = of_shells(&[(Shell::Bash, true, Lookup::Missing), (Shell::Zsh, false, Lookup::Missing)]);
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!(all[0].what, "completions are not installed for bash, zsh");
        let fix = of_shell(Shell::Zsh, true, &elsewhere()).and_then(|one| one.fix);
        assert_eq!(fix.as_deref(), Some("in ~/.zshrc, before compinit: fpath+=(/x/zsh/site-functions)"));
    }
}
