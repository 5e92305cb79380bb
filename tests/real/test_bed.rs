//! A world in which real agent programs run without network: a namespace with loopback only, and a scripted
//! model in it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use testkit::{TestRepo, World, until};

/// The namespace, the model in it, and the world that uses both.
pub(crate) struct TestBed {
    world: World,
    model: Child,
    url: String,
}

impl TestBed {
    /// Creates the stage, with an API key. Returns `None`, with the test skipped, if something is missing.
    pub(crate) fn set() -> Option<Self> {
        Self::set_with(("ANTHROPIC_API_KEY", "dummy"))
    }

    /// Creates the stage with the login of a subscription instead: only then does Claude Code report usage
    /// limits.
    pub(crate) fn set_with_login() -> Option<Self> {
        Self::set_with(("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-dummy"))
    }

    /// Creates the stage for the agent of git orchestra itself, for which nothing has to be installed.
    pub(crate) fn for_own_agent() -> Option<Self> {
        Self::new(("ANTHROPIC_API_KEY", "dummy"))
    }

    fn set_with(login: (&str, &str)) -> Option<Self> {
        let claude = program("claude")?;
        let bed = Self::new(login)?;
        let claude = claude.to_string_lossy();
        bed.world.git(bed.world.dir(), ["config", "--global", "orchestra.agent.claude.program", &claude]);
        Some(bed)
    }

    fn new((login, token): (&str, &str)) -> Option<Self> {
        let bins = Path::new(env!("CARGO_BIN_EXE_git-orchestra")).parent().expect("a folder of binaries");
        let world = World::new(bins);
        let port_file = world.dir().join("port");
        let mut model = start_model(&world)?;
        let port = until("the model answers", || {
            assert!(model.try_wait().expect("a state").is_none(), "the model's server ended");
            std::fs::read_to_string(&port_file).ok().filter(|port| !port.trim().is_empty())
        });
        let url = format!("http://127.0.0.1:{}", port.trim());
        let temporary = world.dir().join("temporary");
        std::fs::create_dir_all(&temporary).expect("a folder");
        let variables = [
            ("ANTHROPIC_BASE_URL", url.clone()),
            (login, token.to_owned()),
            ("FAKE_KEY", "dummy".to_owned()),
            ("GEMINI_API_KEY", "dummy".to_owned()),
            ("GOOGLE_GEMINI_BASE_URL", url.clone()),
            ("GEMINI_CLI_TRUST_WORKSPACE", "true".to_owned()),
            ("CLAUDE_CODE_MAX_RETRIES", "1".to_owned()),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".to_owned()),
            ("DISABLE_AUTOUPDATER", "1".to_owned()),
            ("DISABLE_ERROR_REPORTING", "1".to_owned()),
            ("DISABLE_TELEMETRY", "1".to_owned()),
            ("IS_SANDBOX", "1".to_owned()),
            // Codex refuses to keep its helpers below the folder of temporary files.
            ("TMPDIR", temporary.to_string_lossy().into_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).into();
        let mut enter: Vec<OsString> = vec!["nsenter".into(), "-t".into(), model.id().to_string().into()];
        enter.extend(
            if is_root() { vec!["-n"] } else { vec!["-U", "-n", "--preserve-credentials"] }
                .iter()
                .map(Into::into),
        );
        let world = world.with_wrapper(enter, variables);
        Some(Self { world, model, url })
    }

    /// Returns the URL of the scripted model.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the world.
    pub(crate) const fn world(&self) -> &World {
        &self.world
    }

    /// Creates a repository with a file of two lines.
    pub(crate) fn repo(&self) -> TestRepo<'_> {
        let repo = self.world.repo();
        repo.write("shared.txt", "one\ntwo\n");
        repo.git(["add", "."]);
        repo.git(["commit", "-qm", "shared"]);
        repo
    }

    /// Returns the requests that the model answered, in order.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.world.dir().join("requests")).unwrap_or_default();
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

impl Drop for TestBed {
    fn drop(&mut self) {
        let _ = self.model.kill();
        let _ = self.model.wait();
    }
}

/// Returns the phase, the commits and the denials of an agent.
pub(crate) fn outcome(agent: &Value) -> (&str, u64, u64) {
    let number = |key: &str| agent[key].as_u64().unwrap_or_default();
    (agent["phase"].as_str().unwrap_or_default(), number("commits"), number("denials"))
}

/// Returns the only session that is listed.
pub(crate) fn only_session(repo: &TestRepo<'_>) -> Value {
    let report = repo.orchestra(["sessions", "--json"]).succeeded().json();
    let all = report["sessions"].as_array().expect("a list");
    assert_eq!(all.len(), 1, "{report}");
    all[0].clone()
}

/// Returns the processes that have a variable in their environment.
pub(crate) fn marked(variable: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    let has = |entry: &std::fs::DirEntry| {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|known| known == variable.as_bytes())
    };
    entries.filter(has).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Returns the path of a pinned program, which `tests/real/install` installs.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os(format!("ORCHESTRA_REAL_{}", name.to_uppercase())).map(PathBuf::from);
    let path = named.unwrap_or_else(|| root.join("target/agents/bin").join(name));
    if path.exists() {
        return Some(path);
    }
    skip(&format!("{name} is not installed; tests/real/install does it"))
}

/// Starts the server as the first process of the namespace, which exists as long as the server.
fn start_model(world: &World) -> Option<Child> {
    let works = inside("ip link set lo up && command -v python3 && command -v nsenter").output();
    if !works.is_ok_and(|ran| ran.status.success()) {
        return skip("no namespace with loopback, python3 and nsenter");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/model");
    let script = "ip link set lo up && exec python3 -B \"$0/server.py\" --port 0 --port-file \"$1/port\" \
                  --log \"$1/requests\" \"$0/scripts\"";
    inside(script).arg(folder).arg(world.dir()).stdin(Stdio::null()).stdout(Stdio::null()).spawn().ok()
}

/// Returns a shell in its own network namespace, and in a user namespace if that is needed.
fn inside(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(if is_root() { ["-n", "--"].as_slice() } else { ["-r", "-n", "--"].as_slice() });
    command.args(["sh", "-c", script]);
    command
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|found| found.uid() == 0)
}

/// Reports that a test is skipped; if real agents are required, it fails instead.
fn skip<T>(why: &str) -> Option<T> {
    testkit::skip("ORCHESTRA_REQUIRE_REAL", &format!("a real agent does not run: {why}"));
    None
}

/// Waits for the end of an attempt of an agent, and returns the agent.
pub(crate) fn end_of_attempt(repo: &TestRepo<'_>, id: &str, attempt: u64) -> Value {
    let is_over = |agent: &Value| agent["attempt"] == attempt && agent["ended_at"].is_string();
    until(&format!("attempt {attempt} of {id} ends"), || Some(repo.agent(id)).filter(is_over))
}

/// Returns whether a process has a text in its command line.
pub(crate) fn runs(text: &str) -> bool {
    let all = std::fs::read_dir("/proc").expect("processes").flatten();
    all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .any(|line| String::from_utf8_lossy(&line).contains(text))
}
