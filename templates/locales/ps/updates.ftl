# News on pages, in feeds and in letters.

updates-title = خبرونه
updates-none = تر اوسه خبرونه نشته.
updates-older = پخواني خبرونه
updates-all = ټول خبرونه
updates-published = خپور شو
updates-changed = بدل شو
updates-of = خبر د دې په اړه:
updates-about = خبر د { $title } په اړه
updates-follow = خبرونه د پتې له ورکولو پرته تعقیبولای شئ: د دې فیډ پته په یوه فیډ لوستونکي کې کېږدئ.
updates-feed = فیډ (Atom)
updates-letter-on-page = زموږ په سایټ کې:
updates-letter-discreet = هغه خبر شته چې تاسو غوښتی و. یوازې زموږ په سایټ کې دی، چې څوک یې ستاسو په برېښنالیک کې ونه مومي.
updates-letter-why = دا لیک درته راځي ځکه چې له { $org } مو خبرونه غوښتي دي.
updates-letter-end = چې دا خبرونه نور در ونه رسېږي، دا لینک پرانیزئ او تڼۍ کېکاږئ:
