//! The rules of the house, kept by tests: everything has its place and its name, and what is generated is fresh.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use orchestra_terminal::catalog;
use testkit::{Ran, World};

use crate::{skip, world};

/// Longest source file and longest test file, in lines.
const LONGEST: usize = 500;
const LONGEST_TEST: usize = 800;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else if entry.path().to_string_lossy().ends_with(ending) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_command_has_its_folder_page_suite_and_line_in_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    for entry in catalog::COMMANDS.iter().chain(catalog::INNER).filter(|entry| !entry.built_in) {
        let name = format!("git-orchestra-{}", entry.name);
        for file in ["main.rs", "cli.rs", "view.rs"] {
            assert!(root().join("bins").join(&name).join(file).is_file(), "{name}/{file}");
        }
        assert!(manifest.contains(&format!("path = \"bins/{name}/main.rs\"")), "{name} in the manifest");
        assert!(
            root().join(format!("shared/src/ops/{}.rs", entry.name.replace('-', "_"))).is_file(),
            "the operation of {name}"
        );
    }
    for entry in catalog::COMMANDS {
        assert!(readme.contains(&format!("`{}`", entry.name)), "{} in the README", entry.name);
        let suite = root().join(format!("tests/suite/{}.rs", entry.name.replace('-', "_")));
        assert!(entry.built_in || suite.is_file(), "{}", suite.display());
    }
}

#[test]
fn the_catalogue_says_what_the_commands_say() {
    let world = world();
    for entry in catalog::COMMANDS.iter().chain(catalog::INNER) {
        let ran = if entry.built_in {
            Ran::of(world.command(world.bins().join("git-orchestra"), world.dir()).args(["help", entry.name]))
        } else {
            let program = world.bins().join(format!("git-orchestra-{}", entry.name));
            Ran::of(world.command(program, world.dir()).arg("-h"))
        };
        assert_eq!(ran.stdout().lines().next(), Some(entry.summary), "{}", entry.name);
    }
}

#[test]
fn man_pages_and_completions_are_fresh() {
    let world = world();
    let prefix = world.dir().join("prefix");
    let program = world.bins().join("git-orchestra");
    let ran =
        Ran::of(world.command(&program, world.dir()).args(["setup", "--prefix"]).arg(&prefix)).succeeded();
    assert!(ran.stdout().contains("wrote"));
    let mut fresh: Vec<(String, PathBuf)> = Vec::new();
    for page in fs::read_dir(prefix.join("share/man/man1")).expect("pages").flatten() {
        fresh.push((format!("man/{}", page.file_name().to_string_lossy()), page.path()));
    }
    for page in fs::read_dir(prefix.join("share/man/man5")).expect("pages").flatten() {
        fresh.push((format!("man/{}", page.file_name().to_string_lossy()), page.path()));
    }
    for (file, installed) in [
        ("git-orchestra.bash", "bash-completion/completions/git-orchestra"),
        ("_git-orchestra", "zsh/site-functions/_git-orchestra"),
        ("_git_orchestra", "zsh/site-functions/_git_orchestra"),
        ("git-orchestra.fish", "fish/vendor_completions.d/git-orchestra.fish"),
        ("git-orchestra.conf.fish", "fish/vendor_conf.d/git-orchestra.fish"),
    ] {
        fresh.push((format!("completions/{file}"), prefix.join("share").join(installed)));
    }
    let bless = std::env::var_os("ORCHESTRA_BLESS").is_some();
    let mut stale = Vec::new();
    for (name, made) in &fresh {
        let made = fs::read(made).expect("a file");
        if bless {
            fs::write(root().join(name), &made).expect("written");
        } else if fs::read(root().join(name)).ok().as_deref() != Some(&made) {
            stale.push(name.clone());
        }
    }
    let known: BTreeSet<PathBuf> = fresh.iter().map(|(name, _)| root().join(name)).collect();
    for extra in
        files("man", "").into_iter().chain(files("completions", "")).filter(|file| !known.contains(file))
    {
        stale.push(extra.display().to_string());
    }
    assert!(stale.is_empty(), "not fresh: {stale:?}\nORCHESTRA_BLESS=1 cargo test --test suite fresh");
}

