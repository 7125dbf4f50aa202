wishes-title = Wish list
wishes-intro = These are the things that we need most. Choose one and give it.
wishes-none = Nothing is on the list at the moment.
wishes-none-give = You can give an amount instead.
wishes-all = The whole wish list
wishes-give = Give this
wishes-campaign = For the campaign
wishes-shop = Buy it on the shop's wish list
wishes-shop-hint = This item stands on a wish list at a shop. You buy it there; the shop learns who you are, and we do not.
wishes-state-needed = Needed
wishes-state-reserved = Reserved
wishes-state-paid = Paid
wishes-paid-of = { $paid } of { $needed } paid
wishes-reserved = { $count ->
    [one] { $number } reserved
   *[other] { $number } reserved
}
desk-wish-new = New wish item
desk-wish-edit = Change the wish item
desk-wish-none = No wish items yet. Make the first one: it can then be attached to articles.
desk-wish-open = Asked for
desk-wish-stalled = Waits for the rest of its price, without a gift for 90 days
desk-wish-cancelled = Cancelled
desk-wish-cancelled-text = This item is cancelled: readers are not asked for it.
desk-wish-with-money = Asked for no more, with money that is not spent
desk-wish-cancel-paid = Money for it is paid and not spent: what is paid is still to be bought. If it cannot be, whoever does the finances declares so, and those who gave choose.
desk-wish-cancel = Ask for it no more
desk-wish-reopen = Ask for it again
desk-wish-kind = How it is paid
desk-wish-kind-priced = Here, at a price
desk-wish-kind-link = On a shop's wish list
desk-wish-why = Why it is needed
desk-wish-price = Price of one
desk-wish-price-hint = Only for items that are paid here.
desk-wish-needed = How many are needed
desk-wish-reserved = Reserved
desk-wish-paid = Paid
desk-wish-left = Left to give
desk-wish-shop = Address of the shop's list
desk-wish-shop-hint = Only for items on a shop's wish list. It begins with https://
desk-wish-no-campaign = No campaign
desk-wish-campaign-hint = The item's money goes to the campaign's fund.
wishes-state-bought = Bought
wishes-state-delivered = Delivered
wishes-state-cancelled = Not asked for any more
wishes-bought-of = { $bought } of { $needed } bought
wishes-delivered = { $count ->
    [one] { $number } delivered
   *[other] { $number } delivered
}
wishes-money-of = { $paid } of { $goal }
wishes-money-held = { $held } more is being paid now.
wishes-cancelled-price = Its price changed too much.
wishes-cancelled-unavailable = It cannot be had at the moment.
wishes-cancelled-not-needed = It is not needed any more.
wishes-cancelled-other = It cannot be bought as planned.
wishes-history = What became of it
wishes-history-paid = { $number } paid.
wishes-history-bought = { $number } bought.
wishes-history-delivered = { $number } delivered.
wishes-shop-first = First: order it at the shop
wishes-order-title = Then: tell us
wishes-order-hint = { $count ->
    [one] So that nobody else buys the same. We hold it for you for { $number } day, until it has come.
   *[other] So that nobody else buys the same. We hold it for you for { $number } days, until it has come.
}
wishes-order-quantity = How many you ordered
wishes-order-email = E-mail, if you want to hear of it (not required)
wishes-order-email-hint = We ask you once, by letter, whether you really want it. If you do not say yes, we forget the address.
wishes-order-news = Write to me whether what I ordered has come, and send me the news of it.
wishes-order-letter-subject = What you ordered for { $org }
wishes-order-letter-came = On { $day } you told us that you had ordered something for us at a shop. It has come. Thank you!
wishes-order-letter-not = On { $day } you told us that you had ordered something for us at a shop. We could not find that it came, so we ask others for it again. If it is on its way, or you have a question, please write to us.
wishes-order-letter-mistaken = We wrote to you that what you told us of on { $day }, ordered for us at a shop, had come. That was a mistake, and we are sorry: we could not find that it came, so we ask others for it again. If it is on its way, or you have a question, please write to us.
wishes-order-letter-why = You get this letter because you said that you want to hear of it.
wishes-order-send = I ordered this
wishes-order-thanks = Thank you. We hold it for you, and tell it here when it has come.
wishes-order-too-many = Many orders came from your network in the last hour. Nothing is lost: please press the button again later.
wishes-order-left = { $count ->
    [0] Others were quicker: all of them are held or bought
    [one] Only { $number } is left. Write { $number }
   *[other] Only { $number } are left. Write { $number } or fewer
}
wishes-order-most = { $count ->
   *[other] At most { $number } can be told of at once. Ordered more? Tell us again
}
wishes-order-none-left = All of this item are ordered or bought. Thank you!
desk-wish-funding = Who pays for one
desk-wish-funding-whole = One giver pays for one or more
desk-wish-funding-shared = Many givers pay for it together
desk-wish-funding-hint = Only for items that are paid here. Together: each gives what she wants until the price is there.
desk-wish-bought = Bought
desk-wish-delivered = Delivered
desk-wish-buy = Mark as bought
desk-wish-buy-hint = { $count ->
    [one] { $number } can be marked as bought.
   *[other] Up to { $number } can be marked as bought.
}
desk-wish-deliver = Mark as delivered
desk-wish-deliver-hint = { $count ->
    [one] { $number } is bought and not delivered.
   *[other] { $number } are bought and not delivered.
}
desk-wish-how-many = How many
desk-wish-note = Note for the desk
desk-wish-note-hint = Readers do not see it. Write no names and no places that could endanger somebody.
desk-wish-reason = Why
desk-wish-reason-hint = Readers see a short sentence. Of borders and dangers it says only that it cannot be bought as planned.
desk-wish-reason-price = Its price changed
desk-wish-reason-unavailable = It cannot be had
desk-wish-reason-border = It cannot be brought there
desk-wish-reason-danger = It would endanger somebody
desk-wish-reason-not-needed = It is not needed any more
desk-wish-reason-other = Another reason
desk-wish-reason-none = No reason was given.
desk-wish-history = Everything that happened
desk-wish-history-none = Nothing happened yet.
desk-wish-when = When
desk-wish-what = What
desk-wish-who = Who
desk-wish-undo = Take back
desk-wish-undone = taken back
desk-wish-by-gift = A gift
desk-wish-by-supporter = A supporter
desk-wish-by-system = By itself
desk-wish-step-made = Made
desk-wish-step-edited = Number or price changed
desk-wish-step-reserved = Reserved
desk-wish-step-released = Free again
desk-wish-step-paid = Paid
desk-wish-step-paid-late = Paid late, and still free
desk-wish-step-missed = Paid too late: it was gone
desk-wish-step-given-back = Money given back
desk-wish-step-ordered = Ordered at the shop, as a supporter says
desk-wish-step-order-ended = The order came to nothing
desk-wish-step-bought = Bought
desk-wish-step-delivered = Delivered
desk-wish-step-cancelled = Asked for no more
desk-wish-step-reopened = Asked for again
desk-wish-step-proved = Proof of delivery shown to readers
desk-wish-orders-title = Ordered at shops
desk-wish-orders-intro = Supporters say that they ordered these. Confirm an order when it has come; until then nobody else is asked for it. What nobody confirms in time is free again.
desk-wish-order-of = { $number } ordered on
desk-wish-order-confirm = It has come
desk-wish-order-refuse = It did not come
desk-wish-order-held = Waits for us
desk-wish-order-confirmed = Has come
desk-wish-order-refused = Did not come
desk-wish-order-expired = Ran out
desk-wish-held-until = Held until
desk-wish-late-title = Gifts that came too late
desk-wish-late-intro = The money came when the item was gone. Each stays with its campaign or fund; nothing is given back by itself. You may want to write to the giver. Whose money came after it was declared that the item cannot be bought is asked by itself, and then is not listed here.
desk-wish-late-none = No gift came too late for its item.
wishes-proofs = Proof that it arrived
wishes-proof-withheld = Confirmed by two of us. We say no more, so that nobody is endangered.
desk-picture-title = Picture
desk-picture-intro = The picture is made anew from what you upload: the place, the camera and everything else that is hidden in the file is lost. Look at what is seen: faces, signs and windows can tell who and where.
desk-picture-file = Picture
desk-picture-file-hint = JPEG, PNG or WebP, at most 12 MB and 50 million pixels.
desk-picture-text = What the picture shows
desk-picture-text-hint = For readers who cannot see it. A sentence is enough.
desk-picture-error-text = Say what the picture shows, for readers who cannot see it
desk-picture-error-long = Write at most 300 characters
desk-picture-remove = Take the picture away
desk-proof-title = Proofs of delivery
desk-proof-none = No proof yet.
desk-proof-new = A new proof
desk-proof-intro = Readers see it only after somebody else has released it. The photo is made anew and loses the place, the time and the camera. Show no face, no sign and no view that tells where it is.
desk-proof-withheld = Say only that it is confirmed; withhold the details
desk-proof-photo = Photo (not required)
desk-proof-photo-hint = JPEG, PNG or WebP, at most 12 MB.
desk-proof-words = What was delivered, in a few words
desk-proof-words-hint = No names.
desk-proof-place = Where, as a country or a large region (not required)
desk-proof-place-hint = No town, no village, no number.
desk-proof-month = When, as year and month (not required)
desk-proof-month-hint = Like 2026-05. The day is not kept.
desk-proof-send = Give it to a second person
desk-proof-of = { $number } delivered
desk-proof-made-by = Made by
desk-proof-decided-by = Decided by
desk-proof-release = Show it to readers
desk-proof-refuse = Do not show it
desk-proof-withdraw = Show it no more
desk-proof-write-news = Write news of this item to those who asked for them
desk-proof-four-eyes = Somebody else must look at it and release it.
desk-proof-state-waiting = Waits for a second person
desk-proof-state-released = Readers see it
desk-proof-state-refused = Not shown
desk-proof-state-withdrawn = Shown no more
