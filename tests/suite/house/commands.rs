//! Every command has its files, and the texts generated from the commands are up to date.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use orchestra_terminal::catalog;
use testkit::{Ran, World};

use super::{files, root};
use crate::{skip, world};

/// The sections of the manual that have pages of ours.
const MANUAL_SECTIONS: [&str; 3] = ["man1", "man5", "man7"];

#[test]
fn every_command_has_its_folder_page_suite_and_line_in_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    for entry in catalog::COMMANDS.iter().chain(catalog::INTERNAL).filter(|entry| !entry.built_in) {
        let name = format!("git-orchestra-{}", entry.name);
        for file in ["main.rs", "command.rs", "cli.rs", "view.rs"] {
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
fn the_catalog_matches_the_help_of_the_commands() {
    let world = world();
    for entry in catalog::COMMANDS.iter().chain(catalog::INTERNAL) {
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
    assert!(ran.stdout().ends_with(" files of man pages and completions\n"), "{}", ran.stdout());
    let mut fresh: Vec<(String, PathBuf)> = Vec::new();
    for section in MANUAL_SECTIONS {
        for page in fs::read_dir(prefix.join("share/man").join(section)).expect("pages").flatten() {
            fresh.push((format!("man/{}", page.file_name().to_string_lossy()), page.path()));
        }
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
    for page in files("man", ".5").into_iter().chain(files("man", ".7")) {
        lint(&world, &page);
    }
}

/// Checks that the linters of man pages find no fault.
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
fn pages_name_existing_pages() {
    for page in files("man", "") {
        let text = fs::read_to_string(&page).expect("a page").replace("\\-", "-").replace("\\fR", "");
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        for (at, _) in text.match_indices('(') {
            let name = text[..at].rsplit(|c| !is_name(c)).next().unwrap_or_default();
            let name = name.strip_prefix("fB").unwrap_or(name);
            let section = text[at + 1..].split(')').next().unwrap_or_default();
            let ours = name.starts_with("git-orchestra") || name.starts_with("gitorchestra");
            assert!(
                !ours || root().join(format!("man/{name}.{section}")).is_file(),
                "{name}({section}) in {}",
                page.display()
            );
        }
    }
}