#[test]
fn man_pages_are_clean_and_complete() {
    let world = world();
    for page in files("man", ".1") {
        let text = fs::read_to_string(&page).expect("a page");
        for section in
            [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH \"EXIT STATUS\"", ".SH \"SEE ALSO\""]
        {
            assert!(text.contains(section), "{section} in {}", page.display());
        }
        assert!(!text.contains("  \n") && !text.contains("\n\n"), "{}", page.display());
        lint(&world, &page);
    }
    for page in files("man", ".5") {
        lint(&world, &page);
    }
}

/// Nothing that the linters of man pages dislike.
fn lint(world: &World, page: &Path) {
    for (linter, arguments) in [
        ("mandoc", vec!["-T", "lint", "-W", "warning"]),
        ("man", vec!["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"]),
    ] {
        let mut command = world.command(linter, world.dir());
        if command.arg("--version").output().is_err() {
            skip(&format!("{linter} is not installed"));
            continue;
        }
        let ran = Ran::of(world.command(linter, world.dir()).args(arguments).arg(page));
        let complaint = if linter == "man" { ran.stderr() } else { ran.stdout() + &ran.stderr() };
        assert_eq!(complaint.trim(), "", "{linter} {}", page.display());
    }
}

#[test]
fn see_also_leads_somewhere() {
    for page in files("man", ".1") {
        let text = fs::read_to_string(&page).expect("a page").replace("\\-", "-");
        for word in text.split([' ', ',', '\n']).filter_map(|word| word.strip_suffix("(1)")) {
            let ours = word.starts_with("git-orchestra");
            assert!(!ours || root().join(format!("man/{word}.1")).is_file(), "{word} in {}", page.display());
        }
    }
}

#[test]
fn rooms_are_small() {
    for (folder, longest) in [("bins", LONGEST), ("shared/src", LONGEST), ("tests", LONGEST_TEST)] {
        for file in files(folder, ".rs") {
            let lines = fs::read_to_string(&file).expect("a file").lines().count();
            assert!(lines <= longest, "{} has {lines} lines", file.display());
        }
    }
    for file in files("bins", "main.rs") {
        let lines = fs::read_to_string(&file).expect("a file").lines().count();
        assert!(lines <= 30, "{} has {lines} lines", file.display());
    }
}

