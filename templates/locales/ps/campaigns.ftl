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
