# Letters of every kind.

letter-discreet-subject = تاسو ته یو لیک
