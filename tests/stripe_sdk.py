#!/usr/bin/env python3
"""Drives the stand-in for Stripe with Stripe's own SDK, which nobody here wrote: create, pay, refund, list, sign, verify.

    pip install 'stripe==16.1.0'
    stripe_sdk.py BASE_URL WEBHOOK_SECRET NOW < EVENT

BASE_URL: where the stand-in listens. EVENT: two lines, a webhook's body and its Stripe-Signature header. NOW: the stand-in's time, unix seconds.
Prints one JSON object: {"paid": session id, "header": a header that the SDK made for the body "signed by the SDK"}.
"""
import hashlib
import hmac
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import stripe


class Follow(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


def post_card(url, **fields):
    """Pays on the card page as a browser does; the status and where it leads."""
    request = urllib.request.Request(url, data=urllib.parse.urlencode(fields).encode())
    try:
        answer = urllib.request.build_opener(Follow).open(request)
        return answer.status, None
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("location")


def expect(what, is_so):
    if not is_so:
        sys.exit(f"stripe_sdk.py: {what}")


def checkout(client, now, amount, key):
    params = {
        "mode": "payment",
        "submit_type": "donate",
        "success_url": "http://127.0.0.1:9/thanks?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:9/back",
        "customer_email": "reader@example.org",
        "client_reference_id": "sdk-1",
        "metadata": {"wellwisher_donation": "sdk-1"},
        "expires_at": now + 3600,
        "line_items": [
            {"quantity": 1, "price_data": {"currency": "eur", "unit_amount": amount, "product_data": {"name": "Gift"}}}
        ],
    }
    return client.v1.checkout.sessions.create(params, {"idempotency_key": key})


def main():
    base, secret, now = sys.argv[1].rstrip("/"), sys.argv[2], int(sys.argv[3])
    body, header = sys.stdin.read().split("\n")[:2]
    client = stripe.StripeClient("sk_test_sdk", base_addresses={"api": base}, max_network_retries=0)

    first = checkout(client, now, 2500, "sdk-key-1")
    expect("the same key gives the same session", checkout(client, now, 2500, "sdk-key-1").id == first.id)
    try:
        checkout(client, now, 9900, "sdk-key-1")
        expect("the same key with another amount is refused", False)
    except stripe.IdempotencyError:
        pass
    try:
        checkout(client, now, 10, "sdk-key-2")
        expect("less than the minimum is refused", False)
    except stripe.InvalidRequestError as error:
        expect("the refusal is amount_too_small", error.code == "amount_too_small")

    card = {"method": "card", "expiry": "12 / 40", "cvc": "123"}
    status, _ = post_card(first.url, number="4000000000000002", **card)
    expect("a declined card stays on the page", status == 402)
    status, target = post_card(first.url, number="4242 4242 4242 4242", **card)
    expect("a good card leads back", status == 303 and target == f"http://127.0.0.1:9/thanks?session={first.id}")

    expand = ["payment_intent.latest_charge.balance_transaction"]
    paid = client.v1.checkout.sessions.retrieve(first.id, {"expand": expand})
    expect("it is paid", paid.status == "complete" and paid.payment_status == "paid")
    entry = paid.payment_intent.latest_charge.balance_transaction
    expect("the fee is booked", entry.amount == 2500 and entry.net == entry.amount - entry.fee and entry.fee > 0)

    refund = client.v1.refunds.create({"payment_intent": paid.payment_intent.id, "amount": 500, "metadata": {"why": "practice"}})
    expect("the refund is of that charge", refund.charge == paid.payment_intent.latest_charge.id and refund.amount == 500)
    charge = client.v1.charges.retrieve(refund.charge)
    expect("the charge shows the refund", charge.amount_refunded == 500 and not charge.refunded)

    for number in range(12):
        checkout(client, now, 1000 + number, f"sdk-many-{number}")
    listed = list(client.v1.checkout.sessions.list({"limit": 5}).auto_paging_iter())
    expect("paging shows each session once", len(listed) == len({s.id for s in listed}) and len(listed) >= 13)
    for service in (client.v1.payment_intents, client.v1.charges, client.v1.balance_transactions, client.v1.refunds, client.v1.events):
        expect("every listing has rows", len(service.list({"limit": 100}).data) > 0)
    closed = client.v1.checkout.sessions.expire(listed[0].id)
    expect("an open session can be ended", closed.status == "expired" and closed.url is None)

    # The stand-in's clock may stand elsewhere than this machine's; the SDK compares with time.time().
    time.time = lambda: now
    event = stripe.Webhook.construct_event(body, header, secret)
    expect("the SDK believes our webhook", event.id.startswith("evt_"))
    try:
        stripe.Webhook.construct_event(body + " ", header, secret)
        expect("the SDK refuses a changed webhook", False)
    except stripe.SignatureVerificationError:
        pass
    signed = "signed by the SDK"
    # The SDK's own signer is private; it is what its verifier compares with.
    mac = stripe.WebhookSignature._compute_signature(f"{now}.{signed}", secret)
    expect("the signer is HMAC-SHA256", mac == hmac.new(secret.encode(), f"{now}.{signed}".encode(), hashlib.sha256).hexdigest())
    print(json.dumps({"paid": first.id, "header": f"t={now},v1={mac}"}))


if __name__ == "__main__":
    main()
