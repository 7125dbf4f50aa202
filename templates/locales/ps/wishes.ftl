wishes-title = د اړتیاوو لړلیک
wishes-intro = دا هغه شیان دي چې تر ټولو ډېر ورته اړتیا لرو. یو یې وټاکئ او مرسته وکړئ.
wishes-none = اوس په لړلیک کې هېڅ نشته.
wishes-none-give = کولای شئ پر ځای یې پیسې راکړئ.
wishes-all = د اړتیاوو ټول لړلیک
wishes-give = دا ورکوم
wishes-campaign = د دې کمپاین لپاره
wishes-shop = د پلورنځي له لړلیکه یې واخلئ
wishes-shop-hint = دا شی د یوه پلورنځي په لړلیک کې دی. هلته یې اخلئ؛ پلورنځی پوهېږي چې تاسو څوک یاست، موږ نه پوهېږو.
wishes-state-needed = اړتیا ده
wishes-state-reserved = ساتل شوی
wishes-state-paid = پیسې یې ورکړل شوې
wishes-paid-of = له { $needed } څخه د { $paid } پیسې ورکړل شوې
wishes-reserved = { $count ->
    [one] { $number } ساتل شوی
   *[other] { $number } ساتل شوي
}
wishes-state-bought = اخیستل شوی
wishes-state-delivered = رسول شوی
wishes-state-cancelled = نور نه غوښتل کېږي
wishes-bought-of = له { $needed } څخه { $bought } اخیستل شوي
wishes-delivered = { $count ->
    [one] { $number } رسول شوی
   *[other] { $number } رسول شوي
}
wishes-money-of = له { $goal } څخه { $paid }
wishes-money-held = { $held } نور همدا اوس ورکول کېږي.
wishes-cancelled-price = بیه یې ډېره بدله شوه.
wishes-cancelled-unavailable = اوس نه پیدا کېږي.
wishes-cancelled-not-needed = نور ورته اړتیا نشته.
wishes-cancelled-other = هغسې چې پلان و، نه شي اخیستل کېدای.
wishes-history = څه ورڅخه جوړ شول
wishes-history-paid = د { $number } پیسې ورکړل شوې.
wishes-history-bought = { $number } واخیستل شول.
wishes-history-delivered = { $number } ورسول شول.
wishes-shop-first = لومړی: له پلورنځي یې وغواړئ
wishes-order-title = بیا: موږ ته ووایئ
wishes-order-hint = { $count ->
    [one] چې بل څوک همدا وانه خلي. تر رسېدو یې { $number } ورځ درته ساتو.
   *[other] چې بل څوک همدا وانه خلي. تر رسېدو یې { $number } ورځې درته ساتو.
}
wishes-order-quantity = څو مو غوښتي دي
wishes-order-email = برېښنالیک، که غواړئ خبر شئ (اړین نه دی)
wishes-order-email-hint = یو ځل مو په لیک کې پوښتو چې رښتیا یې غواړئ. که هو ونه وایئ، پته هېروو.
wishes-order-news = راته ولیکئ چې هغه څه چې ما غوښتي راورسېدل که نه، او خبرونه یې راولېږئ.
wishes-order-letter-subject = هغه څه چې د { $org } لپاره مو غوښتي
wishes-order-letter-came = په { $day } مو موږ ته وویل چې له یوه پلورنځي مو زموږ لپاره څه غوښتي دي. هغه راورسېدل. مننه!
wishes-order-letter-not = په { $day } مو موږ ته وویل چې له یوه پلورنځي مو زموږ لپاره څه غوښتي دي. ومو نه موندل چې رارسېدلي وي، نو له نورو یې بیا غواړو. که په لاره کې وي یا پوښتنه لرئ، مهرباني وکړئ موږ ته ولیکئ.
wishes-order-letter-mistaken = موږ درته لیکلي وو چې هغه څه چې په { $day } مو وویل له یوه پلورنځي مو زموږ لپاره غوښتي دي، رارسېدلي دي. دا تېروتنه وه او بښنه غواړو: ومو نه موندل چې رارسېدلي وي، نو له نورو یې بیا غواړو. که په لاره کې وي یا پوښتنه لرئ، مهرباني وکړئ موږ ته ولیکئ.
wishes-order-letter-why = دا لیک ځکه درته راځي چې ویلي مو وو غواړئ ترې خبر شئ.
wishes-order-send = دا مې وغوښت
wishes-order-thanks = مننه. درته یې ساتو، او چې راورسېږي همدلته یې وایو.
wishes-order-too-many = په تېر ساعت کې ستاسو له شبکې ډېرې غوښتنې راغلې. هېڅ نه دي ورک شوي: مهرباني وکړئ وروسته بیا تڼۍ کېکاږئ.
wishes-order-left = { $count ->
    [0] نور چټک وو: ټول ساتل شوي یا اخیستل شوي دي
    [one] یوازې { $number } پاتې دی. { $number } ولیکئ
   *[other] یوازې { $number } پاتې دي. { $number } یا لږ ولیکئ
}
wishes-order-most = { $count ->
   *[other] هر ځل تر { $number } پورې خبر ورکول کېدای شي. ډېر مو غوښتي؟ بیا خبر راکړئ
}
wishes-order-none-left = ټول یې غوښتل شوي یا اخیستل شوي دي. مننه!
wishes-proofs = د رسېدو ثبوت
wishes-proof-withheld = له موږ دوو تنو تایید کړې. له دې زیات نه وایو، چې څوک په خطر کې نه شي.
