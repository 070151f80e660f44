"""Reads mails (a JSON list of base 64) from stdin and writes what the email package understands of each as JSON."""
import base64
import email
import email.header
import email.policy
import email.utils
import json
import sys


def decoded(message, charset="utf-8"):
    return message.get_payload(decode=True).decode(charset).replace("\r\n", "\n")


def mailbox(raw, name):
    # Not the newer policy's addresses: it puts spaces between adjacent encoded words of a name (RFC 2047 section 6.2).
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    ((display, address),) = email.utils.getaddresses([str(message[name]).replace("\r\n", "")])
    return [str(email.header.make_header(email.header.decode_header(display))), address]


def read(raw):
    message = email.message_from_bytes(raw, policy=email.policy.SMTPUTF8)
    for name in ("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"):
        assert len(message.get_all(name)) == 1, name
    for name in ("Cc", "Bcc"):
        assert message[name] is None, name
    out = {
        "subject": str(message["Subject"]),
        "from": mailbox(raw, "From"),
        "to": mailbox(raw, "To"),
        "reply_to": mailbox(raw, "Reply-To"),
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
