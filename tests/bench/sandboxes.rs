//! Compares an agent in a sandbox, from its spawn to its end, with one without a sandbox.

use orchestra::{
    model::{SandboxEngine, SandboxLevel},
    sandbox,
    world::Environment,
};

use crate::{
    anchor::{Row, median_of_turns},
    data::Lab,
};

/// The levels, what enforces each, and how many times as long as without one it may take.
const LEVELS: [(SandboxLevel, SandboxEngine, f64); 3] = [
    (SandboxLevel::Files, SandboxEngine::Bubblewrap, 3.0),
    (SandboxLevel::Files, SandboxEngine::Landlock, 2.0),
    (SandboxLevel::Net, SandboxEngine::Bubblewrap, 4.0),
];

pub(crate) fn rows(lab: &Lab, short: bool, show: &mut impl FnMut(Row)) {
    let repo = lab.repo("sandboxes", 1);
    let environment = Environment::of_this_process();
    let spawn = |level: SandboxLevel| {
        let mut command = lab.ours("git-orchestra-spawn");
        command.args(["--agent", "sh", "--json", "--again", "--sandbox", &level.to_string(), "true"]);
        lab.run(&mut command, &repo)
    };
    for (level, engine, most) in LEVELS {
        if sandbox::trial(&environment, level, engine).is_err() {
            println!("skipped: {level} by {engine}");
            continue;
        }
        lab.run(lab.git().args(["config", "orchestra.sandboxEngine", &engine.to_string()]), &repo);
        let turns = if short { 3 } else { 9 };
        let (ours, none) = median_of_turns(turns, &mut || spawn(level), &mut || spawn(SandboxLevel::None));
        show(Row::new(&format!("an agent in the sandbox {level} by {engine}, to none"), ours, none, most));
    }
}
