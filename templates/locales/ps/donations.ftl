donations-heading = مرسته وکړئ
donations-too-many = په تېر ساعت کې ستاسو له شبکې ډېرې مرستې پیل شوې دي. هیڅ پیسې وانه خیستل شوې. لږ صبر وکړئ یا موږ ته ولیکئ.
donations-another-gift = دا فورمه مو مخکې د بلې مرستې سره لېږلې وه. که اوس تڼۍ کېکاږئ، دویمه مرسته به شي.
donations-earlier = ستاسو مخکینۍ مرسته:
donations-earlier-link = حالت یې وګورئ
donations-from-article = له دې مقالې راغلئ:
donations-not-enough = { $count ->
    [0] د دې شي ټول همدا اوس واخیستل شول. هیڅ پیسې وانه خیستل شوې. مهرباني وکړئ بل شی وټاکئ یا یوه اندازه ورکړئ.
   *[other] له دې شي یوازې { $number } پاتې دي. هیڅ پیسې وانه خیستل شوې. مهرباني وکړئ تر { $number } پورې ورکړئ.
}
donations-stripe-down = د تادیې خدمت اوس ځواب نه ورکوي. هیڅ پیسې وانه خیستل شوې او هغه څه چې ولیکل مو له لاسه نه دي تللي. یوه دقیقه وروسته تڼۍ بیا کېکاږئ.
donations-stripe-refused = د تادیې خدمت دا غوښتنه ونه منله. هیڅ پیسې وانه خیستل شوې. بیا هڅه وکړئ یا موږ ته ولیکئ.
donations-not-stored = اوس مو ستاسو مرسته ثبت نه کړای شوه. هیڅ پیسې وانه خیستل شوې او هغه څه چې ولیکل مو له لاسه نه دي تللي. یوه دقیقه وروسته تڼۍ بیا کېکاږئ.
donations-title-paid = مننه
donations-title-processing = مننه: ستاسو تادیه په لاره ده
donations-title-pending = ستاسو مرسته لا نه ده تادیه شوې
donations-title-failed = تادیه ونه منل شوه
donations-title-expired = د تادیې پاڼه وتړل شوه
donations-paid = ستاسو مرسته راورسېده.
donations-processing = ستاسو بانک پر تادیې کار کوي او کېدای شي څو ورځې ونیسي. کله چې راورسېږي رسید به په ایمېل ترلاسه کړئ. دا پاڼه بندولای شئ.
donations-pending = هیڅ پیسې نه دي اخیستل شوې. د تادیې پاڼې ته تللای یا خپله مرسته بدلولای شئ.
donations-waiting = تادیه تاییدوو. دا پاڼه بندولای شئ.
donations-failed = هیڅ پیسې وانه خیستل شوې. په بل کارت یا بانک هڅه کولای شئ.
donations-expired = هیڅ پیسې وانه خیستل شوې. له سره پیل کولای شئ.
donations-amount = اندازه
donations-campaign = کمپاین
donations-receipt = د رسید شمېره
donations-letter = رسید به په ایمېل درولېږل شي.
donations-progress = تر اوسه { $raised } له { $goal } څخه راټول شوي دي.
donations-go-on = د تادیې پاڼې ته لاړ شئ
donations-again = خپله مرسته بدله کړئ
donations-read-on = بېرته مقالو ته
donations-given-back = بېرته ورکړل شوې
