//! The keys of profiles: `orchestra.agent.<name>.*`.

use std::time::Duration;

use crate::config::{
    key::{Choices, Key, Kind, NamedKey, NamedRepeatedKey, RepeatedKey},
    kind::{
        OPTIONAL_CONVERSATION, OPTIONAL_DURATION, OPTIONAL_EXPRESSION, OPTIONAL_PERMISSION, OPTIONAL_TEXT,
        PERMANENT, TOOL, VARIABLE,
    },
};
use crate::model::{Cost, Permission, cap};

pub static AGENT_COMMAND: NamedKey<Option<String>> = NamedKey::new(Key::new(
    "orchestra.agent.<name>.command",
    OPTIONAL_TEXT,
    || None,
    "A shell command that runs an agent of the profile <name>; {prompt_file} in it is the path of a file with the task, \
     without it the task is given on standard input",
).proposed_by_project(),);

pub static AGENT_ACP: NamedKey<Option<String>> = NamedKey::new(
    Key::new(
        "orchestra.agent.<name>.acp",
        OPTIONAL_TEXT,
        || None,
        "A shell command that runs an agent of the profile <name> that speaks the Agent Client Protocol, version 1, on its \
         standard streams; a command in orchestra.agent.<name>.command takes precedence",
    )
    .proposed_by_project(),
);

pub static AGENT_RESUME: NamedKey<Option<String>> = NamedKey::new(Key::new(
    "orchestra.agent.<name>.resume",
    OPTIONAL_TEXT,
    || None,
    "A shell command that continues a session of orchestra.agent.<name>.command; {session} in both is the id of the session, \
     and {prompt_file} the path of a file with what to do next, without it that is given on standard input",
).proposed_by_project(),);

pub static AGENT_SESSION: NamedKey<Option<String>> = NamedKey::new(Key::new(
    "orchestra.agent.<name>.session",
    OPTIONAL_EXPRESSION,
    || None,
    "A regular expression for the line of output in which orchestra.agent.<name>.command names its session, with the id as \
     its first group, such as '^session: (.+)$'; without it git orchestra chooses the id",
).proposed_by_project(),);

pub static AGENT_CONVERSATION: NamedKey<Option<String>> = NamedKey::new(Key::new(
    "orchestra.agent.<name>.conversation",
    OPTIONAL_CONVERSATION,
    || None,
    "The path of the file in which orchestra.agent.<name>.command keeps a session, with {session} and {worktree}, such as \
     '~/.prog/{session}.json'; a session whose file is gone is not continued, and an agent that writes to it is not idle",
).proposed_by_project(),);

pub static AGENT_WAITING: NamedKey<Option<String>> = NamedKey::new(Key::new(
    "orchestra.agent.<name>.waiting",
    OPTIONAL_EXPRESSION,
    || None,
    "A regular expression for the last line of output while orchestra.agent.<name>.command waits for an answer, such as 'Password: *$'; 'git orchestra send' answers with a line, if orchestra.agent.<name>.stdin is held",
).proposed_by_project(),);

/// Whether standard input is kept open.
pub static AGENT_STDIN_HELD: NamedKey<bool> = NamedKey::new(
    Key::new(
        "orchestra.agent.<name>.stdin",
        Kind {
            expected: "'held' or 'closed'",
            parse: |text| parse_either(text, "held", "closed"),
            text: |held| (if *held { "held" } else { "closed" }).to_owned(),
        },
        || false,
        "'held' keeps the agent's standard input open as long as its supervisor lives; 'closed' closes it",
    )
    .with_choices(Choices::Words(&["held", "closed"]))
    .proposed_by_project(),
);

/// Whether the agent reads its task as text and never executes it.
pub static AGENT_READS_PROSE: NamedKey<bool> = NamedKey::new(Key::new(
    "orchestra.agent.<name>.reads",
    Kind {
        expected: "'prose' or 'script'",
        parse: |text| parse_either(text, "prose", "script"),
        text: |prose| (if *prose { "prose" } else { "script" }).to_owned(),
    },
    || false,
    "'prose' if the agent reads its task as text, as coding agents do; 'script' if it may execute the task: such an agent \
     receives nothing that you did not type, such as review comments, conflicts, or the output of a test",
).with_choices(Choices::Words(&["prose", "script"])).proposed_by_project(),);

pub static AGENT_PROGRAM: NamedKey<Option<String>> = NamedKey::new(
    Key::new(
        "orchestra.agent.<name>.program",
        OPTIONAL_TEXT,
        || None,
        "The path of the program of the coding agent <name>, such as claude or opencode, if it is not on PATH; for a role, \
         which is a profile with a name of your own, the known program that it runs, such as claude",
    )
    .shown_default("<name>").proposed_by_project(),);

pub static AGENT_PROMPT: NamedKey<Option<String>> = NamedKey::new(
    Key::new(
        "orchestra.agent.<name>.prompt",
        OPTIONAL_TEXT,
        || None,
        "Text that is put before the task of an agent of the profile <name>, such as its role",
    )
    .proposed_by_project(),
);

