//! Finds the modules of a crate, and which file uses which other.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::{
    imports::{Import, imports, paths},
    tokens::{Token, tokens, without_tests},
};

/// The longest chain of re-exports that is followed.
const DEEPEST: usize = 8;

/// A module, which is one file.
pub(super) struct Module {
    pub(super) file: PathBuf,
    /// Its path below the root of the crate, which is empty for the root.
    pub(super) path: Vec<String>,
    children: BTreeSet<String>,
    imports: Vec<Import>,
    paths: Vec<Vec<String>>,
}

/// A crate.
pub(super) struct Crate {
    modules: BTreeMap<Vec<String>, Module>,
    /// The other crates of ours that it may name.
    outside: &'static [&'static str],
}

impl Crate {
    /// Reads a crate from its first file. Test modules, and everything else under `#[cfg(test)]`, are left
    /// out.
    pub(super) fn read(root: &Path, outside: &'static [&'static str]) -> Self {
        let mut all = Self { modules: BTreeMap::new(), outside };
        all.add(root.to_owned(), Vec::new());
        all
    }

    fn add(&mut self, file: PathBuf, path: Vec<String>) {
        let source = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let all = without_tests(&tokens(&source));
        let mut children = BTreeSet::new();
        for (name, given) in declared(&all, &source) {
            if given.as_ref().is_some_and(|given| given.starts_with("..")) {
                // It is a root of its own.
                continue;
            }
            if children.insert(name.clone()) {
                let below = [&path[..], std::slice::from_ref(&name)].concat();
                self.add(child_file(&file, path.is_empty(), &name, given.as_deref()), below);
            }
        }
        let module = Module { file, path, children, imports: imports(&all), paths: paths(&all) };
        self.modules.insert(module.path.clone(), module);
    }

    pub(super) fn modules(&self) -> impl Iterator<Item = &Module> {
        self.modules.values()
    }

    /// Returns the modules directly below the root.
    pub(super) fn top(&self) -> &BTreeSet<String> {
        &self.modules[&Vec::new()].children
    }

    /// Returns the paths that a module names, absolute: from the root of the crate, or from the name of
    /// another crate.
    pub(super) fn named(&self, module: &Module) -> BTreeSet<Vec<String>> {
        let all = module.imports.iter().map(|import| &import.path).chain(&module.paths);
        all.filter_map(|path| self.absolute(module, path)).collect()
    }

    /// Makes a path absolute; `None` if it belongs to a foreign crate, or to this file alone.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let join = |begin: &[String], rest: &[String]| [begin, rest].concat();
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some(join(&module.path, rest)),
            "super" => {
                let above = rest.iter().take_while(|word| *word == "super").count();
                let depth = module.path.len().checked_sub(above + 1)?;
                Some(join(&module.path[..depth], &rest[above..]))
            }
            name if self.outside.contains(&name) => Some(path.to_vec()),
            name if module.children.contains(name) => Some(join(&module.path, path)),
            name => {
                let import = module.imports.iter().find(|import| import.name == name)?;
                // `use which::which`: the crate has the same name as its function.
                let is_known = import.path.first().is_some_and(|first| first != name);
                Some(join(&is_known.then(|| self.absolute(module, &import.path)).flatten()?, rest))
            }
        }
    }

    /// Returns the module that defines what a path names, following re-exports; `None` if the path is a
    /// module itself, or foreign.
    pub(super) fn definition(&self, path: &[String]) -> Option<&Module> {
        self.defined(path, DEEPEST)
    }

    fn defined(&self, path: &[String], depth: usize) -> Option<&Module> {
        let mut module = self.modules.get(&Vec::new())?;
        for (at, word) in path.iter().enumerate() {
            if module.children.contains(word) {
                module = &self.modules[&path[..=at]];
                continue;
            }
            if at == 0 && self.outside.contains(&word.as_str()) {
                return None;
            }
            let depth = depth.checked_sub(1)?;
            if let Some(import) = module.imports.iter().find(|import| import.name == *word) {
                let target = [self.absolute(module, &import.path)?, path[at + 1..].to_vec()].concat();
                return self.defined(&target, depth);
            }
            return Some(module);
        }
        None
    }

    /// Returns which module uses a definition of which other.
    pub(super) fn edges(&self) -> BTreeMap<&[String], BTreeSet<&[String]>> {
        let mut edges = BTreeMap::new();
        for module in self.modules() {
            let named = self.named(module);
            let used = named.iter().filter_map(|path| self.definition(path)).map(|used| &used.path[..]);
            edges.insert(&module.path[..], used.filter(|used| *used != module.path).collect());
        }
        edges
    }
}

/// Returns the modules that a file declares, with the file that `#[path]` names.
fn declared(all: &[Token<'_>], source: &str) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    for window in all.windows(3).filter(|window| window[0].text == "mod" && window[2].text == ";") {
        let before = source.lines().nth(window[0].line.saturating_sub(2)).unwrap_or_default();
        let given = before.split("path = \"").nth(1).and_then(|rest| rest.split('"').next());
        found.push((window[1].text.to_owned(), given.map(str::to_owned)));
    }
    found
}

fn child_file(parent: &Path, is_root: bool, name: &str, given: Option<&str>) -> PathBuf {
    let beside = parent.parent().unwrap_or(Path::new(""));
    let owns_its_folder = is_root || parent.ends_with("mod.rs");
    let folder = if owns_its_folder { beside.to_owned() } else { parent.with_extension("") };
    match given {
        Some(given) => beside.join(given),
        None => [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")]
            .into_iter()
            .find(|file| file.is_file())
            .unwrap_or_else(|| panic!("no file for the module {name} of {}", parent.display())),
    }
}

/// Returns the groups of modules that use each other, each ordered by name.
pub(super) fn circles<'a>(edges: &BTreeMap<&'a [String], BTreeSet<&'a [String]>>) -> Vec<Vec<&'a [String]>> {
    let reach: BTreeMap<&[String], BTreeSet<&[String]>> =
        edges.keys().map(|start| (*start, reached(edges, start))).collect();
    let mut groups: Vec<Vec<&[String]>> = Vec::new();
    for (module, below) in &reach {
        let group: Vec<&[String]> = below
            .iter()
            .filter(|other| reach.get(*other).is_some_and(|of| of.contains(module)))
            .copied()
            .collect();
        if group.len() > 1 && !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

fn reached<'a>(
    edges: &BTreeMap<&'a [String], BTreeSet<&'a [String]>>,
    start: &'a [String],
) -> BTreeSet<&'a [String]> {
    let (mut found, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(module) = open.pop() {
        for next in edges.get(module).into_iter().flatten() {
            if found.insert(*next) {
                open.push(next);
            }
        }
    }
    found
}
