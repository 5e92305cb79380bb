use std::{
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
    process::Command,
};

use super::*;

/// A repository with a checkout, and a worktree of it.
struct Place {
    _folder: tempfile::TempDir,
    checkout: PathBuf,
    worktree: PathBuf,
    repo: Repo,
}

#[expect(clippy::disallowed_methods, reason = "a test makes a repository with git")]
fn git(folder: &Path, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=Kim", "-c", "user.email=kim@example.org"]).args(arguments).current_dir(folder);
    assert!(git.output().unwrap().status.success(), "{arguments:?}");
}

fn place(ignored: &str, files: &[(&str, &str)]) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let checkout = folder.path().join("app");
    let worktree = folder.path().join("app.worktrees/a-1");
    fs::create_dir(&checkout).unwrap();
    git(&checkout, &["init", "-q"]);
    fs::write(checkout.join(".gitignore"), ignored).unwrap();
    git(&checkout, &["add", "."]);
    git(&checkout, &["commit", "-q", "-m", "one"]);
    git(&checkout, &["worktree", "add", "-q", "--detach", worktree.to_str().unwrap()]);
    for (name, content) in files {
        let path = checkout.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let environment = environment_of_tests();
    let repo = Repo::open(&environment, &checkout.join(".git")).unwrap();
    Place { _folder: folder, checkout, worktree, repo }
}

impl Place {
    fn include(&self, patterns: &[&str], most: u64) -> Result<Included> {
        let patterns: Vec<String> = patterns.iter().map(|one| (*one).to_owned()).collect();
        let disposable = ["node_modules".to_owned()];
        let wanted = Wanted { patterns: &patterns, most: ByteSize::bytes(most), disposable: &disposable };
        copy_wanted(&self.repo, &self.root(), &wanted)
    }

    fn root(&self) -> WorktreeRoot {
        WorktreeRoot::open(&self.worktree).unwrap()
    }
}

fn names(included: &Included) -> Vec<String> {
    let mut names: Vec<String> =
        included.copies.iter().map(|copy| String::from_utf8_lossy(&copy.path).into_owned()).collect();
    names.sort();
    names
}

#[test]
fn only_what_git_ignores_and_a_pattern_matches_is_copied() {
    let files = [
        (".env", "A=1"),
        ("web/.env", "B=2"),
        ("node_modules/x/.env", "C=3"),
        ("notes.txt", "mine"),
        ("build/out", "x"),
    ];
    let here = place(".env\nnode_modules/\nbuild/\n", &files);
    fs::write(here.checkout.join(FILE), ".env\nnotes.txt\n.gitignore\n").unwrap();
    assert_eq!(names(&here.include(&[], 1000).unwrap()), [".env", "web/.env"]);
    assert_eq!(fs::read_to_string(here.worktree.join("web/.env")).unwrap(), "B=2");
    assert_eq!(names(&here.include(&["build/"], 1000).unwrap()), [".env", "build/out", "web/.env"]);
    // A pattern that names the folder itself.
    let all = here.include(&["node_modules/"], 1000).unwrap();
    assert!(names(&all).contains(&"node_modules/x/.env".to_owned()), "{all:?}");
    assert!(!here.worktree.join("notes.txt").exists());
}

#[test]
fn links_modes_times_names_holes_and_empty_folders_stay() {
    let here = place("*.local\ncache/\n", &[("a.local", "secret"), ("cache/b", "b")]);
    let odd = std::ffi::OsStr::from_bytes(b"cache/\xff \n\"");
    fs::write(here.checkout.join(odd), "odd").unwrap();
    fs::set_permissions(here.checkout.join("a.local"), fs::Permissions::from_mode(0o640)).unwrap();
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::new(1_000_000, 5);
    fs::File::open(here.checkout.join("a.local")).unwrap().set_modified(time).unwrap();
    symlink("/etc/passwd", here.checkout.join("out.local")).unwrap();
    symlink("missing", here.checkout.join("cache/gone")).unwrap();
    symlink("..", here.checkout.join("cache/up")).unwrap();
    fs::create_dir_all(here.checkout.join("cache/empty/er")).unwrap();
    fs::File::create(here.checkout.join("cache/sparse")).unwrap().set_len(50 << 20).unwrap();
    let included = here.include(&["*.local", "cache/"], 100 << 20).unwrap();
    assert!(included.skipped.is_empty(), "{:?}", included.skipped);
    let copied = |name: &str| fs::symlink_metadata(here.worktree.join(name)).unwrap();
    assert_eq!(copied("a.local").mode() & 0o777, 0o640);
    assert_eq!(copied("a.local").modified().unwrap(), time);
    for (name, target) in [("out.local", "/etc/passwd"), ("cache/gone", "missing"), ("cache/up", "..")] {
        assert_eq!(fs::read_link(here.worktree.join(name)).unwrap(), Path::new(target));
    }
    assert_eq!(fs::read(here.worktree.join(odd)).unwrap(), b"odd");
    assert!(copied("cache/empty/er").is_dir());
    assert_eq!(copied("cache/sparse").len(), 50 << 20);
    assert!(copied("cache/sparse").blocks() * 512 < 1 << 20, "it has a hole");
}

