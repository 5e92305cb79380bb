use super::*;

fn message(id: &str) -> InboxMessage {
    InboxMessage {
        id: id.to_owned(),
        agent: AgentId::parse("fix-it-00000").unwrap(),
        at: Timestamp::UNIX_EPOCH,
        attempt: 1,
        kind: MessageKind::Note,
        to: Receiver::People,
        parent: None,
        text: "hello".to_owned(),
        unread: true,
        read: None,
        heard: None,
        reply: None,
        reply_via: None,
        reply_heard: None,
    }
}

#[test]
fn a_message_is_named_by_the_first_digits_of_its_id() {
    let all = [message("0123456789ab"), message("0123ffffffff")];
    for (typed, expected) in [
        ("01234", Ok("0123456789ab")),
        ("0123F", Ok("0123ffffffff")),
        ("0123456789ab", Ok("0123456789ab")),
        ("0123", Err(Code::MessageUnknown)),
        ("ffff", Err(Code::MessageUnknown)),
        ("012", Err(Code::NameInvalid)),
        ("", Err(Code::NameInvalid)),
        ("0123456789abc", Err(Code::NameInvalid)),
        ("../x", Err(Code::NameInvalid)),
    ] {
        let found = find(&all, typed).map(|one| one.id.as_str()).map_err(|error| error.code);
        assert_eq!(found, expected, "{typed}");
    }
}
