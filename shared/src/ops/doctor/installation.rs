//! The programs of git orchestra: whether all that git and the shell find are of one version.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    finding::{Finding, Group},
    outside,
};
use crate::{
    agents::examination::version_in,
    context::Context,
    git::Git,
    model::quote,
    parallel, process,
    world::{self, Environment},
};

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The program that contains every command; the others hand over to it.
const MAIN: &str = "git-orchestra";
/// How long a program may take to print its version.
const LIMIT: Duration = Duration::from_secs(10);
/// Maximum number of folders that are searched.
const MAX_FOLDERS: usize = 100;

/// One of our programs.
#[derive(Clone, Debug, Eq, PartialEq)]
struct InstalledProgram {
    folder: PathBuf,
    name: String,
    /// Its version, or why it does not say one.
    version: Result<String, String>,
}

/// Checks our programs in this program's folder, on PATH, and where git keeps its own. `names` lists all of ours.
pub(super) fn programs(context: &Context, names: &[String]) -> Vec<Finding> {
    let own = world::this_program().parent().map(Path::to_owned).unwrap_or_default();
    let searched = searched_folders(context.environment());
    let is_found = searched.contains(&own);
    let mut folders = searched;
    folders.insert(own.clone());
    let paths: Vec<(PathBuf, String)> = folders
        .into_iter()
        .take(MAX_FOLDERS)
        .flat_map(|folder| names.iter().map(move |name| (folder.clone(), name.clone())))
        .filter(|(folder, name)| folder.join(name).is_file())
        .collect();
    let found = parallel::map(&paths, |(folder, name)| InstalledProgram {
        folder: folder.clone(),
        name: name.clone(),
        version: version(context, &folder.join(name)),
    });
    judged(&own, is_found, &found)
}

/// Returns the folders in which git and the shell look for programs, with links resolved.
fn searched_folders(environment: &Environment) -> BTreeSet<PathBuf> {
    let path = environment.variable("PATH").unwrap_or_default();
    let exec_path = Git::new(environment, Path::new("/"), "--exec-path").line().ok().map(PathBuf::from);
    let folders = std::env::split_paths(&path).chain(exec_path);
    folders.filter_map(|folder| environment.directory().join(folder).canonicalize().ok()).collect()
}

fn version(context: &Context, program: &Path) -> Result<String, String> {
    let mut command = process::own_command(context.environment(), program);
    let answer = outside::ask(command.arg("--version").current_dir("/"), LIMIT, &context.cancel);
    let answer = answer.map_err(|error| error.to_string())?;
    match version_in(&answer.said).filter(|_| answer.succeeded) {
        Some(version) => Ok(version.to_owned()),
        None => Err(answer.said.lines().next().unwrap_or("it prints no version").to_owned()),
    }
}

/// Judges our programs. `own` is the folder of this one, and `is_found` whether git and the shell look there.
fn judged(own: &Path, is_found: bool, found: &[InstalledProgram]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !is_found {
        let what = format!("'{}' is not on PATH", own.display());
        findings.push(
            Finding::warning(Group::Installation, "program-path", what)
                .about(own.to_string_lossy())
                .because("git does not find 'git orchestra' in a new shell")
                .fix(format!("export PATH={}:\"$PATH\"", quote::word(own))),
        );
    }
    let in_folder =
        |folder: &Path, name: &str| found.iter().any(|one| one.folder == folder && one.name == name);
    let folders: BTreeSet<&Path> = found.iter().map(|one| one.folder.as_path()).collect();
    for folder in folders.iter().filter(|folder| !in_folder(folder, MAIN)) {
        let what = format!("'{}' has programs of git orchestra, but not {MAIN}", folder.display());
        findings.push(
            Finding::error(Group::Installation, "program-main", what)
                .about(folder.to_string_lossy())
                .because(format!("they hand over to {MAIN} in the same folder"))
                .fix("install git orchestra again, or remove these programs"),
        );
    }
    for one in found.iter().filter(|one| in_folder(&one.folder, MAIN)) {
        let path = one.folder.join(&one.name);
        let shown = path.display();
        match &one.version {
            Ok(version) if version == VERSION => {}
            Ok(version) => findings.push(
                Finding::warning(
                    Group::Installation,
                    "program-version",
                    format!("'{shown}' is version {version}, this is {VERSION}"),
                )
                .about(path.to_string_lossy())
                .because("commands of different versions may not understand each other")
                .fix("install one version, and remove the other"),
            ),
            Err(why) => findings.push(
                Finding::warning(Group::Installation, "program-version", format!("'{shown}' does not run"))
                    .about(path.to_string_lossy())
                    .because(why)
                    .fix("install git orchestra again"),
            ),
        }
    }
    if findings.is_empty() {
        let what = format!("git orchestra {VERSION} in {}", own.display());
        findings.push(Finding::ok(Group::Installation, "program-version", what));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_judged_by_folder_and_version() {
        let program = |folder: &str, name: &str, version: &str| InstalledProgram {
            folder: folder.into(),
            name: name.into(),
            version: if version.is_empty() { Err("no".into()) } else { Ok(version.into()) },
        };
        let all = vec![program("/bin", MAIN, VERSION), program("/bin", "git-orchestra-status", VERSION)];
        let with = |more: &[InstalledProgram]| [&all, more].concat();
        for (is_found, found, expected) in [
            (true, all.clone(), vec!["program-version"]),
            (false, all.clone(), vec!["program-path"]),
            (true, with(&[program("/old", MAIN, "0.0.1")]), vec!["program-version"]),
            (true, with(&[program("/old", "git-orchestra-status", "0.0.1")]), vec!["program-main"]),
            (true, with(&[program("/other", MAIN, "")]), vec!["program-version"]),
        ] {
            let judged = judged(Path::new("/bin"), is_found, &found);
            assert_eq!(
                judged.iter().map(|one| one.check.as_str()).collect::<Vec<_>>(),
                expected,
                "{found:?}"
            );
        }
    }
}
