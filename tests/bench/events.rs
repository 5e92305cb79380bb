//! Long lives: one more event, a verdict, output of a hundred megabytes, and a diff of thousands of files.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use orchestra::{
    git::Repo,
    model::{
        AgentId, Event, Fact, Phase,
        event::{Created, Finished, Message, PhaseChange, WorkStat},
        fold::Fold,
        subject::Folded as _,
    },
    store::{append, commit, layout},
    world::Environment,
};
use testkit::Ran;

use crate::{
    anchor::{Row, median_of_turns},
    data::Lab,
};

/// The number of files in the diff.
const FILES: usize = 2_000;

pub(crate) fn rows(lab: &Lab, short: bool, show: &mut impl FnMut(Row)) {
    let turns = if short { 9 } else { 31 };
    let life = |events| Life::new(lab, &format!("life-{events}"), events, 1);
    let (first, long) = (life(10), [life(1_000), life(5_000)]);
    for one in &long {
        let (ours, anchor) = median_of_turns(turns, &mut || one.append(), &mut || first.append());
        show(Row::new(&format!("one event after {} events, to one after 10", one.events), ours, anchor, 1.2));
    }
    let (ours, anchor) = median_of_turns(turns / 3, &mut || long[1].approve(lab), &mut || first.approve(lab));
    show(Row::new("review --approve after 5,000 events, to 10", ours, anchor, 1.2));
    let bytes = if short { 20 << 20 } else { 100 << 20 };
    first.store_output(lab, bytes);
    let blob = format!("{}:1.out", layout::log_ref(&first.id));
    let mut cat = || lab.run(lab.git().args(["cat-file", "blob", &blob]), &first.path);
    for (options, goal) in [(&[][..], 2.0), (&["--raw"], 1.2)] {
        let mut logs = || lab.run(lab.ours("git-orchestra-logs").args(options).arg(&*first.id), &first.path);
        let (ours, git) = median_of_turns(turns / 3, &mut logs, &mut cat);
        let what = format!("logs of {} MiB {}", bytes >> 20, options.concat());
        show(Row::new(what.trim_end(), ours, git, goal));
    }
    let wide = Life::new(lab, "wide", 10, FILES);
    let mut diff = || lab.run(lab.ours("git-orchestra-diff").args(["--committed", &wide.id]), &wide.path);
    let mut git = || lab.run(lab.git().args(["diff", "main", &layout::head_ref(&wide.id)]), &wide.path);
    let (ours, git) = median_of_turns(turns / 3, &mut diff, &mut git);
    show(Row::new(&format!("a diff of {FILES} files"), ours, git, 1.2));
}

/// An ended agent with a number of events.
struct Life {
    path: PathBuf,
    id: AgentId,
    events: usize,
}

impl Life {
    /// Creates a repository with one agent, whose work changes a number of files.
    fn new(lab: &Lab, name: &str, events: usize, files: usize) -> Self {
        let path = lab.repo(name, 0);
        let writer = orchestra::store::writer::writer(&opened(&path)).expect("a writer");
        let id = AgentId::parse("long-life-00000").expect("an id");
        let head = layout::head_ref(&id);
        import(lab, &path, &work(&head, files));
        let commit = |name: &str| opened(&path).find_ref(name).expect("refs").expect("a commit");
        let base = commit("refs/heads/main");
        let created =
            Created { title: name.into(), base: base.into(), branch: "work".into(), ..Created::default() };
        let head = Some(commit(&head).into());
        let ended = Finished {
            head,
            work: WorkStat { commits: 1, files: files as u64, ..WorkStat::default() },
            ..Finished::empty(1, Phase::Done)
        };
        let first = [
            Fact::Created(created),
            Fact::Phase(PhaseChange::new(1, Phase::Starting)),
            Fact::Finished(ended),
        ];
        let message =
            |at: usize| Fact::Send(Message { text: Some(format!("message {at}")), ..Message::default() });
        let facts = first.into_iter().chain((3..events).map(message));
        import(lab, &path, &chain(&id, facts, &writer));
        for arguments in [["pack-refs", "--all"], ["repack", "-adq"]] {
            Ran::of(lab.git().current_dir(&path).args(arguments)).succeeded();
        }
        Self { path, id, events }
    }

    /// Appends one event in this process.
    fn append(&self) -> Duration {
        let begun = Instant::now();
        append(&opened(&self.path), &self.id, &[Fact::Stop { reason: None }]).expect("appended");
        begun.elapsed()
    }

    /// Approves the work, each time with another text, because a repeated verdict is not recorded.
    fn approve(&self, lab: &Lab) -> Duration {
        let text = format!("{:?}", Instant::now());
        lab.run(lab.ours("git-orchestra-review").args([&*self.id, "--approve", "-m", &text]), &self.path)
    }

    /// Stores lines of output as if its first attempt had printed them.
    fn store_output(&self, lab: &Lab, bytes: usize) {
        let line = |at: usize| format!("{at:08}: the output of a program, as most of it is; plain words\n");
        let output: String = (0..bytes / line(0).len()).map(line).collect();
        let mut stream = String::from("blob\nmark :1\n");
        let _ = write!(stream, "data {}\n{output}\n", output.len());
        let _ = writeln!(stream, "commit {}", layout::log_ref(&self.id));
        stream.push_str("committer W <w@example.com> 1795222800 +0000\ndata 0\nM 100644 :1 1.out\n");
        import(lab, &self.path, &stream);
    }
}

fn opened(path: &Path) -> Repo {
    Repo::discover(&Environment::of_this_process().at(path)).expect("a repository")
}

/// Returns a stream of commits with one event each.
fn chain(id: &AgentId, facts: impl Iterator<Item = Fact>, writer: &str) -> String {
    let (mut stream, mut fold) = (String::new(), Fold::default());
    let time = "2026-11-21T01:00:00Z".parse().expect("a time");
    for (lamport, fact) in (1..).zip(facts) {
        let event = Event::new(&fact, lamport, time, writer).expect("an event");
        let before = fold.agent.clone();
        fold.apply(&event);
        let message = commit::message(id, Some(&before), &[event], &fold.agent, writer);
        let head = format!("commit {}\ncommitter W <w@example.com> 1795222800 +0000", layout::agent_ref(id));
        let _ = write!(stream, "{head}\ndata {}\n{message}\n", message.len());
    }
    stream
}

/// Returns a stream of one commit on main that changes files.
fn work(name: &str, files: usize) -> String {
    let lines: String = (0..100).map(|line| format!("line {line}\n")).collect();
    let commit = |name: &str, from: &str, content: &str| {
        let mut stream =
            format!("commit {name}\ncommitter W <w@example.com> 1795222800 +0000\ndata 1\nc\nfrom {from}\n");
        for at in 0..files {
            let _ = write!(stream, "M 100644 inline d{}/f{at}\ndata {}\n{content}\n", at % 50, content.len());
        }
        stream
    };
    let changed = lines.replace("line 50\n", "another line\n");
    let base = commit("refs/heads/main", "refs/heads/main^0", &lines);
    base + &commit(name, "refs/heads/main", &changed)
}

fn import(lab: &Lab, path: &Path, stream: &str) {
    let mut import = lab.git();
    let import = import.current_dir(path).args(["fast-import", "--quiet", "--force"]).stdin(Stdio::piped());
    let mut import = import.spawn().expect("git fast-import");
    import.stdin.take().expect("a pipe").write_all(stream.as_bytes()).expect("written");
    assert!(import.wait().expect("an end").success());
}
