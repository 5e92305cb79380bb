//! The programs that speak the protocol without an adapter. Their start commands are those of the registry of the protocol.

use super::{PROTOCOL, SUPPORTED, launch::launch};
use crate::{
    Code, Error, Result,
    agents::{
        AgentProgram, Launch, Launcher, Options, Protocol, TaskHandling, examination::Examination,
        launch::SESSION,
    },
    config::{Config, keys::AGENT_PROGRAM},
    conversation::SessionReader,
    process,
};

/// One program.
pub(in crate::agents) struct Native {
    /// The name of its profile.
    name: &'static str,
    /// Its program.
    program: &'static str,
    /// The arguments with which it speaks the protocol.
    arguments: &'static [&'static str],
    /// Whether it refuses to write to a file, as programs with the Python library of the protocol do: it then writes to a pipe.
    needs_pipe: bool,
    /// The arguments with which a person resumes a session in a terminal, `{session}` in them being its id; empty if that was not tried.
    interactive: &'static [&'static str],
    /// How it is installed.
    install: &'static str,
    /// The environment variables that determine its account.
    account: &'static [&'static str],
    /// How it is examined, if it was tried.
    examination: Option<&'static Examination>,
}

const UNTRIED: Native = Native {
    name: "",
    program: "",
    arguments: &[],
    needs_pipe: false,
    interactive: &[],
    install: "",
    account: &[],
    examination: None,
};

/// The versions of Qwen Code that were tried. It has no command that tells whether a user is logged in.
static QWEN: Examination = Examination {
    tried: ("0.15.10", "0.15.10"),
    login: None,
    install: "npm install -g @qwen-code/qwen-code",
};

/// The versions of Copilot that were tried, with a model of the user's own (COPILOT_PROVIDER_BASE_URL).
static COPILOT: Examination =
    Examination { tried: ("1.0.102", "1.0.102"), login: None, install: "npm install -g @github/copilot" };

/// The versions of Mistral Vibe that were tried.
static VIBE: Examination =
    Examination { tried: ("3.0.2", "3.0.2"), login: None, install: "uv tool install mistral-vibe" };

/// Runs a program that writes to a pipe, and ends as it does.
const THROUGH_PIPE: &str =
    r#"exec 4>&1; code=$({ { "$0" "$@" 3>&- 4>&-; echo $? >&3; } | cat >&4; } 3>&1); exit "${code:-1}""#;

/// All of them, in the order in which they are listed.
pub(in crate::agents) static NATIVE: [Native; 14] = [
    Native {
        name: "qwen",
        program: "qwen",
        arguments: &["--acp"],
        needs_pipe: false,
        interactive: &["--resume", SESSION],
        install: "npm install -g @qwen-code/qwen-code",
        account: &["OPENAI_API_KEY", "OPENAI_BASE_URL"],
        examination: Some(&QWEN),
    },
    Native {
        name: "copilot",
        program: "copilot",
        arguments: &["--acp"],
        install: "npm install -g @github/copilot",
        account: &["COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"],
        examination: Some(&COPILOT),
        ..UNTRIED
    },
    Native {
        name: "cursor",
        program: "cursor-agent",
        arguments: &["acp"],
        install: "see cursor.com/cli",
        account: &["CURSOR_API_KEY"],
        ..UNTRIED
    },
    Native {
        name: "goose",
        program: "goose",
        arguments: &["acp"],
        install: "see block.github.io/goose",
        account: &["GOOSE_PROVIDER"],
        ..UNTRIED
    },
    Native {
        name: "kimi",
        program: "kimi",
        arguments: &["acp"],
        install: "see code.kimi.com",
        account: &["KIMI_API_KEY", "KIMI_BASE_URL"],
        ..UNTRIED
    },
    Native {
        name: "droid",
        program: "droid",
        arguments: &["exec", "--output-format", "acp"],
        install: "see factory.ai",
        account: &["FACTORY_API_KEY"],
        ..UNTRIED
    },
    Native {
        name: "auggie",
        program: "auggie",
        arguments: &["--acp"],
        install: "npm install -g @augmentcode/auggie",
        account: &["AUGMENT_SESSION_AUTH"],
        ..UNTRIED
    },
    Native {
        name: "cline",
        program: "cline",
        arguments: &["--acp"],
        install: "npm install -g cline",
        ..UNTRIED
    },
    Native {
        name: "kilo",
        program: "kilo",
        arguments: &["acp"],
        install: "npm install -g @kilocode/cli",
        ..UNTRIED
    },
    Native {
        name: "junie",
        program: "junie",
        arguments: &["--acp", "true"],
        install: "see junie.jetbrains.com",
        account: &["JUNIE_API_KEY"],
        ..UNTRIED
    },
    Native { name: "kiro", program: "kiro-cli", arguments: &["acp"], install: "see kiro.dev/cli", ..UNTRIED },
    Native {
        name: "grok",
        program: "grok",
        arguments: &["agent", "stdio"],
        install: "see x.ai/cli",
        account: &["XAI_API_KEY"],
        ..UNTRIED
    },
    Native {
        name: "vibe",
        program: "vibe-acp",
        arguments: &[],
        needs_pipe: true,
        install: "uv tool install mistral-vibe",
        account: &["MISTRAL_API_KEY"],
        examination: Some(&VIBE),
        ..UNTRIED
    },
    Native {
        name: "qoder",
        program: "qodercli",
        arguments: &["--acp"],
        install: "npm install -g @qoder-ai/qodercli",
        ..UNTRIED
    },
];

