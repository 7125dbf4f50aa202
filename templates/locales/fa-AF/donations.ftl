donations-heading = کمک مالی
donations-too-many = در ساعت گذشته از شبکهٔ شما کمک‌های زیادی آغاز شده است. هیچ پولی گرفته نشد. لطفاً کمی صبر کنید یا به ما بنویسید.
donations-another-gift = این فورم را پیش‌تر با کمک دیگری فرستاده بودید. اگر اکنون دکمه را فشار دهید، کمک دوم خواهد شد.
donations-earlier = کمک پیشین شما:
donations-earlier-link = وضعیت آن را ببینید
donations-from-article = از این مقاله آمدید:
donations-not-enough = { $count ->
    [0] همهٔ این مورد همین اکنون گرفته شد. هیچ پولی گرفته نشد. لطفاً چیز دیگری برگزینید یا مبلغی بدهید.
   *[other] تنها { $number } عدد از این مورد مانده است. هیچ پولی گرفته نشد. لطفاً حداکثر { $number } بدهید.
}
donations-stripe-down = خدمت پرداخت اکنون پاسخ نمی‌دهد. هیچ پولی گرفته نشد و آنچه نوشتید از دست نرفت. لطفاً یک دقیقه بعد دوباره دکمه را فشار دهید.
donations-stripe-refused = خدمت پرداخت این درخواست را نپذیرفت. هیچ پولی گرفته نشد. لطفاً دوباره بکوشید یا به ما بنویسید.
donations-not-stored = اکنون نتوانستیم کمک شما را ثبت کنیم. هیچ پولی گرفته نشد و آنچه نوشتید از دست نرفت. لطفاً یک دقیقه بعد دوباره دکمه را فشار دهید.
donations-title-paid = سپاسگزاریم
donations-title-processing = سپاسگزاریم: پرداخت شما در راه است
donations-title-pending = کمک شما هنوز پرداخت نشده است
donations-title-failed = پرداخت پذیرفته نشد
donations-title-expired = صفحهٔ پرداخت بسته شد
donations-paid = کمک شما رسید.
donations-processing = بانک شما روی پرداخت کار می‌کند و شاید چند روز طول بکشد. وقتی برسد رسید را با ایمیل می‌گیرید. می‌توانید این صفحه را ببندید.
donations-pending = هیچ پولی گرفته نشده است. می‌توانید به صفحهٔ پرداخت بروید یا کمک خود را تغییر دهید.
donations-waiting = پرداخت را تأیید می‌کنیم. می‌توانید این صفحه را ببندید.
donations-failed = هیچ پولی گرفته نشد. می‌توانید با کارت یا بانک دیگری بکوشید.
donations-expired = هیچ پولی گرفته نشد. می‌توانید از نو آغاز کنید.
donations-amount = مبلغ
donations-campaign = کارزار
donations-receipt = شمارهٔ رسید
donations-letter = رسید با ایمیل به شما فرستاده می‌شود.
donations-progress = تا کنون { $raised } از { $goal } گرد آمده است.
donations-go-on = رفتن به صفحهٔ پرداخت
donations-again = تغییر کمک
donations-read-on = بازگشت به مقاله‌ها
donations-given-back = پس‌داده‌شده
