//! `pr`: one pull request for the work of each agent, on every forge, whatever happens in between.

use serde_json::{Value, json};
use testkit::{Aim, FakeForge, ForgeFlavor, Injector, Pull, TestRepo, Trouble, World};

use crate::world;

pub(crate) const TOKEN: &str = "the-token-of-kim";
pub(crate) const FLAVORS: [ForgeFlavor; 4] =
    [ForgeFlavor::GitHub, ForgeFlavor::GitLab, ForgeFlavor::Gitea, ForgeFlavor::Bitbucket];

/// Creates a repository whose main branch is on a forge, with the token at hand.
pub(crate) fn on_forge(world: &World, flavor: ForgeFlavor) -> (TestRepo<'_>, FakeForge) {
    let bare = world.dir().join("forge.git");
    world.git(world.dir(), ["init", "-q", "--bare", "-b", "main", &bare.to_string_lossy()]);
    let forge = FakeForge::start(flavor, &bare, TOKEN);
    let repo = world.repo();
    repo.git(["remote", "add", "origin", &forge.url()]).succeeded();
    repo.git(["push", "-q", "origin", "main"]).succeeded();
    let section = format!("orchestra.forge.{}", forge.host());
    repo.git(["config", &format!("{section}.kind"), forge.kind()]).succeeded();
    repo.git(["config", &format!("{section}.tokenCommand"), &format!("echo {TOKEN}")]).succeeded();
    (repo, forge)
}

pub(crate) fn done(repo: &TestRepo<'_>, script: &str) -> String {
    let id = repo.spawn(script);
    repo.end_of(&id);
    id
}

pub(crate) fn only(forge: &FakeForge) -> Pull {
    let all = forge.pulls();
    assert_eq!(all.len(), 1, "{all:?}");
    all.into_iter().next().expect("a pull request")
}

/// Returns the tip of a branch on the forge, by plain git.
pub(crate) fn tip_there(world: &World, branch: &str) -> String {
    world
        .git(&world.dir().join("forge.git"), ["rev-parse", "--verify", &format!("refs/heads/{branch}")])
        .line()
}

#[test]
fn work_is_published_updated_and_merged_on_every_forge() {
    for flavor in FLAVORS {
        let world = world();
        let (repo, forge) = on_forge(&world, flavor);
        let id = done(&repo, "echo 1 > a.txt");
        repo.orchestra(["pr", &id, "--dry-run"]).succeeded().stdout_has("would be opened");
        assert!(forge.pulls().is_empty());
        repo.orchestra(["pr", &id]).succeeded().stdout_has(": opened 1 http").stdout_has("(checks passed)");
        let pull = only(&forge);
        let agent = repo.agent(&id);
        assert_eq!(
            (pull.head.as_str(), pull.base.as_str()),
            (agent["branch"].as_str().expect("a branch"), "main")
        );
        assert_eq!(tip_there(&world, &pull.head), agent["head"].as_str().expect("a head"), "{flavor:?}");
        let recorded = &agent["pull_request"];
        assert_eq!((&recorded["number"], &recorded["state"]), (&json!(1), &json!("open")), "{flavor:?}");
        repo.orchestra(["pr", &id]).succeeded().stdout_has(": unchanged 1 http");

        repo.orchestra(["resume", &id, "-m", "echo 2 > b.txt"]).succeeded();
        repo.orchestra(["pr", &id]).succeeded().stdout_has(": pushed to 1 http");
        assert_eq!(tip_there(&world, &pull.head), repo.agent(&id)["head"].as_str().expect("a head"));
        repo.orchestra(["pr"]).succeeded().stdout_has(&id);

        repo.orchestra(["pr", &id, "--merge"]).succeeded().stdout_has(": merged 1 http");
        assert_eq!(only(&forge).state, "merged", "{flavor:?}");
        assert_eq!(repo.agent(&id)["pull_request"]["state"], "merged");
        let files = world.git(&world.dir().join("forge.git"), ["ls-tree", "--name-only", "main"]).stdout();
        assert!(files.contains("a.txt") && files.contains("b.txt"), "{files}");
        assert_eq!(forge.faults(), Vec::<String>::new(), "by the official description");
    }
}

#[test]
fn a_lost_answer_never_makes_a_second_pull_request() {
    for flavor in FLAVORS {
        for (trouble, code) in
            [(Trouble::AnswerLost, 0), (Trouble::HungUp, 5), (Trouble::Answers(502, vec![], "{}".into()), 5)]
        {
            let world = world();
            let (repo, forge) = on_forge(&world, flavor);
            let id = done(&repo, "echo 1 > a.txt");
            forge.next(if flavor == ForgeFlavor::GitLab { "POST requests" } else { "POST pull" }, trouble);
            repo.orchestra(["pr", &id]).exits(code);
            repo.orchestra(["pr", &id]).succeeded();
            assert_eq!(only(&forge).state, "open", "{flavor:?}");
        }
    }
}

