wishes-title = د اړتیاوو لړلیک
wishes-intro = دا هغه شیان دي چې تر ټولو ډېر ورته اړتیا لرو. یو یې وټاکئ او مرسته وکړئ.
wishes-none = اوس په لړلیک کې هېڅ نشته.
wishes-none-give = کولای شئ پر ځای یې پیسې راکړئ.
wishes-all = د اړتیاوو ټول لړلیک
wishes-give = دا ورکوم
wishes-campaign = د دې کمپاین لپاره
wishes-shop = د پلورنځي له لړلیکه یې واخلئ
wishes-shop-hint = دا شی د یوه پلورنځي په لړلیک کې دی. هلته یې اخلئ؛ پلورنځی پوهېږي چې تاسو څوک یاست، موږ نه پوهېږو.
wishes-state-needed = اړتیا ده
wishes-state-reserved = ساتل شوی
wishes-state-paid = پیسې یې ورکړل شوې
wishes-paid-of = له { $needed } څخه د { $paid } پیسې ورکړل شوې
wishes-reserved = { $count ->
    [one] { $number } ساتل شوی
   *[other] { $number } ساتل شوي
}
