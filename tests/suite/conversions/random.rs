//! Random trees of files that git converts, by random attributes and settings.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use testkit::{SeededRandom, TestRepo};

/// Patterns of attributes files.
const PATTERNS: &[&str] = &[
    "*",
    "*.txt",
    "*.rc",
    "*.id",
    "*.up",
    "/a.txt",
    "a.*",
    "*.TXT",
    "sub/**",
    "**/deep/*",
    "deep/*.rc",
    "\"sp ace.txt\"",
    "?.rc",
    "ü.*",
];
/// Attributes that decide how git converts a file, and a macro.
const ATTRIBUTES: &[&str] = &[
    "text",
    "-text",
    "!text",
    "text=auto",
    "text=odd",
    "eol=crlf",
    "eol=lf",
    "-eol",
    "crlf",
    "-crlf",
    "crlf=input",
    "crlf=auto",
    "ident",
    "-ident",
    "!ident",
    "ident=odd",
    "binary",
    "loud",
    "filter=upper",
    "filter=missing",
    "filter=lines",
    "-filter",
    "working-tree-encoding=UTF-16",
    "working-tree-encoding=UTF-16LE",
    "working-tree-encoding=UTF-16BE",
    "working-tree-encoding=UTF-16LE-BOM",
    "working-tree-encoding=UTF-16BE-BOM",
    "working-tree-encoding=UTF-32",
    "working-tree-encoding=utf8",
    "working-tree-encoding=SHIFT-JIS",
    "working-tree-encoding=ISO-8859-1",
    "working-tree-encoding=unknown",
    "!working-tree-encoding",
    "export-subst",
];
/// Settings that decide how git writes and compares files.
const SETTINGS: &[(&str, &[&str])] = &[
    ("core.autocrlf", &["true", "input", "false"]),
    ("core.eol", &["lf", "native", "crlf"]),
    ("core.safecrlf", &["warn", "false"]),
    ("core.fileMode", &["false"]),
    ("core.symlinks", &["false"]),
    ("core.ignoreCase", &["true"]),
    ("core.bigFileThreshold", &["1k"]),
    ("core.checkRoundtripEncoding", &["UTF-16", "SHIFT-JIS,UTF-16LE"]),
    ("core.protectNTFS", &["false", "true"]),
    ("core.trustCTime", &["false"]),
];
/// Contents as git stores them.
const CONTENTS: &[&str] = &[
    "",
    "one\ntwo\n",
    "one\ntwo\n",
    "one\r\ntwo\r\n",
    "one\r\ntwo\n",
    "one\rtwo\n",
    "\0one\ntwo\n",
    "no end",
    "\u{1a}",
    "one\ntwo\n\u{1a}",
    "\u{1}\u{2}\u{3}\n",
    "tab\tand\u{7f}\u{8}\n",
    "$Id$\n",
    "$Id: 0123456789 $\n",
    "$Id: a b $ $Id$ $Id:$ $Id: $\n",
    "$Id\n$ $Id$\r\n",
    "grün\nß $Id$\n",
    "あ\nカタカナ\n",
    "\u{feff}mark\n",
    "emoji 🙂\n",
];
const NAMES: &[&str] = &[
    "a.txt",
    "B.TXT",
    "b.rc",
    "c.id",
    "d.up",
    "sp ace.txt",
    "ü.rc",
    "sub/a.txt",
    "sub/b.rc",
    "sub/deep/c.rc",
    "sub/deep/d.txt",
    "sub/deep/e.id",
    "plain",
];

/// One tree with what decides about its files.
pub(super) struct RandomTree {
    /// The paths of the tree, with mode and content.
    files: BTreeMap<String, (&'static str, Vec<u8>)>,
    settings: Vec<(&'static str, &'static str)>,
    /// The lines of `info/attributes`, and of the user's own attributes file.
    private: String,
    user: String,
}

impl RandomTree {
    pub(super) fn of(numbers: &mut SeededRandom) -> Self {
        let mut files = BTreeMap::new();
        for name in NAMES {
            let mut content = pick(numbers, CONTENTS).repeat(pick_size(numbers)).into_bytes();
            if numbers.below(12) == 0 {
                content.extend([0xff, 0xfe, b'\n']);
            }
            let mode = if numbers.below(4) == 0 { "100755" } else { "100644" };
            files.insert((*name).to_owned(), (mode, content));
        }
        files.insert("link".to_owned(), ("120000", b"sub/a.txt".to_vec()));
        files.insert("sub/link.txt".to_owned(), ("120000", b"$Id$\nnowhere".to_vec()));
        for folder in ["", "sub/", "sub/deep/"] {
            if folder.is_empty() || numbers.below(2) == 0 {
                let name = format!("{folder}.gitattributes");
                files.insert(name, ("100644", lines(numbers, folder.is_empty()).into_bytes()));
            }
        }
        let mut settings = Vec::new();
        for (key, values) in SETTINGS {
            if numbers.below(3) == 0 {
                settings.push((*key, pick(numbers, values)));
            }
        }
        // Git refuses to run with both.
        if settings.contains(&("core.autocrlf", "input")) {
            settings.retain(|setting| *setting != ("core.eol", "crlf"));
        }
        let mut sometimes = || if numbers.below(3) == 0 { lines(numbers, true) } else { String::new() };
        let (private, user) = (sometimes(), sometimes());
        Self { files, settings, private, user }
    }

