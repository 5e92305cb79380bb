//! What is exchanged with other clones, and what a person agreed to.

use std::time::Duration;

use crate::config::{
    key::{Choices, Key, RepeatedKey},
    kind::{DIGEST, OPTIONAL_DURATION, OPTIONAL_TEXT},
};

pub static REMOTE: Key<Option<String>> = Key::new(
    "orchestra.remote",
    OPTIONAL_TEXT,
    || None,
    "The remote that sync uses, if it is not the branch's own or origin; work is then not sent, unless \
     'sync --with work' asks for it",
)
.with_choices(Choices::Remotes);

pub static AUTO_SYNC: Key<Option<Duration>> = Key::new(
    "orchestra.autoSync",
    OPTIONAL_DURATION,
    || None,
    "How often supervisors sync automatically while their agents run, such as 5m, and after every change of phase as \
     well, with the remote that you agreed to; if this is not set: never",
);

pub static LABEL: Key<Option<String>> = Key::new(
    "orchestra.label",
    OPTIONAL_TEXT,
    || None,
    "What other clones call this one, such as laptop; the events of its agents contain it",
)
.only_measures("it is only shown");

pub static SHARE_WITH: RepeatedKey = RepeatedKey::new(
    "orchestra.shareWith",
    "A URL to which sync may send agents; set when you agree to it, but not a consent by itself; may be given several times",
);

pub static NOT_SECRET: RepeatedKey = RepeatedKey::new(
    "orchestra.notSecret",
    "The id of an event, a commit, or a blob, or at least 7 digits of it, that seems to hold a secret but does not; \
     may be given several times",
);

pub static TRUST_WRITER: RepeatedKey = RepeatedKey::new(
    "orchestra.trustWriter",
    "The id of another clone whose verdicts, messages, and answers count here; may be given several times",
);

pub static NOTIFY: RepeatedKey = RepeatedKey::new(
    "orchestra.notify",
    "A shell command that tells you when an agent waits for an answer, is paused by a limit or a cap, or ends, when a run ends, and \
     when a landing ends that nobody typed on a terminal, or desktop for a notice on the desktop; the section NOTICES of 'git \
     orchestra man config' says what it gets; may be given several times",
);

pub static COMPLETION_PROVIDER: RepeatedKey = RepeatedKey::new(
    "orchestra.completionProvider",
    "Another command on PATH that answers completion requests as git orchestra's commands do; may be given several times; \
     read only from your own configuration, not from the repository's",
)
.renamed_from("orchestra.completes");

pub static APPROVED: Key<Option<String>> = Key::new(
    "orchestra.approved",
    DIGEST,
    || None,
    "The SHA-256 of the .gitorchestra whose proposals you approved; 'git orchestra config approve' sets it",
);

pub static DECLINED: Key<Option<String>> = Key::new(
    "orchestra.declined",
    DIGEST,
    || None,
    "The SHA-256 of the .gitorchestra whose proposals you declined; 'git orchestra config decline' sets it",
);
