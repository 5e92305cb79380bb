//! Compares the first sync of many agents with plain git that transfers the same refs by pattern.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    anchor::{Row, median_of_turns},
    data::Lab,
    sync::{SAME, agree},
};

const TRACKED: &str = "+refs/orchestra/*:refs/orchestra-local/remotes/origin/*";
/// The files that cost only time if they are lost.
const CACHES: [&str; 4] = ["cache", "scanned", "sound-trees", "refused"];

pub(crate) fn sync_fleet(lab: &Lab, short: bool, show: &mut impl FnMut(Row)) {
    let (sizes, cloned, turns): (&[usize], usize, usize) =
        if short { (&[300, 1_200], 300, 1) } else { (&[500, 1_000, 4_000], 2_000, 3) };
    let firsts: Vec<Duration> = sizes.iter().map(|agents| first_sync(lab, *agents, turns, show)).collect();
    if let ([few, ..], [.., many]) = (sizes, sizes)
        && let ([quick, ..], [.., slow]) = (firsts.as_slice(), firsts.as_slice())
    {
        #[expect(clippy::cast_precision_loss, reason = "few")]
        let growth = (*many as f64 / *few as f64).powf(1.1);
        show(Row::new(&format!("first sync, {many} to {few} agents"), *slow, *quick, growth));
    }
    clones(lab, cloned, turns, show);
}

/// Measures the first sync, and returns its time.
fn first_sync(lab: &Lab, agents: usize, turns: usize, show: &mut impl FnMut(Row)) -> Duration {
    let fleet = Fleet::new(lab, "first", agents);
    let mut ours = || {
        fleet.reset(lab);
        lab.run(&mut lab.ours("git-orchestra-sync"), &fleet.near)
    };
    let mut anchor = || {
        fleet.reset(lab);
        lab.run(lab.git().args(["push", "-q", "origin", SAME]), &fleet.near)
    };
    let (ours, git) = median_of_turns(turns, &mut ours, &mut anchor);
    assert_eq!(lab.refs(&fleet.hub, "refs/orchestra"), 2 * agents);
    show(Row::new(&format!("first sync of {agents} agents"), ours, git, 1.5));
    ours
}

/// Measures syncs of a clone of a hub that has many agents.
fn clones(lab: &Lab, agents: usize, turns: usize, show: &mut impl FnMut(Row)) {
    let fleet = Fleet::new(lab, "cloned", agents);
    fleet.reset(lab);
    lab.run(&mut lab.ours("git-orchestra-sync"), &fleet.near);
    let far = fleet.near.with_file_name("fleet-far");
    let clone = || {
        let _ = fs::remove_dir_all(&far);
        lab.run(lab.git().args(["clone", "-q"]).args([&fleet.hub, &far]), &fleet.near)
    };
    let mut ours = || {
        let cloned = clone();
        agree(&far, &fleet.hub);
        cloned + lab.run(&mut lab.ours("git-orchestra-sync"), &far)
    };
    let mut anchor = || clone() + lab.run(lab.git().args(["fetch", "-q", "origin", TRACKED]), &far);
    let (first, git) = median_of_turns(turns, &mut ours, &mut anchor);
    show(Row::new(&format!("clone and first sync, {agents} agents"), first, git, 1.5));
    // The clone of the last turn is that of plain git, and has the tracking refs only.
    agree(&far, &fleet.hub);
    lab.run(&mut lab.ours("git-orchestra-sync"), &far);
    let mut fetch = || lab.run(lab.git().args(["fetch", "-q", "origin", TRACKED]), &far);
    let mut nothing = || lab.run(&mut lab.ours("git-orchestra-sync"), &far);
    let (idle, git) = median_of_turns(turns * 3, &mut nothing, &mut fetch);
    show(Row::new(&format!("sync with nothing new, {agents} agents"), idle, git, 1.5));
    let mut lost = || {
        for cache in CACHES {
            let _ = fs::remove_file(far.join(".git/orchestra").join(cache));
        }
        lab.run(&mut lab.ours("git-orchestra-sync"), &far)
    };
    let (lost, git) = median_of_turns(turns * 3, &mut lost, &mut fetch);
    show(Row::new(&format!("sync after lost caches, {agents} agents"), lost, git, 1.5));
}

/// A clone with many agents, and an empty hub.
struct Fleet {
    near: PathBuf,
    hub: PathBuf,
    /// What the clone is before each turn.
    template: PathBuf,
}

impl Fleet {
    fn new(lab: &Lab, name: &str, agents: usize) -> Self {
        let near = lab.repo(&format!("{name}-{agents}"), agents);
        lab.give_heads(&near);
        let beside = |what: &str| near.with_file_name(format!("{what}-{name}-{agents}"));
        let (hub, template) = (beside("hub"), beside("template"));
        lab.run(lab.git().args(["remote", "add", "origin"]).arg(&hub), &near);
        agree(&near, &hub);
        fs::rename(&near, &template).expect("moved");
        Self { near, hub, template }
    }

    fn reset(&self, lab: &Lab) {
        let remove = |folder: &Path| {
            let _ = fs::remove_dir_all(folder);
        };
        remove(&self.near);
        remove(&self.hub);
        let folder = self.template.parent().expect("a folder");
        lab.run(lab.command("cp").arg("-r").args([&self.template, &self.near]), folder);
        lab.run(lab.git().args(["init", "-q", "--bare"]).arg(&self.hub), folder);
        lab.run(lab.git().args(["push", "-q", "origin", "main"]), &self.near);
    }
}