#[test]
fn the_library_knows_no_terminal_and_data_flows_one_way() {
    let manifest = fs::read_to_string(root().join("shared/Cargo.toml")).expect("a manifest");
    for terminal in ["clap", "comfy-table", "owo-colors", "dialoguer", "indicatif", "anstream"] {
        assert!(!manifest.contains(terminal), "{terminal} in the library");
    }
    // Which modules of the library may be named in which folder, besides its own.
    let allowed: &[(&str, &[&str])] = &[
        ("error", &["model"]),
        ("world", &[]),
        ("private_files", &[]),
        ("process", &["world"]),
        ("lock", &["error"]),
        ("config", &["error", "git", "model"]),
        ("model", &["error"]),
        ("rank", &["model"]),
        ("git", &["error", "lock", "model", "process", "world"]),
        ("store", &["error", "git", "lock", "model", "world"]),
        ("profile", &["config", "error", "model", "process"]),
        ("worktree", &["config", "error", "git", "lock", "model", "store", "world"]),
        ("conversation", &["error", "lock", "model", "process", "world"]),
        (
            "landing",
            &[
                "config",
                "error",
                "git",
                "lock",
                "model",
                "process",
                "rank",
                "store",
                "supervise",
                "world",
                "worktree",
            ],
        ),
        ("removal", &["error", "git", "lock", "model", "process", "store", "supervise", "world", "worktree"]),
        ("sync", &["error", "git", "lock", "model", "store", "world"]),
        ("trust", &["error", "git", "lock", "model", "store", "world"]),
        ("surroundings", &["config", "error", "git", "model", "store", "trust", "world", "worktree"]),
        ("watch", &["error", "git", "landing", "model", "ops", "store", "supervise"]),
        (
            "supervise",
            &[
                "conversation",
                "error",
                "git",
                "lock",
                "model",
                "process",
                "profile",
                "store",
                "trust",
                "surroundings",
                "world",
                "worktree",
            ],
        ),
    ];
    let library = fs::read_to_string(root().join("shared/src/lib.rs")).expect("the library");
    let is_module =
        |line: &&str| line.ends_with(';') && (line.starts_with("pub mod ") || line.starts_with("mod "));
    let module = |line: &str| {
        let name = line.trim_start_matches("pub ").trim_start_matches("mod ");
        name.trim_end_matches(';').to_owned()
    };
    let modules: Vec<String> = library.lines().filter(is_module).map(module).collect();
    for module in &modules {
        // Operations are above everything.
        let may = match allowed.iter().find(|(name, _)| name == module) {
            Some((_, may)) => *may,
            None => {
                assert_eq!(module, "ops", "there is no rule for the module {module}");
                continue;
            }
        };
        for file in sources_of(module) {
            let text = fs::read_to_string(&file).expect("a file");
            // What any module may use: it knows nothing.
            let may = |other: &str| may.contains(&other) || other == "private_files";
            for other in modules.iter().filter(|other| *other != module && !may(other)) {
                let names = text.contains(&format!("crate::{other}::")) || uses(&text, other);
                assert!(!names, "{} uses {other}", file.display());
            }
        }
    }
    for file in
        files("shared/src", ".rs").into_iter().filter(|file| !file.starts_with(root().join("shared/src/git")))
    {
        let text = fs::read_to_string(&file).expect("a file");
        assert!(!text.contains("gix::"), "{} knows gix", file.display());
    }
}

/// What a window may name of the library: operations and what they are made of, and two doors. It starts programs of the user's
/// (a pager, an editor, a shell), and hands a repository from one operation to the next.
const OF_THE_LIBRARY: [&str; 9] =
    ["Error", "Kind", "Result", "config", "error", "model", "ops", "watch", "world"];
const ENTRY_POINTS: [&str; 3] = ["git::Repo", "git::Git", "process"];

#[test]
fn windows_know_the_operations_and_nothing_below_them() {
    for file in files("bins", ".rs") {
        let text = fs::read_to_string(&file).expect("a file");
        for path in paths_of_the_library(&text) {
            let is_free = path.split("::").next().is_some_and(|top| OF_THE_LIBRARY.contains(&top));
            let is_entry_point =
                ENTRY_POINTS.iter().any(|entry| path == *entry || path.starts_with(&format!("{entry}::")));
            assert!(is_free || is_entry_point, "{} reaches past the operations: {path}", file.display());
        }
    }
}

#[test]
fn paths_are_found_however_they_are_written() {
    let text = "use orchestra::{\n    Result, git::{Repo, refs::{A, B}},\n    ops::x::{self, Y},\n};\nfn f() { orchestra::store::all() }";
    let expected =
        ["Result", "git::Repo", "git::refs::A", "git::refs::B", "ops::x::self", "ops::x::Y", "store::all"];
    assert_eq!(paths_of_the_library(text), expected);
    assert_eq!(paths_of_the_library("use orchestra_terminal::x; use orchestra::lock::Lock;"), ["lock::Lock"]);
}

/// Every path below `orchestra::` that a source names, those in braces written out.
fn paths_of_the_library(text: &str) -> Vec<String> {
    const LIBRARY: &str = "orchestra::";
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut paths = Vec::new();
    for (start, _) in text.match_indices(LIBRARY) {
        if !text[..start].ends_with(is_name) {
            written_out(&text[start + LIBRARY.len()..], "", &mut paths);
        }
    }
    paths
}

