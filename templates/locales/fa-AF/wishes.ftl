wishes-title = فهرست نیازها
wishes-intro = این‌ها چیزهایی اند که بیش از همه به آن نیاز داریم. یکی را انتخاب کنید و کمک کنید.
wishes-none = اکنون چیزی در فهرست نیست.
wishes-none-give = می‌توانید به جای آن مبلغی کمک کنید.
wishes-all = همهٔ فهرست نیازها
wishes-give = این را می‌دهم
wishes-campaign = برای کارزار
wishes-shop = خرید از فهرست فروشگاه
wishes-shop-hint = این چیز در فهرست یک فروشگاه است. آن را همان‌جا می‌خرید؛ فروشگاه می‌داند شما کیستید و ما نمی‌دانیم.
wishes-state-needed = نیاز است
wishes-state-reserved = نگه داشته شده
wishes-state-paid = پرداخت شده
wishes-paid-of = { $paid } از { $needed } پرداخت شده
wishes-reserved = { $count ->
    [one] { $number } نگه داشته شده
   *[other] { $number } نگه داشته شده
}
wishes-state-bought = خریده شده
wishes-state-delivered = رسانده شده
wishes-state-cancelled = دیگر خواسته نمی‌شود
wishes-bought-of = { $bought } از { $needed } خریده شده
wishes-delivered = { $count ->
    [one] { $number } رسانده شده
   *[other] { $number } رسانده شده
}
wishes-money-of = { $paid } از { $goal }
wishes-money-held = { $held } دیگر همین اکنون پرداخت می‌شود.
wishes-cancelled-price = قیمت آن بسیار تغییر کرد.
wishes-cancelled-unavailable = اکنون یافت نمی‌شود.
wishes-cancelled-not-needed = دیگر به آن نیاز نیست.
wishes-cancelled-other = آن‌گونه که برنامه بود خریده نمی‌شود.
wishes-history = چه شد
wishes-history-paid = { $number } پرداخت شد.
wishes-history-bought = { $number } خریده شد.
wishes-history-delivered = { $number } رسانده شد.
wishes-shop-first = نخست: از فروشگاه سفارش دهید
wishes-order-title = سپس: به ما بگویید
wishes-order-hint = { $count ->
    [one] تا کس دیگری همان را نخرد. آن را { $number } روز برای شما نگه می‌داریم تا برسد.
   *[other] تا کس دیگری همان را نخرد. آن را { $number } روز برای شما نگه می‌داریم تا برسد.
}
wishes-order-quantity = چند تا سفارش دادید
wishes-order-email = ایمیل، اگر می‌خواهید از آن باخبر شوید (لازم نیست)
wishes-order-email-hint = یک بار با نامه از شما می‌پرسیم که آیا واقعاً می‌خواهید. اگر بلی نگویید، نشانی را فراموش می‌کنیم.
wishes-order-news = برایم بنویسید که آنچه سفارش دادم رسیده است یا نه، و خبرهای آن را برایم بفرستید.
wishes-order-letter-subject = آنچه برای { $org } سفارش دادید
wishes-order-letter-came = در { $day } به ما گفتید که از فروشگاهی چیزی برای ما سفارش داده‌اید. آن رسید. سپاس!
wishes-order-letter-not = در { $day } به ما گفتید که از فروشگاهی چیزی برای ما سفارش داده‌اید. نشانی از رسیدن آن نیافتیم، پس آن را دوباره از دیگران می‌خواهیم. اگر در راه است یا پرسشی دارید، لطفاً به ما بنویسید.
wishes-order-letter-mistaken = به شما نوشتیم که آنچه در { $day } گفتید از فروشگاهی برای ما سفارش داده‌اید، رسیده است. این اشتباه بود و پوزش می‌خواهیم: نشانی از رسیدن آن نیافتیم، پس آن را دوباره از دیگران می‌خواهیم. اگر در راه است یا پرسشی دارید، لطفاً به ما بنویسید.
wishes-order-letter-why = این نامه را می‌گیرید چون گفتید که می‌خواهید از آن باخبر شوید.
wishes-order-send = این را سفارش دادم
wishes-order-thanks = سپاس. آن را برای شما نگه می‌داریم و هنگامی که برسد همین‌جا می‌گوییم.
wishes-order-too-many = در یک ساعت گذشته سفارش‌های زیادی از شبکهٔ شما آمد. چیزی گم نشده: لطفاً بعدتر دوباره دکمه را بزنید.
wishes-order-left = { $count ->
    [0] دیگران زودتر بودند: همه نگه داشته یا خریده شده
    [one] تنها { $number } مانده. { $number } بنویسید
   *[other] تنها { $number } مانده. { $number } یا کمتر بنویسید
}
wishes-order-most = { $count ->
   *[other] هر بار تا { $number } دانه را می‌توان خبر داد. بیشتر سفارش داده‌اید؟ دوباره خبر دهید
}
wishes-order-none-left = همهٔ آن سفارش داده یا خریده شده. سپاس!
wishes-proofs = نشانهٔ رسیدن
wishes-proof-withheld = دو تن از ما آن را تأیید کرده‌اند. بیش از این نمی‌گوییم تا کسی به خطر نیفتد.