#[test]
fn killed_at_any_call_and_typed_again_there_is_one_pull_request() {
    let Some(injector) = Injector::compile() else {
        crate::skip("no C compiler");
        return;
    };
    let aim = Aim::at("git-orchestra-pr");
    let mut at = 1;
    loop {
        let world = world();
        let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
        let id = done(&repo, "echo 1 > a.txt");
        let hit =
            injector.kill(&world, repo.command(world.bins().join("git-orchestra-pr")).arg(&id), aim, at);
        repo.orchestra(["pr", &id]).succeeded();
        assert_eq!(only(&forge).state, "open", "killed at call {at}: {hit:?}");
        assert_eq!(repo.agent(&id)["pull_request"]["number"], 1, "killed at call {at}: {hit:?}");
        if hit.is_none() {
            break;
        }
        at += 1;
    }
    assert!(at > 3, "it was killed at {at} calls");
}

#[test]
fn two_machines_at_once_open_one() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::Gitea);
    let id = done(&repo, "echo 1 > a.txt");
    let spawn = || repo.orchestra_command(["pr", &id]).spawn().expect("a process");
    let both = [spawn(), spawn()];
    for mut one in both {
        assert!(one.wait().expect("its end").success());
    }
    assert_eq!(only(&forge).state, "open");
}

#[test]
fn what_people_wrote_stays() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    let id = done(&repo, "echo 1 > a.txt");
    repo.orchestra(["pr", &id, "--title", "Mine", "--draft"]).succeeded();
    let first = only(&forge);
    assert_eq!((first.title.as_str(), first.draft), ("Mine", true));
    forge.change(|pulls| pulls[0].body = format!("By hand.\n\n{}", pulls[0].body));
    repo.orchestra(["review", &id, "--approve"]).succeeded();
    repo.orchestra(["pr", &id]).succeeded();
    let second = only(&forge);
    assert!(
        second.body.starts_with("By hand.\n\n") && second.body.contains("review: approved"),
        "{}",
        second.body
    );
    assert_eq!(second.title, "Mine");
}

#[test]
fn what_somebody_else_pushed_is_neither_overwritten_nor_merged() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::Bitbucket);
    let id = done(&repo, "echo 1 > a.txt");
    repo.orchestra(["pr", &id]).succeeded();
    let branch = only(&forge).head;
    world.git(world.dir(), ["clone", "-q", "-b", &branch, "forge.git", "other"]);
    let other = TestRepo::new(&world, world.dir().join("other")).with_identity();
    other.commit("more", &[("c.txt", "3\n")]);
    other.git(["push", "-q", "origin", &branch]).succeeded();
    let theirs = tip_there(&world, &branch);
    repo.orchestra(["pr", &id, "--merge"]).exits(4).stderr_has("the head of pull request 1 is");
    repo.orchestra(["resume", &id, "-m", "echo 2 > b.txt"]).succeeded();
    repo.orchestra(["pr", &id]).exits(4).stderr_has("somebody else pushed to");
    assert_eq!((tip_there(&world, &branch), only(&forge).state.as_str()), (theirs, "open"));
}

#[test]
fn rewritten_work_replaces_what_was_pushed_before() {
    let world = world();
    let (repo, _forge) = on_forge(&world, ForgeFlavor::GitLab);
    let id = done(&repo, "echo 1 > a.txt; git add a.txt; git commit -qm one");
    repo.orchestra(["pr", &id]).succeeded();
    let script = "echo 2 > a.txt; git add a.txt; git commit -q --amend -m two";
    repo.orchestra(["resume", &id, "-m", script]).succeeded();
    repo.orchestra(["pr", &id]).succeeded().stdout_has(": pushed to 1");
    let agent = repo.agent(&id);
    assert_eq!(
        tip_there(&world, agent["branch"].as_str().expect("a branch")),
        agent["head"].as_str().expect("a head")
    );
}

#[test]
fn the_token_is_needed_accepted_and_shown_nowhere() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    let id = done(&repo, "echo 1 > a.txt");
    let trace = world.dir().join("trace.log");
    let mut traced = repo.orchestra_command(["pr", &id, "--json"]);
    let shown = testkit::Ran::of(traced.env("ORCHESTRA_TRACE", &trace)).succeeded();
    let traced = std::fs::read_to_string(&trace).unwrap_or_default();
    assert!(traced.contains("/bin/sh"), "{traced}");
    for text in [shown.stdout(), shown.stderr(), traced] {
        assert!(!text.contains(TOKEN), "{text}");
    }
    forge.renew_token("another");
    repo.orchestra(["pr", &id]).exits(3).stderr_has("refuses the token: Bad credentials");
    let key = format!("orchestra.forge.{}.tokenCommand", forge.host());
    repo.git(["config", &key, "echo no token here"]).succeeded();
    repo.orchestra(["pr", &id]).exits(3).stderr_has("printed none");
    repo.git(["config", "--unset", &key]).succeeded();
    repo.orchestra(["pr", &id]).exits(3).stderr_has("there is no token for").stderr_has("tokenCommand");
}

