//! The clock of the wall is set forward and back, between two events and during the life of a supervisor, over months and over the
//! change to summer time: orders, ages, and limits stay sane. Only our programs and git see that clock, files have the real times.

use std::{fs, process::Command, time::Instant};

use testkit::{Aim, Mode, Ran, State, TestRepo, World, until};

use crate::{
    Job, Suite, checks, lab,
    table::{Column, Finding},
};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// The longest time that anything takes which ends by itself after seconds.
const SOON: u64 = 45;
/// The longest time that an attempt can have run: this suite takes less.
const LONGEST: i64 = 900;

/// A world with a clock.
struct Place<'a> {
    world: &'a World,
    repo: TestRepo<'a>,
    state: State<'a>,
    zone: &'static str,
}

type Scenario = fn(&Place<'_>) -> Vec<Finding>;
const SCENARIOS: &[(&str, Scenario)] = &[
    ("back between two events", back_between_events),
    ("an agent from the future", from_the_future),
    ("forward during a life", forward_during_life),
    ("back during a life", back_during_life),
    ("forward while idle", forward_while_idle),
    ("back at a limit", back_at_a_limit),
    ("months after a cleanup", months_after_cleanup),
    ("back before a cleanup", back_before_cleanup),
    ("back while queued", back_while_queued),
    ("end of summer time", end_of_summer_time),
    ("begin of summer time", begin_of_summer_time),
    ("stopped long after it was killed", stopped_long_after),
];

pub(crate) fn jobs<'a>(suite: &'a Suite<'_>) -> Vec<Job<'a>> {
    let chosen =
        SCENARIOS.iter().enumerate().filter(|(n, _)| suite.only().is_none_or(|only| only == *n as u64));
    let job = |(number, (name, scenario)): (usize, &'a (&str, Scenario))| {
        Job::new(format!("clock: {name}"), move || {
            let zone = if name.contains("summer") { "Europe/Berlin" } else { "UTC" };
            let world = World::new(&lab::bins());
            let repo = world.repo();
            repo.git(["config", "orchestra.grace", "1s"]);
            let state = suite.injector.state(&format!("clock-{number}"));
            state.reset(Mode::Count, 0);
            let place = Place { world: &world, repo, state, zone };
            let mut found = scenario(&place);
            let _ = place.repo.orchestra(["stop", "--all"]);
            checks::agents(&place.repo, &mut found);
            let found: Vec<Finding> =
                found.into_iter().map(|one| one.column.says(format!("{name}: {one}"))).collect();
            suite.table.add("the clock jumps", &format!("clocks {number}"), &found);
        })
    };
    chosen.map(job).collect()
}

impl Place<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.repo.orchestra_command(arguments);
        self.state.apply_to(&mut command, self.world.dir(), Aim::default());
        command.env("TZ", self.zone);
        command
    }

    /// Runs a command while the clock is that far ahead.
    fn at(&self, ahead: i64, arguments: &[&str]) -> Ran {
        self.state.set_clock_ahead(ahead);
        Ran::of(&mut self.command(arguments))
    }

    fn spawn(&self, ahead: i64, options: &[&str], script: &str) -> String {
        let name = format!("c{}", self.repo.agents().len());
        let arguments = [&["spawn", "--agent", "sh", "--name", &name], options, &["--", script]].concat();
        self.at(ahead, &arguments).succeeded();
        let id = self.repo.agent(&format!("{name}-"))["id"].as_str().expect("an id").to_owned();
        if options.contains(&"-d") {
            until("it writes", || {
                let worktree = self.repo.agent(&id)["worktree"].as_str().unwrap_or_default().to_owned();
                fs::exists(format!("{worktree}/w")).is_ok_and(|there| there).then_some(())
            });
        }
        id
    }

    /// Checks what is shown at a time of the clock: nothing is negative, and nothing lasted longer than this suite, however far the clock
    /// jumped meanwhile.
    fn is_sane(&self, ahead: i64, wrong: &mut Vec<Finding>) {
        let shown = self.at(ahead, &["status", "--all", "--json"]);
        wrong.extend(Column::Stuck.unless(shown.code() == 0, || format!("status: {}", shown.stderr())));
        for agent in shown.json()["agents"].as_array().into_iter().flatten() {
            let ran = agent["ran_seconds"].as_i64().unwrap_or(0);
            wrong.extend(
                Column::Untrue.unless((0..LONGEST).contains(&ran), || format!("it ran for {ran} seconds")),
            );
        }
        for arguments in
            [&["status", "--all"][..], &["worktrees"], &["undo", "--list"], &["status", "--since", "8h"]]
        {
            let ran = self.at(ahead, arguments);
            let text = ran.stdout();
            let negative = text.split_whitespace().find(|word| {
                word.strip_prefix('-').is_some_and(|rest| {
                    rest.starts_with(|c: char| c.is_ascii_digit()) && rest.ends_with(['s', 'm', 'h', 'd'])
                })
            });
            wrong.extend(
                negative.map(|word| Column::Untrue.says(format!("{arguments:?} shows {word}: {text}"))),
            );
            wrong.extend(Column::Stuck.unless([0, 3].contains(&ran.code()), || ran.stderr()));
        }
    }

    /// Waits until an agent has ended, but no longer than it may take.
    fn ends_soon(&self, id: &str, wrong: &mut Vec<Finding>) -> serde_json::Value {
        let begun = Instant::now();
        loop {
            let agent = self.repo.agent(id);
            if agent["liveness"] == "ended" && agent["limit"].is_null() {
                return agent;
            }
            if begun.elapsed().as_secs() > SOON {
                wrong.push(Column::Stuck.says(format!("it has not ended after {SOON} s: {agent}")));
                return agent;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}

fn is_phase(agent: &serde_json::Value, phase: &str) -> Option<Finding> {
    Column::Untrue.unless(agent["phase"] == phase, || {
        format!("it is {}, not {phase}: {}", agent["phase"], agent["reason"])
    })
}

fn back_between_events(place: &Place<'_>) -> Vec<Finding> {
    let mut wrong = Vec::new();
    let id = place.spawn(2 * HOUR, &[], "echo 1 > w");
    place.at(-2 * HOUR, &["review", &id, "--reject", "-m", "first"]);
    place.at(-5 * HOUR, &["review", &id, "--approve"]).succeeded();
    let agent = place.repo.agent(&id);
    wrong.extend(
        Column::Untrue.unless(agent["verdict"] == "approve", || format!("verdict {}", agent["verdict"])),
    );
    wrong.extend(is_phase(&agent, "done"));
    let order: Vec<i64> = place.repo.events(&id).iter().filter_map(|event| event["l"].as_i64()).collect();
    wrong.extend(Column::Untrue.unless(order.is_sorted(), || format!("the order is {order:?}")));
    for ahead in [-6 * HOUR, 0, 3 * HOUR] {
        place.is_sane(ahead, &mut wrong);
    }
    let landed = place.at(-7 * HOUR, &["merge-ranked"]);
    wrong.extend(Column::Stuck.unless(landed.code() == 0, || landed.stderr()));
    let undone = place.at(-8 * HOUR, &["undo"]);
    wrong
        .extend(Column::Untrue.unless(!place.repo.has("main", "w"), || format!("undo: {}", undone.stdout())));
    wrong
}

fn from_the_future(place: &Place<'_>) -> Vec<Finding> {
    let mut wrong = Vec::new();
    let id = place.spawn(400 * DAY, &[], "echo 1 > w");
    place.is_sane(0, &mut wrong);
    let later = place.spawn(0, &[], "echo 2 > v");
    place.is_sane(0, &mut wrong);
    wrong.extend(Column::Doubled.unless(id != later, || "one agent for two tasks".to_owned()));
    let landed = place.at(0, &["merge-ranked"]);
    wrong.extend(Column::Stuck.unless(landed.code() == 0, || landed.stderr()));
    let cleaned = place.at(0, &["cleanup"]);
    wrong.extend(Column::Stuck.unless(cleaned.code() == 0, || cleaned.stderr()));
    let undone = place.at(0, &["undo"]);
    wrong
        .extend(Column::Lost.unless(place.repo.agents().len() == 2, || format!("undo: {}", undone.stderr())));
    wrong
}

/// An agent that ends two seconds after its file `go` is there.
const ENDS: &str = "echo 1 > w; while [ ! -e go ]; do sleep 0.1; done; sleep 2; rm go";

fn forward_during_life(place: &Place<'_>) -> Vec<Finding> {
    let mut wrong = Vec::new();
    let id = place.spawn(0, &["-d", "--max-time", "1h", "--idle-timeout", "1h"], ENDS);
    place.state.set_clock_ahead(6 * HOUR);
    fs::write(place.repo.worktree(&id).join("go"), "").expect("a file");
    let agent = place.ends_soon(&id, &mut wrong);
    wrong.extend(is_phase(&agent, "done"));
    place.is_sane(6 * HOUR, &mut wrong);
    wrong
}

fn back_during_life(place: &Place<'_>) -> Vec<Finding> {
    let mut wrong = Vec::new();
    let id = place.spawn(0, &["-d", "--max-time", "3s"], "echo 1 > w; exec sleep 300");
    place.state.set_clock_ahead(-6 * HOUR);
    let agent = place.ends_soon(&id, &mut wrong);
    wrong.extend(
        Column::Untrue.unless(agent["phase"] != "done", || "a time limit ended it, and it is done".into()),
    );
    place.is_sane(-6 * HOUR, &mut wrong);
    wrong
}

fn stopped_long_after(place: &Place<'_>) -> Vec<Finding> {
    let mut wrong = Vec::new();
    let id = place.spawn(0, &["-d"], "echo 1 > w; exec sleep 300");
    let agent = place.repo.agent(&id);
    for pid in [&agent["supervisor_pid"], &agent["pid"]] {
        let killed = Command::new("kill").args(["-9", &pid.to_string()]).output().expect("kill");
        wrong.extend(Column::Stuck.unless(killed.status.success(), || format!("no process {pid}: {agent}")));
    }
    until("nothing of it runs", || {
        let agent = place.repo.agent(&id);
        (agent["liveness"] == "lost" && agent["orphans"] == serde_json::json!([])).then_some(())
    });
    let stopped = place.at(6 * HOUR, &["stop", &id]);
    wrong.extend(Column::Stuck.unless(stopped.code() == 0, || stopped.stderr()));
    wrong.extend(is_phase(&place.repo.agent(&id), "stopped"));
    place.is_sane(6 * HOUR, &mut wrong);
    wrong
}

fn forward_while_idle(place: &Place<'_>) -> Vec<Finding> {
    let mut wrong = Vec::new();
    let id = place.spawn(0, &["-d", "--idle-timeout", "20s"], ENDS);
    place.state.set_clock_ahead(DAY);
    fs::write(place.repo.worktree(&id).join("go"), "").expect("a file");
    let agent = place.ends_soon(&id, &mut wrong);
    wrong.extend(is_phase(&agent, "done"));
    wrong
}

fn back_at_a_limit(place: &Place<'_>) -> Vec<Finding> {
    let mut wrong = Vec::new();
    let program = place.world.bins().join("fake-claude");
    place.repo.git(["config", "orchestra.agent.claude.program", &program.to_string_lossy()]);
    place.repo.git(["config", "orchestra.offerAllow", "false"]);
    let task = "write w 1\nlimit 3 unless again\nwrite again 1";
    place.at(0, &["spawn", "--agent", "claude", "-d", "--name", "limited", task]).succeeded();
    let id = place.repo.agents()[0]["id"].as_str().expect("an id").to_owned();
    until("it waits for the limit", || (!place.repo.agent(&id)["limit"].is_null()).then_some(()));
    fs::write(place.repo.worktree(&id).join("again"), "").expect("a file");
    place.state.set_clock_ahead(-6 * HOUR);
    place.is_sane(-6 * HOUR, &mut wrong);
    // By that clock the limit holds for hours; a person may know better.
    let waits = place.repo.agent(&id);
    wrong.extend(
        Column::Untrue.unless(waits["limit"].is_object(), || format!("it does not say why: {waits}")),
    );
    let resumed = place.at(-6 * HOUR, &["resume", &id]);
    wrong.extend(Column::Stuck.unless(resumed.code() == 0, || resumed.stderr()));
    wrong.extend(is_phase(&place.repo.agent(&id), "done"));
    wrong
}

fn landed_and_cleaned(place: &Place<'_>, ahead: i64) {
    place.spawn(ahead, &[], "echo 1 > w");
    place.at(ahead, &["merge-ranked"]).succeeded();
    place.at(ahead, &["cleanup"]).succeeded();
    let gone = place.repo.agents().is_empty();
    assert!(gone, "it was cleaned up");
}

fn is_back(place: &Place<'_>, ahead: i64) -> Vec<Finding> {
    let undone = place.at(ahead, &["undo"]);
    let agents = place.repo.agents();
    let is_back = agents
        .iter()
        .any(|agent| place.repo.worktree(agent["id"].as_str().expect("an id")).join("w").exists());
    Column::Lost
        .unless(is_back, || format!("undo: {}{}", undone.stdout(), undone.stderr()))
        .into_iter()
        .collect()
}

fn months_after_cleanup(place: &Place<'_>) -> Vec<Finding> {
    landed_and_cleaned(place, 0);
    // The clock is wrong once; the trash is kept for 30 days of use.
    let _ = place.at(200 * DAY, &["status"]);
    let _ = place.at(200 * DAY, &["cleanup"]);
    is_back(place, 0)
}

fn back_before_cleanup(place: &Place<'_>) -> Vec<Finding> {
    let _ = place.at(0, &["status"]);
    landed_and_cleaned(place, -200 * DAY);
    let _ = place.at(0, &["cleanup"]);
    let _ = place.at(0, &["status"]);
    is_back(place, 0)
}

fn back_while_queued(place: &Place<'_>) -> Vec<Finding> {
    let mut wrong = Vec::new();
    let id = place.spawn(0, &["-d", "-j", "1"], ENDS);
    place
        .at(-HOUR, &["spawn", "--agent", "sh", "-d", "-j", "1", "--name", "second", "--", "echo 2 > w"])
        .succeeded();
    place.state.set_clock_ahead(-9 * HOUR);
    place.is_sane(-9 * HOUR, &mut wrong);
    fs::write(place.repo.worktree(&id).join("go"), "").expect("a file");
    let agent = place.ends_soon(&id, &mut wrong);
    wrong.extend(is_phase(&agent, "done"));
    let agent = place.ends_soon("second", &mut wrong);
    wrong.extend(is_phase(&agent, "done"));
    wrong
}

/// Runs over a moment at which the local time jumps: half a minute before it, and half a minute after it.
fn over(place: &Place<'_>, moment: i64) -> Vec<Finding> {
    let mut wrong = Vec::new();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time");
    let ahead = moment - i64::try_from(now.as_secs()).expect("a time") - 30;
    let id = place.spawn(ahead, &["-d", "--max-time", "30m"], ENDS);
    place.is_sane(ahead, &mut wrong);
    place.state.set_clock_ahead(ahead + 60);
    fs::write(place.repo.worktree(&id).join("go"), "").expect("a file");
    let agent = place.ends_soon(&id, &mut wrong);
    wrong.extend(is_phase(&agent, "done"));
    place.is_sane(ahead + 60, &mut wrong);
    let since = place.at(ahead + 90, &["status", "--since", "10m"]).succeeded().stdout();
    wrong.extend(
        Column::Untrue.unless(since.contains(&id), || format!("--since 10m does not show it: {since}")),
    );
    let times = place.at(ahead + 90, &["logs", "--times", &id]);
    wrong.extend(Column::Stuck.unless(times.code() == 0, || times.stderr()));
    wrong
}

fn end_of_summer_time(place: &Place<'_>) -> Vec<Finding> {
    // 2026-10-25T01:00:00Z
    over(place, 1_792_890_000)
}

fn begin_of_summer_time(place: &Place<'_>) -> Vec<Finding> {
    // 2027-03-28T01:00:00Z
    over(place, 1_806_195_600)
}
