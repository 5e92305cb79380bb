//! `plan`: from a list of tasks to a plan, and what is wrong in one.

use std::fs;

use testkit::TestRepo;

use crate::world;

const TODO: &str = "\
# Limits

- [ ] Add a token bucket
      Per user.
- [ ] Use it in every handler (after: add-token-bucket)
- [ ] Write the page
";

fn repo_with<'world>(world: &'world testkit::World, file: &str) -> TestRepo<'world> {
    let repo = world.repo();
    repo.write("TODO.md", file);
    repo
}

#[test]
fn a_list_becomes_a_plan_that_is_shown_by_levels() {
    let world = world();
    let repo = repo_with(&world, TODO);
    let ran = repo.orchestra(["plan", "--from-todo", "TODO.md", "-o", "plan.md"]).succeeded();
    assert_eq!(ran.stderr(), "wrote 3 tasks to 'plan.md'\nhint: git orchestra plan --graph plan.md\n");
    let plan = fs::read_to_string(repo.path().join("plan.md")).expect("a plan");
    assert!(plan.contains("- [ ] `add-token-bucket` Add a token bucket\n      Per user.\n"), "{plan}");
    let graph = repo.orchestra(["plan", "--graph", "plan.md"]).succeeded().stdout();
    assert_eq!(
        graph,
        "LEVEL  TASK              AFTER             TITLE\n    1  add-token-bucket  -                 Add a token bucket\n    \
             1  write-page        -                 Write the page\n    2  use-handler       add-token-bucket  Use it in every handler\n"
    );
    assert_eq!(
        repo.orchestra(["plan", "--check", "plan.md"]).succeeded().line(),
        "3 tasks, 0 done; 2 levels"
    );
    // Standard input, and the plan on standard output.
    let piped = repo.orchestra(["plan", "plan.md"]).succeeded().stdout();
    assert_eq!(piped, plan);
}

#[test]
fn flaws_are_named_with_their_lines_and_nothing_is_written() {
    let world = world();
    let repo = repo_with(&world, "- `a` One (after: b)\n- `b` Two (after: a)\n- `a` Three (after: oen)\n");
    let ran = repo.orchestra(["plan", "TODO.md", "-o", "plan.md"]).exits(2);
    assert_eq!(
        ran.stderr(),
        "TODO.md:1: in a circle, each after the next: 'a', 'b', 'a'\n\
         TODO.md:3: the id 'a' is used twice: also on line 1\n\
         TODO.md:3: 'a' comes after 'oen', which does not exist\n"
    );
    assert!(!repo.path().join("plan.md").exists());
    let report = repo.orchestra(["plan", "--json", "TODO.md"]).exits(2).json();
    assert_eq!(report["flaws"].as_array().map(Vec::len), Some(3));
}

#[test]
fn no_file_is_replaced_unasked() {
    let world = world();
    let repo = repo_with(&world, TODO);
    repo.write("plan.md", "mine");
    repo.orchestra(["plan", "TODO.md", "-o", "plan.md"]).exits(3).stderr_has("'plan.md' exists");
    assert_eq!(fs::read_to_string(repo.path().join("plan.md")).expect("a file"), "mine");
    repo.orchestra(["plan", "TODO.md", "-o", "plan.md", "--force"]).succeeded();
    repo.orchestra(["plan", "TODO.md", "-o", "TODO.md"]).succeeded();
    let both = ["TODO.md", "plan.md"].map(|name| fs::read_to_string(repo.path().join(name)).expect("a file"));
    assert_eq!(both[0], both[1]);
    repo.orchestra(["plan", "none.md"]).exits(3).stderr_has("cannot read tasks from 'none.md'");
    repo.write("bytes", "{");
    repo.orchestra(["plan", "bytes"]).exits(2).stderr_has("JSON of no known format");
}
