"""Reads mails (a JSON list of base 64) from stdin and writes what the email package understands of each as JSON."""
import base64
import email
import email.policy
import email.utils
import json
import sys


def decoded(message, charset="utf-8"):
    return message.get_payload(decode=True).decode(charset).replace("\r\n", "\n")


def mailbox(message, name):
    (address,) = message[name].addresses
    return [address.display_name, address.addr_spec]


def read(raw):
    message = email.message_from_bytes(raw, policy=email.policy.SMTPUTF8)
    for name in ("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"):
        assert len(message.get_all(name)) == 1, name
    for name in ("Cc", "Bcc"):
        assert message[name] is None, name
    out = {
        "subject": str(message["Subject"]),
        "from": mailbox(message, "From"),
        "to": mailbox(message, "To"),
        "reply_to": mailbox(message, "Reply-To"),
        "message_id": str(message["Message-ID"]),
        "date": message["Date"].datetime.isoformat(),
        "unsubscribe": str(message["List-Unsubscribe"] or ""),
        "types": [], "text": "", "html": "", "files": [], "contents": [],
    }
    for part in message.walk():
        out["types"].append(part.get_content_type())
        if part.get_content_disposition() == "attachment":
            out["files"].append(part.get_filename())
            out["contents"].append(part.get_payload(decode=True).decode("utf-8"))
        elif part.get_content_type() == "text/plain":
            out["text"] = decoded(part)
        elif part.get_content_type() == "text/html":
            out["html"] = decoded(part)
        assert not part.defects, part.defects
    return out


json.dump([read(base64.b64decode(mail)) for mail in json.load(sys.stdin)], sys.stdout)
