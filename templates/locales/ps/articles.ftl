articles-title = لیکنې
articles-newest = تر ټولو نوې لیکنې
articles-all = ټولې لیکنې
articles-campaigns = د څه لپاره مرسته راټولوو
articles-front-donate = زموږ د کار ملاتړ وکړئ
articles-none = تر اوسه هېڅ لیکنه نه ده خپره شوې. مهرباني وکړئ ژر بیا راشئ.
articles-none-found = هېڅ لیکنه ونه موندل شوه. نورې کلمې ولیکئ یا ټولې لیکنې وګورئ.
articles-search = د سرلیک کلمې
articles-category = وېش
articles-language = ژبه
articles-any = ټول
articles-filter = ښکاره کړئ
articles-older = پخوانۍ لیکنې
articles-breadcrumbs = د دې پاڼې ځای
articles-under = په دې وېش کې:
articles-source = سرچینه:
articles-published = د خپرېدو نېټه
articles-views = { $count ->
    [one] { $number } کتنه
   *[other] { $number } کتنې
}
articles-read-elsewhere = هلته یې ولولئ چې خپره شوې ده
articles-attached = دا کار څه ته اړتیا لري
articles-notice-corrected = سمون
articles-notice-retracted = بېرته اخیستل شوې
