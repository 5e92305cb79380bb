//! What a program can do, as it says at the beginning, and the modes and models that a session offers. Pure.

use serde_json::{Value, json};

use crate::model::{Permission, text};

/// The version of the protocol that is spoken here.
pub(super) const VERSION: u64 = 1;
/// The maximum number of modes or models that are read or shown.
const MAX_CHOICES: usize = 1000;
/// The number of models that an error names.
const MAX_NAMED: usize = 12;
/// The maximum width of the ways to log in, in columns.
const LOGIN_WIDTH: usize = 300;

/// What a program can do.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Capabilities {
    /// Whether it can load a session and repeat its history.
    pub(super) loads: bool,
    /// Whether it can continue a session without repeating its history.
    pub(super) resumes: bool,
    /// Whether it can use MCP servers at addresses.
    pub(super) uses_addresses: bool,
    /// How a person logs in, in its own words.
    pub(super) login: Option<String>,
}

impl Capabilities {
    /// Reads the answer to `initialize`.
    ///
    /// # Errors
    /// It speaks another version of the protocol, or does not say which.
    pub(super) fn of(answer: &Value) -> Result<Self, String> {
        match answer["protocolVersion"].as_u64() {
            Some(VERSION) => {}
            Some(other) => {
                return Err(format!("it speaks version {other} of the Agent Client Protocol, not {VERSION}"));
            }
            None => {
                return Err("it does not say which version of the Agent Client Protocol it speaks".to_owned());
            }
        }
        let able = &answer["agentCapabilities"];
        Ok(Self {
            loads: able["loadSession"].as_bool() == Some(true),
            resumes: able["sessionCapabilities"]["resume"].is_object(),
            uses_addresses: able["mcpCapabilities"]["http"].as_bool() == Some(true),
            login: login(&answer["authMethods"]),
        })
    }
}

/// Returns the ways to log in: `Log in with X (run 'x login'), or Use a key`.
fn login(methods: &Value) -> Option<String> {
    let ways = methods.as_array()?.iter().take(MAX_CHOICES).filter_map(|method| {
        let name = method["name"].as_str()?;
        let about = method["description"].as_str().filter(|about| *about != name);
        Some(about.map_or_else(|| name.to_owned(), |about| format!("{name} ({about})")))
    });
    let ways = ways.collect::<Vec<_>>().join(", or ");
    Some(text::one_line(&ways, LOGIN_WIDTH)).filter(|ways| !ways.is_empty())
}

/// Something that a session can be set to, by one of the two ways of the protocol.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Choices {
    /// The id of the configuration option; `None` if it has a method of its own.
    option: Option<String>,
    /// What it is set to.
    pub(super) current: String,
    /// The ids and names of what it can be set to.
    values: Vec<(String, String)>,
}

/// What a session offers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Offer {
    pub(super) modes: Option<Choices>,
    pub(super) models: Option<Choices>,
}

impl Offer {
    /// Reads the answer that begins a session.
    pub(super) fn of(answer: &Value) -> Self {
        let named = |kind: &str, list: &str, current: &str, id: &str| {
            let state = &answer[kind];
            Choices::of(None, &state[current], &state[list], id)
        };
        let configured = |category: &str| {
            let options = answer["configOptions"].as_array()?;
            let found = options.iter().take(MAX_CHOICES).find(|option| option["category"] == category)?;
            Choices::of(found["id"].as_str(), &found["currentValue"], &found["options"], "value")
        };
        Self {
            modes: named("modes", "availableModes", "currentModeId", "id").or_else(|| configured("mode")),
            models: configured("model")
                .or_else(|| named("models", "availableModels", "currentModelId", "modelId")),
        }
    }
}

impl Choices {
    fn of(option: Option<&str>, current: &Value, list: &Value, id: &str) -> Option<Self> {
        // Options may be in groups.
        let grouped = |one: &Value| match one["options"].as_array() {
            Some(group) => group.clone(),
            None => vec![one.clone()],
        };
        let all = list.as_array()?.iter().take(MAX_CHOICES).flat_map(grouped);
        let values: Vec<(String, String)> = all
            .filter_map(|one| {
                let id = one[id].as_str()?.to_owned();
                let name = one["name"].as_str().unwrap_or(&id).to_owned();
                Some((id, name))
            })
            .collect();
        let current = current.as_str().unwrap_or_default().to_owned();
        (!values.is_empty()).then_some(Self { option: option.map(str::to_owned), current, values })
    }

    /// Returns the request that sets it: the method and its parameters. `kind` is `mode` or `model`.
    pub(super) fn request(&self, session: &str, kind: &str, value: &str) -> (String, Value) {
        match &self.option {
            Some(option) => (
                "session/set_config_option".to_owned(),
                json!({"sessionId": session, "configId": option, "value": value}),
            ),
            None => {
                let mut params = json!({"sessionId": session});
                params[format!("{kind}Id")] = value.into();
                (format!("session/set_{kind}"), params)
            }
        }
    }

    /// Returns the mode with the meaning of a permission mode, if there is one.
    pub(super) fn mode_for(&self, permission: Permission) -> Option<&str> {
        let wanted: &[&str] = match permission {
            Permission::Default | Permission::DontAsk => &["default", "ask", "manual", "normal"],
            Permission::AcceptEdits => &["acceptedits", "autoedit", "autoedits", "autoacceptedits"],
            Permission::Plan => &["plan", "planmode", "planning", "readonly"],
            Permission::BypassPermissions => {
                &["bypasspermissions", "yolo", "bypass", "autoapprove", "fullauto", "dangerfullaccess"]
            }
        };
        let is_meant = |text: &str| wanted.contains(&word(text).as_str());
        let found = self.values.iter().find(|(id, _)| is_meant(id));
        found.or_else(|| self.values.iter().find(|(_, name)| is_meant(name))).map(|(id, _)| id.as_str())
    }

    /// Finds a model by its id or name. An id may have the provider in front, as in `provider/model`.
    ///
    /// # Errors
    /// It is not offered. The error names some that are.
    pub(super) fn model(&self, wanted: &str) -> Result<&str, String> {
        let same = |(id, name): &&(String, String)| id == wanted || name == wanted;
        let ends = |(id, _): &&(String, String)| id.rsplit('/').next() == Some(wanted);
        let found = self.values.iter().find(same).or_else(|| self.values.iter().find(ends));
        found.map(|(id, _)| id.as_str()).ok_or_else(|| {
            let named: Vec<&str> = self.values.iter().take(MAX_NAMED).map(|(id, _)| id.as_str()).collect();
            let more = if self.values.len() > MAX_NAMED { ", …" } else { "" };
            format!("it does not offer the model '{wanted}', only {}{more}", named.join(", "))
        })
    }
}

/// Reduces the id or name of a mode to letters: `auto-edit` and `Auto Edit` are one. An id may be the end of an address.
fn word(text: &str) -> String {
    let end = text.rsplit('#').next().unwrap_or(text);
    end.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_version_1_is_spoken() {
        let of = |answer: Value| Capabilities::of(&answer);
        assert!(of(json!({"protocolVersion": 2})).unwrap_err().contains("speaks version 2 "));
        assert!(of(json!({})).unwrap_err().contains("does not say which version"));
        assert!(of(json!({"protocolVersion": "1"})).unwrap_err().contains("does not say which version"));
        assert_eq!(of(json!({"protocolVersion": 1})), Ok(Capabilities::default()));
        let able = json!({"protocolVersion": 1, "agentCapabilities": {"loadSession": true, "sessionCapabilities": {"resume": {}}},
            "authMethods": [{"id": "a", "name": "Log in", "description": "run 'x login'"}, {"id": "b", "name": "Use a key"}]});
        let login = Some("Log in (run 'x login'), or Use a key".to_owned());
        assert_eq!(of(able), Ok(Capabilities { loads: true, resumes: true, uses_addresses: false, login }));
    }

    #[test]
    fn a_permission_mode_becomes_the_mode_of_that_meaning() {
        use Permission::{AcceptEdits, BypassPermissions, Default, DontAsk, Plan};
        let modes = |ids: &[&str]| {
            let list: Vec<Value> =
                ids.iter().map(|id| json!({"id": id, "name": format!("{id} mode")})).collect();
            Offer::of(&json!({"modes": {"currentModeId": ids[0], "availableModes": list}})).modes.unwrap()
        };
        let some = modes(&["default", "autoEdit", "yolo", "plan"]);
        let others = modes(&["build", "plan"]);
        let addresses = modes(&["https://a.b/modes#agent", "https://a.b/modes#plan"]);
        for (offered, permission, expected) in [
            (&some, Default, Some("default")),
            (&some, DontAsk, Some("default")),
            (&some, AcceptEdits, Some("autoEdit")),
            (&some, Plan, Some("plan")),
            (&some, BypassPermissions, Some("yolo")),
            (&modes(&["ask", "auto-edit"]), AcceptEdits, Some("auto-edit")),
            (&others, Plan, Some("plan")),
            (&others, AcceptEdits, None),
            (&others, BypassPermissions, None),
            (&addresses, Plan, Some("https://a.b/modes#plan")),
        ] {
            assert_eq!(offered.mode_for(permission), expected, "{permission:?} in {offered:?}");
        }
    }

    #[test]
    fn modes_and_models_are_set_by_the_way_that_is_offered() {
        let option = |category: &str| {
            json!({"id": format!("my-{category}"), "category": category, "currentValue": "p/one",
            "options": [{"group": "g", "options": [{"value": "p/one", "name": "One"}]}, {"value": "p/two", "name": "Two"}]})
        };
        let offer = Offer::of(&json!({"configOptions": [option("model"), option("mode")]}));
        let models = offer.models.unwrap();
        assert_eq!((models.model("two"), models.model("One")), (Ok("p/two"), Ok("p/one")));
        let missing = models.model("three").unwrap_err();
        assert_eq!(missing, "it does not offer the model 'three', only p/one, p/two");
        let params = json!({"sessionId": "s", "configId": "my-model", "value": "p/two"});
        assert_eq!(models.request("s", "model", "p/two"), ("session/set_config_option".to_owned(), params));
        assert_eq!(offer.modes.unwrap().current, "p/one");
        let named = json!({"modes": {"currentModeId": "a", "availableModes": [{"id": "a"}]},
            "models": {"currentModelId": "m", "availableModels": [{"modelId": "m", "name": "M"}]}});
        let Offer { modes: Some(modes), models: Some(models) } = Offer::of(&named) else { panic!("both") };
        let params = |key: &str, value: &str| json!({"sessionId": "s", key: value});
        assert_eq!(modes.request("s", "mode", "a"), ("session/set_mode".to_owned(), params("modeId", "a")));
        assert_eq!(
            models.request("s", "model", "m"),
            ("session/set_model".to_owned(), params("modelId", "m"))
        );
        assert_eq!(Offer::of(&json!({"modes": null, "configOptions": []})), Offer::default());
    }
}
