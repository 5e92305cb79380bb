//! The guards of the machine: agents wait for room, are held while there is too little, and continue by
//! themselves. The memory is that of a file, mounted over the kernel's in a namespace of the test.

use testkit::{Ran, World};

use crate::{skip, world};

/// What each script begins with: commands that set the memory, and wait for what status shows.
const PRELUDE: &str = r#"
    set_memory() { printf 'MemTotal: 8388608 kB\nMemAvailable: %s kB\n' $(($1 * 1024)) > ../meminfo; }
    wait_for() {
        tries=0
        until eval "$1"; do
            tries=$((tries + 1)); [ $tries -lt 600 ] || { echo "waited for $1" >&2; git orchestra status >&2; exit 98; }
            sleep 0.1
        done
    }
    held() { git orchestra status --format '%(id) %(shortage)' | sed -n 's/ .*"held":true.*//p'; }
    git init -q repo && cd repo && git commit -q --allow-empty -m one
    printf 'MemTotal: 8388608 kB\nMemAvailable: 4000000 kB\n' > ../meminfo
    git config orchestra.minMemory 512m
"#;

/// Runs a script in a namespace in which `/proc/meminfo` is a file of the test. Returns `None`, with the test
/// skipped, if that is not permitted.
fn with_memory(world: &World, script: &str) -> Option<Ran> {
    let folder = world.dir().join("guarded");
    std::fs::create_dir_all(&folder).expect("a folder");
    let mount = format!("cd '{}' && touch meminfo && mount --bind meminfo /proc/meminfo", folder.display());
    let unshare = |script: &str| {
        let mut command = world.command("unshare", world.dir());
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
        command
    };
    if !unshare(&mount).output().is_ok_and(|output| output.status.success()) {
        skip("nothing can be mounted here");
        return None;
    }
    Some(Ran::of(&mut unshare(&format!("{mount} || exit 99\n{PRELUDE}\n{script}"))))
}

