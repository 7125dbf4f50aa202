campaigns-title = کارزارها
campaigns-none = اکنون هیچ کارزاری باز نیست.
campaigns-none-give = می‌توانید به همهٔ کارهای ما کمک کنید.
campaigns-all = همهٔ کارزارها
campaigns-progress = کارزار تا کجا رسیده است
campaigns-raised = { $raised } از { $goal } گرد آمده
campaigns-also = افزون بر آن
campaigns-gifts = { $count ->
    [one] { $number } کمک
   *[other] { $number } کمک
}
campaigns-items = آنچه نیاز است
campaigns-from = از
campaigns-until = تا
campaigns-state-draft = پیش‌نویس
campaigns-state-live = باز
campaigns-state-outside = امروز باز نیست
campaigns-state-paused = متوقف
campaigns-state-closed = بسته
campaigns-match = کمک شما بیشتر می‌شود
campaigns-match-left = { $left } از { $total } مانده است.
campaigns-match-used = همهٔ { $total } به کمک‌ها وعده داده شده است. شاید بخشی از آن دوباره آزاد شود.
campaigns-match-until = تا { $time }.
campaigns-match-text = پول حامی را تنها زمانی گردآمده می‌شماریم که رسیده باشد.
campaigns-promised = و { $promised } دیگر را یک حامی وعده داده است
