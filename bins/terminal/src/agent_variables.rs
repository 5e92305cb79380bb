//! The variables of ours in the environment of an agent's program, with what each means: for `git-orchestra-spawn(1)` and for agents.

/// Each variable with its meaning. An agent's program gets no other one whose name begins with `ORCHESTRA_`.
pub const AGENT_VARIABLES: &[(&str, &str)] = &[
    ("ORCHESTRA_AGENT", "The id of the agent. Commands that start agents record it as their parent."),
    (
        "ORCHESTRA_ATTEMPT",
        "A random mark of this attempt, by which its processes are found. Do not change it: a program that names another agent is refused.",
    ),
    ("ORCHESTRA_BASE", "The commit from which the agent started."),
    ("ORCHESTRA_BRANCH", "The branch of the agent, without refs/heads/."),
    (
        "ORCHESTRA_INBOX",
        "The command, for a shell, that prints the messages which came since the last call, and ends with 1 if there are none: sh -c \
         \"$ORCHESTRA_INBOX\". Only programs that are given no messages have it, outside of a sandbox. Messages can be sent to an \
         agent once its program has asked.",
    ),
    (
        "ORCHESTRA_PORT",
        "The first of ten ports that no other live agent of yours on this machine has, and that were free when the agent was \
         started. A resumed agent has the same, unless another program took them meanwhile.",
    ),
    ("ORCHESTRA_PROMPT_FILE", "The path of a file that contains the task."),
    (
        "ORCHESTRA_ROOT",
        "Your checkout, in which the agent must not change anything; of a bare repository, its folder.",
    ),
];
