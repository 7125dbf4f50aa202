# Letters of every kind.

letter-discreet-subject = A letter for you
letter-discreet-first = A letter for you. Read it when nobody looks over your shoulder, and delete it afterwards if others may open your mail.
