//! What trial merges cost: the programs that a plan runs, where git's temporary objects are, and results that do not depend on either.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use orchestra::{
    git::{Oid, Repo, merging::Method},
    model::conflict::ConflictKinds,
    world::Environment,
};
use testkit::{Ran, TestRepo, World};

use crate::{
    library,
    merge_ranked::{four, land},
    merging::trials,
    world,
};

/// Returns the git commands that a plan of the four branches runs.
fn programs_of_a_plan(repo: &TestRepo<'_>, trace: &str) -> Vec<String> {
    let file = repo.path().join(".git").join(trace);
    let mut command = repo.orchestra_command(["merge-ranked", "-n", "b1", "b2", "b3", "b4"]);
    Ran::of(command.env("ORCHESTRA_TRACE", &file)).succeeded();
    git_commands(&file)
}

/// Returns the git commands in a trace.
fn git_commands(trace: &Path) -> Vec<String> {
    let text = fs::read_to_string(trace).expect("a trace");
    let programs = text.lines().filter_map(|line| line.split_once("] program: git ")).map(|(_, rest)| rest);
    let is_verb = |word: &&str| !word.starts_with('-');
    programs.filter_map(|program| program.split(' ').find(is_verb)).map(str::to_owned).collect()
}

#[test]
fn a_plan_asks_git_only_for_its_settings_if_all_pairs_are_decided_here() {
    let world = world();
    let repo = four(&world);
    assert_eq!(programs_of_a_plan(&repo, "fresh"), ["config"]);
    assert_eq!(programs_of_a_plan(&repo, "repeated"), ["config"]);
    // A branch that moved is judged anew, without another program.
    repo.git(["checkout", "-q", "b3"]);
    repo.commit("moved", &[("three.txt", "1\n")]);
    repo.git(["checkout", "-q", "main"]);
    assert_eq!(programs_of_a_plan(&repo, "moved"), ["config"]);
}

#[test]
fn a_lost_or_torn_cache_gives_the_same_plan() {
    let world = world();
    let repo = four(&world);
    let plan = || {
        let mut report = land(&repo, &["-n", "--json"]).json();
        report["pairs"]["known"] = 0.into();
        report
    };
    let fresh = plan();
    for name in ["trials", "changes", "sizes", "trial-folders", "sound-trees"] {
        let file = repo.path().join(".git/orchestra").join(name);
        let bytes = fs::read(&file).unwrap_or_default();
        for spoiled in [&bytes[..bytes.len() / 2], b"x"] {
            let _ = fs::write(&file, spoiled);
            assert_eq!(plan(), fresh, "{name}, {} bytes", spoiled.len());
        }
        let _ = fs::remove_file(&file);
        assert_eq!(plan(), fresh, "without {name}");
    }
}

#[test]
fn a_plan_after_a_branch_moved_does_not_depend_on_what_is_known_of_the_others() {
    let world = world();
    let repo = four(&world);
    let file = |name: &str| repo.path().join(".git/orchestra").join(name);
    let plan = || land(&repo, &["-n", "--json"]).json();
    plan();
    let (trials, changes) =
        (fs::read(file("trials")).expect("trials"), fs::read(file("changes")).expect("changes"));
    // It now changes what another branch deletes or changes, and adds a file.
    repo.git(["checkout", "-q", "b3"]);
    repo.commit("moved", &[("one.txt", "another\n"), ("new.txt", "1\n")]);
    repo.git(["checkout", "-q", "main"]);
    for name in ["trials", "changes", "sizes", "sound-trees"] {
        // The first plan may come before the folder that the last one is in.
        let _ = fs::remove_file(file(name));
    }
    let mut expected = plan();
    let mut damaged = changes.clone();
    damaged[changes.len() / 2] ^= 1;
    for known in [&changes[..], &changes[..changes.len() / 2], &damaged, b""] {
        fs::write(file("trials"), &trials).expect("restored");
        fs::write(file("changes"), known).expect("restored");
        let found = plan();
        assert_ne!(found["pairs"]["known"], 0);
        expected["pairs"]["known"] = found["pairs"]["known"].clone();
        assert_eq!(found, expected, "{} bytes", known.len());
        assert!(fs::read(file("changes")).expect("changes").len() > changes.len() / 2, "written again");
    }
}

/// Makes a folder as the runtime directory of a login session.
fn runtime_dir(world: &World) -> PathBuf {
    let folder = world.dir().join("runtime");
    fs::create_dir(&folder).expect("a folder");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("private");
    folder
}

