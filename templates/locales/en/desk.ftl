desk-name = Desk
desk-to-site = To the site
desk-sign-out = Sign out
desk-nav-label = Desk
desk-nav-home = Home
desk-nav-donations = Donations
desk-nav-campaigns = Campaigns
desk-nav-wish-list = Wish list
desk-nav-articles = Articles
desk-nav-readers = Readers
desk-nav-letters = Letters
desk-nav-reports = Reports
desk-nav-audit = Audit trail
desk-nav-staff = Staff
desk-older = Older
desk-alarm = The books do not agree.
desk-alarm-link = What was found
desk-done-saved = Saved.
desk-done-password = Your password was changed. All other sessions were ended.
desk-done-session-end = The session was ended.
desk-role = Role
desk-nav-of-gifts = Gifts
desk-nav-of-asking = Asking
desk-nav-of-books = Books
desk-nav-of-office = Office
desk-home-today = Raised today
desk-home-thirty-days = Raised in 30 days
desk-home-gifts = { $count ->
    [one] { $number } gift
   *[other] { $number } gifts
}
desk-home-needs = What waits for you
desk-home-needs-none = Nothing waits for you.
desk-need-disputes = { $count ->
    [one] { $number } dispute waits for evidence.
   *[other] { $number } disputes wait for evidence.
}
desk-need-differences = { $count ->
    [one] { $number } difference between the books and Stripe is open.
   *[other] { $number } differences between the books and Stripe are open.
}
desk-need-reconcile = { $count ->
    [one] For { $number } hour Stripe was not asked for everything, or did not answer: what was missed is not found.
   *[other] For { $number } hours Stripe was not asked for everything, or did not answer: what was missed is not found.
}
desk-need-unmapped = { $count ->
    [one] { $number } movement of Stripe’s balance has no name yet.
   *[other] { $number } movements of Stripe’s balance have no name yet.
}
desk-need-refunds = { $count ->
    [one] { $number } refund of the last 30 days failed: the money is still here.
   *[other] { $number } refunds of the last 30 days failed: the money is still here.
}
desk-need-statements = { $count ->
    [one] { $number } statement of a year no longer says what is left of its gifts: make it anew.
   *[other] { $number } statements of a year no longer say what is left of their gifts: make them anew.
}
desk-need-transfers = { $count ->
    [one] { $number } announced bank transfer is waited for.
   *[other] { $number } announced bank transfers are waited for.
}
desk-need-past-due = { $count ->
    [one] { $number } recurring gift is past due.
   *[other] { $number } recurring gifts are past due.
}
desk-need-letters = { $count ->
    [one] { $number } letter was not delivered.
   *[other] { $number } letters were not delivered.
}
desk-need-choices-trouble = { $count ->
    [one] { $number } choice of a giver could not be carried out. Its promise says why.
   *[other] { $number } choices of givers could not be carried out. Their promises say why.
}
desk-need-choices = { $count ->
    [one] { $number } gift for what cannot be bought waits for its giver’s choice, or for its day.
   *[other] { $number } gifts for what cannot be bought wait for their givers’ choices, or for their day.
}
desk-need-give-back = { $count ->
    [one] { $number } gift is to be given back by hand: its giver chose so.
   *[other] { $number } gifts are to be given back by hand: their givers chose so.
}
desk-need-late-gifts = { $count ->
    [one] { $number } gift came, or came back, after it was declared that its item cannot be bought. Its giver is asked within an hour.
   *[other] { $number } gifts came, or came back, after it was declared that their item cannot be bought. Their givers are asked within an hour.
}
desk-need-orders = { $count ->
    [one] { $number } order at a shop waits to be confirmed.
   *[other] { $number } orders at shops wait to be confirmed.
}
desk-need-money-left = { $count ->
    [one] { $number } item is asked for no more, and money for it is not spent: buy it, or have finance ask its givers.
   *[other] { $number } items are asked for no more, and money for them is not spent: buy them, or have finance ask their givers.
}
desk-need-money-to-decide = { $count ->
    [one] { $number } item is asked for no more, and money for it is not spent. If it cannot be bought, declare so, and its givers choose.
   *[other] { $number } items are asked for no more, and money for them is not spent. If they cannot be bought, declare so, and their givers choose.
}
desk-need-stalled = { $count ->
    [one] { $number } item that many pay for together had no gift for 90 days. If the rest will not come, declare that it cannot be bought, and its givers choose.
   *[other] { $number } items that many pay for together had no gift for 90 days. If the rest will not come, declare that they cannot be bought, and their givers choose.
}
desk-need-late = { $count ->
    [one] The money of { $number } gift of the last 30 days came when its item was gone.
   *[other] The money of { $number } gifts of the last 30 days came when their item was gone.
}
desk-need-jobs = { $count ->
    [one] { $number } piece of work was given up after many tries. The log says why.
   *[other] { $number } pieces of work were given up after many tries. The log says why.
}
desk-home-as-of = As of
desk-home-canary = The daily practice gift
desk-home-canary-began = Last begun:
desk-account-title = Your account
desk-account-sessions = Where you are signed in
desk-account-sessions-text = A session ends after 30 minutes without use, and after 12 hours in any case.
desk-account-signed-in = Signed in
desk-account-last-seen = Last used
desk-account-half = code not yet given
desk-account-this = This browser
desk-account-end = End
desk-account-end-others = End all other sessions
desk-account-password = Password
desk-account-change-text = A new password ends all your other sessions.
desk-account-current = Present password
desk-account-new = New password
desk-account-password-wrong = This is not your present password.
desk-account-password-button = Change the password
desk-account-second-factor = Authenticator app
desk-account-second-factor-text = Connect a new phone. The earlier one and the earlier recovery codes stop working, and all your other sessions end.
desk-account-second-factor-button = Connect another app
desk-account-recovery = Recovery codes
desk-account-recovery-left = { $count ->
    [0] None is left: make new ones now.
    [one] { $number } is left.
   *[other] { $number } are left.
}
desk-account-recovery-button = Make new recovery codes
desk-staff-state = State
desk-staff-active = Active
desk-staff-not-enrolled = Has not connected an app yet
desk-staff-disabled = Access ended on
desk-staff-access = Access
desk-staff-you = You
desk-staff-role-of = Role of { $name }
desk-staff-role-button = Change
desk-staff-role-wrong = Choose one of the roles.
desk-staff-roles-text = Administrators may do everything. Editors work on articles, campaigns and the wish list. Finance sees gifts, letters and reports.
desk-staff-disable = End access
desk-staff-enable = Open access again
desk-staff-reset = Link for a lost password or phone
desk-staff-known = Somebody with this address works here already.
desk-staff-invite = Invite somebody
desk-staff-invite-text = You get a link to hand over yourself, by a way that you trust. It works once, for 24 hours.
desk-staff-invite-button = Make the link
desk-staff-link = Hand this link over. It is shown only now, works once and for 24 hours. For
desk-staff-open-invites = Links that were not used yet
desk-staff-until = until
desk-audit-text = Every change by staff. Entries cannot be changed or taken out.
desk-audit-check = Check that none was
desk-audit-check-title = Is the audit trail whole?
desk-audit-whole = { $count ->
    [0] The trail is empty.
    [one] { $number } entry, and it is as it was written.
   *[other] { $number } entries, and all are as they were written.
}
desk-audit-broken = The trail was changed at entry { $entry }
desk-audit-head = Write this down elsewhere, to prove later that the end was not cut off:
desk-audit-person = Who
desk-audit-everybody = Everybody
desk-audit-action = What
desk-audit-kind = Kind of thing
desk-audit-object = Thing
desk-audit-from = From
desk-audit-to = To
desk-audit-filter = Show
desk-audit-all = Show all
desk-audit-none = Nothing was changed yet.
desk-audit-none-found = No entry fits. Take a part of the filter away.
desk-audit-when = When
desk-audit-detail = Detail
