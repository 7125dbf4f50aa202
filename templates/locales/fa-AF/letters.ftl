# Letters of every kind.

letter-discreet-subject = نامه‌ای برای شما
