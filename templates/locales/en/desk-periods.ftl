desk-done-period-closed = The period is closed. What is heard of later counts in the first open day after it.
desk-done-period-reopened = The period is open again. The audit trail keeps why.
desk-periods-text = A closed period never changes: what is heard of later counts in the first open day. Close one when your books of it are done.
desk-periods-none = No period has been made yet. Everything is open.
desk-period-title = { $first } to { $last }
desk-period-days = Days
desk-period-state = State
desk-period-open = Open
desk-period-closed = Closed
desk-period-zone = Time zone
desk-period-entries = Entries
desk-period-new = A new period
desk-period-make = Make it
desk-period-day-wrong = Write a day such as 2026-01-31.
desk-period-starts = Begins
desk-period-ends = Ends
desk-period-excluded = (not included)
desk-period-closed-at = Closed
desk-period-hash = Control hash
desk-period-closed-text = The hash is made of every entry of this period. It is computed again every hour; a changed entry is found.
desk-period-reopen = Open it again
desk-period-reason = Why?
desk-period-reason-hint = It is kept in the audit trail.
desk-period-reopen-button = Open the period again
desk-period-close = Close the period
desk-period-obstacles = Not yet to be closed
desk-period-obstacle-not-over = It is not over yet.
desk-period-obstacle-not-asked = Stripe was not asked since it ended. That happens by itself every ten minutes.
desk-period-obstacle-unmapped = { $count ->
    [one] { $number } movement of Stripe’s balance is of an unknown kind.
   *[other] { $number } movements of Stripe’s balance are of an unknown kind.
}
desk-period-obstacle-unknown-balance = { $count ->
    [one] { $number } movement of a donation is in a balance of Stripe’s that the program does not know.
   *[other] { $number } movements of donations are in a balance of Stripe’s that the program does not know.
}
desk-period-obstacle-not-posted = { $count ->
    [one] { $number } movement of a donation is not in the books.
   *[other] { $number } movements of donations are not in the books.
}
desk-period-obstacle-unlisted = { $count ->
    [one] Stripe does not give { $number } of its lists.
   *[other] Stripe does not give { $number } of its lists.
}
desk-period-obstacle-unread = { $count ->
    [one] { $number } movement or payout at Stripe could not be read.
   *[other] { $number } movements or payouts at Stripe could not be read.
}
desk-period-obstacle-not-itemised = { $count ->
    [one] Stripe has not itemised { $number } payout yet.
   *[other] Stripe has not itemised { $number } payouts yet.
}
desk-period-obstacle-remainder = { $count ->
    [one] The parts of { $number } payout do not add up to it.
   *[other] The parts of { $number } payouts do not add up to them.
}
desk-period-obstacle-held = { $count ->
    [one] Payouts were made by hand, and what Stripe holds does not agree with the books, or Stripe does not say what it holds ({ $number } difference).
   *[other] Payouts were made by hand, and what Stripe holds does not agree with the books, or Stripe does not say what it holds ({ $number } differences).
}
desk-period-obstacle-events = { $count ->
    [one] { $number } event of Stripe’s waits or was refused.
   *[other] { $number } events of Stripe’s wait or were refused.
}
desk-period-remove = Take the period away