#[test]
fn a_helper_of_git_has_the_token_and_no_other_host_gets_it() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    let helper = format!("!f() {{ echo username=kim; echo password={TOKEN}; }}; f");
    repo.git(["config", &format!("credential.http://{}.helper", forge.host()), &helper]).succeeded();
    repo.git(["config", "--unset", &format!("orchestra.forge.{}.tokenCommand", forge.host())]).succeeded();
    let id = done(&repo, "echo 1 > a.txt");
    repo.orchestra(["pr", &id]).succeeded();
    let elsewhere = FakeForge::start(ForgeFlavor::GitHub, &world.dir().join("forge.git"), TOKEN);
    let to = format!("http://{}/api/v3/repos/team/app/pulls", elsewhere.host());
    forge.next("GET pulls", Trouble::Answers(301, vec![("location".into(), to)], "{}".into()));
    repo.orchestra(["pr", &id]).exits(3).stderr_has("says that the repository moved");
    assert_eq!(elsewhere.requests(), Vec::<String>::new());
}

#[test]
fn limits_are_named_and_short_pauses_are_waited_for() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    let id = done(&repo, "echo 1 > a.txt");
    let limit = |after: &str| {
        Trouble::Answers(429, vec![("retry-after".into(), after.into())], r#"{"message":"slow down"}"#.into())
    };
    forge.next("GET pulls", limit("3600"));
    let refused = repo.orchestra(["pr", &id, "--json"]).exits(3);
    assert_eq!(refused.json()["code"], "forge-limit");
    forge.next("GET pulls", limit("0"));
    repo.orchestra(["pr", &id]).succeeded().stdout_has(": opened");
}

#[test]
fn three_hundred_are_listed_and_hostile_titles_are_harmless() {
    for flavor in FLAVORS {
        let world = world();
        let (repo, forge) = on_forge(&world, flavor);
        let id = done(&repo, "echo 1 > a.txt");
        repo.orchestra(["pr", &id]).succeeded();
        forge.change(|pulls| {
            let pull = pulls[0].clone();
            pulls.extend((2..=300).map(|number| Pull {
                number,
                head: format!("branch-{number}"),
                title: "\u{1b}[31mred\u{7}\nline \u{202e}txet".into(),
                repository: if number % 2 == 0 { "somebody/app".into() } else { pull.repository.clone() },
                ..pull.clone()
            }));
        });
        let listed = repo.orchestra(["pr", "--json"]).succeeded().json();
        let all = listed["pull_requests"].as_array().expect("a list").clone();
        assert_eq!(all.len(), 300, "{flavor:?}");
        let of_agent: Vec<&Value> = all.iter().filter(|one| one["agent"] == id.as_str()).collect();
        assert_eq!((of_agent.len(), &of_agent[0]["pull_request"]["number"]), (1, &json!(1)));
        let shown = repo.orchestra(["pr"]).succeeded().stdout();
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown:?}");
        assert!(shown.lines().count() == 301, "one line each");
    }
}

#[test]
fn only_sound_work_on_published_commits_is_published() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    let secret = concat!("ghp_", "16C7e42F292c6912E7710c838347Ae178B4a");
    let leaks = done(&repo, &format!("echo {secret} > key.txt"));
    repo.orchestra(["pr", &leaks]).exits(3).stderr_has("is not sent");
    let nothing = done(&repo, "true");
    repo.orchestra(["pr", &nothing]).exits(3).stderr_has("no work to publish");
    repo.commit("mine", &[("mine.txt", "1\n")]);
    let mine = done(&repo, "echo 1 > b.txt");
    repo.orchestra(["pr", &mine]).exits(3).stderr_has("git push origin main");
    repo.orchestra(["pr", &mine, "--into", "nosuch"]).exits(3);
    assert!(forge.pulls().is_empty());
    let branches = world.git(&world.dir().join("forge.git"), ["branch", "--list"]).stdout();
    assert_eq!(branches.trim(), "* main", "nothing was pushed");
    repo.git(["push", "-q", "origin", "main"]).succeeded();
    repo.orchestra(["pr", &mine]).succeeded();
}

#[test]
fn an_agent_publishes_nothing() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    let id = done(&repo, "echo 1 > a.txt");
    let asks = done(&repo, &format!("git orchestra pr {id} 2> said.txt; echo $? > code.txt"));
    assert_eq!(repo.file_in_head(&asks, "code.txt").trim(), "3");
    assert!(repo.file_in_head(&asks, "said.txt").contains("an agent does not publish work"));
    assert!(forge.pulls().is_empty());
}

