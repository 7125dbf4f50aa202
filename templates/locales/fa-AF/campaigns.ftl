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
campaigns-ends = پایان در { $day }
campaigns-ends-at = پایان در { $day }، { $time }
campaigns-ends-today = امروز
campaigns-days-left = { $count ->
    [one] { $number } روز مانده
   *[other] { $number } روز مانده
}
campaigns-next-goal = گام بعدی: { $amount }
campaigns-goals = آنچه با هم به آن می‌رسیم
campaigns-goal-itself = هدف کارزار
campaigns-goal-reached = به آن رسیده‌ایم
campaigns-goal-stretch = اگر بیشتر از هدف گرد آید
campaigns-paused-since = این کارزار از { $day } متوقف است.
campaigns-closed-since = این کارزار در { $day } بسته شد.
campaigns-closed-deadline = این کارزار در { $day } پایان یافت.
campaigns-money-purpose = آنچه داده شده برای همان چیزی خرج می‌شود که برای آن داده شده است.
campaigns-money-general = آنچه دیگر برای آن نیاز نیست برای همهٔ کارهای ما خرج می‌شود.
campaigns-money-returned = آنچه داده شده بود پس داده شد.
campaigns-languages = این کارزار را بخوانید به
campaigns-not-in-language = این کارزار هنوز به زبان شما نوشته نشده است. آن را به زبان خودش می‌خوانید.
