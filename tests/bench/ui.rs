//! The window of `ui`, on a terminal of its own: from a key to the end of its frame, and what it uses while nothing happens.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::Path,
    process::{Child, ChildStdin, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use orchestra::store::layout;

use crate::{
    anchor::{Row, median_of_turns},
    data::{Lab, agent_id},
};

/// The largest resident memory, in MiB.
const MOST_MEMORY: u64 = 24;
/// The longest time from a key to its frame.
const MOST_TIME: Duration = Duration::from_millis(16);
/// The longest processor time of a frame, with what the key changes.
const MOST_WORK: Duration = Duration::from_millis(2);
/// The lines of a diff that loads.
const LINES: usize = 5000;
/// How many agents have such a diff: each is read once.
const READ: usize = 8;
/// How long keys are pressed while one loads: it is waited for until the choice rests.
const LOADING: Duration = Duration::from_millis(600);
/// What ends a frame.
const END: &[u8] = b"\x1b[?2026l";
/// How long nothing happens.
const IDLE: Duration = Duration::from_secs(5);
/// A tick of the kernel's clock, in which it counts the time of programs.
const TICK: Duration = Duration::from_millis(10);

/// A window that runs.
struct Window {
    program: Child,
    input: ChildStdin,
    frames: Receiver<Instant>,
}

impl Window {
    fn open(lab: &Lab, repo: &Path) -> Self {
        let program = lab.small_program("git-orchestra-ui");
        let line = format!("stty rows 40 cols 120; exec '{}' --all", program.get_program().to_string_lossy());
        let mut command = lab.command("script");
        command.args(["-qefc", &line, "/dev/null"]).current_dir(repo);
        let mut program = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a window");
        let (sender, frames) = channel();
        let (input, mut output) =
            (program.stdin.take().expect("keys"), program.stdout.take().expect("frames"));
        std::thread::spawn(move || {
            let (mut seen, mut part) = (Vec::new(), [0; 65536]);
            while let Ok(length @ 1..) = output.read(&mut part) {
                seen.extend_from_slice(&part[..length]);
                while let Some(at) = seen.windows(END.len()).position(|bytes| bytes == END) {
                    seen.drain(..at + END.len());
                    let _ = sender.send(Instant::now());
                }
            }
        });
        Self { program, input, frames }
    }

    /// Waits until no frame comes for a time, and returns how many came.
    fn settle(&self, quiet: Duration) -> usize {
        let mut count = 0;
        while self.frames.recv_timeout(quiet).is_ok() {
            count += 1;
        }
        count
    }

    /// Returns how long a key takes to its frame.
    fn press(&mut self, keys: &str) -> Duration {
        let begun = Instant::now();
        self.input.write_all(keys.as_bytes()).and_then(|()| self.input.flush()).expect("typed");
        self.frames.recv_timeout(Duration::from_secs(10)).expect("a frame").duration_since(begun)
    }

    /// Returns the process of the window: the only child of the program that has the terminal.
    fn process(&self) -> String {
        let pid = self.program.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("a child");
        children.split_whitespace().next().expect("a child").to_owned()
    }

    fn memory(&self, figure: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process())).expect("a status");
        let line = status.lines().find_map(|line| line.strip_prefix(figure)).expect("the memory");
        line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Returns the processor time so far, in ticks of the kernel.
    fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process())).expect("a state");
        let (_, after) = stat.rsplit_once(')').expect("a name");
        let fields: Vec<&str> = after.split_whitespace().collect();
        fields[11].parse::<u64>().expect("a number") + fields[12].parse::<u64>().expect("a number")
    }

    /// Returns the processor time of the thread that draws.
    fn work(&self) -> Duration {
        let pid = self.process();
        let spent = fs::read_to_string(format!("/proc/{pid}/task/{pid}/schedstat")).expect("a schedule");
        Duration::from_nanos(
            spent.split_whitespace().next().and_then(|spent| spent.parse().ok()).expect("a number"),
        )
    }

    /// Returns how long keys take to their frames while a diff loads, the shortest first. The key gives the focus to the other side, so
    /// that the load is not ended.
    fn while_it_loads(&mut self) -> Vec<Duration> {
        self.press("j");
        let begun = Instant::now();
        let mut taken = Vec::new();
        while begun.elapsed() < LOADING {
            // Frames that show what was read are none of this key.
            while self.frames.try_recv().is_ok() {}
            taken.push(self.press("\t"));
            let _ = self.frames.recv_timeout(Duration::from_millis(5));
        }
        if taken.len() % 2 == 1 {
            self.press("\t");
        }
        self.settle(Duration::from_millis(300));
        taken
    }

    fn close(mut self) {
        let _ = self.input.write_all(b"\x1b\x1bq");
        drop(self.input);
        self.program.wait().expect("an end");
    }
}

/// Gives the first agents a diff of many lines.
fn give_work(lab: &Lab, repo: &Path) {
    let text: String = (0..LINES).map(|at| format!("line {at} of a file that an agent wrote\n")).collect();
    fs::write(repo.join("long.txt"), text).expect("a file");
    let run = |arguments: &[&str]| {
        lab.run(lab.git().args(arguments), repo);
    };
    run(&["add", "long.txt"]);
    run(&["commit", "-qm", "many lines"]);
    for id in (0..READ).map(agent_id) {
        run(&["update-ref", &layout::head_ref(&id), "HEAD"]);
    }
    run(&["reset", "-q", "--hard", "HEAD~"]);
}

/// Shows the time from a key to its frame, the memory, and what is used while nothing happens.
pub(crate) fn rows(lab: &Lab, short: bool, show: &mut impl FnMut(Row)) {
    let (agents, turns) = if short { (100, 20) } else { (1000, 60) };
    let repo = lab.repo("ui", agents);
    give_work(lab, &repo);
    let mut window = Window::open(lab, &repo);
    window.settle(Duration::from_secs(3));
    let mut down = true;
    let mut key = || {
        down = !down;
        let taken = window.press(if down { "k" } else { "j" });
        window.settle(Duration::from_millis(300));
        taken
    };
    let (ours, _) = median_of_turns(turns, &mut key, &mut || MOST_TIME);
    show(Row::new(&format!("ui, a key to its frame, {agents} agents"), ours, MOST_TIME, 1.0));
    let mut loading: Vec<Duration> = (0..READ - 2).flat_map(|_| window.while_it_loads()).collect();
    loading.sort_unstable();
    let count = loading.len();
    let what = format!("ui, a key to its frame while {LINES} lines load");
    show(Row::new(&what, loading[count / 2], MOST_TIME, 1.0));
    let what = format!("ui, 99 % of {count} such keys");
    show(Row::new(&what, loading[count * 99 / 100], MOST_TIME, 1.0));
    window.press("m");
    window.settle(Duration::from_millis(500));
    let mut work = || {
        down = !down;
        let before = window.work();
        window.press(if down { "k" } else { "j" });
        let worked = window.work() - before;
        window.settle(Duration::from_millis(50));
        worked
    };
    let (ours, _) = median_of_turns(turns, &mut work, &mut || MOST_WORK);
    show(Row::new(&format!("ui, processor time of a frame, {agents} agents"), ours, MOST_WORK, 1.0));
    let (before, most) = (window.ticks(), Duration::from_millis(MOST_MEMORY));
    let frames = window.settle(IDLE);
    let used = window.ticks() - before;
    let idle = TICK * u32::try_from(used).unwrap_or(u32::MAX);
    show(Row::new("ui, processor time of 5 s in which nothing happens", idle, IDLE / 200, 1.0));
    println!("{frames} frames in 5 s in which nothing happens");
    for (what, figure) in [("resident", "VmHWM"), ("not shared", "RssAnon")] {
        let memory = Duration::from_micros(window.memory(figure) * 1000 / 1024);
        show(Row::new(&format!("ui, {what} in MiB, {agents} agents"), memory, most, 1.0));
    }
    window.close();
}
