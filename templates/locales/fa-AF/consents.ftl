# Who asked for news, and who wants no letters.

consents-letter-subject = آیا خبرهای ما را می‌خواهید؟
consents-letter-text = در سایت { $org } کسی با نشانی شما این را خواست: «{ $wording }».
consents-letter-not-you = اگر خودتان بودید، پیوند را باز کنید و دکمه را فشار دهید. این پیوند { $days } روز کار می‌کند. اگر شما نبودید، کاری نکنید: هیچ خبری نخواهید گرفت.
consents-letter-link = بلی، برایم خبر بفرستید:
consents-confirm-title = آیا خبرهای ما را می‌خواهید؟
consents-confirm-text = شما این را خواسته بودید. دکمه را فشار دهید تا هرگاه چیزی برای گفتن بود برای‌تان بنویسیم. هر نامه پیوندی دارد که به آن پایان می‌دهد.
consents-confirm = بلی، برایم خبر بفرستید
consents-confirmed-title = شما خبرهای ما را خواهید گرفت
consents-confirmed-text = سپاس. هر نامه پیوندی دارد که به آن پایان می‌دهد.
consents-stale-title = این پیوند دیگر کار نمی‌کند
consents-stale-text = این پیوند استفاده شده یا بسیار کهنه است. هنگام کمک کردن می‌توانید دوباره خبر بخواهید، یا صفحه‌های ما را بدون دادن نشانی دنبال کنید.
consents-end-title = آیا دیگر خبر نمی‌خواهید؟
consents-end-all = دکمه را فشار دهید تا دیگر هیچ خبری به این نشانی نفرستیم.
consents-end-some = دکمه را فشار دهید تا دیگر این خبرها را به این نشانی نفرستیم.
consents-end = دیگر برایم نفرستید
consents-ended-title = دیگر خبر نخواهید گرفت
consents-ended-all = دیگر هیچ خبری به این نشانی نمی‌فرستیم.
consents-ended-some = دیگر این خبرها را به این نشانی نمی‌فرستیم.
consents-receipts-stay = رسید کمک‌های خود را همچنان می‌گیرید، چون شاید به آن نیاز داشته باشید.
consents-undo-text = آیا اشتباه شد؟
consents-undo = دوباره برایم خبر بفرستید