    /// Describes the tree for people.
    pub(super) fn description(&self) -> String {
        let Self { files, settings, private, user } = self;
        let mut text = format!("{settings:?}\ninfo/attributes {private:?}\nuser's attributes {user:?}\n");
        for (path, (mode, content)) in files {
            let start = String::from_utf8_lossy(&content[..content.len().min(80)]);
            let start =
                if path.ends_with(".gitattributes") { String::from_utf8_lossy(content) } else { start };
            let _ = writeln!(text, "{mode} {path} {} bytes {start:?}", content.len());
        }
        text
    }

    /// Returns whether gix may read the attributes of a file with a filter in another order than git. With frozen settings it
    /// writes such a file nevertheless.
    pub(super) fn has_ambiguous_filter(&self) -> bool {
        let is_nested = |path: &String| path.contains('/') && path.ends_with(".gitattributes");
        let texts = self.files.values().map(|(_, content)| String::from_utf8_lossy(content));
        let mut all = texts.chain([self.private.as_str().into(), self.user.as_str().into()]);
        !self.private.is_empty()
            && self.files.keys().any(is_nested)
            && all.any(|text| text.contains("filter="))
    }

    /// Writes the objects of the tree as they are, commits it, and sets what decides about its files.
    pub(super) fn commit(&self, repo: &TestRepo<'_>) {
        let mut index = String::new();
        for (path, (mode, content)) in &self.files {
            let _ = write!(index, "{mode} {}\t{path}\0", blob(repo, content));
        }
        let _ = write!(index, "160000 {}\tmodules/lib\0", repo.tip("HEAD"));
        feed(repo.command("git").args(["update-index", "-z", "--index-info"]), index.as_bytes());
        let tree = repo.git(["write-tree"]).line();
        let commit = repo.git(["commit-tree", "-p", "HEAD", "-m", "random", &tree]).line();
        repo.git(["update-ref", "HEAD", &commit]);
        let user = repo.world().dir().join("user-attributes");
        fs::write(&user, &self.user).expect("written");
        fs::create_dir_all(repo.path().join(".git/info")).expect("made");
        fs::write(repo.path().join(".git/info/attributes"), &self.private).expect("written");
        repo.git(["config", "core.attributesFile", &user.to_string_lossy()]);
        for (key, value) in &self.settings {
            repo.git(["config", key, value]);
        }
    }
}

/// Changes the files of a worktree as an agent would; the same numbers yield the same changes.
pub(super) fn edit(worktree: &Path, numbers: &mut SeededRandom) {
    for name in NAMES {
        let path = worktree.join(name);
        let extension = Path::new(name).extension().unwrap_or_default().to_string_lossy().into_owned();
        let content = fs::read(&path).expect("a file");
        match numbers.below(5) {
            0 => fs::remove_file(&path).expect("removed"),
            // Its content is valid in the encoding that its siblings have.
            1 => fs::write(path.with_file_name(format!("new.{extension}")), content).expect("written"),
            2 => fs::write(&path, content.repeat(2)).expect("written"),
            _ => {}
        }
    }
}

fn lines(numbers: &mut SeededRandom, may_define: bool) -> String {
    let mut text = String::new();
    if may_define && numbers.below(2) == 0 {
        text.push_str("[attr]loud text eol=crlf ident\n");
    }
    for _ in 0..numbers.between(1, 5) {
        text.push_str(pick(numbers, PATTERNS));
        for _ in 0..numbers.between(1, 2) {
            let _ = write!(text, " {}", pick(numbers, ATTRIBUTES));
        }
        text.push('\n');
    }
    text
}

fn pick<T: Copy>(numbers: &mut SeededRandom, all: &[T]) -> T {
    all[usize::try_from(numbers.below(all.len() as u64)).unwrap_or(0)]
}

fn pick_size(numbers: &mut SeededRandom) -> usize {
    if numbers.below(6) == 0 { 300 } else { 1 }
}

fn blob(repo: &TestRepo<'_>, content: &[u8]) -> String {
    let written = feed(repo.command("git").args(["hash-object", "-w", "--no-filters", "--stdin"]), content);
    written.trim().to_owned()
}

fn feed(command: &mut Command, input: &[u8]) -> String {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("git");
    child.stdin.take().expect("a pipe").write_all(input).expect("written");
    let output = child.wait_with_output().expect("git ends");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("text")
}
