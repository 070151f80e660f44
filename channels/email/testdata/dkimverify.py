"""Reads {"records": {name: text}, "mails": [base 64]} from stdin; writes for each mail what dkimpy says of each of its signatures."""
import base64
import json
import sys

import dkim

given = json.load(sys.stdin)
records = {name.encode() + b".": text.encode() for name, text in given["records"].items()}


def lookup(name, timeout=5):
    return records.get(name)


def verdict(mail, index):
    try:
        # minkey: what a receiver may demand (RFC 8301 section 3.2).
        ok = dkim.DKIM(mail, minkey=2048).verify(idx=index, dnsfunc=lookup)
        return "valid" if ok else "invalid"
    except dkim.DKIMException as problem:
        return "invalid: " + str(problem)


def verdicts(mail):
    count = sum(1 for name, _ in dkim.DKIM(mail).headers if name.lower() == b"dkim-signature")
    return [verdict(mail, index) for index in range(count)]


json.dump([verdicts(base64.b64decode(mail)) for mail in given["mails"]], sys.stdout)
