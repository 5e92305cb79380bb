//! The permission rules for the commands with which a project is built, tested and formatted, as its own files name them. Pure.

/// The names that these commands usually have where a project names its commands itself.
const USUAL_NAMES: [&str; 8] = ["build", "check", "fmt", "format", "lint", "test", "tests", "typecheck"];

/// Programs with fixed commands for these things, by a file of their projects. They run what the project contains, which an agent may
/// change anyhow, so that their arguments allow nothing more.
const FIXED: &[(&str, &[&str])] = &[
    ("Cargo.toml", &["cargo build *", "cargo check *", "cargo clippy *", "cargo fmt *", "cargo test *"]),
    ("go.mod", &["go build *", "go test *", "go vet *"]),
    ("pytest.ini", &["pytest *"]),
    ("tox.ini", &["tox"]),
    ("mix.exs", &["mix compile", "mix format", "mix test *"]),
    ("Package.swift", &["swift build *", "swift test *"]),
];

/// What commits need: in an agent's worktree, git's own commands work on the agent's branch.
const GIT: [&str; 2] = ["git add *", "git commit *"];

/// The files that name commands, each with the program that runs them.
const NAMED: &[(&str, &str)] = &[
    ("Makefile", "make"),
    ("makefile", "make"),
    ("GNUmakefile", "make"),
    ("justfile", "just"),
    ("Justfile", "just"),
];

/// The programs that run the scripts of `package.json`, by the file in which each keeps its versions.
const SCRIPT_RUNNERS: &[(&str, &str)] =
    &[("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("bun.lock", "bun"), ("bun.lockb", "bun")];

/// Returns the rules for a project with such files at its top, of which `read` returns the text.
pub(super) fn rules(files: &[String], read: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let has = |name: &str| files.iter().any(|file| file == name);
    let fixed = FIXED.iter().filter(|(file, _)| has(file)).flat_map(|(_, commands)| commands.iter());
    let mut commands: Vec<String> = fixed.map(|command| (*command).to_owned()).collect();
    for (file, program) in NAMED.iter().filter(|(file, _)| has(file)) {
        let text = read(file).unwrap_or_default();
        commands.extend(targets(&text).into_iter().map(|target| format!("{program} {target}")));
    }
    if has("package.json") {
        let runner = SCRIPT_RUNNERS.iter().find(|(file, _)| has(file)).map_or("npm", |(_, runner)| runner);
        let text = read("package.json").unwrap_or_default();
        for script in scripts(&text) {
            commands.push(format!("{runner} run {script}"));
            commands.extend((script == "test").then(|| format!("{runner} test")));
        }
    }
    let all = commands.into_iter().chain(GIT.map(str::to_owned));
    all.map(|command| format!("Bash({command})")).collect()
}

/// Returns the usual names among the targets of a makefile, or the recipes of a justfile.
fn targets(text: &str) -> Vec<&'static str> {
    let is_target = |name: &&&str| {
        text.lines()
            .any(|line| line.strip_prefix(**name).is_some_and(|rest| rest.trim_start().starts_with(':')))
    };
    USUAL_NAMES.iter().filter(is_target).copied().collect()
}

/// Returns the usual names among the scripts of a `package.json`.
fn scripts(text: &str) -> Vec<&'static str> {
    let parsed: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    USUAL_NAMES.into_iter().filter(|name| parsed["scripts"][name].is_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_come_from_the_files_at_the_top() {
        let package =
            r#"{"scripts": {"test": "vitest", "deploy": "rm -rf /", "lint": "eslint", "check": 3}}"#;
        let makefile = "build: x\n\tcc\ntest :\n\tsh t\ndeploy:\n\tscp\ntesting:\n\nfmt = x\n";
        for (files, expected) in [
            (vec![], vec![]),
            (vec!["README.md", "test"], vec![]),
            (vec!["go.mod"], vec!["go build *", "go test *", "go vet *"]),
            (vec!["Makefile", "tox.ini"], vec!["tox", "make build", "make test"]),
            (vec!["package.json"], vec!["npm run lint", "npm run test", "npm test"]),
            (vec!["package.json", "pnpm-lock.yaml"], vec!["pnpm run lint", "pnpm run test", "pnpm test"]),
        ] {
            let read = |file: &str| match file {
                "package.json" => Some(package.to_owned()),
                "Makefile" => Some(makefile.to_owned()),
                _ => None,
            };
            let files: Vec<String> = files.into_iter().map(str::to_owned).collect();
            let expected: Vec<String> =
                expected.into_iter().chain(GIT).map(|command| format!("Bash({command})")).collect();
            assert_eq!(rules(&files, &read), expected, "{files:?}");
        }
        let unreadable = rules(&["package.json".to_owned(), "justfile".to_owned()], &|_| None);
        assert_eq!(unreadable.len(), GIT.len());
    }
}
