//! The `git` that an agent finds first. Its `GIT_DIR` names the repository of its worktree, and git would use that for every other one as
//! well: in a submodule, in a clone, in a repository that a test makes. This one leaves the variable out where it does not hold.

use std::{
    fs::Permissions,
    io,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
};

use crate::{private_files, process, world::Environment};

/// The folder of the program, in that of the sandbox.
const FOLDER: &str = "programs";
/// What the program does, after the paths that it knows.
const SCRIPT: &str = include_str!("git_program.sh");

/// Places the program below `own`, the folder of the sandbox, and returns its folder; `None` if there is no git. `git_dir` is what
/// `GIT_DIR` names.
///
/// # Errors
/// It cannot be written.
pub(super) fn place(
    environment: &Environment,
    own: &Path,
    worktree: &Path,
    git_dir: &Path,
) -> io::Result<Option<PathBuf>> {
    let Some(git) = process::on_path(environment, "git") else { return Ok(None) };
    let folder = own.join(FOLDER);
    private_files::create_dir(&folder)?;
    let program = folder.join("git");
    private_files::replace(&program, script(&git, &worktree.canonicalize()?, git_dir))?;
    std::fs::set_permissions(&program, Permissions::from_mode(0o755))?;
    Ok(Some(folder))
}

fn script(git: &Path, worktree: &Path, git_dir: &Path) -> Vec<u8> {
    let mut script = b"#!/bin/sh\n".to_vec();
    for (name, path) in [("git", git), ("worktree", worktree), ("own", git_dir)] {
        script.extend([name.as_bytes(), b"="].concat());
        script.extend(quoted(path));
        script.push(b'\n');
    }
    script.extend(SCRIPT.bytes());
    script
}

/// Quotes a path for every shell: it may have any byte.
fn quoted(path: &Path) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'\'' => quoted.extend(b"'\\''"),
            byte => quoted.push(*byte),
        }
    }
    quoted.push(b'\'');
    quoted
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A program that prints its folder, `GIT_DIR` and what it was given.
    const GIT: &str = "#!/bin/sh\necho \"${GIT_DIR-none}\" \"$@\"\n";

    #[test]
    fn the_variable_holds_in_the_worktree_and_nowhere_else() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        let worktree = root.join("it's a tree");
        for below in
            ["sub/deep", "plain/deep", "bare.git/objects", "bare.git/refs", "../own/objects", "../own/refs"]
        {
            fs::create_dir_all(worktree.join(below)).unwrap();
        }
        for file in [".git", "sub/.git", "bare.git/HEAD", "../own/HEAD"] {
            fs::write(worktree.join(file), "x").unwrap();
        }
        let programs = root.join("programs");
        fs::create_dir_all(&programs).unwrap();
        for (name, text) in [
            ("real", GIT.as_bytes().to_vec()),
            ("git", script(&programs.join("real"), &worktree, &root.join("own"))),
        ] {
            fs::write(programs.join(name), text).unwrap();
            fs::set_permissions(programs.join(name), Permissions::from_mode(0o755)).unwrap();
        }
        let own = root.join("own").display().to_string();
        let environment = Environment::of_this_process();
        for (folder, git_dir, words, holds) in [
            ("", own.as_str(), "status", true),
            ("plain/deep", &own, "-c a.b=c -P log -1", true),
            ("sub", &own, "status", false),
            ("sub/deep", &own, "commit -m x", false),
            ("", &own, "-C sub commit -C HEAD", false),
            ("", &own, "-c a.b=c -C sub -C deep status", false),
            ("sub", &own, "-C .. status", true),
            ("plain", &own, "-C missing status", true),
            ("bare.git", &own, "log", false),
            ("../own", &own, "log", true),
            ("..", &own, "status", false),
            ("plain", &own, "init", false),
            ("", &own, "init -q", true),
            ("", &own, "init fresh", false),
            ("", &own, "clone there", false),
            ("sub", &own, "--git-dir=x status", true),
            ("sub", "/chosen", "status", true),
        ] {
            let mut command = process::command(&environment, programs.join("git"));
            let command = command.current_dir(worktree.join(folder)).args(words.split(' '));
            let ran = process::output(command.env("GIT_DIR", git_dir)).unwrap();
            let shown = String::from_utf8(ran.stdout).unwrap();
            let expected = format!("{} {words}\n", if holds { git_dir } else { "none" });
            assert_eq!(shown, expected, "{folder} {words}: {}", String::from_utf8_lossy(&ran.stderr));
        }
    }
}
