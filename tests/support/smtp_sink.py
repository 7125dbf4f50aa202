"""A mail server that misbehaves on request, for the tests of the letters.

What it does depends on the local part of the recipient, up to the first digit or dash:

    greylisted   451 at the first RCPT, then takes the letter
    busy         421 and closes at the first RCPT, then takes the letter
    nobody       550 5.1.1 at RCPT
    named        the same, with the address in the answer, as most servers say it
    policy       550 5.7.1 at RCPT
    full         452 4.2.2 after the final dot
    unwanted     554 5.6.0 after the final dot
    hangrcpt     never answers RCPT
    slowrcpt     answers RCPT after half a second, then takes the letter
    hangdot      keeps the letter and never answers the final dot
    cut          keeps the letter and cuts the connection after the final dot, the first time; takes it the second time
    slow         keeps the letter and answers the final dot after a second
    (others)     takes the letter

It prints one JSON object a line: {"event": "ready", "port": N}, then connects, greetings, signs-in, recipients and letters as they come.
"""

import argparse
import asyncio
import email
import email.policy
import json
import logging
import re
import ssl
import sys
import warnings
from collections import Counter

from aiosmtpd.smtp import SMTP, AuthResult

warnings.filterwarnings("ignore")
logging.disable()
seen = Counter()


def tell(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)


def encrypted(server):
    return server.transport.get_extra_info("sslcontext") is not None


def manner(address):
    return re.split(r"[-0-9@]", address, maxsplit=1)[0]


class Server(SMTP):
    def connection_made(self, transport):
        if self.transport is None:
            tell("connect")
        super().connection_made(transport)

    def connection_lost(self, error):
        tell("disconnect")
        super().connection_lost(error)


class Handler:
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        tell("ehlo", name=hostname, tls=encrypted(server))
        return responses

    async def handle_RSET(self, server, session, envelope):
        tell("rset")
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        tell("rcpt", to=address)
        seen[address] += 1
        first = seen[address] == 1
        how = manner(address)
        if how == "greylisted" and first:
            return "451 4.2.0 Greylisted, try again later"
        if how == "busy" and first:
            asyncio.get_running_loop().call_later(0.05, server.transport.close)
            return "421 4.3.2 Too busy, closing"
        if how == "nobody":
            return "550 5.1.1 No such user here"
        if how == "named":
            return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown"
        if how == "policy":
            return "550 5.7.1 Sender is not allowed here"
        if how == "hangrcpt":
            await asyncio.sleep(3600)
        if how == "slowrcpt":
            await asyncio.sleep(0.5)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        to = envelope.rcpt_tos[0]
        how = manner(to)
        if how == "full":
            return "452 4.2.2 Mailbox full"
        if how == "unwanted":
            return "554 5.6.0 Content not wanted"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        plain, html = message.get_body(("plain",)), message.get_body(("html",))
        tell(
            "letter",
            to=to,
            sender=envelope.mail_from,
            message_id=message["Message-ID"].strip("<>"),
            subject=message["Subject"],
            header_from=str(message["From"]),
            header_to=str(message["To"]),
            auto_submitted=message["Auto-Submitted"],
            headers=[name for name in message.keys()],
            list_unsubscribe=message["List-Unsubscribe"],
            list_unsubscribe_post=message["List-Unsubscribe-Post"],
            text=plain.get_content() if plain else None,
            html=html.get_content() if html else None,
            tls=encrypted(server),
            defects=[str(defect) for defect in message.defects],
        )
        if how == "hangdot":
            await asyncio.sleep(3600)
        if how == "slow":
            await asyncio.sleep(1)
        if how == "cut" and seen[to] == 1:
            server.transport.abort()
            await asyncio.sleep(3600)
        return "250 2.0.0 Taken"


def sign_in(server, session, envelope, mechanism, data):
    good = data.login == b"desk@newsroom.example" and data.password == b"p:a/s s%w"
    tell("auth", good=good, tls=encrypted(server))
    return AuthResult(success=good, handled=False) if not good else AuthResult(success=True)


async def main():
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--cert")
    options.add_argument("--key")
    options.add_argument("--implicit", action="store_true", help="TLS from the first byte")
    options.add_argument("--auth", action="store_true", help="take no letter without signing in")
    given = options.parse_args()
    context = None
    if given.cert:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(given.cert, given.key)
    starttls = None if given.implicit else context

    def make():
        return Server(
            Handler(),
            hostname="sink.example",
            enable_SMTPUTF8=False,
            tls_context=starttls,
            authenticator=sign_in if given.auth else None,
            auth_required=given.auth,
            auth_require_tls=starttls is not None,
            timeout=3600,
        )

    server = await asyncio.get_running_loop().create_server(
        make, "127.0.0.1", given.port, ssl=context if given.implicit else None
    )
    tell("ready", port=server.sockets[0].getsockname()[1])
    # The server ends when the test that started it does.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
