//! `git-orchestra-designer`: `git-orchestra` contains the command.

fn main() -> std::process::ExitCode {
    git_orchestra::hand_over("git-orchestra-designer")
}
