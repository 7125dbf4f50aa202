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
