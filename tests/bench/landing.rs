//! Landing at scale: the results of git on every pair in large repositories, and thirty branches of a Rust
//! workspace landed one after the other, built and tested.

use std::{fmt::Write as _, path::Path, process::Command};

use orchestra::{
    git::{
        Oid, Repo,
        merging::{self, MergePlace, MergeRules},
    },
    world::Environment,
};
use testkit::{GeneratedRepo, Ran, SeededRandom, World};

/// Compares the result on every pair; a difference is printed and fails the run.
pub(crate) fn agreement(bins: &Path, short: bool) -> bool {
    let mut agreed = true;
    let sizes: &[(u64, u64)] = if short { &[(5_000, 30)] } else { &[(5_000, 100), (50_000, 100)] };
    for &(files, branches) in sizes {
        for (seed, hot, hot_share) in [(11, 5, 6), (12, 5, 10), (13, 3, 14)] {
            let forest =
                GeneratedRepo { files, folders: files / 25, lines: 80, branches, hot, hot_share, seed };
            agreed &= one(bins, &forest);
        }
    }
    agreed
}

fn one(bins: &Path, forest: &GeneratedRepo) -> bool {
    let world = World::new(bins);
    let planted = world.empty_repo("forest");
    let mut import = planted.command("git");
    import.args(["fast-import", "--quiet"]);
    forest.import(import);
    planted.git(["repack", "-adq"]);
    let repo =
        Repo::open(&Environment::of_this_process(), &planted.path().join(".git")).expect("a repository");
    let tips: Vec<Oid> =
        (0..forest.branches).map(|n| repo.commit(&format!("b{n:03}")).expect("a commit")).collect();
    let pairs: Vec<(usize, usize)> = (0..tips.len()).flat_map(|a| (0..a).map(move |b| (b, a))).collect();
    let objects = || world.git(planted.path(), ["count-objects", "-v"]).stdout();
    let before = objects();
    let limit = std::time::Duration::from_secs(60);
    let place = MergePlace::of_branch(&repo, "refs/heads/main", tips[0], limit).expect("a place");
    let mut rules = MergeRules::read(&repo, &place).expect("rules");
    let found = merging::merge_on_trial(&repo, &place, &mut rules, &tips, &pairs).expect("verdicts").found;
    let clean = objects() == before;
    let commits: Vec<(Oid, Oid)> = pairs.iter().map(|&(a, b)| (tips[a], tips[b])).collect();
    let expected = world.git_conflicts(planted.path(), &commits);
    let same =
        found.iter().zip(&expected).filter(|(ours, gits)| ours.trial_conflict().is_some() == **gits).count();
    let conflicting = expected.iter().filter(|conflict| **conflict).count();
    println!(
        "verdicts, {} files, {} branches, seed {}: {same} of {} pairs as git says, {conflicting} conflict ({:.1} %), objects left: {}",
        forest.files,
        forest.branches,
        forest.seed,
        pairs.len(),
        100.0 * f64::from(u32::try_from(conflicting).unwrap_or(0))
            / f64::from(u32::try_from(pairs.len()).unwrap_or(1)),
        if clean { "none" } else { "SOME" },
    );
    same == pairs.len() && clean
}

/// The number of crates in the workspace, functions in each, and branches.
const CRATES: u64 = 4;
const FUNCTIONS: u64 = 6;
const BRANCHES: u64 = 30;

/// Lands thirty branches in a workspace, and prints the output of the command.
pub(crate) fn workspace(bins: &Path) {
    let world = World::new(bins);
    let repo = world.repo_named("workspace");
    let toolchain =
        Environment::of_this_process().text_variable("CARGO").unwrap_or_else(|| "cargo".to_owned());
    let toolchain = Path::new(&toolchain).parent().unwrap_or(Path::new("/usr/bin"));
    let path = format!("{}:{}:/usr/local/bin:/usr/bin:/bin", toolchain.display(), bins.display());
    let offline =
        |command: &mut Command| Ran::of(command.env("PATH", &path).env("CARGO_NET_OFFLINE", "true"));
    let mut files = vec![
        ("Cargo.toml".to_owned(), "[workspace]\nmembers = [\"crates/*\"]\nresolver = \"2\"\n".to_owned()),
        (".gitignore".to_owned(), "target\n".to_owned()),
    ];
    for number in 0..CRATES {
        files.extend(package(
            &format!("c{number}"),
            &(0..FUNCTIONS).map(|f| function(f, f)).collect::<Vec<_>>(),
        ));
    }
    commit(&repo, "workspace", &files);
    offline(repo.command("cargo").args(["generate-lockfile"])).succeeded();
    commit(&repo, "lock", &[]);
    let mut numbers = SeededRandom::from(42);
    for branch in 0..BRANCHES {
        repo.git(["checkout", "-q", "-b", &format!("b{branch:02}"), "main"]);
        change(&repo, branch, &mut numbers);
        offline(repo.command("cargo").args(["update", "--workspace", "--quiet"])).succeeded();
        commit(&repo, &format!("b{branch:02}"), &[]);
        repo.git(["checkout", "-q", "main"]);
    }
    let names: Vec<String> = (0..BRANCHES).map(|n| format!("b{n:02}")).collect();
    let mut command = repo.orchestra_command(["merge-ranked"]);
    command.args(&names);
    command.args([
        "--build",
        "cargo build --workspace --locked",
        "--test",
        "cargo test --workspace --locked",
    ]);
    let ran = offline(&mut command);
    println!("{}{}", ran.stdout(), ran.stderr());
    let proof = offline(repo.command("cargo").args(["test", "--workspace", "--locked", "--quiet"]));
    println!("exit {}; cargo test on main afterwards: exit {}", ran.code(), proof.code());
}

fn commit(repo: &testkit::TestRepo<'_>, message: &str, files: &[(String, String)]) {
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    repo.commit(message, &files);
}

fn function(number: u64, value: u64) -> String {
    let mut out = format!("/// Says {value}.\npub fn f{number}() -> u64 {{\n    {value}\n}}\n\n");
    let _ = write!(out, "#[test]\nfn f{number}_is_small() {{\n    assert!(f{number}() < 1000);\n}}\n");
    out
}

fn package(name: &str, functions: &[String]) -> [(String, String); 2] {
    let manifest = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    [
        (format!("crates/{name}/Cargo.toml"), manifest),
        (format!("crates/{name}/src/lib.rs"), functions.join("\n")),
    ]
}

/// Makes the change of a branch: most change one function, some add a crate (and so change the lock file),
/// some do not build, some fail a test.
fn change(repo: &testkit::TestRepo<'_>, branch: u64, numbers: &mut SeededRandom) {
    let number = numbers.below(CRATES);
    let file = format!("crates/c{number}/src/lib.rs");
    let text = repo.file_at("main", &file);
    let which = numbers.below(FUNCTIONS);
    let value = numbers.between(10, 900);
    let old = function(which, which);
    let new = match branch % 10 {
        3 => function(which, value + 1000),
        7 => old.replace("u64 {", "String {"),
        _ => function(which, value),
    };
    let mut files = vec![(file, text.replace(&old, &new))];
    if branch % 5 == 1 {
        files = Vec::from(package(&format!("new{branch}"), &[function(branch, branch)]));
    }
    for (name, text) in files {
        let path = repo.path().join(&name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
}
