//! Compares sync with plain git that transfers the same objects.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use orchestra::{
    model::{AgentId, Event, Fact, fold},
    store::{Chain, commit, layout},
    sync::consent,
    world::Environment,
};

use crate::{
    anchor::{Row, median_of_turns},
    data::Lab,
};

pub(crate) const SAME: &str = "refs/orchestra/*:refs/orchestra/*";
/// The number of agents, and of events that each gets in a turn.
const AGENTS: usize = 100;
const EVENTS: usize = 10;

pub(crate) fn sync(lab: &Lab, turns: usize, show: &mut impl FnMut(Row)) {
    let ours = Pair::new(lab, "ours");
    let plain = Pair::new(lab, "plain");
    ours.sync_both(lab);
    plain.plain_both(lab);
    let mut idle = || lab.run(&mut lab.ours("git-orchestra-sync"), &ours.near);
    let fetch = ["fetch", "-q", "origin", "+refs/orchestra/*:refs/orchestra-local/remotes/origin/*"];
    let mut anchor = || lab.run(lab.git().args(fetch), &plain.near);
    let (idle, git) = median_of_turns(turns, &mut idle, &mut anchor);
    show(Row::new(&format!("sync with nothing new, {AGENTS} agents"), idle, git, 1.5));
    let lives = |pair: &Pair| AgentHistories::read(&pair.near);
    let (mut of_ours, mut of_plain) = (lives(&ours), lives(&plain));
    let mut moving = || {
        of_ours.append_events(lab, &ours.near);
        ours.sync_both(lab)
    };
    let mut anchor = || {
        of_plain.append_events(lab, &plain.near);
        plain.plain_both(lab)
    };
    let (moved, git) = median_of_turns((turns / 6).max(3), &mut moving, &mut anchor);
    show(Row::new(&format!("{} new events, there and back", AGENTS * EVENTS), moved, git, 1.5));
}

/// Two clones and their hub.
struct Pair {
    near: PathBuf,
    far: PathBuf,
}

impl Pair {
    fn new(lab: &Lab, name: &str) -> Self {
        let near = lab.repo(&format!("near-{name}"), AGENTS);
        let (hub, far) =
            (near.with_file_name(format!("hub-{name}")), near.with_file_name(format!("far-{name}")));
        let text = |path: &Path| path.to_string_lossy().into_owned();
        lab.run(lab.git().args(["init", "-q", "--bare", &text(&hub)]), &near);
        lab.run(lab.git().args(["remote", "add", "origin", &text(&hub)]), &near);
        lab.run(lab.git().args(["push", "-q", "origin", "main"]), &near);
        lab.run(lab.git().args(["clone", "-q", &text(&hub), &text(&far)]), &near);
        agree(&near, &hub);
        agree(&far, &hub);
        Self { near, far }
    }

    fn sync_both(&self, lab: &Lab) -> Duration {
        let sync = |at: &Path| lab.run(&mut lab.ours("git-orchestra-sync"), at);
        sync(&self.near) + sync(&self.far)
    }

    fn plain_both(&self, lab: &Lab) -> Duration {
        lab.run(lab.git().args(["push", "-q", "origin", SAME]), &self.near)
            + lab.run(lab.git().args(["fetch", "-q", "origin", SAME]), &self.far)
    }
}

/// Records that the user of a clone agrees to send everything to the hub.
pub(crate) fn agree(clone: &Path, hub: &Path) {
    let repo =
        orchestra::git::Repo::discover(&Environment::of_this_process().at(clone)).expect("a repository");
    let given = consent::GrantedConsent { own_work: true };
    consent::grant(&repo, &[hub.to_string_lossy().into_owned()], given).expect("the user agrees");
}

/// The events of all agents, so that more can be added quickly.
struct AgentHistories(Vec<(AgentId, Vec<Event>)>);

impl AgentHistories {
    fn read(path: &Path) -> Self {
        let repo =
            orchestra::git::Repo::discover(&Environment::of_this_process().at(path)).expect("a repository");
        let refs = repo.refs_below(layout::AGENTS).expect("refs");
        let read = |(name, tip): (String, _)| {
            let id = AgentId::parse(&name[layout::AGENTS.len()..]).expect("an id");
            (id, Chain::read(&repo, &[tip]).expect("a chain").events)
        };
        Self(refs.into_iter().map(read).collect())
    }

    /// Adds events to each agent, with `git fast-import`.
    fn append_events(&mut self, lab: &Lab, path: &Path) {
        let mut stream = String::new();
        for (id, events) in &mut self.0 {
            let name = layout::agent_ref(id);
            for nth in 0..EVENTS {
                let before = fold::fold(&*events).agent;
                let fact = Fact::Stop { reason: Some(format!("{nth}")) };
                let time = "2026-11-21T01:00:00Z".parse().expect("a time");
                let event = Event::new(&fact, before.lamport + 1, time, &before.writer).expect("an event");
                events.push(event);
                let (after, new) = (fold::fold(&*events).agent, &events[events.len() - 1..]);
                let message = commit::message(id, Some(&before), new, &after, &before.writer);
                let _ = write!(stream, "commit {name}\ncommitter W <w@example.com> 1795222800 +0000\n");
                let _ = write!(stream, "data {}\n{message}\n", message.len());
                if nth == 0 {
                    let _ = writeln!(stream, "from {name}^0");
                }
            }
        }
        let mut command = lab.git();
        command.current_dir(path).args(["fast-import", "--quiet"]).stdin(Stdio::piped());
        let mut import = command.spawn().expect("git fast-import");
        import.stdin.take().expect("a pipe").write_all(stream.as_bytes()).expect("written");
        assert!(import.wait().expect("an end").success());
    }
}