#[test]
fn what_cannot_be_copied_is_named_and_nothing_is_written_elsewhere() {
    let here = place("conf/\n*.sock\ninner/\n", &[("conf/.env", "A=1"), ("inner/x", "x")]);
    git(&here.checkout.join("inner"), &["init", "-q"]);
    let _socket = std::os::unix::net::UnixListener::bind(here.checkout.join("db.sock")).unwrap();
    // In the worktree, a link is in the place of the folder.
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), here.worktree.join("conf")).unwrap();
    let included = here.include(&["conf/", "*.sock", "inner/"], 1000).unwrap();
    assert!(included.copies.is_empty(), "{included:?}");
    let named: Vec<&str> = included.skipped.iter().map(|one| one.path.as_str()).collect();
    for expected in ["db.sock", "inner/", "conf/.env"] {
        assert!(named.contains(&expected), "{expected} in {:?}", included.skipped);
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn what_the_base_does_not_ignore_is_not_copied() {
    let here = place("nothing\n", &[(".env", "A=1")]);
    fs::write(here.checkout.join(".gitignore"), ".env\n").unwrap();
    let included = here.include(&[".env"], 1000).unwrap();
    assert_eq!((included.copies.len(), included.skipped[0].path.as_str()), (0, ".env"));
    assert!(!here.worktree.join(".env").exists());
}

#[test]
fn more_than_the_limit_copies_nothing() {
    let here = place("*.bin\n", &[("a.bin", "0123456789"), ("b.bin", "0123456789")]);
    let error = here.include(&["*.bin"], 19).unwrap_err();
    assert_eq!(error.code, Code::LimitExceeded);
    assert!(!here.worktree.join("a.bin").exists());
    assert_eq!(here.include(&["*.bin"], 20).unwrap().copies.len(), 2);
}

#[test]
fn a_copy_is_unchanged_until_its_content_changes() {
    let here = place("*.env\ncache/\n", &[("a.env", "A=1"), ("b.env", "B=1"), ("cache/c", "c")]);
    symlink("a.env", here.checkout.join("l.env")).unwrap();
    let copies = here.include(&["*.env", "cache/"], 1000).unwrap().copies;
    let worktree = here.repo.worktree_at(&here.worktree).unwrap().unwrap();
    Readiness { is_copied: true, copies, ..Readiness::default() }.write(&worktree).unwrap();
    let ready = Readiness::of(&worktree);
    let root = here.root();
    let unchanged = |path: &str| ready.unchanged_copies(&root)(path.as_bytes());
    for path in ["a.env", "b.env", "l.env", "cache/"] {
        assert!(unchanged(path), "{path}");
    }
    assert!(!unchanged("other"));
    // The same content, written again.
    fs::write(here.worktree.join("a.env"), "A=1").unwrap();
    fs::write(here.worktree.join("b.env"), "B=2").unwrap();
    fs::write(here.worktree.join("cache/new"), "").unwrap();
    assert!(unchanged("a.env") && !unchanged("b.env") && !unchanged("cache/"));
    // What was lost is copied again, and what is there stays.
    fs::remove_file(here.worktree.join("a.env")).unwrap();
    let again = here.include(&["*.env", "cache/"], 1000).unwrap();
    assert_eq!(names(&again), ["a.env", "cache/c", "l.env"]);
    assert_eq!(again.skipped.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), ["b.env"]);
    Readiness::forget(&worktree).unwrap();
    assert!(!Readiness::of(&worktree).is_copied);
}

#[test]
fn exclude_lines_match_exactly_one_path() {
    for (path, line) in [
        (".env", Some("/.env")),
        ("a/b c", Some("/a/b\\ c")),
        ("x[1]*?!#\\", Some("/x\\[1]\\*\\?\\!\\#\\\\")),
        ("a\nb", None),
    ] {
        assert_eq!(exclude_line(path.as_bytes()).as_deref(), line, "{path:?}");
    }
}