impl Native {
    /// Returns the path of the program, if it is installed.
    fn path(&self, config: &Config<'_>) -> Option<String> {
        let named = config.get_or_default(&AGENT_PROGRAM.of(self.name));
        let path = process::on_path(config.environment(), named.as_deref().unwrap_or(self.program))?;
        Some(path.to_string_lossy().into_owned())
    }
}

impl AgentProgram for Native {
    fn name(&self) -> &str {
        self.name
    }

    fn launcher(&self) -> Option<&dyn Launcher> {
        Some(self)
    }

    fn session_reader(&self) -> Option<&'static dyn SessionReader> {
        None
    }

    fn account_variables(&self) -> &'static [&'static str] {
        self.account
    }

    fn examination(&self) -> Option<&'static Examination> {
        self.examination
    }
}

impl Launcher for Native {
    fn is_installed(&self, config: &Config<'_>) -> bool {
        self.path(config).is_some()
    }

    fn reads(&self, _config: &Config<'_>) -> Result<TaskHandling> {
        Ok(TaskHandling::Prose)
    }

    fn protocol(&self) -> Protocol {
        PROTOCOL
    }

    fn supported(&self) -> &'static [&'static str] {
        SUPPORTED
    }

    fn interactive_argv(&self, launch: &Launch, session: Option<&str>) -> Option<Vec<String>> {
        let session = session.filter(|_| !self.interactive.is_empty())?;
        // What needs a pipe is not the first word.
        let program = launch.argv.first().filter(|_| !self.needs_pipe)?.clone();
        let arguments = self.interactive.iter().map(|argument| argument.replace(SESSION, session));
        Some([program].into_iter().chain(arguments).collect())
    }

    fn launch(&self, config: &Config<'_>, options: &Options) -> Result<Launch> {
        let path = self.path(config).ok_or_else(|| {
            let message = format!("'{}' is not installed: no program '{}' on PATH", self.name, self.program);
            Error::new(Code::ProgramMissing, message)
                .hint(self.install)
                .hint(format!("{}, if it is elsewhere", AGENT_PROGRAM.of(self.name).hint("PATH")))
        })?;
        let arguments = self.arguments.iter().map(|&argument| argument.to_owned());
        let before: &[&str] = if self.needs_pipe { &["/bin/sh", "-c", THROUGH_PIPE] } else { &[] };
        let argv = before.iter().map(|&word| word.to_owned()).chain([path]).chain(arguments);
        launch(self.name, argv.collect(), config, options)
    }
}
