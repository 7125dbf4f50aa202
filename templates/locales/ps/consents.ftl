# Who asked for news, and who wants no letters.

consents-letter-subject = ایا زموږ خبرونه غواړئ؟
consents-letter-text = د { $org } په سایټ کې چا ستاسو په پته دا وغوښتل: «{ $wording }».
consents-letter-not-you = که تاسو وئ، لینک پرانیزئ او تڼۍ کېکاږئ. دا لینک { $days } ورځې کار کوي. که تاسو نه وئ، هیڅ مه کوئ: هیڅ خبر به در ونه رسېږي.
consents-letter-link = هو، ماته خبرونه راولېږئ:
consents-confirm-title = ایا زموږ خبرونه غواړئ؟
consents-confirm-text = تاسو دا غوښتي وو. تڼۍ کېکاږئ، بیا به درته لیکو کله چې د ویلو څه وي. هر لیک یو لینک لري چې دا پای ته رسوي.
consents-confirm = هو، ماته خبرونه راولېږئ
consents-confirmed-title = زموږ خبرونه به در ورسېږي
consents-confirmed-text = مننه. هر لیک یو لینک لري چې دا پای ته رسوي.
consents-stale-title = دا لینک نور کار نه کوي
consents-stale-text = دا کارول شوی یا ډېر زوړ دی. د مرستې پر مهال بیا خبرونه غوښتلای شئ، یا زموږ پاڼې د پتې له ورکولو پرته تعقیبولای شئ.
consents-end-title = ایا نور خبرونه نه غواړئ؟
consents-end-all = تڼۍ کېکاږئ، نور به دې پتې ته هیڅ خبر ونه لېږو.
consents-end-some = تڼۍ کېکاږئ، نور به دا خبرونه دې پتې ته ونه لېږو.
consents-end = نور یې مه راته لېږئ
consents-ended-title = نور خبرونه به در ونه رسېږي
consents-ended-all = نور دې پتې ته هیڅ خبر نه لېږو.
consents-ended-some = نور دا خبرونه دې پتې ته نه لېږو.
consents-receipts-stay = د خپلو مرستو رسیدونه به بیا هم ترلاسه کوئ، ځکه چې ښایي ورته اړتیا ولرئ.
consents-undo-text = ایا دا تېروتنه وه؟
consents-undo = بیا ماته خبرونه راولېږئ
