//! The codes of errors: the one table that names each, gives it a kind (and so an exit code) and says what it means.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Kind;

/// Makes the enum and all that is known of each code from one table, so that nothing can be said of a code in two places.
macro_rules! codes {
    ($($name:ident $word:literal $kind:ident $meaning:literal;)*) => {
        /// What went wrong, as precisely as a script or a window may want to decide by it.
        ///
        /// A code never changes its meaning; new ones are added. Its kind, and with it the exit code, follows from it.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
        #[non_exhaustive]
        pub enum Code {
            $(
                #[doc = $meaning]
                #[serde(rename = $word)]
                $name,
            )*
        }

        impl Code {
            /// All codes, grouped by kind, the general code of each kind first.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the word for scripts. It never changes.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// Returns the kind of the code, which decides the exit code.
            pub const fn kind(self) -> Kind {
                match self {
                    $(Self::$name => Kind::$kind,)*
                }
            }

            /// Returns the meaning of the code, in one sentence for the manual.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }

            /// Returns the name of the variant, for tests that look for its uses.
            pub const fn variant(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

codes! {
    Usage "usage" Usage "The command line or the request is wrong.";
    ArgumentMissing "argument-missing" Usage "A required argument is missing, and there is no terminal to ask for it on.";
    CommandUnknown "command-unknown" Usage "No command has this name.";
    KeyUnknown "key-unknown" Usage "No configuration key has this name.";
    LimitExceeded "limit-exceeded" Usage "The request exceeds a limit of the command.";
    MessageInvalid "message-invalid" Usage "The message is missing or too long.";
    NameInvalid "name-invalid" Usage "A name, an id or a label is malformed.";
    OptionUnsupported "option-unsupported" Usage "The agent program does not know one of the options.";
    PlaceUnknown "place-unknown" Usage "The file or the line of a comment is not in the reviewed work.";
    PlanInvalid "plan-invalid" Usage "The plan cannot be read, or its tasks cannot be put into an order.";
    TaskInvalid "task-invalid" Usage "A task is missing, too long or not text.";
    TestMissing "test-missing" Usage "A test command is required, and none is configured.";
    ValueInvalid "value-invalid" Usage "The value is not of the type of the configuration key.";

    Refused "refused" Refused "The operation is not possible in the current state.";
    AgentAmbiguous "agent-ambiguous" Refused "What was typed matches several agents.";
    AgentArchived "agent-archived" Refused "The agent was removed from this repository and is archived.";
    AgentEnded "agent-ended" Refused "The agent is not running.";
    AgentNotListening "agent-not-listening" Refused "The agent's program reads no messages while it runs.";
    AgentOfAnotherClone "agent-of-another-clone" Refused "The agent belongs to another clone.";
    AgentRunning "agent-running" Refused "The agent has not ended.";
    AgentUnknown "agent-unknown" Refused "No agent has this name or id.";
    AlreadyPublished "already-published" Refused "A remote already has it, so it cannot be withdrawn.";
    BranchAmbiguous "branch-ambiguous" Refused "What was typed matches several branches.";
    BranchCheckedOut "branch-checked-out" Refused "The branch is checked out in another worktree.";
    BranchDiffers "branch-differs" Refused "The branch here differs from the agent's, in its name or its commits.";
    BranchGone "branch-gone" Refused "The branch no longer exists.";
    BranchMoved "branch-moved" Refused "The branch has new commits.";
    BranchOfAgent "branch-of-agent" Refused "The branch belongs to an agent.";
    BranchUnknown "branch-unknown" Refused "No branch, agent or commit has this name.";
    CheckFailsOnTarget "check-fails-on-target" Refused "A check fails on the target itself, before anything is merged.";
    CheckoutBlocked "checkout-blocked" Refused "Something in a checkout of the branch prevents moving it.";
    CheckoutUnfinished "checkout-unfinished" Refused "The checkout is in the middle of a merge or the like, or has conflicts.";
    CommitMissing "commit-missing" Refused "There is no commit to start from.";
    CommitUnknown "commit-unknown" Refused "The revision names no commit.";
    ConfigInvalid "config-invalid" Refused "A configuration value cannot be used.";
    ConfigUntrusted "config-untrusted" Refused "The configuration changed while agents ran, and nobody accepted the change.";
    ConfirmationNeeded "confirmation-needed" Refused "Confirmation is required, and there is no terminal to ask on.";
    Declined "declined" Refused "The user was asked and declined.";
    CredentialMissing "credential-missing" Refused "The agent needs a key, and the environment has none.";
    DiskLow "disk-low" Refused "There is too little free disk space to start agents.";
    FileInaccessible "file-inaccessible" Refused "A named file or folder cannot be read or written.";
    ForgeLimit "forge-limit" Refused "The forge accepts no more requests for now.";
    ForgeRefused "forge-refused" Refused "The forge refused the request.";
    ForgeTokenMissing "forge-token-missing" Refused "No token for the forge was found.";
    ForgeTokenRefused "forge-token-refused" Refused "The forge refused the token, or the token may not do this.";
    ForgeUnknown "forge-unknown" Refused "The remote is not on a forge whose interface is known.";
    FormatNewer "format-newer" Refused "The agent was written by a newer version of git orchestra.";
    GateUnknown "gate-unknown" Refused "The run has no open gate of this number.";
    GitTooOld "git-too-old" Refused "The git program is older than the oldest supported version.";
    HeadDetached "head-detached" Refused "No branch is checked out, and none was named.";
    HistoriesUnrelated "histories-unrelated" Refused "The histories have no commit in common.";
    IdentityMissing "identity-missing" Refused "No name and e-mail address for commits are configured.";
    LandingAbsent "landing-absent" Refused "No landing is in progress.";
    LandingInProgress "landing-in-progress" Refused "An earlier landing is not finished.";
    MessageLimit "message-limit" Refused "The agent wrote as many messages as it may.";
    MessageUnknown "message-unknown" Refused "No message, or more than one, has this id.";
    NotAFile "not-a-file" Refused "The path is not a regular file.";
    NotForAgents "not-for-agents" Refused "Only a person may do this.";
    NotReviewed "not-reviewed" Refused "The work has not been reviewed.";
    NotesUnusable "notes-unusable" Refused "The notes of a remote are too large or malformed.";
    NothingToLand "nothing-to-land" Refused "No branch is ready to land.";
    NothingToRedact "nothing-to-redact" Refused "The text contains nothing that looks like a secret.";
    NothingToUndo "nothing-to-undo" Refused "No operation can be undone, or the named one is no longer in effect.";
    OperationAmbiguous "operation-ambiguous" Refused "What was typed matches several operations.";
    OperationUnknown "operation-unknown" Refused "No operation has this id.";
    OutputMissing "output-missing" Refused "The output of the agent is not in this clone.";
    PathNotUtf8 "path-not-utf8" Refused "The path is not UTF-8, and an agent cannot work in it.";
    PathTaken "path-taken" Refused "The path or the ref already exists.";
    PlatformUnsupported "platform-unsupported" Refused "Agents cannot be supervised on this system.";
    PointUnknown "point-unknown" Refused "The agent has no point of this number.";
    ProfileUnknown "profile-unknown" Refused "There is no profile of this name.";
    ProgramMissing "program-missing" Refused "The agent's program is not on PATH.";
    ProposalUnapproved "proposal-unapproved" Refused "The project's file proposes a setting that nobody approved here.";
    RemoteAmbiguous "remote-ambiguous" Refused "Several remotes are configured, and none was named.";
    RemoteMissing "remote-missing" Refused "No remote is configured.";
    RemoteUnknown "remote-unknown" Refused "No remote has this name.";
    RemoteUnrelated "remote-unrelated" Refused "The remote holds agents of another project.";
    RepositoryUnsupported "repository-unsupported" Refused "The repository uses a format that is not supported.";
    RunRepeated "run-repeated" Refused "A run that has not ended has the same task, or the task landed in an earlier run.";
    RunUnknown "run-unknown" Refused "No run has this id.";
    SandboxUnavailable "sandbox-unavailable" Refused "The sandbox that was asked for cannot be made on this machine.";
    SessionAmbiguous "session-ambiguous" Refused "What was typed matches several sessions.";
    SessionFolderMissing "session-folder-missing" Refused "The folder in which the session ran no longer exists.";
    SessionInUse "session-in-use" Refused "Another program uses the session.";
    SessionOfAgent "session-of-agent" Refused "The session belongs to an agent or to another session.";
    SessionUnknown "session-unknown" Refused "No session has this id.";
    SessionUnsupported "session-unsupported" Refused "Sessions of this program cannot be used in this way.";
    SpecUnknown "spec-unknown" Refused "No spec, or no version of it, has this name or number.";
    TaskIsScript "task-is-script" Refused "The agent's program would run the text as a script.";
    TaskTaken "task-taken" Refused "An agent that has not ended has the same task.";
    TooLarge "too-large" Refused "The file or text exceeds the maximum size.";
    TranscriptMissing "transcript-missing" Refused "The transcript of the session no longer exists.";
    UndoRefused "undo-refused" Refused "The operation cannot be undone in the current state.";
    WaitCycle "wait-cycle" Refused "An agent would wait for itself.";
    WorkMissing "work-missing" Refused "The agent has no work in this clone.";
    WorkUnusable "work-unusable" Refused "The agent's work, or its record, is damaged or cannot be checked out.";
    WorktreeInUse "worktree-in-use" Refused "A process uses the worktree, or the worktree changed during the command.";
    WorktreeLocked "worktree-locked" Refused "The worktree is locked.";
    WorktreeMissing "worktree-missing" Refused "The agent has no worktree here.";
    WorktreeSuspect "worktree-suspect" Refused "The folder is not the worktree that git orchestra made.";

    Conflict "conflict" Conflict "Another program was faster, or two things collide.";
    AgentChanged "agent-changed" Conflict "The agent changed during the command.";
    ForgeChanged "forge-changed" Conflict "The pull request changed on the forge after it was read.";
    GateAnswered "gate-answered" Conflict "The gate has been answered otherwise, or is closed.";
    LockHeld "lock-held" Conflict "Another process holds a lock.";
    OperationRunning "operation-running" Conflict "Another command that changes agents or branches is running in this repository.";
    RefChanged "ref-changed" Conflict "Another program changed a ref.";
    RemoteChanged "remote-changed" Conflict "The remote changed, or others keep writing to it.";
    RunTaken "run-taken" Conflict "Another clone drives the run.";
    SyncRunning "sync-running" Conflict "Another sync of this repository is running.";
    TargetBusy "target-busy" Conflict "The target branch keeps moving or being checked out.";
    WorkChanged "work-changed" Conflict "The work changed after it was read.";

    External "external" External "An outside program, or the system, failed.";
    DiskFull "disk-full" External "The disk is full.";
    ForgeFailed "forge-failed" External "The forge failed, or its answer cannot be read.";
    ForgeUnreachable "forge-unreachable" External "The forge cannot be reached.";
    GitFailed "git-failed" External "A git command failed.";
    GitMissing "git-missing" External "The git program cannot be run.";
    IoFailed "io-failed" External "Reading or writing a file failed.";
    ObjectsNotFetched "objects-not-fetched" External "Objects missing from a partial clone cannot be fetched.";
    ProcessUnkillable "process-unkillable" External "A process does not end, even after it was killed.";
    ProgramFailed "program-failed" External "A program failed or cannot be started.";
    RemoteFailed "remote-failed" External "Git cannot fetch from the remote or push to it.";
    RemoteRejected "remote-rejected" External "The remote rejected the push.";
    RepositoryLost "repository-lost" External "The repository of a running agent no longer exists.";
    ReviewerFailed "reviewer-failed" External "The reviewing agent gave no verdict.";
    SupervisorFailed "supervisor-failed" External "The supervisor of an agent, or one of its helpers, failed.";

    Internal "internal" Internal "There is a bug, or state cannot be read.";
    ObjectUnreadable "object-unreadable" Internal "A git object is missing or damaged.";
    RefDamaged "ref-damaged" Internal "A ref is damaged.";
    StateDamaged "state-damaged" Internal "Something that git orchestra recorded is damaged.";

    Timeout "timeout" Timeout "A wait reached its limit.";
    AgentTimeout "agent-timeout" Timeout "The agent did not end, or did not answer, in time.";
    GitTimeout "git-timeout" Timeout "A git command took too long.";
    SlotTimeout "slot-timeout" Timeout "No slot of the machine became free in time.";

    NotARepository "not-a-repository" NotARepository "There is no git repository here.";
    RepositoryUnreadable "repository-unreadable" NotARepository "The repository cannot be opened.";
    RepositoryUnsafe "repository-unsafe" NotARepository "The repository belongs to another user.";

    Interrupted "interrupted" Interrupted "The user interrupted the command.";
}

impl From<Kind> for Code {
    /// The general code of a kind, for errors of which nobody needs to know more.
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Usage => Self::Usage,
            Kind::Refused => Self::Refused,
            Kind::Conflict => Self::Conflict,
            Kind::External => Self::External,
            Kind::Internal => Self::Internal,
            Kind::Timeout => Self::Timeout,
            Kind::NotARepository => Self::NotARepository,
            Kind::Interrupted => Self::Interrupted,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn words_are_unique_kebab_case_and_meanings_are_sentences() {
        let words: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        let meanings: BTreeSet<&str> = Code::ALL.iter().map(|code| code.meaning()).collect();
        assert_eq!((words.len(), meanings.len()), (Code::ALL.len(), Code::ALL.len()));
        for code in Code::ALL {
            let word = code.as_str();
            let is_kebab =
                word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            assert!(is_kebab && !word.starts_with('-') && !word.ends_with('-'), "{word}");
            let meaning = code.meaning();
            let is_sentence = meaning.starts_with(|c: char| c.is_ascii_uppercase()) && meaning.ends_with('.');
            assert!(is_sentence && !meaning.trim_end_matches('.').contains(". "), "{meaning}");
        }
    }

    #[test]
    fn a_code_is_the_same_word_in_json() {
        for code in Code::ALL {
            let json = serde_json::to_value(code).unwrap();
            assert_eq!(json, code.as_str());
            assert_eq!(serde_json::from_value::<Code>(json).unwrap(), *code);
        }
    }

    #[test]
    fn the_general_code_of_a_kind_is_of_that_kind_and_comes_first() {
        for code in Code::ALL {
            let general = Code::from(code.kind());
            assert_eq!(general.kind(), code.kind());
            assert_eq!(Code::ALL.iter().find(|other| other.kind() == code.kind()), Some(&general));
        }
    }
}
