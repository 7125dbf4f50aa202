# Letters of every kind.

letter-discreet-subject = A letter for you
