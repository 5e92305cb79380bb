//! The codes of errors: the one table that names each, gives it a kind (hence an exit code) and says what it means.

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
            /// Every code, those of one kind together and the general one of each kind first.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word for scripts, which stays as it is.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// The kind that the code belongs to; it decides the exit code.
            pub const fn kind(self) -> Kind {
                match self {
                    $(Self::$name => Kind::$kind,)*
                }
            }

            /// What the code means, in one sentence for the manual.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }

            /// The name of the variant, for tests that look for its uses.
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
    ArgumentMissing "argument-missing" Usage "Something that must be named is missing, and nobody can be asked here.";
    CommandUnknown "command-unknown" Usage "No command has this name.";
    LimitExceeded "limit-exceeded" Usage "More is asked for at once than one command does.";
    MessageInvalid "message-invalid" Usage "The message is missing or too long.";
    NameInvalid "name-invalid" Usage "A name, an id or a label is malformed.";
    OptionUnsupported "option-unsupported" Usage "The agent program does not know one of the options.";
    PlaceUnknown "place-unknown" Usage "The reviewed work does not have the file or the line of a comment.";
    TaskInvalid "task-invalid" Usage "A task is missing, too long or not text.";
    TestMissing "test-missing" Usage "A test is needed, and none is configured.";

    Refused "refused" Refused "It cannot be done as things stand.";
    AgentAmbiguous "agent-ambiguous" Refused "What was typed matches several agents.";
    AgentArchived "agent-archived" Refused "The agent was removed from this repository and is archived.";
    AgentEnded "agent-ended" Refused "The agent does not run.";
    AgentNotListening "agent-not-listening" Refused "The program of the agent reads no messages while it runs.";
    AgentOfAnotherClone "agent-of-another-clone" Refused "The agent belongs to another clone.";
    AgentRunning "agent-running" Refused "The agent has not ended.";
    AgentUnknown "agent-unknown" Refused "No agent has this name or id.";
    AlreadyPublished "already-published" Refused "A remote has it already, so that it cannot be called back.";
    BranchAmbiguous "branch-ambiguous" Refused "What was typed matches several branches.";
    BranchCheckedOut "branch-checked-out" Refused "The branch is checked out in another worktree.";
    BranchDiffers "branch-differs" Refused "The branch here has another name or other commits than the agent's.";
    BranchGone "branch-gone" Refused "The branch does not exist any more.";
    BranchMoved "branch-moved" Refused "The branch has new commits since.";
    BranchUnknown "branch-unknown" Refused "No branch, agent or commit has this name.";
    CheckFailsOnTarget "check-fails-on-target" Refused "A check fails on the target itself, before anything is merged.";
    CheckoutBlocked "checkout-blocked" Refused "Something in a checkout of the branch is in the way of moving it.";
    CommitMissing "commit-missing" Refused "There is no commit yet to start from.";
    CommitUnknown "commit-unknown" Refused "The revision names no commit.";
    ConfigInvalid "config-invalid" Refused "A configuration value cannot be used.";
    ConfigUntrusted "config-untrusted" Refused "The configuration changed while agents ran, and nobody accepted the change.";
    ConfirmationNeeded "confirmation-needed" Refused "A question must be answered, and nobody can be asked here.";
    Declined "declined" Refused "The user was asked and did not agree.";
    DiskLow "disk-low" Refused "Too little disk space is left to start agents.";
    FileInaccessible "file-inaccessible" Refused "A file or folder that was named or is needed cannot be read or written.";
    FormatNewer "format-newer" Refused "The agent was written by a newer git orchestra.";
    GitTooOld "git-too-old" Refused "The git program is older than the oldest one supported.";
    HeadDetached "head-detached" Refused "No branch is checked out, and none was named.";
    HistoriesUnrelated "histories-unrelated" Refused "The histories have no commit in common.";
    IdentityMissing "identity-missing" Refused "No name and e-mail address are configured for commits.";
    LandingAbsent "landing-absent" Refused "No landing is in progress.";
    LandingInProgress "landing-in-progress" Refused "An earlier landing is not finished.";
    NotAFile "not-a-file" Refused "Something other than a regular file is where a file belongs.";
    NotForAgents "not-for-agents" Refused "Only a person may do this.";
    NotReviewed "not-reviewed" Refused "The work was not reviewed yet.";
    NotesUnusable "notes-unusable" Refused "The notes of a remote are too large, or are no notes.";
    NothingToLand "nothing-to-land" Refused "No branch is ready to land.";
    NothingToRedact "nothing-to-redact" Refused "Nothing in it looks like a secret.";
    NothingToUndo "nothing-to-undo" Refused "No operation can be undone, or the named one has no effect left.";
    OperationAmbiguous "operation-ambiguous" Refused "What was typed matches several operations.";
    OperationUnknown "operation-unknown" Refused "No operation has this id.";
    OutputMissing "output-missing" Refused "The output of the agent is not in this clone.";
    PathNotUtf8 "path-not-utf8" Refused "An agent cannot work in a path that is not UTF-8.";
    PathTaken "path-taken" Refused "Something else is at the path or under the ref that is needed.";
    PlatformUnsupported "platform-unsupported" Refused "Agents cannot be supervised on this system.";
    ProfileUnknown "profile-unknown" Refused "No agent program has this name.";
    ProgramMissing "program-missing" Refused "The program of the agent is not on PATH.";
    RemoteAmbiguous "remote-ambiguous" Refused "Several remotes are configured, and none was chosen.";
    RemoteMissing "remote-missing" Refused "No remote is configured.";
    RemoteUnknown "remote-unknown" Refused "No remote has this name.";
    RemoteUnrelated "remote-unrelated" Refused "The remote holds agents of another project.";
    RepositoryUnsupported "repository-unsupported" Refused "The repository uses a format that is not supported.";
    RunUnknown "run-unknown" Refused "No run has this id.";
    SessionAmbiguous "session-ambiguous" Refused "What was typed matches several sessions.";
    SessionFolderMissing "session-folder-missing" Refused "The folder in which the session ran is gone.";
    SessionInUse "session-in-use" Refused "Another program uses the session.";
    SessionOfAgent "session-of-agent" Refused "The session belongs to an agent or to another session.";
    SessionUnknown "session-unknown" Refused "No session has this id.";
    SessionUnsupported "session-unsupported" Refused "Sessions of this program cannot be used in this way.";
    TaskIsScript "task-is-script" Refused "The program of the agent would run the text as a script.";
    TooLarge "too-large" Refused "It is larger than anything that is read or sent.";
    TranscriptMissing "transcript-missing" Refused "The transcript of the session is gone.";
    UndoRefused "undo-refused" Refused "The operation cannot be undone as things stand.";
    WaitCycle "wait-cycle" Refused "An agent would wait for itself.";
    WorkMissing "work-missing" Refused "The agent has no work in this clone.";
    WorkUnusable "work-unusable" Refused "The work of the agent, or its record, is damaged or cannot be checked out.";
    WorktreeInUse "worktree-in-use" Refused "A process works in the worktree, or it changed at this moment.";
    WorktreeLocked "worktree-locked" Refused "The worktree is locked.";
    WorktreeMissing "worktree-missing" Refused "The agent has no worktree here.";
    WorktreeSuspect "worktree-suspect" Refused "The folder is not the worktree that was made, so it is not used.";

    Conflict "conflict" Conflict "Another program was quicker, or two things collide.";
    AgentChanged "agent-changed" Conflict "The agent changed at this moment.";
    LockHeld "lock-held" Conflict "Another process holds a lock.";
    OperationRunning "operation-running" Conflict "Another command that changes agents or branches runs in this repository.";
    RefChanged "ref-changed" Conflict "Another program changed a ref.";
    RemoteChanged "remote-changed" Conflict "The remote has news, or others write to it all the time.";
    SyncRunning "sync-running" Conflict "Another sync of this repository runs.";
    TargetBusy "target-busy" Conflict "The target moves or is checked out again and again.";
    WorkChanged "work-changed" Conflict "The work changed since it was looked at.";

    External "external" External "A program outside, or the system, failed.";
    DiskFull "disk-full" External "The disk is full.";
    GitFailed "git-failed" External "A git command failed.";
    GitMissing "git-missing" External "The git program cannot be run.";
    IoFailed "io-failed" External "A file or folder cannot be read or written.";
    ObjectsNotFetched "objects-not-fetched" External "Objects that a partial clone lacks cannot be fetched.";
    ProcessUnkillable "process-unkillable" External "A process does not end, even when killed.";
    ProgramFailed "program-failed" External "A program cannot be started, or failed.";
    RemoteFailed "remote-failed" External "Git cannot fetch from the remote or push to it.";
    RemoteRejected "remote-rejected" External "The remote does not take what was pushed.";
    RepositoryLost "repository-lost" External "The repository of a running agent is gone.";
    ReviewerFailed "reviewer-failed" External "The reviewing agent gave no verdict.";
    SupervisorFailed "supervisor-failed" External "The supervisor of an agent, or a helper of it, failed.";

    Internal "internal" Internal "A bug, or state that cannot be read.";
    ObjectUnreadable "object-unreadable" Internal "A git object is missing or damaged.";
    RefDamaged "ref-damaged" Internal "A ref is damaged.";
    StateDamaged "state-damaged" Internal "Something that git orchestra recorded is damaged.";

    Timeout "timeout" Timeout "A wait reached its limit.";
    AgentTimeout "agent-timeout" Timeout "The agent did not end, or did not answer, in time.";
    GitTimeout "git-timeout" Timeout "A git command took too long.";

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
    fn the_general_code_of_a_kind_is_of_that_kind_and_stands_first() {
        for code in Code::ALL {
            let general = Code::from(code.kind());
            assert_eq!(general.kind(), code.kind());
            assert_eq!(Code::ALL.iter().find(|other| other.kind() == code.kind()), Some(&general));
        }
    }
}
