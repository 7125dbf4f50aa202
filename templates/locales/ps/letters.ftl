# Letters of every kind.

letter-discreet-subject = تاسو ته یو لیک
letter-discreet-first = تاسو ته یو لیک. هغه مهال یې ولولئ چې بل څوک ستاسو پردې ته نه ګوري، او که نور کسان ستاسو برېښنالیک پرانیستلی شي، له لوستلو وروسته یې ړنګ کړئ.
