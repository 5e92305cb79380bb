//! The keys of forges: `orchestra.forge.<name>.*`, in which the name is a host. They name programs and addresses that get a token, so they
//! are the user's alone.

use super::mcp::OPTIONAL_URL;
use crate::{
    config::{
        key::{Choices, Key, Kind, NamedKey, RepeatedKey},
        kind::{BOOLEAN, OPTIONAL_TEXT},
    },
    model::forge_logins::FORGE_LOGINS,
};

/// The words for the kinds of forges.
const FORGES: &[&str] = &["github", "gitlab", "gitea", "forgejo", "bitbucket"];

/// The words for the ways in which work is published.
const PUBLISH_WAYS: &[&str] = &["auto", "api", "push"];

/// The words for the ways in which a forge merges.
const MERGE_METHODS: &[&str] = &["merge", "squash", "rebase"];

/// The kind of a forge, or `None` if the value is empty.
const OPTIONAL_FORGE: Kind<Option<String>> = Kind {
    expected: "github, gitlab, gitea, forgejo, or bitbucket",
    parse: |text| match text.trim().to_ascii_lowercase() {
        text if text.is_empty() => Some(None),
        text => FORGES.contains(&text.as_str()).then_some(Some(text)),
    },
    text: |value| value.clone().unwrap_or_default(),
};

pub static FORGE_KIND: NamedKey<Option<String>> = NamedKey::new(
    Key::new(
        "orchestra.forge.<name>.kind",
        OPTIONAL_FORGE,
        || None,
        "Which interface the host <name> has: github, gitlab, gitea, forgejo, or bitbucket; if this is not set, the name of the host \
         tells it, or the host is asked",
    )
    .with_choices(Choices::Words(FORGES)),
);

pub static FORGE_URL: NamedKey<Option<String>> = NamedKey::new(Key::new(
    "orchestra.forge.<name>.url",
    OPTIONAL_URL,
    || None,
    "The address of the interface of the host <name>, if it is not where the forge usually has it, such as \
     https://git.example.com/forge/api/v4; it gets the token",
));

pub static FORGE_TOKEN_COMMAND: NamedKey<Option<String>> = NamedKey::new(Key::new(
    "orchestra.forge.<name>.tokenCommand",
    OPTIONAL_TEXT,
    || None,
    "A shell command whose first line of output is your token for the host <name>, such as 'pass forge/token'; for Bitbucket \
     the e-mail address, a colon, and the token",
));

pub static KEEP_LOGIN: RepeatedKey = RepeatedKey::new(
    "orchestra.keepLogin",
    "A variable with a login of a forge, such as GH_TOKEN, that agents, their commands and checks of their work get; without this they \
     get none, except those by which an agent's program logs in to its own service; may be given several times",
)
.of_kind(Kind {
    expected: "a variable with a login of a forge such as GH_TOKEN",
    parse: |text| FORGE_LOGINS.contains(&text.trim()).then(|| text.trim().to_owned()),
    text: String::clone,
});

pub static MAY_PUSH: Key<bool> = Key::new(
    "orchestra.mayPush",
    BOOLEAN,
    || false,
    "Whether agents may push: otherwise git refuses it for them, to the remotes of the repository and to every address with https or ssh; \
     like a separate worktree, this prevents accidents, but is not a boundary",
);

pub static PR_LABEL: RepeatedKey = RepeatedKey::new(
    "orchestra.prLabel",
    "A label of the pull requests that pr opens, besides those of --label; may be given several times",
);

pub static PR_REVIEWER: RepeatedKey = RepeatedKey::new(
    "orchestra.prReviewer",
    "Who is asked to review the pull requests that pr opens, besides those of --reviewer: a name on the forge, or a team such as \
     org/team; may be given several times",
);

pub static PR_MERGE_METHOD: Key<String> = Key::new(
    "orchestra.prMergeMethod",
    Kind {
        expected: "merge, squash, or rebase",
        parse: |text| MERGE_METHODS.contains(&text.trim()).then(|| text.trim().to_owned()),
        text: String::clone,
    },
    || "merge".to_owned(),
    "How 'pr --merge' and 'review --automerge' merge a pull request on its forge: merge, squash, or rebase; on GitLab the project decides \
     between merge and rebase",
)
.with_choices(Choices::Words(MERGE_METHODS));

pub static PR_PUBLISH: Key<String> = Key::new(
    "orchestra.prPublish",
    Kind {
        expected: "auto, api, or push",
        parse: |text| PUBLISH_WAYS.contains(&text.trim()).then(|| text.trim().to_owned()),
        text: String::clone,
    },
    || "auto".to_owned(),
    "How pr opens and updates pull requests: api (with a token), push (by a push alone, on GitLab, Gitea and Forgejo), or auto: by a push \
     alone if there is no token",
)
.with_choices(Choices::Words(PUBLISH_WAYS));

pub static PR_TRUST: RepeatedKey = RepeatedKey::new(
    "orchestra.prTrust",
    "The login of somebody whose comments and reviews 'pr watch --fix' gives to agents, besides those who may push to the repository and \
     yourself; may be given several times",
);
