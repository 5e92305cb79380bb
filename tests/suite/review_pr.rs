//! `review --pr`: a pull request of a stranger is judged as it is, and its code gets no power.

use serde_json::{Value, json};
use testkit::{FakeForge, ForgeFlavor, TestRepo, World};

use crate::{
    pr::{FLAVORS, on_forge},
    sandbox, world,
};

/// A reviewer that looks at the pull request with git, as its task says: it approves `good`.
const JUDGE: &str = "true; h=$(sed -n 's/.*git diff [0-9a-f]* \\([0-9a-f]*\\).*/\\1/p' {prompt_file} | head -n 1); \
     case $(git show $h:new.txt) in *good*) v=approve;; *) v=changes;; esac; \
     echo '{\"verdict\":\"'$v'\",\"summary\":\"seen\",\"findings\":[{\"file\":\"new.txt\",\"line\":1,\"text\":\"why this\"}]}'";

fn with_judge(repo: &TestRepo<'_>) {
    repo.git(["config", "orchestra.agent.judge.command", JUDGE]).succeeded();
    repo.git(["config", "orchestra.agent.judge.reads", "prose"]).succeeded();
}

/// Clones a repository of the forge, in which somebody works.
fn clone<'a>(world: &'a World, bare: &str, name: &str) -> TestRepo<'a> {
    world.git(world.dir(), ["clone", "-q", bare, name]).succeeded();
    TestRepo::new(world, world.dir().join(name)).with_identity()
}

/// Makes a fork of the repository, with a branch `topic` that adds files, and opens a pull request of it.
pub(crate) fn pull_of_fork<'a>(
    world: &'a World,
    forge: &FakeForge,
    files: &[(&str, &str)],
) -> (TestRepo<'a>, u64) {
    world.git(world.dir(), ["clone", "-q", "--bare", "forge.git", "fork.git"]).succeeded();
    forge.add_fork("somebody/app", &world.dir().join("fork.git"));
    let fork = clone(world, "fork.git", "fork");
    fork.git(["checkout", "-q", "-b", "topic"]).succeeded();
    fork.commit("Add something", files);
    fork.git(["push", "-q", "origin", "topic"]).succeeded();
    let number = forge.open_pull("somebody/app", "topic", "Add something", "somebody");
    (fork, number)
}

/// Everything of the user that a review must leave as it is.
fn of_user(repo: &TestRepo<'_>) -> String {
    let refs = repo.git(["for-each-ref", "refs/heads/main", "refs/remotes", "refs/tags"]).stdout();
    let config = std::fs::read_to_string(repo.path().join(".git/config")).expect("a config");
    format!(
        "{refs}{}{}{config}",
        repo.git(["rev-parse", "HEAD"]).stdout(),
        repo.git(["status", "--porcelain"]).stdout()
    )
}

#[test]
fn a_verdict_is_on_one_base_and_head_on_every_forge() {
    for flavor in FLAVORS {
        let world = world();
        let (repo, forge) = on_forge(&world, flavor);
        let (fork, _) = pull_of_fork(&world, &forge, &[("new.txt", "good\n")]);
        let (before, head) = (of_user(&repo), fork.git(["rev-parse", "HEAD"]).line());
        let shown = repo.orchestra(["review", "--pr", "1"]).succeeded().stdout();
        assert!(shown.contains("1  Add something") && shown.contains("+1 -0 new.txt"), "{shown}");
        repo.orchestra(["review", "--pr", "1", "--approve", "-m", "well done"])
            .succeeded()
            .stdout_has("1 approved");
        assert_eq!(of_user(&repo), before, "{flavor:?}");
        assert_eq!(repo.git(["rev-parse", "refs/orchestra-local/pr/origin/1"]).line(), head, "{flavor:?}");
        let note = repo.git(["show", &format!("refs/orchestra/notes/pull-requests:{head}")]).stdout();
        let noted: Value = serde_json::from_str(note.trim()).expect("one line of JSON");
        let base = repo.git(["rev-parse", "main"]).line();
        assert_eq!(
            (&noted["verdict"], &noted["base"], &noted["head"], &noted["number"], &noted["text"]),
            (&json!("approve"), &json!(base), &json!(head), &json!(1), &json!("well done")),
        );
        let standing = |repo: &TestRepo<'_>| {
            let said = repo.orchestra(["review", "--pr", "1", "--json"]).succeeded().json();
            (said["standing"].clone(), said["verdicts"][0]["holds"].clone())
        };
        assert_eq!(standing(&repo), (json!("approve"), json!("current")), "{flavor:?}");
        fork.commit("More", &[("more.txt", "bad\n")]);
        fork.git(["push", "-q", "origin", "topic"]).succeeded();
        assert_eq!(standing(&repo), (Value::Null, json!("stale")), "{flavor:?}");
        repo.orchestra(["review", "--pr", "1", "--approve", "--head", &head])
            .exits(4)
            .stderr_has("has changed since you looked at it");
        assert_eq!(of_user(&repo), before, "{flavor:?}");
        assert_eq!(forge.faults(), Vec::<String>::new(), "by the official description");
        let changes = forge.requests().into_iter().filter(|one| !one.starts_with("GET"));
        assert_eq!(changes.collect::<Vec<_>>(), Vec::<String>::new(), "nothing was sent to the forge");
    }
}

