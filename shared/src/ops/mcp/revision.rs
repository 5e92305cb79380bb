//! The revisions of the protocol. Up to 2025-11-25 a client says hello first; from 2026-07-28 on each request names its revision, and
//! `server/discover` takes the place of the hello. A server without state between requests can speak both at once.

use serde_json::{Value, json};

/// The revision that needs no hello.
const WITHOUT_HELLO: &str = "2026-07-28";
/// The revisions with a hello, newest first.
const WITH_HELLO: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// Where a request names its revision.
const NAMED_AT: &str = "io.modelcontextprotocol/protocolVersion";
/// Where an answer names the server.
const SERVER_AT: &str = "io.modelcontextprotocol/serverInfo";
/// How long the list of tools and what the server can do stay as they are, in milliseconds: a client starts another server for other
/// tools.
const FRESH_FOR: u64 = 3_600_000;

/// How a request is to be answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Revision {
    WithHello,
    WithoutHello,
}

/// Returns the revision that a request is in.
///
/// # Errors
/// It names one that is not spoken here: what to answer.
pub(super) fn of_request(params: &Value) -> Result<Revision, Value> {
    match params["_meta"][NAMED_AT].as_str() {
        None => Ok(Revision::WithHello),
        Some(WITHOUT_HELLO) => Ok(Revision::WithoutHello),
        Some(known) if WITH_HELLO.contains(&known) => Ok(Revision::WithHello),
        Some(other) => Err(json!({"supported": all(), "requested": other})),
    }
}

fn all() -> Vec<&'static str> {
    [WITHOUT_HELLO].into_iter().chain(WITH_HELLO).collect()
}

fn server() -> Value {
    json!({"name": "git-orchestra", "version": env!("CARGO_PKG_VERSION")})
}

/// Returns the answer to a hello, in the revision that the client asks for, else in the newest.
pub(super) fn hello(params: &Value, instructions: &str) -> Value {
    let asked = params["protocolVersion"].as_str().unwrap_or_default();
    let version = WITH_HELLO.into_iter().find(|known| *known == asked).unwrap_or(WITH_HELLO[0]);
    json!({
        "protocolVersion": version,
        "capabilities": {"tools": {}},
        "serverInfo": server(),
        "instructions": instructions,
    })
}

/// Returns what a client finds out with `server/discover`.
pub(super) fn discovered(instructions: &str) -> Value {
    let found = json!({
        "supportedVersions": all(),
        "capabilities": {"tools": {}},
        "serverInfo": server(),
        "instructions": instructions,
    });
    Revision::WithoutHello.kept(found)
}

impl Revision {
    /// Completes a result with what the revision wants in each.
    pub(super) fn complete(self, mut result: Value) -> Value {
        if self == Self::WithoutHello {
            result["resultType"] = "complete".into();
            result["_meta"][SERVER_AT] = server();
        }
        result
    }

    /// As [`Self::complete`], for what the client may keep.
    pub(super) fn kept(self, result: Value) -> Value {
        let mut result = self.complete(result);
        if self == Self::WithoutHello {
            result["ttlMs"] = FRESH_FOR.into();
            // What is offered depends on how this server was started.
            result["cacheScope"] = "private".into();
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_revision_or_follows_a_hello() {
        let named = |version: &str| json!({"_meta": {NAMED_AT: version}});
        for (params, expected) in [
            (Value::Null, Some(Revision::WithHello)),
            (json!({"_meta": {"progressToken": 1}}), Some(Revision::WithHello)),
            (named("2025-11-25"), Some(Revision::WithHello)),
            (named("2026-07-28"), Some(Revision::WithoutHello)),
            (named("2099-01-01"), None),
        ] {
            assert_eq!(of_request(&params).ok(), expected, "{params}");
        }
        let refused = of_request(&named("2099-01-01")).unwrap_err();
        assert_eq!(
            (&refused["requested"], &refused["supported"][0]),
            (&"2099-01-01".into(), &"2026-07-28".into())
        );
    }

    #[test]
    fn a_hello_is_answered_in_its_revision() {
        for (asked, spoken) in
            [("2025-06-18", "2025-06-18"), ("2024-11-05", "2024-11-05"), ("2026-07-28", "2025-11-25")]
        {
            assert_eq!(hello(&json!({"protocolVersion": asked}), "x")["protocolVersion"], spoken);
        }
        let found = discovered("x");
        assert_eq!((&found["resultType"], &found["cacheScope"]), (&"complete".into(), &"private".into()));
        assert_eq!(Revision::WithHello.kept(json!({"tools": []})), json!({"tools": []}));
    }
}
