articles-title = مقاله‌ها
articles-newest = تازه‌ترین مقاله‌ها
articles-all = همهٔ مقاله‌ها
articles-campaigns = برای چه پول جمع می‌کنیم
articles-front-donate = از کار ما پشتیبانی کنید
articles-none = هنوز هیچ مقاله‌ای نشر نشده است. لطفاً به‌زودی دوباره سر بزنید.
articles-none-found = هیچ مقاله‌ای یافت نشد. کلمه‌های دیگری بنویسید یا همهٔ مقاله‌ها را ببینید.
articles-search = کلمه‌های عنوان
articles-category = دسته
articles-language = زبان
articles-any = همه
articles-filter = نمایش
articles-older = مقاله‌های پیشین
articles-breadcrumbs = جای این صفحه
articles-under = در این دسته:
articles-source = منبع:
articles-published = تاریخ نشر
articles-views = { $count ->
    [one] { $number } بازدید
   *[other] { $number } بازدید
}
articles-read-elsewhere = در جای نشر آن بخوانید
articles-attached = این کار به چه نیاز دارد
articles-notice-corrected = اصلاح
articles-notice-retracted = پس گرفته شد
