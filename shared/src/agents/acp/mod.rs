//! The Agent Client Protocol, version 1: one driver for every program that speaks it. The specification is at agentclientprotocol.com.
//!
//! | file | contains |
//! |---|---|
//! | `native` | the programs that speak it without an adapter, by name |
//! | `launch` | starting them, and commands of the user that speak it |
//! | `exchange`, `setup` | the messages in order: the handshake, prompts, and answers |
//! | `message`, `long` | JSON-RPC, one line for each message |
//! | `offer`, `update`, `permission`, `end` | the words of the protocol, and what they mean here |
//! | `calls`, `chunks` | tool calls and messages that arrive in parts |
//!
//! The types are our own: ten messages are needed, and the published crates change their major version every few weeks.
//!
//! Programs with a folder of their own in `agents` are driven by that adapter, even if they speak the protocol: it knows what the protocol
//! does not say, such as the id of a session before it starts, tokens and costs, usage limits and their end, and the files of sessions. A
//! user may still configure a command for them, which speaks the protocol instead.
//!
//! What the protocol does not give: tokens, usage limits, the reason for a denial (it is sent as the next prompt). The files and terminals of the client are not offered: a program uses its own.
//!
//! These were seen in real programs, and are expected: a session that was never heard of is "loaded" (so a loaded session must repeat
//! something of its history); a method is advertised and does not exist; files of the client are used although they are not offered; an
//! interrupted turn ends as usual, or as an internal error; a call is announced twice, only in a question, or only at its end.

mod calls;
mod chunks;
mod end;
mod exchange;
mod launch;
mod long;
mod message;
mod native;
mod offer;
mod permission;
mod setup;
mod update;

#[cfg(test)]
mod tests;

pub(super) use launch::{SUPPORTED, launch};
pub(super) use native::NATIVE;

use self::{exchange::AcpExchange, setup::Wanted};
use super::{Connection, Exchange, Protocol, ProtocolKind, Reported, Session};

/// The protocol, as launches name it.
pub(super) const PROTOCOL: Protocol = Protocol::of(&Acp);

/// The protocol.
struct Acp;

impl ProtocolKind for Acp {
    fn name(&self) -> &'static str {
        "acp"
    }

    fn is_structured(&self) -> bool {
        true
    }

    fn negotiates_session(&self) -> bool {
        true
    }

    fn outlives_input(&self) -> bool {
        true
    }

    fn reports(&self) -> Reported {
        Reported { tokens: false, cost: true }
    }

    fn repeats_messages(&self) -> bool {
        false
    }

    fn open(&self) -> Box<dyn Exchange> {
        Box::new(AcpExchange::new(None))
    }

    fn connect(&self, connection: &Connection<'_>) -> Box<dyn Exchange> {
        let session = match connection.session {
            Session::Known(session) => Some(session.to_owned()),
            Session::None | Session::Unnamed | Session::New(_) => None,
        };
        Box::new(AcpExchange::new(Some(Wanted {
            folder: connection.folder.to_owned(),
            session,
            may_start_over: connection.opens_with_task,
            permission: connection.permission,
            model: connection.model.map(str::to_owned),
            servers: connection.servers.clone(),
        })))
    }
}
