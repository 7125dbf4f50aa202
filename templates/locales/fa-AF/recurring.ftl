recurring-card-title = کارت دیگری برای کمک شما
recurring-card-text = کارت را در صفحهٔ Stripe، خدمت پرداخت ما، وارد می‌کنید؛ ما آن را هرگز نمی‌بینیم. پرداخت بعدی از آن گرفته می‌شود.
recurring-card-go = رفتن به صفحهٔ Stripe
recurring-card-over = این کمک پایان یافته است: دیگر چیزی گرفته نمی‌شود و کارتی لازم نیست.
recurring-card-again = کمک تازه‌ای آغاز کنید
recurring-letter-begun-subject = کمک همیشگی شما آغاز شد
recurring-letter-begun-text = سپاسگزاریم. از این پس { $every ->
    [year] هر سال
   *[month] هر ماه
  } { $amount } به { $org } می‌رسد. برای هر پرداخت یک رسید می‌گیرید.
recurring-letter-changed-subject = کمک همیشگی شما تغییر کرد
recurring-letter-changed-text = از پرداخت بعدی { $every ->
    [year] هر سال
   *[month] هر ماه
  } { $amount } به جای { $before } گرفته می‌شود.
recurring-letter-paused-subject = کمک همیشگی شما ایستاده است
recurring-letter-paused-text = تا کمک { $amount } شما ایستاده است چیزی گرفته نمی‌شود و بعداً هم جبران نمی‌شود.
recurring-letter-paused-until = خودش در { $until } ادامه می‌یابد.
recurring-letter-ended-subject = کمک همیشگی شما پایان یافت
recurring-letter-ended-text = کمک { $amount } شما که { $every ->
    [year] هر سال
   *[month] هر ماه
  } بود پایان یافت. دیگر چیزی گرفته نمی‌شود. از همهٔ کمک‌های شما سپاسگزاریم.
recurring-letter-ended-failed = پایان یافت چون پرداخت‌ها ممکن نشد. هر زمان می‌توانید با کارت دیگری کمک تازه‌ای آغاز کنید.
recurring-letter-failed-subject = یک پرداخت کمک شما انجام نشد
recurring-letter-failed-text = کارت شما این بار { $amount } را نپرداخت. چیزی گرفته نشد و کمک شما پایان نیافته است.
recurring-letter-failed-again = خودکار در { $again } دوباره کوشش می‌شود.
recurring-letter-expiring-subject = تاریخ کارت کمک شما به زودی می‌گذرد
recurring-letter-expiring-text = کارتی که { $every ->
    [year] هر سال
   *[month] هر ماه
  } { $amount } می‌پردازد تا { $expires } اعتبار دارد.
recurring-letter-mend = این‌جا تا سی روز می‌توانید کارت دیگری بدهید:
recurring-letter-pages = هر زمان این‌جا مبلغ را تغییر دهید، کمک را نگه دارید یا پایان دهید:
