//! Rows about `cleanup`, `undo` and `collect`, compared with what a person would type instead.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    anchor::{Row, median_of_turns},
    data::Lab,
};

/// What the agents do: one file each.
const TASK: &str = "echo $$ > made-$$; git add .; git commit -qm work";
/// How often `main` grows while the agents of one row work.
const COMMITS: usize = 1_000;

/// Shows all rows.
pub(crate) fn rows(lab: &Lab, turns: usize, short: bool, show: &mut impl FnMut(Row)) {
    let few = agents(lab, "cleanup-few", 3);
    let mut anchor = || lab.run(lab.git().args(["rev-parse", "--git-dir"]), &few);
    let mut look = || lab.run(lab.ours("git-orchestra-cleanup").arg("--dry-run"), &few);
    let (ours, git) = median_of_turns(turns, &mut look, &mut anchor);
    show(Row::new("cleanup --dry-run, 3 agents", ours, git, 5.0));
    let mut collect = || lab.run(&mut lab.ours("git-orchestra-collect"), &few);
    let (ours, git) = median_of_turns(turns, &mut collect, &mut anchor);
    show(Row::new("collect, 3 agents with nothing new", ours, git, 5.0));
    long_main(lab, turns, show);
    landed(lab, short, show);
}

/// Compares a look at agents that began long ago with one at agents that began just now.
fn long_main(lab: &Lab, turns: usize, show: &mut impl FnMut(Row)) {
    let (young, old) = (agents(lab, "cleanup-young", 20), agents(lab, "cleanup-old", 20));
    grow_main(lab, &old);
    let look = |repo: &Path| lab.run(lab.ours("git-orchestra-cleanup").arg("--dry-run"), repo);
    let (ours, anchor) = median_of_turns(turns, &mut || look(&old), &mut || look(&young));
    show(Row::new("cleanup --dry-run, 20, main +1,000 to +0", ours, anchor, 2.0));
}

/// Removes and restores landed agents, in turn with git's own commands for worktrees and branches.
fn landed(lab: &Lab, short: bool, show: &mut impl FnMut(Row)) {
    let (many, turns) = if short { (20, 2) } else { (100, 5) };
    let repo = agents(lab, "cleanup-landed", many);
    let branches: Vec<String> = lab.branches(&repo, "refs/heads/orchestra/");
    lab.run(lab.git().args(["merge", "-q", "-m", "all"]).args(&branches), &repo);
    let git_repo = lab.repo("cleanup-by-git", 0);
    let adds =
        format!("for n in $(seq {many}); do git worktree add -q --no-track -b loop-$n ../loop-$n; done");
    let removes =
        format!("for n in $(seq {many}); do git worktree remove ../loop-$n && git branch -qD loop-$n; done");
    let shell = |script: &str| lab.run(lab.command("sh").args(["-c", script]), &git_repo);
    let (mut removed, mut restored) = (Vec::new(), Vec::new());
    for turn in 0..turns + 1 {
        let remove = lab.run(&mut lab.ours("git-orchestra-cleanup"), &repo);
        wait_for_trash(&repo);
        let add_by_git = shell(&adds);
        let restore = lab.run(&mut lab.ours("git-orchestra-undo"), &repo);
        let remove_by_git = shell(&removes);
        // The first turn is a warm-up.
        if turn > 0 {
            removed.push((remove, remove_by_git));
            restored.push((restore, add_by_git));
        }
    }
    for (what, times, goal) in [("cleanup", removed, 1.0), ("undo of a cleanup", restored, 1.0)] {
        let (mut ours, mut git): (Vec<Duration>, Vec<Duration>) = times.into_iter().unzip();
        ours.sort_unstable();
        git.sort_unstable();
        let middle = ours.len() / 2;
        show(Row::new(&format!("{what} of {many} landed agents"), ours[middle], git[middle], goal));
    }
}

/// Makes a repository with agents that have ended, each with a commit.
fn agents(lab: &Lab, name: &str, many: usize) -> PathBuf {
    let repo = lab.repo(name, 0);
    let mut spawn = lab.ours("git-orchestra-spawn");
    lab.run(spawn.args(["--agent", "sh", "--json", "--copies", &many.to_string(), TASK]), &repo);
    repo
}

/// Adds commits to `main`, each on one of some files.
fn grow_main(lab: &Lab, repo: &Path) {
    let mut stream = String::new();
    for at in 0..COMMITS {
        let from = if at == 0 { "from refs/heads/main^0\n" } else { "" };
        let text = format!("{at}\n");
        let _ = write!(
            stream,
            "commit refs/heads/main\ncommitter W <w@example.com> {} +0000\ndata 4\nmore\n{from}M 644 inline grown/{}\ndata {}\n{text}\n",
            1_795_222_800 + at,
            at % 40,
            text.len()
        );
    }
    lab.fast_import(repo, stream.as_bytes());
}

/// Waits until the background process has deleted the files that a cleanup moved away, so that it disturbs nobody.
fn wait_for_trash(repo: &Path) {
    let name = repo.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let trash = repo.with_file_name(format!("{name}.worktrees/.trash"));
    let begun = Instant::now();
    while trash.exists() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
}