pub static AGENT_MODEL: NamedKey<Option<String>> = NamedKey::new(
    Key::new(
        "orchestra.agent.<name>.model",
        OPTIONAL_TEXT,
        || None,
        "The model of agents of the profile <name>",
    )
    .proposed_by_project(),
);

/// The permission mode of a profile. Read only by [`crate::config::Config::profile_permission`].
pub(in crate::config) static AGENT_PERMISSION: NamedKey<Option<Permission>> = NamedKey::new(
    Key::new(
        "orchestra.agent.<name>.permission",
        OPTIONAL_PERMISSION,
        || None,
        "What agents of the profile <name> may do without asking, instead of orchestra.permission",
    )
    .with_choices(PERMANENT)
    .proposed_by_project(),
);

pub static AGENT_ALLOW: NamedRepeatedKey = NamedRepeatedKey::new(
    RepeatedKey::new(
        "orchestra.agent.<name>.allow",
        "A tool that agents of the profile <name> may use without asking, in addition to orchestra.allow; may be given \
         several times",
    )
    .of_kind(TOOL).proposed_by_project(),);

pub static AGENT_DENY: NamedRepeatedKey = NamedRepeatedKey::new(
    RepeatedKey::new(
        "orchestra.agent.<name>.deny",
        "A tool that agents of the profile <name> must not use, in addition to orchestra.deny; may be given several times",
    )
    .of_kind(TOOL).set_by_project(),);

pub static AGENT_ENV: NamedRepeatedKey = NamedRepeatedKey::new(
    RepeatedKey::new(
        "orchestra.agent.<name>.env",
        "A variable that is set for agents of the profile <name>, as NAME=VALUE; {agent} in the value is the id of the agent; \
         may be given several times; not for secrets, since it is kept with the agent's output",
    )
    .of_kind(VARIABLE),
);

pub static AGENT_FALLBACK: NamedKey<Option<String>> = NamedKey::new(
    Key::new(
        "orchestra.agent.<name>.fallback",
        OPTIONAL_TEXT,
        || None,
        "The profile that takes over from an agent of the profile <name> that did nothing yet, neither used a tool nor \
         changed a file, when its program is missing, its service refuses it, or a usage limit is reached",
    )
    .with_choices(Choices::Profiles)
    .proposed_by_project(),
);

pub static AGENT_MAX_TIME: NamedKey<Option<Duration>> = NamedKey::new(
    Key::new(
        "orchestra.agent.<name>.maxTime",
        OPTIONAL_DURATION,
        || None,
        "How long an agent of the profile <name> may run, instead of orchestra.maxTime",
    )
    .set_by_project(),
);

pub static AGENT_MAX_TURNS: NamedKey<Option<u32>> = NamedKey::new(
    Key::new(
        "orchestra.agent.<name>.maxTurns",
        Kind {
            expected: "a number from 1 to 1000000",
            parse: |text| match text {
                "" => Some(None),
                text => text.parse().ok().filter(|turns| (1..=1_000_000).contains(turns)).map(Some),
            },
            text: |value| value.map_or_else(String::new, |turns: u32| turns.to_string()),
        },
        || None,
        "The largest number of turns of an agent of the profile <name> with its model",
    )
    .set_by_project(),
);

pub static AGENT_BUDGET: NamedKey<Option<Cost>> = NamedKey::new(Key::new(
    "orchestra.agent.<name>.budget",
    Kind {
        expected: "an amount of US dollars such as 5 or 2.50",
        parse: |text| if text.is_empty() { Some(None) } else { Cost::parse(text).map(Some) },
        text: |value| value.map_or_else(String::new, Cost::text),
    },
    || None,
    "The largest cost of an agent of the profile <name> in US dollars, such as 2.50; the turn in progress may exceed it",
).proposed_by_project(),);

pub static AGENT_KEY_COMMAND: NamedKey<Option<String>> = NamedKey::new(Key::new(
    "orchestra.agent.<name>.keyCommand",
    OPTIONAL_TEXT,
    || None,
    "A shell command whose first line of output is the key of the profile api, such as 'pass show api'; without it, the key \
     is in ANTHROPIC_API_KEY; it runs in your home directory when an agent starts, for at most a minute",
));

pub static AGENT_CONTEXT: NamedKey<u64> = NamedKey::new(Key::new(
    "orchestra.agent.<name>.contextTokens",
    Kind {
        expected: "a number of tokens such as 200000 or 200k",
        parse: |text| cap::parse_tokens(text).filter(|tokens| *tokens >= 1000),
        text: u64::to_string,
    },
    || 200_000,
    "The size of the context of the model of the profile api in tokens; when 80 % of it are full, the older part of the \
     conversation is replaced by a summary of the model",
));

/// Parses one of two words; returns whether it is `yes`.
fn parse_either(text: &str, yes: &str, no: &str) -> Option<bool> {
    (text == yes || text == no).then_some(text == yes)
}