#[test]
fn an_agent_approves_only_what_passes_on_the_merge_with_the_base() {
    if !sandbox::can_make_one() {
        return;
    }
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    with_judge(&repo);
    let (fork, _) = pull_of_fork(&world, &forge, &[("new.txt", "good\n")]);
    repo.orchestra(["review", "--pr", "1", "--by", "judge"]).exits(2).stderr_has("no test command");
    let by = |test: &str| {
        let ran = repo.orchestra(["review", "--pr", "1", "--by", "judge", "--test", test, "--json"]);
        ran.succeeded()
            .stderr_has("with the code of pull request 1 by somebody of somebody/app, in the sandbox 'net'")
            .json()
    };
    // The base has moved: the file is there only in the merge.
    let other = clone(&world, "forge.git", "other");
    other.commit("Base", &[("base.txt", "1\n")]);
    other.git(["push", "-q", "origin", "main"]).succeeded();
    let said = by("grep good new.txt && test -e base.txt");
    assert_eq!((&said["given"], &said["test"]["passed"]), (&json!("approve"), &json!(true)), "{said}");
    assert_eq!(said["verdicts"][0]["comments"][0]["file"], "new.txt");
    assert_eq!(said["verdicts"][0]["by"], "agent judge");
    let said = by("echo so not; exit 3");
    assert_eq!((&said["given"], &said["test"]["passed"]), (&json!("changes"), &json!(false)), "{said}");
    assert!(said["test"]["output"].as_str().expect("its output").contains("so not"), "{said}");
    fork.commit("Conflict", &[("base.txt", "2\n")]);
    fork.git(["push", "-q", "origin", "topic"]).succeeded();
    let said = by("true");
    assert_eq!(said["test"]["result"], "it conflicts with 'main' in 1 file", "{said}");
    assert_eq!(said["given"], "changes");
    // The reviewers stay, and nothing that they leave lands; the worktrees of the tests are gone.
    let agents = repo.agents();
    assert_eq!(agents.len(), 3, "{agents:?}");
    assert!(agents.iter().all(|agent| agent["reviews"] == "pull request 1"), "{agents:?}");
}

#[test]
fn the_code_of_a_stranger_gets_no_power() {
    if !sandbox::can_make_one() {
        return;
    }
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    with_judge(&repo);
    repo.commit("test", &[("test.sh", "true\n"), (".gitignore", "secret.env\n")]);
    repo.git(["push", "-q", "origin", "main"]).succeeded();
    repo.write("secret.env", "the password\n");
    repo.git(["config", "orchestra.test", "sh test.sh"]).succeeded();
    let (dir, checkout) =
        (world.dir().to_string_lossy().into_owned(), repo.path().to_string_lossy().into_owned());
    let evil = format!(
        "echo ran; touch {dir}/mark {checkout}/mark; git config --file {checkout}/.git/config core.pager evil; cat secret.env; \
         (exec 3<>/dev/tcp/127.0.0.1/{}) && echo reached; echo {checkout}/.git/hooks/post-checkout; true\n",
        forge.host().rsplit(':').next().expect("a port"),
    );
    let settings = format!("[orchestra]\n\ttest = touch {dir}/mark\n\tsandbox = none\n");
    let hostile = [
        ("test.sh", evil.as_str()),
        (".gitorchestra", settings.as_str()),
        (".worktreeinclude", "secret.env\n"),
        (".gitattributes", "*.txt filter=evil merge=evil diff=evil\n"),
        ("new.txt", "good\n"),
    ];
    pull_of_fork(&world, &forge, &hostile);
    let before = of_user(&repo);
    let said = repo.orchestra(["review", "--pr", "1", "--by", "judge", "--json"]).succeeded().json();
    let output = said["test"]["output"].as_str().expect("its output").to_owned();
    assert!(output.contains("ran"), "{said}");
    assert!(!output.contains("the password") && !output.contains("reached"), "{output}");
    assert!(!world.dir().join("mark").exists() && !repo.path().join("mark").exists(), "{output}");
    assert_eq!(of_user(&repo), before);
    assert_eq!(said["work"]["sandbox"], "net");
    // Without a sandbox nothing runs, unless the user trusts it.
    let path = sandbox::without_bubblewrap(&world);
    for program in ["sed", "head", "touch"] {
        std::os::unix::fs::symlink(format!("/usr/bin/{program}"), path.join(program)).expect("a link");
    }
    let refused = |more: &[&str]| {
        let mut command = repo.command(world.bins().join("git-orchestra-review"));
        testkit::Ran::of(command.env("PATH", &path).args(["--pr", "1", "--by", "judge"]).args(more))
    };
    refused(&[]).exits(3).stderr_has("git orchestra review --pr 1 --trust");
    assert!(!world.dir().join("mark").exists());
    refused(&["--trust"]).succeeded().stderr_has("as your own work, without a sandbox");
    assert!(world.dir().join("mark").exists(), "the user trusted it");
}

