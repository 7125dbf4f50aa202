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
