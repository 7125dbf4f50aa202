# Who asked for news, and who wants no letters.

consents-letter-subject = Do you want our news?
consents-letter-text = On the site of { $org } somebody asked with your address for this: “{ $wording }”.
consents-letter-not-you = If it was you, open the link and press the button. It works for { $days } days. If it was not you, do nothing: you will get no news.
consents-letter-link = Yes, send me news:
consents-confirm-title = Do you want our news?
consents-confirm-text = You asked for this. Press the button and we will write to you when there is something to tell. Every such letter has a link that ends it.
consents-confirm = Yes, send me news
consents-confirmed-title = You will get our news
consents-confirmed-text = Thank you. Every letter has a link that ends it.
consents-stale-title = This link does not work any more
consents-stale-text = It was used up, or it is too old. You can ask for news again when you give, or follow our pages without giving an address.
consents-end-title = Do you want no more news?
consents-end-all = Press the button and we will send no more news to this address.
consents-end-some = Press the button and we will send no more of these news to this address.
consents-end = Send me no more
consents-ended-title = You will get no more news
consents-ended-all = We will send no more news to this address.
consents-ended-some = We will send no more of these news to this address.
consents-receipts-stay = You still get receipts for what you give, because you may need them.
consents-undo-text = Was that a mistake?
consents-undo = Send me news again
