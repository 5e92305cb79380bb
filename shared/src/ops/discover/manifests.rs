//! The manifests of languages: what a project's own scripts are called, and what its tools usually do.

use serde_json::Value;

use super::{
    Found,
    Purpose::{self, Build, Format, Language, Lint, Test},
    targets,
};

/// Whether a file is in the checkout.
type Has<'a> = &'a dyn Fn(&str) -> bool;

/// The script that `npm init` writes, and that only fails.
const NO_TEST: &str = "no test specified";

/// Reads the scripts of `package.json`; the lock file says which program runs them.
pub(super) fn package(text: &str, has: Has<'_>) -> Vec<Found> {
    let Ok(parsed) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let language = if has("tsconfig.json") { "TypeScript" } else { "JavaScript" };
    let locks =
        [("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("bun.lock", "bun"), ("bun.lockb", "bun")];
    let program = locks.iter().find(|(lock, _)| has(lock)).map_or("npm", |(_, program)| program);
    let scripts = parsed.get("scripts").and_then(Value::as_object);
    let section = line_of(text, 0, |line| is_field(line, "scripts")).unwrap_or(1);
    let of_name = |(name, purpose): &(&str, Purpose)| {
        let script = scripts?.get(*name)?.as_str().filter(|script| !script.contains(NO_TEST))?;
        let line = line_of(text, section - 1, |line| is_field(line, name)).unwrap_or(section);
        let run = if *name == "test" && program != "bun" { "" } else { "run " };
        (!script.trim().is_empty()).then(|| Found::new(*purpose, format!("{program} {run}{name}"), line))
    };
    let mut found = vec![Found::new(Language, language, 1)];
    found.extend(targets::NAMES.iter().filter_map(of_name));
    found
}

pub(super) fn cargo(text: &str, _: Has<'_>) -> Vec<Found> {
    let workspace = line_of(text, 0, |line| line.starts_with("[workspace]"));
    let Some(line) = workspace.or_else(|| line_of(text, 0, |line| line.starts_with("[package]"))) else {
        return Vec::new();
    };
    let all = if workspace.is_some() { " --workspace" } else { "" };
    let every = if workspace.is_some() { " --all" } else { "" };
    vec![
        Found::new(Language, "Rust", line),
        Found::new(Build, format!("cargo build{all}"), line),
        Found::new(Test, format!("cargo test{all}"), line),
        Found::new(Format, format!("cargo fmt{every}"), line),
        Found::new(Lint, format!("cargo clippy{all} --all-targets"), line),
    ]
}

pub(super) fn go(text: &str, _: Has<'_>) -> Vec<Found> {
    let Some(line) = line_of(text, 0, |line| line.starts_with("module ")) else { return Vec::new() };
    vec![
        Found::new(Language, "Go", line),
        Found::new(Build, "go build ./...", line),
        Found::new(Test, "go test ./...", line),
        Found::new(Format, "gofmt -l .", line),
        Found::new(Lint, "go vet ./...", line),
    ]
}

pub(super) fn tox(text: &str, _: Has<'_>) -> Vec<Found> {
    let line = line_of(text, 0, |line| line.starts_with("[tox]") || line.starts_with("[testenv"));
    line.map_or_else(Vec::new, |line| {
        vec![Found::new(Language, "Python", line), Found::new(Test, "tox", line)]
    })
}

/// A tool is used if it has a table in the manifest.
pub(super) fn pyproject(text: &str, _: Has<'_>) -> Vec<Found> {
    let tools = [
        ("[tool.pytest", Test, "pytest"),
        ("[tool.tox", Test, "tox"),
        ("[tool.ruff", Format, "ruff format ."),
        ("[tool.black", Format, "black ."),
        ("[tool.ruff", Lint, "ruff check ."),
        ("[tool.mypy", Lint, "mypy ."),
    ];
    let of_tool = |(table, purpose, command): (&str, Purpose, &str)| {
        Some(Found::new(purpose, command, line_of(text, 0, |line| line.starts_with(table))?))
    };
    let mut found = vec![Found::new(Language, "Python", 1)];
    found.extend(tools.into_iter().filter_map(of_tool));
    found
}

pub(super) fn setup_py(_: &str, _: Has<'_>) -> Vec<Found> {
    vec![Found::new(Language, "Python", 1)]
}

pub(super) fn gradle(text: &str, has: Has<'_>) -> Vec<Found> {
    let kotlin = line_of(text, 0, |line| line.contains("kotlin"));
    let (language, line) = kotlin.map_or(("Java", 1), |line| ("Kotlin", line));
    let program = if has("gradlew") { "./gradlew" } else { "gradle" };
    vec![
        Found::new(Language, language, line),
        Found::new(Build, format!("{program} assemble"), 1),
        Found::new(Test, format!("{program} test"), 1),
    ]
}

pub(super) fn maven(text: &str, has: Has<'_>) -> Vec<Found> {
    let Some(line) = line_of(text, 0, |line| line.contains("<project")) else { return Vec::new() };
    let program = if has("mvnw") { "./mvnw" } else { "mvn" };
    vec![
        Found::new(Language, "Java", line),
        Found::new(Build, format!("{program} -DskipTests package"), line),
        Found::new(Test, format!("{program} test"), line),
    ]
}

/// Returns the number of the first line from an index on that is sought; lines count from 1.
fn line_of(text: &str, from: usize, is_sought: impl Fn(&str) -> bool) -> Option<usize> {
    text.lines().skip(from).position(|line| is_sought(line.trim_start())).map(|at| from + at + 1)
}

/// Whether a line of JSON has a field of this name.
fn is_field(line: &str, name: &str) -> bool {
    let quoted = format!("\"{name}\"");
    line.split_once(&quoted).is_some_and(|(_, after)| after.trim_start().starts_with(':'))
}
