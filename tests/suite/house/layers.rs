//! Which module may use which: in the library, in the shared code of the commands, and in each command.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::{
    files, is_out_of_date,
    modules::{Crate, Module, circles},
    root, shown,
};

/// A module, and the modules that it may use besides its own submodules.
type Rule = (&'static str, &'static [&'static str]);

/// The rules of the library: a module may use only modules below it.
const LIBRARY: &[Rule] = &[
    ("private_files", &[]),
    ("world", &["error", "model"]),
    ("error", &["model"]),
    ("model", &["error"]),
    ("backoff", &[]),
    ("context", &["error", "model", "world"]),
    ("trace", &["error", "model"]),
    ("lock", &["backoff", "context", "error", "private_files", "trace"]),
    ("parallel", &[]),
    ("tickets", &[]),
    ("slots", &["backoff", "context", "error", "lock", "model", "private_files", "tickets", "world"]),
    ("process", &["backoff", "context", "trace", "world"]),
    (
        "git",
        &[
            "backoff",
            "context",
            "error",
            "lock",
            "model",
            "parallel",
            "private_files",
            "process",
            "trace",
            "world",
        ],
    ),
    ("kernel", &["git", "model"]),
    ("config", &["error", "git", "kernel", "model", "parallel", "world"]),
    ("conversation", &["error", "lock", "model", "private_files", "process", "world"]),
    (
        "agents",
        &[
            "backoff",
            "config",
            "conversation",
            "context",
            "error",
            "lock",
            "model",
            "parallel",
            "private_files",
            "process",
            "secret_command",
            "trace",
            "world",
        ],
    ),
    ("secret_command", &["backoff", "context", "process", "world"]),
    ("forge", &["config", "context", "error", "git", "model", "process", "secret_command", "world"]),
    ("rank", &["model"]),
    ("plan", &["error", "model"]),
    ("run", &["model", "plan"]),
    (
        "store",
        &[
            "backoff",
            "config",
            "context",
            "error",
            "git",
            "lock",
            "model",
            "parallel",
            "private_files",
            "world",
        ],
    ),
    ("checks", &["config", "error", "git", "model", "process", "store", "world"]),
    ("trust", &["config", "error", "git", "lock", "model", "private_files", "store", "world"]),
    ("worktree", &["config", "error", "git", "lock", "model", "parallel", "private_files", "store", "world"]),
    (
        "surroundings",
        &[
            "config",
            "error",
            "git",
            "model",
            "parallel",
            "private_files",
            "store",
            "trust",
            "worktree",
            "world",
        ],
    ),
    (
        "sandbox",
        &[
            "agents",
            "backoff",
            "context",
            "error",
            "git",
            "model",
            "parallel",
            "private_files",
            "process",
            "worktree",
            "world",
        ],
    ),
    (
        "supervise",
        &[
            "agents",
            "backoff",
            "checks",
            "config",
            "conversation",
            "context",
            "error",
            "git",
            "kernel",
            "lock",
            "model",
            "parallel",
            "private_files",
            "process",
            "sandbox",
            "slots",
            "store",
            "surroundings",
            "tickets",
            "trace",
            "trust",
            "worktree",
            "world",
        ],
    ),
    (
        "landing",
        &[
            "backoff",
            "checks",
            "config",
            "context",
            "error",
            "git",
            "lock",
            "model",
            "parallel",
            "plan",
            "private_files",
            "process",
            "rank",
            "slots",
            "store",
            "supervise",
            "trace",
            "worktree",
            "world",
        ],
    ),
    (
        "removal",
        &[
            "context",
            "error",
            "git",
            "lock",
            "model",
            "private_files",
            "process",
            "store",
            "supervise",
            "worktree",
            "world",
        ],
    ),
    (
        "sync",
        &[
            "config",
            "context",
            "error",
            "git",
            "lock",
            "model",
            "parallel",
            "private_files",
            "store",
            "world",
        ],
    ),
    (
        "ops",
        &[
            "agents",
            "backoff",
            "config",
            "conversation",
            "context",
            "error",
            "forge",
            "git",
            "kernel",
            "landing",
            "lock",
            "model",
            "parallel",
            "plan",
            "private_files",
            "process",
            "rank",
            "removal",
            "run",
            "sandbox",
            "slots",
            "store",
            "supervise",
            "surroundings",
            "sync",
            "trust",
            "worktree",
            "world",
        ],
    ),
    ("watch", &["context", "error", "git", "landing", "model", "ops", "store", "supervise", "world"]),
    ("wire", &["error", "model", "ops", "watch", "worktree"]),
];

/// The rules of the code that the commands share.
const TERMINAL: &[Rule] = &[
    ("here", &[]),
    ("style", &[]),
    ("status_line", &[]),
    ("output", &["here", "status_line", "style"]),
    ("interrupt", &["alternate", "exit", "keyboard"]),
    ("request_view", &[]),
    ("picker", &[]),
    ("prompt", &["interrupt", "output", "picker"]),
    ("context", &["here", "interrupt", "output", "status_line", "style"]),
    ("accepted", &["context", "here", "output", "prompt"]),
    ("table", &["style"]),
    ("text_file", &[]),
    ("editor", &["here"]),
    ("humanize", &["here"]),
    ("times", &["here"]),
    ("caps", &[]),
    ("landings", &[]),
    ("limits", &["here", "humanize"]),
    (
        "agents",
        &["caps", "here", "landings", "limits", "output", "request_view", "style", "table", "humanize"],
    ),
    ("alternate", &["keyboard"]),
    ("keyboard", &[]),
    ("agent_variables", &[]),
    ("args", &[]),
    ("catalog", &[]),
    ("concepts", &[]),
    ("complete", &["here"]),
    ("exit", &[]),
    ("json", &["exit", "output"]),
    ("errors", &["exit", "json", "output", "style"]),
    ("check_output", &["context", "output"]),
    ("chosen", &["context", "names", "output", "prompt"]),
    ("outcome", &["agents", "output", "style"]),
    (
        "watch",
        &[
            "agents",
            "alternate",
            "caps",
            "context",
            "interrupt",
            "key",
            "keyboard",
            "limits",
            "output",
            "pager",
            "request_view",
            "style",
        ],
    ),
    ("change_stream", &["context", "json", "output", "watch"]),
    ("follow", &["agents", "context", "exit", "here", "json", "limits", "outcome", "output", "watch"]),
    ("full_screen", &["alternate", "here", "interrupt", "key", "keyboard", "output"]),
    ("key_help", &[]),
    ("key", &[]),
    ("printing", &[]),
    ("markdown", &[]),
    ("pager", &["here", "output"]),
    ("harmless", &["output", "pager"]),
    ("pages", &["catalog", "concepts", "exit", "key_help"]),
    ("guides", &["pages"]),
    ("names", &["output", "table"]),
    ("stop_view", &["agents", "context", "errors", "exit", "json", "names", "output", "prompt"]),
    ("trace", &["here", "output"]),
    (
        "run",
        &[
            "args", "catalog", "complete", "errors", "exit", "here", "json", "output", "pages", "style",
            "trace",
        ],
    ),
    ("settings", &["complete", "here", "output"]),
];

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
