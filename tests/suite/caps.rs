//! Caps on money and tokens, as far as no program is needed that reports what it uses.

use crate::world;

#[test]
fn a_program_that_reports_nothing_is_said_to_have_no_cap() {
    let world = world();
    let repo = world.repo();
    let spawn = |options: &[&str]| {
        repo.orchestra(
            [&["spawn", "--detach", "--agent", "sh", "--again"], options, &["--", "true"]].concat(),
        )
    };
    let none = "agent 'sh' does not report what it uses: it has no cap";
    // It is not held by a cap either.
    let first = spawn(&["--max-cost", "5"]).succeeded().stderr_has(none);
    assert_eq!(repo.end_of(&first.line())["phase"], "done");
    repo.git(["config", "orchestra.maxDayTokens", "500k"]);
    let second = spawn(&[]).succeeded().stderr_has(none);
    assert_eq!(repo.end_of(&second.line())["phase"], "done");
    let status = repo.orchestra(["status"]).succeeded();
    assert!(status.stdout().contains("caps: today 0 of 500000 tokens"), "{}", status.stdout());
}

#[test]
fn a_cap_that_is_none_is_refused() {
    let world = world();
    let repo = world.repo();
    let spawn =
        |options: &[&str]| repo.orchestra([&["spawn", "--agent", "sh"], options, &["--", "true"]].concat());
    spawn(&["--max-tokens", "0"]).exits(2).stderr_has("expected a number such as 500000, 500k or 2m");
    spawn(&["--max-cost", "-1"]).exits(2);
    repo.git(["config", "orchestra.maxRunCost", "much"]);
    spawn(&[]).exits(3).stderr_has("orchestra.maxRunCost").stderr_has("not an amount of US dollars");
}

#[test]
fn doctor_names_models_without_a_price_if_there_is_a_cap_on_money() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.agent.api.model", "large-1.5"]);
    let said = || repo.orchestra(["doctor"]).stdout();
    assert!(!said().contains("has no price"));
    repo.git(["config", "orchestra.maxDayCost", "20"]);
    assert!(
        said().contains("'large-1.5' has no price") && said().contains("orchestra.price.large-1-5 3/15"),
        "{}",
        said()
    );
    repo.git(["config", "orchestra.price.large-1-5", "3/15"]);
    assert!(!said().contains("has no price"));
}
