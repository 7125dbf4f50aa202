recurring-card-title = ستاسو د مرستې لپاره بل کارت
recurring-card-text = کارت د Stripe، زموږ د تادیې د خدمت، په پاڼه کې لیکئ؛ موږ یې هېڅکله نه وینو. راتلونکې تادیه له هغه اخیستل کېږي.
recurring-card-go = د Stripe پاڼې ته لاړ شئ
recurring-card-over = دا مرسته پای ته رسېدلې: نور څه نه اخیستل کېږي او کارت ته اړتیا نشته.
recurring-card-again = نوې پیل کړئ
recurring-letter-begun-subject = ستاسو پرله‌پسې مرسته پیل شوه
recurring-letter-begun-text = مننه. له دې وروسته { $every ->
    [year] هر کال
   *[month] هره میاشت
  } { $amount } { $org } ته رسېږي. د هرې تادیې لپاره رسید ترلاسه کوئ.
recurring-letter-changed-subject = ستاسو پرله‌پسې مرسته بدله شوه
recurring-letter-changed-text = له راتلونکې تادیې { $every ->
    [year] هر کال
   *[month] هره میاشت
  } د { $before } پر ځای { $amount } اخیستل کېږي.
recurring-letter-paused-subject = ستاسو پرله‌پسې مرسته ودرول شوه
recurring-letter-paused-text = تر څو چې ستاسو د { $amount } مرسته ودرېدلې وي څه نه اخیستل کېږي او وروسته هم نه پوره کېږي.
recurring-letter-paused-until = پخپله په { $until } بیا پیل کېږي.
recurring-letter-ended-subject = ستاسو پرله‌پسې مرسته پای ته ورسېده
recurring-letter-ended-text = ستاسو د { $amount } مرسته چې { $every ->
    [year] هر کال
   *[month] هره میاشت
  } وه پای ته ورسېده. نور څه نه اخیستل کېږي. د ټولو مرستو مو مننه.
recurring-letter-ended-failed = پای ته ورسېده ځکه چې تادیې و نه شوې. هر وخت په بل کارت نوې مرسته پیلولای شئ.
recurring-letter-failed-subject = ستاسو د مرستې یوه تادیه و نه شوه
recurring-letter-failed-text = ستاسو کارت دا ځل { $amount } ور نه کړې. څه وانه خیستل شول او مرسته مو پای ته نه ده رسېدلې.
recurring-letter-failed-again = پخپله په { $again } بیا هڅه کېږي.
recurring-letter-expiring-subject = ستاسو د مرستې د کارت نېټه ژر تېرېږي
recurring-letter-expiring-text = هغه کارت چې { $every ->
    [year] هر کال
   *[month] هره میاشت
  } { $amount } ورکوي تر { $expires } اعتبار لري.
recurring-letter-mend = دلته تر دېرشو ورځو بل کارت ورکولای شئ:
recurring-letter-pages = هر وخت دلته اندازه بدله کړئ، مرسته ودروئ یا پای ته ورسوئ:
