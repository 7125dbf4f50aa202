asks-heading = کمک کنید
asks-for = برای
asks-give-elsewhere = کمک به همهٔ کارهای ما
asks-amount = مبلغ
asks-other = مبلغ دیگر
asks-other-amount = مبلغ دیگر
asks-other-hint = آنچه این‌جا بنویسید به جای گزینه‌های بالا حساب می‌شود.
asks-currency = واحد پول
asks-currency-hint = مبلغ‌های بالا در هر واحد پول همین عددها اند.
asks-price = هر دانه { $price }.
asks-left = { $count ->
    [one] { $number } دانه مانده است.
   *[other] { $number } دانه مانده است.
}
asks-quantity = چند دانه
asks-email = ایمیل
asks-email-hint = رسید شما به این نشانی می‌رود.
asks-name = نام (اختیاری)
asks-public-name = نام من آشکارا نشان داده شود
asks-note = یادداشتی برای ما (اختیاری)
asks-note-hint = تنها کارکنان ما آن را می‌خوانند.
asks-updates = برایم خبر بفرستید که با این کمک چه شد
asks-cover-fee = هزینهٔ پرداخت را هم می‌پردازم
asks-cover-fee-hint = برآورد ما از آن افزوده می‌شود: { $percent } ٪ و { $fixed }، تا همهٔ کمک شما به ما برسد.
asks-website = این خانه را خالی بگذارید
asks-who = کمک شما به { $org } می‌رسد.
asks-card = کارت خود را در صفحهٔ Stripe، خدمت پرداخت ما، وارد می‌کنید که به جاوااسکریپت نیاز دارد؛ ما کارت شما را هرگز نمی‌بینیم.
asks-donate = کمک می‌کنم
asks-stored = ما نشانی ایمیل شما را، و نام و یادداشت‌تان را اگر بنویسید، برای رسید و دفترهای خود نگه می‌داریم. نشانی شبکه را نگه نمی‌داریم و هیچ‌کس را دنبال نمی‌کنیم.
asks-questions = برای پرسش یا پس گرفتن پول:
asks-error-amount-empty = مبلغی را انتخاب کنید یا بنویسید
asks-error-amount-number = مبلغ را با عدد بنویسید، مانند ۲۵ یا ۱٬۰۰۰٫۵۰
asks-error-amount-ambiguous = این می‌تواند هزار یا یک باشد. آن را بدون کامه بنویسید
asks-error-amount-decimals = پس از ممیز بیشتر از { $decimals } رقم ننویسید
asks-error-amount-whole = این واحد پول پول خُرد ندارد. مبلغ را کامل بنویسید
asks-error-amount-positive = مبلغی بیشتر از صفر بنویسید
asks-error-amount-large = مبلغ بیش از اندازه بزرگ است
asks-error-min = کمترین کمک { $min } است
asks-error-max = بیشترین کمک { $max } است
asks-error-currency = یکی از واحدهای پول را انتخاب کنید
asks-error-quantity = تعداد را با عدد بنویسید، مانند ۱
asks-error-left = { $count ->
    [0] همهٔ آن‌ها گرفته شده است
    [one] تنها { $number } دانه مانده است. { $number } بنویسید
   *[other] تنها { $number } دانه مانده است. { $number } یا کمتر بنویسید
}
asks-error-email-empty = نشانی ایمیل خود را بنویسید تا رسید به شما برسد
asks-error-email = نشانی ایمیل را مانند name@example.org بنویسید
asks-error-long = بیشتر از { $most } حرف ننویسید
asks-error-website = این خانه را خالی بگذارید؛ برای جلوگیری از برنامه‌های خودکار است
asks-error-token-forged = فورم کامل نبود. آنچه نوشتید نگه داشته شد؛ لطفاً دکمهٔ «کمک می‌کنم» را دوباره فشار دهید
asks-error-token-fast = این کار زودتر از آن بود که از یک انسان انتظار داریم. لطفاً سه ثانیه صبر کنید و دکمهٔ «کمک می‌کنم» را دوباره فشار دهید
asks-error-token-expired = این فورم یک روز باز مانده بود. آنچه نوشتید نگه داشته شد؛ لطفاً آن را ببینید و دکمهٔ «کمک می‌کنم» را دوباره فشار دهید
asks-problem-campaign = این کارزار اکنون کمک نمی‌پذیرد.
asks-problem-item = این چیز دیگر این‌جا خواسته نمی‌شود.
asks-problem-none-left = همهٔ این چیز گرفته شده است.
asks-address = آدرس پستی (اختیاری)
asks-address-hint = تنها برای رسید رسمی شما: بدون آن، رسیدی می‌گیرید که در مالیات حساب نمی‌شود.
asks-error-gift-aid-currency = Gift Aid برای کمک‌ها به پوند است: GBP را انتخاب کنید یا علامت آن را بردارید
asks-error-gift-aid-empty = این را بنویسید یا علامت Gift Aid را بردارید
asks-error-gift-aid-postcode = یک کد پستی بریتانیا مانند S19 2BD بنویسید
asks-frequency = هر چند وقت
asks-frequency-once = یک بار
asks-frequency-monthly = هر ماه
asks-frequency-yearly = هر سال
asks-error-frequency = انتخاب کنید که هر چند وقت کمک می‌کنید؛ یک چیز تنها یک بار داده می‌شود
asks-transfer = کمک از راه انتقال بانکی
asks-shared-missing = از { $goal } هنوز { $left } کم است.
asks-shared-hint = بسیاری با هم برای آن کمک می‌کنند: هر اندازه می‌توانید بدهید.
asks-error-missing = تنها { $left } کم است. همان یا کمتر بنویسید
asks-error-rest = { $left } کم است. درست همان را بنویسید، یا { $most } یا کمتر، تا باقی‌مانده هم داده شود
asks-rule-campaign = اگر پیش از رسیدن پول شما همهٔ آن پرداخت شود، یا در پایان ارزان‌تر شود، پول شما برای کارزار «{ $campaign }» می‌ماند.
asks-rule-fund = اگر پیش از رسیدن پول شما همهٔ آن پرداخت شود، یا در پایان ارزان‌تر شود، پول شما برای همان کاری می‌ماند که این چیز به آن تعلق دارد.
asks-rule-promise = { $count ->
    [one] اگر هیچ خریده نشود، با ایمیل از شما می‌پرسیم: چیز دیگری، کارهای عمومی ما، یا پس گرفتن پول. بدون پاسخ تا { $number } روز، به کارهای عمومی ما می‌رسد.
   *[other] اگر هیچ خریده نشود، با ایمیل از شما می‌پرسیم: چیز دیگری، کارهای عمومی ما، یا پس گرفتن پول. بدون پاسخ تا { $number } روز، به کارهای عمومی ما می‌رسد.
}
asks-match-double = یک حامی کمک شما را دو برابر می‌کند.
asks-match-double-named = { $sponsor } کمک شما را دو برابر می‌کند.
asks-match-ratio = برای هر { $gift } که می‌دهید، یک حامی { $added } می‌افزاید.
asks-match-by = { $sponsor } بر کمک شما می‌افزاید.
asks-match-left = اکنون { $left } برای این کار مانده است.
asks-match-from = بر کمک‌های از { $min } به بالا افزوده می‌شود.
asks-match-most = بر یک کمک حداکثر { $max } افزوده می‌شود.
asks-match-held = هنگامی که ادامه دهید، این پول { $number } دقیقه برای شما نگه داشته می‌شود تا بپردازید. اگر تا آن زمان کمتر مانده باشد، پیش از پرداخت به شما می‌گوییم.
asks-match-rules = این برای پرداخت‌های آنلاین به { $currency } است؛ از کمک ماهانه یا سالانه تنها بر پرداخت نخست افزوده می‌شود، و بر آنچه کارمزد را می‌پوشاند افزوده نمی‌شود.
