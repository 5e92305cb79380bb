//! What may appear in one place only: ref names, reading files that other processes can replace, asking
//! questions.

use std::{fs, path::Path};

use super::{files, is, shown};

#[test]
fn refs_are_spelled_in_one_place() {
    let is_help = |file: &Path| is(file, "cli.rs");
    for file in
        files("shared/src", ".rs").into_iter().chain(files("bins", ".rs")).filter(|file| !is_help(file))
    {
        // Tests spell out the refs that they expect.
        if is(&file, "tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let ours = code.contains("\"refs/orchestra") && !is(&file, "store/layout.rs");
        let gits = ["\"refs/heads/", "\"refs/tags/", "\"refs/remotes/"]
            .iter()
            .any(|prefix| code.contains(prefix) && !is(&file, "git/ref_names.rs"));
        assert!(!ours && !gits, "{} spells a ref", shown(&file));
    }
    // The test harness also spells our refs, to check them by plain git, in one file.
    for file in files("tests/kit/src", ".rs").into_iter().filter(|file| !is(file, "kit/src/repo.rs")) {
        let text = fs::read_to_string(&file).expect("a file");
        assert!(!text.contains("refs/orchestra"), "{} spells a ref", shown(&file));
    }
}

#[test]
fn files_that_others_can_replace_are_read_without_waiting() {
    // The modules that read files of the system or of the user's home, and the one that can open any file.
    let free = ["conversation/", "/sessions/", "supervise/tree_", "git/abandoned.rs", "git/careful.rs"];
    for file in files("shared/src", ".rs") {
        let name = shown(&file);
        if free.iter().any(|free| name.contains(free)) || name.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in
            code.lines().filter(|line| !line.contains("/proc") && !line.trim_start().starts_with("//"))
        {
            let reads = ["fs::read(", "fs::read_to_string("].iter().any(|call| line.contains(call));
            assert!(!reads, "{name} reads past git::careful: {line}");
        }
    }
}

#[test]
fn files_that_others_read_are_replaced_whole() {
    // What is written there is in a folder that nobody else knows yet, or behind a lock, or is renamed into its place.
    let free = [
        "git/config_file.rs",
        "git/fallback.rs",
        "git/index_entries.rs",
        "git/merging/merge_place.rs",
        "git/prepared_worktree.rs",
        "git/ref_quarantine.rs",
        "git/registration.rs",
        "landing/moving/record.rs",
        "ops/spec/texts.rs",
        "removal/restore.rs",
        "store/notes.rs",
        "worktree/index_copy.rs",
        "worktree/private_git_dir/",
        "worktree/stage.rs",
    ];
    for file in files("shared/src", ".rs") {
        let name = shown(&file);
        if free.iter().any(|free| name.contains(free)) || name.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let empties =
                ["fs::write(", "File::create(", "truncate(true)"].iter().any(|call| line.contains(call));
            assert!(!empties, "{name} empties a file before it writes, past private_files::replace: {line}");
        }
    }
}

#[test]
fn the_environment_and_the_clock_are_read_in_one_place() {
    const READS: [&str; 11] = [
        "env::var",
        "env::current_dir",
        "env::home_dir",
        "env::set_",
        "env::remove_var",
        "SystemTime::now",
        "Timestamp::now",
        "Zoned::now",
        "TimeZone::system",
        "which::which(",
        "Clock::system",
    ];
    // Times of files and processes are those of the system's clock, and are compared with it.
    let by_the_system = |file: &Path| is(file, "git/abandoned.rs") || is(file, "supervise/tree_linux.rs");
    for file in files("shared/src", ".rs").into_iter().chain(files("bins", ".rs")) {
        let text = fs::read_to_string(&file).expect("a file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let name = shown(&file);
        // A build script is no part of a program.
        if !name.contains("shared/src/world") && !is(&file, "bins/build.rs") {
            let read = |line: &&&str| {
                let found = READS.iter().find(|read| line.contains(*read));
                found.is_some_and(|read| *read != "Clock::system" || !by_the_system(&file))
            };
            assert_eq!(code.iter().find(read), None, "{name} bypasses the environment of its caller");
        }
        // A program reads its environment once; the library receives it as a value.
        let reads_all = code.iter().any(|line| line.contains("of_this_process"));
        let may = is(&file, "world/environment.rs") || is(&file, "terminal/src/here.rs");
        assert!(!reads_all || may, "{name} reads the environment of the process");
    }
}

#[test]
fn questions_are_asked_in_one_place() {
    for file in files("bins", ".rs").into_iter().filter(|file| !is(file, "terminal/src/prompt.rs")) {
        let text = fs::read_to_string(&file).expect("a file");
        for word in ["dialoguer::Select", "dialoguer::Confirm", "dialoguer::Input", "read_line("] {
            assert!(!text.contains(word), "{} asks by itself: {word}", shown(&file));
        }
    }
}

#[test]
fn no_path_or_host_of_one_machine_is_in_the_tree() {
    let home = format!("/{}/", "home/user");
    for folder in ["bins", "shared", "tests", "man", "completions"] {
        for file in files(folder, "") {
            let text = fs::read_to_string(&file).unwrap_or_default();
            assert!(!text.contains(&home), "{}", shown(&file));
        }
    }
}

#[test]
fn agent_programs_are_known_only_in_their_directory() {
    // The registry, and the table of configuration keys with its defaults.
    let free = [
        "agents/mod.rs",
        "config/keys/agents.rs",
        "config/keys/profiles.rs",
        // It reads the setups of worktrees that other tools have.
        "doctor/setups.rs",
        "import/foreign.rs",
        "golden.rs",
    ];
    for file in files("shared/src", ".rs") {
        let name = file.to_string_lossy().into_owned();
        if free.iter().any(|free| name.ends_with(free)) || name.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_lowercase();
        let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for program in ["claude", "codex", "gemini", "opencode"] {
            if !name.contains(&format!("agents/{program}/")) {
                let known = code.iter().find(|line| line.contains(program));
                assert!(known.is_none(), "{name} knows {program}: {known:?}");
            }
        }
    }
}
