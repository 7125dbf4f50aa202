recurring-card-title = Another card for your gift
recurring-card-text = You give the card on the page of Stripe, our payment service; we never see it. The next payment is made from it.
recurring-card-go = Go on to Stripe’s page
recurring-card-over = This gift has ended: nothing more is charged, and no card is needed.
recurring-card-again = Begin a new one
recurring-letter-begun-subject = Your recurring gift has begun
recurring-letter-begun-text = Thank you. { $amount } now comes to { $org } { $every ->
    [year] every year
   *[month] every month
  }. You get a receipt for each payment.
recurring-letter-changed-subject = Your recurring gift was changed
recurring-letter-changed-text = From the next payment on, { $amount } is charged { $every ->
    [year] every year
   *[month] every month
  } instead of { $before }.
recurring-letter-paused-subject = Your recurring gift is paused
recurring-letter-paused-text = Nothing is charged while your gift of { $amount } is paused, and nothing is made up for later.
recurring-letter-paused-until = It goes on by itself on { $until }.
recurring-letter-ended-subject = Your recurring gift has ended
recurring-letter-ended-text = Your gift of { $amount } { $every ->
    [year] every year
   *[month] every month
  } has ended. Nothing more is charged. Thank you for all that you gave.
recurring-letter-ended-failed = It ended because its payments could not be made. You can begin a new one with another card at any time.
recurring-letter-failed-subject = A payment of your gift did not go through
recurring-letter-failed-text = Your card did not pay { $amount } this time. Nothing was charged, and your gift has not ended.
recurring-letter-failed-again = It is tried again by itself on { $again }.
recurring-letter-expiring-subject = The card of your gift expires soon
recurring-letter-expiring-text = The card that pays { $amount } { $every ->
    [year] every year
   *[month] every month
  } is good until { $expires }.
recurring-letter-mend = You can give another card here, for thirty days from now:
recurring-letter-pages = Change the amount, pause or end it here at any time:
