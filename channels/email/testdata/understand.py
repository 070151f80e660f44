"""Reads mails (a JSON list of base 64) from stdin and writes all that Python's email package understands of each as JSON."""
import base64
import email
import email.header
import email.policy
import email.utils
import json
import sys

OURS = ("date", "from", "to", "reply-to", "subject", "message-id", "mime-version", "user-agent", "x-mailer")


def people(raw, name):
    # Not the default policy's addresses: it puts spaces between adjacent encoded words of a name (RFC 2047 section 6.2).
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    fields = [str(field).replace("\r\n", "") for field in message.get_all(name, [])]
    return [[str(email.header.make_header(email.header.decode_header(display))), address] for display, address in email.utils.getaddresses(fields)]


def read(raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    out = {
        "subject": str(message["Subject"] or ""), "from": people(raw, "From"), "to": people(raw, "To"), "reply_to": people(raw, "Reply-To"),
        "message_id": str(message["Message-ID"]).strip(), "date": int(message["Date"].datetime.timestamp()),
        "headers": sorted([name.lower(), str(value)] for name, value in message.items()
                          if name.lower() not in OURS and not name.lower().startswith("content-")),
        "text": "", "html": "", "calendar": "", "files": [], "contents": [],
    }
    for part in message.walk():
        assert not part.defects, part.defects
        content = part.get_payload(decode=True)
        if part.get_content_disposition() == "attachment":
            out["files"].append([part.get_filename(), part.get_content_type()])
            out["contents"].append(base64.b64encode(content).decode())
        elif part.get_content_type() == "text/plain":
            out["text"] = content.decode("utf-8")
        elif part.get_content_type() == "text/html":
            out["html"] = content.decode("utf-8")
        elif part.get_content_type() == "text/calendar":
            out["calendar"] = content.decode("utf-8")
    return out


json.dump([read(base64.b64decode(mail)) for mail in json.load(sys.stdin)], sys.stdout)