/// Returns the library's repository, whose branches x and y only git can merge, and both tips.
fn left_to_git(repo: &TestRepo<'_>, environment: &Environment) -> (Repo, Vec<Oid>) {
    repo.branch("x", &[("file.txt", "ours\n")]);
    repo.branch("y", &[("file.txt", "theirs\n")]);
    let library = Repo::open(environment, &repo.path().join(".git")).expect("a repository");
    let tips = ["x", "y"].map(|name| library.commit(name).expect("a commit"));
    (library, tips.to_vec())
}

#[test]
fn temporary_objects_are_made_in_the_runtime_directory_and_removed() {
    let world = world();
    let repo = world.repo();
    let runtime = runtime_dir(&world);
    let seen = world.dir().join("seen");
    let driver = format!("sh -c 'echo \"$GIT_OBJECT_DIRECTORY\" >>{}; exit 1'", seen.display());
    repo.git(["config", "merge.mine.driver", &driver]);
    repo.write(".git/info/attributes", "* merge=mine\n");
    let environment = Environment::of_this_process().with("XDG_RUNTIME_DIR", &runtime);
    let (library, tips) = left_to_git(&repo, &environment);
    let found = trials(&library, &tips, &[(0, 1)]);
    assert!(found[0].method == Method::Git && found[0].trial_conflict().is_some(), "{found:?}");
    let folder = fs::read_to_string(&seen).expect("the driver ran");
    assert!(folder.starts_with(&*runtime.to_string_lossy()), "{folder}");
    assert_eq!(fs::read_dir(&runtime).expect("a folder").count(), 0, "nothing is left");
    // A folder that others can read is not used.
    fs::remove_file(&seen).expect("removed");
    fs::set_permissions(&runtime, fs::Permissions::from_mode(0o755)).expect("public");
    trials(&library, &tips, &[(0, 1)]);
    let folder = fs::read_to_string(&seen).expect("the driver ran");
    assert!(!folder.starts_with(&*runtime.to_string_lossy()), "{folder}");
}

#[test]
fn if_the_memory_is_full_git_works_on_the_disk() {
    let world = world();
    let repo = world.repo();
    let runtime = runtime_dir(&world);
    let programs = world.dir().join("full");
    fs::create_dir(&programs).expect("a folder");
    let path = Environment::of_this_process().text_variable("PATH").expect("a path");
    let script = format!(
        "#!/bin/sh\nPATH={path}\ncase $GIT_OBJECT_DIRECTORY in {}/*) echo 'fatal: No space left on device' >&2; exit 128;; esac\n\
         exec git \"$@\"\n",
        runtime.display()
    );
    fs::write(programs.join("git"), script).expect("a program");
    fs::set_permissions(programs.join("git"), fs::Permissions::from_mode(0o755)).expect("executable");
    let environment = Environment::of_this_process()
        .with("XDG_RUNTIME_DIR", &runtime)
        .with("PATH", format!("{}:{path}", programs.display()));
    repo.write(".git/info/attributes", "* merge=union\n");
    let (library, tips) = left_to_git(&repo, &environment);
    let found = trials(&library, &tips, &[(0, 1)]);
    assert!(found[0].method == Method::Git && found[0].trial_conflict().is_none(), "{found:?}");
    assert_eq!(fs::read_dir(&runtime).expect("a folder").count(), 0, "nothing is left");
}

/// Writes, for `git fast-import`, forty commits on main and branches that start at every third of them, some of which merged an
/// earlier branch. `time` returns the time of each commit.
fn scattered_branches(time: impl Fn(usize) -> usize) -> (String, Vec<String>) {
    let mut stream = String::new();
    let mut count = 0;
    let mut commit = |branch: &str, parents: &[String], file: usize, text: &str| {
        count += 1;
        let (words, at) = (["from", "merge"], 1_700_000_000 + time(count));
        let parents: String =
            words.iter().zip(parents).map(|(word, parent)| format!("{word} {parent}\n")).collect();
        stream += &format!(
            "commit refs/heads/{branch}\nmark :{count}\ncommitter T <t@example.com> {at} +0000\ndata 1\nx\n\
             {parents}M 100644 inline d{}/f{file}\ndata {}\n{text}\n",
            file % 3,
            text.len()
        );
        format!(":{count}")
    };
    let text = |changed: usize, word: &str| {
        (0..30)
            .map(|line| if line == changed { format!("{word}\n") } else { format!("{line}\n") })
            .collect::<String>()
    };
    let (mut main, mut branches, mut names) = (Vec::new(), Vec::<String>::new(), Vec::new());
    for at in 0..40 {
        let parent: Vec<String> = main.last().cloned().into_iter().collect();
        main.push(commit("main", &parent, at % 8, &text(at % 30, &format!("main {at}"))));
        if at % 3 == 0 {
            let name = format!("b{at:02}");
            let mut parents = vec![main[at].clone()];
            parents.extend(branches.last().cloned().filter(|_| at % 4 == 0));
            branches.push(commit(&name, &parents, (at * 5) % 8, &text((at * 7) % 30, &name)));
            names.push(name);
        }
    }
    (stream, names)
}