#[test]
fn only_verdicts_of_this_clone_and_of_trusted_ones_count() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::Gitea);
    let (fork, _) = pull_of_fork(&world, &forge, &[("new.txt", "good\n")]);
    repo.orchestra(["review", "--pr", "1", "--changes", "-m", "no"]).succeeded();
    let head = fork.git(["rev-parse", "HEAD"]).line();
    let name = "refs/orchestra/notes/pull-requests";
    let note = repo.git(["show", &format!("{name}:{head}")]).stdout();
    // Somebody who writes to the remote claims that this clone approved, and then that another one did.
    let own: Value = serde_json::from_str(note.trim()).expect("JSON");
    let forge_note = |writer: &str| {
        let mut forged = own.clone();
        forged["verdict"] = json!("approve");
        forged["at"] = json!("2030-01-01T00:00:00Z");
        forged["w"] = json!(writer);
        let file = world.dir().join("note");
        std::fs::write(&file, format!("{forged}\n")).expect("a file");
        let blob = repo.git(["hash-object", "-w", &file.to_string_lossy()]).line();
        let tree = world.dir().join("tree");
        std::fs::write(&tree, format!("100644 blob {blob}\t{head}\n")).expect("a file");
        let made = std::process::Command::new("git")
            .arg("-C")
            .arg(repo.path())
            .arg("mktree")
            .stdin(std::fs::File::open(&tree).expect("a file"))
            .output()
            .expect("git");
        let made = String::from_utf8_lossy(&made.stdout).trim().to_owned();
        let commit = repo.git(["commit-tree", &made, "-m", "x"]).line();
        repo.git(["update-ref", name, &commit]).succeeded();
    };
    let said = || repo.orchestra(["review", "--pr", "1", "--json"]).succeeded().json();
    forge_note(own["w"].as_str().expect("a writer"));
    let claimed = said();
    assert_eq!((&claimed["standing"], &claimed["verdicts"][1]["counts"]), (&json!("changes"), &json!(false)));
    forge_note("other");
    assert_eq!(said()["standing"], "changes");
    repo.git(["config", "--add", "orchestra.trustWriter", "other"]).succeeded();
    let trusted = said();
    assert_eq!(trusted["verdicts"][1]["counts"], true, "{trusted}");
}

#[test]
fn an_agent_reviews_no_pull_request_and_what_is_gone_is_named() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitLab);
    pull_of_fork(&world, &forge, &[("new.txt", "good\n")]);
    repo.orchestra(["review", "--pr", "7"]).exits(3).stderr_has("has no merge request 7");
    let id = repo.spawn("git orchestra review --pr 1 --approve 2> said.txt; echo $? > code.txt");
    repo.end_of(&id);
    assert_eq!(repo.file_in_head(&id, "code.txt").trim(), "3");
    assert!(repo.file_in_head(&id, "said.txt").contains("an agent does not review pull requests"));
    forge.renew_token("another");
    repo.orchestra(["review", "--pr", "1"]).exits(3).stderr_has("refuses the token");
}

#[test]
fn three_hundred_are_listed_to_pick_from_and_hostile_titles_are_harmless() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    pull_of_fork(&world, &forge, &[("new.txt", "good\n")]);
    forge.change(|pulls| {
        let first = pulls[0].clone();
        pulls.extend((2..=300).map(|number| testkit::Pull {
            number,
            title: "\u{1b}[31mred\u{7}\nline \u{202e}txet".into(),
            author: "\u{1b}]0;x\u{7}".into(),
            ..first.clone()
        }));
    });
    let shown = repo
        .orchestra(["review", "--pr"])
        .succeeded()
        .stderr_has("git orchestra review --pr NUMBER")
        .stdout();
    assert_eq!(shown.lines().count(), 301, "one line each");
    assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown:?}");
    let listed = repo.orchestra(["review", "--pr", "--json"]).succeeded().json();
    assert_eq!(listed["open"].as_array().map(Vec::len), Some(300));
}