/// Adds the paths at the beginning of `text`, each below `prefix`. Gives what comes after them.
fn written_out<'a>(text: &'a str, prefix: &str, paths: &mut Vec<String>) -> &'a str {
    let Some(mut inside) = text.strip_prefix('{') else {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(text.len());
        let (path, rest) = text.split_at(end);
        let path = format!("{prefix}{path}");
        if rest.starts_with('{') {
            return written_out(rest, &path, paths);
        }
        paths.push(path.trim_end_matches("::").to_owned());
        return rest;
    };
    loop {
        inside = inside.trim_start_matches([',', ' ', '\n']);
        match inside.strip_prefix('}') {
            Some(rest) => return rest,
            None if inside.is_empty() => return inside,
            None => {}
        }
        let rest = written_out(inside, prefix, paths);
        // What is no path, such as `as`, is passed over.
        let next = rest.find([',', '}']).unwrap_or(rest.len());
        inside = &rest[next..];
    }
}

/// The file, or the files, of a module of the library.
fn sources_of(module: &str) -> Vec<PathBuf> {
    let alone = root().join(format!("shared/src/{module}.rs"));
    if alone.is_file() { vec![alone] } else { files(&format!("shared/src/{module}"), ".rs") }
}

/// Whether any `use crate::{…}` names a module at its top.
fn uses(text: &str, module: &str) -> bool {
    const USE: &str = "use crate::{";
    text.match_indices(USE).any(|(start, _)| names_at_its_top(&text[start + USE.len()..], module))
}

fn names_at_its_top(block: &str, module: &str) -> bool {
    let mut depth = 0;
    let mut top = String::new();
    for c in block.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            c if depth == 0 => top.push(c),
            _ => {}
        }
    }
    top.split(',').any(|item| item.trim().split("::").next() == Some(module))
}

#[test]
fn refs_are_spelled_in_one_place() {
    let is_help = |file: &Path| is(file, "cli.rs");
    for file in
        files("shared/src", ".rs").into_iter().chain(files("bins", ".rs")).filter(|file| !is_help(file))
    {
        let text = fs::read_to_string(&file).expect("a file");
        // Tests spell out what they expect.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let ours = code.contains("\"refs/orchestra") && !is(&file, "store/layout.rs");
        let gits = ["\"refs/heads/", "\"refs/tags/", "\"refs/remotes/"]
            .iter()
            .any(|prefix| code.contains(prefix) && !is(&file, "git/refs.rs"));
        assert!(!ours && !gits, "{} spells a ref", file.display());
    }
}

#[test]
fn files_that_others_can_replace_are_read_without_waiting() {
    // What reads files of the system or of the user's home, and the one module that knows how to open a file.
    let free = ["conversation/", "ops/sessions/", "supervise/tree_", "git/abandoned.rs", "git/careful.rs"];
    for file in files("shared/src", ".rs") {
        let name = file.to_string_lossy().into_owned();
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
fn questions_are_asked_in_one_place() {
    for file in files("bins", ".rs").into_iter().filter(|file| !is(file, "terminal/src/prompt.rs")) {
        let text = fs::read_to_string(&file).expect("a file");
        for word in ["dialoguer::Select", "dialoguer::Confirm", "dialoguer::Input", "read_line("] {
            assert!(!text.contains(word), "{} asks by itself: {word}", file.display());
        }
    }
}

fn is(file: &Path, ending: &str) -> bool {
    file.to_string_lossy().ends_with(ending)
}

#[test]
fn no_path_or_host_of_one_machine_is_in_the_tree() {
    let home = format!("/{}/", "home/user");
    for folder in ["bins", "shared", "tests", "man", "completions"] {
        for file in files(folder, "") {
            let text = fs::read_to_string(&file).unwrap_or_default();
            assert!(!text.contains(&home), "{}", file.display());
        }
    }
}
