//! The shapes: what was done in a worktree, and what is saved of it.

use std::{
    fs,
    os::unix::{ffi::OsStrExt, net::UnixListener},
    path::Path,
    process::Command,
};

/// What an agent did in its worktree.
pub(super) type Shape = (&'static str, fn(&Path), &'static [&'static str], &'static [&'static str]);

pub(super) fn sh(folder: &Path, script: &str) {
    let ran = Command::new("sh").arg("-c").arg(script).current_dir(folder).output().expect("sh");
    assert!(ran.status.success(), "{script}: {}", String::from_utf8_lossy(&ran.stderr));
}

pub(super) fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn giant(folder: &Path, name: &str) {
    let _ = fs::remove_file(folder.join(name));
    fs::File::create(folder.join(name)).expect("a file").set_len(40 << 30).expect("sparse");
}

fn deep(folder: &Path, levels: usize) {
    fs::create_dir_all(folder.join("p/".repeat(levels))).expect("folders");
    fs::write(folder.join("p/".repeat(levels)).join("x"), "x").expect("a file");
}

/// A name, what was done, the difference to the base as `git diff --name-status` shows it, and what is left
/// out with the reason. The base has `file.txt`, `run` (a program), `d/inner.txt`, and a `.gitignore` that
/// names `build/` and `*.log`.
pub(super) const SHAPES: &[Shape] = &[
    ("nothing", |_| {}, &[], &[]),
    ("a new file", |w| write(w, "new", "n"), &["A new"], &[]),
    (
        "a change, a removal",
        |w| sh(w, "echo x >> file.txt; rm d/inner.txt"),
        &["D d/inner.txt", "M file.txt"],
        &[],
    ),
    ("only the time changed", |w| sh(w, "touch -d 2001-01-01 file.txt"), &[], &[]),
    ("only the mode changed", |w| sh(w, "chmod -x run; chmod +x file.txt"), &["M file.txt", "M run"], &[]),
    ("a pipe", |w| sh(w, "mkfifo p; echo n > new"), &["A new"], &["p: a named pipe"]),
    (
        "a socket",
        |w| {
            UnixListener::bind(w.join("s")).map(drop).expect("a socket");
            write(w, "new", "n");
        },
        &["A new"],
        &["s: a socket"],
    ),
    ("a giant", |w| giant(w, "g"), &[], &["g: too large (orchestra.maxFile)"]),
    (
        "a tracked file became a giant",
        |w| {
            giant(w, "file.txt");
            write(w, "n", "n");
        },
        &["A n"],
        &["file.txt: too large (orchestra.maxFile)"],
    ),
    (
        "a tracked file became a pipe",
        |w| sh(w, "rm file.txt; mkfifo file.txt; echo n > n"),
        &["A n"],
        &["file.txt: a named pipe"],
    ),
    (
        "a tracked file became a folder",
        |w| sh(w, "rm file.txt; mkdir file.txt; echo n > file.txt/n"),
        &["A file.txt/n", "D file.txt"],
        &[],
    ),
    (
        "a tracked file became an endless link",
        |w| sh(w, "rm file.txt; ln -s /dev/zero file.txt"),
        &["T file.txt"],
        &[],
    ),
    (
        "a tracked file became a repository",
        |w| sh(w, "rm file.txt; git init -q file.txt; echo n > file.txt/n"),
        &["D file.txt"],
        &["file.txt/: a repository of its own"],
    ),
    ("a tracked folder became a file", |w| sh(w, "rm -r d; echo n > d"), &["A d", "D d/inner.txt"], &[]),
    (
        "a tracked folder became a link to the outside",
        |w| sh(w, "mkdir ../outside; echo secret > ../outside/inner.txt; rm -r d; ln -s ../outside d"),
        &["A d", "D d/inner.txt"],
        &[],
    ),
    (
        "links of every kind",
        |w| {
            sh(
                w,
                "ln -s /dev/zero endless; ln -s nowhere dangling; ln -s loop loop; ln -s / root; ln -s d here",
            );
        },
        &["A dangling", "A endless", "A here", "A loop", "A root"],
        &[],
    ),
    (
        "a link that bears the name of a secret",
        |w| sh(w, "ln -s x .env; ln -s x ok"),
        &["A ok"],
        &[".env: looks like a secret"],
    ),
    (
        "the rules of ignored files became a pipe",
        |w| {
            sh(
                w,
                "rm .gitignore; mkfifo .gitignore; mkdir build; echo b > build/b; echo l > a.log; echo n > n",
            );
        },
        &["A n"],
        &[".gitignore: a named pipe"],
    ),
    (
        "the rules became a folder",
        |w| sh(w, "rm .gitignore; mkdir .gitignore; echo l > a.log; echo n > .gitignore/n"),
        &["A .gitignore/n", "D .gitignore"],
        &[],
    ),
    (
        "the rules became a giant",
        |w| {
            giant(w, ".gitignore");
            write(w, "a.log", "l");
            write(w, "n", "n");
        },
        &["A n"],
        &[".gitignore: too large (orchestra.maxFile)"],
    ),
    (
        "the rules became an endless link",
        |w| sh(w, "rm .gitignore; ln -s /dev/zero .gitignore; echo n > n; echo l > a.log"),
        &["A n", "T .gitignore"],
        &[],
    ),
    (
        "rules below are a pipe",
        |w| sh(w, "mkfifo d/.gitignore; echo n > d/n"),
        &["A d/n"],
        &["d/.gitignore: a named pipe"],
    ),
    (
        "rules below hold",
        |w| {
            sh(
                w,
                "mkdir -p e/f; echo /x > e/.gitignore; echo '!a.log' >> e/.gitignore; touch e/x e/f/x e/a.log b.log",
            );
        },
        &["A e/.gitignore", "A e/a.log", "A e/f/x"],
        &[],
    ),
    (
        "attributes are a pipe",
        |w| sh(w, "mkfifo .gitattributes; echo n > n; echo x > file.txt"),
        &["A n", "M file.txt"],
        &[".gitattributes: a named pipe"],
    ),
    (
        "attributes are an endless link",
        |w| sh(w, "ln -s /dev/zero .gitattributes; echo x > file.txt"),
        &["A .gitattributes", "M file.txt"],
        &[],
    ),
    (
        "attributes are a giant",
        |w| {
            giant(w, ".gitattributes");
            write(w, "file.txt", "x");
        },
        &["M file.txt"],
        &[".gitattributes: too large (orchestra.maxFile)"],
    ),
    (
        "attributes are a folder",
        |w| sh(w, "mkdir .gitattributes; echo n > .gitattributes/n; echo x > file.txt"),
        &["A .gitattributes/n", "M file.txt"],
        &[],
    ),
    (
        "attributes below are a socket",
        |w| {
            UnixListener::bind(w.join("d/.gitattributes")).map(drop).expect("a socket");
            write(w, "d/inner.txt", "x");
        },
        &["M d/inner.txt"],
        &["d/.gitattributes: a socket"],
    ),
    (
        "attributes hold",
        |w| sh(w, "echo '*.crlf text' > .gitattributes; printf 'a\\r\\n' > a.crlf"),
        &["A .gitattributes", "A a.crlf"],
        &[],
    ),
    (
        "the list of submodules is a pipe",
        |w| sh(w, "mkfifo .gitmodules; echo x > file.txt"),
        &["M file.txt"],
        &[".gitmodules: a named pipe"],
    ),
    (
        "the list of submodules is an endless link",
        |w| sh(w, "ln -s /dev/zero .gitmodules; echo x > file.txt"),
        &["M file.txt"],
        &[".gitmodules: a name that git does not accept"],
    ),
    (
        "a repository",
        |w| sh(w, "git init -q inner; echo n > inner/n; echo n > n"),
        &["A n"],
        &["inner/: a repository of its own"],
    ),
    (
        "a folder with a broken .git",
        |w| sh(w, "mkdir -p e/.git f; echo n > e/n; mkfifo f/.git; echo n > f/n"),
        &["A e/n", "A f/n"],
        &["e/.git: a name that git reserves", "f/.git: a name that git reserves"],
    ),
    (
        "a repository in a tracked folder",
        |w| sh(w, "git init -q d; echo x > d/inner.txt; echo n > d/n"),
        &["A d/n", "M d/inner.txt"],
        &["d/.git: a name that git reserves"],
    ),
    (
        "names that git reserves",
        |w| sh(w, "mkdir .GIT; echo n > .GIT/n; echo n > d/git~1; echo n > n"),
        &["A n"],
        &[".GIT: a name that git reserves", "d/git~1: a name that git reserves"],
    ),
    (
        "names of every kind",
        |w| {
            for name in [&b"\xff\xfe"[..], b"new\nline", b"-dash", b"tab\t", b" ", b"a\"b", b"\\"] {
                fs::write(w.join(std::ffi::OsStr::from_bytes(name)), "x").expect("a file");
            }
        },
        &["A  ", "A -dash", "A \\", "A a\"b", "A new\nline", "A tab\t", "A \u{fffd}\u{fffd}"],
        &[],
    ),
    ("folders 150 deep", |w| deep(w, 150), &["A deep"], &[]),
    (
        "folders 250 deep",
        |w| {
            deep(w, 250);
            write(w, "n", "n");
        },
        &["A n"],
        &["deep: more than 200 folders deep"],
    ),
    (
        "a path of 3500 bytes",
        |w| {
            sh(
                w,
                "n=$(printf '%0200d' 0); (for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do mkdir $n; cd $n; done; echo x > x); echo n > n",
            );
        },
        &["A n"],
        &["long: its path is too long"],
    ),
    ("an empty folder", |w| sh(w, "mkdir -p e/f"), &[], &[]),
    (
        "ignored things are not named",
        |w| sh(w, "mkdir build; mkfifo build/p a.log; git init -q build/r"),
        &[],
        &[],
    ),
    ("a file that was added by intent only", |w| sh(w, "echo n > n; git add -N n"), &["A n"], &[]),
    ("a file that is staged and gone", |w| sh(w, "echo n > n; git add n; rm n"), &[], &[]),
    (
        "hidden from git",
        |w| {
            sh(
                w,
                "git update-index --assume-unchanged file.txt; git update-index --skip-worktree run; echo x > file.txt; rm run; mkfifo run",
            );
        },
        &["M file.txt"],
        &["run: a named pipe"],
    ),
    (
        "the index is a pipe",
        |w| sh(w, "i=$(git rev-parse --git-dir)/index; rm $i; mkfifo $i; echo n > n; echo x > file.txt"),
        &["A n", "M file.txt"],
        &[],
    ),
    (
        "the index is an endless link",
        |w| sh(w, "i=$(git rev-parse --git-dir)/index; ln -sf /dev/zero $i; echo n > n"),
        &["A n"],
        &[],
    ),
    (
        "the index is garbage",
        |w| sh(w, "echo x > $(git rev-parse --git-dir)/index; echo n > n"),
        &["A n"],
        &[],
    ),
    (
        "a filter that refuses one file",
        |w| {
            sh(
                w,
                "echo '*.bad filter=refuse' > .gitattributes; for n in 1 2 3 4 5 6 7; do echo n > $n; done; echo n > 4.bad",
            );
        },
        &["A .gitattributes", "A 1", "A 2", "A 3", "A 4", "A 5", "A 6", "A 7"],
        &["4.bad: git rejects it"],
    ),
];
