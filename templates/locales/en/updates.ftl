# News on pages, in feeds and in letters.

updates-title = News
updates-none = There are no news yet.
updates-older = Older news
updates-all = All news
updates-published = Published
updates-changed = Changed
updates-of = News of:
updates-about = News of { $title }
updates-follow = You can follow the news without giving an address: put the address of this feed into a feed reader.
updates-feed = Feed (Atom)
updates-letter-on-page = On our site:
updates-letter-discreet = There is news that you asked for. It stands on our site only, so that nobody finds it in your mail.
updates-letter-why = You get this because you asked { $org } for news.
updates-letter-end = To get no more of these news, open this link and press the button:
