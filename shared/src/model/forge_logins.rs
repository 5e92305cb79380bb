//! The environment variables in which people keep their logins for forges.

/// The names of the variables. Programs of forges, CI and `pr` read them; what runs the work of agents gets none.
pub const FORGE_LOGINS: &[&str] = &[
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "AZURE_DEVOPS_EXT_PAT",
    "BITBUCKET_ACCESS_TOKEN",
    "BITBUCKET_API_TOKEN",
    "BITBUCKET_APP_PASSWORD",
    "BITBUCKET_EMAIL",
    "BITBUCKET_PASSWORD",
    "BITBUCKET_TOKEN",
    "CI_JOB_TOKEN",
    "CODEBERG_TOKEN",
    "COPILOT_GITHUB_TOKEN",
    "FORGEJO_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    "GH_TOKEN",
    "GITEA_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
    "GITHUB_TOKEN",
    "GITLAB_ACCESS_TOKEN",
    "GITLAB_PRIVATE_TOKEN",
    "GITLAB_TOKEN",
    "GL_TOKEN",
    "HOMEBREW_GITHUB_API_TOKEN",
];
