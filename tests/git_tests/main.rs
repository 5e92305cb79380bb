//! Compares results on the merges of git's own tests: the scripts run with a wrapper of git that asks the
//! library before each merge. The scripts are part of Debian's source package of git, which is downloaded.
//!
//! Run `cargo test --test git_tests`, which takes minutes. `ORCHESTRA_GIT_SOURCE` names a directory with
//! the unpacked package, `ORCHESTRA_GIT_TESTS` the scripts to run (`t6402 t6422`). It is not part of `cargo
//! test`.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test says what it expects, and prints what it counted"
)]

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use testkit::{Ran, World};

/// The Debian suite whose git has all scripts; `ORCHESTRA_GIT_SUITE` selects another.
const SUITE: &str = "trixie";
/// The scripts that merge.
const SCRIPTS: &[&str] = &[
    "t64", "t7600", "t7601", "t7602", "t7604", "t7605", "t7607", "t7608", "t7609", "t7611", "t7614", "t7615",
];
/// The time limit of one script, in seconds.
const LIMIT: &str = "900";

/// Replaces the helper program of git's tests, as far as tests of merging need it, so that git itself need
/// not be built.
const TEST_TOOL: &str = r#"#!/bin/sh
# Stands in for the helper of git's tests.
case "$1" in
env-helper)
	name=; default=; for word; do case $word in --default=*) default=${word#*=} ;; -*) ;; *) name=$word ;; esac; done
	eval "value=\${$name-$default}"
	case "$value" in true|yes|1) exit 0 ;; *) exit 1 ;; esac ;;
path-utils)
	case "$2" in file-size) wc -c <"$3" ;; *) exit 1 ;; esac ;;
chmtime)
	shift
	for word; do case $word in =*|+*|-*) ;; *) touch -d @1500000000 "$word" ;; esac; done ;;
date) exit 0 ;;
getcwd) pwd -P ;;
*) exit 1 ;;
esac
"#;

struct Package {
    /// The directory of the unpacked source.
    source: PathBuf,
}

impl Package {
    /// Unpacks the source of git: from the named directory, or from Debian.
    fn fetch(folder: &Path) -> Self {
        if let Some(source) = std::env::var_os("ORCHESTRA_GIT_SOURCE") {
            return Self { source: PathBuf::from(source) };
        }
        let suite = std::env::var("ORCHESTRA_GIT_SUITE").unwrap_or_else(|_| SUITE.to_owned());
        fs::create_dir_all(folder.join("lists/partial")).expect("a folder");
        fs::create_dir_all(folder.join("cache")).expect("a folder");
        let list = format!("Types: deb-src\nSuites: {suite}\nComponents: main\n{}", mirror());
        fs::write(folder.join("git.sources"), list).expect("written");
        let apt = |arguments: &[&str]| {
            let mut command = Command::new("apt-get");
            for (name, value) in [
                ("Dir::Etc::sourcelist", folder.join("git.sources")),
                ("Dir::Etc::sourceparts", PathBuf::from("/dev/null")),
                ("Dir::State::lists", folder.join("lists")),
                ("Dir::Cache", folder.join("cache")),
            ] {
                let mut option = OsString::from(format!("{name}="));
                option.push(value);
                command.arg("-o").arg(option);
            }
            Ran::of(command.arg("--quiet").args(arguments).current_dir(folder)).succeeded();
        };
        apt(&["update"]);
        apt(&["source", "--download-only", "git"]);
        let archive = one(folder, |name| name.contains(".orig.tar"));
        Ran::of(Command::new("tar").arg("xf").arg(archive).current_dir(folder)).succeeded();
        Self { source: one(folder, |name| name.starts_with("git-") && !name.contains(".tar")) }
    }

    /// Adds the files that a built git would have.
    fn prepare(&self) {
        let shell = format!(
            "SHELL_PATH='/bin/sh'\nTEST_SHELL_PATH='/bin/sh'\nPERL_PATH='/usr/bin/perl'\nDIFF='diff'\nX=''\nNO_PERL=''\nNO_PYTHON='1'\n\
             NO_CURL='1'\nNO_EXPAT='1'\nNO_GETTEXT='1'\nUSE_GETTEXT_SCHEME=''\nGIT_SOURCE_DIR='{0}'\nGIT_TEST_TEMPLATE_DIR='{0}/templates/blt'\n\
             GIT_TEST_GITPERLLIB=''\nGIT_TEST_POPATH=''\nGIT_TEST_TEXTDOMAINDIR=''\nBROKEN_PATH_FIX=''\n",
            self.source.display()
        );
        fs::write(self.source.join("GIT-BUILD-OPTIONS"), shell).expect("written");
        fs::create_dir_all(self.source.join("templates/blt/info")).expect("a folder");
        fs::write(self.source.join("templates/blt/info/exclude"), "").expect("written");
        program(&self.source.join("t/helper/test-tool"), TEST_TOOL);
    }

