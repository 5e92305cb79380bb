//! `git-orchestra-pr`: `git-orchestra` contains the command.

fn main() -> std::process::ExitCode {
    git_orchestra::hand_over("git-orchestra-pr")
}