#[test]
fn branches_of_a_long_history_get_the_results_of_git() {
    for (what, time) in [
        ("in order", (|at| at) as fn(usize) -> usize),
        ("equal", |_| 0),
        ("backwards", |at| 1000 - at),
        ("shuffled", |at| (at * 37) % 101),
    ] {
        let world = world();
        let repo = world.empty_repo("scattered");
        let (stream, mut names) = scattered_branches(time);
        let mut import = repo.command("git");
        let mut child = import
            .args(["fast-import", "--quiet"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .expect("git fast-import");
        std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), stream.as_bytes())
            .expect("taken");
        assert!(child.wait().expect("an end").success());
        names.push("main".to_owned());
        for graph in [false, true] {
            if graph {
                repo.git(["commit-graph", "write", "--reachable"]);
            }
            let library = library(&repo);
            let tips: Vec<Oid> = names.iter().map(|name| library.commit(name).expect("a commit")).collect();
            let pairs: Vec<(usize, usize)> =
                (0..tips.len()).flat_map(|b| (0..b).map(move |a| (a, b))).collect();
            let found = trials(&library, &tips, &pairs);
            let commits: Vec<(Oid, Oid)> = pairs.iter().map(|&(a, b)| (tips[a], tips[b])).collect();
            let expected = world.git_conflicts(repo.path(), &commits);
            let conflicts: Vec<bool> = found.iter().map(|trial| trial.trial_conflict().is_some()).collect();
            assert_eq!(conflicts, expected, "{what}, graph: {graph}");
            assert!(expected.contains(&true) && expected.contains(&false));
        }
    }
}

#[test]
fn a_deleted_file_is_left_to_git_only_if_it_may_have_been_renamed() {
    let world = world();
    let repo = world.empty_repo("deleted");
    let script = "body() { seq 1 40 | sed \"s/^/line $1 /\"; }; keep() { git add -A .; git commit -qm \"$1\"; }\n\
        body 1 >f; body 2 >z; keep base\n\
        git checkout -qb changed; sed -i 5s/line/X/ f; keep changed; git checkout -q main\n\
        git checkout -qb deleted; git rm -q f; keep deleted; git checkout -q main\n\
        git checkout -qb replaced; git rm -q f; body 7 >new; mkdir d; body 8 >d/f; keep replaced; git checkout -q main\n\
        git checkout -qb renamed; git mv f g; sed -i 25s/line/Y/ g; keep renamed; git checkout -q main\n";
    let ran = Ran::of(repo.command("sh").args(["-ec", script]));
    assert_eq!(ran.code(), 0, "{}", ran.stderr());
    let library = library(&repo);
    let tips: Vec<Oid> = ["changed", "deleted", "replaced", "renamed"]
        .iter()
        .map(|name| library.commit(name).expect("a commit"))
        .collect();
    let pairs = [(0, 1), (2, 0), (1, 2), (0, 3), (3, 1)];
    let found = trials(&library, &tips, &pairs);
    let methods: Vec<Method> = found.iter().map(|trial| trial.method).collect();
    assert_eq!(methods, [Method::Merge, Method::Merge, Method::Merge, Method::Git, Method::Git]);
    let files: Vec<Option<u32>> =
        found.iter().map(|trial| trial.trial_conflict().map(|clash| clash.files)).collect();
    assert_eq!(files, [Some(1), Some(1), None, None, Some(1)]);
    assert_eq!(found[0].trial_conflict().map(|clash| clash.kinds), Some(ConflictKinds::MODIFY_DELETE));
    let commits: Vec<(Oid, Oid)> = pairs.iter().map(|&(a, b)| (tips[a], tips[b])).collect();
    let expected = world.git_conflicts(repo.path(), &commits);
    assert_eq!(files.iter().map(Option::is_some).collect::<Vec<_>>(), expected);
}

#[test]
fn a_landing_ends_no_rebase_that_did_not_begin() {
    let world = world();
    let repo = four(&world);
    let file = repo.path().join(".git/landing");
    let mut command = repo.orchestra_command(["merge-ranked", "--test", "true", "b1", "b3", "b4"]);
    Ran::of(command.env("ORCHESTRA_TRACE", &file)).succeeded();
    let programs = git_commands(&file);
    let count = |verb: &str| programs.iter().filter(|program| *program == verb).count();
    assert_eq!((count("rebase"), count("merge-tree")), (0, 3), "{programs:?}");
}
