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
campaigns-ends = په { $day } پای ته رسېږي
campaigns-ends-at = په { $day }، { $time } پای ته رسېږي
campaigns-ends-today = نن
campaigns-days-left = { $count ->
    [one] { $number } ورځ پاتې ده
   *[other] { $number } ورځې پاتې دي
}
campaigns-next-goal = بل ګام: { $amount }
campaigns-goals = هغه څه چې په ګډه ور ته رسېږو
campaigns-goal-itself = د کمپاین موخه
campaigns-goal-reached = ور ته رسېدلي یو
campaigns-goal-stretch = که له موخې ډېر راټول شي
campaigns-paused-since = دا کمپاین له { $day } راهیسې درول شوی دی.
campaigns-closed-since = دا کمپاین په { $day } وتړل شو.
campaigns-closed-deadline = دا کمپاین په { $day } پای ته ورسېد.
campaigns-money-purpose = څه چې ورکړل شوي د هماغه څه لپاره کارول کېږي چې د هغه لپاره ورکړل شوي.
campaigns-money-general = هغه څه چې نور ورته اړتیا نشته زموږ د ټولو کارونو لپاره دي.
campaigns-money-returned = څه چې ورکړل شوي وو بېرته ورکړل شول.
campaigns-languages = دا کمپاین په دې ژبو ولولئ
campaigns-not-in-language = دا کمپاین لا ستاسو په ژبه نه دی لیکل شوی. تاسو یې په خپله ژبه لولئ.
