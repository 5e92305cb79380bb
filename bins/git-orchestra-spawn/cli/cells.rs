//! What each program can do, as it was seen: the one place that says it. A test compares it with the programs and with the tests of
//! the real ones.

/// One paragraph for each thing that an agent goes through. Each names every program.
pub(crate) const CELLS: &[&str] = &[
    "These lines were seen with the versions that 'git orchestra doctor' names, against a scripted model. 'protocol' stands for the \
     programs that speak the Agent Client Protocol: Gemini CLI, opencode and Qwen Code were tried in all of it, Copilot 1.0.102 with a \
     model of the user's own in start, answers, resuming and pausing, and Mistral Vibe 3.0.2 in start, resuming and pausing. The \
     others were not tried: auggie, cursor, droid, goose, grok, junie, kilo, kimi, kiro and qoder, nor cline, which starts no session \
     without a login.",
    "Started: claude and codex once for each attempt, as a conversation; gemini, opencode and aider once for each message; api is \
     git orchestra itself; protocol once for each attempt.",
    "Edited: claude, codex, gemini, opencode, aider, api and protocol, in the agent's worktree.",
    "Committed: what claude, codex, gemini, opencode, api and protocol leave uncommitted is committed at the end, and aider commits \
     its own edits. claude, gemini, opencode and api also commit themselves if they are allowed git, protocol if that is answered; \
     codex cannot in its sandbox workspace-write.",
    "Session: claude, gemini and api get an id that is recorded before they start; codex, opencode and protocol choose one, which is \
     recorded at once; aider has none, but a file with its conversation.",
    "Cost: claude, opencode and aider report cost and tokens; codex and gemini report tokens; api counts tokens, and the cost if \
     orchestra.price.<name> is set; protocol has no word for tokens, and few programs report a cost.",
    "Waiting: claude, codex, api and protocol ask; gemini, opencode and aider cannot, so that what is not permitted is denied.",
    "Answered: claude, codex, api and protocol, with 'git orchestra send'; gemini, opencode and aider have nothing to answer.",
    "Told more: claude, codex and api read a message while they work; protocol reads it when its turn has ended; gemini, opencode and \
     aider are started with it then.",
    "Resumed: claude, codex, gemini, opencode, api and protocol in their session, aider with its conversation. A program of the \
     protocol that lost its session is noticed, and only --fresh begins another one.",
    "Paused and stopped: the turn of claude, api and protocol is interrupted first, for at most 2 seconds, so that its cost and its \
     session are complete; codex, gemini, opencode and aider are ended at once. No process of any of them is left.",
    "Denied: counted for claude, codex, gemini, opencode, api and protocol; aider runs no command that its model wrote.",
    "Limit: claude, codex, gemini and api are paused until the limit of their service ends; aider is paused when its credit is used \
     up; opencode cannot, as it repeats a refused request without a word until the idle timeout ends it; protocol cannot, as it has \
     no word for a limit, so that the agent fails with the words of the service.",
    "Attached: claude, codex, gemini and opencode continue the session in their own window, aider its conversation. Of the protocol, \
     qwen does; for the others of them, and for api, your shell is started in the worktree. Codex runs without its server in the \
     background, which would keep the session.",
    "Handed over ('resume --agent'): claude, codex, gemini, opencode, aider, api and protocol take over from each other, with a \
     report of at most 16 KiB on the state of the work.",
    "Reviews ('review --by'): claude, codex, gemini, opencode and api look at the history themselves; aider and protocol, which \
     cannot be allowed git beforehand, find the diff in their task, of at most 128 KiB.",
];
