asks-heading = مرسته وکړئ
asks-for = د دې لپاره
asks-give-elsewhere = زموږ د ټولو کارونو سره مرسته
asks-amount = اندازه
asks-other = بله اندازه
asks-other-amount = بله اندازه
asks-other-hint = څه چې دلته ولیکئ د پورته انتخابونو پر ځای حسابېږي.
asks-currency = اسعار
asks-currency-hint = پورته اندازې په هرو اسعارو کې همدا شمېرې دي.
asks-price = هره دانه { $price }.
asks-left = { $count ->
    [one] { $number } دانه پاتې ده.
   *[other] { $number } دانې پاتې دي.
}
asks-quantity = څو دانې
asks-email = برېښنالیک
asks-email-hint = ستاسو رسید دې پتې ته ځي.
asks-name = نوم (اختیاري)
asks-discreet = ماته په پټه ولیکئ: لېږونکی او موضوع دې څه نه وايي
asks-public-name = زما نوم دې په ښکاره وښودل شي
asks-note = موږ ته یادښت (اختیاري)
asks-note-hint = یوازې زموږ کارکوونکي یې لولي.
asks-updates = ماته خبر راکړئ چې له دې مرستې څه وشول
asks-cover-fee = د تادیې لګښت هم ورکوم
asks-cover-fee-hint = زموږ اټکل ورزیاتېږي: { $percent } ٪ او { $fixed }، څو ستاسو ټوله مرسته موږ ته ورسېږي.
asks-website = دا خانه تشه پرېږدئ
asks-who = ستاسو مرسته { $org } ته رسېږي.
asks-card = خپل کارټ د Stripe، زموږ د تادیې د خدمت، په پاڼه کې لیکئ چې جاواسکرېپټ ته اړتیا لري؛ موږ ستاسو کارټ هېڅکله نه وینو.
asks-donate = مرسته کوم
asks-stored = موږ ستاسو د برېښنالیک پته، او که نوم او یادښت ولیکئ هغه هم، د رسید او زموږ د حساب لپاره ساتو. د شبکې پته نه ساتو او هېڅوک نه څارو.
asks-questions = د پوښتنې یا د پیسو د بېرته اخیستلو لپاره:
asks-error-amount-empty = اندازه وټاکئ یا یې ولیکئ
asks-error-amount-number = اندازه په شمېره ولیکئ، لکه ۲۵ یا ۱٬۰۰۰٫۵۰
asks-error-amount-ambiguous = دا زر یا یو کېدای شي. له کامې پرته یې ولیکئ
asks-error-amount-decimals = له اعشاریې وروسته تر { $decimals } ډېرې رقمونه مه لیکئ
asks-error-amount-whole = دا اسعار ماتې پیسې نه لري. پوره اندازه ولیکئ
asks-error-amount-positive = له صفر څخه زیاته اندازه ولیکئ
asks-error-amount-large = اندازه ډېره لویه ده
asks-error-min = تر ټولو کمه مرسته { $min } ده
asks-error-max = تر ټولو زیاته مرسته { $max } ده
asks-error-currency = له اسعارو څخه یو وټاکئ
asks-error-quantity = شمېر په عدد ولیکئ، لکه ۱
asks-error-left = { $count ->
    [0] ټول اخیستل شوي دي
    [one] یوازې { $number } دانه پاتې ده. { $number } ولیکئ
   *[other] یوازې { $number } دانې پاتې دي. { $number } یا لږ ولیکئ
}
asks-error-email-empty = د خپل برېښنالیک پته ولیکئ چې رسید درته ورسېږي
asks-error-email = د برېښنالیک پته د name@example.org په شان ولیکئ
asks-error-long = تر { $most } ډېر توري مه لیکئ
asks-error-website = دا خانه تشه پرېږدئ؛ د اتوماتیکو پروګرامونو د مخنیوي لپاره ده
asks-error-token-forged = فورمه پوره نه وه. څه مو چې لیکلي وو ساتل شوي دي؛ مهرباني وکړئ د «مرسته کوم» تڼۍ بیا کېکاږئ
asks-error-token-fast = دا له هغه ژر و چې له یوه انسانه یې تمه لرو. مهرباني وکړئ درې ثانیې صبر وکړئ او د «مرسته کوم» تڼۍ بیا کېکاږئ
asks-error-token-expired = دا فورمه یوه ورځ پرانیستې پاتې وه. څه مو چې لیکلي وو ساتل شوي دي؛ مهرباني وکړئ ویې ګورئ او د «مرسته کوم» تڼۍ بیا کېکاږئ
asks-problem-campaign = دا کمپاین اوس مرسته نه مني.
asks-problem-item = دا شی نور دلته نه غوښتل کېږي.
asks-problem-none-left = د دې شي ټول اخیستل شوي دي.
asks-address = پوستي پته (اختیاري)
asks-address-hint = یوازې ستاسو د رسمي رسید لپاره: له دې پرته داسې رسید ترلاسه کوئ چې په مالیه کې نه حسابېږي.
asks-error-gift-aid-currency = Gift Aid د پونډ د مرستو لپاره دی: GBP وټاکئ یا یې نښه لرې کړئ
asks-error-gift-aid-empty = دا ولیکئ یا د Gift Aid نښه لرې کړئ
asks-error-gift-aid-postcode = د بریتانیا پوستي کوډ لکه S19 2BD ولیکئ
asks-frequency = څومره ژر ژر
asks-frequency-once = یو ځل
asks-frequency-monthly = هره میاشت
asks-frequency-yearly = هر کال
asks-error-frequency = وټاکئ چې څومره ژر ژر مرسته کوئ؛ یو شی یوازې یو ځل ورکول کېږي
asks-transfer = د بانکي لېږد له لارې مرسته
asks-shared-missing = له { $goal } څخه لا { $left } کم دي.
asks-shared-hint = ډېر کسان ورته یوځای مرسته کوي: هغومره ورکړئ چې کولای شئ.
asks-error-missing = یوازې { $left } کم دي. همدومره یا لږ ولیکئ
asks-error-rest = { $left } کم دي. کټ مټ همدومره ولیکئ، یا { $most } یا لږ، چې پاتې هم ورکړل شي
asks-rule-campaign = که ستاسو د پیسو تر رسېدو مخکې ټول ورکړل شي، یا په پای کې ارزانه شي، ستاسو پیسې د «{ $campaign }» کمپاین سره پاتې کېږي.
asks-rule-fund = که ستاسو د پیسو تر رسېدو مخکې ټول ورکړل شي، یا په پای کې ارزانه شي، ستاسو پیسې د هماغه کار لپاره پاتې کېږي چې دا شی ورسره تړلی دی.
asks-rule-shared = ستاسو پیسې د پاتې برخې په تمه وي. که ټوله بیه پوره نه شي، یا په پای کې ګرانه شي، کمښت له نورو غواړو یا یې پخپله ورزیاتوو؛ که هېڅ یو ونه شي، نه شي اخیستل کېدای.
asks-rule-dearer = که په پای کې ګرانه شي، کمښت له نورو غواړو یا یې پخپله ورزیاتوو؛ که هېڅ یو ونه شي، نه شي اخیستل کېدای.
asks-rule-promise = { $count ->
    [one] که هېڅ ونه اخیستل شي، په برېښنالیک درڅخه پوښتو: بل شی، زموږ عمومي کار، یا پیسې بېرته. که تر { $number } ورځې ځواب را نه شي، زموږ عمومي کار ته ځي.
   *[other] که هېڅ ونه اخیستل شي، په برېښنالیک درڅخه پوښتو: بل شی، زموږ عمومي کار، یا پیسې بېرته. که تر { $number } ورځو ځواب را نه شي، زموږ عمومي کار ته ځي.
}
asks-match-double = یو ملاتړی ستاسو مرسته دوه برابره کوي.
asks-match-double-named = { $sponsor } ستاسو مرسته دوه برابره کوي.
asks-match-ratio = د هرو { $gift } لپاره چې تاسو یې ورکوئ، یو ملاتړی { $added } ورزیاتوي.
asks-match-by = { $sponsor } ستاسو پر مرسته ورزیاتوي.
asks-match-left = اوس د دې لپاره { $left } پاتې دي.
asks-match-from = د { $min } او له هغه پورته مرستو ته ورزیاتېږي.
asks-match-most = یوې مرستې ته تر ټولو ډېر { $max } ورزیاتېږي.
asks-match-held = کله چې مخکې لاړ شئ، دا پیسې ستاسو لپاره { $number } دقیقې ساتل کېږي، تر څو چې تادیه وکړئ. که تر هغه وخته لږ پاتې وي، له تادیې مخکې درته وایو.
asks-match-rules = دا په { $currency } د آنلاین تادیو لپاره ده؛ له میاشتنۍ یا کلنۍ مرستې یوازې لومړۍ تادیې ته ورزیاتېږي، او هغه څه ته نه چې د تادیې لګښت پوره کوي.
