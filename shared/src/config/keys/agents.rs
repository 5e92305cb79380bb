//! What agents run, what they may do, and what they cost.

use crate::{
    config::{
        key::{Choices, Key, Kind, NamedKey, RepeatedKey},
        kind::{BOOLEAN, LIST, PERMANENT, PERMANENT_PERMISSION, TEXT, TOOL},
    },
    model::{OnPrompt, Permission, Price},
};

pub static AGENT: Key<String> =
    Key::new("orchestra.agent", TEXT, || "claude".to_owned(), "The profile of the agents that spawn starts")
        .with_choices(Choices::Profiles)
        .proposed_by_project();

/// The default permission mode. Read only by [`crate::config::Config::permission`], which refuses a value that must not be permanent.
pub(in crate::config) static PERMISSION: Key<Permission> = Key::new(
    "orchestra.permission",
    PERMANENT_PERMISSION,
    || Permission::AcceptEdits,
    "What a coding agent may do without asking: plan, default, dontAsk, or acceptEdits; bypassPermissions \
     is only accepted on the command line",
)
.with_choices(PERMANENT)
.proposed_by_project();

pub static ON_PROMPT: Key<Option<OnPrompt>> = Key::new(
    "orchestra.onPrompt",
    Kind {
        expected: "deny, ask, or fail",
        parse: |text| if text.is_empty() { Some(None) } else { OnPrompt::parse(text).map(Some) },
        text: |value| value.map_or("", OnPrompt::as_str).to_owned(),
    },
    || None,
    "What happens when an agent asks for a permission: deny, ask (it waits for 'git orchestra send'), or fail; if \
     this is not set: ask while spawn watches on a terminal, else deny",
)
.with_choices(Choices::Words(&["deny", "ask", "fail"])).proposed_by_project();

pub static ALLOWED_CLI: Key<Vec<String>> = Key::new(
    "orchestra.allowedCli",
    LIST,
    Vec::new,
    "Programs that a coding agent may run without asking, separated by commas, such as gh,az",
)
.proposed_by_project();

pub static ALLOW: RepeatedKey = RepeatedKey::new(
    "orchestra.allow",
    "A tool that a coding agent may use without asking, such as 'Bash(git *)', in addition to --allow; a reviewing agent \
     has orchestra.review.allow instead; may be given several times",
)
.of_kind(TOOL).proposed_by_project();

pub static OFFER_ALLOW: Key<bool> = Key::new(
    "orchestra.offerAllow",
    BOOLEAN,
    || true,
    "Whether spawn, on a terminal, offers to allow the commands with which the project is built and tested, if nothing \
     is allowed yet; it sets this to false once it has asked",
);

pub static DENY: RepeatedKey = RepeatedKey::new(
    "orchestra.deny",
    "A tool that a coding agent must not use, in addition to --deny, unless --allow names the same tool; may be given \
     several times",
)
.of_kind(TOOL).set_by_project();

/// Folders besides the worktree. Read by [`crate::config::Config::folders`], which expands `~`.
pub static ADD_DIR: RepeatedKey = RepeatedKey::new(
    "orchestra.addDir",
    "A directory that a coding agent may use besides its worktree, in addition to --add-dir, relative to the repository's \
     own folder; may be given several times",
);

pub static PRICE: NamedKey<Option<Price>> = NamedKey::new(Key::new(
    "orchestra.price.<name>",
    Kind {
        expected: "two to four amounts of US dollars such as 3/15",
        parse: |text| if text.is_empty() { Some(None) } else { Price::parse(text).map(Some) },
        text: |value| value.map_or_else(String::new, |price| price.text()),
    },
    || None,
    "The price of a million input and output tokens of the model <name> in US dollars, such as 3/15, from which the \
         cost of agents is computed whose program reports tokens only; further amounts are the prices of input that is read \
         from a cache and written into it, such as 3/15/0.30/3.75, without them a tenth and five quarters of that of input; \
         in the name, a hyphen stands for every character that is neither a letter nor a digit",
));