    fn scripts(&self) -> Vec<String> {
        let wanted = std::env::var("ORCHESTRA_GIT_TESTS").ok();
        let wanted: Vec<&str> =
            wanted.as_deref().map_or_else(|| SCRIPTS.to_vec(), |text| text.split_whitespace().collect());
        let all = fs::read_dir(self.source.join("t")).expect("tests").flatten();
        let names = all.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut found: Vec<String> = names
            .filter(|name| {
                name.ends_with(".sh") && wanted.iter().any(|beginning| name.starts_with(beginning))
            })
            .collect();
        found.sort();
        found
    }
}

/// Returns the Debian mirror of this machine and its signing key, from its own list of sources.
fn mirror() -> String {
    let lists =
        fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|entry| entry.path());
    let lists = lists.filter(|path| path.extension().is_some_and(|ending| ending == "sources"));
    let text: String =
        lists.filter_map(|path| fs::read_to_string(path).ok()).map(|text| text + "\n\n").collect();
    let of_debian = |stanza: &&str| stanza.contains("debian-archive-keyring") && !stanza.contains("security");
    let stanza = text.split("\n\n").find(of_debian);
    let stanza = stanza.expect("Debian's packages within reach, or ORCHESTRA_GIT_SOURCE");
    let wanted = |line: &&str| line.starts_with("URIs:") || line.starts_with("Signed-By:");
    stanza.lines().filter(wanted).map(|line| format!("{line}\n")).collect()
}

fn program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a program");
}

/// Returns the only entry of a directory whose name matches.
fn one(folder: &Path, fits: impl Fn(&str) -> bool) -> PathBuf {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let found: Vec<PathBuf> = entries
        .filter(|entry| fits(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().expect("one")
}

/// Returns the path of git.
fn real_git(world: &World) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("git")).find(|git| git.is_file());
    assert!(world.dir().is_dir());
    found.expect("git on PATH")
}

#[test]
fn merges_in_gits_own_tests_get_the_results_of_git() {
    let built = Path::new(env!("CARGO_BIN_EXE_git-orchestra"));
    let mut world = World::new(built.parent().expect("a folder of binaries"));
    let folder = world.dir().join("source");
    fs::create_dir_all(&folder).expect("a folder");
    let package = Package::fetch(&folder);
    package.prepare();
    let (wrapped, log, git) = (world.dir().join("wrapped"), world.dir().join("log"), real_git(&world));
    let judging = world.bins().join("judging-git");
    let (judging, real) = (judging.display(), git.display());
    program(
        &wrapped.join("git"),
        &format!(
            "#!/bin/sh\nfor word; do case $word in merge|merge-tree) exec '{judging}' \"$@\" ;; esac; done\nexec '{real}' \"$@\"\n"
        ),
    );
    let scripts = package.scripts();
    assert!(!scripts.is_empty(), "no scripts");
    for script in &scripts {
        let mut command = world.command("timeout", &package.source.join("t"));
        let trash = format!("--root={}", world.dir().join("trash").display());
        command.args([LIMIT, "sh", &format!("./{script}"), &trash]);
        command
            .env("GIT_TEST_INSTALLED", &wrapped)
            .env("JUDGING_GIT_REAL", &git)
            .env("JUDGING_GIT_LOG", &log);
        command.env("JUDGING_GIT_SCRIPT", script.split('-').next().unwrap_or(script));
        let ran = Ran::of(&mut command);
        let said = ran.stdout();
        let count = |beginning: &str| {
            said.lines().filter(|line| line.starts_with(beginning) && !line.contains("# TODO")).count()
        };
        let last = said.lines().last().unwrap_or_default().to_owned()
            + ran.stderr().lines().last().unwrap_or_default();
        println!("{script}: {} passed, {} failed; {last}", count("ok "), count("not ok "));
    }
    let (pairs, differ) = read(&fs::read_to_string(&log).unwrap_or_default());
    println!("{} scripts: {pairs:?}; differing: {}", scripts.len(), differ.len());
    if !differ.is_empty() {
        world.keep();
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    let judged: usize = pairs.values().sum();
    assert!(
        judged >= scripts.len(),
        "{judged} pairs in {} scripts are too few: do they run at all?",
        scripts.len()
    );
}

/// Returns how many pairs had each result, and those on which the two differ.
fn read(log: &str) -> (BTreeMap<String, usize>, Vec<String>) {
    let (mut pairs, mut differ) = (BTreeMap::new(), Vec::new());
    for line in log.lines() {
        let words: Vec<&str> = line.split('\t').collect();
        let [_, asked, how, ours, gits, ..] = words.as_slice() else {
            *pairs.entry("not judged".to_owned()).or_default() += 1;
            println!("{line}");
            continue;
        };
        let verdict = gits.split(' ').next().unwrap_or_default();
        *pairs.entry(format!("{asked}, {how}, {verdict}")).or_default() += 1;
        if ours != gits {
            differ.push(line.to_owned());
        }
    }
    (pairs, differ)
}
