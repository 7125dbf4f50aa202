donations-heading = Donate
donations-too-many = Many gifts were begun from your network in the last hour. Nothing was charged. Please wait a while, or write to us.
donations-another-gift = You sent this form before with another gift in it. If you press the button now, it becomes a second gift.
donations-earlier = Your earlier gift:
donations-earlier-link = see how it stands
donations-from-article = You came from the article
donations-not-enough = { $count ->
    [0] All of this item have just been taken. Nothing was charged. Please choose another one, or give an amount.
    [one] Only one of this item is left. Nothing was charged. Please give one at most.
   *[other] Only { $number } of this item are left. Nothing was charged. Please give { $number } at most.
}
donations-stripe-down = The payment service does not answer just now. Nothing was charged and nothing you typed is lost. Please press the button again in a minute.
donations-stripe-refused = The payment service did not take this request. Nothing was charged. Please try again, or write to us.
donations-not-stored = We could not keep your gift just now. Nothing was charged and nothing you typed is lost. Please press the button again in a minute.
donations-title-paid = Thank you
donations-title-processing = Thank you: your payment is on its way
donations-title-pending = Your gift is not paid yet
donations-title-failed = The payment was refused
donations-title-expired = The payment page has closed
donations-paid = Your gift has arrived.
donations-processing = Your bank is working on the payment, which can take some days. You will get the receipt by e-mail once it has arrived. You may close this page.
donations-pending = Nothing has been charged. You can go on to the payment page, or change your gift.
donations-waiting = We are confirming the payment. You may close this page.
donations-failed = Nothing was charged. You can try again with another card or bank.
donations-expired = Nothing was charged. You can begin again.
donations-amount = Amount
donations-campaign = Campaign
donations-receipt = Receipt number
donations-letter = The receipt is on its way to you by e-mail.
donations-progress = So far { $raised } of { $goal } have come together.
donations-go-on = Go on to the payment page
donations-again = Change your gift
donations-read-on = Back to the articles
donations-given-back = Given back
donations-transfer-waiting = We are waiting for your bank transfer. Keep this page: it has what your bank needs.
donations-transfer-how = Your bank transfer
donations-transfer-code = Write this code as the reference:
donations-transfer-why = By the code we know that the money is yours. Your receipt comes by e-mail once it has arrived.
donations-transfer-until = We wait for it until { $day }.
donations-story = The story of your gift
donations-story-begun = You sent the form.
donations-story-paid = Your gift arrived.
donations-story-receipt = Receipt { $code } was made out.
donations-story-receipt-void = Receipt { $code } was made out; it is not valid any more.
donations-story-sent = The receipt went out by e-mail.
donations-story-refunded = { $amount } went back to you.
donations-story-reversed = The entry of this gift was taken back.