#[test]
fn a_forge_that_nobody_named_is_asked_which_it_is() {
    for (flavor, code) in [(ForgeFlavor::Gitea, 0), (ForgeFlavor::GitLab, 0), (ForgeFlavor::GitHub, 3)] {
        let world = world();
        let (repo, forge) = on_forge(&world, flavor);
        repo.git(["config", "--unset", &format!("orchestra.forge.{}.kind", forge.host())]).succeeded();
        let id = done(&repo, "echo 1 > a.txt");
        repo.orchestra(["pr", &id]).exits(code);
        assert_eq!(forge.pulls().len(), usize::from(code == 0), "{flavor:?}");
    }
}

#[test]
fn closed_and_rejected_ones_are_not_merged() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    let id = done(&repo, "echo 1 > a.txt");
    repo.orchestra(["pr", &id, "--merge"]).exits(3).stderr_has("has no pull request");
    repo.orchestra(["pr", &id]).succeeded();
    repo.orchestra(["review", &id, "--reject"]).exits(1);
    repo.orchestra(["pr", &id, "--merge=squash"]).exits(3).stderr_has("the verdict on the work of");
    repo.orchestra(["pr", &id, "--close"]).succeeded().stdout_has(": closed 1");
    assert_eq!(
        (only(&forge).state.as_str(), &repo.agent(&id)["pull_request"]["state"]),
        ("closed", &json!("closed"))
    );
    repo.orchestra(["pr", &id, "--close"]).succeeded().stdout_has(": already closed 1");
    repo.orchestra(["pr", &id, "--merge"]).exits(3).stderr_has("is closed");
}

#[test]
fn a_merge_without_a_method_is_done_as_configured() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    repo.git(["config", "orchestra.prMergeMethod", "squash"]).succeeded();
    for (option, parents) in [("--merge", 1), ("--merge=merge", 2), ("--merge=rebase", 1)] {
        let id = done(&repo, &format!("echo 1 > a{option}"));
        repo.orchestra(["pr", &id]).succeeded();
        repo.orchestra(["pr", &id, option]).succeeded().stdout_has(": merged ");
        let bare = world.dir().join("forge.git");
        let said = world.git(&bare, ["rev-list", "--parents", "-1", "main"]).line();
        assert_eq!(said.split(' ').count() - 1, parents, "{option}");
    }
    assert!(forge.pulls().iter().all(|pull| pull.state == "merged"));
    assert_eq!(forge.faults(), Vec::<String>::new(), "by the official description");
}

#[test]
fn a_host_that_is_not_reached_is_not_asked_for_its_kind() {
    let world = world();
    let repo = world.repo();
    repo.git(["remote", "add", "origin", "http://127.0.0.1:1/team/app.git"]).succeeded();
    let said = repo.orchestra(["pr"]).exits(5).stderr_has("'127.0.0.1:1' cannot be reached").stderr();
    assert!(!said.contains("orchestra.forge"), "{said}");
}

#[test]
fn what_is_wrong_with_a_command_line_is_said_for_the_command_that_was_typed() {
    let world = world();
    let repo = world.repo();
    for words in [&["pr", "watch", "--fixx"][..], &["pr", "watch", "--interval", "x"]] {
        let said = repo.orchestra(words).exits(2).stderr_has("git orchestra pr watch -h lists").stderr();
        assert!(!said.contains("git orchestra pr -h"), "{said}");
    }
    repo.orchestra(["pr", "--fixx"]).exits(2).stderr_has("git orchestra pr -h lists the options");
    repo.orchestra(["review", "--pr", "x"])
        .exits(2)
        .stderr_has("not a pull request number: 'x'")
        .stderr_has("git orchestra pr lists them");
}

#[test]
fn what_to_type_next_is_said_without_a_usable_remote() {
    let world = world();
    let repo = world.repo();
    let refused = |said: &str, next: &str| repo.orchestra(["pr"]).exits(3).stderr_has(said).stderr_has(next);
    refused("no remote to publish work on", "git remote add origin URL");
    for name in ["one", "two"] {
        repo.git(["remote", "add", name, &format!("https://{name}.example/team/app.git")]).succeeded();
    }
    refused("several remotes", "git orchestra pr AGENT --remote NAME");
    repo.git(["remote", "remove", "two"]).succeeded();
    repo.git(["remote", "set-url", "one", "http://one.example/team/app.git"]).succeeded();
    refused("the remote uses http://one.example", "https://");
    repo.git(["remote", "set-url", "one", "../app.git"]).succeeded();
    refused("is not a repository on a forge", "git remote get-url --push -- one");
}
