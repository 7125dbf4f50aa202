campaigns-title = کمپاینونه
campaigns-none = اوس هېڅ کمپاین پرانیستی نه دی.
campaigns-none-give = کولای شئ زموږ له ټولو کارونو سره مرسته وکړئ.
campaigns-all = ټول کمپاینونه
campaigns-progress = کمپاین تر کومه رسېدلی دی
campaigns-raised = له { $goal } څخه { $raised } راټول شوي
campaigns-also = سربېره پر دې
campaigns-gifts = { $count ->
    [one] { $number } مرسته
   *[other] { $number } مرستې
}
campaigns-items = څه ته اړتیا ده
campaigns-from = له
campaigns-until = تر
campaigns-state-draft = مسوده
campaigns-state-live = پرانیستی
campaigns-state-outside = نن پرانیستی نه دی
campaigns-state-paused = درول شوی
campaigns-state-closed = تړلی
campaigns-match = ستاسو مرسته ډېرېږي
campaigns-match-left = له { $total } څخه { $left } پاتې دي.
campaigns-match-used = ټول { $total } مرستو ته ژمنه شوي دي. کېدای شي ځینې یې بېرته خلاص شي.
campaigns-match-until = تر { $time } پورې.
campaigns-match-text = د ملاتړي پیسې یوازې هغه وخت راټولې شوې شمېرو چې رارسېدلې وي.
campaigns-promised = او { $promised } نورې یو ملاتړي ژمنه کړې ده
