//! Regenerates lock files, which are not merged line by line: one side is taken, and the tool that writes the file regenerates it
//! from the merged rest of the tree.

use std::{path::Path, time::Duration};

use super::{
    check::{self, Bounds},
    scratch::Scratch,
};
use crate::{
    Result,
    config::{Config, keys::REGENERATE},
    git::Repo,
    model::text,
    process,
    world::Environment,
};

/// The time limit of a tool.
pub(super) const LIMIT: Duration = Duration::from_secs(10 * 60);
/// The attribute in `.gitattributes` whose value names the command, `orchestra.regenerate.<value>`, that generates a file.
const ATTRIBUTE: &str = "orchestra-regenerate";

struct Tool {
    file: &'static str,
    program: &'static str,
    /// The command that regenerates the file with as few changes as possible.
    make: &'static str,
    /// The command that fails if the file is wrong.
    verify: &'static str,
    /// Other files that it may change.
    also: &'static [&'static str],
}

const TOOLS: &[Tool] = &[
    Tool {
        file: "Cargo.lock",
        program: "cargo",
        make: "cargo update --workspace --quiet",
        verify: "cargo update --workspace --quiet --locked",
        also: &[],
    },
    Tool {
        file: "package-lock.json",
        program: "npm",
        make: "npm install --package-lock-only --ignore-scripts --no-audit --no-fund",
        verify: "npm ci --dry-run --ignore-scripts --no-audit --no-fund",
        also: &[],
    },
    Tool {
        file: "pnpm-lock.yaml",
        program: "pnpm",
        make: "pnpm install --lockfile-only --ignore-scripts",
        verify: "pnpm install --lockfile-only --frozen-lockfile --ignore-scripts",
        also: &[],
    },
    Tool {
        file: "yarn.lock",
        program: "yarn",
        // Yarn 2 and newer mark their lock file and have other options.
        make: "if grep -q '^__metadata:' yarn.lock; then yarn install --mode=update-lockfile; \
               else yarn install --ignore-scripts --non-interactive; fi",
        verify: "if grep -q '^__metadata:' yarn.lock; then yarn install --immutable --mode=update-lockfile; \
                 else yarn install --ignore-scripts --non-interactive --frozen-lockfile; fi",
        also: &[],
    },
    Tool {
        file: "poetry.lock",
        program: "poetry",
        make: "if poetry lock --help | grep -q -e --no-update; then poetry lock --no-update -n; else poetry lock -n; fi",
        verify: "poetry check --lock -n",
        also: &[],
    },
    Tool { file: "uv.lock", program: "uv", make: "uv lock", verify: "uv lock --check", also: &[] },
    Tool { file: "go.sum", program: "go", make: "go mod tidy", verify: "go mod verify", also: &["go.mod"] },
];

/// How to regenerate one file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Recipe {
    /// The path of the file in the repository.
    pub(super) path: String,
    program: String,
    make: String,
    verify: Option<String>,
    also: Vec<String>,
}

/// Returns the recipes for those of the files that have one.
pub(super) fn recipes(repo: &Repo, scratch: &Scratch, files: &[String]) -> Result<Vec<Recipe>> {
    let said = scratch.git("check-attr")?.args(["-z", ATTRIBUTE, "--"]).args(files).run()?;
    let said = String::from_utf8_lossy(&said).into_owned();
    let words: Vec<&str> = said.split('\0').collect();
    let attributes: Vec<(&str, &str)> = words.chunks_exact(3).map(|three| (three[0], three[2])).collect();
    let recipe = |path: &String| {
        let named = attributes.iter().find(|(file, _)| file == path).map(|(_, value)| *value);
        recipe_by_attribute(repo, path, named).or_else(|| recipe_by_name(repo.environment(), path))
    };
    Ok(files.iter().filter_map(recipe).collect())
}

