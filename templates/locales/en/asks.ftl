asks-heading = Give
asks-for = For
asks-give-elsewhere = Give to our work as a whole
asks-amount = Amount
asks-other = Another amount
asks-other-amount = Another amount
asks-other-hint = What you write here counts before the choices above.
asks-currency = Currency
asks-currency-hint = The amounts above are the same numbers in each currency.
asks-price = { $price } each.
asks-left = { $count ->
    [one] { $number } is left.
   *[other] { $number } are left.
}
asks-quantity = How many
asks-email = E-mail
asks-email-hint = Your receipt goes there.
asks-name = Name (not required)
asks-discreet = Write to me discreetly: sender and subject tell nothing
asks-public-name = Show my name publicly
asks-note = A note to us (not required)
asks-note-hint = Only our staff read it.
asks-updates = Send me news of what came of it
asks-cover-fee = Cover the payment fee too
asks-cover-fee-hint = Adds our estimate of it: { $percent } % and { $fixed }, so that your whole gift reaches us.
asks-website = Leave this field empty
asks-who = Your gift goes to { $org }.
asks-card = You enter your card on the page of Stripe, our payment service, which needs JavaScript; we never see your card.
asks-donate = Donate
asks-stored = We keep your e-mail address, and your name and note if you write them, for the receipt and our books. We keep no network address and track nobody.
asks-questions = Questions, or money back:
asks-error-amount-empty = Choose or write an amount
asks-error-amount-number = Write the amount as a number, such as 25 or 1,000.50
asks-error-amount-ambiguous = This could mean a thousand or one. Write it without a comma
asks-error-amount-decimals = Write at most { $decimals } digits after the decimal point
asks-error-amount-whole = This currency has no cents that can be paid. Write a whole amount
asks-error-amount-positive = Write an amount above zero
asks-error-amount-large = The amount is too large
asks-error-min = The smallest gift is { $min }
asks-error-max = The largest gift is { $max }
asks-error-currency = Choose one of the currencies
asks-error-quantity = Write how many, as a whole number such as 1
asks-error-left = { $count ->
    [0] All of them are taken
    [one] Only { $number } is left. Write { $number }
   *[other] Only { $number } are left. Write { $number } or fewer
}
asks-error-email-empty = Write your e-mail address, so that the receipt can reach you
asks-error-email = Write the e-mail address like name@example.org
asks-error-long = Write at most { $most } characters
asks-error-website = Leave this field empty; it is there to stop programs
asks-error-token-forged = The form was not complete. Everything you typed is kept; please press Donate again
asks-error-token-fast = That was faster than we expected of a person. Please wait three seconds and press Donate again
asks-error-token-expired = The form had been open for a day. Everything you typed is kept; please check it and press Donate again
asks-problem-campaign = This campaign does not take gifts at the moment.
asks-problem-item = This item is not asked for here any more.
asks-problem-none-left = All of this item are taken.
asks-address = Postal address (not required)
asks-address-hint = Only for your official receipt: without it you get a receipt that does not count for tax.
asks-error-gift-aid-currency = Gift Aid is for gifts in pounds: choose GBP, or take the tick away
asks-error-gift-aid-empty = Write this, or take the tick from Gift Aid away
asks-error-gift-aid-postcode = Write a United Kingdom postcode such as S19 2BD
asks-frequency = How often
asks-frequency-once = Once
asks-frequency-monthly = Every month
asks-frequency-yearly = Every year
asks-error-frequency = Choose how often you give; an item is given once
asks-transfer = Give by bank transfer
asks-shared-missing = { $left } of { $goal } is still missing.
asks-shared-hint = Many give towards it together: give what you can.
asks-error-missing = Only { $left } is missing. Write that or less
asks-error-rest = { $left } is missing. Write exactly that, or { $most } or less, so that what is left can still be given
asks-rule-campaign = If all of it is paid for before your payment arrives, or if it costs less in the end, your money stays with the campaign “{ $campaign }”.
asks-rule-fund = If all of it is paid for before your payment arrives, or if it costs less in the end, your money stays with the work that it belongs to.
asks-rule-shared = Your money waits for the rest. If the whole price is not reached, or if it costs more in the end, we ask others for what is missing or add it ourselves; if neither works, it cannot be bought.
asks-rule-dearer = If it costs more in the end, we ask others for what is missing or add it ourselves; if neither works, it cannot be bought.
asks-rule-promise = { $count ->
    [one] If it cannot be bought at all, we ask you by e-mail, also if your payment comes after that: another item, our general work, or your money back. Without an answer within { $number } day it goes to our general work.
   *[other] If it cannot be bought at all, we ask you by e-mail, also if your payment comes after that: another item, our general work, or your money back. Without an answer within { $number } days it goes to our general work.
}
asks-match-double = A sponsor doubles your gift.
asks-match-double-named = { $sponsor } doubles your gift.
asks-match-ratio = For each { $gift } that you give, a sponsor adds { $added }.
asks-match-by = { $sponsor } adds to your gift.
asks-match-left = { $left } is left for that now.
asks-match-from = Gifts from { $min } are matched.
asks-match-most = At most { $max } is added to one gift.
asks-match-held = When you go on, the match is held for you for { $number } minutes, until you have paid. If less is left by then, we tell you before you pay.
asks-match-rules = It is for payments online in { $currency }; of a monthly or yearly gift the first payment is matched, and what covers the fee is not.
