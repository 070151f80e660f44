"""Reads mails (a JSON list of base 64) from stdin and writes what Python's email package understands of each as JSON."""
import base64
import email
import email.policy
import json
import sys


def read(raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    out = {
        "subject": str(message["Subject"]),
        "from": [[a.display_name, a.addr_spec] for a in message["From"].addresses],
        "to": [[a.display_name, a.addr_spec] for a in message["To"].addresses],
        "reply_to": [[a.display_name, a.addr_spec] for a in message["Reply-To"].addresses],
        "message_id": str(message["Message-ID"]),
        "headers": {},
        "types": [], "encodings": [], "text": "", "html": "", "files": [], "contents": [],
    }
    for name, value in message.items():
        out["headers"].setdefault(name.lower(), []).append(str(value))
    for part in message.walk():
        assert not part.defects, part.defects
        out["types"].append(part.get_content_type())
        if part.is_multipart():
            continue
        out["encodings"].append(str(part["Content-Transfer-Encoding"]).lower())
        content = part.get_payload(decode=True).decode("utf-8").replace("\r\n", "\n")
        if part.get_content_disposition() == "attachment":
            out["files"].append(part.get_filename())
            out["contents"].append(content)
        elif part.get_content_type() == "text/plain":
            out["text"] = content
        elif part.get_content_type() == "text/html":
            out["html"] = content
    return out


json.dump([read(base64.b64decode(mail)) for mail in json.load(sys.stdin)], sys.stdout)
