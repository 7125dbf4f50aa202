"""Reads a beancount file with beancount itself: prints the balance of each account and currency as JSON, or what is wrong with it."""

import json
import sys
from decimal import Decimal

from beancount import loader
from beancount.core import data

entries, errors, _ = loader.load_file(sys.argv[1])
if errors:
    for error in errors[:20]:
        print(f"{error.source.get('lineno')}: {error.message}", file=sys.stderr)
    sys.exit(1)
sums = {}
for entry in entries:
    if isinstance(entry, data.Transaction):
        for posting in entry.postings:
            place = sums.setdefault(posting.account, {})
            currency = posting.units.currency
            place[currency] = place.get(currency, Decimal(0)) + posting.units.number
print(json.dumps({account: {c: format(n, "f") for c, n in by.items()} for account, by in sums.items()}))