/// Returns the recipe that an attribute names. The attribute is only a name; the command comes from the user's config.
fn recipe_by_attribute(repo: &Repo, path: &str, named: Option<&str>) -> Option<Recipe> {
    let name = named.filter(|name| !matches!(*name, "unspecified" | "set" | "unset" | ""))?;
    let make = Config::of(repo).get_or_default(&REGENERATE.of(name))?;
    let program = text::one_line(name, 40);
    Some(Recipe { path: path.to_owned(), program, make, verify: None, also: Vec::new() })
}

fn recipe_by_name(environment: &Environment, path: &str) -> Option<Recipe> {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let tool = TOOLS.iter().find(|tool| tool.file == name)?;
    process::on_path(environment, tool.program)?;
    let in_same_folder =
        |name: &&str| if folder.is_empty() { (*name).to_owned() } else { format!("{folder}/{name}") };
    Some(Recipe {
        path: path.to_owned(),
        program: tool.program.to_owned(),
        make: tool.make.to_owned(),
        verify: Some(tool.verify.to_owned()),
        also: tool.also.iter().map(in_same_folder).collect(),
    })
}

/// Returns the tool that could regenerate a file, if it is not on PATH.
pub(super) fn missing_tool(environment: &Environment, path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next()?;
    let tool = TOOLS.iter().find(|tool| tool.file == name)?;
    process::on_path(environment, tool.program).is_none().then_some(tool.program)
}

/// The result of regenerating a file.
pub(super) enum Regenerated {
    /// The file is regenerated and staged. Holds a sentence for the commit message.
    Done(String),
    /// The file could not be regenerated. Holds the reason, for people.
    Failed(String),
}

impl Recipe {
    /// Takes the file from what landed before, regenerates it, and stages it.
    ///
    /// # Errors
    /// Git fails, the tool cannot be run, or the user interrupts it.
    pub(super) fn regenerate(&self, scratch: &Scratch, bounds: Bounds<'_>) -> Result<Regenerated> {
        let path = text::one_line(&self.path, 200);
        let taken = scratch.git("checkout")?.args(["HEAD", "--"]).arg(&self.path).output()?;
        if !taken.status.success() {
            return Ok(Regenerated::Failed(format!("{path} conflicts and is missing in what landed before")));
        }
        let folder = scratch.path().join(&self.path);
        let folder = folder.parent().unwrap_or(Path::new("."));
        for command in [Some(&self.make), self.verify.as_ref()].into_iter().flatten() {
            let ran = check::run(command, folder, bounds)?;
            if let Some(why) = ran.failure {
                let last = text::last_line(&String::from_utf8_lossy(&ran.output), 200).unwrap_or_default();
                return Ok(Regenerated::Failed(format!(
                    "{path} conflicts, and {} could not regenerate it: {why}: {last}",
                    self.program
                )));
            }
        }
        let also = self.also.iter().filter(|file| scratch.path().join(file).exists());
        scratch.git("add")?.arg("--").arg(&self.path).args(also).run()?;
        Ok(Regenerated::Done(format!("{path} was regenerated by {}", self.program)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_files_are_recognized_in_any_folder() {
        let known = |path: &str| TOOLS.iter().any(|tool| path.rsplit('/').next() == Some(tool.file));
        assert!(
            known("Cargo.lock")
                && known("a/b/package-lock.json")
                && !known("MyCargo.lock")
                && !known("a/lock")
        );
        let here = Environment::of_this_process();
        let recipe = recipe_by_name(&here, "tools/x/Cargo.lock").unwrap();
        assert_eq!((recipe.path.as_str(), recipe.program.as_str()), ("tools/x/Cargo.lock", "cargo"));
        assert_eq!(recipe_by_name(&here, "src/main.rs"), None);
        let nowhere = here.with("PATH", "/nowhere");
        assert_eq!(recipe_by_name(&nowhere, "tools/x/Cargo.lock"), None);
        assert_eq!(missing_tool(&nowhere, "tools/x/Cargo.lock"), Some("cargo"));
    }
}