#[test]
fn a_queued_agent_waits_for_memory_and_says_so() {
    let world = world();
    let script = r#"
        set_memory 310
        id=$(git orchestra spawn -d --agent sh --name waits 'echo fine > fine')
        wait_for 'git orchestra status | grep -q "waits for memory: 310 MiB free"'
        git orchestra status --json
        # The threshold is reached, but not the quarter more that an agent which waited needs.
        set_memory 600
        wait_for 'git orchestra status | grep -q "600 MiB free, 640 MiB needed"'
        git orchestra doctor >&2
        set_memory 700
        git orchestra status --wait "$id" >&2; echo "exit $?"
        # One that waits can be stopped.
        set_memory 100
        id=$(git orchestra spawn -d --agent sh --name stopped 'echo fine > fine')
        wait_for 'git orchestra status | grep -q "waits for memory: 100 MiB free"'
        git orchestra stop "$id" >&2; echo "exit $?"
        # Who lowers the limit need not wait.
        id=$(git orchestra spawn -d --agent sh --name lowered 'echo fine > fine')
        wait_for 'git orchestra status | grep -q "waits for memory: 100 MiB free"'
        git config orchestra.minMemory 10m
        git orchestra status --wait "$id" >&2; echo "exit $?""#;
    let Some(ran) = with_memory(&world, script) else { return };
    let shown = ran.stdout();
    assert!(
        shown.contains(r#""shortage":{"resource":"memory","held":false,"text":"waits for memory: 310 MiB free, 512 MiB needed"}"#),
        "{shown}\n{}",
        ran.stderr()
    );
    let exits: Vec<&str> = shown.lines().filter(|line| line.starts_with("exit ")).collect();
    assert_eq!(exits, ["exit 0"; 3], "{}", ran.stderr());
}

/// All find the same free memory, and none has taken any yet: each start counts for the next one.
#[test]
fn ten_agents_that_start_at_once_do_not_all_take_the_same_memory() {
    let world = world();
    let tasks: String =
        (0..10).map(|n| format!(" 'until [ -e ../../go ]; do sleep 0.1; done # {n}'")).collect();
    let script = r#"
        # Enough for one. Those that have waited need a quarter more.
        set_memory 600
        git orchestra spawn -d -j 10 --agent sh TASKS >&2
        wait_for 'git orchestra status | grep -q "MiB will be free once the agents that were just started hold theirs"'
        set_memory 6000
        touch ../go
        git orchestra status --wait >&2; echo "exit $?""#;
    let Some(ran) = with_memory(&world, &script.replace(" TASKS", &tasks)) else { return };
    assert_eq!(ran.stdout(), "exit 0\n", "{}", ran.stderr());
}

#[test]
fn one_agent_is_held_while_memory_is_short_and_continues_by_itself() {
    let world = world();
    let script = r#"
        git orchestra spawn -d -j 3 --agent sh \
            'until [ -e ../../go ]; do sleep 0.1; done; echo 1 > a' \
            'until [ -e ../../go ]; do sleep 0.1; done; echo 2 > b' >&2
        wait_for '[ $(git orchestra status --format "%(phase)" | grep -c running) = 2 ]'
        set_memory 100
        wait_for '[ -n "$(held)" ]'
        git orchestra status
        id=$(held)
        pid=$(git orchestra status --format '%(pid)' "$id")
        # It is stopped, with its children.
        wait_for '[ "$(ps -o state= -p $pid)" = T ]'
        echo "children that run: $(ps -o state= --ppid $pid | grep -c '[SRD]')"
        git orchestra resume "$id" 2>&1 | sed 's/until-e-go-[0-9a-z]*/ID/' | grep -v 'waiting for'
        # No other agent is started meanwhile.
        late=$(git orchestra spawn -d --agent sh --name late 'echo 3 > c')
        wait_for 'git orchestra status "$late" | grep -q "waits for memory"'
        set_memory 4000
        wait_for '[ -z "$(held)" ]'
        wait_for '[ "$(ps -o state= -p $pid)" != T ]'
        touch ../go
        git orchestra status --wait >&2; echo "exit $?"
        # A held agent can be stopped, and is forgotten.
        rm ../go
        git orchestra spawn -d -j 3 --agent sh 'until [ -e ../../go ]; do sleep 0.1; done' 'while :; do sleep 0.1; done' >&2
        wait_for '[ $(git orchestra status --format "%(phase)" | grep -c running) = 2 ]'
        set_memory 100
        wait_for '[ -n "$(held)" ]'
        git orchestra stop --all >&2; echo "exit $?""#;
    let Some(ran) = with_memory(&world, script) else { return };
    let shown = ran.stdout();
    assert_eq!(
        shown.matches("  held: low memory (100 MiB free, 512 MiB").count(),
        1,
        "{shown}\n{}",
        ran.stderr()
    );
    let rest: Vec<&str> =
        shown.lines().filter(|line| line.contains(": ") || line.starts_with("exit")).collect();
    let rest: Vec<&str> = rest.into_iter().filter(|line| !line.contains("  held: ")).collect();
    assert_eq!(
        rest,
        [
            "children that run: 0",
            "error: agent 'ID' is held: low memory (100 MiB free, 512 MiB needed); it continues by itself",
            "hint: git config orchestra.minMemory 100m lets agents start and continue with less",
            "exit 0",
            "exit 0"
        ],
        "{shown}\n{}",
        ran.stderr()
    );
}

#[test]
fn what_a_dead_supervisor_held_is_continued_by_the_next_command() {
    let world = world();
    let script = r#"
        git orchestra spawn -d -j 2 --agent sh \
            'trap "" HUP; setsid sh -c "trap \"\" HUP; while :; do sleep 0.1; done" & wait' 'while :; do sleep 0.1; done' >&2
        wait_for '[ $(git orchestra status --format "%(phase)" | grep -c running) = 2 ]'
        set_memory 100
        wait_for '[ -n "$(held)" ]'
        # Whichever is held: its supervisor dies.
        id=$(held)
        supervisor=$(git orchestra status --format '%(supervisor_pid)' "$id")
        kill -9 $supervisor
        wait_for 'git orchestra status "$id" | grep -q lost'
        orphans=$(git orchestra status --json "$id" | sed -n 's/.*"orphans":\[\([0-9,]*\)\].*/\1/p' | tr , ' ')
        for pid in $orphans; do ps -o state= -p $pid; done | grep T; echo "stopped $?"
        git orchestra stop --all >&2; echo "exit $?""#;
    let Some(ran) = with_memory(&world, script) else { return };
    assert_eq!(ran.stdout(), "stopped 1\nexit 0\n", "{}", ran.stderr());
}

#[test]
fn the_machine_is_kept_awake_while_an_agent_runs() {
    let world = world();
    let script = r#"
        mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system ../bin || exit 99
        printf '#!/bin/sh\necho "begin $*" >> "$LOG"\nwhile [ $# -gt 1 ]; do shift; done\n"$1"; echo end >> "$LOG"\n' \
            > ../bin/systemd-inhibit
        chmod +x ../bin/systemd-inhibit
        export PATH="$PWD/../bin:$PATH" LOG="$PWD/../log"
        touch ../log
        id=$(git orchestra spawn -d --agent sh --name awake 'until [ -e ../../go ]; do sleep 0.1; done')
        wait_for 'grep -q begin ../log'
        sed 's/awake-[0-9a-z]*/awake-*****/' ../log
        # It ends with the supervisor, however that dies.
        kill -9 $(git orchestra status --format '%(supervisor_pid)' "$id")
        wait_for 'grep -q end ../log'
        touch ../go
        git orchestra stop --all >&2
        : > ../log
        git config orchestra.inhibitSleep false
        git orchestra spawn --agent sh true >&2
        cat ../log"#;
    let Some(ran) = with_memory(&world, script) else { return };
    let begin = "begin --what=sleep:idle --mode=block --who=git orchestra --why=agent awake-***** runs cat\n";
    assert_eq!(ran.stdout(), begin, "{}", ran.stderr());
}
