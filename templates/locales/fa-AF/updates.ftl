# News on pages, in feeds and in letters.

updates-title = خبرها
updates-none = هنوز خبری نیست.
updates-older = خبرهای پیشتر
updates-all = همهٔ خبرها
updates-published = نشر شد
updates-changed = تغییر یافت
updates-of = خبر دربارهٔ:
updates-about = خبر دربارهٔ { $title }
updates-follow = می‌توانید خبرها را بدون دادن نشانی دنبال کنید: آدرس این خوراک را در یک خبرخوان بگذارید.
updates-feed = خوراک (Atom)
updates-letter-on-page = در سایت ما:
updates-letter-discreet = خبری هست که خواسته بودید. تنها در سایت ما است، تا کسی آن را در ایمیل شما نیابد.
updates-letter-why = این نامه را می‌گیرید چون از { $org } خبر خواسته‌اید.
updates-letter-end = تا دیگر این خبرها را نگیرید، این پیوند را باز کنید و دکمه را فشار دهید:
