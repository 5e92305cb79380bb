//! Which module may use which: in the library, in the shared code of the commands, and in each command.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::{
    files, is_out_of_date,
    layer_rules::{LIBRARY, Rule, TERMINAL},
    modules::{Crate, Module, circles},
    root, shown,
};

/// The interface of the library for every frontend: it calls an operation and shows the report.
const INTERFACE: &[&str] = &[
    "Code",
    "Error",
    "Kind",
    "Result",
    "config",
    "context",
    "error",
    "git::Repo",
    "model",
    "ops",
    "trust::AcceptedRepo",
    "watch",
    "wire",
    "world",
];

/// The frontends that use more of the library, and what. This list may only shrink.
const BEYOND_INTERFACE: &[Rule] = &[
    ("attach", &["process"]),
    ("terminal", &["git", "private_files", "process", "trace"]),
    ("git-orchestra", &["git", "process"]),
    ("review", &["process"]),
    ("sessions", &["process"]),
    ("ui", &["process"]),
];

/// The names of our crates in paths.
const OUTSIDE: &[&str] = &["orchestra", "orchestra_terminal"];

fn library() -> Crate {
    Crate::read(&root().join("shared/src/lib.rs"), &[])
}

/// Returns the crate that the commands share, named `terminal`, and each command.
fn frontends() -> Vec<(String, Crate)> {
    let mut roots: Vec<(String, PathBuf)> =
        vec![("terminal".into(), root().join("bins/terminal/src/lib.rs"))];
    roots.push(("git-orchestra".into(), root().join("bins/git-orchestra/main.rs")));
    roots.extend(files("bins", "command.rs").into_iter().map(|file| (command_of(&file), file)));
    roots.into_iter().map(|(name, root)| (name, Crate::read(&root, OUTSIDE))).collect()
}

fn command_of(file: &Path) -> String {
    let folder = file.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    folder.strip_prefix("git-orchestra-").unwrap_or(&folder).to_owned()
}

/// Returns the top-level modules that a module uses, other than its own.
fn uses(all: &Crate, module: &Module) -> BTreeSet<String> {
    let top = |path: &Vec<String>| {
        let first = path.first().filter(|first| all.top().contains(*first)).cloned();
        // Names that the root re-exports.
        first.or_else(|| all.definition(path).and_then(|defined| defined.path.first().cloned()))
    };
    let mut used: BTreeSet<String> = all.named(module).iter().filter_map(top).collect();
    if let Some(own) = module.path.first() {
        used.remove(own);
    }
    used
}

/// Checks that every module has a rule and follows it.
fn keeps(all: &Crate, rules: &[Rule]) {
    let mut broken = BTreeSet::new();
    for module in all.modules() {
        let Some(own) = module.path.first() else { continue };
        let Some((_, allowed)) = rules.iter().find(|(name, _)| name == own) else {
            broken
                .insert(format!("there is no rule for the module {own}, which uses {:?}", uses(all, module)));
            continue;
        };
        let used = uses(all, module).into_iter().filter(|used| !allowed.contains(&used.as_str()));
        broken.extend(used.map(|used| format!("{own}: {} uses {used}", shown(&module.file))));
    }
    assert!(broken.is_empty(), "{broken:#?}");
    for (name, _) in rules {
        assert!(all.top().contains(*name), "the module {name} is gone: remove its rule");
    }
}

#[test]
fn the_library_has_no_terminal_and_no_cycle() {
    let manifest = fs::read_to_string(root().join("shared/Cargo.toml")).expect("a manifest");
    for terminal in
        ["clap", "comfy-table", "owo-colors", "dialoguer", "indicatif", "anstream", "hyper", "ratatui"]
    {
        assert!(!manifest.contains(terminal), "{terminal} in the library");
    }
    keeps(&library(), LIBRARY);
    // A rule that allowed a cycle would be useless.
    for (at, (name, allowed)) in LIBRARY.iter().enumerate() {
        let later: Vec<&str> = LIBRARY[at..].iter().map(|(later, _)| *later).collect();
        let upward = allowed.iter().find(|other| later.contains(other));
        // The error quotes names; ids and words report errors.
        assert!(
            upward.is_none() || ["error", "world"].contains(name),
            "{name} may use {upward:?}, which is above it"
        );
    }
}

#[test]
fn only_the_git_module_uses_gix() {
    let git = root().join("shared/src/git");
    for file in files("shared/src", ".rs").into_iter().chain(files("bins", ".rs")) {
        let text = fs::read_to_string(&file).expect("a file");
        assert!(file.starts_with(&git) || !text.contains("gix::"), "{} knows gix", shown(&file));
    }
}

#[test]
fn frontends_depend_one_way() {
    for (name, all) in frontends() {
        if name == "terminal" {
            keeps(&all, TERMINAL);
            continue;
        }
        for module in all.modules() {
            let used = uses(&all, module);
            match module.path.first().map(String::as_str) {
                // Requests know nothing of views.
                Some("cli") => assert!(used.is_empty(), "{} uses {used:?}", shown(&module.file)),
                Some("view") => {}
                Some(_) => assert!(!used.contains("main"), "{} uses main", shown(&module.file)),
                None => {
                    let others: Vec<_> = used
                        .iter()
                        .filter(|one| !["cli", "view", "lookup"].contains(&one.as_str()))
                        .collect();
                    assert!(others.is_empty(), "{} uses {others:?}", shown(&module.file));
                }
            }
        }
    }
}

#[test]
fn frontends_use_only_the_interface() {
    for (name, all) in frontends() {
        let mut past = BTreeSet::new();
        for module in all.modules() {
            let named = all.named(module);
            let of_library =
                named.iter().filter(|path| path[0] == "orchestra").map(|path| path[1..].join("::"));
            for path in of_library.filter(|path| !path.is_empty()) {
                let is_seam =
                    INTERFACE.iter().any(|seam| path == *seam || path.starts_with(&format!("{seam}::")));
                // A module that is imported by its name shows by its uses what it is.
                let is_module_alone = INTERFACE.iter().any(|seam| seam.starts_with(&format!("{path}::")));
                if !is_seam && !is_module_alone {
                    past.insert(path.split("::").next().unwrap_or_default().to_owned());
                }
            }
        }
        let known =
            BEYOND_INTERFACE.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, known)| known);
        let known: BTreeSet<String> = known.iter().map(|&known| known.to_owned()).collect();
        let more: Vec<&String> = past.difference(&known).collect();
        assert!(more.is_empty(), "{name} uses {more:?} of the library: an operation should return it");
        for gone in known.difference(&past) {
            is_out_of_date(&format!("{name} no longer uses {gone}: remove it from BEYOND_INTERFACE"));
        }
    }
}

#[test]
fn no_two_files_use_each_other() {
    let crates = std::iter::once(("library".to_owned(), library())).chain(frontends());
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, all) in crates {
        let mut edges = all.edges();
        // A module and its submodules are one: a submodule that uses its parents does not close a cycle.
        for (module, used) in &mut edges {
            used.retain(|used| !module.starts_with(used));
        }
        for circle in circles(&edges) {
            let names: Vec<String> =
                circle.iter().map(|path| format!("{name}::{}", path.join("::"))).collect();
            found.insert(names.join(" "), names);
        }
    }
    assert!(found.is_empty(), "these use each other: {found:#?}");
}
