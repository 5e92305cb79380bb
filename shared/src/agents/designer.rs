//! Designers: programs that a person uses in their terminal, with the tools of git orchestra.

use super::{
    AgentProgram, DesignerOptions, HookMoment, Launch, Options, configured::configured,
    profile::ProfileOptions, registry,
};
use crate::{Code, Error, Kind, Result, config::Config, model::text};

/// Determines how the profile `name` is started as a designer.
///
/// # Errors
/// There is no such profile, its program is not on this machine, or it cannot be a designer (2): the error names those that can.
pub fn designer_launch(name: &str, config: &Config<'_>, options: &DesignerOptions) -> Result<Launch> {
    let program = configured(name, config);
    let launcher = program.as_deref().and_then(AgentProgram::launcher);
    let Some(launch) = launcher.and_then(|launcher| launcher.designer()) else {
        // The error of a profile that does not exist says which do.
        let unknown = super::launch(name, config, &Options::default()).err();
        if let Some(error) = unknown.filter(|error| error.code == Code::ProfileUnknown) {
            return Err(error);
        }
        let shown = text::safe(name);
        let all = designers().join(", ");
        return Err(Error::new(
            Code::OptionUnsupported,
            format!("agent '{shown}' cannot be a designer: it is not used in a terminal, or takes no tools by an option"),
        )
        .hint(format!("git orchestra designer --agent NAME; these can: {all}")));
    };
    let model = ProfileOptions::of(name, config)?.with(Options::default()).model;
    let launch = launch(config, &DesignerOptions { model, ..options.clone() }).map_err(|error| {
        if error.kind() == Kind::Usage {
            error
        } else {
            error.hint(format!("designers: {}", designers().join(", ")))
        }
    })?;
    let env = launch.env.into_iter().chain(super::variables(name, config)?).collect();
    Ok(Launch { env, ..launch })
}

/// Returns the programs that can be designers, whether or not they are installed.
pub fn designers() -> Vec<&'static str> {
    registry::startable()
        .filter(|(_, launcher)| launcher.designer().is_some())
        .map(|(name, _)| name)
        .collect()
}

/// Reads what a program passes to a hook of a designer.
///
/// # Errors
/// The program has no hooks (2), or this is not one of those that a designer is given (3).
pub fn hook_moment(program: &str, input: &[u8]) -> Result<HookMoment> {
    let launcher = registry::program(program).and_then(AgentProgram::launcher);
    let form = launcher.and_then(|launcher| launcher.hooks()).ok_or_else(|| {
        Error::new(Code::OptionUnsupported, format!("'{}' runs no hooks", text::one_line(program, 40)))
    })?;
    HookMoment::read(form, input)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::agents::options;

    #[test]
    fn what_can_be_a_designer_is_used_in_a_terminal_and_takes_servers() {
        let all = designers();
        assert_eq!(all, ["claude", "codex", "gemini", "opencode"]);
        for name in all {
            let launcher = registry::program(name).and_then(AgentProgram::launcher).unwrap();
            assert!(launcher.supported().contains(&options::MCP_SERVER), "{name}");
            assert!(
                registry::session_reader(name).is_some_and(|reader| reader.resume_argv("x", false).is_some())
            );
        }
    }

    fn moment(program: &str, name: &str) -> Result<HookMoment> {
        hook_moment(program, json!({"hook_event_name": name, "session_id": "x"}).to_string().as_bytes())
    }

    #[test]
    fn what_a_hook_says_reaches_the_model_at_that_moment() {
        for (program, at_prompt, after_tool, at_end, decision) in [
            ("claude", "UserPromptSubmit", "PostToolUse", "Stop", "block"),
            ("gemini", "BeforeAgent", "AfterTool", "AfterAgent", "deny"),
        ] {
            for name in [at_prompt, after_tool] {
                let said: Value = serde_json::from_str(&moment(program, name).unwrap().answer("hi")).unwrap();
                assert_eq!(
                    said,
                    json!({"hookSpecificOutput": {"hookEventName": name, "additionalContext": "hi"}})
                );
            }
            let said: Value = serde_json::from_str(&moment(program, at_end).unwrap().answer("hi")).unwrap();
            assert_eq!(said, json!({"decision": decision, "reason": "hi"}));
            assert!(moment(program, "SessionEnd").is_err());
        }
        assert!(moment("codex", "Stop").is_err() && moment("nosuch", "Stop").is_err());
        assert!(hook_moment("claude", b"\xff{").is_err());
    }
}
